//! What a payment provider must be able to do, and what its messages and answers become once their
//! signature is checked.

pub use crate::orders::fact::{
    PaidClaim, PaidFact, Provider, RefundClaim, RefundFact, RefundOutcome,
};

use crate::{
    base::{clock::Timestamp, crypto::rsa::CheckedSignature, money::Fen},
    sessions::Platform,
};
use async_trait::async_trait;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// What a payment needs at its provider before the student can pay. Repeating it with the same
/// content is harmless: the provider answers with the same order.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// Our number of this payment: 32 hex digits.
    pub out_trade_no: String,
    /// Shown to the payer.
    pub description: String,
    /// What is to be paid.
    pub amount: Fen,
    /// The payer's identity at the provider, from the login under the same app id.
    pub payer: String,
    /// Until when it may be paid.
    pub expires_at: Timestamp,
    /// Where the provider sends its message.
    pub notify_url: String,
}

/// What the client's payment call needs; the client proves nothing with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "provider", rename_all = "snake_case")]
pub enum PayParams {
    /// Arguments of `wx.requestPayment`.
    WechatPay {
        /// Unix seconds, as text.
        time_stamp: String,
        /// Random text.
        nonce_str: String,
        /// `prepay_id=…`.
        package: String,
        /// `RSA`.
        sign_type: String,
        /// Signature over the four lines of the protocol, base64.
        pay_sign: String,
    },
    /// Arguments of `my.tradePay`.
    Alipay {
        /// Alipay's number of the trade.
        trade_no: String,
    },
}

/// How a payment stands at the provider, from a checked answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// Paid.
    Paid(PaidFact, Evidence),
    /// Paid, and all or some of it was given back since: so much in all, where the provider says so.
    Refunded(PaidFact, Evidence, Option<Fen>),
    /// Known and not paid.
    NotPaid,
    /// Closed at the provider: can no longer be paid.
    Closed,
    /// The provider does not know it. Right after a time-out this proves nothing.
    Unknown,
}

/// What came of asking a provider to close a payment, from its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseOutcome {
    /// It can no longer be paid there.
    Closed,
    /// It was paid before: a query tells how.
    Paid,
    /// The provider does not know it. Right after a time-out this proves nothing.
    Unknown,
}

/// The numbers of a refund, by which its provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundNumbers {
    /// Our number of the refund: 32 hex digits.
    pub out_refund_no: String,
    /// Our number of the payment.
    pub out_trade_no: String,
    /// The provider's number of the payment.
    pub transaction_id: String,
}

/// What is to be given back of a payment. A repetition with the same content refunds once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The numbers.
    pub numbers: RefundNumbers,
    /// What is to be given back.
    pub amount: Fen,
    /// What was paid.
    pub total: Fen,
    /// Shown to the payer.
    pub reason: String,
    /// Where the provider sends its message, if it has one for refunds alone.
    pub notify_url: String,
}

/// How a refund stands at the provider, from a checked answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on its way to be settled")]
pub enum RefundState {
    /// The provider knows it and says how it stands, in an answer that
    /// [`PaymentGateway::reread_refund`] can check again.
    Known(RefundFact, Evidence),
    /// The provider does not know it. Right after a time-out this proves nothing.
    Unknown,
}

/// A provider's message as it came over the wire: nothing in it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct RawNotification<'a> {
    /// Header lookup by lower-case name, only for the headers the protocol signs with.
    pub headers: &'a dyn Headers,
    /// The exact bytes of the body.
    pub body: &'a [u8],
}

/// Headers of a raw message.
pub trait Headers: std::fmt::Debug {
    /// The single value of the header, `None` where it is absent, repeated or not visible ASCII.
    fn get(&self, name: &str) -> Option<&str>;
}

/// The headers that a message was signed with, as they are kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptHeaders(BTreeMap<String, String>);

impl KeptHeaders {
    /// Those of the headers with these names.
    pub fn of(headers: &dyn Headers, names: &[&str]) -> Self {
        let kept = |name: &&str| Some(((*name).to_owned(), headers.get(name)?.to_owned()));
        Self(names.iter().filter_map(kept).collect())
    }

    /// Reads what [`KeptHeaders::to_text`] wrote; anything else holds no header.
    pub fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// As JSON.
    pub fn to_text(&self) -> String {
        // Strings always serialize.
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

impl Headers for KeptHeaders {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What a fact is kept with, so that its signature can be checked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The headers that it was signed with.
    pub headers: KeptHeaders,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// When it was checked.
    pub checked_at: Timestamp,
}

/// The payment that a message is about, as the provider names it. Not yet looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedPayment {
    /// Our number of the payment; empty where the message has none.
    pub out_trade_no: String,
    /// The provider's number of the payment; empty where the message has none.
    pub transaction_id: String,
    /// The merchant's number of the refund that the message reports; empty where it names none.
    pub out_refund_no: String,
    /// What was given back of the payment in all, where the message says so.
    pub given_back: Option<Fen>,
}

/// What a checked message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notified {
    /// The payment was made.
    Paid(PaidFact),
    /// How one refund of a payment stands.
    Refund(RefundFact),
    /// Money of the payment was given back, or a refund of it ended otherwise. How that refund stands
    /// is not told: it is to be asked for.
    Refunded(NamedPayment),
    /// The payment can no longer be paid.
    Closed(NamedPayment),
    /// Nothing that we act on. It is recorded and acknowledged, so that it is not sent again.
    Nothing,
}

