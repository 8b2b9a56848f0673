//! The words of the console for codes of the rooms below.

pub(super) use super::said::said;

use crate::{
    approvals::{ApprovalKind, ApprovalState},
    base::{clock::Timestamp, money::Fen},
    cards::CardStatus,
    exports::ExportKind,
    orders::fact::Provider,
    passcode::{DeviceKind, PersonDevice},
    schools::PersonKind,
    sessions::Platform,
    staff::MoneyStanding,
    terminals::{TerminalKind, listing::TerminalState},
};

/// A list that is exported.
pub(super) const fn export(kind: ExportKind) -> &'static str {
    match kind {
        ExportKind::Orders => "订单",
        ExportKind::People => "人员",
        ExportKind::Cases => "异常",
        ExportKind::Terminals => "终端",
        ExportKind::Audit => "记录",
        ExportKind::RefundRequests => "退款申请",
        ExportKind::RepairRequests => "对账差异申请",
        ExportKind::Adjustments => "调账申请",
        ExportKind::PasswordResets => "重置密码申请",
        ExportKind::StaffRequests => "账号申请",
        ExportKind::PolicyRequests => "政策申请",
        ExportKind::Statement => "账单",
        ExportKind::Merchants => "商户",
        ExportKind::Members => "工作人员",
        ExportKind::BillDays => "对账",
        ExportKind::DoorRights => "门禁权限",
        ExportKind::AccessLog => "门禁记录",
        ExportKind::Messages => "没有送达的消息",
    }
}

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

/// A provider, by its section of the configuration.
pub(super) fn section(code: &str) -> &str {
    match code {
        "alipay" => "支付宝",
        "wechat" => "微信登录",
        "wechat_pay" => "微信支付",
        "wecom" => "企业微信",
        other => other,
    }
}

/// A kind of terminal.
pub(super) const fn terminal_kind(kind: TerminalKind) -> &'static str {
    match kind {
        TerminalKind::Pos => "收款",
        TerminalKind::Gate => "门禁",
        TerminalKind::Library => "图书馆",
        TerminalKind::Water => "水控",
    }
}

pub(super) const fn terminal_state(state: TerminalState) -> &'static str {
    match state {
        TerminalState::On => "在用",
        TerminalState::Silent => "一天内没有联系",
        TerminalState::Off => "停用",
    }
}

pub(super) const fn approval_kind(kind: ApprovalKind) -> &'static str {
    match kind {
        ApprovalKind::Refund => "退款",
        ApprovalKind::RefundEnd => "终止退款",
        ApprovalKind::BillRepair => "对账差异",
        ApprovalKind::AdjustUp => "调账（加）",
        ApprovalKind::AdjustDown => "调账（减）",
        ApprovalKind::PasswordReset => "重置查询密码",
        ApprovalKind::StaffRoles => "更改角色",
        ApprovalKind::StaffFactor => "重置验证器",
        ApprovalKind::PolicyChange => "更改政策",
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

/// How far a refund is.
pub(super) const fn refund(standing: MoneyStanding) -> &'static str {
    match standing {
        MoneyStanding::RefundAsked => "待复核",
        MoneyStanding::RefundHeld | MoneyStanding::SurplusHeld => "等待发出",
        MoneyStanding::RefundSent | MoneyStanding::SurplusSent => "已发出，等支付平台确认",
        MoneyStanding::Back | MoneyStanding::PartlyBack => "已退到账",
        MoneyStanding::Returned => "支付平台拒绝，钱已回学生账户",
        MoneyStanding::Stuck => "支付平台没有退出，待人工处理",
        MoneyStanding::Unpaid
        | MoneyStanding::Unconfirmed
        | MoneyStanding::NotPaid
        | MoneyStanding::Undelivered
        | MoneyStanding::Delivered => "没有退款",
    }
}

/// Where money is, and who moves next.
pub(super) const fn money(standing: MoneyStanding) -> [&'static str; 2] {
    match standing {
        MoneyStanding::Unpaid => ["在付款人手里，还没有付", "付款人付款"],
        MoneyStanding::Unconfirmed => {
            ["还不知道：过了时限，支付平台还没有说没有付", "系统向支付平台查询"]
        }
        MoneyStanding::NotPaid => ["这一单没有收款记账", "无；平台显示已付的，请交财务核对"],
        MoneyStanding::Undelivered => ["支付平台已收；所购的还没有交付", "系统交付"],
        MoneyStanding::Delivered => ["支付平台已收；已记入学生账户", "无"],
        MoneyStanding::RefundAsked => ["在学生账户，没有变动", "另一人复核"],
        MoneyStanding::RefundHeld => ["学生账户已扣，在退款户", "系统马上向支付平台发出"],
        MoneyStanding::RefundSent => ["学生账户已扣，在退款户；支付平台还没有确认", "系统查询结果"],
        MoneyStanding::SurplusHeld => ["多付的在暂记户", "系统马上向支付平台发出"],
        MoneyStanding::SurplusSent => ["多付的在暂记户；支付平台还没有确认", "系统查询结果"],
        MoneyStanding::Stuck => ["支付平台没有退出，钱还在退款户或暂记户", "人工处理这项异常"],
        MoneyStanding::PartlyBack => ["一部分已原路退回付款人，其余在学生账户", "无"],
        MoneyStanding::Back => ["已原路退回付款人", "无"],
        MoneyStanding::Returned => ["支付平台没有退出；已回学生账户", "无"],
    }
}

