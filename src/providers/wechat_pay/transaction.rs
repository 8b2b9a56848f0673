//! Payments as WeChat Pay describes them, in notifications and in answers to queries.

use super::Merchant;
use crate::{
    base::{clock::Timestamp, crypto::rsa::CheckedSignature, money::Fen},
    payments::gateway::{NamedPayment, NotificationRefused, PaidClaim, PaidFact, Provider},
};
use serde::Deserialize;
use std::borrow::Cow;

/// The longest number of a payment, ours or WeChat's, in characters.
const NUMBER_MAX_CHARS: usize = 32;

/// The fields that are used; unknown ones are ignored, repeated ones refused.
#[derive(Deserialize)]
pub(super) struct WirePayment<'a> {
    appid: String,
    pub(super) mchid: String,
    pub(super) out_trade_no: String,
    #[serde(borrow)]
    pub(super) trade_state: Cow<'a, str>,
    transaction_id: Option<String>,
    success_time: Option<String>,
    payer: Option<Payer>,
    amount: Option<Amount>,
}

#[derive(Deserialize)]
struct Payer {
    openid: Option<String>,
}

/// `payer_total` is omitted on purpose: it excludes the part that WeChat's coupons paid.
#[derive(Deserialize)]
struct Amount {
    total: i64,
    currency: Option<String>,
}

impl<'a> WirePayment<'a> {
    /// From JSON; anything else is [`NotificationRefused::Content`].
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, NotificationRefused> {
        serde_json::from_slice(json).map_err(|_| NotificationRefused::Content)
    }

    /// True for a payment to this merchant. The app is compared with the payment later: the
    /// configured app may have changed since the payment was made.
    pub(super) fn is_of(&self, merchant: &Merchant) -> bool {
        self.mchid == merchant.mch_id
    }

    /// Converts to a fact. The caller must have read this from the body of `proof` and checked that
    /// its state is paid.
    pub(super) fn into_paid_fact(
        self,
        proof: &CheckedSignature,
    ) -> Result<PaidFact, NotificationRefused> {
        let missing = NotificationRefused::Content;
        let amount = self.amount.ok_or(missing)?;
        if amount.currency.as_deref() != Some("CNY") {
            return Err(NotificationRefused::Currency);
        }
        let total = Fen::new(amount.total).map_err(|_| missing)?;
        let transaction_id = self.transaction_id.ok_or(missing)?;
        let success_time = self.success_time.ok_or(missing)?;
        if total.is_zero() || !is_number(&transaction_id) || !is_number(&self.out_trade_no) {
            return Err(missing);
        }
        let claim = PaidClaim {
            provider: Provider::WechatPay,
            merchant: self.mchid,
            app_id: self.appid,
            out_trade_no: self.out_trade_no,
            transaction_id,
            amount: total,
            payer: self.payer.and_then(|payer| payer.openid).into_iter().collect(),
            paid_at: Timestamp::parse_rfc3339(&success_time).map_err(|_| missing)?,
        };
        Ok(PaidFact::new(proof, claim))
    }
}

impl WirePayment<'_> {
    /// The numbers of the payment.
    pub(super) fn into_named(self) -> Result<NamedPayment, NotificationRefused> {
        named(self.out_trade_no, self.transaction_id.unwrap_or_default())
    }
}

fn named(
    out_trade_no: String,
    transaction_id: String,
) -> Result<NamedPayment, NotificationRefused> {
    let known = transaction_id.is_empty() || is_number(&transaction_id);
    if !known || !is_number(&out_trade_no) {
        return Err(NotificationRefused::Content);
    }
    Ok(NamedPayment { out_trade_no, transaction_id, ..NamedPayment::default() })
}

/// True for a number of a payment, ours or WeChat's.
pub(super) fn is_number(text: &str) -> bool {
    (1..=NUMBER_MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
