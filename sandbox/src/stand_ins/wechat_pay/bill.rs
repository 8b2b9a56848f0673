//! Bills: the trade bill and the fund-flow bill of a day, and the files behind their addresses.
//!
//! An answer names the SHA-1 of the unpacked file and an address that is good for five minutes, with
//! the merchant's own signature alone.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::io::Write as _;

use actix_web::web::{Bytes, Data, Json, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::authorization::Caller;
use super::bill_faults::{BillFault, altered};
use super::payment::{Paid, Payment};
use super::refund::Refund;
use super::refusal::{BadValue, Location, Refusal};
use super::{WechatPay, answer};
use crate::chance::hex_digits;
use crate::clock::china;
use crate::faults::BILL_CONTENT;
use crate::state::lock;

/// How long the address of a file is good.
const ADDRESS_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// Bills are asked for at most three months back.
const DAYS_BACK: i64 = 92;
/// Addresses that are kept.
const MOST_FILES: usize = 64;
/// Faults that wait.
const MOST_FAULTS: usize = 16;
/// The rate of the fee, in millionths.
const RATE: i64 = 6000;

const TRADE_HEADER: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,\
    交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
    充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const TRADE_SUMS: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
const FLOW_HEADER: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,\
    收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const FLOW_SUMS: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/// Files that were offered, and what goes wrong with the next ones.
#[derive(Debug, Default)]
pub(super) struct Bills {
    files: HashMap<String, Offered>,
    oldest_first: VecDeque<String>,
    faults: VecDeque<BillFault>,
}

#[derive(Debug)]
struct Offered {
    mchid: String,
    at: DateTime<Utc>,
    bytes: Vec<u8>,
}

impl Bills {
    fn offer(&mut self, token: &str, file: Offered) {
        if self.oldest_first.len() >= MOST_FILES
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.files.remove(&oldest);
        }
        self.oldest_first.push_back(token.to_owned());
        self.files.insert(token.to_owned(), file);
    }
}

#[derive(Deserialize)]
pub(super) struct BillQuery {
    bill_date: String,
    bill_type: Option<String>,
    account_type: Option<String>,
    tar_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct FileQuery {
    token: String,
}

#[derive(Deserialize)]
pub(super) struct FaultBody {
    fault: BillFault,
}

/// Which bill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Trade,
    Flow,
}

pub(super) async fn trade(
    request: HttpRequest,
    body: Bytes,
    query: Query<BillQuery>,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &body)?;
    one_of("bill_type", query.bill_type.as_deref(), &["ALL"])?;
    pay.offer(&caller, &request, &query, Which::Trade)
}

pub(super) async fn flow(
    request: HttpRequest,
    body: Bytes,
    query: Query<BillQuery>,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &body)?;
    one_of("account_type", query.account_type.as_deref(), &["BASIC"])?;
    pay.offer(&caller, &request, &query, Which::Flow)
}

/// The file itself: its answer is not signed.
pub(super) async fn file(
    request: HttpRequest,
    body: Bytes,
    query: Query<FileQuery>,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &body)?;
    let bills = lock(&pay.bills);
    let file = bills.files.get(&query.token).filter(|file| file.mchid == caller.mchid());
    let file = file.ok_or_else(|| Refusal::not_found("账单文件不存在"))?;
    if pay.clock.now() - file.at > ADDRESS_LIFETIME {
        return Err(Refusal::not_found("下载地址已失效"));
    }
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(file.bytes.clone()))
}

/// The control API: the next bill goes wrong.
pub(super) async fn add_fault(body: Json<FaultBody>, pay: Data<WechatPay>) -> HttpResponse {
    pay.add_bill_fault(body.fault);
    HttpResponse::NoContent().finish()
}

impl WechatPay {
    /// The next bill goes wrong.
    pub fn add_bill_fault(&self, fault: BillFault) {
        let mut bills = lock(&self.bills);
        if bills.faults.len() < MOST_FAULTS {
            bills.faults.push_back(fault);
        }
    }

