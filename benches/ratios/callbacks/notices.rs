//! Callbacks in Alipay's format.

use super::{
    letters::Mint,
    orders::{Made, SCHOOL},
};
use crate::postings::Failure;
use onecard::base::clock::{Clock, SystemClock};
use std::fmt::Write as _;
use uuid::Uuid;

/// Trade numbers have 28 digits, of which the first four are constant.
const TRADES: u128 = 10_u128.pow(24);
/// Date and time to the second.
const SECONDS: usize = 19;

impl Mint {
    /// A complete HTTP request, signed now.
    pub(super) fn notice(&self, made: &Made) -> Result<Vec<u8>, Failure> {
        let mut fields = self.fields(made)?;
        fields.sort_unstable();
        let pairs = fields.iter().map(|(name, value)| format!("{name}={value}"));
        let signature = self.sign(&pairs.collect::<Vec<_>>().join("&"))?;
        fields.push(("sign_type", "RSA2".to_owned()));
        fields.push(("sign", signature));
        let form: Vec<_> =
            fields.iter().map(|(k, value)| format!("{k}={}", encoded(value))).collect();
        let body = form.join("&");
        let length = body.len();
        let request = format!(
            "POST /callbacks/{SCHOOL}/alipay HTTP/1.1\r\n\
             Host: 127.0.0.1\r\nUser-Agent: Mozilla/4.0\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        Ok(request.into_bytes())
    }

    fn fields(&self, made: &Made) -> Result<Vec<(&'static str, String)>, Failure> {
        let now = SystemClock.now().to_rfc3339();
        let at = now.get(..SECONDS).ok_or("a short time")?.replace('T', " ");
        let total = format!("{}.{:02}", made.amount_fen / 100, made.amount_fen % 100);
        let (seller_id, app_id) = self.shop();
        let trade_no = format!("2026{:024}", made.payment.as_u128() % TRADES);
        Ok(vec![
            ("notify_id", Uuid::new_v4().simple().to_string()),
            ("notify_type", "trade_status_sync".to_owned()),
            ("notify_time", at.clone()),
            ("charset", "utf-8".to_owned()),
            ("version", "1.0".to_owned()),
            ("app_id", app_id.to_owned()),
            ("auth_app_id", app_id.to_owned()),
            ("seller_id", seller_id.to_owned()),
            ("trade_no", trade_no),
            ("out_trade_no", made.payment.simple().to_string()),
            ("buyer_open_id", made.payer.clone()),
            ("trade_status", "TRADE_SUCCESS".to_owned()),
            ("total_amount", total.clone()),
            ("receipt_amount", total.clone()),
            ("buyer_pay_amount", total.clone()),
            ("subject", "咸宁职业技术学院 校园卡充值".to_owned()),
            ("gmt_create", at.clone()),
            ("gmt_payment", at),
            (
                "fund_bill_list",
                format!(r#"[{{"amount":"{total}","fundChannel":"ALIPAYACCOUNT"}}]"#),
            ),
        ])
    }
}

fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'*' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            // Into a text, which takes it.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}
