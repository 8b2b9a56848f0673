//! WeChat Pay API v3 for one direct merchant in public-key mode: JSAPI prepay, query, close,
//! the cashier, and signed callbacks.
//!
//! Invariant: no request is believed before its signature, time and nonce were.
//! Invariant: every 2xx answer and every callback is signed with the key of `PUB_KEY_ID_…`.
//! Invariant: a payment is paid at most once, and never after it was closed.
//! Invariant: only paid payments are notified.
//!
//! Absent on purpose: platform certificates. New merchants have none, and
//! `/v3/certificates` says so.

mod acts;
mod answer;
mod api;
mod authorization;
mod book;
mod cashier;
mod cashier_pages;
mod courier;
mod notification;
mod pace;
mod payment;
mod prepay;
mod prepay_fields;
mod refusal;
mod schema;
mod transaction;
mod view;

use std::sync::{Arc, Mutex};

use actix_web::web;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use acts::{ActRefusal, Repeat, Tally};
pub use courier::{Delivery, Outcome};
pub use pace::{MAX_SPEED, Pace};
pub use payment::{CallbackState, NotPayable};
pub use view::PaymentView;

use crate::clock::Clock;
use crate::keys::Keys;
use authorization::Nonces;
use book::Payments;
use courier::Courier;

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
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    payments: Mutex<Payments>,
    nonces: Mutex<Nonces>,
    mode: Mutex<CallbackMode>,
    pace: Pace,
    courier: Courier,
    /// Counts changes, so that tests can wait for one instead of sleeping.
    changes: watch::Sender<u64>,
}

impl WechatPay {
    pub(crate) fn new(
        keys: Arc<Keys>,
        clock: Arc<dyn Clock>,
        mode: CallbackMode,
        pace: Pace,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            keys,
            clock,
            payments: Mutex::default(),
            nonces: Mutex::default(),
            mode: Mutex::new(mode),
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
        .route("/v3/pay/transactions/jsapi", web::post().to(api::prepay))
        .route(BY_OUT_TRADE_NO, web::get().to(api::query))
        .route(&format!("{BY_OUT_TRADE_NO}/close"), web::post().to(api::close))
        .route("/v3/pay/transactions/id/{transaction_id}", web::get().to(api::query_by_id))
        .route("/v3/certificates", web::get().to(api::certificates))
        .route("/v3/{path:.*}", web::route().to(api::no_such_path))
        .route(CASHIER, web::get().to(cashier_pages::show))
        .route(CASHIER, web::post().to(cashier_pages::act));
}
