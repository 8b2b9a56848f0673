//! Alipay, OpenAPI v2: sign-in and payments in a mini-program.
//!
//! Invariant: a [`PaidFact`](crate::payments::gateway::PaidFact) is made only from a message or an
//! answer whose signature verified with Alipay's key; a message must name our application and seller.
//! Invariant: the credited amount is `total_amount`, never `receipt_amount` or `buyer_pay_amount`.
//! Invariant: what is decrypted was verified before.
//! Absent on purpose: `alipay.trade.cancel`, which refunds what was paid. Retries: the caller knows
//! whether a retry is safe. Choosing an algorithm by what a message says of it.

pub mod answer;
mod bill;
pub mod certificate;
mod client;
pub mod content_key;
mod envelope;
mod form;
mod login;
mod message;
mod notification;
pub mod phone;
mod refund;
mod settings;
pub mod signing;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trade;
mod trial;
pub mod trust;
mod wire;

pub use login::AlipayLogin;
pub use settings::AlipaySettings;

use self::{
    answer::{CheckedAnswer, Failure, Said},
    client::{OpenApi, Outcome, unusable},
    refund::{OneRefund, RefundContent, WireRefund},
    trade::WireTrade,
};
use crate::{
    base::clock::{Clock, Timestamp},
    payments::gateway::{
        CloseOutcome, Evidence, GatewayError, Headers, KeptHeaders, NotificationRefused, PayParams,
        PaymentGateway, Prepare, Provider, ProviderState, RawNotification, RefundNumbers,
        RefundRequest, RefundState, VerifiedNotification,
    },
    providers::templates::Templates,
    sessions::Platform,
};
use async_trait::async_trait;
use reqwest::Client;
use serde::Serialize;
use std::{sync::Arc, time::Duration};

const CREATE: &str = "alipay.trade.create";
const QUERY: &str = "alipay.trade.query";
const CLOSE: &str = "alipay.trade.close";
const REFUND: &str = "alipay.trade.refund";
const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";

/// Not documented as a limit: so that one refund is known before the next is asked for.
const PAUSE_BETWEEN_REFUNDS: Duration = Duration::from_secs(10);

/// The trade is not known to Alipay.
const NOT_EXIST: &str = "ACQ.TRADE_NOT_EXIST";
/// The trade can no longer be closed: it was paid, or closed before.
const NOT_CLOSABLE: [&str; 6] = [
    "ACQ.TRADE_STATUS_ERROR",
    "ACQ.REASON_TRADE_STATUS_INVALID",
    "ACQ.REASON_ILLEGAL_STATUS",
    "ACQ.TRADE_HAS_SUCCESS",
    "ACQ.TRADE_HAS_FINISHED",
    "ACQ.TRADE_HAS_CLOSE",
];

/// The longest subject, in characters.
const SUBJECT_MAX_CHARS: usize = 256;

/// The application and the account that receive payments.
#[derive(Clone, Debug)]
struct Shop {
    app_id: String,
    seller_id: String,
}

/// Alipay's payments for one application and one seller.
#[derive(Clone, Debug)]
pub struct Alipay {
    api: Arc<OpenApi>,
    shop: Shop,
    templates: Templates,
    bill_hosts: Vec<String>,
}

impl Alipay {
    /// A gateway with these settings, using a client from
    /// [`http_client::build`](crate::base::http_client::build).
    pub fn new(settings: AlipaySettings, http: Client) -> Self {
        settings.build(http)
    }

    /// The login of the same application.
    pub fn login(&self, clock: Arc<dyn Clock>) -> AlipayLogin {
        AlipayLogin::new(Arc::clone(&self.api), clock)
    }

    /// The state of a payment from a verified answer, which must be about the requested payment.
    fn state_of(
        &self,
        answer: &CheckedAnswer,
        out_trade_no: &str,
        evidence: impl FnOnce() -> Evidence,
    ) -> Result<ProviderState, NotificationRefused> {
        let trade = WireTrade::parse(answer.text(), out_trade_no)?;
        trade.into_state(&self.shop, answer.proof(), evidence)
    }

