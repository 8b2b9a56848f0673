//! The vectors of docs/terminal.md: made here, kept in docs/terminal-vectors.json, and accepted by
//! the server. `ONECARD_WRITE_VECTORS=1` writes the file anew.

use crate::terminals::signer::Signer;
use onecard::base::{
    clock::Timestamp,
    crypto::ed25519::Ed25519Key,
    http::signature::{SignedRequest, UnverifiedSignature},
};
use serde_json::{Value, json};
use std::path::Path;

const CREATED: i64 = 1_795_233_600;
const AUTHORITY: &str = "card.example.edu.cn";

/// Name, request line, body, nonce.
const REQUESTS: [(&str, &str, &str, &str); 6] = [
    ("GET without a query", "GET /terminal/v1/config", "", "01J8Z6W5T4"),
    ("GET with a query", "GET /terminal/v1/config?v=1&x=%20a", "", "01J8Z6W5T5"),
    (
        "a charge",
        "POST /terminal/v1/charges",
        r#"{"seq":17,"code":"80531670838493064229","amount_fen":1250}"#,
        "01J8Z6W5T6",
    ),
    (
        "its password",
        "POST /terminal/v1/charges",
        r#"{"seq":17,"challenge":"01a1fd48-6079-7bf4-b0c2-8d473dc1c97d","amount_fen":1250,"password":"170026"}"#,
        "01J8Z6W5T7",
    ),
    ("its reversal", "POST /terminal/v1/charges/17/reversal", "{}", "01J8Z6W5T8"),
    (
        "a code at a door",
        "POST /terminal/v1/access",
        r#"{"seq":18,"code":"81255961202393657055"}"#,
        "01J8Z6W5T9",
    ),
];

fn vectors() -> Value {
    let till = Signer::new("xnec/T1", 1);
    let requests = REQUESTS.map(|(name, line, body, nonce)| {
        let signed = till.sign((line, AUTHORITY), body.as_bytes(), (CREATED, nonce));
        let headers: serde_json::Map<String, Value> =
            signed.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        json!({
            "name": name, "request_line": line, "host": AUTHORITY, "body": body,
            "signature_base": signed.base, "headers": headers,
        })
    });
    json!({
        "note": "Sandbox keys, for everybody to read: never register them.",
        "key_id": till.key_id,
        "private_key": till.private_pem(),
        "public_key": till.public_pem(),
        "requests": requests,
    })
}

#[test]
fn the_vectors_in_the_documents_are_these() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/terminal-vectors.json");
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var("ONECARD_WRITE_VECTORS").is_ok() {
        std::fs::write(&file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_server_accepts_the_vectors() {
    let vectors = vectors();
    let key = vectors["public_key"].as_str().unwrap();
    let key = Ed25519Key::from_spki_pem(key.as_bytes()).unwrap();
    for vector in vectors["requests"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let header = |name: &str| vec![vector["headers"][name].as_str().unwrap()];
        let (method, target) = text("request_line").split_once(' ').unwrap();
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let claim = UnverifiedSignature::read(&SignedRequest {
            method,
            authority: AUTHORITY,
            path,
            query,
            content_digest: header("Content-Digest"),
            signature_input: header("Signature-Input"),
            signature: header("Signature"),
        });
        let claim = claim.unwrap();
        assert_eq!(claim.key_id(), "xnec/T1");
        let head = claim.verify(&key, Timestamp::from_seconds(CREATED)).unwrap();
        assert!(head.with_body(text("body").as_bytes()).is_ok(), "{}", text("name"));
    }
}
