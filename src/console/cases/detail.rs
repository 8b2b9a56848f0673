//! A case: what is known, what is proposed, who has it, and what happened.

use super::{HERE, amount_of, end_of, history, path_of, state_of, words};
use crate::{
    approvals::Approval,
    base::clock::Timestamp,
    cases::CaseId,
    console::{
        Console, audit,
        browser::{Needs, Seat},
        frame::{Frame, PageError, Wrong, shown},
        way_back::{CameFrom, leading_back},
        words as common,
    },
    orders::{fact::Provider, order::OrderId},
    staff::{CaseDetail, CaseProposal, guard::ReadCases},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use uuid::Uuid;

/// A request as the page shows it.
struct RequestRow {
    path: String,
    what: &'static str,
    amount: String,
    state: &'static str,
    asked_by: String,
}

/// The order of a case.
struct OrderLink {
    path: String,
    number: String,
    what: String,
}

/// What the member may do about it.
#[derive(Default)]
struct Offers {
    /// `take` or `release`.
    hold: &'static str,
    /// Who has it, whom the member may take it from.
    take_over: Option<String>,
    resolve: bool,
    /// By the number of a refund that was made at the provider.
    check: bool,
    /// Why a text alone does not end it.
    not_resolved: Option<&'static str>,
    /// What an ending of its refund would give back.
    end_refund: Option<String>,
    /// Where a refund is asked for.
    refund: Option<String>,
    /// What one must do first to get at the rest.
    first: Option<&'static str>,
}

/// So many entries of the log stand beside a case.
const LOGGED: usize = 20;

/// What somebody filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) text: String,
    pub(super) reason: String,
    pub(super) end_reason: String,
    pub(super) number: String,
    /// Where the second factor is to be given first.
    pub(super) factor: Option<String>,
}

#[derive(Template)]
#[template(path = "console/case.html")]
pub(super) struct DetailPage {
    frame: Frame,
    wrong: Option<Wrong>,
    path: String,
    number: String,
    kind: &'static str,
    amount: String,
    state: &'static str,
    waits: bool,
    holder: String,
    facts: Vec<(&'static str, String)>,
    order: Option<OrderLink>,
    proposal: &'static str,
    advice: &'static str,
    offers: Offers,
    requests: Vec<RequestRow>,
    history: Vec<String>,
    /// What members of staff did, newest first.
    logged: Vec<String>,
    version: i64,
    form_id: Uuid,
    kept: Kept,
    back: String,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadCases>,
    id: Path<CaseId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let back = from.or(HERE.0);
    shown(&page(&seat, &console, id.into_inner(), (back, None, Kept::default())).await?)
}

/// The page as it is now, with what is wrong with a form and what was filled in.
pub(super) async fn page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    id: CaseId,
    (back, wrong, kept): (String, Option<Wrong>, Kept),
) -> Result<DetailPage, PageError> {
    let (detail, now) = (console.cases.find(&seat.member, id).await?, console.clock.now());
    let case = &detail.case;
    let is_open = case.end.is_none();
    let known = case.kind.filter(|_| is_open);
    Ok(DetailPage {
        frame: Frame::of(seat, console, HERE).await?,
        wrong,
        path: path_of(id),
        number: end_of(id.uuid()),
        kind: words::title(case.kind),
        amount: amount_of(case),
        state: words::state(state_of(case, detail.in_review(now))),
        waits: is_open,
        holder: holder(&detail, &seat.member.staff_no, now),
        facts: facts(&detail),
        order: order(&detail, &seat.member),
        proposal: detail.proposal.filter(|_| is_open).map_or("", words::proposal),
        advice: known.map_or("", words::advice),
        offers: offers(&detail, &seat.member, (now, &back)),
        requests: detail.requests.iter().map(|request| request_row(request, now)).collect(),
        history: history::of(&detail, now),
        logged: detail.log.iter().rev().take(LOGGED).cloned().map(audit::sentence).collect(),
        version: case.version,
        form_id: Uuid::new_v4(),
        kept,
        back,
    })
}

/// Who has it, and since when.
fn holder(detail: &CaseDetail, own: &str, now: Timestamp) -> String {
    let case = &detail.case;
    let Some(held) = case.holder.as_ref() else { return "没有人".to_owned() };
    let name = if held.by.staff_no == own {
        "您".to_owned()
    } else {
        format!("{}（{}）", held.by.login, held.by.staff_no)
    };
    let idle = if case.is_free(now) { "，24 小时没有动，任何人可以接手" } else { "" };
    format!("{name} {}{idle}", common::when(held.since))
}

