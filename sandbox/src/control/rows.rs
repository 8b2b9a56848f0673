//! What the control page shows, as texts.

use chrono::{DateTime, Utc};

use crate::clock::china;
use crate::page::yuan;
use crate::requests::{Asked, Endpoint};
use crate::state::Sandbox;
use crate::wechat_pay::{
    CallbackState, CertificateState, CertificateView, Delivery, MerchantView, PaymentView,
};

pub(super) struct PaymentRow {
    pub(super) payment: PaymentView,
    pub(super) amount: String,
    pub(super) payer: String,
    pub(super) created: String,
    pub(super) pay_by: String,
    /// Unpaid, and nobody can pay it any more.
    pub(super) expired: bool,
    pub(super) state: &'static str,
    pub(super) callback: &'static str,
}

pub(super) struct DeliveryRow {
    pub(super) delivery: Delivery,
    pub(super) sent: String,
    pub(super) accepted: bool,
    pub(super) outcome: String,
    pub(super) body: String,
    pub(super) fault: &'static str,
}

pub(super) struct MerchantRow {
    pub(super) merchant: MerchantView,
    pub(super) school: String,
    pub(super) certificates: Vec<CertificateRow>,
}

pub(super) struct CertificateRow {
    pub(super) certificate: CertificateView,
    pub(super) expires: String,
    pub(super) state: &'static str,
    pub(super) live: bool,
    pub(super) signing: bool,
}

pub(super) struct RequestRow {
    pub(super) at: String,
    pub(super) endpoint: &'static str,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: String,
    pub(super) good: bool,
    pub(super) fault: &'static str,
}

/// A number of things of one kind.
pub(super) struct Count {
    pub(super) label: &'static str,
    pub(super) count: u64,
}

/// A rule that holds, in words.
pub(super) struct FaultRow {
    pub(super) on: String,
    pub(super) fault: String,
    pub(super) left: u32,
}

/// One of the choices of a form.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: &'static str,
}

pub(super) fn payment(payment: PaymentView, sandbox: &Sandbox) -> PaymentRow {
    let payer = sandbox.wechat.user_by_openid(&payment.openid);
    let expired = payment.trade_state == "NOTPAY" && sandbox.clock.now() > payment.pay_by;
    PaymentRow {
        amount: yuan(payment.total_fen),
        payer: payer.map_or_else(String::new, |user| user.name),
        created: moment(payment.created_at),
        pay_by: moment(payment.pay_by),
        expired,
        state: match payment.trade_state {
            "SUCCESS" => "已支付",
            "CLOSED" => "已关闭",
            _ if expired => "已过期",
            _ => "待支付",
        },
        callback: callback_label(payment.callback),
        payment,
    }
}

fn callback_label(state: CallbackState) -> &'static str {
    match state {
        CallbackState::Waiting => "—",
        CallbackState::Held => "已扣留",
        CallbackState::Dropped => "已丢弃",
        CallbackState::Underway => "投递中",
        CallbackState::Accepted => "已送达",
        CallbackState::GivenUp => "已放弃",
    }
}

pub(super) fn delivery(delivery: Delivery) -> DeliveryRow {
    DeliveryRow {
        sent: moment(delivery.sent_at),
        accepted: delivery.outcome.accepted(),
        outcome: delivery.outcome.to_string(),
        body: delivery.outcome.body().to_owned(),
        fault: delivery.fault.map_or("", |fault| fault.label()),
        delivery,
    }
}

pub(super) fn merchant(merchant: MerchantView) -> MerchantRow {
    let certificates = merchant.certificates.iter().cloned().map(certificate);
    MerchantRow {
        certificates: certificates.collect(),
        school: merchant.school.clone().unwrap_or_else(|| "通用".to_owned()),
        merchant,
    }
}

fn certificate(certificate: CertificateView) -> CertificateRow {
    CertificateRow {
        expires: china(certificate.expire_time).format("%Y-%m-%d %H:%M").to_string(),
        state: match certificate.state {
            CertificateState::Signing => "正在签名",
            CertificateState::Listed => "已下发",
            CertificateState::Expired => "已过期",
        },
        live: certificate.state != CertificateState::Expired,
        signing: certificate.state == CertificateState::Signing,
        certificate,
    }
}

pub(super) fn request(asked: Asked) -> RequestRow {
    RequestRow {
        at: moment(asked.at),
        endpoint: asked.endpoint.label(),
        method: asked.method,
        path: asked.path,
        status: asked.status.map_or_else(|| "处理中".to_owned(), |status| status.to_string()),
        good: asked.status.is_some_and(|status| status < 300) && asked.fault.is_none(),
        fault: asked.fault.map_or("", |fault| fault.label()),
    }
}

/// How many payments and callbacks stand how, and how often what was asked.
pub(super) fn counts(sandbox: &Sandbox) -> (Vec<Count>, Vec<Count>) {
    let summary = sandbox.wechat_pay.summary();
    let states = [
        ("待支付", summary.not_paid),
        ("已过期", summary.expired),
        ("已支付", summary.paid),
        ("已关闭", summary.closed),
        ("通知投递中", summary.underway),
        ("通知已扣留", summary.held),
        ("通知已丢弃", summary.dropped),
        ("通知已送达", summary.accepted),
        ("通知已放弃", summary.given_up),
    ];
    let asked = Endpoint::ALL
        .map(|endpoint| Count { label: endpoint.label(), count: sandbox.requests.count(endpoint) });
    (states.map(|(label, count)| Count { label, count }).into(), asked.into())
}

pub(super) fn faults(sandbox: &Sandbox) -> Vec<FaultRow> {
    let requests = sandbox.faults.active_on_requests().into_iter().map(|active| FaultRow {
        on: active.rule.on.map_or("任何接口", Endpoint::label).to_owned(),
        fault: active.rule.fault.label().to_owned(),
        left: active.left,
    });
    let callbacks = sandbox.faults.active_on_callbacks().into_iter().map(|active| FaultRow {
        on: match active.rule.out_trade_no {
            Some(number) => format!("通知 {number}"),
            None => "任何通知".to_owned(),
        },
        fault: active.rule.fault.label().to_owned(),
        left: active.left,
    });
    requests.chain(callbacks).collect()
}

fn moment(at: DateTime<Utc>) -> String {
    china(at).format("%m-%d %H:%M:%S").to_string()
}
