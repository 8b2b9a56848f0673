//! Checks a request body in JSON against a table of the documented fields.
//!
//! `null` and fields that are not in the table are refused. Lengths are counted in UTF-8 bytes,
//! the strictest reading of the providers' documents.

use serde_json::{Map, Value};

#[derive(Debug)]
pub(crate) enum Rule {
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
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) rule: Rule,
}

pub(crate) const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, required: true, rule }
}

pub(crate) const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, required: false, rule }
}

/// A value that breaks the rule of its field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// JSON pointer.
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) issue: &'static str,
}

impl Violation {
    pub(crate) fn new(field: &str, value: &str, issue: &'static str) -> Self {
        Self { field: field.to_owned(), value: value.to_owned(), issue }
    }
}

/// The issue of a field that is not in the table.
pub(crate) const EXTRA_FIELD: &str = "含有未在API文档中定义的参数";

/// The body as JSON, if it keeps to `fields`.
pub(crate) fn read(body: &[u8], fields: &'static [Field]) -> Result<Value, Violation> {
    let text = str::from_utf8(body).map_err(|_| Violation::new("", "", "请求体不是UTF-8编码"))?;
    let value = serde_json::from_str(text);
    let value = value.map_err(|_| Violation::new("", text, "请求体不是合法的JSON"))?;
    check(&value, &Rule::Record(fields), "")?;
    Ok(value)
}

fn check(value: &Value, rule: &Rule, pointer: &str) -> Result<(), Violation> {
    if value.is_null() {
        return Err(Violation::new(pointer, "null", "参数不允许为null"));
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
    issue.map_or(Ok(()), |issue| Err(Violation::new(pointer, &plain(value), issue)))
}

fn text_issue(value: &Value, min: usize, max: usize) -> Option<&'static str> {
    match value.as_str() {
        None => Some("应为字符串"),
        Some(text) if text.len() < min => Some("字符串过短"),
        Some(text) if text.len() > max => Some("字符串过长"),
        Some(_) => None,
    }
}

fn check_members(
    members: &Map<String, Value>,
    fields: &[Field],
    pointer: &str,
) -> Result<(), Violation> {
    if let Some(extra) = members.keys().find(|name| fields.iter().all(|field| field.name != **name))
    {
        return Err(Violation::new(&format!("{pointer}/{extra}"), "", EXTRA_FIELD));
    }
    for field in fields {
        let pointer = format!("{pointer}/{}", field.name);
        match members.get(field.name) {
            Some(value) => check(value, &field.rule, &pointer)?,
            None if field.required => return Err(Violation::new(&pointer, "", "缺少必填参数")),
            None => {}
        }
    }
    Ok(())
}

fn check_values(values: &[Value], rule: &Rule, pointer: &str) -> Result<(), Violation> {
    values
        .iter()
        .enumerate()
        .try_for_each(|(place, value)| check(value, rule, &format!("{pointer}/{place}")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
