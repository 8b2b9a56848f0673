//! A list of orders as a file.

use super::{Asked, words};
use crate::{
    base::table_file::yuan,
    console::{browser::Seat, file::ListFile},
    staff::{NamedOrder, guard::ReadOrders},
};

const HEADER: [&str; 9] =
    ["单号", "时间", "人", "用途", "金额（元）", "已退（元）", "渠道", "支付平台交易号", "状态"];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[4, 5];

/// The file of these orders.
pub(super) fn of(asked: &Asked, seat: &Seat<ReadOrders>, orders: &[NamedOrder]) -> ListFile<9> {
    let of = asked.filter.day.map_or_else(|| "found".to_owned(), |day| day.to_string());
    ListFile {
        name: format!("orders-{of}"),
        sheet: "订单",
        header: HEADER,
        amounts: AMOUNTS,
        rows: orders.iter().map(cells).collect(),
        about: about(asked, seat),
    }
}

/// What the second sheet says: which orders, who took them, when.
fn about(asked: &Asked, seat: &Seat<ReadOrders>) -> Vec<(&'static str, String)> {
    let chips: Vec<String> = asked.chips().into_iter().map(|chip| chip.text).collect();
    let day = asked.filter.day.map_or_else(|| "不限".to_owned(), |day| day.to_string());
    let filter = if chips.is_empty() { "无".to_owned() } else { chips.join("，") };
    vec![
        ("日期", format!("{day}（北京时间）")),
        ("筛选", filter),
        ("导出人", format!("{}（{}）", seat.member.login, seat.member.staff_no)),
    ]
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
