//! Values of fields in forms and in words.

use super::fields::{PolicyField, PolicyInput};
use crate::base::money::Fen;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a form sent, by the names of its fields.
pub type PolicyForm = BTreeMap<String, String>;

/// The longest text of a difference, in characters.
const LONGEST: usize = 60;

/// What stands at a dotted key; `null` where nothing does.
pub(super) fn at<'a>(policy: &'a Value, key: &str) -> &'a Value {
    key.split('.').try_fold(policy, |value, name| value.get(name)).unwrap_or(&Value::Null)
}

/// Puts a value at a dotted key. Limits that were none become some.
pub(super) fn put(policy: &mut Value, key: &str, value: Value) {
    let Some(table) = policy.as_object_mut() else { return };
    let Some((first, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let below = table.entry(first).or_insert(Value::Null);
    if below.is_null() {
        *below = Value::Object(serde_json::Map::new());
    }
    put(below, rest, value);
}

fn yuan(value: &Value) -> String {
    let fen = value.as_i64().unwrap_or_default();
    if fen % 100 == 0 { (fen / 100).to_string() } else { format!("{}.{:02}", fen / 100, fen % 100) }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn fen_of(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches('¥');
    let (whole, cents) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    let cents = format!("{cents:0<2}").parse::<i64>().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)
}

/// The parts of a list that somebody typed.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '、', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

impl PolicyField {
    /// The field's value in a policy.
    pub fn of_policy<'a>(&self, policy: &'a Value) -> &'a Value {
        at(policy, self.key)
    }

    /// The field's value as a form shows it; of several that may be ticked, their codes.
    pub fn shown(&self, value: &Value) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.input {
            PolicyInput::Yuan { .. } | PolicyInput::Number(_) if value.is_null() => String::new(),
            PolicyInput::Yuan { .. } => yuan(value),
            PolicyInput::YuanList => items(value).map(yuan).collect::<Vec<_>>().join(", "),
            PolicyInput::Number(_) | PolicyInput::Choice(_) => value.to_string(),
            PolicyInput::Flag if value.as_bool() == Some(true) => "on".to_owned(),
            PolicyInput::Flag => String::new(),
            PolicyInput::Ticks(_) | PolicyInput::Times => {
                items(value).map(text).collect::<Vec<_>>().join(", ")
            }
            PolicyInput::Line { .. } | PolicyInput::Lines => text(value),
        }
    }

    /// The name of the box of one of several that may be ticked.
    pub fn tick(&self, code: &str) -> String {
        format!("{}.{code}", self.key)
    }

    /// Whether a name of a form is of this field.
    pub fn owns(&self, name: &str) -> bool {
        match self.input {
            PolicyInput::Ticks(choices) => choices.iter().any(|(code, _)| self.tick(code) == name),
            PolicyInput::Yuan { .. }
            | PolicyInput::YuanList
            | PolicyInput::Number(_)
            | PolicyInput::Flag
            | PolicyInput::Choice(_)
            | PolicyInput::Line { .. }
            | PolicyInput::Lines
            | PolicyInput::Times => name == self.key,
        }
    }

    /// Reads the field from a form.
    pub(super) fn read(&self, form: &PolicyForm) -> Result<Value, &'static str> {
        let text = form.get(self.key).map_or("", |text| text.trim());
        let amount = "请填写金额，如 35 或 35.50";
        match self.input {
            PolicyInput::Yuan { optional: true } | PolicyInput::Line { optional: true }
                if text.is_empty() =>
            {
                Ok(Value::Null)
            }
            PolicyInput::Yuan { .. } => fen_of(text).map(Value::from).ok_or(amount),
            PolicyInput::YuanList => {
                let fen: Option<Vec<i64>> = parts(text).map(fen_of).collect();
                fen.map(Value::from).ok_or("请填写金额，用逗号隔开，如 50, 100")
            }
            PolicyInput::Number(_) => {
                let number = text.parse::<u32>().map(Value::from);
                number.map_err(|_| "请填写一个整数")
            }
            PolicyInput::Flag => Ok(Value::from(!text.is_empty())),
            PolicyInput::Choice(choices) => {
                let known = choices.iter().find(|(code, _)| *code == text);
                let value = known.and_then(|(code, _)| serde_json::from_str(code).ok());
                value.ok_or("请选择一项")
            }
            PolicyInput::Ticks(choices) => {
                let ticked = choices.iter().map(|(code, _)| *code);
                let ticked = ticked.filter(|code| form.contains_key(&self.tick(code)));
                Ok(ticked.collect::<Vec<_>>().into())
            }
            PolicyInput::Line { .. } => Ok(text.into()),
            PolicyInput::Lines => Ok(text.replace("\r\n", "\n").into()),
            PolicyInput::Times => Ok(parts(text).collect::<Vec<_>>().into()),
        }
    }

    /// The field's value in words.
    pub fn words(&self, value: &Value) -> String {
        if value.is_null() {
            return "未设".to_owned();
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.input {
            PolicyInput::Yuan { .. } => money(value),
            PolicyInput::YuanList => listed(items(value).map(money)),
            PolicyInput::Number("") => value.to_string(),
            PolicyInput::Number(unit) => format!("{value} {unit}"),
            PolicyInput::Flag if value.as_bool() == Some(true) => "是".to_owned(),
            PolicyInput::Flag => "否".to_owned(),
            PolicyInput::Choice(choices) => {
                let json = value.to_string();
                let known = choices.iter().find(|(code, _)| *code == json);
                known.map_or(json.clone(), |(_, word)| (*word).to_owned())
            }
            PolicyInput::Ticks(choices) => listed(items(value).map(|value| {
                let known = choices.iter().find(|(code, _)| Some(*code) == value.as_str());
                known.map_or_else(|| text(value), |(_, word)| (*word).to_owned())
            })),
            PolicyInput::Times => listed(items(value).map(text)),
            PolicyInput::Line { .. } | PolicyInput::Lines => cut(&text(value)),
        }
    }
}

fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { "无".to_owned() } else { words.join("、") }
}

fn money(value: &Value) -> String {
    let fen = value.as_i64().and_then(|fen| Fen::new(fen).ok());
    fen.map_or_else(|| value.to_string(), |fen| fen.to_string())
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        return format!("“{short}…”（{} 字）", text.chars().count());
    }
    format!("“{short}”")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(key: &str) -> &'static PolicyField {
        PolicyField::of(key).unwrap()
    }

    #[test]
    fn yuan_are_read_as_fen_and_shown_as_yuan() {
        let min = field("top_up.min_fen");
        for (text, fen) in [
            ("35", Some(3500)),
            (" 35.5 ", Some(3550)),
            ("0.01", Some(1)),
            ("¥10", Some(1000)),
            ("35.555", None),
            ("-1", None),
            ("3e4", None),
            ("", None),
            ("92233720368547758070", None),
            (".5", None),
        ] {
            let form = PolicyForm::from([(min.key.to_owned(), text.to_owned())]);
            assert_eq!(min.read(&form).ok(), fen.map(Value::from), "{text}");
        }
        for (fen, shown, words) in
            [(3500, "35", "¥35.00"), (3550, "35.50", "¥35.50"), (1, "0.01", "¥0.01")]
        {
            assert_eq!(
                (min.shown(&json!(fen)).as_str(), min.words(&json!(fen)).as_str()),
                (shown, words)
            );
        }
    }

    #[test]
    fn what_a_form_shows_is_read_back() {
        for (key, value) in [
            ("top_up.choices_fen", json!([1, 5000, 20000])),
            ("limits.meal_fen", Value::Null),
            ("limits.meal_windows", json!(["05:00-10:00", "10:00-15:00"])),
            ("loss.report", json!({ "holder": ["id_number"] })),
            ("password.rule", json!("six_digits_strong")),
            ("spend.reversal_minutes", json!(5)),
            ("portal", json!(true)),
            ("portal", json!(false)),
            ("binding.id_pattern", Value::Null),
            ("consent.text", json!("一\n\n<b>二</b>")),
        ] {
            let field = field(key);
            let mut form = PolicyForm::from([(key.to_owned(), field.shown(&value))]);
            form.retain(|_, text| !text.is_empty());
            assert_eq!(field.read(&form), Ok(value), "{key}");
        }
        let kinds = field("binding.id_kinds");
        let form = PolicyForm::from([(kinds.tick("id_number"), "on".to_owned())]);
        assert_eq!(kinds.read(&form), Ok(json!(["id_number"])));
    }
}
