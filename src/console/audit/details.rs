//! What an entry says of its act. The rooms write it in short English; pages show it in Chinese.

use crate::{
    base::{clock::Timestamp, table_file::TableFormat},
    console::words::{order_state, platform, provider, role, when},
    orders::{fact::Provider, purpose::Purpose},
    sessions::Platform,
};
use uuid::Uuid;

/// The words of a detail; `None` of one that is written in words already.
pub(super) fn said(detail: &str) -> Option<String> {
    const KINDS: [fn(&str) -> Option<String>; 9] = [
        of_form,
        of_loss,
        of_device,
        of_phone,
        of_door_right,
        of_standing,
        of_count,
        of_file,
        of_access_log,
    ];
    KINDS.iter().find_map(|kind| kind(detail))
}

/// A login: its 工号 and its roles, and those before where they were changed.
pub(super) fn of_login(detail: &str) -> Option<String> {
    let (staff_no, roles) = detail.strip_prefix("no. ")?.split_once(", ")?;
    let named = |roles: &str| match roles {
        "" => "没有".to_owned(),
        roles => roles.split(',').map(role).collect::<Vec<_>>().join("、"),
    };
    Some(match roles.split_once(", before ") {
        Some((now, before)) => format!("工号 {staff_no}，{}，原为 {}", named(now), named(before)),
        None => format!("工号 {staff_no}，{}", named(roles)),
    })
}

/// The form of a reveal: nothing that tells anybody anything.
fn of_form(detail: &str) -> Option<String> {
    detail.parse::<Uuid>().ok().map(|_| String::new())
}

fn of_loss(detail: &str) -> Option<String> {
    let (reason, by) = detail.split_once(", at ")?;
    let reason = match reason {
        "lost" => "卡丢失",
        "damaged" => "卡损坏",
        "found" => "卡已找到",
        _ => return None,
    };
    let by = if by == "the counter" { "工作人员办理".to_owned() } else { there(by)? };
    Some(format!("{reason}，{by}"))
}

/// At a platform.
fn there(code: &str) -> Option<String> {
    Platform::from_code(code).map(|one| format!("在{}", platform(one)))
}

/// The last eight characters of an id.
fn end_of(id: &str) -> Option<String> {
    let id: Uuid = id.parse().ok()?;
    Some(format!("…{}", id.simple().to_string().split_off(24)))
}

/// A device or a binding, and where it is.
fn of_device(detail: &str) -> Option<String> {
    if let Some(code) = detail.strip_prefix("at ") {
        return there(code);
    }
    let (word, (id, code)) = match detail.split_once(' ')? {
        ("device", rest) => ("设备", rest.split_once(" of ")?),
        ("binding", rest) => ("绑定", rest.split_once(" at ")?),
        _ => return None,
    };
    Some(format!("{word} {}，{}", end_of(id)?, there(code)?))
}

fn of_phone(detail: &str) -> Option<String> {
    let (code, version) = detail.split_once(", consent ")?;
    Some(format!("{}，同意书第 {version} 版", there(code)?))
}

/// `3号楼: from to until, hours, right id`
fn of_door_right(detail: &str) -> Option<String> {
    let (detail, id) = detail.rsplit_once(", right ")?;
    let (times, hours) = detail.rsplit_once(", ")?;
    let (group, times) = times.split_once(": ")?;
    let (from, until) = times.split_once(" to ")?;
    let at = |text: &str| Timestamp::parse_rfc3339(text).ok().map(when);
    let until =
        if until == "no end" { "没有期限".to_owned() } else { format!("到 {}", at(until)?) };
    let hours = if hours == "00:00-24:00" { "全天" } else { hours };
    Some(format!("{group}，{} 起，{until}，{hours}，权限 {}", at(from)?, end_of(id)?))
}

fn of_standing(detail: &str) -> Option<String> {
    let (now, before) = detail.strip_prefix("last day ")?.split_once(", was ")?;
    let day = |text: &str| if text == "none" { "没有期限".to_owned() } else { text.to_owned() };
    Some(format!("有效期至 {}，原为 {}", day(now), day(before)))
}

/// Details that are numbers.
fn of_count(detail: &str) -> Option<String> {
    if let Some((usual, day)) =
        detail.strip_prefix("more than ").and_then(|rest| rest.split_once(" on "))
    {
        return Some(format!("{day} 超过 {usual} 次"));
    }
    let number = |text: &str| text.parse::<u64>().ok();
    if let Some((name, bytes)) =
        detail.strip_suffix(" bytes").and_then(|rest| rest.rsplit_once(", "))
    {
        return Some(format!("{name}，{} 字节", number(bytes)?));
    }
    if let Some((rights, rest)) = detail.split_once(" rights of ") {
        let (people, doors) = rest.split_once(" people, doors ")?;
        return Some(format!("{} 人的 {} 项权限，门组 {doors}", number(people)?, number(rights)?));
    }
    if let Some((added, changed)) =
        detail.strip_suffix(" changed").and_then(|rest| rest.split_once(" added, "))
    {
        return Some(format!("新增 {}，更改 {}", number(added)?, number(changed)?));
    }
    match detail {
        "message_credited" => Some("充值到账的消息".to_owned()),
        "message_refunded" => Some("退款到账的消息".to_owned()),
        "shipping" => Some("发货信息".to_owned()),
        _ => None,
    }
}

