//! What answers mean, on every call: no fault is ever taken for paid, unpaid, closed or refused.

use super::{
    super::{
        Alipay,
        testing::{NOW, OUT_TRADE_NO, gateway, http, settings, sign, signed, signed_reply},
    },
    address,
    calls::{CLOSE_NODE, CREATE_NODE, QUERY_NODE, numbers, payment, trade},
};
use crate::{
    base::http_client::{
        self, Timeouts,
        test_server::{Reply, TestServer},
    },
    payments::gateway::{GatewayError, PaymentGateway},
};
use serde_json::json;
use std::time::Duration;

/// A call to the gateway.
#[derive(Clone, Copy, Debug)]
enum Call {
    Prepare,
    Query,
    Close,
}

impl Call {
    const ALL: [Self; 3] = [Self::Prepare, Self::Query, Self::Close];

    /// The node and the content of the answer that Alipay signs on success.
    fn good(self) -> (&'static str, String) {
        match self {
            Self::Prepare => (CREATE_NODE, numbers().to_string()),
            Self::Query => (QUERY_NODE, trade().to_string()),
            Self::Close => (CLOSE_NODE, numbers().to_string()),
        }
    }

    async fn of(self, gateway: &Alipay) -> Result<(), GatewayError> {
        match self {
            Self::Prepare => gateway.prepare(&payment(), NOW).await.map(drop),
            Self::Query => gateway.query(OUT_TRADE_NO, NOW).await.map(drop),
            Self::Close => gateway.close(OUT_TRADE_NO, NOW).await.map(drop),
        }
    }
}

type Fault = fn(&str, &str) -> Reply;

const TOO_LONG: usize = 1024 * 1024 + 1;

