//! What a provider says of a payment, and when it counts as a fact.

use crate::base::{clock::Timestamp, crypto::rsa::CheckedSignature, money::Fen};
use serde::Serialize;
use std::ops::Deref;

/// A provider of payments, as written in orders and in account names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// WeChat Pay, API v3.
    WechatPay,
}

impl Provider {
    /// The name in storage, references and account paths.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WechatPay => "wechat_pay",
        }
    }

    /// The provider of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        (code == Self::WechatPay.code()).then_some(Self::WechatPay)
    }
}

/// What a message or an answer says of a payment that was made. Nobody acts on it before it is a
/// [`PaidFact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidClaim {
    /// Who says so.
    pub provider: Provider,
    /// The merchant number it was paid to.
    pub merchant: String,
    /// The app id the payer used.
    pub app_id: String,
    /// Our number of the payment, as the provider repeats it. Not yet looked up.
    pub out_trade_no: String,
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// The whole amount of the order, before the provider's coupons.
    pub amount: Fen,
    /// The payer's identity at the provider, where it is told.
    pub payer: Option<String>,
    /// When the provider took the money. Its day is the value date.
    pub paid_at: Timestamp,
}

/// A payment that a provider says was made, from a body whose signature was checked. It reads as
/// its claim and cannot be altered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidFact(PaidClaim);

impl PaidFact {
    /// The fact of a claim. The caller read the claim from the body whose signature `_proof` is.
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
