//! Refunds: the merchant's requests, what happens to them, and those made in the merchant's console.

use std::sync::Arc;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acts::ActRefusal;
use super::authorization::Caller;
use super::book::Payments;
use super::notification::Notification;
use super::payment::Payment;
use super::prepay_fields::is_notify_url;
use super::refund::{AGE, MOST, PAUSE, Refund, RefundStatus, answered};
use super::refusal::Refusal;
use super::{WechatPay, answer, body, numbers};
use crate::callbacks::{CallbackState, Repeat, Tally};
use crate::requests;
use crate::schema::{Field, Rule, Violation, optional, required};
use crate::state::lock;

const AMOUNT: &[Field] = &[
    required("refund", Rule::Whole { min: 1 }),
    required("total", Rule::Whole { min: 1 }),
    required("currency", Rule::Form { max: 16, is: |text| text == "CNY", issue: "只支持CNY" }),
];

const FIELDS: &[Field] = &[
    optional("transaction_id", Rule::Text { min: 1, max: 32 }),
    optional("out_trade_no", Rule::Text { min: 6, max: 32 }),
    required(
        "out_refund_no",
        Rule::Form {
            max: 64, is: is_out_refund_no, issue: "应为1至64位的数字、字母或_-|*@"
        },
    ),
    optional("reason", Rule::Text { min: 1, max: 80 }),
    optional(
        "notify_url",
        Rule::Form { max: 256, is: is_notify_url, issue: "应为不带参数的https地址" },
    ),
    required("amount", Rule::Record(AMOUNT)),
];

#[derive(Debug, Deserialize)]
struct RefundRequest {
    transaction_id: Option<String>,
    out_trade_no: Option<String>,
    out_refund_no: String,
    notify_url: Option<String>,
    amount: RefundAmount,
}

#[derive(Debug, Deserialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
}

/// What happens to refunds by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundMode {
    /// They are accepted, and then succeed.
    #[default]
    Succeed,
    /// They stay under way until somebody decides.
    ByHand,
    /// The merchant's account holds too little: they are refused.
    NotEnough,
}

/// How a refund ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundEnd {
    Succeed,
    Close,
    Abnormal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundView {
    pub out_refund_no: String,
    pub refund_id: String,
    pub out_trade_no: String,
    pub amount_fen: i64,
    /// WeChat's `status`.
    pub status: &'static str,
    pub callback: CallbackState,
    /// Tries of callbacks that ended, and those of them that were answered with 2xx.
    pub attempts: u32,
    pub accepted: u32,
}

impl RefundView {
    fn of(payment: &Payment, refund: &Refund) -> Self {
        let callback = *refund.callback.progress();
        Self {
            out_refund_no: refund.out_refund_no.clone(),
            refund_id: refund.number.clone(),
            out_trade_no: payment.out_trade_no.clone(),
            amount_fen: refund.amount_fen,
            status: refund.status.name(),
            callback: callback.state,
            attempts: callback.attempts,
            accepted: callback.accepted,
        }
    }
}

pub(super) async fn refund(
    request: HttpRequest,
    bytes: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &bytes)?;
    let value = body::read(&bytes, FIELDS)?;
    let wanted: RefundRequest = serde_json::from_value(value.clone())
        .map_err(|_| Violation::new("", "", "请求体不是合法的JSON"))?;
    requests::set_about(&request, &wanted.out_refund_no);
    let told = pay.accept(&caller, &wanted, value)?;
    Ok(answer::ok(&caller, pay.clock.now(), &told))
}

pub(super) async fn query(
    request: HttpRequest,
    out_refund_no: Path<String>,
    bytes: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    requests::set_about(&request, &out_refund_no);
    let caller = pay.authorize(&request, &bytes)?;
    let payments = lock(&pay.payments);
    let found = payments.with_refund_of(caller.mchid(), &out_refund_no);
    let told = found.map(|(payment, refund)| answered(payment, refund));
    let told = told.ok_or_else(|| Refusal::not_found("退款单不存在"))?;
    Ok(answer::ok(&caller, pay.clock.now(), &told))
}

