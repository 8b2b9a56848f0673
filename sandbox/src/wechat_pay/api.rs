//! The merchant's side of WeChat Pay, on its real paths.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::authorization::Caller;
use super::payment::State;
use super::prepay_fields::CLOSE;
use super::refusal::{Fault, Location, Refusal};
use super::schema::{self, fault};
use super::{WechatPay, answer, transaction};
use crate::state::{Sandbox, lock};

pub(super) async fn prepay(
    request: HttpRequest,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
    let caller = pay.authorize(&request, &body)?;
    let prepay_id = pay.prepay(&caller, &body, &sandbox.wechat)?;
    Ok(answer::ok(&pay.keys, pay.clock.now(), &json!({ "prepay_id": prepay_id })))
}

pub(super) async fn query(
    request: HttpRequest,
    out_trade_no: Path<String>,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
    let caller = pay.authorize(&request, &body)?;
    check_mchid(&request, &caller)?;
    let found = lock(&pay.payments).get(&out_trade_no).map(transaction::queried);
    Ok(answer::ok(&pay.keys, pay.clock.now(), &found.ok_or_else(Refusal::no_order)?))
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
    let found = lock(&pay.payments).by_transaction(&transaction_id).map(transaction::queried);
    Ok(answer::ok(&pay.keys, pay.clock.now(), &found.ok_or_else(Refusal::no_order)?))
}

pub(super) async fn close(
    request: HttpRequest,
    out_trade_no: Path<String>,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    let pay = &sandbox.wechat_pay;
    let caller = pay.authorize(&request, &body)?;
    let order = schema::read(&body, CLOSE)?;
    if order.get("mchid").is_none_or(|mchid| mchid != caller.mchid()) {
        return Err(fault("/mchid", "", "与Http头Authorization中的mchid不一致").into());
    }
    pay.close(&out_trade_no)?;
    Ok(answer::no_content(&pay.keys, pay.clock.now()))
}

/// A merchant in public-key mode has no platform certificates.
pub(super) async fn certificates(
    request: HttpRequest,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> Result<HttpResponse, Refusal> {
    sandbox.wechat_pay.authorize(&request, &body)?;
    Err(Refusal::not_found("无可用的平台证书，请使用微信支付公钥"))
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
    Err(Fault { field: "mchid".to_owned(), value: mchid, issue, location: Location::Query }.into())
}

impl WechatPay {
    /// Closes an order that is not paid; closing it again changes nothing.
    fn close(&self, out_trade_no: &str) -> Result<(), Refusal> {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut(out_trade_no).ok_or_else(Refusal::no_order)?;
        match payment.state {
            State::Paid(_) => return Err(Refusal::close_of_paid()),
            State::NotPaid | State::Closed => payment.state = State::Closed,
        }
        drop(payments);
        self.changed();
        Ok(())
    }
}