/// What rows of lists are called in exports.
const ROWS: &[(&str, &str)] = &[
    ("rows", "行"),
    ("entries", "条"),
    ("requests", "项申请"),
    ("logins", "个账号"),
    ("days", "天"),
    ("rights", "项权限"),
    ("orders", "笔订单"),
    ("people", "人"),
    ("cases", "项异常"),
    ("terminals", "台终端"),
    ("merchants", "个商户"),
    ("messages", "条消息"),
];

/// A file: `csv: 12 orders, state paid`.
fn of_file(detail: &str) -> Option<String> {
    let (format, rest) = detail.split_once(": ")?;
    TableFormat::ALL.into_iter().find(|one| one.code() == format)?;
    let mut parts = rest.split(", ");
    let (number, rows) = parts.next()?.split_once(' ')?;
    let (_, rows) = ROWS.iter().find(|(name, _)| *name == rows)?;
    let file = format!("{} 文件，{number} {rows}", format.to_uppercase());
    Some(parts.fold(file, |said, asked| format!("{said}，{}", of_filter(asked))))
}

/// A filter of a list that was exported.
fn of_filter(asked: &str) -> String {
    match asked.split_once(' ') {
        Some(("state", code)) => format!("状态：{}", order_state(code)),
        Some(("purpose", code)) => {
            let title = Purpose::from_code(code).map(Purpose::title);
            format!("用途：{}", title.unwrap_or(code))
        }
        Some(("provider", code)) => {
            let name = Provider::from_code(code).map(provider);
            format!("渠道：{}", name.unwrap_or(code))
        }
        Some(("day", day)) => format!("日期：{day}"),
        _ => asked.to_owned(),
    }
}

/// A reading of the log of doors: `doors D1 of 2026-11-28, open: 12 entries, the newest`.
fn of_access_log(detail: &str) -> Option<String> {
    let (doors, rest) = detail.strip_prefix("doors ")?.rsplit_once(": ")?;
    let (number, from) = rest.split_once(" entries, ")?;
    let (doors, decision) = match doors.rsplit_once(", ") {
        Some((doors, "open")) => (doors, "，开门的"),
        Some((doors, "refuse")) => (doors, "，拒绝的"),
        Some((doors, "unknown")) => (doors, "，结果未知的"),
        _ => (doors, ""),
    };
    let (doors, day) = match doors.rsplit_once(" of ") {
        Some((doors, day)) => (doors, format!("，{day}")),
        None => (doors, String::new()),
    };
    let doors = if doors == "all" { "全部门组".to_owned() } else { format!("门组 {doors}") };
    let from = match from {
        "the newest" => "最新的",
        "the oldest" => "最早的",
        _ => "接着上一页的",
    };
    Some(format!("{doors}{day}{decision}，{from} {number} 条"))
}

#[cfg(test)]
mod tests {
    use super::super::words::detail;

    const ID: &str = "01931c7e-0000-7000-8000-000021c08f3a";

    #[test]
    fn each_kind_of_detail_is_said_in_words() {
        for (text, said) in [
            (ID, ""),
            ("lost, at the counter", "卡丢失，工作人员办理"),
            ("damaged, at wechat", "卡损坏，在微信"),
            ("found, at alipay", "卡已找到，在支付宝"),
            ("at wechat", "在微信"),
            ("device ID of wechat", "设备 …21c08f3a，在微信"),
            ("binding ID at alipay", "绑定 …21c08f3a，在支付宝"),
            ("wechat, consent 1", "在微信，同意书第 1 版"),
            (
                "3号楼: 2026-11-28T08:00:00+08:00 to no end, 00:00-24:00, right ID",
                "3号楼，2026-11-28 08:00 起，没有期限，全天，权限 …21c08f3a",
            ),
            (
                "3号楼: 2026-11-28T08:00:00+08:00 to 2026-12-01T00:00:00+08:00, 06:00-23:30, right ID",
                "3号楼，2026-11-28 08:00 起，到 2026-12-01 00:00，06:00-23:30，权限 …21c08f3a",
            ),
            ("last day 2027-06-30, was none", "有效期至 2027-06-30，原为 没有期限"),
            ("more than 30 on 2026-11-28", "2026-11-28 超过 30 次"),
            ("students.csv, 812 bytes", "students.csv，812 字节"),
            ("12 rights of 6 people, doors 3号楼, 4号楼", "6 人的 12 项权限，门组 3号楼, 4号楼"),
            ("3 added, 1 changed", "新增 3，更改 1"),
            ("message_credited", "充值到账的消息"),
            ("csv: 60 orders", "CSV 文件，60 笔订单"),
            (
                "xlsx: 2 orders, state paid, purpose card_top_up, provider alipay",
                "XLSX 文件，2 笔订单，状态：已付款，待交付，用途：校园卡充值，渠道：支付宝",
            ),
            ("csv: 8 rows", "CSV 文件，8 行"),
            ("csv: 9 entries, 类别：异常", "CSV 文件，9 条，类别：异常"),
            ("doors all: 20 entries, the newest", "全部门组，最新的 20 条"),
            (
                "doors D1 of 2026-11-28, refuse: 3 entries, after ID",
                "门组 D1，2026-11-28，拒绝的，接着上一页的 3 条",
            ),
            ("no. 9002, card_office,finance", "工号 9002，一卡通中心、财务"),
            ("no. 9002, finance, before card_office", "工号 9002，财务，原为 一卡通中心"),
            ("no. 9002, , before admin", "工号 9002，没有，原为 管理员"),
            ("第 3 版，2026-12-01 起：每餐限额", "第 3 版，2026-12-01 起：每餐限额"),
        ] {
            assert_eq!(detail(&text.replace("ID", ID)), said, "{text}");
        }
    }
}
