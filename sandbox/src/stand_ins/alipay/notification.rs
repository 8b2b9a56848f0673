//! Notifications of trades: the same id and content over all tries, signed anew for each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::apps::App;
use super::charset::Charset;
use super::form::Form;
use super::gateway::TIME;
use super::query::put_buyer;
use super::trade::{Refund, Trade};
use crate::callbacks::{Letter, LetterError, Message, Terms};
use crate::chance;
use crate::clock::china;
use crate::crypto::SignatureKey;
use crate::faults::{CallbackFault, forgery};
use crate::page::yuan;

/// Exactly this body, and nothing else, ends the tries.
const ACCEPTED: &str = "success";

/// The gaps that copies of the official demo name, 24 hours and 24 minutes in all. How long Alipay waits
/// for an answer is not documented.
const TERMS: Terms = Terms {
    retry_after_seconds: &[240, 600, 600, 3600, 7200, 21_600, 54_000],
    answer_within: Duration::from_secs(5),
    accepts: |status, body| status == 200 && body == ACCEPTED,
    door: "alipay_callback",
    faults: &CallbackFault::ALIPAY,
};

#[derive(Debug)]
pub(super) struct Notification {
    id: String,
    out_trade_no: String,
    notify_url: String,
    app: Arc<App>,
    charset: Charset,
    total_fen: i64,
    /// All but what differs from try to try: time, encoding and signature.
    content: BTreeMap<String, String>,
}

impl Notification {
    /// Of the trade as it is now; `None` where nothing is to be notified. `refund`: the one that
    /// it is about.
    pub(super) fn of(
        app: &Arc<App>,
        trade: &Trade,
        refund: Option<&Refund>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        Some(Self {
            id: new_id(now),
            out_trade_no: trade.out_trade_no.clone(),
            notify_url: trade.notify_url.clone()?,
            app: app.clone(),
            charset: trade.notify_charset,
            total_fen: trade.total_fen,
            content: content(app, trade, refund, now),
        })
    }

    fn form(&self, now: DateTime<Utc>, fault: Option<CallbackFault>) -> Form {
        let charset = match fault {
            Some(CallbackFault::Gbk) => Charset::Gbk,
            _ => self.charset,
        };
        let mut content = self.content.clone();
        content.insert("notify_id".to_owned(), self.id.clone());
        content.insert("notify_time".to_owned(), china(now).format(TIME).to_string());
        content.insert("charset".to_owned(), charset.name().to_owned());
        for (name, lie) in lies(fault, self.total_fen) {
            // A lie about what is not told would be noticed by that alone.
            if fault == Some(CallbackFault::EmptyValue) || content.contains_key(name) {
                content.insert(name.to_owned(), lie);
            }
        }
        let encoded =
            content.iter().map(|(name, value)| (name.clone().into_bytes(), charset.encode(value)));
        Form(encoded.collect())
    }

    fn sign(&self, form: &Form, fault: Option<CallbackFault>) -> Result<String, LetterError> {
        let signed = form.signed_of_notification();
        Ok(match fault {
            Some(CallbackFault::OtherKey) => SignatureKey::generate()?.sign(&signed),
            Some(CallbackFault::WrongSignature) => {
                forgery::wrong(&self.app.keys.alipay.sign(&signed))
            }
            _ => self.app.keys.alipay.sign(&signed),
        })
    }
}

fn new_id(now: DateTime<Utc>) -> String {
    format!("{}00222{}", china(now).format("%Y%m%d"), chance::digits(21))
}