    fn refund_of(
        &self,
        answer: &CheckedAnswer,
        refund: &RefundNumbers,
        evidence: impl FnOnce() -> Evidence,
    ) -> Result<RefundState, NotificationRefused> {
        let told = WireRefund::parse(answer.text())?;
        told.into_state(refund, &self.shop, answer.proof(), evidence)
    }

    /// What it means that a payment cannot be closed. Whether it was paid or closed before, the
    /// refusal does not tell.
    async fn why_not_closed(
        &self,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Result<CloseOutcome, GatewayError> {
        match self.query(out_trade_no, now).await? {
            ProviderState::Paid(..) | ProviderState::Refunded(..) => Ok(CloseOutcome::Paid),
            ProviderState::Closed => Ok(CloseOutcome::Closed),
            ProviderState::Unknown => Ok(CloseOutcome::Unknown),
            ProviderState::NotPaid => Err(GatewayError::Unknown),
        }
    }
}

#[async_trait]
impl PaymentGateway for Alipay {
    fn provider(&self) -> Provider {
        Provider::Alipay
    }

    fn merchant(&self) -> &str {
        &self.shop.seller_id
    }

    fn platform(&self) -> Platform {
        Platform::Alipay
    }

    fn app_id(&self) -> &str {
        &self.shop.app_id
    }

    fn callback_path(&self) -> &'static str {
        "alipay"
    }

