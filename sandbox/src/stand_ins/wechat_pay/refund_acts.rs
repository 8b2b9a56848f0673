//! Refunds in the control API and behind the buttons of the control page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Form, Json, Path, ServiceConfig};
use serde::Deserialize;
use serde_json::json;

use super::refunds::{RefundEnd, RefundMode, RefundView};
use super::{ActRefusal, Repeat, WechatPay};
use crate::control::{read_options, refuse};
use crate::page;

const BACK: &str = "/sandbox#payments";

/// The last part of the path of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundAct {
    Succeed,
    Close,
    Abnormal,
    Drop,
    Deliver,
    Repeat,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    mode: RefundMode,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InConsole {
    out_trade_no: String,
    amount_fen: i64,
}

/// A refund in the console as the form of the control page asks for it, in yuan.
#[derive(Debug, Deserialize)]
struct RefundForm {
    amount: String,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    const PAYMENT: &str = "/sandbox/api/payments/{out_trade_no}/refunds";
    config
        .route("/sandbox/payments/{out_trade_no}/refund", web::post().to(in_console_by_form))
        .route("/sandbox/refunds/mode", web::post().to(set_mode_by_form))
        .route("/sandbox/refunds/{out_refund_no}/{act}", web::post().to(act_by_form))
        .route(PAYMENT, web::get().to(of_payment))
        .route("/sandbox/api/refunds", web::post().to(in_console))
        .route("/sandbox/api/refunds/mode", web::post().to(set_mode))
        .route("/sandbox/api/refunds/{out_refund_no}", web::get().to(one))
        .route("/sandbox/api/refunds/{out_refund_no}/{act}", web::post().to(act));
}

async fn of_payment(out_trade_no: Path<String>, pay: Data<WechatPay>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": pay.refunds_of(&out_trade_no) }))
}

async fn one(out_refund_no: Path<String>, pay: Data<WechatPay>) -> HttpResponse {
    answer(pay.refund_view(&out_refund_no).ok_or(ActRefusal::NoSuchRefund))
}

async fn in_console(wanted: Json<InConsole>, pay: Data<WechatPay>) -> HttpResponse {
    answer(pay.refund_in_console(&wanted.out_trade_no, wanted.amount_fen))
}

async fn set_mode(wanted: Json<Mode>, pay: Data<WechatPay>) -> HttpResponse {
    pay.set_refund_mode(wanted.mode);
    HttpResponse::Ok().json(json!({ "mode": wanted.mode }))
}

async fn act(path: Path<(String, RefundAct)>, body: Bytes, pay: Data<WechatPay>) -> HttpResponse {
    let (number, act) = path.into_inner();
    let Some(how) = read_options::<Repeat>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "请求体应为空，或是 times、parallel、fresh_id");
    };
    match act.once(&pay, &number) {
        Some(done) => answer(done),
        None => match pay.repeat_refund(&number, how).await {
            Ok(tally) => HttpResponse::Ok().json(tally),
            Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
        },
    }
}

impl RefundAct {
    /// What it does; `None` for [`RefundAct::Repeat`], which takes a while.
    fn once(self, pay: &WechatPay, number: &str) -> Option<Result<RefundView, ActRefusal>> {
        Some(match self {
            Self::Succeed => pay.end_refund(number, RefundEnd::Succeed),
            Self::Close => pay.end_refund(number, RefundEnd::Close),
            Self::Abnormal => pay.end_refund(number, RefundEnd::Abnormal),
            Self::Drop => pay.drop_refund_callbacks(number),
            Self::Deliver => pay.deliver_refund(number),
            Self::Repeat => return None,
        })
    }
}

async fn act_by_form(
    path: Path<(String, RefundAct)>,
    how: Form<Repeat>,
    pay: Data<WechatPay>,
) -> HttpResponse {
    let (number, act) = path.into_inner();
    back(match act.once(&pay, &number) {
        Some(done) => done.map(drop),
        None => pay.repeat_refund(&number, how.into_inner()).await.map(drop),
    })
}

async fn in_console_by_form(
    out_trade_no: Path<String>,
    form: Form<RefundForm>,
    pay: Data<WechatPay>,
) -> HttpResponse {
    let fen = page::fen_of(form.amount.trim()).ok_or(ActRefusal::NotRefundable);
    back(fen.and_then(|fen| pay.refund_in_console(&out_trade_no, fen)).map(drop))
}

async fn set_mode_by_form(wanted: Form<Mode>, pay: Data<WechatPay>) -> HttpResponse {
    pay.set_refund_mode(wanted.mode);
    page::see_other(BACK)
}

fn back(done: Result<(), ActRefusal>) -> HttpResponse {
    match done {
        Ok(()) => page::see_other(BACK),
        Err(refusal) => page::not_done(refusal.status(), &refusal),
    }
}

fn answer(done: Result<RefundView, ActRefusal>) -> HttpResponse {
    match done {
        Ok(refund) => HttpResponse::Ok().json(refund),
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}