fn content(
    app: &App,
    trade: &Trade,
    refund: Option<&Refund>,
    now: DateTime<Utc>,
) -> BTreeMap<String, String> {
    let time = |at: DateTime<Utc>| china(at).format(TIME).to_string();
    let mut told = json!({
        "notify_type": "trade_status_sync",
        "version": "1.0",
        "app_id": trade.app_id,
        "auth_app_id": trade.app_id,
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "buyer_logon_id": trade.buyer.logon_id(),
        "seller_id": app.seller_id(),
        "trade_status": trade.status(now),
        "total_amount": yuan(trade.total_fen),
        "subject": trade.subject,
        "gmt_create": time(trade.created_at),
    });
    put_buyer(&mut told, trade, app.settings().identities, "buyer_id");
    let paid = trade.paid_at().map(|_| yuan(trade.total_fen));
    let bills = paid
        .as_ref()
        .map(|amount| json!([{ "amount": amount, "fundChannel": "ALIPAYACCOUNT" }]).to_string());
    let optional = [
        ("body", trade.body.clone()),
        ("passback_params", trade.passback_params.clone()),
        ("gmt_payment", trade.paid_at().map(time)),
        ("gmt_close", trade.closed_at().map(time)),
        ("receipt_amount", paid.clone()),
        ("buyer_pay_amount", paid.clone()),
        ("invoice_amount", paid.clone()),
        ("point_amount", paid.map(|_| yuan(0))),
        ("fund_bill_list", bills),
        ("out_biz_no", refund.map(|refund| refund.request_no.clone())),
        ("refund_fee", refund.map(|_| yuan(trade.refunded_fen()))),
        (
            "gmt_refund",
            refund
                .and_then(Refund::done_at)
                .map(|at| china(at).format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
        ),
    ];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    texts(&told).into_iter().chain(optional).collect()
}

fn texts(object: &Value) -> Vec<(String, String)> {
    let members = object.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The parameters that a fault changes before signing, with what they say then.
fn lies(fault: Option<CallbackFault>, total_fen: i64) -> Vec<(&'static str, String)> {
    let table: &[(&'static str, &str)] = match fault {
        Some(CallbackFault::OtherAmount) => return vec![("total_amount", yuan(total_fen - 1))],
        Some(CallbackFault::OtherApp) => {
            &[("app_id", "2021000000000000"), ("auth_app_id", "2021000000000000")]
        }
        Some(CallbackFault::OtherSeller) => &[("seller_id", "2088000000000000")],
        Some(CallbackFault::OtherPayer) => &[
            ("buyer_id", "2088000000000009"),
            ("buyer_open_id", "0SomebodyElse000000000000000000000000000000"),
        ],
        Some(CallbackFault::OtherOrder) => &[("out_trade_no", "NEVERMADE0000000000000000000000")],
        Some(CallbackFault::OtherTransaction) => &[("trade_no", "2026010122001000000000000000")],
        Some(CallbackFault::NotPaid) => &[("trade_status", "WAIT_BUYER_PAY")],
        Some(CallbackFault::EmptyValue) => &[("voucher_detail_list", "")],
        _ => &[],
    };
    table.iter().map(|(name, lie)| (*name, (*lie).to_owned())).collect()
}

/// Changes what was signed validly.
fn spoil(form: &mut Form, fault: Option<CallbackFault>) {
    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    match fault {
        Some(CallbackFault::Unsigned) => form.remove("sign"),
        Some(CallbackFault::AlteredBody) => {
            let amount = form.get("total_amount").unwrap_or_default();
            let ten_times = [b"9", amount].concat();
            form.set("total_amount", ten_times);
        }
        Some(CallbackFault::SignTypeRsa) => form.set("sign_type", b"RSA".to_vec()),
        Some(CallbackFault::ExtraParameter) => form.0.push(pair("extra", "1")),
        Some(CallbackFault::RepeatedParameter) => form.0.push(pair("total_amount", "0.01")),
        Some(CallbackFault::HtmlEscaped) => {
            let name =
                if form.get("fund_bill_list").is_some() { "fund_bill_list" } else { "subject" };
            let value = form.get(name).unwrap_or_default();
            let text = String::from_utf8_lossy(value).replace('"', "&quot;");
            let text = if text.as_bytes() == value { format!("{text}&quot;") } else { text };
            form.set(name, text.into_bytes());
        }
        _ => {}
    }
}

impl Message for Notification {
    fn terms(&self) -> &'static Terms {
        &TERMS
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn about(&self) -> &str {
        &self.out_trade_no
    }

    fn letter(
        &self,
        now: DateTime<Utc>,
        fault: Option<CallbackFault>,
    ) -> Result<Letter, LetterError> {
        let mut form = self.form(now, fault);
        let sign = self.sign(&form, fault)?;
        form.set("sign_type", b"RSA2".to_vec());
        form.set("sign", sign.into_bytes());
        let gbk = form.get("charset") == Some(b"GBK");
        spoil(&mut form, fault);
        let kind = if gbk { "gbk" } else { "utf-8" };
        let kind = format!("application/x-www-form-urlencoded; charset={kind}");
        let kind = HeaderValue::from_str(&kind).map_err(|error| LetterError(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind);
        let query = match fault {
            Some(CallbackFault::ExtraQuery) => "?trade_status=TRADE_SUCCESS&total_amount=0.01",
            _ => "",
        };
        let key = self.app.keys.certificates.as_ref().map(|numbers| numbers.alipay.clone());
        Ok(Letter {
            url: format!("{}{query}", self.notify_url),
            headers,
            body: form.encoded(),
            key: key.unwrap_or_default(),
        })
    }

    fn with_fresh_id(&self) -> Result<Arc<dyn Message>, LetterError> {
        let id = format!("{}{}", self.id.get(..13).unwrap_or_default(), chance::digits(21));
        Ok(Arc::new(Self {
            id,
            out_trade_no: self.out_trade_no.clone(),
            notify_url: self.notify_url.clone(),
            app: self.app.clone(),
            content: self.content.clone(),
            ..*self
        }))
    }
}
