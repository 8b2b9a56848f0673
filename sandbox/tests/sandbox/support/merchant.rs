//! What a merchant's server does, on aws-lc-rs.

use std::collections::HashMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use sandbox::keys::Credentials;
use serde_json::Value;
use uuid::Uuid;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use super::receiver::open;

pub struct Merchant {
    pub base_url: String,
    pub credentials: Credentials,
    pub key: Vec<u8>,
    pub public_key: Vec<u8>,
    /// By serial number, SPKI DER.
    pub certificates: HashMap<String, Vec<u8>>,
    pub http: Client,
}

/// A request before it is sent; every part can be spoilt.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub method: &'static str,
    pub url: String,
    pub body: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// The parts of an Authorization header; signed when they are turned into one.
pub struct RequestClaim {
    pub mchid: String,
    pub serial_no: String,
    pub nonce_str: String,
    pub timestamp: i64,
}

impl Merchant {
    pub fn claim(&self, now: i64) -> RequestClaim {
        let pay = &self.credentials.wechat_pay;
        RequestClaim {
            mchid: pay.mch_id.clone(),
            serial_no: pay.merchant_serial_no.clone(),
            nonce_str: Uuid::new_v4().simple().to_string(),
            timestamp: now,
        }
    }

    pub fn sign(&self, message: &[u8]) -> String {
        let pair = RsaKeyPair::from_pkcs8(&self.key).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        STANDARD.encode(signature)
    }

    pub fn authorization(
        &self,
        claim: &RequestClaim,
        method: &str,
        url: &str,
        body: &[u8],
    ) -> String {
        let RequestClaim { mchid, serial_no, nonce_str, timestamp } = claim;
        let head = format!("{method}\n{url}\n{timestamp}\n{nonce_str}\n");
        let signature = self.sign(&[head.as_bytes(), body, b"\n"].concat());
        format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{nonce_str}\",\
             timestamp=\"{timestamp}\",serial_no=\"{serial_no}\",signature=\"{signature}\""
        )
    }

    pub fn parcel(
        &self,
        claim: &RequestClaim,
        method: &'static str,
        url: &str,
        body: &[u8],
    ) -> Parcel {
        let authorization = self.authorization(claim, method, url, body);
        let mut headers = vec![
            ("Authorization", authorization),
            ("Accept", "application/json".to_owned()),
            ("User-Agent", "campus-card-test".to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        Parcel { method, url: url.to_owned(), body: body.to_vec(), headers }
    }

    pub async fn send(&self, parcel: Parcel) -> Answer {
        self.try_send(parcel).await.unwrap()
    }

    /// `None` where no whole answer came.
    pub async fn try_send(&self, parcel: Parcel) -> Option<Answer> {
        let url = format!("{}{}", self.base_url, parcel.url);
        let mut request = self.http.request(parcel.method.parse().unwrap(), url).body(parcel.body);
        for (name, value) in parcel.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.ok()?;
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        Some(Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: response.text().await.ok()?,
        })
    }

    pub async fn prepay(&self, order: &Value, now: i64) -> Answer {
        let body = order.to_string();
        let url = "/v3/pay/transactions/jsapi";
        self.send(self.parcel(&self.claim(now), "POST", url, body.as_bytes())).await
    }

    pub async fn get(&self, url: &str, now: i64) -> Answer {
        self.send(self.parcel(&self.claim(now), "GET", url, b"")).await
    }

    pub async fn query(&self, out_trade_no: &str, now: i64) -> Answer {
        let mchid = &self.credentials.wechat_pay.mch_id;
        self.get(&format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={mchid}"), now)
            .await
    }

    pub async fn close(&self, out_trade_no: &str, now: i64) -> Answer {
        let url = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
        let body = format!(r#"{{"mchid":"{}"}}"#, self.credentials.wechat_pay.mch_id);
        self.send(self.parcel(&self.claim(now), "POST", &url, body.as_bytes())).await
    }

    /// Whether the headers sign the body with the WeChat Pay key that they name.
    pub fn believes(&self, headers: &HashMap<String, String>, body: &str) -> bool {
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let serial = header("wechatpay-serial");
        let kind = header("wechatpay-signature-type");
        let (timestamp, nonce) = (header("wechatpay-timestamp"), header("wechatpay-nonce"));
        let message = format!("{timestamp}\n{nonce}\n{body}\n");
        let signature = STANDARD.decode(header("wechatpay-signature")).unwrap_or_default();
        let key = if serial == self.credentials.wechat_pay.public_key_id {
            Some(&self.public_key)
        } else {
            self.certificates.get(&serial)
        };
        kind == "WECHATPAY2-SHA256-RSA2048"
            && key.is_some_and(|key| {
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
                key.verify(message.as_bytes(), &signature).is_ok()
            })
    }

    /// Learns the certificates of an answer, and whether one of them signed it.
    pub fn learn(&mut self, answer: &Answer) -> bool {
        for entry in answer.json()["data"].as_array().unwrap() {
            let sealed = &entry["encrypt_certificate"];
            assert_eq!(sealed["algorithm"], "AEAD_AES_256_GCM");
            assert_eq!(sealed["associated_data"], "certificate");
            let pem = open(sealed, &self.credentials.wechat_pay.api_v3_key);
            let certificate = Certificate::from_pem(&pem).unwrap().tbs_certificate;
            let serial = hex::encode_upper(certificate.serial_number.as_bytes());
            assert_eq!(entry["serial_no"], serial.as_str());
            let key = certificate.subject_public_key_info.to_der().unwrap();
            self.certificates.insert(serial, key);
        }
        self.believes(&answer.headers, &answer.text)
    }

    /// What `wx.requestPayment` is called with, and the app id.
    pub fn payment_call(&self, prepay_id: &str, now: i64) -> Vec<(&'static str, String)> {
        let app_id = &self.credentials.wechat.app_id;
        let nonce_str = Uuid::new_v4().simple().to_string();
        let package = format!("prepay_id={prepay_id}");
        let pay_sign = self.sign(format!("{app_id}\n{now}\n{nonce_str}\n{package}\n").as_bytes());
        vec![
            ("app_id", app_id.clone()),
            ("time_stamp", now.to_string()),
            ("nonce_str", nonce_str),
            ("package", package),
            ("sign_type", "RSA".to_owned()),
            ("pay_sign", pay_sign),
        ]
    }
}

/// The bytes between the boundary lines.
pub fn der(pem: &str) -> Vec<u8> {
    let inside = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN ")).skip(1);
    let text: String = inside.take_while(|line| !line.starts_with("-----END ")).collect();
    STANDARD.decode(text).unwrap()
}
