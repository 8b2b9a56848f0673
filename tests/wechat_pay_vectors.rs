//! WeChat Pay against vectors that other implementations agree on. The keys are throwaway.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails; helpers outside #[test] are not exempt by themselves"
)]

use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::{
    base::{
        clock::Timestamp,
        crypto::rsa::{PrivateKey, PublicKey},
        http_client::{self, Timeouts},
        money::Fen,
    },
    orders::gateway::{
        Headers, NotificationRefused, PaidClaim, PaymentGateway, Provider, RawNotification,
    },
    providers::wechat_pay::{
        WechatPay, WechatPaySettings,
        keys::KeyRing,
        received,
        signing::{self, Request, Signer},
    },
};
use rsa::{
    pkcs1v15::{Signature, SigningKey, VerifyingKey},
    pkcs8::{DecodePrivateKey, DecodePublicKey},
    sha2::Sha256,
    signature::{SignatureEncoding, Signer as _, Verifier},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/wechat/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

fn private_pem(keys: &Value, pointer: &str) -> String {
    let der = text(keys, &format!("{pointer}/der_base64"));
    format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
}

fn signer() -> Signer {
    let keys = fixture("keys");
    let pem = private_pem(&keys, "/merchant/private_key_pem");
    Signer {
        mch_id: text(&keys, "/merchant/mchid").to_owned(),
        serial_no: text(&keys, "/merchant/serial_no").to_owned(),
        key: PrivateKey::from_pkcs8_pem(&pem.into()).unwrap(),
    }
}

/// Header names in lower case, as HTTP libraries hand them over.
#[derive(Debug)]
struct CaseHeaders(BTreeMap<String, String>);

impl CaseHeaders {
    fn of(case: &Value) -> Self {
        let headers = case["headers"].as_object().unwrap().iter();
        let lower = |(name, value): (&String, &Value)| {
            (name.to_lowercase(), value.as_str().unwrap().to_owned())
        };
        Self(headers.map(lower).collect())
    }
}

impl Headers for CaseHeaders {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[test]
fn requests_are_signed_byte_for_byte() {
    let signer = signer();
    let file = fixture("request_signing");
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let name = text(case, "/name");
        let request = Request {
            method: text(case, "/method"),
            path_and_query: text(case, "/canonical_url"),
            body: text(case, "/body").as_bytes(),
        };
        let (timestamp, nonce) = (case["timestamp"].as_i64().unwrap(), text(case, "/nonce_str"));
        let message = signing::request_message(&request, timestamp, nonce);
        assert_eq!(message, text(case, "/string_to_sign").as_bytes(), "{name}");
        assert_eq!(signer.key.sign(&message).unwrap(), text(case, "/signature"), "{name}");
        let header = signing::authorization(&signer, &request, timestamp, nonce).unwrap();
        assert_eq!(header, text(case, "/authorization"), "{name}");
    }
}

#[test]
fn the_client_signature_covers_the_whole_package() {
    let signer = signer();
    let file = fixture("pay_sign");
    let (good, mistake) = (&file["mini_program"], &file["common_mistake_without_prefix"]);
    let sign = |package: &str| {
        let seconds = text(good, "/timeStamp").parse().unwrap();
        let (app_id, nonce) = (text(good, "/appId"), text(good, "/nonceStr"));
        signing::pay_sign(&signer.key, app_id, seconds, nonce, package).unwrap()
    };
    let package = text(good, "/package");
    assert_eq!(sign(package), text(good, "/paySign"));
    // The id alone, without `prepay_id=`, gives the signature that WeChat rejects.
    let bare = package.strip_prefix("prepay_id=").unwrap();
    let rejected = text(mistake, "/signature_that_wechat_rejects");
    assert_eq!(sign(bare), rejected);
    assert_ne!(sign(package), rejected);
}

#[test]
fn answers_are_believed_only_as_signed() {
    let keys = fixture("keys");
    let key = PublicKey::from_spki_pem(text(&keys, "/wechatpay/public_key_pem")).unwrap();
    let ring = KeyRing::new([(text(&keys, "/wechatpay/public_key_id").to_owned(), key)]);
    let file = fixture("response_verification");
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let raw = RawNotification {
            headers: &CaseHeaders::of(case),
            body: text(case, "/body").as_bytes(),
        };
        let valid = case["expect"]["signature_valid"].as_bool().unwrap();
        let checked = received::check(&raw, &ring, NOW);
        assert_eq!(checked.is_ok(), valid, "{}", text(case, "/name"));
        if !valid {
            assert_eq!(checked.unwrap_err(), NotificationRefused::Signature);
        }
    }
}

