//! The documented fields of `alipay.trade.create`, and no others.

use std::net::Ipv4Addr;

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use reqwest::Url;
use serde::Deserialize;

use super::gateway::TIME;
use super::refusal::Refusal;
use crate::clock::china;
use crate::schema::{Field, Rule, optional, required};

/// Without any limit of its own a trade can be paid for three hours.
const USUAL: TimeDelta = TimeDelta::hours(3);
const LONGEST: TimeDelta = TimeDelta::days(15);
/// The largest amount: 100,000,000 yuan.
const MOST_FEN: i64 = 10_000_000_000;

/// The fields that the stand-in uses; the table has checked all.
#[derive(Debug, Deserialize)]
pub(super) struct CreateRequest {
    pub(super) out_trade_no: String,
    pub(super) total_amount: String,
    pub(super) subject: String,
    pub(super) body: Option<String>,
    pub(super) passback_params: Option<String>,
    pub(super) buyer_id: Option<String>,
    pub(super) buyer_open_id: Option<String>,
    pub(super) seller_id: Option<String>,
    pub(super) op_app_id: Option<String>,
    pub(super) timeout_express: Option<String>,
    pub(super) time_expire: Option<String>,
    pub(super) enable_pay_channels: Option<String>,
    pub(super) disable_pay_channels: Option<String>,
}

pub(super) const ID: Rule = Rule::Text { min: 1, max: 128 };
pub(super) const NUMBER: Rule =
    Rule::Form { max: 64, is: is_number, issue: "应为1至64位的字母、数字或下划线" };
pub(super) const AMOUNT: Rule =
    Rule::Form { max: 12, is: is_amount, issue: "应为0.01至100000000.00之间的两位小数" };
pub(super) const OPTIONS: Rule = Rule::List { max: 16, of: &Rule::Text { min: 1, max: 64 } };
const SHORT: Rule = Rule::Text { min: 1, max: 32 };
const CHANNELS: Rule = Rule::Text { min: 1, max: 128 };

pub(super) const CREATE_FIELDS: &[Field] = &[
    required("out_trade_no", NUMBER),
    required("total_amount", AMOUNT),
    required(
        "subject",
        Rule::Form { max: 256, is: is_subject, issue: "不可含有 /、=、& 等特殊字符" },
    ),
    optional("buyer_id", Rule::Text { min: 1, max: 28 }),
    optional("buyer_open_id", ID),
    optional(
        "product_code",
        Rule::Form { max: 64, is: is_product, issue: "不是小程序支付的产品码" },
    ),
    optional("op_app_id", SHORT),
    optional("op_buyer_open_id", ID),
    optional("timeout_express", Rule::Form { max: 6, is: is_express, issue: "应为1m至15d，或1c" }),
    optional("time_expire", Rule::Form { max: 19, is: is_time, issue: "应为yyyy-MM-dd HH:mm:ss" }),
    optional("body", Rule::Text { min: 1, max: 128 }),
    optional("passback_params", Rule::Text { min: 1, max: 512 }),
    optional("seller_id", SHORT),
    optional("operator_id", SHORT),
    optional("store_id", SHORT),
    optional("terminal_id", SHORT),
    optional("query_options", OPTIONS),
    optional("enable_pay_channels", CHANNELS),
    optional("disable_pay_channels", CHANNELS),
    optional("goods_detail", Rule::List { max: 100, of: &Rule::Record(GOODS) }),
    optional(
        "extend_params",
        Rule::Record(&[optional("sys_service_provider_id", Rule::Text { min: 1, max: 64 })]),
    ),
];

const GOODS: &[Field] = &[
    required("goods_id", Rule::Text { min: 1, max: 64 }),
    required("goods_name", Rule::Text { min: 1, max: 256 }),
    required("quantity", Rule::Whole { min: 1 }),
    required("price", Rule::Text { min: 1, max: 9 }),
];

/// A trade by either number, for query and close.
pub(super) const TRADE_FIELDS: &[Field] = &[
    optional("out_trade_no", NUMBER),
    optional("trade_no", NUMBER),
    optional("operator_id", SHORT),
    optional("query_options", OPTIONS),
];

