//! Whether WeChat Pay accepts the merchant's keys: an order that cannot exist is asked about.
//!
//! | answer | finding |
//! | --- | --- |
//! | `ORDER_NOT_EXIST`, signed, and the signature verifies | works |
//! | the same, unsigned | number, serial and private key are good; WeChat's key is not proven |
//! | a signature that does not verify | WeChat's public key is another one |
//! | a signature under a serial that is not configured | WeChat signs with another key: public key in place of a certificate, or the other way round |
//! | 401 `SIGN_ERROR` | by the field that it names: clock, serial, number, private key; else one of these |
//! | 400 about `Wechatpay-Serial` | the id of the public key |
//! | 403 that speaks of an IP address | the address is not allowed |
//! | another 403 | not permitted |
//! | a signature of another time than our clock's | clock |
//! | 429; 5xx, no JSON; no answer | unknown |
//!
//! Which field is wrong is taken from WeChat's words, which are not documented as stable: for what people
//! are told, never for what happens to money.

use super::{Answer, TRANSACTION_PATH, WechatPay, answers::ORDER_NOT_EXIST};
use crate::{
    base::{clock::Clock, http_client},
    key_trials::{KeyTrial, TrialFinding, Tried, seconds_ahead},
    payments::gateway::NotificationRefused,
};
use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;

/// No payment has this number: ours are 32 hex digits.
const NO_ORDER: &str = "onecard-key-trial-no-such-order";
/// WeChat refuses a request that was signed longer ago, or that far in the future, in seconds.
const WINDOW_SECONDS: u64 = 300;
/// Beginnings of the ids of public keys, as `Wechatpay-Serial` has them.
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_";

/// What is looked at of an answer.
#[derive(Debug, Default)]
struct Seen<'a> {
    status: u16,
    /// Without underscores: WeChat writes each in two spellings.
    code: &'a str,
    /// What is wrong, by the name of the parameter, header or pair.
    field: &'a str,
    message: &'a str,
    signature: Signature<'a>,
    clock_ahead_seconds: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Signature<'a> {
    Good,
    #[default]
    None,
    Bad,
    /// Of another time than our clock's.
    Stale,
    /// Of a key with this serial, which is not configured.
    Of(&'a str),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    code: String,
    message: String,
    /// Of several forms, or `null`.
    detail: serde_json::Value,
}

impl ErrorBody {
    /// The field that it names: a parameter, or a pointer to one.
    fn field(&self) -> &str {
        let field = self.detail.get("field").and_then(serde_json::Value::as_str);
        field.map_or("", |field| field.trim_start_matches('/'))
    }
}

#[async_trait]
impl KeyTrial for WechatPay {
    fn section(&self) -> &'static str {
        "wechat_pay"
    }

    fn title(&self) -> &'static str {
        "微信支付"
    }

    async fn try_keys(&self, clock: &dyn Clock) -> Tried {
        let path = format!("{TRANSACTION_PATH}/{NO_ORDER}?mchid={}", self.merchant.mch_id);
        let Ok(request) = self.request(Method::GET, &path, Vec::new(), clock.now()) else {
            return Tried::found(TrialFinding::WrongKey);
        };
        let response = match http_client::send(request).await {
            Ok(response) => response,
            Err(error) => return Tried::found(TrialFinding::of_no_answer(&error)),
        };
        let Ok(answer) = Answer::read(Ok(response)).await else {
            return Tried::found(TrialFinding::NotUnderstood);
        };
        let now = clock.now();
        let clock_ahead_seconds = seconds_ahead(answer.header("date"), now);
        let body: ErrorBody = serde_json::from_slice(answer.unchecked_body()).unwrap_or_default();
        let code = body.code.replace('_', "");
        let (finding, detail) = judge(&Seen {
            status: answer.status(),
            code: &code,
            field: body.field(),
            message: &body.message,
            signature: signature(&answer, answer.check(&self.keys, now)),
            clock_ahead_seconds,
        });
        Tried { finding, detail, clock_ahead_seconds }
    }

    fn words(&self, finding: TrialFinding) -> &'static str {
        words(finding)
    }
}

