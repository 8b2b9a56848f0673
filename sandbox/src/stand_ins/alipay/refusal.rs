//! The error answers of Alipay.

use std::fmt;

use serde_json::{Value, json};

use crate::schema::Violation;

/// An error answer: the gateway's code, and what exactly was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    sub_code: String,
    sub_msg: String,
}

impl Refusal {
    fn new(code: &'static str, sub_code: &str, sub_msg: &str) -> Self {
        Self { code, sub_code: sub_code.to_owned(), sub_msg: sub_msg.to_owned() }
    }

    /// A required parameter is missing or empty.
    pub(super) fn missing(sub_code: &str, sub_msg: &str) -> Self {
        Self::new("40001", sub_code, sub_msg)
    }

    /// A parameter is wrong.
    pub(super) fn invalid(sub_code: &str, sub_msg: &str) -> Self {
        Self::new("40002", sub_code, sub_msg)
    }

    pub(super) fn no_permission(sub_msg: &str) -> Self {
        Self::new("40006", "isv.insufficient-isv-permissions", sub_msg)
    }

    /// The operation itself is refused.
    pub(super) fn business(sub_code: &str, sub_msg: &str) -> Self {
        Self::new("40004", sub_code, sub_msg)
    }

    pub(super) fn bad_parameter(sub_msg: &str) -> Self {
        Self::business("ACQ.INVALID_PARAMETER", sub_msg)
    }

    pub(super) fn no_trade() -> Self {
        Self::business("ACQ.TRADE_NOT_EXIST", "交易不存在")
    }

    /// Nobody knows what became of the operation.
    pub(super) fn business_system_error() -> Self {
        Self::business("ACQ.SYSTEM_ERROR", "系统异常")
    }

    pub(super) fn unavailable() -> Self {
        Self::new("20000", "aop.unknow-error", "系统繁忙")
    }

    pub(super) fn too_many() -> Self {
        Self::new("40005", "isv.app-call-limited", "应用调用次数超限")
    }

    /// The caller's address is not in the application's list. The sub code is not documented: this one is of
    /// the usual form.
    pub(super) fn address() -> Self {
        Self::new("40003", "isv.ip-not-in-whitelist", "调用方IP不在应用的白名单中")
    }

    fn msg(&self) -> &'static str {
        match self.code {
            "20000" => "Service Currently Unavailable",
            "40001" => "Missing Required Arguments",
            "40002" => "Invalid Arguments",
            "40003" => "Insufficient Conditions",
            "40005" => "Call Limited",
            "40006" => "Insufficient Permissions",
            _ => "Business Failed",
        }
    }

    pub(super) fn node(&self) -> Value {
        json!({
            "code": self.code,
            "msg": self.msg(),
            "sub_code": self.sub_code,
            "sub_msg": self.sub_msg,
        })
    }
}

impl From<Violation> for Refusal {
    fn from(Violation { field, issue, .. }: Violation) -> Self {
        Self::bad_parameter(&format!("参数无效：{} {issue}", field.trim_start_matches('/')))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.sub_code, self.sub_msg)
    }
}