impl CreateRequest {
    /// The last moment of paying; the absolute time wins.
    pub(super) fn pay_by(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
        let Some(absolute) = &self.time_expire else {
            let express = self.timeout_express.as_deref();
            return Ok(express.map_or(now + USUAL, |text| after(text, now)));
        };
        let at = NaiveDateTime::parse_from_str(absolute, TIME).ok();
        let at = at.and_then(|at| at.and_local_timezone(china(now).timezone()).single());
        let at = at.map(|at| at.to_utc()).filter(|at| *at > now);
        let at = at.ok_or_else(|| {
            let sub_code = "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR";
            Refusal::business(sub_code, "当前时间已超过允许支付的时间")
        })?;
        Ok(at.min(now + LONGEST))
    }
}

/// The moment that a relative time means: `1c` is the end of the day in China.
fn after(express: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    if express == "1c" {
        let tomorrow = china(now).date_naive().checked_add_days(Days::new(1));
        let midnight = tomorrow.map(|day| day.and_time(NaiveTime::MIN));
        let midnight =
            midnight.and_then(|at| at.and_local_timezone(china(now).timezone()).single());
        return midnight.map_or(now + USUAL, |at| at.to_utc());
    }
    now + express_length(express).unwrap_or(USUAL)
}

fn express_length(express: &str) -> Option<TimeDelta> {
    let (number, unit) = express.split_at_checked(express.len().checked_sub(1)?)?;
    let number = number.parse::<u16>().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()));
    let number = i64::from(number?);
    let length = match unit {
        "m" => TimeDelta::minutes(number),
        "h" => TimeDelta::hours(number),
        "d" => TimeDelta::days(number),
        _ => return None,
    };
    (TimeDelta::minutes(1)..=LONGEST).contains(&length).then_some(length)
}

/// Fen of an amount that keeps to [`AMOUNT`].
pub(super) fn fen(amount: &str) -> i64 {
    amount.replacen('.', "", 1).parse().unwrap_or_default()
}

fn is_amount(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let formed = text.split_once('.').is_some_and(|(yuan, cents)| {
        digits(yuan) && digits(cents) && cents.len() == 2 && (yuan == "0" || !yuan.starts_with('0'))
    });
    formed && (1..=MOST_FEN).contains(&fen(text))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_subject(text: &str) -> bool {
    !text.contains(['/', '=', '&'])
}

fn is_product(text: &str) -> bool {
    matches!(text, "FACE_TO_FACE_PAYMENT" | "JSAPI_PAY")
}

fn is_express(text: &str) -> bool {
    text == "1c" || express_length(text).is_some()
}

fn is_time(text: &str) -> bool {
    NaiveDateTime::parse_from_str(text, TIME).is_ok() && text.len() == 19
}

/// `https`, or `http` to 127.0.0.1, which stands for the public address of the merchant.
pub(super) fn is_notify_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let here = url.host_str() == Some(&Ipv4Addr::LOCALHOST.to_string());
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
    let bare = url.query().is_none() && url.fragment().is_none();
    scheme && bare && text.len() <= 256 && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        for (text, amount) in [("0.01", 1), ("20.00", 2000), ("100000000.00", MOST_FEN)] {
            assert!(is_amount(text) && fen(text) == amount, "{text}");
        }
        for text in [
            "",
            "0.00",
            "20",
            "20.0",
            "020.00",
            ".50",
            "1.000",
            "-1.00",
            "1e2",
            "1.0a",
            "100000000.01",
            "+1.00",
            "20,00",
        ] {
            assert!(!is_amount(text), "{text}");
        }
    }

    #[test]
    fn relative_times_are_whole_minutes_hours_or_days() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let table = [("1m", 60), ("90m", 5400), ("15d", 1_296_000), ("1c", 14 * 3600)];
        for (text, seconds) in table {
            assert!(is_express(text), "{text}");
            assert_eq!((after(text, now) - now).num_seconds(), seconds, "{text}");
        }
        for text in ["", "m", "0m", "1.5h", "16d", "2c", "1s", "+1m", "1"] {
            assert!(!is_express(text), "{text}");
        }
    }
}