fn signature(answer: &Answer, checked: Result<(), NotificationRefused>) -> Signature<'_> {
    let serial = answer.header("wechatpay-serial").unwrap_or_default();
    match checked {
        Ok(()) => Signature::Good,
        Err(_) if answer.header("wechatpay-signature").is_none() => Signature::None,
        Err(NotificationRefused::UnknownSerial | NotificationRefused::NoKeys) => {
            Signature::Of(serial)
        }
        Err(NotificationRefused::Stale) => Signature::Stale,
        Err(_) => Signature::Bad,
    }
}

/// What an answer says of the keys, and WeChat's own code for it.
fn judge(seen: &Seen<'_>) -> (TrialFinding, String) {
    use TrialFinding as Found;
    let named = |finding| (finding, plain(seen.code));
    match (seen.status, seen.code, seen.signature) {
        (500.., _, _) => (Found::NotUnderstood, seen.status.to_string()),
        (429, _, _) | (_, "RATELIMITEXCEEDED" | "FREQUENCYLIMITED", _) => named(Found::Throttled),
        (_, _, Signature::Bad) => (Found::AnswerForged, String::new()),
        (_, _, Signature::Of(serial)) => (Found::AnotherKey, key_kind(serial).to_owned()),
        (_, _, Signature::Stale) => (Found::ClockOff, String::new()),
        (404, ORDER_NOT_EXIST, Signature::Good) => (Found::Works, String::new()),
        (404, ORDER_NOT_EXIST, Signature::None) => (Found::AnswerUnsigned, String::new()),
        (401, "SIGNERROR", _) => named(unsigned(seen)),
        // Of whatever stands between, such as a proxy.
        (403, "", _) => (Found::NotUnderstood, seen.status.to_string()),
        (403, _, _) if speaks_of_address(seen.message) => named(Found::AddressRefused),
        (403, _, _) => named(Found::NotPermitted),
        (400..=499, "MCHNOTEXISTS" | "MCHIDNOTEXIST", _) => named(Found::WrongNumber),
        (400, _, _) if seen.field.eq_ignore_ascii_case("Wechatpay-Serial") => {
            named(Found::WrongKeyId)
        }
        (400, _, _) if seen.field == "mchid" => named(Found::WrongNumber),
        (400..=499, "", _) | (..=399, _, _) => (Found::NotUnderstood, seen.status.to_string()),
        _ => named(Found::Refused),
    }
}

/// Why our signature was not accepted.
fn unsigned(seen: &Seen<'_>) -> TrialFinding {
    let ahead = seen.clock_ahead_seconds.unwrap_or(0).unsigned_abs();
    let says = |words: &[&str]| words.iter().any(|word| seen.message.contains(word));
    match seen.field {
        "timestamp" => TrialFinding::ClockOff,
        _ if ahead >= WINDOW_SECONDS => TrialFinding::ClockOff,
        "serial_no" => TrialFinding::WrongSerial,
        "mchid" => TrialFinding::WrongNumber,
        "signature" => TrialFinding::WrongKey,
        _ if says(&["序列号"]) => TrialFinding::WrongSerial,
        _ if says(&["timestamp", "时间"]) => TrialFinding::ClockOff,
        _ if says(&["商户号"]) => TrialFinding::WrongNumber,
        _ if says(&["验签", "签名错误"]) => TrialFinding::WrongKey,
        _ => TrialFinding::WrongIdentity,
    }
}

fn speaks_of_address(message: &str) -> bool {
    message.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("ip"))
}

/// What kind of key a serial is of.
fn key_kind(serial: &str) -> &'static str {
    if serial.starts_with(PUBLIC_KEY_ID) {
        "用微信支付公钥签名"
    } else {
        "用平台证书签名"
    }
}

/// A code that may be kept and shown.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

