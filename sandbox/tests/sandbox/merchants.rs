//! Several apps and several merchants side by side.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use sandbox::keys::{self, Credentials, Keys, MERCHANT_PRIVATE_KEY_FILE};
use sandbox::wechat_pay::CertificateState;
use sandbox::{Options, Running};
use serde_json::{Value, json};

use crate::support::{Merchant, Receiver, browser, der, location};

/// Made once for all tests: nine RSA keys take their time.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox-keys"));

async fn start() -> (Running, Arc<Keys>) {
    let keys = Arc::new(keys::generate(&FOLDER).unwrap());
    (sandbox::start(Options::new(keys.clone())).await.unwrap(), keys)
}

/// What that school asks WeChat Pay with; the general merchant for an empty code.
fn merchant(running: &Running, keys: &Keys, code: &str) -> Merchant {
    let own = keys.schools.get(code).cloned();
    let mut credentials: Credentials = keys.credentials.clone();
    if let Some(own) = own {
        credentials.wechat_pay = own.wechat_pay;
        credentials.wechat = own.wechat.unwrap_or(credentials.wechat);
    }
    let folder = FOLDER.join(code);
    let read = |name: &str| der(&fs::read_to_string(folder.join(name)).unwrap());
    let public = &credentials.wechat_pay.public_key_file;
    Merchant {
        base_url: running.base_url().to_owned(),
        key: read(MERCHANT_PRIVATE_KEY_FILE),
        public_key: if public.is_empty() { Vec::new() } else { read(public) },
        certificates: HashMap::new(),
        http: browser(),
        credentials,
    }
}

fn order(merchant: &Merchant, number: &str, openid: &str, notify_url: &str) -> Value {
    json!({
        "appid": merchant.credentials.wechat.app_id,
        "mchid": merchant.credentials.wechat_pay.mch_id,
        "description": "校园卡充值",
        "out_trade_no": number,
        "notify_url": notify_url,
        "amount": { "total": 5000 },
        "payer": { "openid": openid },
    })
}

fn now(running: &Running) -> i64 {
    running.sandbox().clock.now().timestamp()
}

/// Each has its own number, key, sealing key and app, and is told of its own payments alone.
#[tokio::test]
async fn every_school_takes_payments_for_itself() {
    let receiver = Receiver::start(&[]);
    let (running, keys) = start().await;
    let (wechat, pay) = (&running.sandbox().wechat, &running.sandbox().wechat_pay);
    for (place, code) in ["", "hbgyzy", "ynart", "yncjxy"].into_iter().enumerate() {
        let mut merchant = merchant(&running, &keys, code);
        let credentials = merchant.credentials.clone();
        if merchant.public_key.is_empty() {
            let list = merchant.get("/v3/certificates", now(&running)).await;
            assert!(merchant.learn(&list), "{code}");
        }
        let user = wechat.user_of(&credentials.wechat.app_id, 1).unwrap();
        // The number is the same for all, which is no concern of theirs.
        let order = order(&merchant, "SHARED000001", &user.openid, &receiver.notify_url);
        let answer = merchant.prepay(&order, now(&running)).await;
        assert_eq!(answer.status, 200, "{code}: {}", answer.text);
        if code != "hbgyzy" {
            assert!(merchant.believes(&answer.headers, &answer.text), "{code}");
        }
        pay.pay("SHARED000001").unwrap();
        pay.until("SHARED000001", |payment| payment.accepted == 1).await;
        let letter = receiver.received().remove(place);
        assert!(merchant.believes(&letter.headers, &letter.body), "{code}");
        let told = letter.open(&credentials.wechat_pay.api_v3_key);
        assert_eq!(told["mchid"], credentials.wechat_pay.mch_id.as_str(), "{code}");
        assert_eq!(told["appid"], credentials.wechat.app_id.as_str(), "{code}");
        assert_eq!(merchant.query("SHARED000001", now(&running)).await.json(), told, "{code}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_is_refused() {
    let (running, keys) = start().await;
    let wechat = &running.sandbox().wechat;
    let (general, other) = (merchant(&running, &keys, ""), merchant(&running, &keys, "ynart"));
    let openid = wechat.user(2).unwrap().openid;
    let others_openid = wechat.user_of(&other.credentials.wechat.app_id, 2).unwrap().openid.clone();
    assert_ne!(openid, others_openid, "an openid is of one app");
    let notify = "https://card.example.edu.cn/x";
    let good = order(&general, "FOREIGN000001", &openid, notify);
    assert_eq!(general.prepay(&good, now(&running)).await.status, 200);
    let mut others_app = good.clone();
    others_app["appid"] = json!(other.credentials.wechat.app_id);
    let mut others_payer = good.clone();
    others_payer["payer"]["openid"] = json!(others_openid);
    let table = [
        (general.prepay(&others_app, now(&running)).await, 400, "APPID_MCHID_NOT_MATCH"),
        (general.prepay(&others_payer, now(&running)).await, 500, "OPENID_MISMATCH"),
        (other.prepay(&good, now(&running)).await, 400, "PARAM_ERROR"),
        (other.query("FOREIGN000001", now(&running)).await, 404, "ORDER_NOT_EXIST"),
        (other.close("FOREIGN000001", now(&running)).await, 404, "ORDER_NOT_EXIST"),
    ];
    for (row, (answer, status, code)) in table.into_iter().enumerate() {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "row {row}");
    }
    let mut impostor = merchant(&running, &keys, "ynart");
    impostor.credentials.wechat_pay.mch_id = general.credentials.wechat_pay.mch_id.clone();
    impostor.credentials.wechat_pay.merchant_serial_no =
        general.credentials.wechat_pay.merchant_serial_no.clone();
    let answer = impostor.query("FOREIGN000001", now(&running)).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "SIGN_ERROR"));
}

