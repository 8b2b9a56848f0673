//! The adapter's protocol: the vectors, and every answer that must not be believed.

use super::{
    HttpLocks, LockSettings,
    signing::{LockKey, RequestLines, SIGNATURE, answer_base, signature_of},
    wire,
};
use crate::{
    base::{
        clock::{ManualClock, Timestamp},
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
    },
    keyring::{LockAnswer, LockId, LockRefusal, LockVendor, OpenOrder, OpeningId},
};
use aws_lc_rs::hmac;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::Value;
use std::{path::Path, process::Command, sync::Arc, time::Duration};

const SECRET: &str = "TESTONLY-secret-of-the-locks-0123456789";
const ID: &str = "01a1fd48-6077-745e-8d47-bf64b6ee838f";
const NOW: i64 = 1_795_233_600;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../docs/lock-vectors.json")).unwrap()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

fn id() -> OpeningId {
    ID.parse().unwrap()
}

#[test]
fn requests_are_signed_as_the_vectors_say() {
    let vectors = vectors();
    let key = LockKey {
        id: text(&vectors, "key_id").to_owned(),
        secret: SecretString::from(text(&vectors, "key_secret")),
    };
    let exchanges = vectors["exchanges"].as_array().unwrap();
    assert!(exchanges.len() >= 6);
    for exchange in exchanges {
        let (asked, name) = (&exchange["request"], text(exchange, "name"));
        let (method, path) = text(asked, "line").split_once(' ').unwrap();
        let headers = &asked["headers"];
        let lines = RequestLines {
            method,
            path,
            time: text(headers, "Onecard-Time").parse().unwrap(),
            nonce: text(headers, "Onecard-Nonce"),
            body: text(asked, "body").as_bytes(),
        };
        assert_eq!(lines.base(&key.id), text(asked, "base"), "{name}");
        let signature = key.sign_request(&lines);
        assert_eq!(signature, text(headers, "Onecard-Signature"), "{name}");
        if method == "POST" {
            let lock: LockId = "D3-402".parse().unwrap();
            let until = Timestamp::from_seconds(NOW + 15);
            let made: Value =
                serde_json::from_str(&wire::order(&OpenOrder { id: id(), lock: &lock, until }))
                    .unwrap();
            assert_eq!(made, serde_json::from_str::<Value>(text(asked, "body")).unwrap());
        }
    }
}

#[test]
fn answers_are_read_as_the_vectors_say() {
    let vectors = vectors();
    let key = LockKey { id: String::new(), secret: text(&vectors, "key_secret").into() };
    for exchange in vectors["exchanges"].as_array().unwrap() {
        let (name, answer) = (text(exchange, "name"), &exchange["answer"]);
        let asked = text(&exchange["request"]["headers"], "Onecard-Signature");
        let body = text(answer, "body").as_bytes();
        assert_eq!(answer_base(asked, body), text(answer, "base"), "{name}");
        let told = hex::decode(text(&answer["headers"], "Onecard-Signature")).unwrap();
        assert!(key.is_answer(asked, body, &told), "{name}");
        assert!(!key.is_answer(&asked.replace('a', "b"), body, &told), "{name}");
        let expected = match name {
            "opened" | "asked, opened" => LockAnswer::Opened,
            "refused" => LockAnswer::Refused(LockRefusal::Blocked),
            "an unknown reason" => LockAnswer::Refused(LockRefusal::Other),
            "not known yet" => LockAnswer::Unknown,
            "asked, never received" => LockAnswer::NotReceived,
            other => panic!("{other}"),
        };
        assert_eq!(wire::read(body, id()), Some(expected), "{name}");
    }
}

#[test]
fn the_vectors_are_those_of_the_reference() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lock-vectors.py");
    let output = Command::new("python3").arg(script).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.starts_with("ok: "), "{told}");
}