    fn offer(
        &self,
        caller: &Caller,
        request: &HttpRequest,
        query: &BillQuery,
        which: Which,
    ) -> Result<HttpResponse, Refusal> {
        one_of("tar_type", query.tar_type.as_deref(), &["GZIP"])?;
        let now = self.clock.now();
        let day = day_of(&query.bill_date, now)?;
        let fault = lock(&self.bills).faults.pop_front();
        let fault = fault.or_else(|| self.faults.draw(BILL_CONTENT, &BillFault::ALL));
        if fault == Some(BillFault::Creating) {
            return Err(Refusal::bill("STATEMENT_CREATING", "账单生成中"));
        }
        let billed = if fault == Some(BillFault::OtherDay) { day.pred_opt() } else { Some(day) };
        let text = self.text_of(caller.mchid(), billed.unwrap_or(day), which);
        let text = match altered(fault, text, caller.mchid()) {
            Ok(text) => text,
            Err(unsigned) if fault == Some(BillFault::UnsignedNothing) => return Err(unsigned),
            // WeChat Pay signs what its bill service answers.
            Err(nothing) => return Ok(answer::refused(caller, now, &nothing)),
        };
        let mut hash = hex(&Sha1::digest(text.as_bytes()));
        let mut bytes = gzip(text.as_bytes());
        let mut host = request.connection_info().host().to_owned();
        match fault {
            Some(BillFault::Truncated) => bytes.truncate(bytes.len() / 2),
            Some(BillFault::WrongHash) => hash = hex(&Sha1::digest(b"another file")),
            Some(BillFault::OtherHost) => "bills.example.invalid".clone_into(&mut host),
            Some(
                BillFault::OtherDay
                | BillFault::OtherMerchant
                | BillFault::Huge
                | BillFault::Html
                | BillFault::Creating
                | BillFault::UnsignedNothing,
            )
            | None => {}
        }
        let token = hex_digits(32);
        let mchid = caller.mchid().to_owned();
        lock(&self.bills).offer(&token, Offered { mchid, at: now, bytes });
        let url = format!("http://{host}/v3/billdownload/file?token={token}&tartype=gzip");
        let body = json!({ "hash_type": "SHA1", "hash_value": hash, "download_url": url });
        Ok(answer::ok(caller, now, &body))
    }

    /// The merchant's bill of a day; `None` where nothing happened.
    fn text_of(&self, mchid: &str, day: NaiveDate, which: Which) -> Option<String> {
        let payments = lock(&self.payments);
        let mut paid: Vec<(&Payment, &Paid)> = payments
            .newest_first()
            .filter(|payment| payment.mchid == mchid)
            .filter_map(|payment| Some((payment, payment.paid()?)))
            .filter(|(_, paid)| china(paid.at).date_naive() == day)
            .collect();
        paid.reverse();
        // Of payments of any day: a refund is in the bill of the day on which it was asked for.
        let refunded: Vec<(&Payment, &Paid, &Refund)> = payments
            .newest_first()
            .filter(|payment| payment.mchid == mchid)
            .filter_map(|payment| Some((payment, payment.paid()?)))
            .flat_map(|(payment, paid)| payment.refunds.iter().map(move |one| (payment, paid, one)))
            .filter(|(_, _, refund)| china(refund.created_at).date_naive() == day)
            .collect();
        if paid.is_empty() && refunded.is_empty() {
            return None;
        }
        Some(match which {
            Which::Trade => trade_text(&paid, &refunded),
            Which::Flow => flow_text(&paid, &refunded),
        })
    }
}

fn trade_text(paid: &[(&Payment, &Paid)], refunded: &[(&Payment, &Paid, &Refund)]) -> String {
    let mut text = format!("\u{feff}{TRADE_HEADER}\r\n");
    let (mut sum, mut fees) = (0, 0);
    for (payment, paid) in paid {
        let (at, amount, fee) = (time(paid.at), yuan(payment.total_fen), fee(payment.total_fen));
        let _ = write!(
            text,
            "`{at},`{},`{},`0,`,`{},`{},`{},`JSAPI,`SUCCESS,`OTHERS,`CNY,`{amount},`0.00,`0,`0,\
             `0.00,`0.00,`,`,`{},`{},`{}000,`0.60%,`{amount},`0.00,`\r\n",
            payment.appid,
            payment.mchid,
            paid.transaction_id,
            payment.out_trade_no,
            payment.openid,
            one_line(&payment.description),
            one_line(payment.attach.as_deref().unwrap_or_default()),
            yuan(fee),
        );
        sum += payment.total_fen;
        fees += fee;
    }
    let back = refund_rows(&mut text, refunded);
    fees -= refunded.iter().map(|(_, _, refund)| fee(refund.amount_fen)).sum::<i64>();
    let (count, sum, fees) = (paid.len() + refunded.len(), yuan(sum), yuan(fees));
    let _ =
        write!(text, "{TRADE_SUMS}\r\n`{count},`{sum},`{back},`0.00,`{fees}000,`{sum},`{back}\r\n");
    text
}

/// The rows of refunds, which give the fee back; their sum.
fn refund_rows(text: &mut String, refunded: &[(&Payment, &Paid, &Refund)]) -> String {
    let mut sum = 0;
    for (payment, paid, refund) in refunded {
        let (at, amount) = (time(refund.created_at), yuan(refund.amount_fen));
        let _ = write!(
            text,
            "`{at},`{},`{},`0,`,`{},`{},`{},`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`{},`{},\
             `{amount},`0.00,`ORIGINAL,`{},`{},`,`{}000,`0.60%,`0.00,`{amount},`\r\n",
            payment.appid,
            payment.mchid,
            paid.transaction_id,
            payment.out_trade_no,
            payment.openid,
            refund.number,
            refund.out_refund_no,
            refund.status.name(),
            one_line(&payment.description),
            yuan(-fee(refund.amount_fen)),
        );
        sum += refund.amount_fen;
    }
    yuan(sum)
}

