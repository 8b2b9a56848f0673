//! What was asked for and refused, by the pattern of its path: where, and what.

/// The rooms of the console and of its JSON, by the first part of the path.
const ROOMS: &[(&str, &str)] = &[
    ("", "今日待办"),
    ("today", "今日待办"),
    ("account", "我的账号"),
    ("me", "我的账号"),
    ("auth", "登录"),
    ("sign-in", "登录"),
    ("sign-out", "登录"),
    ("second-factor", "登录"),
    ("staff", "工作人员"),
    ("staff-requests", "账号申请"),
    ("people", "人员"),
    ("password-resets", "重置密码申请"),
    ("adjustments", "调账申请"),
    ("orders", "订单"),
    ("approvals", "退款和对账差异申请"),
    ("refunds", "退款申请"),
    ("reconciliation", "对账"),
    ("cases", "异常"),
    ("merchants", "商户"),
    ("terminals", "终端"),
    ("policy", "政策"),
    ("messages", "消息"),
    ("help", "帮助"),
    ("roster-imports", "花名册"),
    ("audit", "记录"),
    ("exports", "导出"),
    ("health", "运行状况"),
    ("doors", "门禁"),
    ("door-rights", "门禁权限"),
    ("access-log", "门禁记录"),
];

/// What is done there, by the last part that is a word.
const ACTS: &[(&str, &str)] = &[
    ("add", "新增"),
    ("adjust", "申请调账"),
    ("approve", "通过"),
    ("ask", "申请"),
    ("cancel-loss", "解除挂失"),
    ("classes", "更改班级"),
    ("close", "关闭"),
    ("compare", "比较"),
    ("confirm", "更换验证器"),
    ("days", "各日账单"),
    ("differences", "差异"),
    ("disable", "停用"),
    ("edit", "编辑"),
    ("enable", "启用"),
    ("end", "结束"),
    ("end-refund", "终止退款"),
    ("end-sessions", "结束登录"),
    ("export", "导出"),
    ("factor", "更换验证器"),
    ("failed", "没有送达的"),
    ("file", "下载"),
    ("heads", "链头"),
    ("link-wecom", "关联企业账号"),
    ("log", "记录"),
    ("loss", "挂失"),
    ("orders", "全部订单"),
    ("password", "更改密码"),
    ("password-reset", "申请重置密码"),
    ("preview", "预览"),
    ("propose", "提交"),
    ("query", "向支付平台查询"),
    ("recovery-codes", "更换恢复码"),
    ("refused", "导出拒绝的行"),
    ("reject", "驳回"),
    ("release", "放回"),
    ("repair", "申请接受差异"),
    ("repairs", "差异申请"),
    ("requests", "申请"),
    ("reset-factor", "重置验证器"),
    ("resolve", "办结"),
    ("restore", "恢复旧版"),
    ("retry", "重发"),
    ("reveal", "查看姓名和手机号"),
    ("rights", "授予权限"),
    ("roles", "更改角色"),
    ("rotate-key", "更换密钥"),
    ("run", "重新核对"),
    ("search", "查找"),
    ("start", "开始导入"),
    ("statement", "账单"),
    ("take", "接手"),
    ("take-over", "接管"),
    ("try", "试用密钥"),
    ("unlink-wecom", "解除企业账号关联"),
    ("versions", "版本"),
    ("withdraw", "撤回"),
];

/// Why it was refused.
const WHY: &[(&str, &str)] = &[
    ("staff_right_missing", "没有此项权限"),
    ("second_person_needed", "须由另一人复核"),
    ("not_independent", "与申请人近 7 天内有一方办理过另一方的账号"),
    ("factor_is_new", "验证器重置未满 24 小时"),
    ("not_your_request", "不是申请人"),
    ("own_login", "是本人的账号"),
    ("own_card", "是本人的卡"),
    ("own_money", "是本人的款项"),
    ("factor_not_confirmed", "已登录，再次验证时动态验证码不对或试得太多"),
    ("wrong_password", "密码不对"),
    ("wrong_factor", "密码正确或已由企业账号确认，动态验证码或恢复码不对"),
    ("too_many_tries", "试得太多，没有核对"),
    ("login_disabled", "密码正确，账号已停用"),
    ("slip_expired", "登录单已过期"),
];

/// `人员，挂失`; `None` of a subject that is no request.
pub(super) fn said(subject: &str) -> Option<String> {
    let (method, path) = subject.split_once(" /")?;
    let path = path.strip_prefix("api/v1/").unwrap_or(path);
    let mut parts = path.strip_prefix("staff")?.split('/').skip(1);
    let room = parts.next().unwrap_or_default();
    let room = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, word)| *word)?;
    let last = parts.filter(|part| !part.starts_with('{')).last();
    let act = last.and_then(|last| ACTS.iter().find(|(name, _)| *name == last));
    let act = act.map_or(if method == "GET" { "查看" } else { "办理" }, |(_, word)| word);
    Some(format!("{room}，{act}"))
}

/// Why it was refused, and how often: `own_card, 3 times`.
pub(super) fn why(detail: &str) -> Option<String> {
    let (code, times) = match detail.split_once(", ") {
        Some((code, times)) => (code, Some(times.strip_suffix(" times")?)),
        None => (detail, None),
    };
    let (_, why) = WHY.iter().find(|(reason, _)| *reason == code)?;
    Some(times.map_or_else(|| (*why).to_owned(), |times| format!("{why}，共 {times} 次")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staff_accounts::StaffMember;

    #[test]
    fn what_every_page_asks_for_is_said_in_words() {
        for (method, path) in crate::console::paths() {
            let subject = format!("{} {path}", method.to_uppercase());
            let said = said(&subject).unwrap_or_else(|| panic!("{subject}"));
            let is_open = ["/auth", "/sign-", "/second-", "/assets"];
            let is_open = is_open.iter().any(|open| path.starts_with(&format!("/staff{open}")));
            let parts = path.split('/').skip(3).filter(|part| !part.starts_with('{'));
            let is_plain = parts.count() == 0;
            let is_bare = said.ends_with("，查看") || said.ends_with("，办理");
            assert_eq!(is_bare, is_plain || is_open, "{subject}: {said}");
        }
        for (subject, words) in [
            ("GET /staff", "今日待办，查看"),
            ("POST /staff/staff/{id}/{act}", "工作人员，办理"),
            ("POST /staff/people/{id}/devices/{device}/end", "人员，结束"),
            ("POST /api/v1/staff/refunds/{id}/approve", "退款申请，通过"),
            ("POST /api/v1/staff/refunds", "退款申请，办理"),
        ] {
            assert_eq!(said(subject).as_deref(), Some(words));
        }
        assert_eq!(said("staff li"), None);
    }

    #[test]
    fn every_reason_has_its_words() {
        for reason in StaffMember::refused_for() {
            let (once, often) = (why(reason), why(&format!("{reason}, 3 times")));
            assert!(once.is_some_and(|once| !once.is_empty()), "{reason:?}");
            assert!(often.is_some_and(|often| often.ends_with("，共 3 次")), "{reason:?}");
        }
        assert_eq!(why("no. 9002, finance"), None);
    }
}
