//! Refunds as WeChat Pay describes them. A notification has the merchant and `refund_status`, and names
//! no currency; an answer has `status` and a currency, and does not name the merchant.

use super::{Merchant, transaction::is_number};
use crate::{
    base::{clock::Timestamp, crypto::rsa::CheckedSignature, money::Fen},
    payments::gateway::{
        NotificationRefused, Provider, RefundClaim, RefundFact, RefundNumbers, RefundOutcome,
        RefundRequest,
    },
};
use serde::{Deserialize, Serialize};

/// The longest number of a refund, in characters.
const REFUND_NO_MAX_CHARS: usize = 64;
/// The longest reason in bytes: documented as 80 characters.
const REASON_MAX_BYTES: usize = 80;

/// The fields that are used; unknown ones are ignored, repeated ones refused.
#[derive(Deserialize)]
pub(super) struct WireRefund {
    mchid: Option<String>,
    out_trade_no: String,
    transaction_id: String,
    out_refund_no: String,
    refund_id: String,
    /// In answers.
    status: Option<String>,
    /// In notifications.
    refund_status: Option<String>,
    success_time: Option<String>,
    amount: Amount,
}

/// `payer_refund` is omitted on purpose: it excludes the part that WeChat's coupons paid.
#[derive(Deserialize)]
struct Amount {
    refund: i64,
    currency: Option<String>,
}

impl WireRefund {
    fn parse(json: &[u8]) -> Result<Self, NotificationRefused> {
        serde_json::from_slice(json).map_err(|_| NotificationRefused::Content)
    }

    /// The fact of a notification whose body is that of `proof`.
    pub(super) fn notified(
        json: &[u8],
        merchant: &Merchant,
        proof: &CheckedSignature,
    ) -> Result<RefundFact, NotificationRefused> {
        let refund = Self::parse(json)?;
        if refund.mchid.as_deref() != Some(merchant.mch_id.as_str()) {
            return Err(NotificationRefused::NotOurs);
        }
        let status = refund.refund_status.clone().ok_or(NotificationRefused::Content)?;
        refund.into_fact(&status, merchant, proof)
    }

    /// The fact of an answer, which must be about the refund that was asked about.
    pub(super) fn answered(
        json: &[u8],
        asked: &RefundNumbers,
        merchant: &Merchant,
        proof: &CheckedSignature,
    ) -> Result<RefundFact, NotificationRefused> {
        let refund = Self::parse(json)?;
        let ours = refund.out_refund_no == asked.out_refund_no
            && refund.out_trade_no == asked.out_trade_no
            && refund.transaction_id == asked.transaction_id;
        if !ours {
            return Err(NotificationRefused::NotOurs);
        }
        if refund.amount.currency.as_deref() != Some("CNY") {
            return Err(NotificationRefused::Currency);
        }
        let status = refund.status.clone().ok_or(NotificationRefused::Content)?;
        refund.into_fact(&status, merchant, proof)
    }

    fn into_fact(
        self,
        status: &str,
        merchant: &Merchant,
        proof: &CheckedSignature,
    ) -> Result<RefundFact, NotificationRefused> {
        let malformed = NotificationRefused::Content;
        let outcome = match status {
            "PROCESSING" => RefundOutcome::Processing,
            "ABNORMAL" => RefundOutcome::Abnormal,
            "CLOSED" => RefundOutcome::Closed,
            "SUCCESS" => {
                let at = self.success_time.as_deref().ok_or(malformed)?;
                RefundOutcome::Done { at: Timestamp::parse_rfc3339(at).map_err(|_| malformed)? }
            }
            _ => return Err(malformed),
        };
        let amount = Fen::new(self.amount.refund).map_err(|_| malformed)?;
        let numbers = is_number(&self.out_trade_no)
            && is_number(&self.transaction_id)
            && is_refund_no(&self.out_refund_no)
            && is_refund_no(&self.refund_id);
        if amount.is_zero() || !numbers {
            return Err(malformed);
        }
        let claim = RefundClaim {
            provider: Provider::WechatPay,
            merchant: merchant.mch_id.clone(),
            out_trade_no: self.out_trade_no,
            transaction_id: self.transaction_id,
            out_refund_no: self.out_refund_no,
            refund_id: self.refund_id,
            amount,
            outcome,
        };
        Ok(RefundFact::new(proof, claim))
    }
}

fn is_refund_no(text: &str) -> bool {
    (1..=REFUND_NO_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The body of a refund request.
#[derive(Serialize)]
pub(super) struct RefundBody<'a> {
    transaction_id: &'a str,
    out_refund_no: &'a str,
    reason: &'a str,
    notify_url: &'a str,
    amount: RefundAmount,
}

#[derive(Serialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: &'static str,
}

impl<'a> RefundBody<'a> {
    pub(super) fn new(refund: &'a RefundRequest) -> Self {
        let reason = refund.reason.as_str();
        Self {
            transaction_id: &refund.numbers.transaction_id,
            out_refund_no: &refund.numbers.out_refund_no,
            reason: reason.get(..reason.floor_char_boundary(REASON_MAX_BYTES)).unwrap_or_default(),
            notify_url: &refund.notify_url,
            amount: RefundAmount {
                refund: refund.amount.get(),
                total: refund.total.get(),
                currency: "CNY",
            },
        }
    }
}