fn flow_text(paid: &[(&Payment, &Paid)], refunded: &[(&Payment, &Paid, &Refund)]) -> String {
    let mut text = format!("\u{feff}{FLOW_HEADER}\r\n");
    let (mut balance, mut came, mut went) = (0, 0, 0);
    let (mut came_count, mut charged) = (paid.len(), 0);
    for (place, (payment, paid)) in paid.iter().enumerate() {
        let (at, id, fee) = (time(paid.at), &paid.transaction_id, fee(payment.total_fen));
        balance += payment.total_fen;
        came += payment.total_fen;
        let (amount, left) = (yuan(payment.total_fen), yuan(balance));
        let _ = write!(
            text,
            "`{at},`{id},`{place}1,`交易,`交易,`收入,`{amount},`{left},`system,`,`{id}\r\n"
        );
        if fee > 0 {
            balance -= fee;
            went += fee;
            charged += 1;
            let (amount, left) = (yuan(fee), yuan(balance));
            let _ = write!(
                text,
                "`{at},`{id},`{place}2,`扣除交易手续费,`扣除交易手续费,`支出,`{amount},`{left},`system,`,`{id}\r\n"
            );
        }
    }
    for (place, (_, _, refund)) in refunded.iter().enumerate() {
        let (at, id, fee) = (time(refund.created_at), &refund.number, fee(refund.amount_fen));
        balance -= refund.amount_fen;
        went += refund.amount_fen;
        charged += 1;
        let (amount, left) = (yuan(refund.amount_fen), yuan(balance));
        let _ = write!(
            text,
            "`{at},`{id},`{place}3,`退款,`退款,`支出,`{amount},`{left},`system,`,`{id}\r\n"
        );
        if fee > 0 {
            balance += fee;
            came += fee;
            came_count += 1;
            let (amount, left) = (yuan(fee), yuan(balance));
            let _ = write!(
                text,
                "`{at},`{id},`{place}4,`退款手续费返还,`退款手续费返还,`收入,`{amount},`{left},`system,`,`{id}\r\n"
            );
        }
    }
    let (all, came, went) = (came_count + charged, yuan(came), yuan(went));
    let _ =
        write!(text, "{FLOW_SUMS}\r\n`{all}.0,`{came_count}.0,`{came},`{charged}.0,`{went}\r\n");
    text
}

/// Rounded to the fen, halves up.
fn fee(total_fen: i64) -> i64 {
    (total_fen * RATE + 500_000) / 1_000_000
}

fn yuan(fen: i64) -> String {
    let (sign, size) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

fn time(at: DateTime<Utc>) -> String {
    china(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// WeChat replaces line breaks in texts.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n', '\u{1}'], " ")
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = to.write_all(bytes);
    to.finish().unwrap_or_default()
}

fn one_of(field: &str, value: Option<&str>, allowed: &[&str]) -> Result<(), Refusal> {
    let value = value.unwrap_or_default();
    if allowed.contains(&value) {
        return Ok(());
    }
    let (field, value) = (field.to_owned(), value.to_owned());
    Err(BadValue { field, value, issue: "取值不在允许范围内", location: Location::Query }.into())
}

/// A day that has ended and is not too long ago. The real one also waits until 10:00.
fn day_of(text: &str, now: DateTime<Utc>) -> Result<NaiveDate, Refusal> {
    let today = china(now).date_naive();
    let refuse = |issue| {
        let (field, value) = ("bill_date".to_owned(), text.to_owned());
        BadValue { field, value, issue, location: Location::Query }
    };
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| refuse("日期格式错误"))?;
    if day >= today {
        return Err(refuse("日期应早于今天").into());
    }
    if (today - day).num_days() > DAYS_BACK {
        return Err(refuse("仅支持三个月内的账单").into());
    }
    Ok(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_rounded_to_the_fen() {
        for (total, expected) in [(5000, 30), (1200, 7), (1250, 8), (1, 0), (84, 1), (83, 0)] {
            assert_eq!(fee(total), expected, "{total}");
        }
    }

    #[test]
    fn days_have_ended_and_are_three_months_back_at_most() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        for (day, good) in [
            ("2025-12-31", true),
            ("2026-01-01", false),
            ("2026-01-02", false),
            ("2025-10-01", true),
            ("2025-09-01", false),
            ("2025/12/31", false),
        ] {
            assert_eq!(day_of(day, now).is_ok(), good, "{day}");
        }
    }
}
