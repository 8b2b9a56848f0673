//! WeChat Pay, API v3: payments in a mini-program (JSAPI).
//!
//! Invariant: a [`PaidFact`](crate::payments::gateway::PaidFact) is made only from a body whose
//! signature verified with a trusted key of WeChat's, for our merchant number.
//! Absent on purpose: a check of the app id. It is part of the fact, and is compared with the
//! payment.
//! Invariant: the credited amount is `amount.total`, never `payer_total`.
//! Absent on purpose: retries. The caller knows whether a retry is safe.

mod answers;
mod bill;
pub mod certificate;
mod certificates;

pub mod keys;
pub mod notification;
mod prepare;
pub mod received;
mod refund;
mod sealed;
mod settings;
pub mod signing;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod transaction;
mod trial;
mod trust;
pub mod upkeep;

pub use sealed::ApiV3Key;
pub use settings::WechatPaySettings;

use self::{
    answers::{Answer, ORDER_CLOSED, ORDER_NOT_EXIST, ORDER_PAID, REFUND_NOT_EXIST},
    prepare::{CloseBody, PrepareBody, Prepared, is_prepay_id},
    received::CheckedBody,
    refund::{RefundBody, WireRefund},
    signing::{Request, Signer},
    transaction::WirePayment,
    trust::Trust,
};
use crate::{
    base::{clock::Timestamp, crypto::rsa::SigningFailed, http_client},
    payments::gateway::{
        CloseOutcome, Evidence, GatewayError, Headers, KeptHeaders, NotificationRefused, PayParams,
        PaymentGateway, Prepare, Provider, ProviderState, RawNotification, RefundNumbers,
        RefundRequest, RefundState, VerifiedNotification,
    },
    sessions::Platform,
};
use async_trait::async_trait;
use reqwest::{Client, Method, RequestBuilder, header};
use std::time::Duration;

const PREPARE_PATH: &str = "/v3/pay/transactions/jsapi";
const TRANSACTION_PATH: &str = "/v3/pay/transactions/out-trade-no";
const REFUND_PATH: &str = "/v3/refund/domestic/refunds";

/// WeChat refuses two refunds of a payment within a minute.
const PAUSE_BETWEEN_REFUNDS: Duration = Duration::from_secs(61);

/// The merchant and app that receive payments.
#[derive(Debug)]
struct Merchant {
    mch_id: String,
    app_id: String,
}

/// WeChat Pay for one merchant and one mini-program.
pub struct WechatPay {
    origin: String,
    merchant: Merchant,
    signer: Signer,
    /// The key that WeChat is asked to sign its answers with. Without one it signs with a platform
    /// certificate.
    public_key_id: Option<String>,
    keys: Trust,
    fetches_certificates: bool,
    api_v3_key: ApiV3Key,
    /// Where bills may lie: `host` or `host:port`.
    bill_hosts: Vec<String>,
    http: Client,
}

impl std::fmt::Debug for WechatPay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WechatPay")
            .field("origin", &self.origin)
            .field("merchant", &self.merchant)
            .finish_non_exhaustive()
    }
}

impl WechatPay {
    /// A gateway with these settings for payers of the mini-program `app_id`, using a client from
    /// [`http_client::build`](crate::base::http_client::build).
    pub fn new(settings: WechatPaySettings, app_id: &str, http: Client) -> Self {
        settings.into_gateway(app_id, http)
    }

