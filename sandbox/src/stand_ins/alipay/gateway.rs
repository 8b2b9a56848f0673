//! `POST /gateway.do`: reads a request, checks it, and only then does what it asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use chrono::{NaiveDateTime, TimeDelta};

use super::apps::App;
use super::charset::Charset;
use super::form::Form;
use super::refusal::Refusal;
use super::{Alipay, answer, operations};
use crate::clock::china;
use crate::faults::RequestFault;
use crate::faults::gate::ReadBody;

/// How far a timestamp may be from the present. The documents do not say; this is short enough to
/// notice a time that is not Beijing's.
const TOLERANCE: TimeDelta = TimeDelta::minutes(10);
pub(super) const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// A request that was checked: who asks for what.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) method: String,
    pub(super) parameters: BTreeMap<String, String>,
    /// Decrypted, where it was encrypted.
    pub(super) content: String,
    /// Of the answer too.
    pub(super) charset: Charset,
    /// Of notifications: the gateway knows it by the query and the content type alone.
    pub(super) notify_charset: Charset,
    /// Whether the answer is to be encrypted.
    pub(super) encrypted: bool,
    /// Where the request came in, `host:port`.
    pub(super) host: String,
    pub(super) fault: Option<RequestFault>,
}

impl Call {
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

/// The parts of a request before it is checked.
struct Sent {
    query: Form,
    all: Form,
    /// As the header `Content-Type` names it.
    charset: Option<Charset>,
}

pub(super) async fn gateway(request: HttpRequest, body: Bytes, pay: Data<Alipay>) -> HttpResponse {
    // The gate of faults has read the body, in order to know what is asked for.
    let read = request.extensions().get::<ReadBody>().map(|read| read.0.clone());
    let body = read.unwrap_or(body);
    let call = match pay.check(&request, &body) {
        Ok(call) => call,
        Err(refusal) => return answer::refused(&refusal),
    };
    let done = if call.fault == Some(RequestFault::GbkError) {
        Err(Refusal::unavailable())
    } else {
        operations::perform(&pay, &call, &request)
    };
    answer::signed(&call, done)
}

/// The operation that a request names, for the gate of faults.
pub(super) fn operation(query: &str, body: &[u8]) -> Option<String> {
    let method = |form: Option<Form>| {
        let form = form?;
        form.get("method").map(|name| String::from_utf8_lossy(name).into_owned())
    };
    method(Form::parse(query.as_bytes())).or_else(|| method(Form::parse(body)))
}

impl Alipay {
    fn check(&self, request: &HttpRequest, body: &[u8]) -> Result<Call, Refusal> {
        let sent = read(request, body)?;
        let value = |name: &str| -> Result<String, Refusal> {
            let text = String::from_utf8(sent.all.get(name).unwrap_or_default().to_vec());
            text.map_err(|_| Refusal::invalid("isv.invalid-parameter", name))
        };
        check_present(&sent.all)?;
        let app = self.app(&value("app_id")?).cloned();
        let app = app.ok_or_else(|| Refusal::invalid("isv.invalid-app-id", "无效的应用ID"))?;
        let charset = Charset::named(&value("charset")?);
        let charset = charset.ok_or_else(|| invalid("charset", "无效的字符集"))?;
        check_certificates(&app, &value("app_cert_sn")?, &value("alipay_root_cert_sn")?)?;
        check_signature(&app, &sent.all, charset)?;
        self.check_timestamp(&value("timestamp")?)?;
        check_form(&value("version")?, &value("format")?)?;
        let parameters = texts(&sent.all, charset)?;
        let encrypted = parameters.get("encrypt_type").map(String::as_str);
        let content = parameters.get("biz_content").map_or("", String::as_str);
        let content = decrypted(&app, encrypted, content, charset)?;
        let asked = sent.query.get("charset").and_then(|name| str::from_utf8(name).ok());
        Ok(Call {
            method: value("method")?,
            content,
            charset,
            notify_charset: asked.and_then(Charset::named).or(sent.charset).unwrap_or(Charset::Gbk),
            encrypted: encrypted.is_some(),
            host: request.connection_info().host().to_owned(),
            fault: request.extensions().get::<RequestFault>().copied(),
            parameters,
            app,
        })
    }

