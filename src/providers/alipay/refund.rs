//! Refunds as Alipay describes them. Only the answer to a query says how a refund stands: the answer to
//! the refund itself names the sum of all refunds, and `fund_change` tells nothing of a repetition.

use super::{Shop, wire};
use crate::{
    base::crypto::rsa::CheckedSignature,
    payments::gateway::{
        Evidence, NotificationRefused, Provider, RefundClaim, RefundFact, RefundNumbers,
        RefundOutcome, RefundRequest, RefundState,
    },
};
use serde::{Deserialize, Serialize};

/// The longest reason, in characters.
const REASON_MAX_CHARS: usize = 256;

/// The fields that are used; unknown ones are ignored, repeated ones refused.
#[derive(Deserialize)]
pub(super) struct WireRefund {
    out_trade_no: Option<String>,
    trade_no: Option<String>,
    out_request_no: Option<String>,
    refund_amount: Option<String>,
    refund_status: Option<String>,
    gmt_refund_pay: Option<String>,
}

impl WireRefund {
    /// From the JSON of an answer to a query.
    pub(super) fn parse(json: &str) -> Result<Self, NotificationRefused> {
        serde_json::from_str(json).map_err(|_| NotificationRefused::Content)
    }

    /// The state of the refund that was asked about. The caller must have read this from the body of
    /// `proof`. Without a status it was not received, waits, or failed: nobody knows which.
    pub(super) fn into_state(
        self,
        asked: &RefundNumbers,
        shop: &Shop,
        proof: &CheckedSignature,
        evidence: impl FnOnce() -> Evidence,
    ) -> Result<RefundState, NotificationRefused> {
        if self.refund_status.as_deref() != Some("REFUND_SUCCESS") {
            return Ok(RefundState::Unknown);
        }
        let is = |told: &Option<String>, asked: &str| told.as_deref() == Some(asked);
        let ours = is(&self.out_request_no, &asked.out_refund_no)
            && is(&self.out_trade_no, &asked.out_trade_no)
            && is(&self.trade_no, &asked.transaction_id);
        if !ours {
            return Err(NotificationRefused::NotOurs);
        }
        let missing = NotificationRefused::Content;
        let amount = self.refund_amount.as_deref().and_then(wire::fen_of).ok_or(missing)?;
        let at = self.gmt_refund_pay.as_deref().and_then(wire::instant_of).ok_or(missing)?;
        if amount.is_zero() {
            return Err(missing);
        }
        let claim = RefundClaim {
            provider: Provider::Alipay,
            merchant: shop.seller_id.clone(),
            out_trade_no: asked.out_trade_no.clone(),
            transaction_id: asked.transaction_id.clone(),
            out_refund_no: asked.out_refund_no.clone(),
            refund_id: String::new(),
            amount,
            outcome: RefundOutcome::Done { at },
        };
        Ok(RefundState::Known(RefundFact::new(proof, claim), evidence()))
    }
}

/// The content of a refund.
#[derive(Serialize)]
pub(super) struct RefundContent<'a> {
    trade_no: &'a str,
    refund_amount: String,
    out_request_no: &'a str,
    refund_reason: String,
}

impl<'a> RefundContent<'a> {
    pub(super) fn new(refund: &'a RefundRequest) -> Self {
        Self {
            trade_no: &refund.numbers.transaction_id,
            refund_amount: wire::yuan_of(refund.amount),
            out_request_no: &refund.numbers.out_refund_no,
            refund_reason: refund.reason.chars().take(REASON_MAX_CHARS).collect(),
        }
    }
}

/// The content of a query of a refund. Its time is told only where it is asked for.
#[derive(Serialize)]
pub(super) struct OneRefund<'a> {
    trade_no: &'a str,
    out_request_no: &'a str,
    query_options: [&'static str; 1],
}

impl<'a> OneRefund<'a> {
    pub(super) fn of(numbers: &'a RefundNumbers) -> Self {
        Self {
            trade_no: &numbers.transaction_id,
            out_request_no: &numbers.out_refund_no,
            query_options: ["gmt_refund_pay"],
        }
    }
}
