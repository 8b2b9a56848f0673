//! Entries of the audit log as sentences.

use super::{asked, details};
use crate::{
    audit::AuditKind,
    base::money::Fen,
    cases::CaseKind,
    console::{
        cases::words as cases,
        words::{section, terminal_kind, yuan},
    },
    key_trials::TrialFinding,
    terminals::TerminalKind,
};
use uuid::Uuid;

pub(super) const fn kind(kind: AuditKind) -> &'static str {
    match kind {
        AuditKind::Approvals => "申请与复核",
        AuditKind::Cases => "异常",
        AuditKind::People => "人员与卡",
        AuditKind::Terminals => "商户、终端与门锁",
        AuditKind::Doors => "门禁权限",
        AuditKind::Reads => "查阅与导出",
        AuditKind::Staff => "工作人员",
        AuditKind::Policy => "政策",
        AuditKind::Refusals => "拒绝与登录失败",
        AuditKind::Rows => "密钥与校验",
    }
}

/// What somebody did, by the name of the act.
pub(super) fn act(code: &str) -> &str {
    ACTS.iter().find(|(act, _)| *act == code).map_or(code, |(_, word)| word)
}

const ACTS: &[(&str, &str)] = &[
    ("rows.authenticated", "首次签名数据行"),
    ("rows.taken_over", "接管未签名的数据行"),
    ("rows.rekeyed", "更换密钥"),
    ("ledger.proven", "核验账本，全部成立"),
    ("ledger.broken", "核验账本，发现不符"),
    ("school.added", "新增学校"),
    ("school.changed", "更改政策"),
    ("bills.compared", "重新核对账单"),
    ("bills.closed", "关闭一天的账"),
    ("message.resent", "重发消息"),
    ("policy.published", "新增政策版本"),
    ("policy.in_force", "政策到日生效"),
    ("keys.tried", "试用密钥"),
    ("roster.imported", "导入花名册"),
    ("roster.checked", "上传花名册核对"),
    ("roster.started", "开始导入花名册"),
    ("roster.refusals_exported", "导出花名册的拒绝行"),
    ("standing.changed", "更改人员状态"),
    ("loss.reported", "挂失"),
    ("loss.cancelled", "解除挂失"),
    ("merchant.added", "新增商户"),
    ("merchant.changed", "更改商户"),
    ("merchant.disabled", "停用商户"),
    ("merchant.enabled", "启用商户"),
    ("terminal.added", "新增终端"),
    ("terminal.changed", "更改终端"),
    ("terminal.disabled", "停用终端"),
    ("terminal.enabled", "启用终端"),
    ("terminal.key_replaced", "更换终端密钥"),
    ("terminals.exported", "导出终端"),
    ("locks.imported", "导入门锁"),
    ("staff.added", "新增账号"),
    ("staff.factor_reset", "重置验证器"),
    ("staff.factor_enrolled", "启用自己的验证器"),
    ("staff.factor_replaced", "更换自己的验证器"),
    ("staff.recovery_used", "用恢复码登录"),
    ("staff.recovery_renewed", "更换恢复码"),
    ("staff.tries_failed", "此前登录失败"),
    ("staff.refused", "被拒绝"),
    ("staff.sign_in_refused", "登录没有成功"),
    ("staff.signed_out", "退出登录"),
    ("staff.session_ended", "结束自己的另一次登录"),
    ("staff.password_changed", "更改自己的密码"),
    ("staff.sessions_ended", "结束账号的全部登录"),
    ("staff.roles_changed", "更改角色"),
    ("staff.classes_changed", "更改辅导员的班级"),
    ("staff.disabled", "停用账号"),
    ("staff.enabled", "启用账号"),
    ("staff.signed_in", "登录"),
    ("staff.signed_in_at_work", "用企业微信登录"),
    ("staff.linked", "关联企业微信"),
    ("staff.unlinked", "解除企业微信关联"),
    ("approval.asked", "申请"),
    ("approval.approved", "通过"),
    ("approval.rejected", "驳回"),
    ("approval.withdrawn", "撤回"),
    ("approval.expired", "无人复核，已过期"),
    ("doors.allocated", "导入宿舍分配"),
    ("door_right.added", "授予门禁权限"),
    ("door_right.ended", "结束门禁权限"),
    ("access_log.read", "查阅门禁记录"),
    ("case.taken", "接手异常"),
    ("case.released", "放回异常"),
    ("case.taken_over", "接管异常"),
    ("case.resolved", "办结异常"),
    ("case.checked", "核对异常的退款单号"),
    ("cases.exported", "导出异常"),
    ("provider.asked", "向支付平台查询"),
    ("orders.exported", "导出订单"),
    ("people.exported", "导出人员"),
    ("audit.exported", "导出记录"),
    ("list.exported", "导出"),
    ("readers.exported", "导出读者名单"),
    ("person.opened", "打开人员"),
    ("person.revealed", "查看姓名和手机号"),
    ("person.revealed_often", "一天内多次查看姓名和手机号"),
    ("device.ended", "结束设备"),
    ("binding.ended", "解除绑定"),
    ("password.reset", "重置查询密码"),
    ("phone.shared", "授权手机号"),
    ("phone.removed", "删除手机号"),
];

