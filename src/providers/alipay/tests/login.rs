//! Sign-in against a server that stands in for Alipay's gateway.

use super::{
    super::{
        Alipay, AlipayLogin,
        testing::{APP_ID, NOW, gateway, settings, sign, signed_reply},
    },
    address,
};
use crate::{
    base::{
        clock::ManualClock,
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
    },
    identity::login::{LoginError, MiniProgramLogin},
    sessions::{Platform, PlatformUser},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const NODE: &str = "alipay_system_oauth_token_response";

fn login(address: &str) -> AlipayLogin {
    gateway(address).login(Arc::new(ManualClock::new(NOW)))
}

async fn exchange(reply: Reply) -> Result<PlatformUser, LoginError> {
    let server = TestServer::start([reply]);
    login(&address(&server)).exchange("code-1").await
}

fn token(ids: &Value) -> Reply {
    let mut content = json!({
        "access_token": "token", "expires_in": 1_296_000, "re_expires_in": "2592000",
        "refresh_token": "other", "auth_start": "2026-01-05 09:30:01",
    });
    content.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
    signed_reply(NODE, &content.to_string())
}

#[tokio::test]
async fn a_code_becomes_a_user_with_one_id_or_both() {
    let user = "2088000000000022";
    let cases = [
        (json!({"open_id": "o-1"}), Some("o-1"), None),
        (json!({"open_id": "o-1", "user_id": ""}), Some("o-1"), None),
        (json!({"user_id": user}), None, Some(user)),
        (json!({"user_id": user, "alipay_user_id": "void"}), None, Some(user)),
        (json!({"open_id": "o-1", "user_id": user, "union_id": "u"}), Some("o-1"), Some(user)),
    ];
    for (ids, open_id, user_id) in cases {
        let user = exchange(token(&ids)).await.unwrap();
        assert_eq!((user.platform, user.app_id.as_str()), (Platform::Alipay, APP_ID));
        assert_eq!((user.ids.openid(), user.ids.user_id()), (open_id, user_id));
    }
}

#[tokio::test]
async fn the_code_goes_into_the_body() {
    let server = TestServer::start([token(&json!({"open_id": "o-1"}))]);
    login(&address(&server)).exchange("c+d/e&f").await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.body, b"code=c%2Bd%2Fe%26f&grant_type=authorization_code");
    assert!(request.head.contains("method=alipay.system.oauth.token"));
    assert!(!request.head.contains("c%2Bd") && !request.head.contains("biz_content"));
}

#[tokio::test]
async fn every_other_answer_has_its_meaning() {
    let failed = |code: &str, sub_code: &str| {
        json!({"code": code, "msg": "x", "sub_code": sub_code}).to_string()
    };
    let unsigned = |code: &str, sub_code: &str| {
        let content = failed(code, sub_code);
        Reply::new(200).body(format!(r#"{{"error_response":{content}}}"#))
    };
    let good = json!({"open_id": "o-1"}).to_string();
    let cases = [
        (unsigned("40002", "isv.code-invalid"), LoginError::CodeRefused),
        (signed_reply(NODE, &failed("40002", "isv.code-invalid")), LoginError::CodeRefused),
        (unsigned("40002", "isv.unmatched-app-id"), LoginError::CodeRefused),
        (unsigned("40005", "isv.app-call-limited"), LoginError::Throttled),
        (Reply::new(429), LoginError::Throttled),
        (unsigned("20000", "isp.unknow-error"), LoginError::Unavailable),
        (unsigned("40002", "isv.invalid-signature"), LoginError::Unavailable),
        (unsigned("40006", "isv.insufficient-isv-permissions"), LoginError::Unavailable),
        (Reply::new(200).body(format!(r#"{{"{NODE}":{good}}}"#)), LoginError::Unavailable),
        (
            Reply::new(200).body(format!(r#"{{"{NODE}":{good},"sign":"{}"}}"#, sign(b"{}"))),
            LoginError::Unavailable,
        ),
        (signed_reply("error_response", &good), LoginError::Unavailable),
        (token(&json!({})), LoginError::Unavailable),
        (token(&json!({"open_id": ""})), LoginError::Unavailable),
        (token(&json!({"open_id": 1})), LoginError::Unavailable),
        (token(&json!({"open_id": "a b"})), LoginError::Unavailable),
        (token(&json!({"open_id": "x".repeat(129)})), LoginError::Unavailable),
        // A user id has its form: anything else may not pass for one.
        (token(&json!({"user_id": "1"})), LoginError::Unavailable),
        (token(&json!({"open_id": "2088000000000022"})), LoginError::Unavailable),
        (Reply::new(500), LoginError::Unavailable),
        (Reply::new(200).body("<html>busy</html>"), LoginError::Unavailable),
    ];
    for (reply, expected) in cases {
        let shown = format!("{reply:?}");
        assert_eq!(exchange(reply).await.unwrap_err(), expected, "{shown:.300}");
    }
}

#[tokio::test]
async fn a_code_is_sent_once_even_when_the_answer_is_lost() {
    let server = TestServer::start([Reply::silence(), Reply::new(200)]);
    let timeouts = Timeouts { total: Duration::from_millis(100), ..Timeouts::default() };
    let http = http_client::build(timeouts).unwrap();
    let login = Alipay::new(settings(&address(&server)), http);
    let login = login.login(Arc::new(ManualClock::new(NOW)));
    assert_eq!(login.exchange("code-1").await.unwrap_err(), LoginError::Unavailable);
    assert_eq!(server.requests().len(), 1);
}