const UNKNOWN: [(&str, Fault); 22] = [
    ("silence", |_, _| Reply::silence()),
    ("unsigned", |node, content| Reply::new(200).body(format!(r#"{{"{node}":{content}}}"#))),
    ("an empty sign", |node, content| {
        Reply::new(200).body(format!(r#"{{"{node}":{content},"sign":""}}"#))
    }),
    ("a sign that is no text", |node, content| {
        Reply::new(200).body(format!(r#"{{"{node}":{content},"sign":1}}"#))
    }),
    ("a sign that is no base64", |node, content| {
        Reply::new(200).body(format!(r#"{{"{node}":{content},"sign":"not base64"}}"#))
    }),
    ("signed for another content", |node, content| {
        let sign = sign(b"{}");
        Reply::new(200).body(format!(r#"{{"{node}":{content},"sign":"{sign}"}}"#))
    }),
    ("written anew with spaces", |node, content| {
        Reply::new(200).body(signed(node, content).replacen("\":\"", "\": \"", 1))
    }),
    ("the node twice", |node, content| {
        let body = signed(node, content);
        Reply::new(200).body(body.replacen('{', &format!("{{\"{node}\":{content},"), 1))
    }),
    ("an error beside it", |node, content| {
        let body = signed(node, content);
        Reply::new(200).body(body.replacen('{', r#"{"error_response":{"code":"40002"},"#, 1))
    }),
    ("the node of another method", |_, content| {
        signed_reply("alipay_trade_refund_response", content)
    }),
    ("success as an error", |_, content| signed_reply("error_response", content)),
    ("a field twice", |node, content| {
        signed_reply(node, &content.replacen('{', "{\"out_trade_no\":\"other\",", 1))
    }),
    ("no code", |node, content| signed_reply(node, &content.replace("\"code\"", "\"kode\""))),
    ("a code that is a number", |node, content| {
        signed_reply(node, &content.replace("\"10000\"", "10000"))
    }),
    ("ciphertext where none is expected", |node, _| {
        signed_reply(node, "\"igATcyTqqgv1AFpBiHJyVQ==\"")
    }),
    ("a list", |node, _| signed_reply(node, "[]")),
    ("HTML", |_, _| Reply::new(200).body("<html>busy</html>")),
    ("nothing", |_, _| Reply::new(200)),
    ("too long", |_, _| Reply::new(200).body(" ".repeat(TOO_LONG))),
    ("cut off", |node, content| {
        let body = signed(node, content);
        Reply::new(200).header("Content-Length", "9999").body(body)
    }),
    ("500", |node, content| Reply::new(500).body(signed(node, content))),
    ("302", |node, content| {
        Reply::new(302).header("Location", "http://127.0.0.1:1/").body(signed(node, content))
    }),
];

#[tokio::test]
async fn every_fault_leaves_the_outcome_unknown() {
    for call in Call::ALL {
        for (name, fault) in UNKNOWN {
            let (node, content) = call.good();
            let server = TestServer::start([fault(node, &content)]);
            let timeouts = Timeouts { total: Duration::from_millis(300), ..Timeouts::default() };
            let http =
                if name == "silence" { http_client::build(timeouts).unwrap() } else { http() };
            let gateway = Alipay::new(settings(&address(&server)), http);
            assert_eq!(call.of(&gateway).await, Err(GatewayError::Unknown), "{call:?}: {name}");
            assert_eq!(server.requests().len(), 1, "{call:?}: {name}");
        }
    }
}

#[tokio::test]
async fn the_true_answers_are_believed() {
    for call in Call::ALL {
        let (node, content) = call.good();
        let server = TestServer::start([signed_reply(node, &content)]);
        assert_eq!(call.of(&gateway(&address(&server))).await, Ok(()), "{call:?}");
    }
}

/// How a failure maps, signed or not.
#[tokio::test]
async fn every_failure_has_its_meaning() {
    let refused = |code: &str| GatewayError::Refused { code: code.to_owned() };
    let throttled = || GatewayError::Throttled { retry_after: None };
    let cases = [
        ("20000", "isp.unknow-error", GatewayError::Unknown),
        ("20000", "aop.unknow-error", GatewayError::Unknown),
        ("20000", "", GatewayError::Unknown),
        ("10003", "", GatewayError::Unknown),
        ("40004", "ACQ.SYSTEM_ERROR", GatewayError::Unknown),
        ("40004", "aop.ACQ.SYSTEM_ERROR", GatewayError::Unknown),
        ("40004", "AQC.SYSTEM_ERROR", GatewayError::Unknown),
        ("40004", "isp.bop-error", GatewayError::Unknown),
        ("40005", "isv.app-call-limited", throttled()),
        ("40002", "isv.method-call-limited", throttled()),
        ("40004", "ACQ.CONTEXT_INCONSISTENT", refused("ACQ.CONTEXT_INCONSISTENT")),
        ("40002", "isv.invalid-signature", refused("isv.invalid-signature")),
        ("40006", "isv.insufficient-isv-permissions", refused("isv.insufficient-isv-permissions")),
        ("20001", "aop.invalid-app-auth-token", refused("aop.invalid-app-auth-token")),
        ("40001", "", refused("40001")),
        // Not readable: nothing is concluded from it.
        ("40004", "ACQ BAD", GatewayError::Unknown),
        ("", "ACQ.CONTEXT_INCONSISTENT", GatewayError::Unknown),
    ];
    for (code, sub_code, expected) in cases {
        let content = json!({"code": code, "msg": "x", "sub_code": sub_code}).to_string();
        let unsigned = format!(r#"{{"error_response":{content}}}"#);
        let replies = [
            signed_reply(CREATE_NODE, &content),
            signed_reply("error_response", &content),
            Reply::new(200).body(unsigned),
        ];
        for reply in replies {
            let server = TestServer::start([reply]);
            let made = gateway(&address(&server)).prepare(&payment(), NOW).await;
            assert_eq!(made, Err(expected.clone()), "{code} {sub_code}");
        }
        // Somebody else's signature is no reason to believe it.
        let forged = format!(r#"{{"error_response":{content},"sign":"{}"}}"#, sign(b"{}"));
        let server = TestServer::start([Reply::new(200).body(forged)]);
        let made = gateway(&address(&server)).prepare(&payment(), NOW).await;
        assert_eq!(made, Err(GatewayError::Unknown), "{code} {sub_code}");
    }
    let server = TestServer::start([Reply::new(429).body("slow down")]);
    let made = gateway(&address(&server)).prepare(&payment(), NOW).await;
    assert_eq!(made, Err(throttled()));
}

/// 系统繁忙, in GBK although UTF-8 was asked for: the signature covers its bytes.
#[tokio::test]
async fn a_failure_in_gbk_is_read() {
    let content = r#"{"code":"20000","msg":"Service Currently Unavailable","sub_code":"aop.unknow-error","sub_msg":"系统繁忙乗"}"#;
    for (content, expected) in [
        (content.to_owned(), GatewayError::Unknown),
        (
            content.replace("20000", "40004").replace("aop.unknow-error", "ACQ.X"),
            GatewayError::Refused { code: "ACQ.X".to_owned() },
        ),
    ] {
        let gbk = encoding_rs::GBK.encode(&content).0.into_owned();
        let end = format!(",\"sign\":\"{}\"}}", sign(&gbk));
        let body = [b"{\"error_response\":", gbk.as_slice(), end.as_bytes()].concat();
        let server = TestServer::start([Reply::new(200).body(body)]);
        let made = gateway(&address(&server)).prepare(&payment(), NOW).await;
        assert_eq!(made, Err(expected));
    }
}
