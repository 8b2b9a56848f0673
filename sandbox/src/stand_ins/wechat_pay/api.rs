//! The merchant's side of WeChat Pay, on its real paths.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::authorization::Caller;
use super::payment::State;
use super::prepay_fields::CLOSE_FIELDS;
use super::refusal::{BadValue, Location, Refusal};
use super::{WechatPay, answer, body, prepay, transaction};
use crate::requests;
use crate::schema::Violation;
use crate::state::lock;

pub(super) async fn prepay_jsapi(
    request: HttpRequest,
    body: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &body)?;
    let order = prepay::read(&body)?;
    requests::set_about(&request, order.number());
    let prepay_id = pay.prepay(&caller, order)?;
    Ok(answer::ok(&caller, pay.clock.now(), &json!({ "prepay_id": prepay_id })))
}

pub(super) async fn query(
    request: HttpRequest,
    out_trade_no: Path<String>,
    body: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    requests::set_about(&request, &out_trade_no);
    let caller = pay.authorize(&request, &body)?;
    check_mchid(&request, &caller)?;
    let found = lock(&pay.payments).get_of(caller.mchid(), &out_trade_no).map(transaction::queried);
    Ok(match found {
        Some(found) => answer::ok(&caller, pay.clock.now(), &found),
        // Signed as any answer to a known merchant.
        None => answer::refused(&caller, pay.clock.now(), &Refusal::no_order()),
    })
}

pub(super) async fn query_by_id(
    request: HttpRequest,
    transaction_id: Path<String>,
    body: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &body)?;
    check_mchid(&request, &caller)?;
    let payments = lock(&pay.payments);
    let found = payments.by_transaction(&transaction_id);
    let found = found.filter(|payment| payment.mchid == caller.mchid()).map(transaction::queried);
    Ok(answer::ok(&caller, pay.clock.now(), &found.ok_or_else(Refusal::no_order)?))
}

pub(super) async fn close(
    request: HttpRequest,
    out_trade_no: Path<String>,
    bytes: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    requests::set_about(&request, &out_trade_no);
    let caller = pay.authorize(&request, &bytes)?;
    let order = body::read(&bytes, CLOSE_FIELDS)?;
    if order.get("mchid").is_none_or(|mchid| mchid != caller.mchid()) {
        return Err(Violation::new("/mchid", "", "与Http头Authorization中的mchid不一致").into());
    }
    pay.close(&caller, &out_trade_no)?;
    Ok(answer::no_content(&caller, pay.clock.now()))
}

pub(super) async fn no_such_path() -> Result<HttpResponse, Refusal> {
    Err(Refusal::not_found("请求的资源不存在"))
}

#[derive(Deserialize)]
struct MerchantQuery {
    mchid: Option<String>,
}

fn check_mchid(request: &HttpRequest, caller: &Caller) -> Result<(), Refusal> {
    let query = web::Query::<MerchantQuery>::from_query(request.query_string());
    let mchid = query.ok().and_then(|query| query.into_inner().mchid).unwrap_or_default();
    if mchid == caller.mchid() {
        return Ok(());
    }
    let issue = "缺少mchid，或与Http头Authorization中的mchid不一致";
    Err(BadValue { field: "mchid".to_owned(), value: mchid, issue, location: Location::Query }
        .into())
}

impl WechatPay {
    /// Closes an order that is not paid; closing it again changes nothing.
    fn close(&self, caller: &Caller, out_trade_no: &str) -> Result<(), Refusal> {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut_of(caller.mchid(), out_trade_no);
        let payment = payment.ok_or_else(Refusal::no_order)?;
        match payment.state {
            State::Paid(_) => return Err(Refusal::close_of_paid()),
            State::NotPaid | State::Closed => payment.state = State::Closed,
        }
        drop(payments);
        self.changes.notify();
        Ok(())
    }
}
