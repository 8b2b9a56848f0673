//! An order: its state, where its money is, who moves next, and what happened.

use super::{HERE, LIST, end_of, history, kind_of, path_of};
use crate::{
    approvals::{Approval, ApprovalKind},
    base::clock::Timestamp,
    console::{
        Console, audit,
        browser::Seat,
        frame::{Frame, PageError, shown},
        way_back::{CameFrom, leading_back},
        words,
    },
    orders::{
        order::{OrderId, Payment, PaymentState},
        refund::Refund,
    },
    staff::{MoneyStanding, OrderDetail, guard::ReadOrders},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

/// A payment as the page shows it.
struct PaymentRow {
    number: String,
    provider: &'static str,
    amount: String,
    state: &'static str,
    transaction: String,
}

/// A refund as the page shows it.
struct RefundRow {
    number: String,
    amount: String,
    state: &'static str,
    is_back: bool,
    money: &'static str,
    next: &'static str,
}

/// A request as the page shows it.
struct RequestRow {
    path: String,
    what: &'static str,
    amount: String,
    state: &'static str,
    asked_by: String,
}

#[derive(Template)]
#[template(path = "console/order.html")]
struct DetailPage {
    frame: Frame,
    number: String,
    purpose: &'static str,
    amount: String,
    state: &'static str,
    kind: &'static str,
    facts: Vec<(&'static str, String)>,
    payments: Vec<PaymentRow>,
    refunds: Vec<RefundRow>,
    requests: Vec<RequestRow>,
    /// Where a refund is asked for, if it can be.
    ask: Option<String>,
    /// Where the provider is asked now, if something is unknown.
    query: Option<String>,
    history: Vec<String>,
    /// What members of staff did.
    logged: Vec<String>,
    /// The list that one came from, for the forms; empty where one came from none.
    came_from: String,
    back: String,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadOrders>,
    id: Path<OrderId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (detail, now) =
        (console.orders.find(&seat.member, id.into_inner()).await?, console.clock.now());
    let (order, back) = (&detail.whole.order, from.given());
    let ask = may_ask(&detail, &seat.member, now)
        .then(|| leading_back(&format!("{}/ask", path_of(order.id)), &back));
    // That of the order's day where nobody came from a list.
    let list = from.or(&LIST.with("day", order.created_at.day()).to_string());
    let frame = Frame::of(&seat, &console, HERE).await?;
    let asks = seat.member.roles.has(StaffAct::AskProvider);
    let query =
        (asks && detail.is_unknown()).then(|| format!("{}/query", path_of(detail.whole.order.id)));
    let id = detail.whole.order.id;
    let logged = console.orders.log(&seat.member, id).await?;
    let logged = logged.into_iter().map(audit::sentence).collect();
    shown(&DetailPage { query, logged, came_from: back, ..page(frame, &detail, now, (ask, list)) })
}

/// Whether the member may ask for a refund of it now.
pub(super) fn may_ask(detail: &OrderDetail, member: &StaffMember, now: Timestamp) -> bool {
    let is_own = member.is_person(&detail.person_no);
    let is_left = detail.refundable.is_some_and(|left| !left.is_zero());
    member.roles.has(StaffAct::AskRefund) && is_left && !is_own && !detail.is_asked(now)
}

fn page(
    frame: Frame,
    detail: &OrderDetail,
    now: Timestamp,
    (ask, back): (Option<String>, String),
) -> DetailPage {
    let whole = &detail.whole;
    let state = whole.shown_state();
    DetailPage {
        frame,
        number: end_of(whole.order.id),
        purpose: whole.order.purpose.title(),
        amount: whole.order.amount.to_string(),
        state: words::order_state(state),
        kind: kind_of(state),
        facts: facts(detail, now),
        payments: whole.payments.iter().map(payment_row).collect(),
        refunds: whole.refunds.iter().map(refund_row).collect(),
        requests: detail.requests.iter().map(|request| request_row(request, now)).collect(),
        ask,
        query: None,
        history: history::of(detail, now),
        logged: Vec::new(),
        came_from: String::new(),
        back,
    }
}

fn facts(detail: &OrderDetail, now: Timestamp) -> Vec<(&'static str, String)> {
    let order = &detail.whole.order;
    let [money, next] = words::money(detail.standing(now));
    let refundable = detail.refundable.map(|left| ("可退", left.to_string()));
    let facts = [
        ("钱在哪里", money.to_owned()),
        ("下一步", next.to_owned()),
        ("人", format!("{}（{}）", detail.person, detail.person_no)),
        ("下单", words::when(order.created_at)),
        ("单号", order.id.uuid().simple().to_string()),
    ];
    let (first, rest) = facts.split_at(2);
    first.iter().cloned().chain(refundable).chain(rest.iter().cloned()).collect()
}

fn payment_row(payment: &Payment) -> PaymentRow {
    let transaction = match &payment.state {
        PaymentState::Paid { transaction_id, .. } => transaction_id.clone(),
        PaymentState::Open | PaymentState::Closed => String::new(),
    };
    PaymentRow {
        number: payment.id.out_trade_no(),
        provider: words::provider(payment.provider),
        amount: payment.amount.to_string(),
        state: words::payment_state(payment.state.code()),
        transaction,
    }
}

fn refund_row(refund: &Refund) -> RefundRow {
    let standing = MoneyStanding::of_refund(refund);
    let [money, next] = words::money(standing);
    RefundRow {
        number: refund.number.clone(),
        amount: refund.amount.to_string(),
        state: words::refund(standing),
        is_back: standing == MoneyStanding::Back,
        money,
        next,
    }
}

fn request_row(request: &Approval, now: Timestamp) -> RequestRow {
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
    RequestRow {
        path: format!("/staff/approvals/refund/{}", request.id),
        what,
        amount: request.amount.to_string(),
        state: words::approval_state(request.state_at(now)),
        asked_by: request.asked_by.login.clone(),
    }
}
