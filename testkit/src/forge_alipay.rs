//! Notifications of Alipay, made with the sandbox's keys: valid ones, and ones with a single defect.

use crate::{
    Letter, now,
    world::{alipay_credentials, sandbox_folder},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::DecodePrivateKey,
    sha2::Sha256,
    signature::{SignatureEncoding, Signer as _},
};
use std::fs;

/// Where Alipay's notifications arrive, below `/callbacks/{school}/`.
const PATH: &str = "alipay";

/// Makes notifications.
pub struct AlipayForge {
    alipay: SigningKey<Sha256>,
    app: SigningKey<Sha256>,
    /// The app that is notified.
    pub app_id: String,
    /// The merchant that is notified.
    pub seller_id: String,
}

/// The parameters of a notification, without its signature, in the order sent.
#[derive(Clone, Debug)]
pub struct Notice(Vec<(String, Vec<u8>)>);

/// A trade as a notification tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Trade<'a> {
    /// Our number.
    pub out_trade_no: &'a str,
    /// Alipay's number.
    pub trade_no: &'a str,
    /// The open id of the payer.
    pub buyer_open_id: &'a str,
    /// The amount, in fen.
    pub total_fen: i64,
}

impl AlipayForge {
    /// A forge with the sandbox's keys.
    pub fn with_sandbox_keys() -> Self {
        let alipay = alipay_credentials();
        let key = |file: &str| {
            let pem = fs::read_to_string(sandbox_folder().join(file)).unwrap();
            SigningKey::new(RsaPrivateKey::from_pkcs8_pem(&pem).unwrap())
        };
        Self {
            alipay: key(sandbox::keys::ALIPAY_PRIVATE_KEY_FILE),
            app: key(&alipay.app_private_key_file),
            app_id: alipay.app_id.clone(),
            seller_id: alipay.seller_id.clone(),
        }
    }

    /// The notification of a trade that was paid.
    pub fn paid(&self, id: &str, trade: Trade<'_>) -> Notice {
        let at = now().to_rfc3339()[..19].replace('T', " ");
        let total = yuan(trade.total_fen);
        Notice::of(&[
            ("notify_id", id),
            ("notify_type", "trade_status_sync"),
            ("notify_time", &at),
            ("charset", "utf-8"),
            ("version", "1.0"),
            ("app_id", &self.app_id),
            ("auth_app_id", &self.app_id),
            ("seller_id", &self.seller_id),
            ("trade_no", trade.trade_no),
            ("out_trade_no", trade.out_trade_no),
            ("buyer_open_id", trade.buyer_open_id),
            ("trade_status", "TRADE_SUCCESS"),
            ("total_amount", &total),
            ("receipt_amount", &total),
            ("buyer_pay_amount", &total),
            ("subject", "咸宁职业技术学院 校园卡充值"),
            ("gmt_create", &at),
            ("gmt_payment", &at),
            ("fund_bill_list", r#"[{"amount":"1.00","fundChannel":"ALIPAYACCOUNT"}]"#),
        ])
    }

    /// The message, signed by Alipay.
    pub fn signed(&self, notice: &Notice) -> Letter {
        letter(&notice.0, &self.alipay)
    }

    /// The message, signed with the app's own key, which must not be accepted.
    pub fn signed_by_app(&self, notice: &Notice) -> Letter {
        letter(&notice.0, &self.app)
    }

    /// The signature that Alipay puts under the content of an answer, base64.
    pub fn sign(&self, content: &[u8]) -> String {
        BASE64_STANDARD.encode(self.alipay.sign(content).to_bytes())
    }

    /// The signature that Alipay puts under these parameters, base64.
    pub fn signature(&self, notice: &Notice) -> String {
        signature(&notice.0, &self.alipay)
    }
}

impl Notice {
    fn of(parameters: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self(parameters.iter().map(owned).collect())
    }

    /// With another value of a parameter, which is added if it is absent.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    /// Without a parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// With one more parameter, even one of the same name.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Each value, changed.
    #[must_use]
    pub fn map(mut self, change: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        for (_, value) in &mut self.0 {
            *value = change(value);
        }
        self
    }

    /// The message as it is: with whatever stands for its signature.
    pub fn sent_as_it_is(&self) -> Letter {
        as_form(&self.0)
    }
}

fn letter(parameters: &[(String, Vec<u8>)], key: &SigningKey<Sha256>) -> Letter {
    let signature = signature(parameters, key);
    let mut signed = parameters.to_vec();
    signed.push(("sign_type".to_owned(), b"RSA2".to_vec()));
    signed.push(("sign".to_owned(), signature.into_bytes()));
    as_form(&signed)
}

/// Over the sorted parameters: `k=v` joined by `&`, values as they are.
fn signature(parameters: &[(String, Vec<u8>)], key: &SigningKey<Sha256>) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    let line = |(name, value): &&(String, Vec<u8>)| [name.as_bytes(), b"=", value].concat();
    let text = sorted.iter().map(line).collect::<Vec<_>>().join(&b'&');
    BASE64_STANDARD.encode(key.sign(&text).to_bytes())
}

fn as_form(parameters: &[(String, Vec<u8>)]) -> Letter {
    let pair = |(name, value): &(String, Vec<u8>)| format!("{}={}", name, encoded(value));
    let body = parameters.iter().map(pair).collect::<Vec<_>>().join("&");
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    Letter {
        path: PATH,
        headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
        body: body.into_bytes(),
    }
}

fn encoded(value: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'*' => {
            char::from(*byte).to_string()
        }
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    value.iter().map(one).collect()
}

/// As Alipay writes amounts: yuan with two decimals.
pub fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
