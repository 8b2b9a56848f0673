//! The fields of a policy that members of staff change: one table, of which forms, differences, sentences
//! and what two persons decide are made.

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyInput {
    /// An amount, in yuan; may be left out where there need be none.
    Yuan {
        /// Whether it may be left out.
        optional: bool,
    },
    /// Amounts in yuan.
    YuanList,
    /// A whole number, with its unit.
    Number(&'static str),
    /// Yes or no.
    Flag,
    /// One of these: the value as JSON, and its word.
    Choice(&'static [(&'static str, &'static str)]),
    /// Some of these: the values' codes and their words.
    Ticks(&'static [(&'static str, &'static str)]),
    /// A line of text.
    Line {
        /// Whether it may be left out.
        optional: bool,
    },
    /// Text of several lines.
    Lines,
    /// Times of the day, `10:00-15:00`.
    Times,
}

/// A field of a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyField {
    /// Where it stands, as in `top_up.min_fen`.
    pub key: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What a member of staff must know of it; may be empty.
    pub hint: &'static str,
    /// What it takes.
    pub input: PolicyInput,
    /// Whether it is about money or passwords: two persons change it.
    pub two_persons: bool,
}

use PolicyInput::{Choice, Flag, Line, Lines, Number, Ticks, Times, Yuan, YuanList};

const fn two(
    key: &'static str,
    label: &'static str,
    input: PolicyInput,
    hint: &'static str,
) -> PolicyField {
    PolicyField { key, label, hint, input, two_persons: true }
}

const fn one(
    key: &'static str,
    label: &'static str,
    input: PolicyInput,
    hint: &'static str,
) -> PolicyField {
    PolicyField { key, label, hint, input, two_persons: false }
}

const LINE: PolicyInput = Line { optional: false };
const DOORS: &[(&str, &str)] = &[
    (r#""counter""#, "只能到服务台办理"),
    (r#"{"holder":[]}"#, "本人用查询密码"),
    (r#"{"holder":["id_number"]}"#, "本人用查询密码和身份证号"),
    (r#"{"holder":["chip_number"]}"#, "本人用查询密码和芯片卡号"),
    (r#"{"holder":["id_number","chip_number"]}"#, "本人用查询密码、身份证号和芯片卡号"),
];
const DEFAULTS: &[(&str, &str)] = &[
    (r#""last_six_x_to_zero""#, "身份证号后 6 位，末位 X 换成 0"),
    (r#""drop_letter_shift""#, "身份证号后 6 位，末位是 X 的取 X 前面的 6 位"),
    (r#""last_six_keep_x""#, "身份证号后 6 位，X 照写"),
];
const RULES: &[(&str, &str)] =
    &[(r#""six_digits""#, "6 位数字"), (r#""six_digits_strong""#, "6 位数字，不连续、不重复")];

/// The fields, in the order of the form.
const FIELDS: &[PolicyField] = &[
    one("name", "学校名称", LINE, "学生看到的名称"),
    one("portal", "网页查询", Flag, "允许用学号和查询密码在网页上查账、挂失"),
    two("top_up.min_fen", "单笔充值下限", Yuan { optional: false }, ""),
    two("top_up.max_fen", "单笔充值上限", Yuan { optional: false }, ""),
    two("top_up.choices_fen", "快捷金额", YuanList, "由小到大，用逗号隔开，最多 12 个"),
    two("top_up.password_required", "充值要查询密码", Flag, ""),
    two("limits.meal_fen", "每餐限额", Yuan { optional: true }, "不填是不限"),
    two("limits.day_fen", "每日限额", Yuan { optional: true }, "不填是不限"),
    two(
        "limits.over_limit",
        "超过限额时",
        Choice(&[(r#""refuse""#, "拒绝"), (r#""password""#, "输入消费密码")]),
        "",
    ),
    two("limits.meal_windows", "用餐时段", Times, "如 05:00-10:00，用逗号隔开，最多 8 段"),
    two("spend.card_balance", "扫码也用卡余额", Flag, "卡余额、过渡余额、电子账户合计够就能付"),
    two("spend.password_each_scan", "每次扫码都要查询密码", Flag, ""),
    one("spend.show_balance", "收款机显示余额", Flag, ""),
    two("spend.reversal_minutes", "收款机可冲正", Number("分钟"), "收款后这么久之内，1 到 1440"),
    two("passcode.step_seconds", "付款码每隔多久换", Number("秒"), "5 到 60；手机下次登记时更换"),
    two("passcode.device_days", "手机登记有效", Number("天"), "1 到 366"),
    two("passcode.unseen_days", "手机多久不联网就失效", Number("天"), "不多于登记有效的天数"),
    two("passcode.prefixes.pay", "付款码开头", Number(""), "两位数字"),
    two("passcode.prefixes.id", "身份码开头", Number(""), "两位数字"),
    two("passcode.prefixes.receipt", "凭证码开头", Number(""), "两位数字"),
    two("loss.report", "挂失", Choice(DOORS), ""),
    two("loss.cancel", "解除挂失", Choice(DOORS), ""),
    two(
        "loss.stops",
        "挂失停用",
        Choice(&[(r#""card_and_codes""#, "卡和付款码"), (r#""card""#, "只停卡，付款码照用")]),
        "",
    ),
    two("password.default", "初始查询密码", Choice(DEFAULTS), ""),
    two("password.must_change", "首次登录必须改密码", Flag, ""),
    two("password.change_online", "可以自己改密码", Flag, ""),
    two("password.rule", "新密码的要求", Choice(RULES), ""),
    one("password.hint", "新密码的说明", LINE, "改密码的页面上显示"),
    one(
        "binding.id_kinds",
        "绑定用的号码",
        Ticks(&[("student_no", "学号或工号"), ("id_number", "身份证号")]),
        "",
    ),
    one("binding.id_label", "号码一栏的名称", LINE, ""),
    one("binding.id_hint", "号码一栏的提示", LINE, ""),
    one("binding.id_pattern", "学号的格式", Line { optional: true }, "如 ^[0-9]{7}$；不填是不检查"),
    two("binding.name_required", "绑定要核对姓名", Flag, ""),
    one("binding.password_hint", "查询密码一栏的提示", LINE, ""),
    one(
        "doors.accepts",
        "门禁接受的码",
        Ticks(&[("identity", "身份码"), ("payment", "付款码")]),
        "单独列出的门组除外",
    ),
    one("doors.right_needed", "开门要有权限", Flag, "不勾选时，本校的人都能开"),
    one("doors.double_read_seconds", "同一个码可重复刷", Number("秒"), "0 到 10"),
    one("doors.log_days", "通行记录保存", Number("天"), "1 到 366"),
    one(
        "doors.when_undecided",
        "联系不上系统时",
        Choice(&[(r#""stay_closed""#, "不开门"), (r#""call_guard""#, "不开门，呼叫值班")]),
        "",
    ),
    one("consent.version", "同意书版本", LINE, "更换版本后，以后绑定的人按新的同意"),
    one(
        "consent.items",
        "逐项同意",
        Ticks(&[("terms", "使用条款和隐私说明"), ("id_number", "使用身份证号")]),
        "",
    ),
    one("consent.text", "同意书正文", Lines, ""),
];

/// The parts of a policy, in the order of the form.
const GROUPS: &[(&str, &str)] = &[
    ("name", "学校"),
    ("portal", "学校"),
    ("top_up", "充值"),
    ("limits", "消费限额"),
    ("spend", "扫码消费"),
    ("passcode", "付款码"),
    ("loss", "挂失"),
    ("password", "查询密码"),
    ("binding", "绑定"),
    ("doors", "门禁"),
    ("consent", "同意书"),
    ("help", "帮助"),
];

/// What stands in the file of the school alone, or has a page of its own.
const ELSEWHERE: &[(&str, &str)] = &[("doors.groups", "单独列出的门组"), ("help", "帮助")];

impl PolicyField {
    /// All of them.
    pub const ALL: &'static [Self] = FIELDS;

    /// The field with this key.
    pub fn of(key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.key == key)
    }

    /// The part of the policy that it belongs to.
    pub fn group(&self) -> &'static str {
        group_of(self.key)
    }
}

pub(super) fn group_of(key: &str) -> &'static str {
    let first = key.split('.').next().unwrap_or(key);
    GROUPS.iter().find(|(group, _)| *group == first).map_or("其他", |(_, word)| word)
}

/// The label of a key, also of one that has no field.
pub(super) fn label_of(key: &str) -> Option<&'static str> {
    let field = PolicyField::of(key).map(|field| field.label);
    field.or_else(|| elsewhere().find(|(other, _)| *other == key).map(|(_, label)| label))
}

/// The label of what has no field.
pub(super) fn elsewhere() -> impl Iterator<Item = (&'static str, &'static str)> {
    ELSEWHERE.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schools::policy::Policy;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) if PolicyField::of(path).is_none() => {
                for (name, value) in fields {
                    let below =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    leaves(value, &below, found);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                found.insert(path.to_owned());
            }
        }
    }

    #[test]
    fn every_part_of_a_policy_has_its_field_and_every_field_its_part() {
        let text = include_str!("../../schools/xnec.toml");
        let limits = "[limits]\nmeal_fen = 1\nday_fen = 2\nover_limit = \"refuse\"\n[spend]";
        let policy = Policy::parse(&text.replace("[spend]", limits)).unwrap();
        let (mut found, json) = (BTreeSet::new(), serde_json::to_value(&policy).unwrap());
        leaves(&json, "", &mut found);
        let fixed = ["code", "version"].map(str::to_owned);
        let apart = elsewhere().map(|(key, _)| key.to_owned());
        let fields = FIELDS.iter().map(|field| field.key.to_owned());
        let known: BTreeSet<String> = fields.chain(apart).chain(fixed).collect();
        assert_eq!(found, known);
        assert!(FIELDS.iter().all(|field| field.group() != "其他"));
        let labels: BTreeSet<_> = FIELDS.iter().map(|field| field.label).collect();
        assert_eq!(labels.len(), FIELDS.len(), "two fields have one label");
    }

    #[test]
    fn money_and_passwords_are_for_two_persons() {
        for field in FIELDS {
            let guarded = ["top_up.", "limits.", "password."]
                .iter()
                .any(|g| field.key.starts_with(g) && field.key != "password.hint");
            assert!(field.two_persons || !guarded, "{}", field.key);
        }
    }
}
