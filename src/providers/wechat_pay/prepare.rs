//! What is sent to make a payment known and to close it.

use super::Merchant;
use crate::payments::gateway::Prepare;
use serde::{Deserialize, Serialize};

/// The longest description in bytes: documented as 127 characters, on older pages as 127 bytes.
const DESCRIPTION_MAX_BYTES: usize = 127;
/// The longest prepay id, in characters.
const PREPAY_ID_MAX_CHARS: usize = 64;

/// The body of a payment request. Fields without a value are omitted: WeChat refuses `null`.
#[derive(Serialize)]
pub(super) struct PrepareBody<'a> {
    appid: &'a str,
    mchid: &'a str,
    description: String,
    out_trade_no: &'a str,
    time_expire: String,
    notify_url: &'a str,
    amount: PrepareAmount,
    payer: PreparePayer<'a>,
}

#[derive(Serialize)]
struct PrepareAmount {
    total: i64,
    currency: &'static str,
}

#[derive(Serialize)]
struct PreparePayer<'a> {
    openid: &'a str,
}

#[derive(Serialize)]
pub(super) struct CloseBody<'a> {
    pub(super) mchid: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Prepared {
    pub(super) prepay_id: String,
}

impl<'a> PrepareBody<'a> {
    pub(super) fn new(merchant: &'a Merchant, payment: &'a Prepare) -> Self {
        Self {
            appid: &merchant.app_id,
            mchid: &merchant.mch_id,
            description: description(&payment.description),
            out_trade_no: &payment.out_trade_no,
            time_expire: payment.expires_at.to_rfc3339(),
            notify_url: &payment.notify_url,
            amount: PrepareAmount { total: payment.amount.get(), currency: "CNY" },
            payer: PreparePayer { openid: &payment.payer },
        }
    }
}

/// The description in the form that WeChat accepts: without four-byte characters, truncated to the
/// maximum length.
pub(super) fn description(text: &str) -> String {
    let mut kept: String = text.chars().filter(|c| c.len_utf8() < 4).collect();
    kept.truncate(kept.floor_char_boundary(DESCRIPTION_MAX_BYTES));
    kept
}

/// A prepay id becomes part of a signed line, so it must not contain a line break.
pub(super) fn is_prepay_id(text: &str) -> bool {
    (1..=PREPAY_ID_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