#[test]
fn a_body_of_another_form_or_about_another_order_is_not_read() {
    let outcome = |rest: &str| format!("{{\"request_id\": \"{ID}\", {rest}}}");
    let bad = [
        String::new(),
        "[]".to_owned(),
        outcome("\"outcome\": \"open\""),
        outcome("\"outcome\": 1"),
        outcome("\"outcome\": \"opened\", \"reason\": \"blocked\""),
        outcome("\"outcome\": \"opened\", \"outcome\": \"refused\""),
        outcome("\"state\": \"opened\""),
        "{\"outcome\": \"opened\"}".to_owned(),
        outcome("\"outcome\": \"opened\"").replace("838f", "8390"),
        outcome("\"outcome\": \"opened\"").to_uppercase(),
    ];
    for body in bad {
        assert_eq!(wire::read(body.as_bytes(), id()), None, "{body}");
    }
    let good = outcome("\"outcome\": \"refused\", \"by\": \"lock\"");
    let refused = LockAnswer::Refused(LockRefusal::Other);
    assert_eq!(wire::read(good.as_bytes(), id()), Some(refused));
    // Words that are ours alone.
    let ours = outcome("\"outcome\": \"refused\", \"reason\": \"unreachable\"");
    assert_eq!(wire::read(ours.as_bytes(), id()), Some(refused));
}

#[test]
fn a_signature_is_one_header_of_64_hex_digits() {
    let hex = "0123456789abcdef".repeat(4);
    let cases: [(&[&str], bool); 7] = [
        (&[&hex], true),
        (&[&hex.to_uppercase()], false),
        (&[&hex[1..]], false),
        (&[&format!("{hex}0")], false),
        (&[""], false),
        (&[&hex, &hex], false),
        (&[], false),
    ];
    for (values, good) in cases {
        let mut headers = HeaderMap::new();
        for value in values {
            let name = HeaderName::from_bytes(SIGNATURE.to_lowercase().as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(signature_of(&headers).is_some(), good, "{values:?}");
    }
}

fn locks(base_url: &str) -> HttpLocks {
    let settings = LockSettings {
        base_url: format!("{base_url}/onecard/").parse().unwrap(),
        key_id: "k1".to_owned(),
        key_secret: SecretString::from(SECRET),
    };
    let short = Timeouts { connect: Duration::from_secs(1), total: Duration::from_secs(1) };
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW)));
    HttpLocks::new(settings, http_client::build(short).unwrap(), clock)
}

async fn open(locks: &HttpLocks) -> LockAnswer {
    let lock: LockId = "D3-402".parse().unwrap();
    let until = Timestamp::from_seconds(NOW + 15);
    locks.open(OpenOrder { id: id(), lock: &lock, until }).await
}

/// A signed answer needs the signature of the request, which a prepared reply cannot have: what a real
/// adapter says is tested against the sandbox.
#[tokio::test]
async fn whatever_is_not_a_signed_answer_leaves_it_unknown() {
    let body = format!("{{\"request_id\":\"{ID}\",\"outcome\":\"opened\"}}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let of_another =
        hex::encode(hmac::sign(&key, answer_base(&"a".repeat(64), body.as_bytes()).as_bytes()));
    let replies = [
        Reply::new(200).body(body.clone()),
        Reply::new(200).header("Onecard-Signature", "x").body(body.clone()),
        Reply::new(200).header("Onecard-Signature", of_another).body(body.clone()),
        Reply::new(200).body("x".repeat(17 * 1024)),
        Reply::new(200).header("Content-Length", "99").body("short"),
        Reply::new(302).header("Location", "http://127.0.0.1:1/"),
        Reply::new(401),
        Reply::new(409).body("{}"),
        Reply::new(500).body(body),
        Reply::silence(),
    ];
    for reply in replies {
        let server = TestServer::start([reply.clone(), reply.clone()]);
        let locks = locks(&server.base_url());
        assert_eq!(open(&locks).await, LockAnswer::Unknown, "{reply:?}");
        assert_eq!(locks.outcome(id()).await, LockAnswer::Unknown, "{reply:?}");
        let asked = server.requests();
        assert!(asked[0].head.starts_with("POST /onecard/v1/locks/D3-402/open HTTP/1.1"));
        assert!(asked[1].head.starts_with(&format!("GET /onecard/v1/opens/{ID} HTTP/1.1")));
        assert_eq!(asked[0].header("onecard-time"), NOW.to_string());
        assert_ne!(asked[0].header("onecard-nonce"), asked[1].header("onecard-nonce"));
    }
}

#[tokio::test]
async fn an_adapter_that_is_not_there_has_opened_nothing() {
    let locks = locks("http://127.0.0.1:1");
    assert_eq!(open(&locks).await, LockAnswer::Refused(LockRefusal::Unreachable));
    assert_eq!(locks.outcome(id()).await, LockAnswer::Unknown);
}

#[test]
fn the_secret_is_not_printed() {
    let shown = format!("{:?}", locks("http://127.0.0.1:1"));
    assert!(shown.contains("k1") && !shown.contains("TESTONLY"), "{shown}");
}
