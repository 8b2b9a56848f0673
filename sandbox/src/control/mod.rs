//! The control page and its JSON twin: the same acts, for people and for tests.
//!
//! Invariant: neither holds state or rules of its own; both call the stand-ins.

mod api;
mod assets;
mod faults;
mod merchants;
mod pages;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::state::Sandbox;
use crate::wechat_pay::{
    ActRefusal, CallbackMode, CertificateRefusal, PaymentView, Repeat, Tally, WechatPay,
};

/// A hundred years: the clock stays where times can be written.
const MOST_OFFSET_SECONDS: i64 = 100 * 365 * 24 * 3600;

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

#[derive(Debug, Clone, Copy, Serialize)]
struct Settings {
    speed: u32,
    callbacks: CallbackMode,
    /// How far the sandbox's clock goes ahead of the machine's.
    clock_offset_seconds: i64,
}

/// What is absent stays as it is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    speed: Option<u32>,
    callbacks: Option<CallbackMode>,
    clock_offset_seconds: Option<i64>,
}

/// How much of the schedule of retries passes at once.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leap {
    seconds: u32,
}

impl Settings {
    fn of(sandbox: &Sandbox) -> Self {
        Self {
            speed: sandbox.wechat_pay.speed(),
            callbacks: sandbox.wechat_pay.callback_mode(),
            clock_offset_seconds: sandbox.clock.offset().num_seconds(),
        }
    }
}

impl Change {
    fn apply(self, sandbox: &Sandbox) {
        if let Some(speed) = self.speed {
            sandbox.wechat_pay.set_speed(speed);
        }
        if let Some(callbacks) = self.callbacks {
            sandbox.wechat_pay.set_callback_mode(callbacks);
        }
        if let Some(seconds) = self.clock_offset_seconds {
            let seconds = seconds.clamp(-MOST_OFFSET_SECONDS, MOST_OFFSET_SECONDS);
            sandbox.clock.set_offset(TimeDelta::seconds(seconds));
        }
    }
}

impl Leap {
    fn perform(self, sandbox: &Sandbox) {
        sandbox.wechat_pay.advance(Duration::from_secs(self.seconds.into()));
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
    config.configure(page_routes).configure(twin_routes).configure(merchant_routes);
    config.default_service(web::to(pages::nowhere));
}

fn page_routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(pages::show))
        .route("/sandbox", web::get().to(pages::show))
        .route("/sandbox/settings", web::post().to(pages::set))
        .route("/sandbox/advance", web::post().to(pages::advance))
        .route("/sandbox/release", web::post().to(pages::release))
        .route("/sandbox/payments/{out_trade_no}/{act}", web::post().to(pages::act))
        .route("/sandbox/faults/requests", web::post().to(faults::on_requests_by_form))
        .route("/sandbox/faults/callbacks", web::post().to(faults::on_callbacks_by_form))
        .route("/sandbox/faults/clear", web::post().to(faults::clear_by_form))
        .route("/sandbox/assets/sandbox.css", web::get().to(assets::style))
        .route("/sandbox/assets/sandbox.js", web::get().to(assets::script));
}

fn twin_routes(config: &mut web::ServiceConfig) {
    config
        .route("/sandbox/api/payments", web::get().to(api::payments))
        .route("/sandbox/api/payments/{out_trade_no}", web::get().to(api::payment))
        .route("/sandbox/api/payments/{out_trade_no}/{act}", web::post().to(api::act))
        .route("/sandbox/api/deliveries", web::get().to(api::deliveries))
        .route("/sandbox/api/requests", web::get().to(api::requests))
        .route("/sandbox/api/requests", web::delete().to(api::forget_requests))
        .route("/sandbox/api/users", web::get().to(api::users))
        .route("/sandbox/api/settings", web::get().to(api::settings))
        .route("/sandbox/api/settings", web::post().to(api::set))
        .route("/sandbox/api/advance", web::post().to(api::advance))
        .route("/sandbox/api/release", web::post().to(api::release))
        .route("/sandbox/api/faults", web::get().to(faults::list))
        .route("/sandbox/api/faults", web::delete().to(faults::clear))
        .route("/sandbox/api/faults/requests", web::post().to(faults::on_requests))
        .route("/sandbox/api/faults/callbacks", web::post().to(faults::on_callbacks));
}

fn merchant_routes(config: &mut web::ServiceConfig) {
    const MERCHANT: &str = "/sandbox/merchants/{mch_id}";
    const CERTIFICATE: &str = "/certificates/{serial_no}/{act}";
    let merchant = |under: &str| format!("{MERCHANT}{under}");
    let api = |under: &str| format!("/sandbox/api/merchants/{{mch_id}}{under}");
    config
        .route("/sandbox/api/merchants", web::get().to(merchants::list))
        .route(&api(""), web::get().to(merchants::one))
        .route(&api(""), web::post().to(merchants::set))
        .route(&api("/certificates"), web::post().to(merchants::add))
        .route(&api(CERTIFICATE), web::post().to(merchants::act))
        .route(&merchant(""), web::post().to(merchants::set_by_form))
        .route(&merchant("/certificates"), web::post().to(merchants::add_by_form))
        .route(&merchant(CERTIFICATE), web::post().to(merchants::act_by_form));
}
