//! Validation of fields: garde's errors as fields of a problem document, in Chinese.

use super::{ApiError, problem::INVALID};
use garde::{
    Validate,
    i18n::{
        I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind, with_i18n,
    },
};
use std::{borrow::Cow, fmt::Display};

/// At most this many fields are reported.
const MAX_FIELDS: usize = 20;

/// Refuses a text of blanks alone: for garde's `custom`.
pub fn not_blank(text: &str, (): &()) -> garde::Result {
    if text.trim().is_empty() { Err(garde::Error::new("不能为空")) } else { Ok(()) }
}

/// Validates `value` and reports each invalid field.
pub(super) fn check<T: Validate<Context: Default>>(value: &T) -> Result<(), ApiError> {
    let Err(report) = with_i18n(Chinese, || value.validate()) else {
        return Ok(());
    };
    let findings = report.iter().take(MAX_FIELDS);
    Err(findings.fold(ApiError::new(INVALID), |problem, (path, error)| {
        problem.field(pointer(&path.to_string()), error.message().to_owned())
    }))
}

/// Converts `consent.items[0]` to `/consent/items/0`.
fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    steps.filter(|step| !step.is_empty()).fold(String::new(), |pointer, step| pointer + "/" + step)
}

struct Chinese;

impl I18n for Chinese {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        if min == 1 { "不能为空".into() } else { format!("长度不能少于 {min}").into() }
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        format!("长度不能超过 {max}").into()
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        format!("不能小于 {min}").into()
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        format!("不能大于 {max}").into()
    }

    fn credit_card_invalid(&self, _: InvalidCreditCard) -> Cow<'static, str> {
        "银行卡号有误".into()
    }

    fn pattern_no_match(&self, _: &dyn Display) -> Cow<'static, str> {
        "格式有误".into()
    }

    fn contains_missing(&self, _: &dyn Display) -> Cow<'static, str> {
        "格式有误".into()
    }

    fn url_invalid(&self, _: InvalidUrl) -> Cow<'static, str> {
        "网址有误".into()
    }

    fn prefix_missing(&self, prefix: &dyn Display) -> Cow<'static, str> {
        format!("须以 {prefix} 开头").into()
    }

    fn suffix_missing(&self, suffix: &dyn Display) -> Cow<'static, str> {
        format!("须以 {suffix} 结尾").into()
    }

    fn phone_number_invalid(&self, _: InvalidPhoneNumber) -> Cow<'static, str> {
        "手机号码有误".into()
    }

    fn ip_invalid(&self, _: IpKind) -> Cow<'static, str> {
        "IP 地址有误".into()
    }

    fn matches_field_mismatch(&self, _: &dyn Display) -> Cow<'static, str> {
        "两次填写不一致".into()
    }

    fn email_invalid(&self, _: InvalidEmail) -> Cow<'static, str> {
        "邮箱有误".into()
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        "只能用英文字母、数字和符号".into()
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        "只能用字母和数字".into()
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        "缺少必填项".into()
    }
}