/// Two libraries, one signature: aws-lc-rs signs what the `rsa` crate signs, and each verifies it.
#[test]
fn both_rsa_libraries_agree() {
    let keys = fixture("keys");
    let der = text(&keys, "/merchant/private_key_pem/der_base64");
    let der = BASE64_STANDARD.decode(der).unwrap();
    let public_pem = text(&keys, "/merchant/public_key_pem");
    let their_key = SigningKey::<Sha256>::new(rsa::RsaPrivateKey::from_pkcs8_der(&der).unwrap());
    let their_check =
        VerifyingKey::<Sha256>::new(rsa::RsaPublicKey::from_public_key_pem(public_pem).unwrap());
    let our_key = signer().key;
    let our_check = PublicKey::from_spki_pem(public_pem).unwrap();
    for message in ["", "\n", "校园卡充值", &"x".repeat(70_000)] {
        let message = message.as_bytes();
        let ours = BASE64_STANDARD.decode(our_key.sign(message).unwrap()).unwrap();
        let theirs = their_key.sign(message).to_vec();
        assert_eq!(ours, theirs);
        their_check.verify(message, &Signature::try_from(ours.as_slice()).unwrap()).unwrap();
        our_check.verify(message, &theirs).unwrap();
        let other = [message, b"x"].concat();
        our_check.verify(&other, &theirs).unwrap_err();
        our_check.verify(message, &theirs[1..]).unwrap_err();
        our_check.verify(message, &[]).unwrap_err();
    }
}

/// Which key of WeChat's is configured.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The public key, named by its id.
    PublicKey,
    /// The key of a platform certificate, named by the certificate's serial.
    PlatformCertificate,
}

fn gateway(mode: Mode) -> WechatPay {
    let keys = fixture("keys");
    let (key_id, key_pem) = match mode {
        Mode::PublicKey => ("/wechatpay/public_key_id", "/wechatpay/public_key_pem"),
        Mode::PlatformCertificate => {
            ("/platform_certificate/serial_no", "/platform_certificate/public_key_pem")
        }
    };
    let settings = WechatPaySettings {
        base_url: "http://127.0.0.1:1".to_owned(),
        mch_id: text(&keys, "/merchant/mchid").to_owned(),
        app_id: text(&keys, "/app_id").to_owned(),
        merchant_serial_no: text(&keys, "/merchant/serial_no").to_owned(),
        merchant_key_pem: private_pem(&keys, "/merchant/private_key_pem").into(),
        api_v3_key: text(&keys, "/api_v3_key").into(),
        public_key_id: text(&keys, key_id).to_owned(),
        public_key_pem: text(&keys, key_pem).to_owned(),
    };
    WechatPay::new(settings, http_client::build(Timeouts::default()).unwrap()).unwrap()
}

use Mode::{PlatformCertificate, PublicKey as ByPublicKey};
use NotificationRefused as Refused;

