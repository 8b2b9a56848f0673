//! Handles a prepay request: checks it and makes a prepay id.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::authorization::Caller;
use super::book::{Full, Payments};
use super::payment::{Payment, State};
use super::prepay_fields::{PREPAY_FIELDS, PrepayRequest};
use super::refusal::Refusal;
use super::{WechatPay, body, numbers};
use crate::callbacks::Callback;
use crate::schema::Violation;
use crate::state::lock;

/// `time_expire` counts from a minute ahead to ninety days; without it an order has seven days.
const SHORTEST: TimeDelta = TimeDelta::minutes(1);
const LONGEST: TimeDelta = TimeDelta::days(90);
const USUAL: TimeDelta = TimeDelta::days(7);

/// A request that keeps to the rules of its form.
pub(super) struct PrepayOrder {
    request: PrepayRequest,
    /// As it was sent: a repetition must equal it.
    value: Value,
}

impl PrepayOrder {
    pub(super) fn number(&self) -> &str {
        &self.request.out_trade_no
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<PrepayOrder, Refusal> {
    let value = body::read(bytes, PREPAY_FIELDS)?;
    let request = serde_json::from_value(value.clone());
    let request = request.map_err(|_| Violation::new("", "", "请求体不是合法的JSON"))?;
    Ok(PrepayOrder { request, value })
}

impl WechatPay {
    /// A fresh prepay id for the order of the request, which is made if it is new.
    pub(super) fn prepay(
        &self,
        caller: &Caller,
        PrepayOrder { request, value }: PrepayOrder,
    ) -> Result<String, Refusal> {
        self.check_parties(&request, caller)?;
        let now = self.clock.now();
        let prepay_id = numbers::prepay_id(now);
        let mut payments = lock(&self.payments);
        self.admit(&mut payments, &request, value, now)?;
        payments.add_prepay((&request.mchid, &request.out_trade_no), &prepay_id, now);
        drop(payments);
        self.changes.notify();
        Ok(prepay_id)
    }

    fn check_parties(&self, request: &PrepayRequest, caller: &Caller) -> Result<(), Refusal> {
        if request.mchid != caller.mchid() {
            let issue = "与Http头Authorization中的mchid不一致";
            return Err(Violation::new("/mchid", &request.mchid, issue).into());
        }
        if !caller.merchant.app_ids.contains(&request.appid) {
            return Err(Refusal::app_not_bound());
        }
        let openid = &request.payer.openid;
        match self.wechat.user_by_openid(openid) {
            None => Err(Violation::new("/payer/openid", openid, "无效的openid").into()),
            Some(payer) if payer.app_id != request.appid => Err(Refusal::other_apps_openid()),
            Some(_) => Ok(()),
        }
    }

    /// Finds the order again if it is the same and unpaid, or adds it.
    fn admit(
        &self,
        payments: &mut Payments,
        request: &PrepayRequest,
        value: Value,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Some(known) = payments.get_of(&request.mchid, &request.out_trade_no) else {
            let callback = self.callbacks.open();
            let added = payments.insert(new_payment(request, value, now, callback), now);
            return added.map_err(|Full| Refusal::too_many());
        };
        match known.state {
            State::Paid(_) => Err(Refusal::prepay_of_paid()),
            State::Closed => Err(Refusal::closed()),
            State::NotPaid if known.request != value => Err(Refusal::other_parameters()),
            State::NotPaid => Ok(()),
        }
    }
}

fn new_payment(
    request: &PrepayRequest,
    value: Value,
    now: DateTime<Utc>,
    callback: Arc<Callback>,
) -> Payment {
    let asked = request.time_expire.as_deref();
    let asked = asked.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let pay_by = asked.map_or(now + USUAL, |at| at.to_utc()).clamp(now + SHORTEST, now + LONGEST);
    Payment {
        out_trade_no: request.out_trade_no.clone(),
        appid: request.appid.clone(),
        mchid: request.mchid.clone(),
        description: request.description.clone(),
        total_fen: request.amount.total,
        attach: request.attach.clone(),
        notify_url: request.notify_url.clone(),
        openid: request.payer.openid.clone(),
        created_at: now,
        pay_by,
        request: value,
        prepays: Vec::new(),
        state: State::NotPaid,
        failures: 0,
        callback,
        refunds: Vec::new(),
    }
}
