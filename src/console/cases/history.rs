//! 经过: what happened to a case, and when.

use super::words;
use crate::{
    approvals::{Approval, ApprovalState},
    base::clock::Timestamp,
    console::{audit::who, words as common},
    staff::CaseDetail,
};

/// What happened, oldest first, as sentences with their times.
pub(super) fn of(detail: &CaseDetail, now: Timestamp) -> Vec<String> {
    let case = &detail.case;
    let mut happened = vec![(case.opened_at, format!("发现：{}", words::title(case.kind)))];
    happened.extend(detail.log.iter().map(|line| (line.at, entry(line))));
    happened.extend(detail.requests.iter().flat_map(|request| of_request(request, now)));
    if let Some(end) = case.end.as_ref().filter(|end| end.by.is_none()) {
        happened.push((end.at, "系统结束：所涉的事已经了结".to_owned()));
    }
    // What happened at one instant stays in the order in which it follows.
    happened.sort_by_key(|(at, _)| *at);
    happened.into_iter().map(|(at, what)| format!("{} {what}", common::when(at))).collect()
}

fn entry(line: &crate::audit::AuditLine) -> String {
    let why = if line.why.is_empty() { String::new() } else { format!("：{}", line.why) };
    let what = match line.act.as_str() {
        "case.taken" => "接手",
        "case.released" => "放回",
        "case.taken_over" => "接管",
        "case.resolved" => "办结",
        "case.checked" => "请系统核对支付平台的退款单号",
        other => other,
    };
    let from =
        line.detail.split_once(", from ").map(|(_, from)| from.replace(", no. ", "（") + "）");
    let from = from.map(|from| format!("，原接手人 {from}")).unwrap_or_default();
    format!("{} {what}{from}{why}", who(&line.who))
}

fn of_request(request: &Approval, now: Timestamp) -> Vec<(Timestamp, String)> {
    let what = common::approval_kind(request.kind);
    let Approval { amount, reason, asked_by, .. } = request;
    let by = format!("{}（{}）", asked_by.login, asked_by.staff_no);
    let asked = (request.asked_at, format!("{by} 申请{what} {amount}：{reason}"));
    let ended = match (&request.decision, request.state_at(now)) {
        (Some(decision), state) => {
            let by = format!("{}（{}）", decision.by.login, decision.by.staff_no);
            let why = if decision.why.is_empty() { "" } else { "：" };
            let state = common::approval_state(state);
            Some((decision.at, format!("{by} {state} {what} {amount}{why}{}", decision.why)))
        }
        (None, ApprovalState::Expired) => {
            Some((request.expires_at, format!("{what} {amount} 的申请没有人复核，已过期")))
        }
        (None, _) => None,
    };
    std::iter::once(asked).chain(ended).collect()
}