/// The states of orders, by the code that lists show.
pub(super) fn order_state(code: &str) -> &'static str {
    match code {
        "awaiting_payment" => "待付款",
        "paid" => "已付款，待交付",
        "fulfilled" => "已到账",
        "closed" => "未付款，已关闭",
        "refunding" => "退款中",
        "refunded" => "已退款",
        _ => "其他",
    }
}

/// How a payment stands.
pub(super) fn payment_state(code: &str) -> &'static str {
    match code {
        "open" => "还没有付款的消息",
        "paid" => "已付款",
        "closed" => "没有付款，已关闭",
        _ => "其他",
    }
}

/// A payment platform.
pub(super) const fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::WechatPay => "微信支付",
        Provider::Alipay => "支付宝",
    }
}

/// How a card stands.
pub(super) const fn card(status: CardStatus) -> &'static str {
    match status {
        CardStatus::Normal => "正常",
        CardStatus::Lost => "挂失",
        CardStatus::Dormant => "休眠",
        CardStatus::Expired => "过期",
        CardStatus::Closed => "已注销",
    }
}

/// A role on the roster.
pub(super) const fn person_kind(kind: PersonKind) -> &'static str {
    match kind {
        PersonKind::Student => "学生",
        PersonKind::Staff => "教职工",
        PersonKind::Temporary => "临时人员",
    }
}

/// Where somebody is bound.
pub(super) const fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Wechat => "微信",
        Platform::Alipay => "支付宝",
        Platform::Portal => "网页",
    }
}

/// A device, as its owner named it.
pub(super) fn device(device: &PersonDevice) -> String {
    match (&device.name, device.kind) {
        (Some(name), _) => name.clone(),
        (None, DeviceKind::Phone) => "手机（没有名称）".to_owned(),
        (None, DeviceKind::Server) => "由服务器出码的手机".to_owned(),
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

/// How long ago something was: `20 分钟前`, `2 小时前`, `3 天前`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.distance(at).as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes} 分钟前"),
        60..2880 => format!("{} 小时前", minutes / 60),
        _ => format!("{} 天前", minutes / 1440),
    }
}

/// Fen that may be negative: `−¥5.00`.
pub(super) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "−" } else { "" };
    let size = Fen::new(i64::try_from(fen.unsigned_abs()).unwrap_or(i64::MAX)).unwrap_or_default();
    format!("{sign}{size}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::listing::OrderFilter;

    /// A refund that was sent is not done, and what is not known is said to be unknown.
    #[test]
    fn money_is_never_said_to_be_further_than_it_is() {
        use MoneyStanding as M;
        // Standing; how far its refund is; where the money is; who moves next.
        let table = [
            (M::Unpaid, "没有退款", "还没有付", "付款人"),
            (M::Unconfirmed, "没有退款", "还不知道", "系统向支付平台查询"),
            (M::NotPaid, "没有退款", "这一单没有收款记账", "无；平台显示已付的，请交财务核对"),
            (M::Undelivered, "没有退款", "还没有交付", "系统交付"),
            (M::Delivered, "没有退款", "已记入学生账户", "无"),
            (M::RefundAsked, "待复核", "没有变动", "另一人复核"),
            (M::RefundHeld, "等待发出", "在退款户", "系统马上"),
            (M::RefundSent, "等支付平台确认", "支付平台还没有确认", "系统查询"),
            (M::SurplusHeld, "等待发出", "暂记户", "系统马上"),
            (M::SurplusSent, "等支付平台确认", "支付平台还没有确认", "系统查询"),
            (M::Stuck, "没有退出", "没有退出", "人工处理"),
            (M::PartlyBack, "已退到账", "其余在学生账户", "无"),
            (M::Back, "已退到账", "已原路退回", "无"),
            (M::Returned, "钱已回学生账户", "已回学生账户", "无"),
        ];
        assert_eq!(table.map(|(standing, ..)| standing), M::ALL);
        for (standing, far, place, next) in table {
            let [is_at, moves] = money(standing);
            let how_far = refund(standing);
            assert!(how_far.contains(far), "{standing:?}: {how_far}");
            assert!(is_at.contains(place), "{standing:?}: {is_at}");
            assert!(moves.starts_with(next), "{standing:?}: {moves}");
            let is_back = matches!(standing, M::Back | M::PartlyBack);
            for text in [how_far, is_at, moves] {
                assert!(!text.contains("成功"), "{standing:?}: {text}");
                let done = text.contains("已退到账") || text.contains("已原路退回");
                assert!(is_back || !done, "{standing:?}: {text}");
            }
        }
    }

    #[test]
    fn one_reads_how_long_ago_it_was() {
        let now = Timestamp::from_seconds(1_796_000_000);
        for (seconds, text) in [
            (0, "0 分钟前"),
            (3599, "59 分钟前"),
            (3600, "1 小时前"),
            (172_799, "47 小时前"),
            (172_800, "2 天前"),
        ] {
            assert_eq!(ago(now.minus(std::time::Duration::from_secs(seconds)), now), text);
        }
    }

    #[test]
    fn each_state_of_an_order_has_its_word() {
        let words = OrderFilter::STATES.map(order_state);
        let differ: std::collections::BTreeSet<_> = words.into_iter().collect();
        assert_eq!(differ.len(), words.len(), "{words:?}");
        assert!(!differ.contains("其他") && !words.iter().any(|word| word.contains("成功")));
    }
}
