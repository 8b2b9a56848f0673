//! A provider's claims that a payment was made or given back, and the facts that verified claims become.

use crate::base::{clock::Timestamp, crypto::rsa::CheckedSignature, money::Fen};
use serde::Serialize;
use std::ops::Deref;

/// A payment provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// WeChat Pay, API v3.
    WechatPay,
    /// Alipay.
    Alipay,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::WechatPay, Self::Alipay];

    /// The name in storage, references and account paths.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WechatPay => "wechat_pay",
            Self::Alipay => "alipay",
        }
    }

    /// True if a number of a refund is unique among the refunds of one transaction only, and not among
    /// all of a merchant: so are Alipay's `out_request_no`.
    pub const fn numbers_refunds_by_transaction(self) -> bool {
        match self {
            Self::WechatPay => false,
            Self::Alipay => true,
        }
    }

    /// The provider of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.code() == code)
    }
}

/// The claim of a message or an answer that a payment was made. It has no effect until it is a
/// [`PaidFact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidClaim {
    /// The provider that makes the claim.
    pub provider: Provider,
    /// The merchant number it was paid to.
    pub merchant: String,
    /// The app id the payer used.
    pub app_id: String,
    /// Our number of the payment, as the provider repeats it. Not yet looked up.
    pub out_trade_no: String,
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// The full amount of the order, before the provider's coupons.
    pub amount: Fen,
    /// The ids by which the provider names the payer; none where it names nobody.
    pub payer: Vec<String>,
    /// When the provider took the money. Its day is the value date.
    pub paid_at: Timestamp,
}

/// A paid claim from a body whose signature was checked. It dereferences to its claim and is
/// immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidFact(PaidClaim);

impl PaidFact {
    /// Turns a claim into a fact. The caller must have read the claim from the body that `_proof`
    /// verifies.
    pub fn new(_proof: &CheckedSignature, claim: PaidClaim) -> Self {
        Self(claim)
    }
}

impl Deref for PaidFact {
    type Target = PaidClaim;

    fn deref(&self) -> &PaidClaim {
        &self.0
    }
}

/// How a refund stands at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// Accepted, and not at its end.
    Processing,
    /// The payer was given the money.
    Done {
        /// When. Its day is the value date.
        at: Timestamp,
    },
    /// The money could not go back the way it came, and is still to go back: neither done nor failed.
    Abnormal,
    /// It ended, and no money was given back.
    Closed,
}

/// The claim of a message or an answer about one refund. It has no effect until it is a
/// [`RefundFact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundClaim {
    /// The provider that makes the claim.
    pub provider: Provider,
    /// The merchant number that the payment was made to.
    pub merchant: String,
    /// Our number of the payment, as the provider repeats it. Not yet looked up.
    pub out_trade_no: String,
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// The merchant's number of the refund: ours, or one that the provider's console made up.
    pub out_refund_no: String,
    /// The provider's number of the refund; empty where it has none.
    pub refund_id: String,
    /// What this refund gives back of the payment's full amount.
    pub amount: Fen,
    /// How it stands.
    pub outcome: RefundOutcome,
}

/// A refund's claim from a body whose signature was checked. It dereferences to its claim and is
/// immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFact(RefundClaim);

impl RefundFact {
    /// Turns a claim into a fact. The caller must have read the claim from the body that `_proof`
    /// verifies.
    pub fn new(_proof: &CheckedSignature, claim: RefundClaim) -> Self {
        Self(claim)
    }
}

impl Deref for RefundFact {
    type Target = RefundClaim;

    fn deref(&self) -> &RefundClaim {
        &self.0
    }
}