impl WechatPay {
    /// Accepts a refund, or finds it again; answers how it stood when it was accepted, or stands.
    fn accept(
        &self,
        caller: &Caller,
        wanted: &RefundRequest,
        value: Value,
    ) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut payments = lock(&self.payments);
        if let Some((payment, known)) =
            payments.with_refund_of(caller.mchid(), &wanted.out_refund_no)
        {
            let same = known.request == value;
            return if same { Ok(answered(payment, known)) } else { Err(Refusal::other_refund()) };
        }
        let mode = self.refund_mode();
        let callback = self.callbacks.open();
        let payment = wanted.payment(&mut payments, caller.mchid())?;
        wanted.check(payment, now)?;
        if mode == RefundMode::NotEnough {
            return Err(Refusal::not_enough());
        }
        let refund = Refund {
            out_refund_no: wanted.out_refund_no.clone(),
            number: numbers::refund_id(now),
            amount_fen: wanted.amount.refund,
            notify_url: wanted.notify_url.clone().unwrap_or_else(|| payment.notify_url.clone()),
            created_at: now,
            request: value,
            status: RefundStatus::Processing,
            callback,
        };
        let told = answered(payment, &refund);
        payment.refunds.push(refund);
        let out_trade_no = payment.out_trade_no.clone();
        payments.index_refund(caller.mchid(), &out_trade_no, &wanted.out_refund_no);
        drop(payments);
        if mode == RefundMode::Succeed {
            // It exists, and is under way.
            let _ = self.end_refund(&wanted.out_refund_no, RefundEnd::Succeed);
        }
        self.changes.notify();
        Ok(told)
    }

    /// Ends a refund that is under way or abnormal, and reports it.
    pub fn end_refund(
        &self,
        out_refund_no: &str,
        end: RefundEnd,
    ) -> Result<RefundView, ActRefusal> {
        let now = self.clock.now();
        let mut payments = lock(&self.payments);
        let (mchid, place) =
            payments.place_of_refund(out_refund_no).ok_or(ActRefusal::NoSuchRefund)?;
        let merchant = self.merchant_of(&mchid).ok_or(ActRefusal::NoSuchMerchant)?.clone();
        // A report of its own: an abnormal refund was reported as such before.
        let fresh = self.callbacks.open();
        let (payment, index) = payments.at_refund(place).ok_or(ActRefusal::NoSuchRefund)?;
        let refund = payment.refunds.get_mut(index).ok_or(ActRefusal::NoSuchRefund)?;
        match refund.status {
            RefundStatus::Processing => {}
            RefundStatus::Abnormal => refund.callback = fresh,
            RefundStatus::Success(_) | RefundStatus::Closed => {
                return Err(ActRefusal::RefundEnded);
            }
        }
        refund.status = match end {
            RefundEnd::Succeed => RefundStatus::Success(now),
            RefundEnd::Close => RefundStatus::Closed,
            RefundEnd::Abnormal => RefundStatus::Abnormal,
        };
        let refund = payment.refunds.get(index).ok_or(ActRefusal::NoSuchRefund)?;
        if let Some(told) = Notification::of_refund(payment, refund, &merchant)? {
            self.callbacks.report(&refund.callback, Arc::new(told))?;
        }
        let view = RefundView::of(payment, refund);
        drop(payments);
        self.changes.notify();
        Ok(view)
    }

    /// Refunds in the merchant's console, past its program: under a number that the console makes up, and
    /// reported to the address of the payment.
    pub fn refund_in_console(
        &self,
        out_trade_no: &str,
        amount_fen: i64,
    ) -> Result<RefundView, ActRefusal> {
        let now = self.clock.now();
        let out_refund_no = format!("console-{}", numbers::refund_id(now));
        let mut payments = lock(&self.payments);
        let callback = self.callbacks.open();
        let payment = payments.get_mut(out_trade_no).ok_or(ActRefusal::NoSuchPayment)?;
        if payment.paid().is_none() || amount_fen < 1 || amount_fen > payment.left_fen() {
            return Err(ActRefusal::NotRefundable);
        }
        let mchid = payment.mchid.clone();
        payment.refunds.push(Refund {
            out_refund_no: out_refund_no.clone(),
            number: numbers::refund_id(now),
            amount_fen,
            notify_url: payment.notify_url.clone(),
            created_at: now,
            request: Value::Null,
            status: RefundStatus::Processing,
            callback,
        });
        payments.index_refund(&mchid, out_trade_no, &out_refund_no);
        drop(payments);
        self.end_refund(&out_refund_no, RefundEnd::Succeed)
    }

    pub fn set_refund_mode(&self, mode: RefundMode) {
        *lock(&self.refund_mode) = mode;
        self.changes.notify();
    }

    /// What happens to refunds by themselves now.
    pub fn refund_mode(&self) -> RefundMode {
        *lock(&self.refund_mode)
    }

    /// A refund by the merchant's number.
    pub fn refund_view(&self, out_refund_no: &str) -> Option<RefundView> {
        let payments = lock(&self.payments);
        let (mchid, _) = payments.place_of_refund(out_refund_no)?;
        let (payment, refund) = payments.with_refund_of(&mchid, out_refund_no)?;
        Some(RefundView::of(payment, refund))
    }

    /// The refunds of a payment, oldest first.
    pub fn refunds_of(&self, out_trade_no: &str) -> Vec<RefundView> {
        let payments = lock(&self.payments);
        let Some(payment) = payments.get(out_trade_no) else { return Vec::new() };
        payment.refunds.iter().map(|refund| RefundView::of(payment, refund)).collect()
    }

    /// Waits until the refund exists and meets the condition. Callers bound the time.
    pub async fn until_refund(
        &self,
        out_refund_no: &str,
        condition: impl Fn(&RefundView) -> bool,
    ) -> RefundView {
        self.changes.until(|| self.refund_view(out_refund_no).filter(&condition)).await
    }

    /// No report of this refund is delivered from now on.
    pub fn drop_refund_callbacks(&self, out_refund_no: &str) -> Result<RefundView, ActRefusal> {
        let callback = self.refund_callback(out_refund_no)?;
        self.callbacks.discard(&callback);
        self.refund_view(out_refund_no).ok_or(ActRefusal::NoSuchRefund)
    }

    /// Sends the report at once, with retries, even if it was held or dropped.
    pub fn deliver_refund(&self, out_refund_no: &str) -> Result<RefundView, ActRefusal> {
        let callback = self.refund_callback(out_refund_no)?;
        self.callbacks.deliver(&callback)?;
        self.refund_view(out_refund_no).ok_or(ActRefusal::NoSuchRefund)
    }

    /// Sends copies of the report, each once and signed on its own, and waits for all answers.
    pub async fn repeat_refund(
        &self,
        out_refund_no: &str,
        how: Repeat,
    ) -> Result<Tally, ActRefusal> {
        let callback = self.refund_callback(out_refund_no)?;
        Ok(self.callbacks.repeat(&callback, how).await?)
    }

    fn refund_callback(
        &self,
        out_refund_no: &str,
    ) -> Result<Arc<crate::callbacks::Callback>, ActRefusal> {
        let payments = lock(&self.payments);
        let (mchid, _) = payments.place_of_refund(out_refund_no).ok_or(ActRefusal::NoSuchRefund)?;
        let found = payments.with_refund_of(&mchid, out_refund_no);
        let (_, refund) = found.ok_or(ActRefusal::NoSuchRefund)?;
        Ok(refund.callback.clone())
    }
}

