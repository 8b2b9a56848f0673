//! `Authorization: WECHATPAY2-SHA256-RSA2048 …`: authenticates the merchant of a request.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};
use chrono::{DateTime, TimeDelta, Utc};

use super::WechatPay;
use super::merchants::Merchant;
use super::refusal::{BadValue, Location, Refusal};
use super::signing::Signer;
use crate::faults::{Forgery, RequestFault};
use crate::state::lock;

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048 ";
const WINDOW: TimeDelta = TimeDelta::minutes(5);
const LONGEST_NONCE: usize = 32;
const MOST_NONCES: usize = 500_000;

/// An authenticated merchant; only [`WechatPay::authorize`] makes one.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) merchant: Arc<Merchant>,
    /// The key that it asked to be answered with.
    pub(super) signer: Signer,
    /// What goes wrong with the answer on demand.
    pub(super) fault: Option<RequestFault>,
}

impl Caller {
    pub(super) fn mchid(&self) -> &str {
        self.merchant.mch_id()
    }

    pub(super) fn forgery(&self) -> Option<Forgery> {
        self.fault.and_then(RequestFault::forgery)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Authorization<'a> {
    mchid: &'a str,
    nonce_str: &'a str,
    signature: &'a str,
    timestamp: &'a str,
    serial_no: &'a str,
}

impl<'a> Authorization<'a> {
    /// Five pairs `name="value"`, each once, in any order, with or without spaces between.
    fn parse(header: &'a str) -> Option<Self> {
        let mut parts = Self::default();
        for pair in header.strip_prefix(SCHEME)?.split(',') {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            let slot = match name {
                "mchid" => &mut parts.mchid,
                "nonce_str" => &mut parts.nonce_str,
                "signature" => &mut parts.signature,
                "timestamp" => &mut parts.timestamp,
                "serial_no" => &mut parts.serial_no,
                _ => return None,
            };
            if value.is_empty() || !slot.is_empty() {
                return None;
            }
            *slot = value;
        }
        let Self { mchid, nonce_str, signature, timestamp, serial_no } = &parts;
        let whole = [mchid, nonce_str, signature, timestamp, serial_no];
        whole.iter().all(|part| !part.is_empty()).then_some(parts)
    }
}

impl WechatPay {
    /// Checks the rules that all paths of the API share.
    pub(super) fn authorize(&self, request: &HttpRequest, body: &[u8]) -> Result<Caller, Refusal> {
        check_headers(request, !body.is_empty())?;
        let parts = Authorization::parse(text(request, "Authorization")).ok_or_else(|| {
            Refusal::unauthorized("authorization", "Http头Authorization值格式错误")
        })?;
        let now = self.clock.now();
        let merchant = self.merchant_of(parts.mchid);
        let merchant = merchant.ok_or_else(|| Refusal::unauthorized("mchid", "商户号不存在"))?;
        merchant.check_freshness(&parts, now)?;
        merchant.check_signature(&parts, request, body)?;
        // After the signature: strangers must not be able to spend the merchant's nonces.
        if !lock(&merchant.nonces).first_use(parts.nonce_str, now) {
            return Err(Refusal::unauthorized("nonce_str", "nonce_str重复使用"));
        }
        let signer = merchant.answer_signer(text(request, "Wechatpay-Serial"), now)?;
        let fault = request.extensions().get::<RequestFault>().copied();
        Ok(Caller { merchant: merchant.clone(), signer, fault })
    }
}

impl Merchant {
    fn check_freshness(
        &self,
        parts: &Authorization<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if parts.serial_no != self.keys.credentials.merchant_serial_no {
            return Err(Refusal::unauthorized("serial_no", "商户证书序列号有误"));
        }
        if parts.nonce_str.len() > LONGEST_NONCE {
            return Err(Refusal::unauthorized("nonce_str", "nonce_str超过32个字符"));
        }
        let sent = parts.timestamp.parse().ok().and_then(|at| DateTime::from_timestamp(at, 0));
        if sent.is_none_or(|sent| (now - sent).abs() > WINDOW) {
            let issue = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟";
            return Err(Refusal::unauthorized("timestamp", issue));
        }
        Ok(())
    }

