//! Checks the parameters of `wx.requestPayment`, as WeChat does before it opens the cashier.

use serde::Deserialize;

use super::payment::NotPayable;
use super::{PaymentView, WechatPay};
use crate::state::lock;

/// The parameters of `wx.requestPayment`, with the app id that a phone knows by itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PaymentCall {
    #[serde(default)]
    pub(super) app_id: String,
    #[serde(default)]
    pub(super) time_stamp: String,
    #[serde(default)]
    pub(super) nonce_str: String,
    #[serde(default)]
    pub(super) package: String,
    #[serde(default)]
    pub(super) sign_type: String,
    #[serde(default)]
    pub(super) pay_sign: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallRefusal {
    #[error("sign_type 只能是 RSA")]
    SignType,
    #[error("package 应为 prepay_id=…")]
    Package,
    #[error("time_stamp 应为以秒计的时间")]
    TimeStamp,
    #[error("支付验证签名失败")]
    Signature,
    #[error("没有这个预支付单")]
    UnknownPrepay,
    #[error("预支付单不属于这个 app_id")]
    OtherApp,
    #[error("预支付单已超过 2 小时，请重新下单")]
    PrepayExpired,
    #[error(transparent)]
    NotPayable(#[from] NotPayable),
}

impl WechatPay {
    /// The payment that a signed call opens, if it can be paid now.
    pub(super) fn open(&self, call: &PaymentCall) -> Result<PaymentView, CallRefusal> {
        if call.sign_type != "RSA" {
            return Err(CallRefusal::SignType);
        }
        let prepay_id = call.package.strip_prefix("prepay_id=").ok_or(CallRefusal::Package)?;
        call.time_stamp.parse::<u64>().map_err(|_| CallRefusal::TimeStamp)?;
        let PaymentCall { app_id, time_stamp, nonce_str, package, .. } = call;
        let message = format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n");
        let mut signers = self
            .merchants
            .iter()
            .filter(|merchant| merchant.keys.merchant.accepts(message.as_bytes(), &call.pay_sign));
        let signer = signers.next().ok_or(CallRefusal::Signature)?;
        let now = self.clock.now();
        let payments = lock(&self.payments);
        let payment = payments.by_prepay(prepay_id);
        let payment = payment.filter(|payment| payment.mchid == signer.mch_id());
        let payment = payment.ok_or(CallRefusal::UnknownPrepay)?;
        if payment.appid != *app_id {
            return Err(CallRefusal::OtherApp);
        }
        let prepay = payment.prepays.iter().find(|prepay| prepay.id == prepay_id);
        if prepay.is_none_or(|prepay| now > prepay.expires_at) {
            return Err(CallRefusal::PrepayExpired);
        }
        payment.payable(now)?;
        Ok(PaymentView::from(payment))
    }
}
