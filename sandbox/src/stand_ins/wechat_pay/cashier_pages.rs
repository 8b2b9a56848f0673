//! The cashier as a page, for browsers, which have no WeChat.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Query};
use serde::Deserialize;

use super::cashier::{CallRefusal, PaymentCall};
use super::{ActRefusal, WechatPay};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page::{self, yuan};
use crate::stand_ins::phone::{CashierAct, CashierPage, PayFact, refuse_payment};

/// The address of the page.
pub(super) const CASHIER: &str = "/sandbox/wechat-pay/cashier";

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

pub(super) async fn show(visit: Query<CashierVisit>, pay: Data<WechatPay>) -> HttpResponse {
    if let Err(error) = LocalUrl::parse(&visit.redirect_uri) {
        return refuse_place(&error);
    }
    let payment = match pay.open(&visit.call) {
        Ok(payment) => payment,
        Err(refusal) => return refuse_call(&refusal, &visit.redirect_uri),
    };
    let payer = pay.wechat.user_by_openid(&payment.openid);
    let payer = payer.as_ref().map_or("", |user| &user.name);
    let PaymentCall { app_id, time_stamp, nonce_str, package, sign_type, pay_sign } = &visit.call;
    page::ok(&CashierPage {
        title: "收银台",
        payee: format!("商户 {}", payment.mch_id),
        amount: yuan(payment.total_fen),
        facts: vec![
            PayFact { name: "商品", text: &payment.description, mono: false },
            PayFact { name: "付款人", text: payer, mono: false },
            PayFact { name: "商户单号", text: &payment.out_trade_no, mono: true },
        ],
        path: CASHIER,
        sent: vec![
            ("app_id", app_id),
            ("time_stamp", time_stamp),
            ("nonce_str", nonce_str),
            ("package", package),
            ("sign_type", sign_type),
            ("pay_sign", pay_sign),
            ("redirect_uri", &visit.redirect_uri),
        ],
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
            let back = Some(visit.redirect_uri.as_str());
            refuse_payment(StatusCode::CONFLICT, &refusal.to_string(), back)
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
    refuse_payment(StatusCode::BAD_REQUEST, &error.to_string(), None)
}

fn refuse_call(refusal: &CallRefusal, back: &str) -> HttpResponse {
    refuse_payment(StatusCode::BAD_REQUEST, &refusal.to_string(), Some(back))
}
