//! Callbacks, signed and encrypted with the sandbox's throwaway keys: here in WeChat Pay's format.

use super::{
    By, Told,
    orders::{Made, SCHOOL},
};
use crate::postings::Failure;
use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Nonce, Payload},
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::base::clock::{Clock, SystemClock};
use sandbox::keys::{
    self, ALIPAY_PRIVATE_KEY_FILE, MERCHANT_PRIVATE_KEY_FILE, WECHAT_PAY_PRIVATE_KEY_FILE,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use uuid::Uuid;

const SEAL_NONCE_LENGTH: usize = 12;
/// Transaction ids have 28 digits, of which the first four are constant.
const TRANSACTIONS: u128 = 10_u128.pow(24);

/// Makes callbacks of one provider, and has the credentials that a merchant needs to verify them.
pub struct Mint {
    pub by: By,
    key: RsaKeyPair,
    sealer: Aes256Gcm,
    pub mch_id: String,
    pub app_id: String,
    pub app_secret: String,
    pub api_v3_key: String,
    pub public_key_id: String,
    pub public_key_file: PathBuf,
    pub merchant_serial_no: String,
    pub merchant_private_key_file: PathBuf,
    pub alipay: AlipayApp,
}

/// What a merchant knows of Alipay.
pub struct AlipayApp {
    pub app_id: String,
    pub seller_id: String,
    pub app_private_key_file: PathBuf,
    pub public_key_file: PathBuf,
}

impl Mint {
    /// Generates its keys in the folder, or finds them there.
    pub fn new(folder: &Path, by: By) -> Result<Self, Failure> {
        let keys = keys::generate(folder)?;
        let (wechat, pay) = (keys.credentials.wechat, keys.credentials.wechat_pay);
        let alipay = keys.alipay.ok_or("the sandbox has no keys of Alipay")?.general;
        let file = match by {
            By::WechatPay => WECHAT_PAY_PRIVATE_KEY_FILE,
            By::Alipay => ALIPAY_PRIVATE_KEY_FILE,
        };
        let pem = std::fs::read_to_string(folder.join(file))?;
        let sealer = Aes256Gcm::new_from_slice(pay.api_v3_key.as_bytes());
        Ok(Self {
            by,
            alipay: AlipayApp {
                app_private_key_file: folder.join(&alipay.app_private_key_file),
                public_key_file: folder.join(&alipay.alipay_public_key_file),
                app_id: alipay.app_id,
                seller_id: alipay.seller_id,
            },
            key: RsaKeyPair::from_pkcs8(&der(&pem)?).map_err(|error| error.to_string())?,
            sealer: sealer.map_err(|error| error.to_string())?,
            mch_id: pay.mch_id,
            app_id: wechat.app_id,
            app_secret: wechat.app_secret,
            public_key_file: folder.join(&pay.public_key_file),
            merchant_private_key_file: folder.join(MERCHANT_PRIVATE_KEY_FILE),
            api_v3_key: pay.api_v3_key,
            public_key_id: pay.public_key_id,
            merchant_serial_no: pay.merchant_serial_no,
        })
    }

    /// A complete HTTP request for each order, signed now.
    pub fn letters(&self, orders: Told<'_>) -> Result<Vec<Vec<u8>>, Failure> {
        orders.iter().map(|made| self.letter(made)).collect()
    }

    /// The merchant's number and the app that payments are made with.
    pub fn shop(&self) -> (&str, &str) {
        match self.by {
            By::WechatPay => (&self.mch_id, &self.app_id),
            By::Alipay => (&self.alipay.seller_id, &self.alipay.app_id),
        }
    }

    fn letter(&self, made: &Made) -> Result<Vec<u8>, Failure> {
        if self.by == By::Alipay {
            return self.notice(made);
        }
        let body = self.envelope(made)?;
        let timestamp = SystemClock.now().seconds();
        let nonce = Uuid::new_v4().simple();
        let signature = self.sign(&format!("{timestamp}\n{nonce}\n{body}\n"))?;
        let (serial, length) = (&self.public_key_id, body.len());
        let request = format!(
            "POST /callbacks/{SCHOOL}/wechat-pay/transactions HTTP/1.1\r\n\
             Host: 127.0.0.1\r\nUser-Agent: Mozilla/4.0\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\
             Wechatpay-Timestamp: {timestamp}\r\nWechatpay-Nonce: {nonce}\r\n\
             Wechatpay-Signature: {signature}\r\nWechatpay-Serial: {serial}\r\n\
             Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\n\r\n{body}"
        );
        Ok(request.into_bytes())
    }

    fn envelope(&self, made: &Made) -> Result<String, Failure> {
        let now = SystemClock.now().to_rfc3339();
        let transaction = json!({
            "mchid": self.mch_id,
            "appid": self.app_id,
            "out_trade_no": made.payment.simple().to_string(),
            "transaction_id": format!("4200{:024}", made.payment.as_u128() % TRANSACTIONS),
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": now,
            "payer": { "openid": made.payer },
            "amount": {
                "total": made.amount_fen,
                "payer_total": made.amount_fen,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        })
        .to_string();
        let nonce: String =
            Uuid::new_v4().simple().to_string().chars().take(SEAL_NONCE_LENGTH).collect();
        let message = Payload { msg: transaction.as_bytes(), aad: b"transaction" };
        let sealed = Nonce::<Aes256Gcm>::try_from(nonce.as_bytes())
            .map_err(|error| error.to_string())
            .and_then(|nonce| {
                self.sealer.encrypt(&nonce, message).map_err(|error| error.to_string())
            })?;
        let envelope = json!({
            "id": Uuid::new_v4().to_string(),
            "create_time": now,
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": BASE64_STANDARD.encode(sealed),
                "associated_data": "transaction",
                "nonce": nonce,
            },
        });
        Ok(envelope.to_string())
    }

    pub(super) fn sign(&self, message: &str) -> Result<String, Failure> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        let signed = self.key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        );
        signed.map_err(|error| error.to_string())?;
        Ok(BASE64_STANDARD.encode(signature))
    }
}

/// The bytes between the boundary lines.
fn der(pem: &str) -> Result<Vec<u8>, Failure> {
    let inside = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN ")).skip(1);
    let text: String = inside.take_while(|line| !line.starts_with("-----END ")).collect();
    Ok(BASE64_STANDARD.decode(text)?)
}