const fn words(finding: TrialFinding) -> &'static str {
    use TrialFinding as Found;
    match finding {
        Found::Works => {
            "通了。商户号、证书序列号、商户私钥和微信的公钥都对。商户号与小程序的绑定、API v3 密钥，第一笔付款时才知道。"
        }
        Found::AnswerUnsigned => {
            "还不知道。看回答，商户号、证书序列号和商户私钥都对；但微信这次没有签名，回答不能作数。请稍后再试。"
        }
        Found::WrongKey => {
            "商户私钥不对：merchant_private_key_file 应是商户平台 API 证书的 apiclient_key.pem，与 merchant_serial_no 是同一张证书。"
        }
        Found::WrongIdentity => {
            "微信不认这个签名：mch_id、merchant_serial_no 和 merchant_private_key_file 不是一套，请逐项对照商户平台。"
        }
        Found::WrongNumber => "商户号不对：请对照商户平台检查 mch_id。",
        Found::WrongSerial => {
            "证书序列号不对：merchant_serial_no 应是商户平台“API 安全”里商户 API 证书的序列号，不是平台证书的。"
        }
        Found::ClockOff => "服务器时钟不准，微信只接受 5 分钟以内的请求：请校准服务器的时间。",
        Found::AddressRefused => {
            "服务器地址不在白名单：请在商户平台的 IP 白名单里加上本服务器的出口地址。"
        }
        Found::OwnKey => "public_key_file 是商户自己的公钥：请换成从商户平台下载的微信支付公钥。",
        Found::AnswerForged => {
            "微信的回答与配置的公钥不符：public_key_file 应是从商户平台下载的微信支付公钥 pub_key.pem，不是商户自己的公钥或证书。也可能有人在中间改了回答。"
        }
        Found::AnotherKey => {
            "微信用另一种密钥签名：商户平台用微信支付公钥的，请配置 public_key_id 和 public_key_file；用平台证书的，请配置平台证书或 fetch_platform_certificates。"
        }
        Found::WrongKeyId => {
            "公钥 ID 不对：public_key_id 应是商户平台里微信支付公钥的 ID（PUB_KEY_ID_ 开头），不是证书序列号。"
        }
        Found::NotPermitted => "微信认得商户，但没有开通这项权限：请在商户平台检查产品权限。",
        Found::Refused | Found::WrongSecret | Found::WrongContentKey => {
            "微信拒绝了，原因不在上述各项：请把代码交给微信支付的客服。"
        }
        Found::Unreachable => "连不上微信支付：请检查服务器能否访问 base_url。密钥对不对还不知道。",
        Found::TimedOut => "微信支付没有及时回答。密钥对不对还不知道，请稍后再试。",
        Found::NotUnderstood => {
            "微信支付系统忙，或回答的不是微信支付（请检查 base_url 和网络）。密钥对不对还不知道。"
        }
        Found::Throttled => "微信说调用太频繁。密钥对不对还不知道，请过几分钟再试。",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TrialFinding as Found;

    fn seen<'a>(status: u16, code: &'a str, field: &'a str, message: &'a str) -> Seen<'a> {
        Seen { status, code, field, message, ..Seen::default() }
    }

    #[test]
    fn an_answer_is_judged_by_its_status_code_and_field() {
        let sign = |field, message| seen(401, "SIGNERROR", field, message);
        let cases = [
            (seen(404, ORDER_NOT_EXIST, "", "订单不存在"), Found::AnswerUnsigned, ""),
            (sign("signature", "错误的签名，验签失败"), Found::WrongKey, "SIGNERROR"),
            (sign("", "错误的签名，导致验签失败"), Found::WrongKey, "SIGNERROR"),
            (sign("serial_no", "商户证书序列号有误"), Found::WrongSerial, "SIGNERROR"),
            (sign("", "商户证书序列号有误"), Found::WrongSerial, "SIGNERROR"),
            (sign("mchid", "商户号不存在"), Found::WrongNumber, "SIGNERROR"),
            (sign("", "商户号不存在"), Found::WrongNumber, "SIGNERROR"),
            (sign("timestamp", "不得超过5分钟"), Found::ClockOff, "SIGNERROR"),
            (sign("", "Http头Authorization中的timestamp"), Found::ClockOff, "SIGNERROR"),
            (sign("authorization", "值格式错误"), Found::WrongIdentity, "SIGNERROR"),
            (seen(400, "PARAMERROR", "Wechatpay-Serial", ""), Found::WrongKeyId, "PARAMERROR"),
            (seen(400, "PARAMERROR", "mchid", ""), Found::WrongNumber, "PARAMERROR"),
            (seen(400, "PARAMERROR", "Accept", ""), Found::Refused, "PARAMERROR"),
            (seen(400, "MCHNOTEXISTS", "", ""), Found::WrongNumber, "MCHNOTEXISTS"),
            (seen(403, "NOAUTH", "", "此IP地址不允许调用该接口"), Found::AddressRefused, "NOAUTH"),
            (seen(403, "NOAUTH", "", "商户未开通"), Found::NotPermitted, "NOAUTH"),
            (seen(403, "NOAUTH", "", "no such subscription"), Found::NotPermitted, "NOAUTH"),
            (seen(403, "", "", ""), Found::NotUnderstood, "403"),
            (seen(429, "FREQUENCYLIMITED", "", ""), Found::Throttled, "FREQUENCYLIMITED"),
            (seen(404, "RESOURCENOTEXISTS", "", ""), Found::Refused, "RESOURCENOTEXISTS"),
            (seen(404, "", "", ""), Found::NotUnderstood, "404"),
            (seen(200, "", "", ""), Found::NotUnderstood, "200"),
            (seen(302, "", "", ""), Found::NotUnderstood, "302"),
            (seen(500, "SYSTEMERROR", "", ""), Found::NotUnderstood, "500"),
            (seen(502, "", "", ""), Found::NotUnderstood, "502"),
        ];
        for (seen, finding, detail) in cases {
            assert_eq!(judge(&seen), (finding, detail.to_owned()), "{seen:?}");
        }
    }

    #[test]
    fn an_answer_is_judged_by_its_signature_too() {
        let none = |signature| Seen { signature, ..seen(404, ORDER_NOT_EXIST, "", "") };
        let refused = |signature| Seen { signature, ..seen(403, "NOAUTH", "", "") };
        let cases = [
            (none(Signature::Good), Found::Works, ""),
            (none(Signature::Bad), Found::AnswerForged, ""),
            (none(Signature::Stale), Found::ClockOff, ""),
            (none(Signature::Of("PUB_KEY_ID_1")), Found::AnotherKey, "用微信支付公钥签名"),
            (none(Signature::Of("5E0")), Found::AnotherKey, "用平台证书签名"),
            (refused(Signature::Good), Found::NotPermitted, "NOAUTH"),
            (refused(Signature::Bad), Found::AnswerForged, ""),
        ];
        for (seen, finding, detail) in cases {
            assert_eq!(judge(&seen), (finding, detail.to_owned()), "{seen:?}");
        }
    }

    #[test]
    fn a_clock_beyond_the_window_explains_a_refused_signature() {
        for (ahead, finding) in [
            (Some(299), Found::WrongKey),
            (Some(300), Found::ClockOff),
            (Some(-300), Found::ClockOff),
            (None, Found::WrongKey),
        ] {
            let refused = seen(401, "SIGNERROR", "signature", "验签失败");
            let refused = Seen { clock_ahead_seconds: ahead, ..refused };
            assert_eq!(judge(&refused).0, finding, "{ahead:?}");
        }
    }

    #[test]
    fn a_detail_of_any_form_leaves_the_code() {
        for (body, field) in [
            (r#"{"code":"A","detail":{"field":"mchid"}}"#, "mchid"),
            (r#"{"code":"A","detail":{"field":"/mchid"}}"#, "mchid"),
            (r#"{"code":"A","detail":{"field":7}}"#, ""),
            (r#"{"code":"A","detail":null}"#, ""),
            (r#"{"code":"A"}"#, ""),
        ] {
            let read: ErrorBody = serde_json::from_str(body).unwrap();
            assert_eq!((read.code.as_str(), read.field()), ("A", field), "{body}");
        }
    }

    #[test]
    fn codes_are_kept_plain() {
        assert_eq!(plain("<b>NO AUTH</b>\n"), "bNOAUTHb");
        assert_eq!(plain(&"X".repeat(200)).len(), 64);
    }
}
