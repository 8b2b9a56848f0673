//! The words of the console for codes of the rooms below.

use crate::{
    approvals::{ApprovalKind, ApprovalState},
    base::{clock::Timestamp, money::Fen},
    orders::fact::Provider,
    staff::RefundStage,
};

/// A role, by its code.
pub(super) fn role(code: &str) -> &'static str {
    match code {
        "card_office" => "一卡通中心",
        "finance" => "财务",
        "network_center" => "网络中心",
        "counsellor" => "辅导员",
        "auditor" => "审计",
        "admin" => "管理员",
        _ => "其他",
    }
}

/// What a page says once, by the name that a cookie carries.
pub(super) fn said(name: &str) -> Option<&'static str> {
    Some(match name {
        "approved" => "已通过",
        "rejected" => "已驳回，申请人可以看到理由",
        "withdrawn" => "已撤回",
        "asked" => "申请已提交，由另一人复核后生效",
        "given" => "权限已授予，即刻生效",
        "ended" => "权限已结束，即刻生效",
        "signed-out" => "已退出登录",
        "session-ended" => "已结束那次登录",
        _ => return None,
    })
}

pub(super) const fn approval_kind(kind: ApprovalKind) -> &'static str {
    match kind {
        ApprovalKind::Refund => "退款",
        ApprovalKind::RefundEnd => "终止退款",
        ApprovalKind::BillRepair => "对账差异",
    }
}

pub(super) const fn approval_state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Requested => "待复核",
        ApprovalState::Approved => "已通过",
        ApprovalState::Rejected => "已驳回",
        ApprovalState::Withdrawn => "已撤回",
        ApprovalState::Expired => "已过期",
    }
}

/// How far the refund of an approved request is: what happened last, and never more than that.
pub(super) const fn refund_stage(stage: RefundStage) -> &'static str {
    match stage {
        RefundStage::Requested => "等待发出",
        RefundStage::Sent => "已发出，等支付平台确认",
        RefundStage::Done => "已退到账",
        RefundStage::Failed => "支付平台拒绝，钱已回学生账户",
    }
}

/// Where the money of a refund is, and who moves next.
pub(super) const fn refund_money(stage: Option<RefundStage>) -> [&'static str; 2] {
    match stage {
        None => ["在学生账户，没有变动", "另一人复核"],
        Some(RefundStage::Requested) => ["学生账户已扣，在退款户", "系统马上向支付平台发出"],
        Some(RefundStage::Sent) => ["学生账户已扣，在退款户；支付平台还没有确认", "系统查询结果"],
        Some(RefundStage::Done) => ["已原路退回付款人", "无"],
        Some(RefundStage::Failed) => ["已回学生账户", "无"],
    }
}

/// A payment platform.
pub(super) const fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::WechatPay => "微信支付",
        Provider::Alipay => "支付宝",
    }
}

/// The field in which a bill and our books differ.
pub(super) fn differs(code: &str) -> &'static str {
    match code {
        "ours_only" => "账单里没有",
        "theirs_only" => "我们没有",
        "amount" => "金额不同",
        "state" => "状态不同",
        "fee" => "手续费不同",
        "day" => "日期不同",
        "ledger" => "与账本不同",
        "withdrawn" => "账单后来撤下",
        _ => "其他差异",
    }
}

/// What would repair a difference.
pub(super) fn repair(code: &str) -> &'static str {
    match code {
        "ask_provider" => "系统向支付平台查询后自动补记",
        "correct_balance" => "两人同意后调整学生余额",
        "ask_support" => "联系支付平台核实",
        "verify" => "核验账本",
        _ => "人工处理",
    }
}

/// How far a difference is.
pub(super) fn found_state(code: &str) -> &'static str {
    match code {
        "open" => "未处理",
        "waiting" => "等待次日账单",
        "repaired" => "已修复",
        "accepted" => "已接受",
        "gone" => "已消失",
        _ => "其他",
    }
}

/// An instant as the campus reads it: `2026-11-28 12:07`.
pub(super) fn when(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// Fen that may be negative: `−¥5.00`.
pub(super) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "−" } else { "" };
    let size = Fen::new(i64::try_from(fen.unsigned_abs()).unwrap_or(i64::MAX)).unwrap_or_default();
    format!("{sign}{size}")
}

/// Why a door stayed closed, by the code of the log.
pub(super) fn refusal(code: &str) -> &str {
    match code {
        "" => "",
        "code_invalid" => "码无效",
        "code_clock_skew" => "手机时间不准",
        "code_wrong_purpose" => "不是这里用的码",
        "code_used" => "码已用过",
        "account_lost" => "已挂失",
        "account_dormant" => "账户休眠",
        "account_expired" => "账户已过期",
        "account_closed" => "账户已注销",
        "right_missing" => "没有权限",
        "right_not_now" => "不在可通行的时段",
        other => other,
    }
}
