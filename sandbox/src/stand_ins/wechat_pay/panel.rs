//! WeChat Pay's part of the control page.

use askama::Template;

use super::{
    CertificateState, CertificateView, MerchantView, PaymentView, RefundMode, RefundView, WechatPay,
};
use crate::clock::china;
use crate::control::{Count, PAGE_LENGTH, Pages, Panel, Visit, moment};
use crate::page::{self, yuan};

#[derive(Template)]
#[template(path = "wechat_pay/payments.html")]
struct PaymentsSection {
    payments: Vec<PaymentRow>,
    payment_pages: Pages,
    refund_modes: Vec<RefundChoice>,
}

/// What may happen to refunds by themselves.
struct RefundChoice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

struct PaymentRow {
    payment: PaymentView,
    amount: String,
    payer: String,
    created: String,
    pay_by: String,
    /// Unpaid, and its time to pay is over.
    expired: bool,
    state: &'static str,
    callback: &'static str,
    refunds: Vec<RefundRow>,
    /// In yuan.
    refunded: String,
    left: String,
    /// Whether something is left to be given back.
    refundable: bool,
}

struct RefundRow {
    refund: RefundView,
    amount: String,
    state: &'static str,
    callback: &'static str,
    /// Somebody may say how it ends.
    open: bool,
}

#[derive(Template)]
#[template(path = "wechat_pay/merchants.html")]
struct MerchantsSection {
    merchants: Vec<MerchantRow>,
}

struct MerchantRow {
    merchant: MerchantView,
    school: String,
    certificates: Vec<CertificateRow>,
}

struct CertificateRow {
    certificate: CertificateView,
    expires: String,
    state: &'static str,
    live: bool,
    signing: bool,
}

pub(super) fn panel(pay: &WechatPay, visit: &Visit) -> Panel {
    let payment_pages = visit.pages("page", pay.payments(0, 0).1);
    let (payments, _) = pay.payments(payment_pages.skipped(), PAGE_LENGTH);
    let payments = payments.into_iter().map(|payment| payment_row(payment, pay)).collect();
    let merchants = pay.merchants().into_iter().map(merchant_row).collect();
    Panel {
        counts: counts(pay),
        activity: vec![page::section(&PaymentsSection {
            payments,
            payment_pages,
            refund_modes: refund_modes(pay),
        })],
        setup: vec![page::section(&MerchantsSection { merchants })],
        ..Panel::default()
    }
}

/// How many payments and callbacks are in which state.
fn counts(pay: &WechatPay) -> Vec<Count> {
    let summary = pay.summary();
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
    states.map(|(label, count)| Count { label, count }).into()
}

fn refund_modes(pay: &WechatPay) -> Vec<RefundChoice> {
    let set = pay.refund_mode();
    let modes = [
        (RefundMode::Succeed, "succeed", "立即退款"),
        (RefundMode::ByHand, "by_hand", "受理，等待手动完成"),
        (RefundMode::NotEnough, "not_enough", "拒绝：余额不足"),
    ];
    let choice = |(mode, value, label)| RefundChoice { value, label, chosen: mode == set };
    modes.map(choice).into()
}

fn payment_row(payment: PaymentView, pay: &WechatPay) -> PaymentRow {
    let payer = pay.wechat.user_by_openid(&payment.openid);
    let expired = payment.trade_state == "NOTPAY" && pay.clock.now() > payment.pay_by;
    let refunds = pay.refunds_of(&payment.out_trade_no);
    let sum = |counts: fn(&RefundView) -> bool| -> i64 {
        refunds.iter().filter(|refund| counts(refund)).map(|refund| refund.amount_fen).sum()
    };
    let left = payment.total_fen - sum(|refund| refund.status != "CLOSED");
    PaymentRow {
        refunded: yuan(sum(|refund| refund.status == "SUCCESS")),
        left: yuan(left),
        refundable: left > 0,
        refunds: refunds.into_iter().map(refund_row).collect(),
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
        callback: payment.callback.label(),
        payment,
    }
}

fn refund_row(refund: RefundView) -> RefundRow {
    RefundRow {
        amount: yuan(refund.amount_fen),
        state: match refund.status {
            "SUCCESS" => "已退款",
            "CLOSED" => "已关闭",
            "ABNORMAL" => "异常",
            _ => "处理中",
        },
        open: matches!(refund.status, "PROCESSING" | "ABNORMAL"),
        callback: refund.callback.label(),
        refund,
    }
}

fn merchant_row(merchant: MerchantView) -> MerchantRow {
    let certificates = merchant.certificates.iter().cloned().map(certificate_row);
    MerchantRow {
        certificates: certificates.collect(),
        school: merchant.school.clone().unwrap_or_else(|| "通用".to_owned()),
        merchant,
    }
}

fn certificate_row(certificate: CertificateView) -> CertificateRow {
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
