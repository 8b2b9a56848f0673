//! A payment as the query answers it and as a callback carries it.

use serde_json::{Value, json};

use super::payment::{Paid, Payment, State};
use super::refund::with;
use crate::clock::rfc3339;

/// The payer's bank; the same for every payment here.
const BANK_TYPE: &str = "OTHERS";

/// The answer to a query, in any state.
pub(super) fn queried(payment: &Payment) -> Value {
    match &payment.state {
        State::Paid(paid) if payment.left_fen() < payment.total_fen => {
            let refunded = json!({
                "trade_state": "REFUND",
                "trade_state_desc": "订单发生过退款，退款详情请查询退款单",
            });
            with(paid_transaction(payment, paid), refunded)
        }
        State::Paid(paid) => paid_transaction(payment, paid),
        State::NotPaid => unpaid(payment, "NOTPAY", "订单未支付"),
        State::Closed => unpaid(payment, "CLOSED", "订单已关闭"),
    }
}

/// A paid transaction, the only kind that is notified.
pub(super) fn paid_transaction(payment: &Payment, paid: &Paid) -> Value {
    json!({
        "appid": payment.appid,
        "mchid": payment.mchid,
        "out_trade_no": payment.out_trade_no,
        "transaction_id": paid.transaction_id,
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": BANK_TYPE,
        "attach": payment.attach.as_deref().unwrap_or_default(),
        "success_time": rfc3339(paid.at),
        "payer": { "openid": payment.openid },
        "amount": {
            "total": payment.total_fen,
            "payer_total": payment.total_fen,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
        "scene_info": { "device_id": "" },
        "promotion_detail": [],
    })
}

/// Before payment there is no transaction, no payer, and no amount paid.
fn unpaid(payment: &Payment, state: &str, description: &str) -> Value {
    json!({
        "appid": payment.appid,
        "mchid": payment.mchid,
        "out_trade_no": payment.out_trade_no,
        "trade_state": state,
        "trade_state_desc": description,
        "amount": { "total": payment.total_fen, "payer_currency": "CNY" },
        "scene_info": { "device_id": "" },
        "promotion_detail": [],
    })
}
