//! 经过: what happened to an order, and when.

use crate::{
    approvals::{Approval, ApprovalKind, ApprovalState},
    base::clock::Timestamp,
    console::words,
    orders::{
        order::{Order, OrderState, Payment, PaymentState},
        refund::{Refund, RefundProgress, RefundReason},
    },
    staff::OrderDetail,
};

/// What happened, and when.
type Happened = (Timestamp, String);

/// What happened, oldest first, as sentences with their times.
pub(super) fn of(detail: &OrderDetail, now: Timestamp) -> Vec<String> {
    let whole = &detail.whole;
    let mut happened = of_order(&whole.order, now);
    happened.extend(whole.payments.iter().flat_map(of_payment));
    happened.extend(detail.requests.iter().flat_map(|request| of_request(request, now)));
    happened.extend(whole.refunds.iter().flat_map(of_refund));
    // What happened at one instant stays in the order in which it follows.
    happened.sort_by_key(|(at, _)| *at);
    happened.into_iter().map(|(at, what)| format!("{} {what}", words::when(at))).collect()
}

fn of_order(order: &Order, now: Timestamp) -> Vec<Happened> {
    let made = format!("下单：{} {}", order.purpose.title(), order.amount);
    let over = match order.state {
        OrderState::Closed => Some("没有付款，订单关闭"),
        OrderState::AwaitingPayment if now >= order.expires_at => Some("过了付款时限"),
        OrderState::AwaitingPayment | OrderState::Paid { .. } | OrderState::Fulfilled { .. } => {
            None
        }
    };
    let over = over.map(|what| (order.expires_at, what.to_owned()));
    std::iter::once((order.created_at, made)).chain(over).collect()
}

fn of_payment(payment: &Payment) -> Vec<Happened> {
    let provider = words::provider(payment.provider);
    let begun = (payment.created_at, format!("向{provider}发起支付"));
    let paid = match &payment.state {
        PaymentState::Paid { transaction_id, paid_at } => {
            Some((*paid_at, format!("{provider}收到 {}，交易号 {transaction_id}", payment.amount)))
        }
        PaymentState::Open | PaymentState::Closed => None,
    };
    std::iter::once(begun).chain(paid).collect()
}

fn of_request(request: &Approval, now: Timestamp) -> Vec<Happened> {
    let what = match request.kind {
        ApprovalKind::RefundEnd => "终止退款",
        ApprovalKind::Refund
        | ApprovalKind::BillRepair
        | ApprovalKind::AdjustUp
        | ApprovalKind::AdjustDown
        | ApprovalKind::PasswordReset
        | ApprovalKind::StaffRoles
        | ApprovalKind::StaffFactor
        | ApprovalKind::PolicyChange => "退款",
    };
    let Approval { amount, reason, asked_by, .. } = request;
    let by = format!("{}（{}）", asked_by.login, asked_by.staff_no);
    let asked = (request.asked_at, format!("{by}申请{what} {amount}：{reason}"));
    let ended = match (&request.decision, request.state_at(now)) {
        (Some(decision), state) => {
            let by = format!("{}（{}）", decision.by.login, decision.by.staff_no);
            let why = if decision.why.is_empty() { "" } else { "：" };
            let state = words::approval_state(state);
            Some((decision.at, format!("{by}{state} {what} {amount}{why}{}", decision.why)))
        }
        (None, ApprovalState::Expired) => {
            Some((request.expires_at, format!("{what} {amount} 的申请没有人复核，已过期")))
        }
        (None, _) => None,
    };
    std::iter::once(asked).chain(ended).collect()
}

fn of_refund(refund: &Refund) -> Vec<Happened> {
    let (provider, amount) = (words::provider(refund.provider), refund.amount);
    let begun = match refund.why {
        // What staff asked for is told by the request.
        RefundReason::Staff => None,
        RefundReason::Surplus => Some(format!("多付了 {amount}，由系统退回")),
        RefundReason::Provider => Some(format!("{provider}告知一笔不是从这里发出的退款 {amount}")),
    };
    let ended = match refund.progress {
        RefundProgress::Done { at } => Some((at, format!("{provider}确认已退 {amount}"))),
        RefundProgress::Failed { at } => Some((at, format!("{provider}没有退出 {amount}"))),
        RefundProgress::Asked | RefundProgress::Requested | RefundProgress::Sent => None,
    };
    let sent = refund.sent_at.map(|at| (at, format!("向{provider}发出退款 {amount}（最近一次）")));
    let returned = refund.returned_at.map(|at| (at, format!("{amount} 已回学生账户")));
    let begun = begun.map(|what| (refund.created_at, what));
    [begun, sent, ended, returned].into_iter().flatten().collect()
}
