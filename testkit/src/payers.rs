//! Users of the platforms in a deployment: they sign in, bind and pay.

use crate::{PATIENCE, PEOPLE, Student, World, within, world::sandbox_keys};
use sandbox::{
    Sandbox,
    alipay::Alipay,
    clock::AdjustableClock,
    faults::Faults,
    wechat::WeChat,
    wechat_pay::{PaymentView, WechatPay},
};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

impl World {
    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox_running().sandbox()
    }

    /// The sandbox's clock.
    pub fn sandbox_clock(&self) -> &AdjustableClock {
        &self.sandbox().clock
    }

    /// WeChat Pay's stand-in.
    pub fn pay(&self) -> &Arc<WechatPay> {
        &self.sandbox_running().sandbox().wechat_pay
    }

    /// WeChat's stand-in.
    pub fn wechat(&self) -> &Arc<WeChat> {
        &self.sandbox_running().sandbox().wechat
    }

    /// What goes wrong in the sandbox on demand.
    pub fn faults(&self) -> &Faults {
        &self.sandbox_running().sandbox().faults
    }

    /// Alipay's stand-in.
    pub fn alipay(&self) -> &Arc<Alipay> {
        &self.sandbox_running().sandbox().alipay
    }

    /// The code that `wx.login` returns to this user.
    pub fn login_code(&self, user: u32) -> String {
        let sandbox = self.sandbox_running().sandbox();
        sandbox.wechat.issue_code(&sandbox.wechat.user(user).unwrap(), sandbox.clock.now())
    }

    /// Signs a WeChat user in.
    pub async fn login(&self, user: u32) -> Student {
        self.api().login(&self.login_code(user)).await
    }

    /// The code that `my.getAuthCode` returns to this user.
    pub fn alipay_code(&self, user: u32) -> String {
        let sandbox = self.sandbox_running().sandbox();
        sandbox.alipay.issue_code(&sandbox.alipay.user(user).unwrap(), sandbox.clock.now())
    }

    /// Signs a user in by Alipay and binds it to the person with the same index in [`PEOPLE`].
    pub async fn alipay_student(&self, user: u32) -> Student {
        let student = self.api().login_by("alipay", &self.alipay_code(user)).await;
        student.bind("xnec", PEOPLE[usize::try_from(user).unwrap()]).await.body(201);
        student
    }

    /// Signs a user in and binds it to the person with the same index in [`PEOPLE`].
    pub async fn student(&self, user: u32) -> Student {
        let student = self.login(user).await;
        student.bind("xnec", PEOPLE[usize::try_from(user).unwrap()]).await.body(201);
        student
    }

    /// The `out_trade_no` of the payment of an order.
    pub async fn out_trade_no(&self, order: &Value) -> String {
        let order: Uuid = order["id"].as_str().unwrap().parse().unwrap();
        self.rows.payment_of(order).await.simple().to_string()
    }

    /// Pays an order; the sandbox's settings decide whether the callback is sent.
    pub async fn pay_order(&self, order: &Value) -> PaymentView {
        self.pay().pay(&self.out_trade_no(order).await).unwrap()
    }

    /// Pays an order without a callback.
    pub async fn pay_untold(&self, order: &Value) -> PaymentView {
        self.pay().drop_callbacks(&self.out_trade_no(order).await).unwrap();
        self.pay_order(order).await
    }

    /// Waits until the sandbox's payment meets the condition.
    pub async fn until(&self, number: &str, so: impl Fn(&PaymentView) -> bool) -> PaymentView {
        within(PATIENCE, self.pay().until(number, so)).await
    }
}

/// The number of the merchant that schools share in the sandbox.
pub fn merchant() -> String {
    sandbox_keys().credentials.wechat_pay.mch_id.clone()
}
