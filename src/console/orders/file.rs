//! A list of orders as a file.

use super::{Asked, words};
use crate::{
    base::{
        http::ApiError,
        table_file::{CsvTable, XlsxTable, yuan},
    },
    console::{browser::Seat, frame::PageError},
    staff::{NamedOrder, guard::ReadOrders},
};
use actix_web::{HttpResponse, http::header};
use serde::Deserialize;

/// The formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileFormat {
    Csv,
    Xlsx,
}

const HEADER: [&str; 9] =
    ["单号", "时间", "人", "用途", "金额（元）", "已退（元）", "渠道", "支付平台交易号", "状态"];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[4, 5];

impl FileFormat {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// The file as an answer.
pub(super) fn answer(
    format: FileFormat,
    asked: &Asked,
    seat: &Seat<ReadOrders>,
    orders: &[NamedOrder],
) -> Result<HttpResponse, PageError> {
    let file = match format {
        FileFormat::Csv => csv(orders).map_err(|error| ApiError::internal(&error)),
        FileFormat::Xlsx => {
            xlsx(orders, &about(asked, seat)).map_err(|error| ApiError::internal(&error))
        }
    };
    let of = asked.filter.day.map_or_else(|| "found".to_owned(), |day| day.to_string());
    let name = format!("attachment; filename=\"orders-{of}.{}\"", format.code());
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(file?))
}

fn csv(orders: &[NamedOrder]) -> Result<Vec<u8>, csv::Error> {
    let mut table = CsvTable::begin(Vec::new(), &HEADER)?;
    for order in orders {
        table.add(&cells(order))?;
    }
    table.end()
}

fn xlsx(
    orders: &[NamedOrder],
    about: &[(&'static str, String)],
) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let mut table = XlsxTable::begin("订单", &HEADER, AMOUNTS)?;
    for order in orders {
        table.add(&cells(order))?;
    }
    table.end("筛选", about)?.save_to_buffer()
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
        let text =
            String::from_utf8(csv(&[NamedOrder { order, person: "**雨".to_owned() }]).unwrap());
        let expected = format!(
            "\u{feff}单号,时间,人,用途,金额（元）,已退（元）,渠道,支付平台交易号,状态\r\n\
             01931c7e000070008000000021c08f3a,2026-11-28 23:59:59,**雨,校园卡充值,50.00,0.01,{},'=1+1,\
             退款中\r\n",
            words::provider(Provider::Alipay)
        );
        assert_eq!(text.unwrap(), expected);
    }
}
