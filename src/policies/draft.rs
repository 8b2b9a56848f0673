//! A policy that is made of another one by changes, checked by the types of a policy.

use super::{
    difference::json_of,
    fields::PolicyField,
    input::{PolicyForm, at, put},
};
use crate::schools::policy::Policy;
use serde_json::Value;
use std::collections::BTreeMap;

/// New values by their keys, as JSON: amounts are fen.
pub type PolicyChanges = BTreeMap<String, Value>;

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The field.
    pub key: String,
    /// What is wrong, for members of staff.
    pub detail: String,
}

/// What the types of a policy say, the fields that it is about, and how staff are told.
const SAID: &[(&str, &[&str], &str)] = &[
    (
        "min_fen must be at least 1",
        &["top_up.min_fen", "top_up.max_fen"],
        "下限至少 0.01 元，上限不能低于下限",
    ),
    ("choices_fen must rise", &["top_up.choices_fen"], "快捷金额由小到大，最多 12 个"),
    ("choices_fen must lie", &["top_up.choices_fen"], "快捷金额要在上下限之间"),
    ("limits must name", &["limits.meal_fen"], "请至少填写一个限额"),
    (
        "meal_fen must be at most",
        &["limits.meal_fen", "limits.day_fen"],
        "每餐限额不能高于每日限额",
    ),
    ("a limit must be", &["limits.meal_fen", "limits.day_fen"], "限额至少 0.01 元"),
    ("meal_windows must be", &["limits.meal_windows"], "1 到 8 段，按先后，互不重叠"),
    ("a meal is written", &["limits.meal_windows"], "写成 10:00-15:00，不跨零点"),
    ("reversal_minutes must", &["spend.reversal_minutes"], "1 到 1440 分钟"),
    ("step_seconds must", &["passcode.step_seconds"], "5 到 60 秒"),
    ("unseen_days must", &["passcode.unseen_days"], "至少 1 天，不多于登记有效的天数"),
    ("device_days must", &["passcode.device_days"], "1 到 366 天"),
    ("more than two digits", PREFIXES, "开头是两位数字"),
    ("stands for two kinds", PREFIXES, "三种码的开头要各不相同"),
    ("codes that begin with", PREFIXES, "这个开头是其他付款码的，不能用"),
    (
        "must_change needs",
        &["password.must_change", "password.change_online"],
        "必须改密码的，要允许自己改密码",
    ),
    ("double_read_seconds must", &["doors.double_read_seconds"], "0 到 10 秒"),
    ("log_days must", &["doors.log_days"], "1 到 366 天"),
    ("a plain pattern", &["binding.id_pattern"], "格式不对，写成如 ^[0-9]{7}$"),
];
const PREFIXES: &[&str] =
    &["passcode.prefixes.pay", "passcode.prefixes.id", "passcode.prefixes.receipt"];
/// The same for what any field may be refused for.
const ANYWHERE: &[(&str, &str)] = &[
    ("must name at least one", "请至少选一项"),
    ("must name nothing twice", "不能重复"),
    ("must hold no control characters", "不能有特殊的控制字符"),
];

/// The changes that a form asks for: its fields that read otherwise than the policy.
pub fn changes_of(form: &PolicyForm, policy: &Policy) -> Result<PolicyChanges, Vec<PolicyProblem>> {
    let (json, mut problems) = (json_of(policy), Vec::new());
    let mut changes = PolicyChanges::new();
    for field in PolicyField::ALL {
        match field.read(form) {
            Ok(value) if field.keeps(&value, at(&json, field.key)) => {}
            Ok(value) => {
                changes.insert(field.key.to_owned(), value);
            }
            Err(detail) => {
                problems.push(PolicyProblem { key: field.key.to_owned(), detail: detail.into() });
            }
        }
    }
    if problems.is_empty() { Ok(changes) } else { Err(problems) }
}