    /// Signs and sends a request. Exactly the signed bytes are sent.
    async fn exchange(
        &self,
        method: Method,
        path_and_query: &str,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<Answer, GatewayError> {
        let request = self.request(method, path_and_query, body, now).map_err(unsigned)?;
        Answer::read(http_client::send(request).await).await
    }

    fn request(
        &self,
        method: Method,
        path_and_query: &str,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<RequestBuilder, SigningFailed> {
        let request = Request { method: method.as_str(), path_and_query, body: &body };
        let authorization =
            signing::authorization(&self.signer, &request, now.seconds(), &fresh_nonce())?;
        let address = format!("{}{path_and_query}", self.origin);
        let request = self
            .http
            .request(method, address)
            .header(header::AUTHORIZATION, authorization)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        Ok(match &self.public_key_id {
            Some(id) => request.header("Wechatpay-Serial", id),
            None => request,
        })
    }

    /// The arguments of `wx.requestPayment`.
    fn pay_params(&self, prepay_id: &str, now: Timestamp) -> Result<PayParams, SigningFailed> {
        let nonce_str = fresh_nonce();
        let package = format!("prepay_id={prepay_id}");
        let app_id = &self.merchant.app_id;
        let key = &self.signer.key;
        Ok(PayParams::WechatPay {
            time_stamp: now.seconds().to_string(),
            pay_sign: signing::pay_sign(key, app_id, now.seconds(), &nonce_str, &package)?,
            nonce_str,
            package,
            sign_type: "RSA".to_owned(),
        })
    }

    /// The state of a payment from a verified answer, which must be about the requested payment.
    fn state_of(
        &self,
        answer: &CheckedBody<'_>,
        out_trade_no: &str,
        evidence: impl FnOnce() -> Evidence,
    ) -> Result<ProviderState, NotificationRefused> {
        let transaction = WirePayment::parse(answer.bytes())?;
        if !transaction.is_of(&self.merchant) || transaction.out_trade_no != out_trade_no {
            return Err(NotificationRefused::NotOurs);
        }
        let fact = |paid: WirePayment<'_>| paid.into_paid_fact(answer.proof());
        match transaction.trade_state.as_ref() {
            "SUCCESS" => Ok(ProviderState::Paid(fact(transaction)?, evidence())),
            // A refunded payment was paid.
            "REFUND" => Ok(ProviderState::Refunded(fact(transaction)?, evidence(), None)),
            "NOTPAY" | "USERPAYING" | "PAYERROR" => Ok(ProviderState::NotPaid),
            "CLOSED" | "REVOKED" => Ok(ProviderState::Closed),
            _ => Err(NotificationRefused::Content),
        }
    }
}

impl WechatPay {
    /// The state of a refund from a successful answer. A refund that was just accepted is `PROCESSING`:
    /// the status of HTTP says nothing about the money.
    fn refund_told(
        &self,
        answer: &Answer,
        refund: &RefundNumbers,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError> {
        let checked = answer.success(&self.keys, now)?;
        let fact = WireRefund::answered(checked.bytes(), refund, &self.merchant, checked.proof());
        Ok(RefundState::Known(fact.map_err(unusable)?, answer.evidence(now)))
    }
}

#[async_trait]
impl PaymentGateway for WechatPay {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        &self.merchant.mch_id
    }

    fn platform(&self) -> Platform {
        Platform::Wechat
    }

    fn app_id(&self) -> &str {
        &self.merchant.app_id
    }

    fn callback_path(&self) -> &'static str {
        "wechat-pay/transactions"
    }

    fn refund_callback_path(&self) -> &'static str {
        "wechat-pay/refunds"
    }

    async fn prepare(&self, payment: &Prepare, now: Timestamp) -> Result<PayParams, GatewayError> {
        let body = PrepareBody::new(&self.merchant, payment);
        let body = serde_json::to_vec(&body).map_err(|_| GatewayError::Unknown)?;
        let answer = self.exchange(Method::POST, PREPARE_PATH, body, now).await?;
        let checked = answer.success(&self.keys, now)?;
        let prepared: Prepared = serde_json::from_slice(checked.bytes())
            .map_err(|_| unusable(NotificationRefused::Content))?;
        if !is_prepay_id(&prepared.prepay_id) {
            return Err(unusable(NotificationRefused::Content));
        }
        self.pay_params(&prepared.prepay_id, now).map_err(unsigned)
    }

