//! A provider's claim that a payment was made, and the fact that a verified claim becomes.

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
    const ALL: [Self; 2] = [Self::WechatPay, Self::Alipay];

    /// The name in storage, references and account paths.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WechatPay => "wechat_pay",
            Self::Alipay => "alipay",
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