    /// Messages about refunds go to the address of the payment.
    fn refund_callback_path(&self) -> &'static str {
        "alipay"
    }

    async fn prepare(&self, payment: &Prepare, now: Timestamp) -> Result<PayParams, GatewayError> {
        let content = CreateContent::new(&self.shop, payment);
        match self.api.call(CREATE, &content, &payment.notify_url, now).await? {
            Outcome::Done(checked, _) => {
                let created = WireTrade::parse(checked.text(), &payment.out_trade_no);
                let trade_no = created.and_then(WireTrade::into_trade_no);
                let trade_no = trade_no.map_err(|reason| unusable(CREATE, reason))?;
                Ok(PayParams::Alipay { trade_no })
            }
            Outcome::Failed(failure) => Err(failure.into_error()),
        }
    }

    async fn query(
        &self,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Result<ProviderState, GatewayError> {
        match self.api.call(QUERY, &OneTrade { out_trade_no }, "", now).await? {
            Outcome::Done(checked, answer) => {
                let evidence = || kept(answer.body, now);
                let state = self.state_of(&checked, out_trade_no, evidence);
                state.map_err(|reason| unusable(QUERY, reason))
            }
            Outcome::Failed(failure) if failure.is(NOT_EXIST) => {
                failure.unless_unsigned(ProviderState::Unknown)
            }
            Outcome::Failed(failure) => Err(failure.into_error()),
        }
    }

    async fn close(
        &self,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Result<CloseOutcome, GatewayError> {
        match self.api.call(CLOSE, &OneTrade { out_trade_no }, "", now).await? {
            Outcome::Done(checked, _) => {
                let closed = WireTrade::parse(checked.text(), out_trade_no);
                closed.map_err(|reason| unusable(CLOSE, reason))?;
                Ok(CloseOutcome::Closed)
            }
            Outcome::Failed(failure) if failure.is(NOT_EXIST) => {
                failure.unless_unsigned(CloseOutcome::Unknown)
            }
            Outcome::Failed(failure) if is_not_closable(&failure) => {
                self.why_not_closed(out_trade_no, now).await
            }
            Outcome::Failed(failure) => Err(failure.into_error()),
        }
    }

    /// What is answered proves nothing, a repetition included: a query tells.
    async fn refund(
        &self,
        refund: &RefundRequest,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError> {
        match self.api.call(REFUND, &RefundContent::new(refund), "", now).await? {
            Outcome::Done(..) => self.query_refund(&refund.numbers, now).await,
            Outcome::Failed(failure) => Err(failure.into_error()),
        }
    }

    async fn query_refund(
        &self,
        refund: &RefundNumbers,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError> {
        match self.api.call(REFUND_QUERY, &OneRefund::of(refund), "", now).await? {
            Outcome::Done(checked, answer) => {
                let evidence = || kept(answer.body, now);
                let state = self.refund_of(&checked, refund, evidence);
                state.map_err(|reason| unusable(REFUND_QUERY, reason))
            }
            Outcome::Failed(failure) if failure.is(NOT_EXIST) => {
                failure.unless_unsigned(RefundState::Unknown)
            }
            Outcome::Failed(failure) => Err(failure.into_error()),
        }
    }

    fn pause_between_refunds(&self) -> Duration {
        PAUSE_BETWEEN_REFUNDS
    }

    fn signed_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn reread(
        &self,
        answer: &RawNotification<'_>,
        out_trade_no: &str,
        at: Timestamp,
    ) -> Result<ProviderState, NotificationRefused> {
        match self.api.read(answer.body, QUERY)? {
            Said::Done(checked) => {
                self.state_of(&checked, out_trade_no, || kept(answer.body.to_vec(), at))
            }
            Said::Failed(_) => Err(NotificationRefused::Content),
        }
    }

    fn reread_refund(
        &self,
        answer: &RawNotification<'_>,
        refund: &RefundNumbers,
        at: Timestamp,
    ) -> Result<RefundState, NotificationRefused> {
        match self.api.read(answer.body, REFUND_QUERY)? {
            Said::Done(checked) => {
                self.refund_of(&checked, refund, || kept(answer.body.to_vec(), at))
            }
            Said::Failed(_) => Err(NotificationRefused::Content),
        }
    }

    /// All that is signed is in the body.
    fn verify_head(&self, _: &dyn Headers, _: Timestamp) -> Result<(), NotificationRefused> {
        Ok(())
    }

    /// The time is not checked: Alipay sends a notification again for a day, and each time with its
    /// first signature.
    fn verify(
        &self,
        raw: &RawNotification<'_>,
        _: Timestamp,
    ) -> Result<VerifiedNotification, NotificationRefused> {
        notification::verify(raw.body, &self.api.trust, &self.shop)
    }
}

fn is_not_closable(failure: &Failure) -> bool {
    NOT_CLOSABLE.iter().any(|code| failure.is(code))
}

/// What an answer is kept with, once it was checked. Its headers are not signed.
fn kept(body: Vec<u8>, checked_at: Timestamp) -> Evidence {
    Evidence { headers: KeptHeaders::default(), body, checked_at }
}

/// The content of a payment request. Fields without a value are left out.
#[derive(Serialize)]
struct CreateContent<'a> {
    out_trade_no: &'a str,
    total_amount: String,
    subject: String,
    product_code: &'static str,
    op_app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_open_id: Option<&'a str>,
    time_expire: String,
}

/// The content of a request about a payment.
#[derive(Serialize)]
struct OneTrade<'a> {
    out_trade_no: &'a str,
}

impl<'a> CreateContent<'a> {
    fn new(shop: &'a Shop, payment: &'a Prepare) -> Self {
        let payer = payment.payer.as_str();
        let by_user_id = wire::is_user_id(payer);
        Self {
            out_trade_no: &payment.out_trade_no,
            total_amount: wire::yuan_of(payment.amount),
            subject: subject(&payment.description),
            product_code: "JSAPI_PAY",
            op_app_id: &shop.app_id,
            buyer_id: by_user_id.then_some(payer),
            buyer_open_id: (!by_user_id).then_some(payer),
            time_expire: wire::beijing(payment.expires_at),
        }
    }
}

/// The description in the form that Alipay accepts, truncated to the maximum length.
fn subject(text: &str) -> String {
    let refused = |c: &char| matches!(c, '/' | '=' | '&') || c.is_control();
    text.chars().filter(|c| !refused(c)).take(SUBJECT_MAX_CHARS).collect()
}
