//! WeChat Pay's part of the control page.

use askama::Template;

use super::{CertificateState, CertificateView, MerchantView, PaymentView, WechatPay};
use crate::clock::china;
use crate::control::{Count, PAGE_LENGTH, Pages, Panel, Visit, moment};
use crate::page::{self, yuan};

#[derive(Template)]
#[template(path = "wechat_pay/payments.html")]
struct PaymentsSection {
    payments: Vec<PaymentRow>,
    payment_pages: Pages,
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
        activity: vec![page::section(&PaymentsSection { payments, payment_pages })],
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

fn payment_row(payment: PaymentView, pay: &WechatPay) -> PaymentRow {
    let payer = pay.wechat.user_by_openid(&payment.openid);
    let expired = payment.trade_state == "NOTPAY" && pay.clock.now() > payment.pay_by;
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
        callback: payment.callback.label(),
        payment,
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