    async fn query(
        &self,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Result<ProviderState, GatewayError> {
        let number = path_segment(out_trade_no);
        let mch_id = &self.merchant.mch_id;
        let path = format!("{TRANSACTION_PATH}/{number}?mchid={mch_id}");
        let answer = self.exchange(Method::GET, &path, Vec::new(), now).await?;
        match answer.success(&self.keys, now) {
            Ok(checked) => {
                let evidence = || answer.evidence(now);
                self.state_of(&checked, out_trade_no, evidence).map_err(unusable)
            }
            Err(GatewayError::Refused { code }) if code == ORDER_NOT_EXIST => {
                Ok(ProviderState::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    async fn close(
        &self,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Result<CloseOutcome, GatewayError> {
        let path = format!("{TRANSACTION_PATH}/{}/close", path_segment(out_trade_no));
        let body = serde_json::to_vec(&CloseBody { mchid: &self.merchant.mch_id })
            .map_err(|_| GatewayError::Unknown)?;
        let answer = self.exchange(Method::POST, &path, body, now).await?;
        match answer.success(&self.keys, now) {
            Ok(_) => Ok(CloseOutcome::Closed),
            Err(GatewayError::Refused { code }) => match code.as_str() {
                ORDER_CLOSED => Ok(CloseOutcome::Closed),
                ORDER_PAID => Ok(CloseOutcome::Paid),
                ORDER_NOT_EXIST => Ok(CloseOutcome::Unknown),
                _ => Err(GatewayError::Refused { code }),
            },
            Err(error) => Err(error),
        }
    }

    async fn refund(
        &self,
        refund: &RefundRequest,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError> {
        let body =
            serde_json::to_vec(&RefundBody::new(refund)).map_err(|_| GatewayError::Unknown)?;
        let answer = self.exchange(Method::POST, REFUND_PATH, body, now).await?;
        self.refund_told(&answer, &refund.numbers, now)
    }

    async fn query_refund(
        &self,
        refund: &RefundNumbers,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError> {
        let path = format!("{REFUND_PATH}/{}", path_segment(&refund.out_refund_no));
        let answer = self.exchange(Method::GET, &path, Vec::new(), now).await?;
        match self.refund_told(&answer, refund, now) {
            Err(GatewayError::Refused { code }) if code == REFUND_NOT_EXIST => {
                Ok(RefundState::Unknown)
            }
            told => told,
        }
    }

    fn pause_between_refunds(&self) -> Duration {
        PAUSE_BETWEEN_REFUNDS
    }

    fn signed_headers(&self) -> &'static [&'static str] {
        &received::SIGNED_HEADERS
    }

    fn reread(
        &self,
        answer: &RawNotification<'_>,
        out_trade_no: &str,
        at: Timestamp,
    ) -> Result<ProviderState, NotificationRefused> {
        let headers = KeptHeaders::of(answer.headers, &received::SIGNED_HEADERS);
        let evidence = || Evidence { headers, body: answer.body.to_vec(), checked_at: at };
        self.state_of(&self.keys.check(answer, at)?, out_trade_no, evidence)
    }

    fn reread_refund(
        &self,
        answer: &RawNotification<'_>,
        refund: &RefundNumbers,
        at: Timestamp,
    ) -> Result<RefundState, NotificationRefused> {
        let headers = KeptHeaders::of(answer.headers, &received::SIGNED_HEADERS);
        let checked = self.keys.check(answer, at)?;
        let fact = WireRefund::answered(checked.bytes(), refund, &self.merchant, checked.proof())?;
        let evidence = Evidence { headers, body: answer.body.to_vec(), checked_at: at };
        Ok(RefundState::Known(fact, evidence))
    }

    fn verify_head(
        &self,
        headers: &dyn Headers,
        now: Timestamp,
    ) -> Result<(), NotificationRefused> {
        self.keys.check_head(headers, now)
    }

    fn verify(
        &self,
        raw: &RawNotification<'_>,
        now: Timestamp,
    ) -> Result<VerifiedNotification, NotificationRefused> {
        notification::verify(raw, &self.keys, &self.api_v3_key, &self.merchant, now)
    }
}

/// Encodes a path segment exactly as it is sent and signed.
fn path_segment(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'*' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// 32 random hex digits.
fn fresh_nonce() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

fn unsigned(error: SigningFailed) -> GatewayError {
    tracing::error!(%error, "WeChat Pay: request not signed");
    GatewayError::Unknown
}

fn unusable(reason: NotificationRefused) -> GatewayError {
    tracing::warn!(%reason, "WeChat Pay: answer not usable");
    GatewayError::Unknown
}
