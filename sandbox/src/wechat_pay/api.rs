//! The merchant's side of WeChat Pay, on its real paths.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::authorization::Caller;
use super::payment::State;
use super::prepay_fields::CLOSE;
use super::refusal::{Fault, Location, Refusal};
use super::schema::{self, fault};
use super::{WechatPay, answer, prepay, transaction};
use crate::requests::OutTradeNo;
use crate::state::{Sandbox, lock};

pub(super) async fn prepay_jsapi(
    request: HttpRequest,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
    let caller = pay.authorize(&request, &body)?;
    let order = prepay::read(&body)?;
    about(&request, order.number());
    let prepay_id = pay.prepay(&caller, order, &sandbox.wechat)?;
    Ok(answer::ok(&caller, pay.clock.now(), &json!({ "prepay_id": prepay_id })))
}

pub(super) async fn query(
    request: HttpRequest,
    out_trade_no: Path<String>,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
    about(&request, &out_trade_no);
    let caller = pay.authorize(&request, &body)?;
    check_mchid(&request, &caller)?;
    let found = lock(&pay.payments).get_of(caller.mchid(), &out_trade_no).map(transaction::queried);
    Ok(answer::ok(&caller, pay.clock.now(), &found.ok_or_else(Refusal::no_order)?))
}

pub(super) async fn query_by_id(
    request: HttpRequest,
    transaction_id: Path<String>,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
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
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
    about(&request, &out_trade_no);
    let caller = pay.authorize(&request, &body)?;
    let order = schema::read(&body, CLOSE)?;
    if order.get("mchid").is_none_or(|mchid| mchid != caller.mchid()) {
        return Err(fault("/mchid", "", "与Http头Authorization中的mchid不一致").into());
    }
    pay.close(&caller, &out_trade_no)?;
    Ok(answer::no_content(&caller, pay.clock.now()))
}

pub(super) async fn no_such_path() -> Result<HttpResponse, Refusal> {
    Err(Refusal::not_found("请求的资源不存在"))
}

/// Tells the log of requests which order this one is about.
fn about(request: &HttpRequest, out_trade_no: &str) {
    request.extensions_mut().insert(OutTradeNo(out_trade_no.to_owned()));
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
    Err(Fault { field: "mchid".to_owned(), value: mchid, issue, location: Location::Query }.into())
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
        self.changed();
        Ok(())
    }
}
