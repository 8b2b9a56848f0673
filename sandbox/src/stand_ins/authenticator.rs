//! An authenticator app for members of staff, in the browser: RFC 6238 with HMAC-SHA-1, six digits and
//! steps of 30 seconds.
//!
//! Invariant: a secret is in the body of a form alone: in no address, no log and no state.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, ServiceConfig};
use askama::Template;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha1::Sha1;

use super::StandIn;
use crate::clock::AdjustableClock;
use crate::control::{Link, Panel, Visit};
use crate::endpoint::Endpoint;
use crate::page;

/// Where its page is.
const PATH: &str = "/authenticator";
const STEP_SECONDS: u64 = 30;

/// The app.
#[derive(Debug)]
pub(crate) struct Authenticator {
    clock: Arc<AdjustableClock>,
}

impl Authenticator {
    pub(crate) fn new(clock: &Arc<AdjustableClock>) -> Self {
        Self { clock: clock.clone() }
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.clock.now().timestamp()).unwrap_or_default()
    }
}

impl StandIn for Authenticator {
    fn endpoints(&self) -> &'static [Endpoint] {
        &[]
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config
            .app_data(Data::from(self))
            .route(PATH, web::get().to(show))
            .route(PATH, web::post().to(code));
    }

    fn panel(&self, _: &Visit) -> Panel {
        Panel { links: vec![Link { path: PATH, label: "验证器" }], ..Panel::default() }
    }
}

#[derive(Deserialize)]
struct SecretForm {
    secret: String,
}

#[derive(Template)]
#[template(path = "authenticator/page.html")]
struct CodePage<'a> {
    secret: &'a str,
    code: Option<String>,
    left: u64,
}

async fn show() -> HttpResponse {
    page::ok(&CodePage { secret: "", code: None, left: 0 })
}

async fn code(form: Form<SecretForm>, app: Data<Authenticator>) -> HttpResponse {
    let now = app.seconds();
    let secret = form.secret.trim();
    match decoded(secret).and_then(|key| code_at(&key, now)) {
        Some(code) => page::ok(&CodePage {
            secret,
            code: Some(code),
            left: STEP_SECONDS - now % STEP_SECONDS,
        }),
        None => page::refused(
            StatusCode::BAD_REQUEST,
            "不是密钥",
            "密钥由字母 A–Z 和数字 2–7 组成，见命令或页面给出的 secret。",
            PATH,
        ),
    }
}

/// Base32 (RFC 4648) without padding; spaces and small letters are forgiven, as apps do.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for symbol in text.bytes().filter(|byte| *byte != b' ' && *byte != b'=') {
        let five = match symbol.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(five)) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    (10..=64).contains(&bytes.len()).then_some(bytes)
}

/// The code at this time, in seconds since 1970.
fn code_at(key: &[u8], now: u64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    mac.update(&(now / STEP_SECONDS).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last()? & 0xf);
    let four: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let key = decoded("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").unwrap();
        assert_eq!(key, b"12345678901234567890");
        let table = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (now, code) in table {
            assert_eq!(code_at(&key, now).as_deref(), Some(code), "{now}");
        }
    }

    #[test]
    fn other_texts_are_no_secrets() {
        for text in ["", "GEZD", "GEZDGNBVGY3TQOJ1", "密钥", &"A".repeat(200)] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