/// Who did it: a login with its 工号, or who was at the command line.
pub(in crate::console) fn who(text: &str) -> String {
    let staff = text.strip_prefix("staff ").and_then(|staff| staff.split_once(", no. "));
    if let Some((login, staff_no)) = staff {
        return format!("{login}（{staff_no}）");
    }
    match text.strip_prefix("command line, user ") {
        Some(user) => format!("命令行（{user}）"),
        None if text == "onecard" => "系统".to_owned(),
        None => text.to_owned(),
    }
}

/// Lists that are taken away whole.
const LISTS: &[(&str, &str)] = &[
    ("terminals", "终端名单"),
    ("orders by number", "按单号查到的订单"),
    ("requests for refunds", "退款申请"),
    ("requests to accept differences", "对账差异申请"),
    ("requests to adjust balances", "调账申请"),
    ("requests to reset passwords", "重置密码申请"),
    ("merchants", "商户名单"),
    ("staff", "工作人员名单"),
    ("bill days", "对账的日子"),
    ("door rights", "门禁权限"),
    ("access log", "门禁记录"),
    ("failed messages", "没有送达的消息"),
];

/// To whom or what: ids by their last eight characters.
pub(super) fn object(subject: &str) -> String {
    if let Some(asked) = asked::said(subject) {
        return asked;
    }
    let (what, id) = subject.rsplit_once(' ').unwrap_or(("", subject));
    let short = match id.parse::<Uuid>() {
        Ok(id) => format!("…{}", id.simple().to_string().split_off(24)),
        Err(_) => id.to_owned(),
    };
    let word = match what {
        "approval" => "申请",
        "order" => "订单",
        "case" => "异常",
        "message" => "消息",
        "person" => "人员",
        "terminal" => "终端",
        "merchant" => "商户",
        "staff" => "账号",
        "school" => "学校",
        "roster" => "花名册",
        "allocation" => "分配",
        "keys" => return format!("{}的密钥", section(id)),
        _ if what.starts_with("bill ") => {
            return format!("{short} 的{}账", section(what.trim_start_matches("bill ")));
        }
        "orders of person" => return format!("人员 {short} 的订单"),
        "statement of person" => return format!("人员 {short} 的账单"),
        "orders of" => return format!("{short} 的订单"),
        _ if subject == "audit log" || subject == "cases" => return String::new(),
        _ => {
            let list = LISTS.iter().find(|(list, _)| *list == subject);
            return list.map_or(subject, |(_, word)| word).to_owned();
        }
    };
    format!("{word} {short}")
}