    fn check_signature(
        &self,
        parts: &Authorization<'_>,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let method = request.method().as_str();
        // As it came over the wire: percent-escapes are signed, not what they mean.
        let url = request.uri().path_and_query().map_or("/", |url| url.as_str());
        let head = format!("{method}\n{url}\n{}\n{}\n", parts.timestamp, parts.nonce_str);
        let message = [head.as_bytes(), body, b"\n"].concat();
        if self.keys.merchant.accepts(&message, parts.signature) {
            return Ok(());
        }
        Err(Refusal::bad_signature(method, url, &String::from_utf8_lossy(&message)))
    }

    /// `Wechatpay-Serial` asks for the key of the answer.
    fn answer_signer(&self, asked: &str, now: DateTime<Utc>) -> Result<Signer, Refusal> {
        let signer = lock(&self.signing).for_answer(asked, now);
        signer.ok_or_else(|| fault("Wechatpay-Serial", asked, "微信支付公钥ID或平台证书序列号错误"))
    }
}

fn check_headers(request: &HttpRequest, has_body: bool) -> Result<(), Refusal> {
    let json = |name: &str| {
        let mut kinds = text(request, name).split([',', ';']).map(str::trim);
        kinds.any(|kind| kind.eq_ignore_ascii_case("application/json"))
    };
    if text(request, header::USER_AGENT.as_str()).trim().is_empty() {
        return Err(fault("User-Agent", "", "Http头缺少User-Agent"));
    }
    if !json(header::ACCEPT.as_str()) {
        return Err(fault("Accept", "", "Http头Accept应为application/json"));
    }
    if has_body && !json(header::CONTENT_TYPE.as_str()) {
        return Err(fault("Content-Type", "", "Http头Content-Type应为application/json"));
    }
    Ok(())
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn fault(field: &str, value: &str, issue: &'static str) -> Refusal {
    let (field, value) = (field.to_owned(), value.to_owned());
    BadValue { field, value, issue, location: Location::Header }.into()
}

/// Nonces of the last ten minutes: longer than any timestamp stays acceptable.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    seen: HashSet<String>,
    oldest_first: VecDeque<(DateTime<Utc>, String)>,
}

impl Nonces {
    fn first_use(&mut self, nonce: &str, now: DateTime<Utc>) -> bool {
        while let Some((at, oldest)) = self.oldest_first.front() {
            if self.seen.len() < MOST_NONCES && now - *at <= WINDOW * 2 {
                break;
            }
            self.seen.remove(oldest);
            self.oldest_first.pop_front();
        }
        let first = self.seen.insert(nonce.to_owned());
        if first {
            self.oldest_first.push_back((now, nonce.to_owned()));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_five_pairs_in_any_order() {
        let pairs = r#"serial_no="3F",mchid="1", nonce_str="n",signature="a+/=",timestamp="9""#;
        let good = &format!("{SCHEME}{pairs}");
        let parts = Authorization::parse(good).unwrap();
        assert_eq!((parts.serial_no, parts.signature), ("3F", "a+/="));
        let table = [
            "",
            "Bearer x",
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1""#,
            &good.replace("SHA256", "SHA1"),
            &good.replace("\"9\"", "9"),
            &good.replace("\"n\"", "\"\""),
            &format!(r#"{good},mchid="1""#),
            &format!(r#"{good},other="1""#),
        ];
        for header in table {
            assert_eq!(Authorization::parse(header), None, "{header}");
        }
    }

    #[test]
    fn nonces_are_remembered_for_ten_minutes() {
        let start = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut nonces = Nonces::default();
        assert!(nonces.first_use("a", start));
        assert!(!nonces.first_use("a", start + TimeDelta::minutes(10)));
        assert!(nonces.first_use("a", start + TimeDelta::seconds(601)));
        assert_eq!(nonces.seen.len(), nonces.oldest_first.len());
    }
}