/// Every notification of the vectors: what the gateway says of it. Accepted is what needs no
/// knowledge of orders to believe; whether it settles an order is decided with the order.
const NOTIFICATIONS: [(&str, Mode, Result<(), Refused>); 26] = [
    ("good_pubkey_mode", ByPublicKey, Ok(())),
    ("good_pubkey_mode", PlatformCertificate, Err(Refused::UnknownSerial)),
    ("good_platform_cert_mode", PlatformCertificate, Ok(())),
    ("good_platform_cert_mode", ByPublicKey, Err(Refused::UnknownSerial)),
    ("good_lowercase_header_names", ByPublicKey, Ok(())),
    ("good_empty_associated_data", ByPublicKey, Ok(())),
    ("good_no_signature_type_header", ByPublicKey, Ok(())),
    ("good_unknown_extra_fields", ByPublicKey, Ok(())),
    // Accepted: the order is found settled by the same transaction, and nothing moves.
    ("duplicate_different_notification_id_same_transaction", ByPublicKey, Ok(())),
    ("signature_probe_SIGNTEST", ByPublicKey, Err(Refused::Signature)),
    ("wrong_serial_unknown_pub_key_id", ByPublicKey, Err(Refused::UnknownSerial)),
    (
        "serial_key_mismatch_signed_by_platform_cert_key_claims_pub_key_id",
        ByPublicKey,
        Err(Refused::Signature),
    ),
    ("signed_by_rogue_key", ByPublicKey, Err(Refused::Signature)),
    ("old_timestamp_minus_301s", ByPublicKey, Err(Refused::Stale)),
    ("timestamp_minus_299s_accepted", ByPublicKey, Ok(())),
    ("missing_header_wechatpay_signature", ByPublicKey, Err(Refused::Headers)),
    ("missing_header_wechatpay_timestamp", ByPublicKey, Err(Refused::Headers)),
    ("unsupported_signature_type", ByPublicKey, Err(Refused::SignatureType)),
    ("altered_ciphertext_re_signed", ByPublicKey, Err(Refused::Ciphertext)),
    ("altered_gcm_nonce_re_signed", ByPublicKey, Err(Refused::Ciphertext)),
    ("encrypted_under_other_apiv3_key_re_signed", ByPublicKey, Err(Refused::Ciphertext)),
    ("body_reserialised_with_spaces", ByPublicKey, Err(Refused::Signature)),
    ("business_wrong_appid", ByPublicKey, Err(Refused::NotOurs)),
    // Accepted: the money is real; the order wants another amount, so it becomes a surplus.
    ("business_amount_lower", ByPublicKey, Ok(())),
    ("business_trade_state_not_success", ByPublicKey, Err(Refused::NotPaid)),
    // Accepted: the money is real; the order knows another payer, so it becomes a surplus.
    ("business_other_payer_openid", ByPublicKey, Ok(())),
];

fn paid_claim(decrypted: &Value) -> PaidClaim {
    let text = |pointer| text(decrypted, pointer).to_owned();
    PaidClaim {
        provider: Provider::WechatPay,
        merchant: text("/mchid"),
        app_id: text("/appid"),
        out_trade_no: text("/out_trade_no"),
        transaction_id: text("/transaction_id"),
        amount: Fen::new(decrypted["amount"]["total"].as_i64().unwrap()).unwrap(),
        payer: Some(text("/payer/openid")),
        paid_at: Timestamp::parse_rfc3339(&text("/success_time")).unwrap(),
    }
}

#[test]
fn every_notification_is_accepted_or_refused_for_the_right_reason() {
    let file = fixture("pay_notifications");
    let cases = file["cases"].as_array().unwrap();
    for (name, mode, expected) in NOTIFICATIONS {
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        let body = text(case, "/raw_body").as_bytes();
        let raw = RawNotification { headers: &CaseHeaders::of(case), body };
        let clock = case["expect"]["clock"].as_i64();
        let now = clock.map_or(NOW, Timestamp::from_seconds);
        let verified = gateway(mode).verify(&raw, now);
        let Ok(verified) = verified else {
            assert_eq!(verified.map(drop), expected, "{name} {mode:?}");
            continue;
        };
        assert_eq!(expected, Ok(()), "{name} {mode:?}");
        let envelope: Value = serde_json::from_slice(body).unwrap();
        let (id, fact) = verified.into_parts();
        assert_eq!(id, envelope["id"], "{name}");
        assert_eq!(*fact, paid_claim(&case["expect"]["decrypted"]), "{name}");
    }
}

#[test]
fn no_notification_of_the_vectors_is_left_out() {
    let file = fixture("pay_notifications");
    let cases = file["cases"].as_array().unwrap();
    let names: BTreeSet<&str> = cases.iter().map(|case| text(case, "/name")).collect();
    let rows: BTreeSet<&str> = NOTIFICATIONS.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(names, rows);
}