/// School, whether it has a public key, and how many certificates it begins with.
#[tokio::test]
async fn both_key_modes_are_there_from_the_start() {
    let (running, _) = start().await;
    let merchants = running.sandbox().wechat_pay.merchants();
    let seen: Vec<_> = merchants
        .iter()
        .map(|merchant| {
            let school = merchant.school.as_deref().unwrap_or_default();
            (school, merchant.public_key_id.is_some(), merchant.certificates.len())
        })
        .collect();
    let expected = [("", true, 0), ("hbgyzy", true, 1), ("ynart", true, 0), ("yncjxy", false, 1)];
    assert_eq!(seen, expected);
    let last = &merchants[3];
    assert_eq!(last.certificates[0].state, CertificateState::Signing);
    let pay = &running.sandbox().wechat_pay;
    let serial = &last.certificates[0].serial_no;
    assert!(pay.expire_certificate(&last.mch_id, serial).is_err(), "its only key");
    assert!(pay.set_public_key_percent(&last.mch_id, 1).is_err(), "it has none");
}

#[tokio::test]
async fn a_code_is_of_one_app() {
    let (running, keys) = start().await;
    let http = browser();
    let own = keys.schools["ynart"].wechat.clone().unwrap();
    let general = keys.credentials.wechat.clone();
    let code = async |app_id: &str| {
        let url = format!("{}/sandbox/wechat/codes", running.base_url());
        let wanted = json!({ "user": 0, "app_id": app_id });
        let made: Value = http.post(url).json(&wanted).send().await.unwrap().json().await.unwrap();
        made
    };
    let session = async |app: &keys::WechatCredentials, code: &Value| {
        let question = format!(
            "{}/sns/jscode2session?appid={}&secret={}&js_code={}&grant_type=authorization_code",
            running.base_url(),
            app.app_id,
            app.app_secret,
            code["code"].as_str().unwrap(),
        );
        http.get(question).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let made = code(&own.app_id).await;
    assert_eq!(session(&general, &made).await["errcode"], 40029);
    assert_eq!(session(&own, &made).await["openid"], made["user"]["openid"]);
    let unnamed = code("").await;
    assert_eq!(session(&general, &unnamed).await["openid"], unnamed["user"]["openid"]);
    let page = |app_id: &str| {
        let url = running.base_url();
        format!("{url}/sandbox/wechat/sign-in?redirect_uri=http://127.0.0.1/&app_id={app_id}")
    };
    let shown = http.get(page(&own.app_id)).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains(made["user"]["openid"].as_str().unwrap()));
    assert_eq!(http.get(page("wx0")).send().await.unwrap().status(), 400);
    let url = format!("{}/sandbox/wechat/sign-in", running.base_url());
    for (app_id, tail) in [("", String::new()), (&own.app_id, format!("&app_id={}", own.app_id))] {
        let choice = [("redirect_uri", "http://127.0.0.1/"), ("app_id", app_id), ("user", "0")];
        let sent = http.post(&url).form(&choice).send().await.unwrap();
        let target = location(&sent);
        assert!(target.split_once("code=").unwrap().1.get(32..) == Some(&tail), "{target}");
    }
}
