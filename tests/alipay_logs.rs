//! What calls to Alipay leave in the log, at every level and by every library below them.

use crate::wechat_logs::{Log, serve};
use onecard::{
    base::{
        clock::{ManualClock, Timestamp},
        crypto::rsa::{PrivateKey, PublicKey},
        http_client::{self, Timeouts},
        money::Fen,
    },
    identity::login::MiniProgramLogin,
    payments::gateway::{PaymentGateway, Prepare},
    providers::{
        alipay::{Alipay, AlipaySettings, content_key::ContentKey, trust::AlipayTrust},
        templates::Templates,
    },
};
use serde_json::Value;
use std::sync::Arc;
use tracing_subscriber::util::SubscriberInitExt;

const NOW: Timestamp = Timestamp::from_seconds(1_767_576_600);
const LOGIN_REFUSED: &str = r#"{"error_response":{"code":"40002","msg":"Invalid Arguments",
    "sub_code":"isv.code-invalid","sub_msg":"secret-code is bad"}}"#;
const LOGIN_UNSIGNED: &str = r#"{"alipay_system_oauth_token_response":{"access_token":"secret-token","open_id":"o-secret"}}"#;
const PAY_REFUSED: &str = r#"{"alipay_trade_create_response":{"code":"40004","msg":"Business Failed",
    "sub_code":"ACQ.TRADE_BUYER_NOT_MATCH","sub_msg":"o-secret is another buyer"}}"#;

fn alipay(answers: &'static [(u16, &str)]) -> Alipay {
    let keys: Value = serde_json::from_str(include_str!("fixtures/alipay/keys.json")).unwrap();
    let text = |pointer: &str| keys.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let key = PublicKey::from_any_form(&text("/alipay/public_spki_b64")).unwrap();
    let app_key = text("/app/private_pkcs1_pem/der_base64").into();
    let settings = AlipaySettings {
        gateway_url: format!("{}/gateway.do", serve(answers)).parse().unwrap(),
        app_id: text("/app_id"),
        seller_id: text("/seller_id"),
        app_key: PrivateKey::from_any_form(&app_key).unwrap(),
        trust: AlipayTrust { key, numbers: None },
        content_key: ContentKey::from_base64(&text("/aes_key_b64")),
        app_auth_token: Some("secret-acting".into()),
        templates: Templates::default(),
        bill_hosts: Vec::new(),
    };
    Alipay::new(settings, http_client::build(Timeouts::default()).unwrap())
}

fn payment() -> Prepare {
    Prepare {
        out_trade_no: "0123456789abcdef0123456789abcdef".to_owned(),
        description: "top-up".to_owned(),
        amount: Fen::new(5000).unwrap(),
        payer: "o-secret".to_owned(),
        expires_at: NOW,
        notify_url: "https://card.example.edu/callback".to_owned(),
    }
}

#[tokio::test]
async fn neither_tokens_nor_codes_nor_ids_of_users_are_logged() {
    let log = Log::default();
    let _listening = log.listen().set_default();

    let login = alipay(&[(200, LOGIN_REFUSED), (200, LOGIN_UNSIGNED), (500, "")]);
    let login = login.login(Arc::new(ManualClock::new(NOW)));
    for _ in 0..4 {
        login.exchange("secret-code").await.unwrap_err();
    }
    let gateway = alipay(&[(200, PAY_REFUSED), (200, "{}")]);
    for _ in 0..3 {
        gateway.prepare(&payment(), NOW).await.unwrap_err();
    }

    let log = log.text();
    let useful = [
        "sub_code=\"isv.code-invalid\" signed=false",
        "sub_code=\"ACQ.TRADE_BUYER_NOT_MATCH\"",
        "Alipay answered method=\"alipay.system.oauth.token\" status=500",
        "Alipay: answer not usable",
        "Alipay: no answer",
    ];
    for text in useful {
        assert!(log.contains(text), "{text} is not in {log}");
    }
    for secret in ["secret-acting", "secret-code", "o-secret", "secret-token"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
