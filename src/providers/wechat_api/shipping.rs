//! Order shipping information: `POST /wxa/sec/order/upload_shipping_info`.

use super::{Answered, NoAnswer, WechatApi, wait_of};
use crate::{
    base::clock::Timestamp,
    messages::{MessageOutcome, Shipped},
};
use serde::Serialize;

const PATH: &str = "/wxa/sec/order/upload_shipping_info";

/// By the platform's number of the payment.
const BY_TRANSACTION: u8 = 2;
/// A virtual good, such as a top-up.
const VIRTUAL: u8 = 3;
/// In one delivery.
const WHOLE: u8 = 1;

/// WeChat knows it already: delivered, delivered twice, nothing new.
const KNOWN: [i64; 3] = [10_060_002, 10_060_003, 10_060_023];

#[derive(Serialize)]
struct Body<'a> {
    order_key: OrderKey<'a>,
    logistics_type: u8,
    delivery_mode: u8,
    shipping_list: [Item<'a>; 1],
    upload_time: String,
    payer: Payer<'a>,
}

#[derive(Serialize)]
struct OrderKey<'a> {
    order_number_type: u8,
    transaction_id: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    item_desc: &'a str,
}

#[derive(Serialize)]
struct Payer<'a> {
    openid: &'a str,
}

impl WechatApi {
    /// Tells that a paid order was delivered. No refusal is final: right after a payment WeChat may not
    /// know it yet (10060001), and what an operator has to repair can be told afterwards.
    pub(in crate::providers) async fn upload_shipping(
        &self,
        shipped: &Shipped,
        now: Timestamp,
    ) -> MessageOutcome {
        let body = Body {
            order_key: OrderKey {
                order_number_type: BY_TRANSACTION,
                transaction_id: &shipped.transaction_id,
            },
            logistics_type: VIRTUAL,
            delivery_mode: WHOLE,
            shipping_list: [Item { item_desc: shipped.what }],
            upload_time: with_milliseconds(&now.to_rfc3339()),
            payer: Payer { openid: &shipped.payer },
        };
        match self.call(PATH, &body).await {
            Ok(Answered { errcode: 0, .. }) => MessageOutcome::Taken,
            Ok(Answered { errcode, .. }) if KNOWN.contains(&errcode) => MessageOutcome::Taken,
            Ok(Answered { errcode, .. }) => MessageOutcome::Unknown { wait: wait_of(errcode) },
            Err(NoAnswer) => MessageOutcome::Unknown { wait: None },
        }
    }
}

/// The form that WeChat asks for: `2026-01-01T10:00:00.000+08:00`.
fn with_milliseconds(rfc3339: &str) -> String {
    let (time, zone) = rfc3339.split_once('+').unwrap_or((rfc3339, "08:00"));
    format!("{time}.000+{zone}")
}
