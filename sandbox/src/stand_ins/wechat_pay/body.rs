//! Reads a request body: documented fields only, and no characters beyond three UTF-8 bytes.

use serde_json::Value;

use crate::schema::{self, Field, Violation};

const WIDE: &str = "含有超过3字节的UTF-8字符";

/// The body as JSON, if it keeps to `fields`.
pub(super) fn read(body: &[u8], fields: &'static [Field]) -> Result<Value, Violation> {
    if let Some(text) = str::from_utf8(body).ok().filter(|text| is_wide(text)) {
        return Err(Violation::new("", text, WIDE));
    }
    let value = schema::read(body, fields)?;
    // Again, since an escape such as \ud83d\ude00 hides such a character from the bytes.
    check_width(&value, "")?;
    Ok(value)
}

fn check_width(value: &Value, pointer: &str) -> Result<(), Violation> {
    match value {
        Value::String(text) if is_wide(text) => Err(Violation::new(pointer, text, WIDE)),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(place, value)| check_width(value, &format!("{pointer}/{place}"))),
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, value)| check_width(value, &format!("{pointer}/{name}"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn is_wide(text: &str) -> bool {
    text.chars().any(|letter| letter.len_utf8() > 3)
}
