//! Throwaway keys, and signatures that another implementation made with them.

use std::ops::Index;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sandbox::keys::{Credentials, Keys};
use serde_json::{Value, json};

pub struct Vectors(Value);

pub fn vectors() -> Vectors {
    let text = include_str!("../../fixtures/wechat_pay_signatures.json");
    Vectors(serde_json::from_str(text).unwrap())
}

impl Index<&str> for Vectors {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.0[name]
    }
}

impl Vectors {
    /// The moment at which the signatures were made.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self["clock_unix"].as_i64().unwrap(), 0).unwrap()
    }

    /// PKCS#8 DER; `owner` is `merchant` or `wechat_pay`.
    pub fn private_key(&self, owner: &str) -> Vec<u8> {
        let text = self[owner]["private_key_pkcs8_der_base64"].as_str().unwrap();
        STANDARD.decode(text).unwrap()
    }

    /// SPKI DER.
    pub fn public_key(&self, owner: &str) -> Vec<u8> {
        let pair = RsaKeyPair::from_pkcs8(&self.private_key(owner)).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }

    pub fn keys(&self) -> Keys {
        let credentials: Credentials = serde_json::from_value(json!({
            "throwaway": self["warning"],
            "wechat": { "app_id": self["app_id"], "app_secret": "throwaway" },
            "wechat_pay": {
                "mch_id": self["mch_id"],
                "merchant_serial_no": self["merchant"]["serial_no"],
                "merchant_private_key_file": "",
                "api_v3_key": self["api_v3_key"],
                "public_key_id": self["wechat_pay"]["public_key_id"],
                "public_key_file": "",
            },
        }))
        .unwrap();
        let merchant = pem(&self.private_key("merchant"));
        Keys::from_pem(credentials, &merchant, &pem(&self.private_key("wechat_pay"))).unwrap()
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|l| str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