impl RefundRequest {
    /// The merchant's payment that the request names, by either number or both.
    fn payment<'p>(
        &self,
        payments: &'p mut Payments,
        mchid: &str,
    ) -> Result<&'p mut Payment, Refusal> {
        let by_transaction = match &self.transaction_id {
            None => None,
            Some(id) => {
                let found = payments.by_transaction(id).filter(|payment| payment.mchid == mchid);
                let found = found.map(|payment| payment.out_trade_no.clone());
                Some(found.ok_or_else(|| Refusal::not_found("订单不存在"))?)
            }
        };
        let number = match (&self.out_trade_no, by_transaction) {
            (None, None) => {
                let issue = "transaction_id和out_trade_no二选一";
                return Err(Violation::new("/out_trade_no", "", issue).into());
            }
            (Some(one), Some(other)) if *one != other => {
                return Err(Refusal::refund_refused("transaction_id与out_trade_no不一致"));
            }
            (Some(one), _) => one.clone(),
            (None, Some(other)) => other,
        };
        let payment = payments.get_mut_of(mchid, &number);
        payment.ok_or_else(|| Refusal::not_found("订单不存在"))
    }

    fn check(&self, payment: &Payment, now: DateTime<Utc>) -> Result<(), Refusal> {
        let Some(paid) = payment.paid() else {
            return Err(Refusal::refund_refused("订单未支付"));
        };
        if self.amount.total != payment.total_fen {
            return Err(Refusal::refund_refused("订单金额与原订单不一致"));
        }
        if now - paid.at > AGE {
            return Err(Refusal::refund_refused("订单已超过可退款的最大期限"));
        }
        if payment.refunds.len() >= MOST {
            return Err(Refusal::refund_refused("部分退款次数超限"));
        }
        if self.amount.refund > payment.left_fen() {
            return Err(Refusal::refund_refused("申请退款金额大于可退金额"));
        }
        let last = payment.refunds.last().map(|refund| refund.created_at);
        if last.is_some_and(|last| now - last < PAUSE) {
            return Err(Refusal::too_often());
        }
        Ok(())
    }
}

fn is_out_refund_no(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte))
}