/// The policy with these changes.
pub(super) fn changed(
    policy: &Policy,
    changes: &PolicyChanges,
) -> Result<Policy, Vec<PolicyProblem>> {
    let known = |key: &&String| PolicyField::of(key).is_some() || *key == "help";
    if let Some(unknown) = changes.keys().find(|key| !known(key)) {
        let detail = "没有这一项，或者它只能用文件更改".to_owned();
        return Err(vec![PolicyProblem { key: unknown.clone(), detail }]);
    }
    let all = changes.iter().map(|(key, value)| (key.as_str(), value));
    with(policy, all).map_err(|said| located(policy, changes, &said))
}

/// The same without a word for staff about what is wrong.
pub(super) fn with<'a>(
    policy: &Policy,
    changes: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Result<Policy, String> {
    let mut json = json_of(policy);
    for (key, value) in changes {
        put(&mut json, key, value.clone());
    }
    normalise(&mut json);
    serde_json::from_value(json).map_err(|error| error.to_string())
}

/// No limit is none at all; times that are left out are the usual ones.
fn normalise(json: &mut Value) {
    let Some(limits) = json.get_mut("limits") else { return };
    let Some(fields) = limits.as_object_mut() else { return };
    let none = |name: &str| fields.get(name).is_none_or(Value::is_null);
    if none("meal_fen") && none("day_fen") {
        *limits = Value::Null;
        return;
    }
    fields.entry("over_limit").or_insert_with(|| "refuse".into());
    if fields.get("meal_windows").is_some_and(|times| *times == Value::Array(Vec::new())) {
        fields.remove("meal_windows");
    }
}

/// The fields that a refusal is about: those that the table names, else those that are refused alone.
fn located(policy: &Policy, changes: &PolicyChanges, said: &str) -> Vec<PolicyProblem> {
    let problem =
        |key: &str, detail: &str| PolicyProblem { key: key.into(), detail: detail.into() };
    if let Some((_, keys, detail)) = SAID.iter().find(|(part, ..)| said.contains(part)) {
        return keys.iter().map(|key| problem(key, detail)).collect();
    }
    let alone = changes.iter().filter_map(|(key, value)| {
        let said = with(policy, std::iter::once((key.as_str(), value))).err()?;
        Some(problem(key, &in_words(&said)))
    });
    let alone: Vec<PolicyProblem> = alone.collect();
    if alone.is_empty() { vec![problem("", &in_words(said))] } else { alone }
}

