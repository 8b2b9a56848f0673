//! The control page and its JSON twin: the same acts, for people and for tests.
//!
//! Invariant: neither holds state or rules of its own; both call the stand-ins.

mod api;
mod assets;
mod merchants;
mod pages;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web;
use serde::{Deserialize, Serialize};

use crate::wechat_pay::{
    ActRefusal, CallbackMode, CertificateRefusal, PaymentView, Repeat, Tally, WechatPay,
};

/// The last part of the path of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Pay,
    Fail,
    Repeat,
    Drop,
    Deliver,
}

/// What an act answers: the payment after it, or the count of repeated callbacks.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Done {
    Payment(Box<PaymentView>),
    Tally(Tally),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Settings {
    speed: u32,
    callbacks: CallbackMode,
}

impl Settings {
    fn of(pay: &WechatPay) -> Self {
        Self { speed: pay.speed(), callbacks: pay.callback_mode() }
    }

    fn apply(self, pay: &WechatPay) {
        pay.set_speed(self.speed);
        pay.set_callback_mode(self.callbacks);
    }
}

impl Act {
    /// `how` matters to [`Act::Repeat`] alone.
    async fn perform(
        self,
        pay: &Arc<WechatPay>,
        out_trade_no: &str,
        how: Repeat,
    ) -> Result<Done, ActRefusal> {
        let payment = match self {
            Self::Pay => pay.pay(out_trade_no)?,
            Self::Fail => pay.fail(out_trade_no)?,
            Self::Drop => pay.drop_callbacks(out_trade_no)?,
            Self::Deliver => pay.deliver(out_trade_no)?,
            Self::Repeat => return Ok(Done::Tally(pay.repeat(out_trade_no, how).await?)),
        };
        Ok(Done::Payment(Box::new(payment)))
    }
}

fn status_of(refusal: &ActRefusal) -> StatusCode {
    match refusal {
        ActRefusal::NoSuchPayment | ActRefusal::NoSuchMerchant => StatusCode::NOT_FOUND,
        ActRefusal::NotPayable(_) | ActRefusal::NothingToTell => StatusCode::CONFLICT,
        ActRefusal::Times => StatusCode::BAD_REQUEST,
        ActRefusal::Certificate(refusal) => match refusal {
            CertificateRefusal::NoSuchCertificate => StatusCode::NOT_FOUND,
            CertificateRefusal::Percent => StatusCode::BAD_REQUEST,
            CertificateRefusal::LastKey
            | CertificateRefusal::NoPublicKey
            | CertificateRefusal::NoCertificate
            | CertificateRefusal::TooMany => StatusCode::CONFLICT,
        },
        ActRefusal::Crypto(_) | ActRefusal::Stopped => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    const MERCHANT: &str = "/sandbox/merchants/{mch_id}";
    const CERTIFICATE: &str = "/certificates/{serial_no}/{act}";
    let merchant = |under: &str| format!("{MERCHANT}{under}");
    let api = |under: &str| format!("/sandbox/api/merchants/{{mch_id}}{under}");
    config
        .route("/", web::get().to(pages::show))
        .route("/sandbox", web::get().to(pages::show))
        .route("/sandbox/settings", web::post().to(pages::set))
        .route("/sandbox/payments/{out_trade_no}/{act}", web::post().to(pages::act))
        .route("/sandbox/assets/sandbox.css", web::get().to(assets::style))
        .route("/sandbox/assets/sandbox.js", web::get().to(assets::script))
        .route("/sandbox/api/payments", web::get().to(api::payments))
        .route("/sandbox/api/payments/{out_trade_no}", web::get().to(api::payment))
        .route("/sandbox/api/payments/{out_trade_no}/{act}", web::post().to(api::act))
        .route("/sandbox/api/deliveries", web::get().to(api::deliveries))
        .route("/sandbox/api/users", web::get().to(api::users))
        .route("/sandbox/api/settings", web::get().to(api::settings))
        .route("/sandbox/api/settings", web::post().to(api::set))
        .route("/sandbox/api/merchants", web::get().to(merchants::list))
        .route(&api(""), web::get().to(merchants::one))
        .route(&api(""), web::post().to(merchants::set))
        .route(&api("/certificates"), web::post().to(merchants::add))
        .route(&api(CERTIFICATE), web::post().to(merchants::act))
        .route(&merchant(""), web::post().to(merchants::set_by_form))
        .route(&merchant("/certificates"), web::post().to(merchants::add_by_form))
        .route(&merchant(CERTIFICATE), web::post().to(merchants::act_by_form))
        .default_service(web::to(pages::nowhere));
}
