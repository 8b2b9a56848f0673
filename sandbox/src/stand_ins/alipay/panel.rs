//! Alipay's part of the control page.

use askama::Template;

use super::{Alipay, AlipayUser, AppView, Identities, RefundCourse, RefundView, TradeView};
use crate::control::{Count, PAGE_LENGTH, Pages, Panel, Visit, moment};
use crate::page::{self, yuan};

#[derive(Template)]
#[template(path = "alipay/payments.html")]
struct TradesSection {
    trades: Vec<TradeRow>,
    trade_pages: Pages,
}

struct TradeRow {
    trade: TradeView,
    amount: String,
    left: String,
    refunded: String,
    created: String,
    pay_by: String,
    state: &'static str,
    /// The look of the state.
    chip: &'static str,
    unpaid: bool,
    paid: bool,
    callback: &'static str,
    refunds: Vec<RefundRow>,
}

struct RefundRow {
    refund: RefundView,
    amount: String,
    state: &'static str,
    callback: &'static str,
}

#[derive(Template)]
#[template(path = "alipay/apps.html")]
struct AppsSection {
    apps: Vec<AppRow>,
}

struct AppRow {
    app: AppView,
    school: String,
    mode: &'static str,
    identities: Vec<Choice>,
    refunds: Vec<Choice>,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "alipay/users.html")]
struct UsersSection {
    users: Vec<AlipayUser>,
}

pub(super) fn panel(alipay: &Alipay, visit: &Visit) -> Panel {
    let trade_pages = visit.pages("alipay", alipay.payments(0, 0).1);
    let (trades, _) = alipay.payments(trade_pages.skipped(), PAGE_LENGTH);
    let trades = trades.into_iter().map(trade_row).collect();
    let apps = alipay.apps().into_iter().map(app_row).collect();
    Panel {
        counts: counts(alipay),
        activity: vec![page::section(&TradesSection { trades, trade_pages })],
        setup: vec![
            page::section(&AppsSection { apps }),
            page::section(&UsersSection { users: alipay.demo_users() }),
        ],
        ..Panel::default()
    }
}

fn counts(alipay: &Alipay) -> Vec<Count> {
    let summary = alipay.summary();
    let states = [
        ("支付宝待支付", summary.unpaid),
        ("支付宝已支付", summary.paid),
        ("支付宝已关闭", summary.closed),
        ("支付宝有退款", summary.refunded),
    ];
    states.map(|(label, count)| Count { label, count }).into()
}

fn trade_row(trade: TradeView) -> TradeRow {
    let paid = trade.paid_at.is_some();
    let (state, chip) = match (paid, trade.trade_status) {
        (true, "TRADE_CLOSED") => ("已全额退款", "closed"),
        (true, "TRADE_FINISHED") => ("已完结", "success"),
        (true, _) if trade.refunded_fen > 0 => ("部分退款", "success"),
        (true, _) => ("已支付", "success"),
        (false, "TRADE_CLOSED") => ("已关闭", "closed"),
        (false, _) => ("待支付", "notpay"),
    };
    TradeRow {
        amount: yuan(trade.total_fen),
        left: yuan(trade.total_fen - trade.refunded_fen),
        refunded: yuan(trade.refunded_fen),
        created: moment(trade.created_at),
        pay_by: moment(trade.pay_by),
        unpaid: trade.trade_status == "WAIT_BUYER_PAY",
        paid,
        state,
        chip,
        callback: trade.callback.label(),
        refunds: trade.refunds.iter().cloned().map(refund_row).collect(),
        trade,
    }
}

fn refund_row(refund: RefundView) -> RefundRow {
    RefundRow {
        amount: yuan(refund.amount_fen),
        state: match refund.state {
            "pending" => "处理中",
            "done" => "已退款",
            _ => "失败",
        },
        callback: refund.callback.label(),
        refund,
    }
}

fn app_row(app: AppView) -> AppRow {
    let identities = [
        (Identities::Both, "both", "user_id 与 open_id"),
        (Identities::OpenId, "open_id", "仅 open_id"),
        (Identities::UserId, "user_id", "仅 user_id"),
    ];
    let refunds = [
        (RefundCourse::AtOnce, "at_once", "立即退款"),
        (RefundCourse::Pending, "pending", "受理，等待手动完成"),
        (RefundCourse::NoBalance, "no_balance", "拒绝：余额不足"),
    ];
    let settings = app.settings;
    AppRow {
        school: app.school.clone().unwrap_or_else(|| "通用".to_owned()),
        mode: match (app.certificates, app.encrypts) {
            (true, _) => "证书",
            (false, true) => "公钥，内容加密",
            (false, false) => "公钥",
        },
        identities: choices(identities, &settings.identities),
        refunds: choices(refunds, &settings.refunds),
        app,
    }
}

fn choices<T: PartialEq, const N: usize>(
    all: [(T, &'static str, &'static str); N],
    chosen: &T,
) -> Vec<Choice> {
    let choice = |(kind, value, label): (T, _, _)| Choice { value, label, chosen: kind == *chosen };
    all.map(choice).into()
}