fn in_words(said: &str) -> String {
    if let Some((_, word)) = ANYWHERE.iter().find(|(part, _)| said.contains(part)) {
        return (*word).to_owned();
    }
    let most = said.strip_prefix("must be 1 to ").and_then(|rest| rest.split_once(" characters"));
    most.map_or_else(|| "不是有效的值".to_owned(), |(most, _)| format!("请填写 1 到 {most} 个字"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy() -> Policy {
        Policy::parse(include_str!("../../schools/xnec.toml")).unwrap()
    }

    fn refused(changes: &[(&str, Value)]) -> Vec<(String, String)> {
        let changes = changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        let problems = super::changed(&policy(), &changes.collect()).err().unwrap_or_default();
        problems.into_iter().map(|problem| (problem.key, problem.detail)).collect()
    }

    /// These changes are refused at this field, in these words.
    fn told(changes: &[(&str, Value)], key: &str, said: &str) {
        let problems = refused(changes);
        let at = problems.iter().find(|(at, _)| at == key);
        assert!(at.is_some_and(|(_, detail)| detail.contains(said)), "{changes:?}: {problems:?}");
    }

    #[test]
    fn what_the_types_refuse_is_told_at_its_field_in_chinese() {
        for (changes, key, said) in [
            (vec![("top_up.min_fen", json!(0))], "top_up.min_fen", "下限至少"),
            (vec![("top_up.max_fen", json!(100))], "top_up.choices_fen", "之间"),
            (vec![("top_up.choices_fen", json!([200, 100]))], "top_up.choices_fen", "由小到大"),
            (vec![("limits.meal_fen", json!(0))], "limits.meal_fen", "至少 0.01"),
            (
                vec![("limits.meal_fen", json!(200)), ("limits.day_fen", json!(100))],
                "limits.day_fen",
                "不能高于",
            ),
            (
                vec![("limits.day_fen", json!(1)), ("limits.meal_windows", json!(["9-10"]))],
                "limits.meal_windows",
                "写成",
            ),
            (
                vec![
                    ("limits.day_fen", json!(1)),
                    ("limits.meal_windows", json!(["10:00-12:00", "11:00-13:00"])),
                ],
                "limits.meal_windows",
                "互不重叠",
            ),
            (vec![("spend.reversal_minutes", json!(0))], "spend.reversal_minutes", "1440"),
            (vec![("spend.reversal_minutes", json!(99_999))], "spend.reversal_minutes", "不是有效"),
        ] {
            told(&changes, key, said);
        }
    }

    #[test]
    fn what_codes_doors_and_names_refuse_is_told_at_its_field() {
        let long = "长".repeat(41);
        for (changes, key, said) in [
            (vec![("passcode.step_seconds", json!(4))], "passcode.step_seconds", "5 到 60"),
            (vec![("passcode.device_days", json!(367))], "passcode.device_days", "366"),
            (vec![("passcode.unseen_days", json!(31))], "passcode.unseen_days", "不多于"),
            (vec![("passcode.prefixes.pay", json!(13))], "passcode.prefixes.pay", "其他付款码"),
            (vec![("passcode.prefixes.pay", json!(81))], "passcode.prefixes.id", "各不相同"),
            (vec![("passcode.prefixes.pay", json!(100))], "passcode.prefixes.pay", "两位"),
            (
                vec![
                    ("password.must_change", json!(true)),
                    ("password.change_online", json!(false)),
                ],
                "password.must_change",
                "允许自己改",
            ),
            (vec![("doors.double_read_seconds", json!(11))], "doors.double_read_seconds", "10 秒"),
            (vec![("doors.log_days", json!(0))], "doors.log_days", "366"),
            (vec![("doors.accepts", json!([]))], "doors.accepts", "至少选一项"),
            (vec![("binding.id_pattern", json!("^.*$"))], "binding.id_pattern", "格式"),
            (vec![("name", json!(long))], "name", "1 到 40 个字"),
            (vec![("name", json!(" "))], "name", "1 到 40 个字"),
            (vec![("name", json!("a\tb"))], "name", "控制字符"),
            (vec![("code", json!("other"))], "code", "没有这一项"),
            (vec![("help", json!([{ "title": "", "text": "x" }]))], "help", "1 到 40 个字"),
        ] {
            told(&changes, key, said);
        }
    }

    #[test]
    fn limits_come_and_go() {
        let change = |key: &str, value| PolicyChanges::from([(key.to_owned(), value)]);
        let some = super::changed(&policy(), &change("limits.day_fen", json!(3000))).unwrap();
        let limits = some.limits.as_ref().unwrap();
        assert_eq!((limits.day.unwrap().get(), limits.meal_windows.len()), (3000, 3));
        let none = super::changed(&some, &change("limits.day_fen", Value::Null)).unwrap();
        assert_eq!(none, policy());
    }

    #[test]
    fn a_form_as_it_was_shown_asks_for_nothing() {
        let (policy, mut form) = (policy(), PolicyForm::new());
        let json = json_of(&policy);
        for field in PolicyField::ALL {
            let shown = field.shown(at(&json, field.key));
            if let crate::policies::PolicyInput::Ticks(_) = field.input {
                form.extend(shown.split(", ").map(|code| (field.tick(code), "on".to_owned())));
            } else if !shown.is_empty() {
                form.insert(field.key.to_owned(), shown);
            }
        }
        // A school without limits has no rule for what is beyond them; the form shows one.
        form.insert("limits.over_limit".to_owned(), "\"refuse\"".to_owned());
        let changes = changes_of(&form, &policy).unwrap();
        assert_eq!(super::changed(&policy, &changes).unwrap(), policy, "{changes:?}");
    }
}
