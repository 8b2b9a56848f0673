//! The documented fields of `POST /v3/pay/transactions/jsapi`, and no others.

use std::net::Ipv4Addr;

use chrono::DateTime;
use reqwest::Url;
use serde::Deserialize;

use crate::schema::{Field, Rule, optional, required};

/// The fields that the stand-in uses; the table has checked all.
#[derive(Debug, Deserialize)]
pub(super) struct PrepayRequest {
    pub(super) appid: String,
    pub(super) mchid: String,
    pub(super) description: String,
    pub(super) out_trade_no: String,
    pub(super) time_expire: Option<String>,
    pub(super) attach: Option<String>,
    pub(super) notify_url: String,
    pub(super) amount: Amount,
    pub(super) payer: Payer,
}

#[derive(Debug, Deserialize)]
pub(super) struct Amount {
    /// In fen.
    pub(super) total: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Payer {
    pub(super) openid: String,
}

pub(super) const CLOSE_FIELDS: &[Field] = &[required("mchid", Rule::Text { min: 1, max: 32 })];

pub(super) const PREPAY_FIELDS: &[Field] = &[
    required("appid", Rule::Text { min: 1, max: 32 }),
    required("mchid", Rule::Text { min: 1, max: 32 }),
    required("description", Rule::Text { min: 1, max: 127 }),
    required(
        "out_trade_no",
        Rule::Form {
            max: 32, is: is_out_trade_no, issue: "应为6至32位的数字、字母或_-|*"
        },
    ),
    optional("time_expire", Rule::Form { max: 64, is: is_time, issue: "应为带时区的RFC3339时间" }),
    optional("attach", Rule::Text { min: 0, max: 128 }),
    required(
        "notify_url",
        Rule::Form { max: 255, is: is_notify_url, issue: "应为不带参数的https地址" },
    ),
    optional("goods_tag", Rule::Text { min: 0, max: 32 }),
    optional("support_fapiao", Rule::Flag),
    required("amount", Rule::Record(AMOUNT)),
    required("payer", Rule::Record(PAYER)),
    optional("limit_pay", Rule::List { max: 4, of: &LIMIT_PAY }),
    optional("detail", Rule::Record(DETAIL)),
    optional("scene_info", Rule::Record(SCENE)),
    optional("settle_info", Rule::Record(&[optional("profit_sharing", Rule::Flag)])),
];

const AMOUNT: &[Field] = &[
    required("total", Rule::Whole { min: 1 }),
    optional("currency", Rule::Form { max: 16, is: |text| text == "CNY", issue: "只支持CNY" }),
];

const PAYER: &[Field] = &[required("openid", Rule::Text { min: 1, max: 128 })];

const LIMIT_PAY: Rule = Rule::Form {
    max: 16,
    is: |text| matches!(text, "no_credit" | "no_debit" | "no_balance" | "balance_only"),
    issue: "不是支持的支付方式限制",
};

const DETAIL: &[Field] = &[
    optional("cost_price", Rule::Whole { min: 0 }),
    optional("invoice_id", Rule::Text { min: 0, max: 32 }),
    optional("goods_detail", Rule::List { max: 6000, of: &Rule::Record(GOODS) }),
];

const GOODS: &[Field] = &[
    required("merchant_goods_id", Rule::Text { min: 1, max: 32 }),
    optional("wechatpay_goods_id", Rule::Text { min: 1, max: 32 }),
    optional("goods_name", Rule::Text { min: 1, max: 256 }),
    required("quantity", Rule::Whole { min: 1 }),
    required("unit_price", Rule::Whole { min: 0 }),
];

const SCENE: &[Field] = &[
    required("payer_client_ip", Rule::Text { min: 1, max: 45 }),
    optional("device_id", Rule::Text { min: 0, max: 32 }),
    optional("store_info", Rule::Record(STORE)),
];

const STORE: &[Field] = &[
    required("id", Rule::Text { min: 1, max: 32 }),
    optional("name", Rule::Text { min: 0, max: 256 }),
    optional("area_code", Rule::Text { min: 0, max: 32 }),
    optional("address", Rule::Text { min: 0, max: 512 }),
];

fn is_out_trade_no(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-|*".contains(&b);
    (6..=32).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
}

/// `https`, or `http` to 127.0.0.1, which stands for the public address of the merchant.
pub(super) fn is_notify_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let here = url.host_str() == Some(&Ipv4Addr::LOCALHOST.to_string());
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
    let bare = url.query().is_none() && url.fragment().is_none();
    scheme && bare && url.username().is_empty() && url.password().is_none()
}