/// Of a case: what it is about, how much, and from whom it was taken.
fn of_case(of: &str) -> String {
    let (of, from) = of.split_once(", from ").map_or((of, None), |(of, from)| (of, Some(from)));
    let (kind, fen) = of.split_once(", ").map_or((of, None), |(kind, fen)| (kind, Some(fen)));
    let kind = CaseKind::from_code(kind).map_or("其他异常", cases::kind);
    let fen = fen.and_then(|fen| fen.strip_suffix(" fen")?.parse().ok());
    let amount = fen.and_then(|fen| Fen::new(fen).ok()).map(|amount| format!(" {amount}"));
    let from = from.and_then(|from| from.split_once(", no. "));
    let from = from.map(|(login, staff_no)| format!("，原接手人 {login}（{staff_no}）"));
    format!("{kind}{}{}", amount.unwrap_or_default(), from.unwrap_or_default())
}

/// What changed of a terminal: its key by the first characters of its fingerprint.
fn of_terminal(detail: &str) -> Option<String> {
    let parts = detail.split(", ");
    parts.clone().find(|part| part.starts_with(KEY))?;
    let said = parts.filter_map(|part| {
        if let Some(kind) = TerminalKind::from_code(part) {
            return Some(terminal_kind(kind).to_owned());
        }
        let named = [(KEY, "密钥 "), ("merchant ", "商户 "), ("doors ", "门组 ")];
        let named = named.iter().find_map(|(name, word)| Some((*word, part.strip_prefix(name)?)));
        match (part, named) {
            ("merchant none" | "doors none", _) => None,
            ("old key withdrawn", _) => Some("旧密钥作废".to_owned()),
            (_, Some((word, text))) => {
                let shown = if part.starts_with(KEY) { text.get(..16) } else { None };
                Some(format!("{word}{}", shown.unwrap_or(text)))
            }
            (_, None) => Some(part.replace("old key until ", "旧密钥用到 ")),
        }
    });
    Some(said.collect::<Vec<_>>().join("，"))
}

/// Of a roster: what an import was started for, or what one did.
fn of_roster(detail: &str) -> Option<String> {
    let of_check = |(add, rest): (&str, &str)| {
        let (change, refuse) = rest.split_once(", to refuse ")?;
        Some(format!("新增 {add}，更改 {change}，拒绝 {refuse}"))
    };
    let check = detail.strip_prefix("to add ").and_then(|rest| rest.split_once(", to change "));
    if let Some(said) = check.and_then(of_check) {
        return Some(said);
    }
    let (added, changed) = detail.split_once(" people added, ")?;
    Some(format!("新增 {added}，更改 {}", changed.strip_suffix(" changed")?))
}

/// Before the fingerprint of a key.
const KEY: &str = "key SHA-256 ";

