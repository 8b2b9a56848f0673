//! The cashier as a page, for browsers, which have no WeChat.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Query};
use askama::Template;
use serde::Deserialize;

use super::cashier::{CallRefusal, PaymentCall};
use super::{ActRefusal, PaymentView, WechatPay};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page::{self, yuan};

const TITLE: &str = "无法支付";

#[derive(Deserialize)]
pub(super) struct CashierVisit {
    #[serde(flatten)]
    call: PaymentCall,
    #[serde(default)]
    redirect_uri: String,
}

#[derive(Deserialize)]
pub(super) struct CashierDecision {
    #[serde(flatten)]
    visit: CashierVisit,
    act: CashierAct,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CashierAct {
    Pay,
    Fail,
    Cancel,
}

impl CashierAct {
    /// The result of `wx.requestPayment`, which proves nothing.
    fn result(self) -> &'static str {
        match self {
            Self::Pay => "ok",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
        }
    }
}

#[derive(Template)]
#[template(path = "wechat_pay/cashier.html")]
struct Cashier<'a> {
    call: &'a PaymentCall,
    redirect_uri: &'a str,
    merchant: &'a str,
    payer: &'a str,
    payment: &'a PaymentView,
    amount: &'a str,
}

pub(super) async fn show(visit: Query<CashierVisit>, pay: Data<WechatPay>) -> HttpResponse {
    if let Err(error) = LocalUrl::parse(&visit.redirect_uri) {
        return refuse_place(&error);
    }
    let payment = match pay.open(&visit.call) {
        Ok(payment) => payment,
        Err(refusal) => return refuse_call(&refusal, &visit.redirect_uri),
    };
    let payer = pay.wechat.user_by_openid(&payment.openid);
    page::ok(&Cashier {
        call: &visit.call,
        redirect_uri: &visit.redirect_uri,
        merchant: &payment.mch_id,
        payer: payer.as_ref().map_or("", |user| &user.name),
        payment: &payment,
        amount: &yuan(payment.total_fen),
    })
}

pub(super) async fn act(decision: Form<CashierDecision>, pay: Data<WechatPay>) -> HttpResponse {
    let CashierDecision { visit, act } = decision.into_inner();
    let target = match LocalUrl::parse(&visit.redirect_uri) {
        Ok(target) => target,
        Err(error) => return refuse_place(&error),
    };
    match decide(&pay, &visit.call, act) {
        Ok(()) => page::see_other(target.with("pay_result", act.result()).as_str()),
        Err(DecisionError::Call(refusal)) => refuse_call(&refusal, &visit.redirect_uri),
        Err(DecisionError::CashierAct(refusal)) => {
            page::refused(StatusCode::CONFLICT, TITLE, &refusal.to_string(), &visit.redirect_uri)
        }
    }
}

enum DecisionError {
    Call(CallRefusal),
    CashierAct(ActRefusal),
}

fn decide(pay: &WechatPay, call: &PaymentCall, act: CashierAct) -> Result<(), DecisionError> {
    let done = match act {
        CashierAct::Cancel => return Ok(()),
        CashierAct::Pay => pay.pay(&pay.open(call).map_err(DecisionError::Call)?.out_trade_no),
        CashierAct::Fail => pay.fail(&pay.open(call).map_err(DecisionError::Call)?.out_trade_no),
    };
    done.map(|_| ()).map_err(DecisionError::CashierAct)
}

fn refuse_place(error: &NotLocal) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, TITLE, &error.to_string(), "/sandbox")
}

fn refuse_call(refusal: &CallRefusal, back: &str) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, TITLE, &refusal.to_string(), back)
}
