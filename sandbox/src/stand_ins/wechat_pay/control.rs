//! Payments in the control API and behind the buttons of the control page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Form, Path, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    ActRefusal, CertificateRefusal, PaymentView, Repeat, Tally, WechatPay, merchant_acts,
    refund_acts,
};
use crate::control::{read_options, refuse};
use crate::page;

const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 500;

/// The last part of the path of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaymentAct {
    Pay,
    Fail,
    Repeat,
    Drop,
    Deliver,
}

/// What an act answers: the payment after it, or the count of repeated callbacks.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum PaymentActAnswer {
    Payment(Box<PaymentView>),
    Tally(Tally),
}

#[derive(Deserialize)]
struct PaymentsQuery {
    limit: Option<usize>,
    /// How many of the newest to skip, as `next_cursor` said.
    cursor: Option<usize>,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        // First: `{act}` stands for any word.
        .configure(refund_acts::routes)
        .route("/sandbox/payments/{out_trade_no}/{act}", web::post().to(act_by_form))
        .route("/sandbox/api/payments", web::get().to(payments))
        .route("/sandbox/api/payments/{out_trade_no}", web::get().to(payment))
        .route("/sandbox/api/payments/{out_trade_no}/{act}", web::post().to(act))
        .configure(merchant_acts::routes);
}

impl PaymentAct {
    /// `how` matters to [`PaymentAct::Repeat`] alone.
    async fn perform(
        self,
        pay: &WechatPay,
        out_trade_no: &str,
        how: Repeat,
    ) -> Result<PaymentActAnswer, ActRefusal> {
        let payment = match self {
            Self::Pay => pay.pay(out_trade_no)?,
            Self::Fail => pay.fail(out_trade_no)?,
            Self::Drop => pay.drop_callbacks(out_trade_no)?,
            Self::Deliver => pay.deliver(out_trade_no)?,
            Self::Repeat => {
                return Ok(PaymentActAnswer::Tally(pay.repeat(out_trade_no, how).await?));
            }
        };
        Ok(PaymentActAnswer::Payment(Box::new(payment)))
    }
}

impl ActRefusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPayment | Self::NoSuchMerchant | Self::NoSuchRefund => {
                StatusCode::NOT_FOUND
            }
            Self::NotPayable(_) | Self::RefundEnded | Self::NotRefundable => StatusCode::CONFLICT,
            Self::Callback(refusal) => refusal.status(),
            Self::Certificate(refusal) => match refusal {
                CertificateRefusal::NoSuchCertificate => StatusCode::NOT_FOUND,
                CertificateRefusal::Percent => StatusCode::BAD_REQUEST,
                CertificateRefusal::LastKey
                | CertificateRefusal::NoPublicKey
                | CertificateRefusal::NoCertificate
                | CertificateRefusal::TooMany => StatusCode::CONFLICT,
            },
            Self::Crypto(_) | Self::Stopped => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

async fn payments(page: Query<PaymentsQuery>, pay: Data<WechatPay>) -> HttpResponse {
    let limit = page.limit.unwrap_or(USUAL_LIMIT).clamp(1, LARGEST_LIMIT);
    let skip = page.cursor.unwrap_or(0);
    let (items, total) = pay.payments(skip, limit);
    let next = skip.saturating_add(limit);
    let next_cursor = (next < total).then_some(next);
    HttpResponse::Ok().json(json!({ "items": items, "next_cursor": next_cursor, "total": total }))
}

async fn payment(out_trade_no: Path<String>, pay: Data<WechatPay>) -> HttpResponse {
    match pay.payment(&out_trade_no) {
        Some(payment) => HttpResponse::Ok().json(payment),
        None => refuse(StatusCode::NOT_FOUND, "没有这笔订单"),
    }
}

async fn act(path: Path<(String, PaymentAct)>, body: Bytes, pay: Data<WechatPay>) -> HttpResponse {
    let (out_trade_no, act) = path.into_inner();
    let Some(how) = read_options::<Repeat>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "请求体应为空，或是 times、parallel、fresh_id");
    };
    match act.perform(&pay, &out_trade_no, how).await {
        Ok(done) => HttpResponse::Ok().json(done),
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}

async fn act_by_form(
    path: Path<(String, PaymentAct)>,
    how: Form<Repeat>,
    pay: Data<WechatPay>,
) -> HttpResponse {
    let (out_trade_no, act) = path.into_inner();
    match act.perform(&pay, &out_trade_no, how.into_inner()).await {
        Ok(_) => page::see_other("/sandbox#payments"),
        Err(refusal) => page::not_done(refusal.status(), &refusal),
    }
}