/// What changed. Of a request: what for, and how much; of a login: whose, and its roles.
pub(super) fn detail(detail: &str) -> String {
    if let Some(of) = detail.strip_prefix("case ") {
        return of_case(of);
    }
    if let Some(said) = details::of_login(detail).or_else(|| asked::why(detail)) {
        return said;
    }
    if let Some(failed) = detail.strip_prefix("failed ") {
        return format!("{failed} 次");
    }
    if let Some(net) = detail.strip_suffix(" fen net").and_then(|fen| fen.parse().ok()) {
        return format!("净额 {}", yuan(net));
    }
    let classes = detail.strip_prefix("classes ").and_then(|rest| rest.rsplit_once(", before "));
    if let Some((now, before)) = classes {
        let none = |text: &str| if text.is_empty() { "没有" } else { text }.to_owned();
        return format!("班级 {}，原为 {}", none(now), none(before));
    }
    if let Some(finding) = TrialFinding::from_code(detail) {
        return finding.label().to_owned();
    }
    let said = of_terminal(detail).or_else(|| of_roster(detail));
    if let Some(said) = said.or_else(|| details::said(detail)) {
        return said;
    }
    let request = detail.strip_suffix(" fen").and_then(|rest| rest.rsplit_once(", "));
    let request = request.and_then(|(of, fen)| Some((of.split_once(" of ")?.0, fen)));
    let amount = |fen: &str| fen.parse().ok().and_then(|fen| Fen::new(fen).ok());
    match request.and_then(|(kind, fen)| Some((kind, amount(fen)?))) {
        Some(("refund", amount)) => format!("退款 {amount}"),
        Some(("refund_end", amount)) => format!("终止退款 {amount}"),
        Some(("bill_repair", amount)) => format!("对账差异 {amount}"),
        Some(("adjust_up", amount)) => format!("调账 加 {amount}"),
        Some(("adjust_down", amount)) => format!("调账 减 {amount}"),
        Some(("password_reset", _)) => "重置查询密码".to_owned(),
        Some(("staff_roles", _)) => "更改角色".to_owned(),
        Some(("policy_change", _)) => "更改政策".to_owned(),
        Some(("staff_factor", _)) => "重置验证器".to_owned(),
        Some(_) | None => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditAct;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_its_words() {
        let mut words = BTreeSet::new();
        for known in AuditAct::ALL.iter().copied() {
            let word = act(known.code());
            assert!(!word.is_ascii(), "{}", known.code());
            assert!(words.insert(word), "{word} is said of two acts");
        }
    }

    #[test]
    fn who_did_it_to_what_is_said_in_words() {
        let id = "01931c7e-0000-7000-8000-000021c08f3a";
        for (text, said) in [
            ("staff li.na, no. G-1002", "li.na（G-1002）"),
            ("command line, user root", "命令行（root）"),
            ("onecard", "系统"),
            ("identity:1", "identity:1"),
        ] {
            assert_eq!(who(text), said);
        }
        for (text, said) in [
            (format!("approval {id}"), "申请 …21c08f3a"),
            (format!("person {id}"), "人员 …21c08f3a"),
            ("terminal xnec/T1".to_owned(), "终端 xnec/T1"),
            ("keys none".to_owned(), "none的密钥"),
            (format!("case {id}"), "异常 …21c08f3a"),
            ("staff li".to_owned(), "账号 li"),
            ("orders of 2026-11-28".to_owned(), "2026-11-28 的订单"),
            ("lines 1 to 9 of a roster".to_owned(), "lines 1 to 9 of a roster"),
            ("everybody".to_owned(), "everybody"),
        ] {
            assert_eq!(object(&text), said);
        }
    }

    #[test]
    fn details_are_said_in_words() {
        let id = "01931c7e-0000-7000-8000-000021c08f3a";
        for (text, said) in [
            (format!("refund of {id}, 1200 fen"), "退款 ¥12.00"),
            (format!("refund_end of {id}, 1 fen"), "终止退款 ¥0.01"),
            (format!("bill_repair of {id}, 500 fen"), "对账差异 ¥5.00"),
            (format!("adjust_up of {id}, 1200 fen"), "调账 加 ¥12.00"),
            (format!("adjust_down of {id}, 1200 fen"), "调账 减 ¥12.00"),
            ("no. 9002, card_office,finance".to_owned(), "工号 9002，一卡通中心、财务"),
            ("case second_payment, 5000 fen".to_owned(), "第二次付款 ¥50.00"),
            ("case shipping".to_owned(), "发货信息没有送达"),
            ("failed 12".to_owned(), "12 次"),
            ("-500 fen net".to_owned(), "净额 −¥5.00"),
            (
                "case shipping, from li.na, no. G-1".to_owned(),
                "发货信息没有送达，原接手人 li.na（G-1）",
            ),
            ("wrong_key".to_owned(), "私钥不对"),
            (
                format!("pos, key SHA-256 {}, merchant c1, doors none", "7f".repeat(32)),
                "收款，密钥 7f7f7f7f7f7f7f7f，商户 c1",
            ),
            (
                format!("key SHA-256 {}, old key withdrawn", "7f".repeat(32)),
                "密钥 7f7f7f7f7f7f7f7f，旧密钥作废",
            ),
            ("to add 700, to change 112, to refuse 8".to_owned(), "新增 700，更改 112，拒绝 8"),
            ("3 people added, 0 changed".to_owned(), "新增 3，更改 0"),
            (
                "classes 护理2301、护理2302, before ".to_owned(),
                "班级 护理2301、护理2302，原为 没有",
            ),
            (String::new(), ""),
        ] {
            assert_eq!(detail(&text), said);
        }
    }
}
