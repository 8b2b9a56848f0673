//! What an app's server does with Alipay, on aws-lc-rs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset};
use reqwest::Client;
use sandbox::alipay::{Alipay, AlipayUser};
use sandbox::clock::{Clock, ManualClock};
use sandbox::keys::{self, AlipayCredentials, Keys};
use sandbox::{Options, Running};
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use super::{browser, der};

const START: i64 = 1_767_232_800;

pub struct AlipayWorld {
    pub running: Running,
    pub clock: Arc<ManualClock>,
    pub http: Client,
    keys: Arc<Keys>,
}

/// An app with its keys, as its server has them.
pub struct Shop {
    pub credentials: AlipayCredentials,
    key: Vec<u8>,
    /// Alipay's, SPKI DER.
    alipay: Vec<u8>,
    /// Of the requests, in certificate mode.
    numbers: Vec<(&'static str, String)>,
    base_url: String,
    http: Client,
}

/// An answer of the gateway.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    /// The raw bytes.
    pub body: Vec<u8>,
}

pub type Parameters = BTreeMap<String, String>;

fn keys_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().join("alipay-sandbox-keys")
}

/// Generated once and kept between runs, because RSA keys are slow to generate.
fn all_keys() -> Arc<Keys> {
    static KEYS: OnceLock<Arc<Keys>> = OnceLock::new();
    KEYS.get_or_init(|| Arc::new(keys::generate(&keys_folder()).unwrap())).clone()
}

impl AlipayWorld {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let start = DateTime::from_timestamp(START, 0).unwrap();
        let (keys, clock) = (all_keys(), Arc::new(ManualClock::at(start)));
        let mut options = Options::new(keys.clone());
        options.clock = clock.clone();
        change(&mut options);
        let running = sandbox::start(options).await.unwrap();
        Self { running, clock, http: browser(), keys }
    }

    pub fn alipay(&self) -> &Alipay {
        &self.running.sandbox().alipay
    }

    /// The general app.
    pub fn shop(&self) -> Shop {
        let credentials = self.keys.alipay.as_ref().unwrap().general.clone();
        self.shop_of(credentials, &keys_folder())
    }

    /// A school's own app.
    pub fn shop_at(&self, school: &str) -> Shop {
        let credentials = self.keys.alipay.as_ref().unwrap().schools[school].clone();
        self.shop_of(credentials, &keys_folder().join(school))
    }

    fn shop_of(&self, credentials: AlipayCredentials, folder: &Path) -> Shop {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let (alipay, numbers) = if credentials.alipay_cert_file.is_empty() {
            (der(&read(&credentials.alipay_public_key_file)), Vec::new())
        } else {
            let certificate = Certificate::from_pem(read(&credentials.alipay_cert_file)).unwrap();
            let key = certificate.tbs_certificate.subject_public_key_info.to_der().unwrap();
            let names = [
                ("app_cert_sn", &credentials.app_cert_file),
                ("alipay_root_cert_sn", &credentials.alipay_root_cert_file),
            ];
            (key, names.map(|(name, file)| (name, number(&read(file)))).into())
        };
        Shop {
            key: der(&read(&credentials.app_private_key_file)),
            credentials,
            alipay,
            numbers,
            base_url: self.running.base_url().to_owned(),
            http: self.http.clone(),
        }
    }

    /// The first demo user, as the app of the shop knows them.
    pub fn user(&self, shop: &Shop) -> AlipayUser {
        self.alipay().user_of(&shop.credentials.app_id, 0).unwrap()
    }

    /// Beijing's time.
    pub fn timestamp(&self) -> String {
        let zone = FixedOffset::east_opt(8 * 3600).unwrap();
        self.clock.now().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Content of a trade that breaks no rule.
    pub fn order(&self, shop: &Shop, out_trade_no: &str) -> Value {
        json!({
            "out_trade_no": out_trade_no,
            "total_amount": "20.00",
            "subject": "校园卡充值",
            "buyer_id": self.user(shop).user_id,
            "product_code": "JSAPI_PAY",
            "op_app_id": shop.credentials.app_id,
        })
    }

    /// Asks for a method of the general app and expects success.
    pub async fn done(&self, method: &str, content: &Value) -> Value {
        let told = self.shop().call(self, method, content).await;
        let node = told.node(&self.shop(), method);
        assert_eq!(node["code"], "10000", "{node}");
        node
    }

    /// The same, and expects a refusal of the business: its `sub_code`.
    pub async fn refused(&self, method: &str, content: &Value) -> String {
        let told = self.shop().call(self, method, content).await;
        let node = told.node(&self.shop(), method);
        assert_eq!(node["code"], "40004", "{node}");
        node["sub_code"].as_str().unwrap().to_owned()
    }

    /// A trade of the general app, notified to the address.
    pub async fn trade(&self, out_trade_no: &str, notify_url: &str) -> Value {
        let shop = self.shop();
        let content = self.order(&shop, out_trade_no);
        let mut parameters = shop.parameters(self, "alipay.trade.create", &content);
        parameters.insert("notify_url".to_owned(), notify_url.to_owned());
        let told = shop.send(shop.signed(parameters)).await;
        let node = told.node(&shop, "alipay.trade.create");
        assert_eq!(node["code"], "10000", "{node}");
        node
    }

    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("{}{path}", self.running.base_url());
        self.http.post(url).form(fields).send().await.unwrap()
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.running.base_url());
        let answer = self.http.post(url).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.running.base_url())).send().await.unwrap()
    }
}

