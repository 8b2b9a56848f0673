//! Provider failures on every call: the outcome is unknown or throttled. No failure is ever taken
//! for paid, unpaid, closed or refused.

use super::{
    super::{
        WechatPay,
        testing::{APP_ID, NOW, Platform, http, keys, settings, sign, transaction, with_headers},
    },
    OUT_TRADE_NO,
    calls::payment,
};
use crate::{
    base::http_client::{
        self, Timeouts,
        test_server::{Reply, TestServer},
    },
    payments::gateway::{GatewayError, PaymentGateway},
};
use std::time::Duration;

/// A call to a provider.
#[derive(Clone, Copy, Debug)]
enum Call {
    Prepare,
    Query,
    Close,
}

impl Call {
    const ALL: [Self; 3] = [Self::Prepare, Self::Query, Self::Close];

    /// Status and body of the answer that WeChat would sign on success.
    fn good(self) -> (u16, String) {
        match self {
            Self::Prepare => (200, r#"{"prepay_id":"wx01"}"#.to_owned()),
            Self::Query => (200, transaction().to_string()),
            Self::Close => (204, String::new()),
        }
    }

    async fn of(self, gateway: &WechatPay) -> Result<(), GatewayError> {
        match self {
            Self::Prepare => gateway.prepare(&payment(), NOW).await.map(drop),
            Self::Query => gateway.query(OUT_TRADE_NO, NOW).await.map(drop),
            Self::Close => gateway.close(OUT_TRADE_NO, NOW).await.map(drop),
        }
    }
}

type Fault = fn(u16, &str) -> Reply;

const HTML: &str = "<html><body>502 Bad Gateway</body></html>";
const TOO_LONG: usize = 1024 * 1024 + 1;

fn waits(seconds: Option<u64>) -> GatewayError {
    GatewayError::Throttled { retry_after: seconds.map(Duration::from_secs) }
}

/// A valid answer with one header replaced.
fn good_but(status: u16, body: &str, name: &str, value: &str) -> Reply {
    let mut headers = sign(body.as_bytes(), NOW);
    headers.0.insert(name.to_owned(), value.to_owned());
    with_headers(Reply::new(status).body(body), &headers)
}

fn aged(status: u16, body: &str, seconds: u64) -> Reply {
    let at = NOW.minus(Duration::from_secs(seconds));
    with_headers(Reply::new(status).body(body), &sign(body.as_bytes(), at))
}

const UNKNOWN: [(&str, Fault); 22] = [
    ("silence", |_, _| Reply::silence()),
    ("unsigned", |status, body| Reply::new(status).body(body)),
    ("signed for another body", |status, body| {
        with_headers(Reply::new(status).body(body), &sign(b"{\"other\":1}", NOW))
    }),
    ("signed too long ago", |status, body| aged(status, body, 301)),
    ("a signature probe", |status, body| {
        good_but(status, body, "wechatpay-signature", "WECHATPAY/SIGNTEST/c2lnbg==")
    }),
    ("a signature that is no base64", |status, body| {
        good_but(status, body, "wechatpay-signature", "???")
    }),
    ("an unknown key", |status, body| good_but(status, body, "wechatpay-serial", "PUB_KEY_ID_0")),
    ("another signature type", |status, body| {
        good_but(status, body, "wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3")
    }),
    ("a header twice", |status, body| {
        let twice = keys().wechat_key_id;
        with_headers(Reply::new(status).body(body), &sign(body.as_bytes(), NOW))
            .header("Wechatpay-Serial", twice)
    }),
    ("the merchant's own signature", |status, body| {
        let headers = Platform::merchant().sign(body.as_bytes(), NOW);
        with_headers(Reply::new(status).body(body), &headers)
    }),
    ("no gzip though it says so", |_, body| {
        with_headers(Reply::new(200).body("x"), &sign(body.as_bytes(), NOW))
            .header("Content-Encoding", "gzip")
    }),
    ("HTML with 200", |_, _| Reply::new(200).body(HTML)),
    ("HTML with 502", |_, _| Reply::new(502).body(HTML)),
    ("HTML with 404", |_, _| Reply::new(404).body(HTML)),
    ("garbage with 400", |_, _| Reply::new(400).body("{\"code\":")),
    ("a number for a code", |_, _| Reply::new(400).body(r#"{"code":400}"#)),
    ("too long", |_, _| Reply::new(200).body("x".repeat(TOO_LONG))),
    ("too long an error", |_, _| Reply::new(400).body("x".repeat(TOO_LONG))),
    ("broken off", |_, body| {
        with_headers(Reply::new(200).body("x"), &sign(body.as_bytes(), NOW))
            .header("Content-Length", "999")
    }),
    ("a redirect", |_, _| Reply::new(302).header("Location", "http://127.0.0.1:1/")),
    ("an error signed for another", |_, _| {
        with_headers(Reply::new(400).body(r#"{"code":"PARAM_ERROR"}"#), &sign(b"{}", NOW))
    }),
    ("500 that says paid", |_, _| Reply::new(500).body(r#"{"code":"ORDER_PAID"}"#)),
];

const SERVER_ERRORS: [u16; 4] = [500, 501, 503, 504];

const WAITS: [(&str, Fault, Option<u64>); 5] = [
    ("429", |_, _| Reply::new(429).body(r#"{"code":"RATELIMIT_EXCEEDED"}"#), None),
    ("429 and when", |_, _| Reply::new(429).header("Retry-After", "7"), Some(7)),
    ("429 and a date", |_, _| Reply::new(429).header("Retry-After", "Thu, 01 Jan 2026"), None),
    ("429 in HTML", |_, _| Reply::new(429).body(HTML), None),
    ("403 that limits", |_, _| Reply::new(403).body(r#"{"code":"FREQUENCY_LIMITED"}"#), None),
];

#[tokio::test]
async fn a_provider_in_trouble_leaves_every_outcome_unknown() {
    let timeouts = Timeouts { total: Duration::from_millis(300), ..Timeouts::default() };
    let impatient = http_client::build(timeouts).unwrap();
    let errors = SERVER_ERRORS.map(|status| {
        let body = r#"{"code":"SYSTEM_ERROR","message":"m"}"#;
        (
            format!("signed {status}"),
            with_headers(Reply::new(status).body(body), &sign(body.as_bytes(), NOW)),
        )
    });
    for call in Call::ALL {
        let (status, body) = call.good();
        let faults = UNKNOWN.map(|(name, fault)| (name.to_owned(), fault(status, &body)));
        for (name, reply) in faults.into_iter().chain(errors.clone()) {
            let http = if name == "silence" { impatient.clone() } else { http() };
            let server = TestServer::start([reply]);
            let gateway = WechatPay::new(settings(&server.base_url()), APP_ID, http);
            let outcome = call.of(&gateway).await;
            assert_eq!(outcome, Err(GatewayError::Unknown), "{call:?}: {name}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_limits_us_is_given_time() {
    for call in Call::ALL {
        for (name, fault, seconds) in WAITS {
            let server = TestServer::start([fault(0, "")]);
            let gateway = WechatPay::new(settings(&server.base_url()), APP_ID, http());
            assert_eq!(call.of(&gateway).await, Err(waits(seconds)), "{call:?}: {name}");
        }
    }
}

/// Checks that valid answers pass: otherwise the table above would prove nothing.
#[tokio::test]
async fn a_provider_in_health_is_believed() {
    for call in Call::ALL {
        let (status, body) = call.good();
        let reply =
            with_headers(Reply::new(status).body(body.as_str()), &sign(body.as_bytes(), NOW));
        let server = TestServer::start([reply]);
        let gateway = WechatPay::new(settings(&server.base_url()), APP_ID, http());
        assert_eq!(call.of(&gateway).await, Ok(()), "{call:?}");
    }
}
