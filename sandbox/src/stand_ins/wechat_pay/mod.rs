//! WeChat Pay API v3 for direct merchants in both key modes: JSAPI prepay, query, close, refunds,
//! platform certificates, the cashier, and signed callbacks.
//!
//! Invariant: a request is accepted only after its signature, time and nonce were checked.
//! Invariant: every 2xx answer and every callback is signed, with a key of its merchant.
//! Invariant: a merchant sees only its own orders.
//! Invariant: a payment is paid at most once, and never after it was closed.
//! Invariant: only paid payments are notified, and refunds that have ended or wait for the merchant.
//! Invariant: no more is refunded of a payment than was paid.

mod acts;
mod answer;
mod api;
mod authorization;
mod bill;
mod bill_faults;
mod body;
mod book;
mod cashier;
mod cashier_pages;
mod certificates;
mod control;
pub mod endpoints;
mod kept;
pub(crate) mod keys;
mod merchant_acts;
mod merchants;
mod notification;
mod numbers;
mod paid;
mod panel;
mod payment;
mod platform_certificate;
mod prepay;
mod prepay_fields;
mod refund;
mod refund_acts;
mod refunds;
mod refusal;
mod signed;
mod signing;
mod transaction;
mod view;

use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, ServiceConfig};

pub use acts::ActRefusal;
pub use bill_faults::BillFault;
pub use kept::KeptPayment;
pub use merchants::MerchantView;
pub use payment::NotPayable;
pub use refunds::{RefundEnd, RefundMode, RefundView};
pub use signing::{CertificateRefusal, CertificateState, CertificateView};
pub use view::{PaymentView, Summary};

use super::StandIn;
use super::wechat::WeChat;
/// What the methods of [`WechatPay`] take and return.
pub use crate::callbacks::{
    CallbackMode, CallbackState, Callbacks, Delivery, MAX_SPEED, Outcome, Repeat, Tally,
};
use crate::changes::Changes;
use crate::clock::AdjustableClock;
use crate::control::{Panel, Visit};
use crate::endpoint::Endpoint;
use crate::faults::Faults;
use crate::state::Shared;
use book::Payments;
use merchants::Merchant;

#[derive(Debug)]
pub struct WechatPay {
    merchants: Vec<Arc<Merchant>>,
    /// Knows the payers.
    wechat: Arc<WeChat>,
    clock: Arc<AdjustableClock>,
    payments: Mutex<Payments>,
    /// What happens to refunds by themselves.
    refund_mode: Mutex<RefundMode>,
    bills: Mutex<bill::Bills>,
    faults: Arc<Faults>,
    callbacks: Arc<Callbacks>,
    changes: Arc<Changes>,
}

impl WechatPay {
    pub(crate) fn new(shared: &Shared, wechat: Arc<WeChat>) -> Self {
        Self {
            merchants: Merchant::all(&shared.keys),
            wechat,
            clock: shared.clock.clone(),
            payments: Mutex::default(),
            refund_mode: Mutex::default(),
            bills: Mutex::default(),
            faults: shared.faults.clone(),
            callbacks: shared.callbacks.clone(),
            changes: shared.changes.clone(),
        }
    }
}

impl StandIn for WechatPay {
    fn endpoints(&self) -> &'static [Endpoint] {
        endpoints::ENDPOINTS
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config.app_data(Data::from(self)).configure(wire).configure(control::routes);
    }

    fn panel(&self, visit: &Visit) -> Panel {
        panel::panel(self, visit)
    }
}

/// The paths of the real API, and the cashier.
fn wire(config: &mut ServiceConfig) {
    const BY_OUT_TRADE_NO: &str = "/v3/pay/transactions/out-trade-no/{out_trade_no}";
    config
        .route("/v3/pay/transactions/jsapi", web::post().to(api::prepay_jsapi))
        .route(BY_OUT_TRADE_NO, web::get().to(api::query))
        .route(&format!("{BY_OUT_TRADE_NO}/close"), web::post().to(api::close))
        .route("/v3/pay/transactions/id/{transaction_id}", web::get().to(api::query_by_id))
        .route("/v3/refund/domestic/refunds", web::post().to(refunds::refund))
        .route("/v3/refund/domestic/refunds/{out_refund_no}", web::get().to(refunds::query))
        .route("/v3/certificates", web::get().to(certificates::certificates))
        .route("/v3/bill/tradebill", web::get().to(bill::trade))
        .route("/v3/bill/fundflowbill", web::get().to(bill::flow))
        .route("/v3/billdownload/file", web::get().to(bill::file))
        .route("/sandbox/api/faults/bills", web::post().to(bill::add_fault))
        .route("/v3/{path:.*}", web::route().to(api::no_such_path))
        .route(cashier_pages::CASHIER, web::get().to(cashier_pages::show))
        .route(cashier_pages::CASHIER, web::post().to(cashier_pages::act));
}
