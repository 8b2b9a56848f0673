//! The rules of a request body as a table, and one function that holds a body to them.
//!
//! WeChat Pay refuses `null`, fields it does not document, and characters beyond three UTF-8
//! bytes. Lengths are counted in UTF-8 bytes, the strictest reading of its documents.

use serde_json::{Map, Value};

use super::refusal::{EXTRA_FIELD, Fault, Location};

#[derive(Debug)]
pub(super) enum Rule {
    /// Between `min` and `max` bytes.
    Text {
        min: usize,
        max: usize,
    },
    /// At most `max` bytes in the given form.
    Form {
        max: usize,
        is: fn(&str) -> bool,
        issue: &'static str,
    },
    /// A whole number, at least `min`.
    Whole {
        min: i64,
    },
    Flag,
    Record(&'static [Field]),
    /// At most `max` values of one rule.
    List {
        max: usize,
        of: &'static Rule,
    },
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) rule: Rule,
}

pub(super) const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, required: true, rule }
}

pub(super) const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, required: false, rule }
}

/// The body as JSON, if it keeps to `fields`.
pub(super) fn read(body: &[u8], fields: &'static [Field]) -> Result<Value, Fault> {
    let text = str::from_utf8(body).map_err(|_| fault("", "", "请求体不是UTF-8编码"))?;
    if text.chars().any(beyond_three_bytes) {
        return Err(fault("", text, WIDE));
    }
    let value = serde_json::from_str(text).map_err(|_| fault("", text, "请求体不是合法的JSON"))?;
    check(&value, &Rule::Record(fields), "")?;
    Ok(value)
}

const WIDE: &str = "含有超过3字节的UTF-8字符";

fn beyond_three_bytes(letter: char) -> bool {
    letter.len_utf8() > 3
}

fn check(value: &Value, rule: &Rule, pointer: &str) -> Result<(), Fault> {
    if value.is_null() {
        return Err(fault(pointer, "null", "参数不允许为null"));
    }
    let issue = match rule {
        Rule::Text { min, max } => text_issue(value, *min, *max),
        Rule::Form { max, is, issue } => text_issue(value, 1, *max)
            .or_else(|| value.as_str().is_none_or(|text| !is(text)).then_some(*issue)),
        Rule::Whole { min } => match value.as_i64() {
            None => Some("应为整数"),
            Some(number) => (number < *min).then_some("小于最小值"),
        },
        Rule::Flag => (!value.is_boolean()).then_some("应为布尔值"),
        Rule::Record(fields) => match value.as_object() {
            None => Some("应为对象"),
            Some(members) => return check_members(members, fields, pointer),
        },
        Rule::List { max, of } => match value.as_array() {
            None => Some("应为数组"),
            Some(values) if values.len() > *max => Some("数组过长"),
            Some(values) => return check_values(values, of, pointer),
        },
    };
    issue.map_or(Ok(()), |issue| Err(fault(pointer, &plain(value), issue)))
}

fn text_issue(value: &Value, min: usize, max: usize) -> Option<&'static str> {
    match value.as_str() {
        None => Some("应为字符串"),
        Some(text) if text.len() < min => Some("字符串过短"),
        Some(text) if text.len() > max => Some("字符串过长"),
        // Again here, since an escape such as \ud83d\ude00 hides such a character from the bytes.
        Some(text) => text.chars().any(beyond_three_bytes).then_some(WIDE),
    }
}

fn check_members(
    members: &Map<String, Value>,
    fields: &[Field],
    pointer: &str,
) -> Result<(), Fault> {
    if let Some(extra) = members.keys().find(|name| fields.iter().all(|field| field.name != **name))
    {
        return Err(fault(&format!("{pointer}/{extra}"), "", EXTRA_FIELD));
    }
    for field in fields {
        let pointer = format!("{pointer}/{}", field.name);
        match members.get(field.name) {
            Some(value) => check(value, &field.rule, &pointer)?,
            None if field.required => return Err(fault(&pointer, "", "缺少必填参数")),
            None => {}
        }
    }
    Ok(())
}

fn check_values(values: &[Value], rule: &Rule, pointer: &str) -> Result<(), Fault> {
    values
        .iter()
        .enumerate()
        .try_for_each(|(place, value)| check(value, rule, &format!("{pointer}/{place}")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn fault(field: &str, value: &str, issue: &'static str) -> Fault {
    Fault { field: field.to_owned(), value: value.to_owned(), issue, location: Location::Body }
}
