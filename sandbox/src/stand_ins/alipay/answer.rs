//! Makes the signed answers of the gateway; on demand with one thing wrong.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::charset::Charset;
use super::gateway::Call;
use super::operations::{Answer, TOKEN};
use super::refusal::Refusal;
use crate::chance;
use crate::faults::{RequestFault, forgery};

const ERROR_NODE: &str = "error_response";
/// The content of [`RequestFault::SignedGarbage`]: a text where an object belongs.
const GARBAGE: &str = "\"PHhtbD4=\"";
/// A member that no document names, with all that misleads a search for the end of the object.
const MISLEADING: &str = r#"a } b { "sign":"fake" c }, https://example.com/"#;
const OTHER_NUMBER: &str = "NEVERMADE0000000000000000000000";

/// The parts of an answer, as bytes.
struct Envelope {
    node: String,
    content: Vec<u8>,
    certificate: Option<String>,
    sign: Option<String>,
}

/// An error before the app is known to be the one that it says: unsigned.
pub(super) fn refused(refusal: &Refusal) -> HttpResponse {
    error(StatusCode::OK, refusal)
}

pub(super) fn error(status: StatusCode, refusal: &Refusal) -> HttpResponse {
    respond(status, Charset::Utf8, json!({ ERROR_NODE: refusal.node() }).to_string().into_bytes())
}

pub(super) fn signed(call: &Call, done: Result<Answer, Refusal>) -> HttpResponse {
    let done = match (call.fault, done) {
        (Some(RequestFault::BusinessSystemError), _) => Err(Refusal::business_system_error()),
        (_, done) => done,
    };
    let failed = done.is_err();
    let value = match done {
        Ok(members) => succeeded(call, members),
        Err(refusal) => refusal.node(),
    };
    let node = if failed && call.method == TOKEN { ERROR_NODE.to_owned() } else { node_of(call) };
    let charset = match call.fault {
        Some(RequestFault::GbkError) => Charset::Gbk,
        _ => call.charset,
    };
    respond(StatusCode::OK, charset, envelope(call, node, &value, charset))
}

fn node_of(call: &Call) -> String {
    format!("{}_response", call.method.replace('.', "_"))
}

/// The token's answer alone has no code.
fn succeeded(call: &Call, mut members: Answer) -> Value {
    if call.method != TOKEN {
        members.insert("code".to_owned(), json!("10000"));
        members.insert("msg".to_owned(), json!("Success"));
    }
    if matches!(call.fault, Some(RequestFault::BraceInString | RequestFault::SlashUnescaped)) {
        members.insert("attach_info".to_owned(), json!(MISLEADING));
    }
    if call.fault == Some(RequestFault::OtherOrder)
        && let Some(number) = members.get_mut("out_trade_no")
    {
        *number = json!(OTHER_NUMBER);
    }
    Value::Object(members)
}

fn envelope(call: &Call, node: String, value: &Value, charset: Charset) -> Vec<u8> {
    let keys = &call.app.keys;
    let plain = value.to_string();
    // Alipay escapes the slash, which JSON allows.
    let content = charset.encode(&plain.replace('/', r"\/"));
    let content = match (&keys.content, call.fault) {
        (_, Some(RequestFault::SignedGarbage)) => GARBAGE.as_bytes().to_vec(),
        (Some(key), _) if call.encrypted => format!("\"{}\"", key.encrypt(&content)).into_bytes(),
        (Some(_) | None, _) => content,
    };
    let sign = match call.fault {
        Some(RequestFault::SlashUnescaped) if !call.encrypted => {
            keys.alipay.sign(&charset.encode(&plain))
        }
        _ => keys.alipay.sign(&content),
    };
    let certificate = keys.certificates.as_ref().map(|numbers| numbers.alipay.clone());
    let mut whole = Envelope { node, content, certificate, sign: Some(sign) };
    whole.spoil(call.fault);
    whole.written(call.fault)
}

impl Envelope {
    /// Changes what was signed validly.
    fn spoil(&mut self, fault: Option<RequestFault>) {
        match fault {
            Some(RequestFault::Unsigned) => self.sign = None,
            Some(RequestFault::WrongSignature) => {
                self.sign = self.sign.as_deref().map(forgery::wrong);
            }
            Some(RequestFault::AlteredBody) => {
                let text = String::from_utf8_lossy(&self.content).into_owned();
                self.content = forgery::altered(&text).into_bytes();
            }
            Some(RequestFault::UnknownSerial) => self.certificate = Some(chance::hex_digits(32)),
            _ => {}
        }
    }

    fn written(self, fault: Option<RequestFault>) -> Vec<u8> {
        let member = |name: &str, value: &[u8]| [b"\"", name.as_bytes(), b"\":", value].concat();
        let quoted = |text: String| format!("\"{text}\"").into_bytes();
        let mut members = vec![member(&self.node, &self.content)];
        if fault == Some(RequestFault::RepeatedKey) {
            let forged = forgery::altered(&String::from_utf8_lossy(&self.content));
            members.push(member(&self.node, forged.as_bytes()));
        }
        if let Some(number) = self.certificate {
            members.push(member("alipay_cert_sn", &quoted(number)));
        }
        if let Some(sign) = self.sign {
            let place = if fault == Some(RequestFault::SignFirst) { 0 } else { members.len() };
            members.insert(place, member("sign", &quoted(sign)));
        }
        [b"{".to_vec(), members.join(&b','), b"}".to_vec()].concat()
    }
}

fn respond(status: StatusCode, charset: Charset, body: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("trace_id", chance::hex_digits(32)))
        .content_type(format!("text/html;charset={}", charset.name()))
        .body(body)
}
