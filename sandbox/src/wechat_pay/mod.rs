//! WeChat Pay API v3 for direct merchants in both key modes: JSAPI prepay, query, close,
//! platform certificates, the cashier, and signed callbacks.
//!
//! Invariant: no request is believed before its signature, time and nonce were.
//! Invariant: every 2xx answer and every callback is signed, with a key of its merchant.
//! Invariant: a merchant sees its own orders and no others.
//! Invariant: a payment is paid at most once, and never after it was closed.
//! Invariant: only paid payments are notified.

mod acts;
mod answer;
mod api;
mod authorization;
mod book;
mod cashier;
mod cashier_pages;
mod certificates;
mod courier;
mod merchants;
mod notification;
mod pace;
mod payment;
mod prepay;
mod prepay_fields;
mod refusal;
mod repeat;
mod rounds;
mod schema;
mod signed;
mod signing;
mod transaction;
mod view;

use std::sync::{Arc, Mutex};

use actix_web::web;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use acts::ActRefusal;
pub use courier::{Delivery, Outcome};
pub use merchants::MerchantView;
pub use pace::{MAX_SPEED, Pace};
pub use payment::{CallbackState, NotPayable};
pub use repeat::{Order, Release, Repeat, Tally};
pub use signing::{CertificateRefusal, CertificateState, CertificateView};
pub use view::{PaymentView, Summary};

use crate::clock::AdjustableClock;
use crate::faults::Faults;
use crate::keys::Keys;
use book::Payments;
use courier::Courier;
use merchants::Merchant;

/// Whether a payment sends its callback by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackMode {
    /// At once, and again on WeChat's schedule until it is accepted.
    Auto,
    /// Held until somebody delivers it.
    Manual,
}

#[derive(Debug)]
pub struct WechatPay {
    merchants: Vec<Arc<Merchant>>,
    clock: Arc<AdjustableClock>,
    faults: Arc<Faults>,
    payments: Mutex<Payments>,
    mode: Mutex<CallbackMode>,
    pace: Pace,
    courier: Courier,
    /// Counts changes, so that tests can wait for one instead of sleeping.
    changes: watch::Sender<u64>,
}

impl WechatPay {
    pub(crate) fn new(
        keys: &Keys,
        clock: Arc<AdjustableClock>,
        faults: Arc<Faults>,
        pace: Pace,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            merchants: Merchant::all(keys),
            clock,
            payments: Mutex::default(),
            faults,
            mode: Mutex::new(CallbackMode::Auto),
            pace,
            courier: Courier::new()?,
            changes: watch::Sender::new(0),
        })
    }

    pub(crate) fn stop_callbacks(&self) {
        self.courier.stop();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    const BY_OUT_TRADE_NO: &str = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    const CASHIER: &str = "/sandbox/wechat-pay/cashier";
    config
        .route("/v3/pay/transactions/jsapi", web::post().to(api::prepay_jsapi))
        .route(BY_OUT_TRADE_NO, web::get().to(api::query))
        .route(&format!("{BY_OUT_TRADE_NO}/close"), web::post().to(api::close))
        .route("/v3/pay/transactions/id/{transaction_id}", web::get().to(api::query_by_id))
        .route("/v3/certificates", web::get().to(certificates::certificates))
        .route("/v3/{path:.*}", web::route().to(api::no_such_path))
        .route(CASHIER, web::get().to(cashier_pages::show))
        .route(CASHIER, web::post().to(cashier_pages::act));
}
