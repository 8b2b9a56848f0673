//! What calls to WeChat leave in the log, at every level and by every library below them.
//!
//! The test listens to its own thread, on which everything runs: the runtime has no other, and no
//! name is looked up.

use onecard::{
    base::{
        clock::{SystemClock, Timestamp},
        crypto::rsa::{PrivateKey, PublicKey},
        http_client::{self, Timeouts},
        money::Fen,
    },
    identity::login::MiniProgramLogin,
    payments::gateway::{PaymentGateway, Prepare},
    providers::{
        wechat_login::{WechatLogin, WechatLoginSettings, WechatMessages},
        wechat_pay::{ApiV3Key, WechatPay, WechatPaySettings, keys::TrustedKeys},
    },
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};
use tracing_subscriber::util::SubscriberInitExt;

const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);
const LOGIN_REFUSED: &str =
    r#"{"errcode":40029,"errmsg":"secret-code is bad, rid: 65f-0a","openid":"o-secret"}"#;
const LOGIN_DONE: &str = r#"{"openid":"o-secret","session_key":"secret-session"}"#;
const PAY_REFUSED: &str = r#"{"code":"PARAM_ERROR","message":"o-secret is no openid",
    "detail":{"field":"/payer/openid","value":"o-secret"}}"#;

/// What was logged so far.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// A subscriber that writes everything down.
    pub fn listen(&self) -> impl tracing::Subscriber + Send + Sync + 'static {
        let writer = self.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish()
    }

    /// The text of the log.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gives each answer to one connection and refuses the next. Returns its address.
pub fn serve(answers: &'static [(u16, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&stream);
            let head = "Connection: close\r\nRequest-ID: 0A-1";
            write!(stream, "HTTP/1.1 {status} Test\r\n{head}\r\n\r\n{body}").unwrap();
        }
    });
    address
}

fn read_request(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0);
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
}

fn login() -> WechatLogin {
    let settings = WechatLoginSettings {
        base_url: serve(&[(200, LOGIN_REFUSED), (200, LOGIN_DONE), (500, "")]).parse().unwrap(),
        app_id: "wx1".to_owned(),
        app_secret: "app-secret".into(),
        messages: WechatMessages::default(),
    };
    let http = http_client::build(Timeouts::default()).unwrap();
    WechatLogin::new(settings, http, Arc::new(SystemClock))
}

fn gateway() -> WechatPay {
    let file = include_str!("fixtures/wechat/keys.json");
    let keys: Value = serde_json::from_str(file).unwrap();
    let text = |pointer: &str| keys.pointer(pointer).unwrap().as_str().unwrap();
    let der = text("/merchant/private_key_pem/der_base64");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    let public_key = PublicKey::from_spki_pem(text("/wechatpay/public_key_pem")).unwrap();
    let public_key_id = text("/wechatpay/public_key_id");
    let settings = WechatPaySettings {
        base_url: serve(&[(400, PAY_REFUSED), (200, "{}")]).parse().unwrap(),
        mch_id: text("/merchant/mchid").to_owned(),
        merchant_serial_no: text("/merchant/serial_no").to_owned(),
        merchant_key: PrivateKey::from_pkcs8_pem(&pem.into()).unwrap(),
        api_v3_key: ApiV3Key::new(text("/api_v3_key").as_bytes()).unwrap(),
        keys: TrustedKeys::default().with_public_key(public_key_id, public_key),
        public_key_id: Some(public_key_id.to_owned()),
        fetch_certificates: false,
        bill_hosts: Vec::new(),
    };
    let http = http_client::build(Timeouts::default()).unwrap();
    WechatPay::new(settings, text("/app_id"), http)
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
async fn neither_secrets_nor_codes_nor_openids_are_logged() {
    let log = Log::default();
    let _listening = log.listen().set_default();

    let login = login();
    login.exchange("secret-code").await.unwrap_err();
    login.exchange("secret-code").await.unwrap();
    login.exchange("secret-code").await.unwrap_err();
    login.exchange("secret-code").await.unwrap_err();
    let gateway = gateway();
    for _ in 0..3 {
        gateway.prepare(&payment(), NOW).await.unwrap_err();
    }

    let log = log.text();
    let useful = [
        "refused errcode=40029 path=\"/sns/jscode2session\" rid=\"65f-0a\"",
        "WeChat login: unexpected status status=500",
        "WeChat login: no answer",
        "WeChat Pay answered status=400 request_id=\"0A-1\"",
        "field=\"/payer/openid\"",
        "WeChat Pay: answer not believed",
        "WeChat Pay: no answer",
    ];
    for text in useful {
        assert!(log.contains(text), "{text} is not in {log}");
    }
    for secret in ["app-secret", "secret-code", "o-secret", "secret-session", "TESTONLY"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
