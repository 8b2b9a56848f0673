//! `alipay.data.dataservice.bill.downloadurl.query`, and the file that the address leads to.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use chrono::{DateTime, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Alipay;
use super::apps::App;
use super::bill_rows::{self, Head, Row};
use super::charset::Charset;
use super::gateway::Call;
use super::operations::{Answer, members};
use super::refusal::Refusal;
use super::zip::{self, Entry};
use crate::chance;
use crate::clock::china;
use crate::faults::RequestFault;
use crate::page;
use crate::schema::{self, Field, Rule, optional, required};
use crate::state::lock;

pub(super) const FILE: &str = "/downloadBillFile.resource";

/// An address is good for so long.
const LIFETIME: TimeDelta = TimeDelta::seconds(30);
const MOST_LINKS: usize = 1000;

/// Where [`RequestFault::OtherHost`] leads.
const OTHER_HOST: &str = "bills.example.com";
/// In bytes, unpacked.
const HUGE: usize = 128 * 1024 * 1024;

const FIELDS: &[Field] = &[
    required("bill_type", Rule::Text { min: 1, max: 64 }),
    required("bill_date", Rule::Text { min: 7, max: 10 }),
    optional("smid", Rule::Text { min: 1, max: 64 }),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BillKind {
    Trades,
    Account,
}

/// A bill that an address leads to.
#[derive(Debug, Clone)]
struct Bill {
    app: Arc<App>,
    /// Whose bill it says that it is.
    seller_id: String,
    kind: BillKind,
    /// The day or month, without dashes.
    name: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// The addresses that were given out lately.
#[derive(Debug, Default)]
pub(super) struct Links(VecDeque<(String, DateTime<Utc>, Bill)>);

pub(super) fn link(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let value = schema::read(call.content.as_bytes(), FIELDS)?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = match text("bill_type") {
        "trade" => BillKind::Trades,
        "signcustomer" => BillKind::Account,
        _ => return Err(Refusal::business("TYPE_NOT_SUPPORTED", "账单类型不支持")),
    };
    let now = pay.clock.now();
    let (from, to) = period(text("bill_date"), now)?;
    let name = text("bill_date").replace('-', "");
    let (app, seller_id) = (call.app.clone(), call.app.seller_id().to_owned());
    let bill = Bill { app, seller_id, kind, name, from, to };
    let empty = pay.rows(&bill).is_empty();
    let token = chance::hex_digits(32);
    let query = format!("bizType={}&fileType=csv.zip&fileId={token}", text("bill_type"));
    let host = match call.fault {
        Some(RequestFault::OtherHost) => OTHER_HOST,
        _ => &call.host,
    };
    let mut answer = json!({ "bill_download_url": format!("http://{host}{FILE}?{query}") });
    if empty {
        super::token::put(&mut answer, "bill_file_code", "EMPTY_DATA_WITH_BILL_FILE");
    }
    let mut links = lock(&pay.links);
    links.0.push_back((token, now, bill));
    if links.0.len() > MOST_LINKS {
        links.0.pop_front();
    }
    Ok(members(answer))
}

/// The day or the month, in China; it must be over.
fn period(text: &str, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>), Refusal> {
    let wrong = || Refusal::business("INVAILID_ARGUMENTS", "入参不合法");
    let (first, next) = if text.len() == 7 {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
        let first = first.map_err(|_| wrong())?;
        (first, first.checked_add_months(Months::new(1)).ok_or_else(wrong)?)
    } else {
        let first = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
        (first, first.succ_opt().ok_or_else(wrong)?)
    };
    let zone = china(now).timezone();
    let start = |day: NaiveDate| {
        let midnight = day.and_time(NaiveTime::MIN).and_local_timezone(zone).single();
        midnight.map(|at| at.to_utc()).ok_or_else(wrong)
    };
    let (from, to) = (start(first)?, start(next)?);
    if to > now {
        return Err(Refusal::business("BILL_NOT_EXIST", "账单不存在"));
    }
    Ok((from, to))
}

impl Alipay {
    fn rows(&self, bill: &Bill) -> Vec<Row> {
        let trades = lock(&self.trades);
        let own = trades.newest_first().filter(|trade| trade.app_id == bill.app.app_id());
        let mut rows: Vec<_> = own.flat_map(Row::all_of).collect();
        drop(trades);
        rows.retain(|row| (bill.from..bill.to).contains(&row.at));
        rows.sort_by_key(|row| row.at);
        rows
    }

    fn bill_of(&self, token: &str) -> Option<Bill> {
        let now = self.clock.now();
        let links = lock(&self.links);
        let mut good = links.0.iter().filter(|(_, made, _)| now - *made <= LIFETIME);
        good.find(|(known, _, _)| known == token).map(|(_, _, bill)| bill.clone())
    }
}

impl Bill {
    fn entries(&self, rows: &[Row]) -> Vec<Entry> {
        let seller_id = self.seller_id.as_str();
        let head = Head { seller_id, from: self.from, to: self.to };
        let parts = match self.kind {
            BillKind::Trades => vec![
                ("业务明细", bill_rows::trades(head, rows)),
                ("业务明细(汇总)", bill_rows::trades_summary(head, rows)),
            ],
            BillKind::Account => vec![("账务明细", bill_rows::account(head, rows))],
        };
        let entry = |(part, text): (&str, String)| Entry {
            name: Charset::Gbk.encode(&format!("{seller_id}0156_{}_{part}.csv", self.name)),
            content: Charset::Gbk.encode(&text),
        };
        parts.into_iter().map(entry).collect()
    }
}

/// The archive of the bill; with a fault of the file where there is one.
fn archive(alipay: &Alipay, mut bill: Bill, fault: Option<RequestFault>) -> io::Result<Vec<u8>> {
    match fault {
        Some(RequestFault::OtherDay) => {
            (bill.from, bill.to) = (bill.from - TimeDelta::days(1), bill.from);
            bill.name = china(bill.from).format("%Y%m%d").to_string();
        }
        Some(RequestFault::OtherSeller) => "2088000000000000".clone_into(&mut bill.seller_id),
        _ => {}
    }
    let mut entries = bill.entries(&alipay.rows(&bill));
    if let (Some(RequestFault::Huge), Some(first)) = (fault, entries.first_mut()) {
        first.content.resize(HUGE, b' ');
    }
    let mut archive = zip::archive(&entries)?;
    match fault {
        Some(RequestFault::Truncated) => archive.truncate(archive.len() / 2),
        Some(RequestFault::BrokenArchive) => {
            // Inside the packed content of the first file.
            let place = entries.first().map_or(0, |first| 30 + first.name.len() + 20);
            archive.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 0xFF);
        }
        _ => {}
    }
    Ok(archive)
}

#[derive(Deserialize)]
pub(super) struct FileQuery {
    #[serde(rename = "fileId", default)]
    token: String,
}

pub(super) async fn file(
    request: HttpRequest,
    query: Query<FileQuery>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let Some(bill) = alipay.bill_of(&query.token) else {
        return page::refused(StatusCode::FORBIDDEN, "无法下载", "下载地址已失效", "/sandbox");
    };
    let fault = request.extensions().get::<RequestFault>().copied();
    match archive(&alipay, bill, fault) {
        Ok(archive) => HttpResponse::Ok().content_type("application/zip").body(archive),
        Err(error) => {
            tracing::error!(%error, "a bill could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