    fn check_timestamp(&self, text: &str) -> Result<(), Refusal> {
        let refuse = || invalid("timestamp", "非法的时间戳：应为10分钟以内的北京时间");
        let at = NaiveDateTime::parse_from_str(text, TIME).map_err(|_| refuse())?;
        let difference = china(self.clock.now()).naive_local() - at;
        if difference.abs() > TOLERANCE { Err(refuse()) } else { Ok(()) }
    }
}

fn read(request: &HttpRequest, body: &[u8]) -> Result<Sent, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (kind, charset) =
        kind.unwrap_or_default().split_once(';').unwrap_or((kind.unwrap_or_default(), ""));
    if !body.is_empty() && !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(invalid("content-type", "请求体应为application/x-www-form-urlencoded"));
    }
    let broken = || invalid("parameter", "参数的编码有误");
    let query = Form::parse(request.query_string().as_bytes()).ok_or_else(broken)?;
    let body = Form::parse(body).ok_or_else(broken)?;
    let all = Form([query.0.clone(), body.0].concat());
    if let Some(twice) = all.repeated() {
        let name = String::from_utf8_lossy(twice);
        return Err(invalid("parameter", &format!("参数重复：{name}")));
    }
    let charset = charset.trim().split_once('=').map(|(_, name)| name.trim_matches('"'));
    Ok(Sent { query, all, charset: charset.and_then(Charset::named) })
}

fn invalid(what: &str, why: &str) -> Refusal {
    Refusal::invalid(&format!("isv.invalid-{what}"), why)
}

fn check_present(form: &Form) -> Result<(), Refusal> {
    let required = [
        ("method", "isv.missing-method", "缺少方法名参数"),
        ("sign", "isv.missing-signature", "缺少签名参数"),
        ("sign_type", "isv.missing-signature-type", "缺少签名类型参数"),
        ("app_id", "isv.missing-app-id", "缺少应用ID参数"),
        ("timestamp", "isv.missing-timestamp", "缺少时间戳参数"),
        ("version", "isv.missing-version", "缺少版本参数"),
    ];
    for (name, sub_code, why) in required {
        if form.get(name).is_none_or(<[u8]>::is_empty) {
            return Err(Refusal::missing(sub_code, why));
        }
    }
    Ok(())
}

/// In certificate mode a request names both certificates; in public key mode it names none.
fn check_certificates(app: &App, app_cert: &str, root_cert: &str) -> Result<(), Refusal> {
    let (known_app, known_root) = match &app.keys.certificates {
        Some(known) => (known.app.as_str(), known.root.as_str()),
        None => ("", ""),
    };
    let named =
        [("app-cert-sn", app_cert, known_app), ("alipay-root-cert-sn", root_cert, known_root)];
    for (name, sent, known) in named {
        if sent != known {
            let why = if known.is_empty() {
                "应用使用公钥模式"
            } else {
                "与应用的证书不一致"
            };
            return Err(invalid(name, why));
        }
    }
    Ok(())
}

fn check_signature(app: &App, form: &Form, charset: Charset) -> Result<(), Refusal> {
    if form.get("sign_type") != Some(b"RSA2") {
        return Err(invalid("signature-type", "签名类型应为RSA2"));
    }
    let signed = form.signed_of_request();
    let sign = str::from_utf8(form.get("sign").unwrap_or_default()).unwrap_or_default();
    if app.keys.app.accepts(&signed, sign) {
        return Ok(());
    }
    let built = charset.decode(&signed);
    let built = built.unwrap_or_else(|| String::from_utf8_lossy(&signed).into_owned());
    let why = "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：";
    Err(invalid("signature", &format!("{why}{built}")))
}

fn check_form(version: &str, format: &str) -> Result<(), Refusal> {
    if version != "1.0" {
        return Err(invalid("version", "版本应为1.0"));
    }
    if !matches!(format, "" | "JSON" | "json") {
        return Err(invalid("format", "数据格式应为JSON"));
    }
    Ok(())
}

/// All parameters that have a value, as text.
fn texts(form: &Form, charset: Charset) -> Result<BTreeMap<String, String>, Refusal> {
    let given = form.0.iter().filter(|(_, value)| !value.is_empty());
    let text = |bytes: &[u8]| {
        charset.decode(bytes).ok_or_else(|| invalid("charset", "参数不是charset所说的编码"))
    };
    given.map(|(key, value)| Ok((text(key)?, text(value)?))).collect()
}

fn decrypted(
    app: &App,
    encrypt_type: Option<&str>,
    content: &str,
    charset: Charset,
) -> Result<String, Refusal> {
    match (encrypt_type, &app.keys.content) {
        (None, Some(_)) if !content.is_empty() && !content.starts_with('{') => {
            let sub_code = "isv.decryption-error-missing-encrypt-type";
            Err(Refusal::missing(sub_code, "解密出错，缺少加密类型"))
        }
        (None, _) => Ok(content.to_owned()),
        (Some("AES"), None) => {
            Err(Refusal::missing("isv.missing-encrypt-key", "应用没有设置内容加密密钥"))
        }
        (Some("AES"), Some(_)) if content.is_empty() => Ok(String::new()),
        (Some("AES"), Some(key)) => {
            let opened = key.decrypt(content).and_then(|bytes| charset.decode(&bytes));
            opened.ok_or_else(|| {
                Refusal::invalid("isv.decryption-error-unknown", "解密出错，未知错误")
            })
        }
        (Some(_), _) => Err(invalid("encrypt-type", "加密类型应为AES")),
    }
}