fn facts(detail: &CaseDetail) -> Vec<(&'static str, String)> {
    let case = &detail.case;
    let mut facts = Vec::new();
    let known = case.kind.map(words::known);
    let standing = detail.standing.map(common::money);
    facts.extend(known.map(|[what, _]| ("发生了什么", what.to_owned())));
    let place = standing.map(|[place, _]| place).or(known.map(|[_, place]| place));
    facts.extend(place.filter(|_| case.is_money).map(|place| ("钱在哪里", place.to_owned())));
    facts.extend(standing.map(|[_, next]| ("下一步", next.to_owned())));
    if !case.facts.amount.is_zero() {
        facts.push(("金额", case.facts.amount.to_string()));
    }
    let named = case.reference();
    let provider = detail.order.as_ref().map(|order| order.provider);
    let provider = provider.or(named.and_then(|(code, ..)| Provider::from_code(code)));
    facts.extend(provider.map(|provider| ("渠道", common::provider(provider).to_owned())));
    if let Some((_, merchant, number)) = named {
        let is_refund = case.facts.refund.is_some();
        let word = if is_refund { "退款单号" } else { "支付平台交易号" };
        facts.extend([("商户号", merchant.to_owned()), (word, number.to_owned())]);
    }
    facts.push(words::found(&case.detail));
    facts.push(("时间", common::when(case.opened_at)));
    if let Some(end) = &case.end {
        let by = end.by.as_ref().map_or_else(
            || "系统：所涉的事已经了结".to_owned(),
            |by| format!("{}（{}）：{}", by.login, by.staff_no, end.text),
        );
        facts.push(("结束", format!("{} {by}", common::when(end.at))));
    }
    facts
}

fn order(detail: &CaseDetail, member: &StaffMember) -> Option<OrderLink> {
    let order = detail.order.as_ref()?;
    member.roles.has(StaffAct::ReadOrders).then(|| OrderLink {
        path: format!("/staff/orders/{}", order.id),
        number: end_of(order.id.uuid()),
        what: format!("{} {}", order.purpose.title(), order.amount),
    })
}

/// What the member may do; a refund that is asked for leads back to the case, and from there to `back`.
fn offers(detail: &CaseDetail, member: &StaffMember, (now, back): (Timestamp, &str)) -> Offers {
    let case = &detail.case;
    let of_order = detail.order.as_ref();
    let is_own_money = of_order.is_some_and(|order| member.is_person(&order.person_no));
    if case.end.is_some() || !member.roles.has(StaffAct::HandleCases) {
        return Offers::default();
    }
    if is_own_money {
        return Offers {
            first: Some("这是您本人的款项，由别人处理。"), ..Offers::default()
        };
    }
    if !case.is_held_by(&member.staff_no) {
        let held = case.holder.as_ref().filter(|_| !case.is_free(now));
        return Offers {
            hold: if held.is_none() { "take" } else { "" },
            take_over: held.map(|held| held.by.login.clone()),
            first: held.is_none().then_some("接手以后才能处理；别人看得到由谁处理。"),
            ..Offers::default()
        };
    }
    let (in_review, asks) = (detail.in_review(now), member.roles.has(StaffAct::AskRefund));
    let ends = case.is_money.then_some(StaffAct::EndMoneyCases);
    let resolve = detail.ends_by_text(now) && ends.is_none_or(|act| member.roles.has(act));
    let not_resolved = match () {
        () if resolve => None,
        () if in_review => Some("申请待复核，复核以后再办结。"),
        () => Some("退款的钱还没有着落，不能只写说明办结。"),
    };
    let may_ask = asks && !in_review;
    let here = leading_back(&path_of(case.id), back);
    let refund = (detail.proposal == Some(CaseProposal::Refund)
        && detail.refundable.is_some_and(|left| !left.is_zero()))
    .then_some(detail.order.as_ref())
    .flatten();
    Offers {
        hold: "release",
        resolve,
        check: resolve && detail.may_check(),
        not_resolved,
        end_refund: detail.endable.filter(|_| may_ask).map(|amount| amount.to_string()),
        refund: refund.filter(|_| may_ask).map(|order| way_to_ask(order.id, &here)),
        ..Offers::default()
    }
}

/// Where a refund of an order is asked for, and from there back to `here`.
fn way_to_ask(order: OrderId, here: &str) -> String {
    leading_back(&format!("/staff/orders/{order}/ask"), here)
}

fn request_row(request: &Approval, now: Timestamp) -> RequestRow {
    RequestRow {
        path: format!("/staff/approvals/refund/{}", request.id),
        what: common::approval_kind(request.kind),
        amount: request.amount.to_string(),
        state: common::approval_state(request.state_at(now)),
        asked_by: request.asked_by.login.clone(),
    }
}
