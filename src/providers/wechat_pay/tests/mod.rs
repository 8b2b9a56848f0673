//! The gateway with valid and invalid messages.

mod calls;
mod certificates;
mod faults;
mod fuzz;
mod notifications;
mod refunds;

use super::testing::{APP_ID, MCH_ID};
use crate::{
    base::{clock::Timestamp, money::Fen},
    payments::gateway::{PaidClaim, Provider},
};
use serde_json::Value;

const OUT_TRADE_NO: &str = "0123456789abcdef0123456789abcdef";

/// The claim of [`super::testing::transaction`].
fn paid_claim() -> PaidClaim {
    PaidClaim {
        provider: Provider::WechatPay,
        merchant: MCH_ID.to_owned(),
        app_id: APP_ID.to_owned(),
        out_trade_no: OUT_TRADE_NO.to_owned(),
        transaction_id: "4200000000202601010000000001".to_owned(),
        amount: Fen::new(5000).unwrap(),
        payer: vec!["o-1".to_owned()],
        paid_at: Timestamp::parse_rfc3339("2026-01-01T09:59:58+08:00").unwrap(),
    }
}

fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[name] = new;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name).unwrap();
    value
}
