//! What the mini-program's server API knows of paid orders.

use super::WechatPay;
use super::payment::Payment;
use crate::state::lock;

/// A paid order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaidOrder {
    pub(crate) app_id: String,
    pub(crate) openid: String,
    pub(crate) transaction_id: String,
}

impl WechatPay {
    pub(crate) fn paid_by_transaction(&self, transaction_id: &str) -> Option<PaidOrder> {
        paid(lock(&self.payments).by_transaction(transaction_id)?)
    }

    pub(crate) fn paid_by_number(&self, mchid: &str, out_trade_no: &str) -> Option<PaidOrder> {
        paid(lock(&self.payments).get_of(mchid, out_trade_no)?)
    }
}

fn paid(payment: &Payment) -> Option<PaidOrder> {
    Some(PaidOrder {
        app_id: payment.appid.clone(),
        openid: payment.openid.clone(),
        transaction_id: payment.paid()?.transaction_id.clone(),
    })
}