/// A message that passed every check which needs no database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedNotification {
    notification_id: String,
    notified: Notified,
}

impl VerifiedNotification {
    /// The message of that id and content. The caller read both from the body whose signature
    /// `_proof` is.
    pub fn new(_proof: &CheckedSignature, notification_id: String, notified: Notified) -> Self {
        Self { notification_id, notified }
    }

    /// The provider's id of the message, which differs between messages about one payment, and
    /// what it says.
    pub fn into_parts(self) -> (String, Notified) {
        (self.notification_id, self.notified)
    }
}

/// Why a message was refused. The reason goes to the log, never to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotificationRefused {
    /// A header is missing, repeated or unreadable.
    #[error("a signature header is missing or unreadable")]
    Headers,
    /// A signature algorithm other than the configured one.
    #[error("unsupported signature type")]
    SignatureType,
    /// No key of that serial is known, or it may not be used now.
    #[error("unknown key serial")]
    UnknownSerial,
    /// No key is known yet, so no signature can be checked. The provider must send it again.
    #[error("no key is known yet")]
    NoKeys,
    /// Signed too long ago, or in the future.
    #[error("timestamp outside five minutes")]
    Stale,
    /// The signature does not fit the bytes. Signature probes end here too.
    #[error("signature does not verify")]
    Signature,
    /// The envelope is not what the protocol says.
    #[error("envelope is malformed")]
    Envelope,
    /// The encrypted part does not open: altered, or the API v3 key differs.
    #[error("ciphertext does not open")]
    Ciphertext,
    /// The opened text is not what the protocol says.
    #[error("content is malformed")]
    Content,
    /// Meant for another merchant.
    #[error("another merchant")]
    NotOurs,
    /// An amount in another currency than CNY, or in none.
    #[error("not in CNY")]
    Currency,
    /// A message about a payment where messages about refunds arrive.
    #[error("a payment's message at the address of refunds")]
    AnotherAddress,
}

/// Why a call to the provider gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The provider refused, with its code. Final for this content.
    #[error("provider refused: {code}")]
    Refused {
        /// The provider's code, normalised.
        code: String,
    },
    /// Too many calls; later.
    #[error("provider limits our rate")]
    Throttled {
        /// How long it asks us to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// No answer, a broken one, or one whose signature does not verify: the outcome is unknown.
    #[error("no usable answer from the provider")]
    Unknown,
}

/// A payment provider, acting for one merchant.
#[async_trait]
pub trait PaymentGateway: Send + Sync + std::fmt::Debug {
    /// Which provider this is.
    fn provider(&self) -> Provider;

    /// The merchant it acts for.
    fn merchant(&self) -> &str;

    /// The platform whose users can pay through it.
    fn platform(&self) -> Platform;

    /// The app whose users can pay through it.
    fn app_id(&self) -> &str;

    /// Where the provider's messages about payments arrive, below `/callbacks/{school}/`.
    fn callback_path(&self) -> &'static str;

    /// Where its messages about refunds arrive: the same path where it sends both to one.
    fn refund_callback_path(&self) -> &'static str;

    /// Makes the payment known to the provider and signs what the client needs.
    async fn prepare(&self, payment: &Prepare, now: Timestamp) -> Result<PayParams, GatewayError>;

    /// Asks how the payment stands.
    async fn query(
        &self,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Result<ProviderState, GatewayError>;

    /// Asks that the payment can no longer be paid. Repeating it is harmless. An error means that
    /// nobody knows whether it was closed.
    async fn close(&self, out_trade_no: &str, now: Timestamp)
    -> Result<CloseOutcome, GatewayError>;

    /// Asks that money of a payment be given back. An answer says that the request was accepted, and how
    /// the refund stands. Only the same request may be repeated, under the same number. An error means
    /// that nobody knows whether it was accepted, `Refused` included: errors need not be signed.
    async fn refund(
        &self,
        refund: &RefundRequest,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError>;

    /// Asks how a refund stands.
    async fn query_refund(
        &self,
        refund: &RefundNumbers,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError>;

    /// How long after a refund the next one of the same payment may be asked for.
    fn pause_between_refunds(&self) -> Duration;

    /// The names of the headers that the provider signs with, in lower case.
    fn signed_headers(&self) -> &'static [&'static str];

    /// Checks an answer to [`PaymentGateway::query`] again, as of the time when it was first checked.
    fn reread(
        &self,
        answer: &RawNotification<'_>,
        out_trade_no: &str,
        at: Timestamp,
    ) -> Result<ProviderState, NotificationRefused>;

    /// Checks an answer about a refund again, as of the time when it was first checked.
    fn reread_refund(
        &self,
        answer: &RawNotification<'_>,
        refund: &RefundNumbers,
        at: Timestamp,
    ) -> Result<RefundState, NotificationRefused>;

    /// Checks what can be checked of a message before its body is received: the headers of the
    /// signature, its key and its time. [`Self::verify`] checks them again.
    fn verify_head(&self, headers: &dyn Headers, now: Timestamp)
    -> Result<(), NotificationRefused>;

    /// Checks a message: signature, freshness, envelope, encryption, merchant; for a payment also
    /// amount and currency.
    fn verify(
        &self,
        raw: &RawNotification<'_>,
        now: Timestamp,
    ) -> Result<VerifiedNotification, NotificationRefused>;
}
