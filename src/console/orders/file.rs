//! A list of orders as a file.

use super::{Asked, Found, words};
use crate::{
    base::table_file::{TableShape, yuan},
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    orders::{fact::Provider, purpose::Purpose},
    staff::{NamedOrder, OrderQuery, guard::ReadOrders},
    staff_accounts::StaffMember,
};

const HEADER: &[&str] =
    &["单号", "时间", "人", "用途", "金额（元）", "已退（元）", "渠道", "支付平台交易号", "状态"];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[4, 5];

/// Orders as they are exported.
pub(in crate::console) struct Orders;

impl Exportable for Orders {
    type Needs = ReadOrders;
    const KIND: ExportKind = ExportKind::Orders;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (orders, found) = (exports::read::<OrderQuery>(query)?, exports::read::<Found>(query)?);
        let place = exports::read::<Place>(query)?;
        let asked = Asked::of(member, console, (&orders, &found, place))?;
        let day = asked.filter.day.map(|day| day.to_string());
        let date =
            day.as_ref().map_or_else(|| "不限".to_owned(), |day| format!("{day}（北京时间）"));
        let whose = asked.whose.as_ref().map(|(whose, _)| whose.person);
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, filter) = (console.orders.clone(), asked.filter);
        let said = [
            whose.and(day.as_ref()).map(|day| format!(", day {day}")),
            filter.state.map(|state| format!(", state {state}")),
            filter.purpose.map(|purpose| format!(", purpose {}", Purpose::code(purpose))),
            filter.provider.map(|provider| format!(", provider {}", Provider::code(provider))),
        ];
        Ok(OpenedList {
            table: TableShape {
                name: format!("orders-{}", day.as_deref().unwrap_or("found")),
                sheet: "订单",
                header: HEADER,
                amounts: AMOUNTS,
                about: [("日期", date)].into_iter().chain(about).collect(),
            },
            needs: Self::KIND.act(),
            subject: match (whose, &day) {
                (Some(person), _) => format!("orders of person {person}"),
                (None, Some(day)) => format!("orders of {day}"),
                (None, None) => "orders by number".to_owned(),
            },
            asked: said.into_iter().flatten().collect(),
            rows: OpenedList::pages(
                place.descending(),
                async move |page| desk.page(&filter, page).await,
                |one| one.order.id.uuid(),
                |one| cells(&one).into(),
            ),
        })
    }
}

fn cells(NamedOrder { order, person }: &NamedOrder) -> [String; 9] {
    [
        order.id.uuid().simple().to_string(),
        order
            .created_at
            .to_rfc3339()
            .chars()
            .take(19)
            .map(|c| if c == 'T' { ' ' } else { c })
            .collect(),
        person.clone(),
        order.purpose.title().to_owned(),
        yuan(order.amount.get()),
        yuan(order.given_back.get()),
        words::provider(order.provider).to_owned(),
        order.transaction_id.clone().unwrap_or_default(),
        words::order_state(order.state).to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::Timestamp, ids::PersonId, money::Fen},
        orders::{fact::Provider, listing::ListedOrder, order::OrderId, purpose::Purpose},
    };

    #[test]
    fn a_row_of_the_file() {
        let at = Timestamp::parse_rfc3339("2026-11-28T23:59:59+08:00").unwrap();
        let order = ListedOrder {
            id: OrderId::from_uuid(uuid::Uuid::from_u128(
                0x0193_1c7e_0000_7000_8000_0000_21c0_8f3a,
            )),
            person: PersonId::new(at),
            purpose: Purpose::CardTopUp,
            amount: Fen::new(5000).unwrap(),
            state: "refunding",
            created_at: at,
            provider: Provider::Alipay,
            transaction_id: Some("=1+1".to_owned()),
            given_back: Fen::new(1).unwrap(),
        };
        let row = cells(&NamedOrder { order, person: "**雨".to_owned() });
        let expected = [
            "01931c7e000070008000000021c08f3a",
            "2026-11-28 23:59:59",
            "**雨",
            "校园卡充值",
            "50.00",
            "0.01",
            words::provider(Provider::Alipay),
            "=1+1",
            "退款中",
        ];
        assert_eq!(row, expected);
    }
}