impl Shop {
    pub fn parameters(&self, world: &AlipayWorld, method: &str, content: &Value) -> Parameters {
        let mut all: Parameters = [
            ("app_id", self.credentials.app_id.as_str()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &world.timestamp()),
            ("version", "1.0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if !content.is_null() {
            all.insert("biz_content".to_owned(), content.to_string());
        }
        all.extend(self.numbers.iter().map(|(name, sn)| ((*name).to_owned(), sn.clone())));
        all
    }

    pub fn sign(&self, text: &[u8]) -> String {
        let pair = RsaKeyPair::from_pkcs8(&self.key).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
        STANDARD.encode(signature)
    }

    pub fn signed(&self, mut parameters: Parameters) -> Parameters {
        parameters.remove("sign");
        let pairs = parameters.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        let sign = self.sign(pairs.join("&").as_bytes());
        parameters.insert("sign".to_owned(), sign);
        parameters
    }

    /// Content and parameters of the method go into the body, all others into the query.
    pub async fn send(&self, parameters: Parameters) -> Told {
        self.try_send(parameters).await.unwrap()
    }

    /// `None` where no whole answer came.
    pub async fn try_send(&self, parameters: Parameters) -> Option<Told> {
        const OF_BODY: [&str; 4] = ["biz_content", "grant_type", "code", "refresh_token"];
        let (body, query): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|(name, _)| OF_BODY.contains(&name.as_str()));
        let url = format!("{}/gateway.do", self.base_url);
        let answer = self.http.post(url).query(&query).form(&body).send().await.ok()?;
        let status = answer.status().as_u16();
        Some(Told { status, body: answer.bytes().await.ok()?.to_vec() })
    }

    pub async fn call(&self, world: &AlipayWorld, method: &str, content: &Value) -> Told {
        self.send(self.signed(self.parameters(world, method, content))).await
    }

    /// Whether Alipay's key of this app signed the bytes.
    pub fn believes(&self, signed: &[u8], sign: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.alipay);
        key.verify(signed, &STANDARD.decode(sign).unwrap_or_default()).is_ok()
    }
}

impl Told {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The bytes of the signed part, of an answer in which it comes first.
    pub fn signed_part(&self, node: &str) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let begin = format!("{{\"{node}\":");
        assert!(text.starts_with(&begin), "{text}");
        let find = |mark: &[u8]| self.body.windows(mark.len()).rposition(|part| part == mark);
        let end = find(b",\"alipay_cert_sn\":\"").or_else(|| find(b",\"sign\":\"")).unwrap();
        self.body[begin.len()..end].to_vec()
    }

    /// The content of the answer to a method, whose signature is checked.
    pub fn node(&self, shop: &Shop, method: &str) -> Value {
        let name = format!("{}_response", method.replace('.', "_"));
        self.node_named(shop, &name)
    }

    pub fn node_named(&self, shop: &Shop, name: &str) -> Value {
        assert_eq!(self.status, 200);
        let signed = self.signed_part(name);
        let sign = self.json()["sign"].as_str().unwrap().to_owned();
        assert!(shop.believes(&signed, &sign), "{}", self.text());
        serde_json::from_slice(&signed).unwrap()
    }

    /// `code` and `sub_code` of an answer that is not signed.
    pub fn error(&self) -> (String, String) {
        let whole = self.json();
        assert!(whole.get("sign").is_none(), "{whole}");
        let text = |name: &str| whole["error_response"][name].as_str().unwrap().to_owned();
        (text("code"), text("sub_code"))
    }
}

/// A certificate's number: MD5 of issuer and serial, which has 16 bytes here.
fn number(pem: &str) -> String {
    let content = Certificate::from_pem(pem).unwrap().tbs_certificate;
    let bytes = content.serial_number.as_bytes();
    let serial = bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    hex::encode(<md5::Md5 as md5::Digest>::digest(format!("{}{serial}", content.issuer)))
}

/// The pairs of a form, as bytes.
pub fn decoded(form: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = |text: &str| {
        let text = text.replace('+', " ");
        let mut parts = text.split('%');
        let mut whole = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            whole.push(u8::from_str_radix(&part[..2], 16).unwrap());
            whole.extend(&part.as_bytes()[2..]);
        }
        whole
    };
    let pairs = form.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(key, value)| (String::from_utf8(bytes(key)).unwrap(), bytes(value))).collect()
}

/// A value of a form in UTF-8; empty where there is none.
pub fn field(form: &str, name: &str) -> String {
    let found = decoded(form).into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| String::from_utf8(value).unwrap()).unwrap_or_default()
}
