//! WeChat Pay against vectors that other implementations agree on. The keys are throwaway.

#![expect(non_snake_case, reason = "tests are named like their vectors")]

use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::{
    base::{
        clock::Timestamp,
        crypto::rsa::{PrivateKey, PublicKey},
        http_client::{self, Timeouts},
        money::Fen,
    },
    orders::order::PaymentId,
    payments::gateway::{
        Headers, NotificationRefused, Notified, PaidClaim, PaymentGateway, Provider,
        RawNotification, RefundOutcome,
    },
    providers::wechat_pay::{
        ApiV3Key, WechatPay, WechatPaySettings,
        certificate::PlatformCertificate,
        keys::TrustedKeys,
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

/// A test of each case, named like it.
macro_rules! cases {
    ($all:ident, $check:ident, $($name:ident => $expected:expr,)+) => {
        const $all: &[&str] = &[$(stringify!($name)),+];
        $(
            #[test]
            fn $name() {
                assert_eq!($check(stringify!($name)), $expected);
            }
        )+
    };
}

cases! { REQUESTS, signs,
    jsapi_prepay_post_utf8_body => (),
    query_path_with_pipe_and_star => (),
    refund_post => (),
    bill_download_get => (),
}

/// The text that is signed, the signature over it, and the header.
fn signs(name: &str) {
    let (signer, file) = (signer(), fixture("request_signing"));
    let case = case_of(&file, name);
    let request = Request {
        method: text(case, "/method"),
        path_and_query: text(case, "/canonical_url"),
        body: text(case, "/body").as_bytes(),
    };
    let (timestamp, nonce) = (case["timestamp"].as_i64().unwrap(), text(case, "/nonce_str"));
    let message = signing::request_message(&request, timestamp, nonce);
    assert_eq!(message, text(case, "/string_to_sign").as_bytes());
    assert_eq!(signer.key.sign(&message).unwrap(), text(case, "/signature"));
    let header = signing::authorization(&signer, &request, timestamp, nonce).unwrap();
    assert_eq!(header, text(case, "/authorization"));
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

cases! { ANSWERS, believed,
    prepay_200_pubkey => Ok(()),
    close_204_empty_body => Ok(()),
    prepay_200_body_tampered => Err(Refused::Signature),
}

fn believed(name: &str) -> Result<(), Refused> {
    let keys = fixture("keys");
    let key = PublicKey::from_spki_pem(text(&keys, "/wechatpay/public_key_pem")).unwrap();
    let id = text(&keys, "/wechatpay/public_key_id");
    let ring = TrustedKeys::default().with_public_key(id, key);
    let file = fixture("response_verification");
    let case = case_of(&file, name);
    let body = text(case, "/body").as_bytes();
    let raw = RawNotification { headers: &CaseHeaders::of(case), body };
    received::check(&raw, &ring, NOW).map(drop)
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

/// Which keys of WeChat's are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The public key, named by its id.
    PublicKey,
    /// The platform certificate, named by its serial.
    Certificate,
    /// Both, while a merchant moves from one to the other.
    Both,
}

fn gateway(mode: Mode) -> WechatPay {
    let keys = fixture("keys");
    let mut ring = TrustedKeys::default();
    let public_key_id = (mode != Mode::Certificate).then_some("/wechatpay/public_key_id");
    let public_key_id = public_key_id.map(|pointer| text(&keys, pointer).to_owned());
    if let Some(id) = &public_key_id {
        let pem = text(&keys, "/wechatpay/public_key_pem");
        ring = ring.with_public_key(id, PublicKey::from_spki_pem(pem).unwrap());
    }
    if mode != Mode::PublicKey {
        let pem = text(&keys, "/platform_certificate/certificate_pem");
        ring = ring.with_certificates([PlatformCertificate::from_pem(pem.as_bytes()).unwrap()]);
    }
    let merchant_key = private_pem(&keys, "/merchant/private_key_pem").into();
    let settings = WechatPaySettings {
        base_url: "http://127.0.0.1:1".parse().unwrap(),
        mch_id: text(&keys, "/merchant/mchid").to_owned(),
        merchant_serial_no: text(&keys, "/merchant/serial_no").to_owned(),
        merchant_key: PrivateKey::from_pkcs8_pem(&merchant_key).unwrap(),
        api_v3_key: ApiV3Key::new(text(&keys, "/api_v3_key").as_bytes()).unwrap(),
        keys: ring,
        public_key_id,
        fetch_certificates: false,
        bill_hosts: Vec::new(),
    };
    let http = http_client::build(Timeouts::default()).unwrap();
    WechatPay::new(settings, text(&keys, "/app_id"), http)
}

use NotificationRefused as Refused;

/// By public key alone, by certificate alone, by both.
type InEachMode = [Result<(), Refused>; 3];

/// Signed under the public key's id: nothing that certificates can tell.
const fn by_public_key(so: Result<(), Refused>) -> InEachMode {
    [so, Err(Refused::UnknownSerial), so]
}

/// Signed under the certificate's serial.
const fn by_certificate(so: Result<(), Refused>) -> InEachMode {
    [Err(Refused::UnknownSerial), so, so]
}

/// Refused before anybody asks for a key.
const fn always(why: Refused) -> InEachMode {
    [Err(why); 3]
}

// What the gateway says of each. Accepted is what needs no knowledge of orders to believe; whether it
// settles an order is decided with the order.
cases! { NOTIFICATIONS, notified,
    good_pubkey_mode => by_public_key(Ok(())),
    good_platform_cert_mode => by_certificate(Ok(())),
    good_lowercase_header_names => by_public_key(Ok(())),
    good_empty_associated_data => by_public_key(Ok(())),
    good_no_signature_type_header => by_public_key(Ok(())),
    good_unknown_extra_fields => by_public_key(Ok(())),
    // Accepted: the order is found settled by the same transaction, and nothing moves.
    duplicate_different_notification_id_same_transaction => by_public_key(Ok(())),
    signature_probe_SIGNTEST => by_public_key(Err(Refused::Signature)),
    wrong_serial_unknown_pub_key_id => always(Refused::UnknownSerial),
    serial_key_mismatch_signed_by_platform_cert_key_claims_pub_key_id =>
        by_public_key(Err(Refused::Signature)),
    signed_by_rogue_key => by_public_key(Err(Refused::Signature)),
    old_timestamp_minus_301s => by_public_key(Err(Refused::Stale)),
    timestamp_minus_299s_accepted => by_public_key(Ok(())),
    missing_header_wechatpay_signature => always(Refused::Headers),
    missing_header_wechatpay_timestamp => always(Refused::Headers),
    unsupported_signature_type => always(Refused::SignatureType),
    altered_ciphertext_re_signed => by_public_key(Err(Refused::Ciphertext)),
    altered_gcm_nonce_re_signed => by_public_key(Err(Refused::Ciphertext)),
    encrypted_under_other_apiv3_key_re_signed => by_public_key(Err(Refused::Ciphertext)),
    body_reserialised_with_spaces => by_public_key(Err(Refused::Signature)),
    // Accepted: signed truly. That they do not fit their order is found with the order.
    business_wrong_appid => by_public_key(Ok(())),
    business_amount_lower => by_public_key(Ok(())),
    // Accepted, and pays nothing: it is no paid fact.
    business_trade_state_not_success => by_public_key(Ok(())),
    // Accepted, as the one before: the order knows another payer.
    business_other_payer_openid => by_public_key(Ok(())),
}
fn paid_claim(decrypted: &Value) -> PaidClaim {
    let text = |pointer| text(decrypted, pointer).to_owned();
    PaidClaim {
        provider: Provider::WechatPay,
        merchant: text("/mchid"),
        app_id: text("/appid"),
        out_trade_no: text("/out_trade_no"),
        transaction_id: text("/transaction_id"),
        amount: Fen::new(decrypted["amount"]["total"].as_i64().unwrap()).unwrap(),
        payer: vec![text("/payer/openid")],
        paid_at: Timestamp::parse_rfc3339(&text("/success_time")).unwrap(),
    }
}

/// What each mode says of a message; what is accepted says what the vector says.
fn verified(file: &str, name: &str) -> InEachMode {
    let file = fixture(file);
    let case = case_of(&file, name);
    let body = text(case, "/raw_body").as_bytes();
    let headers = CaseHeaders::of(case);
    let clock = case["expect"]["clock"].as_i64();
    let now = clock.map_or(NOW, Timestamp::from_seconds);
    [Mode::PublicKey, Mode::Certificate, Mode::Both].map(|mode| {
        let (id, notified) =
            gateway(mode).verify(&RawNotification { headers: &headers, body }, now)?.into_parts();
        let envelope: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(id, envelope["id"], "{mode:?}");
        let decrypted = &case["expect"]["decrypted"];
        match notified {
            Notified::Paid(fact) => assert_eq!(*fact, paid_claim(decrypted), "{mode:?}"),
            Notified::Refund(refund) => {
                for (told, field) in [
                    (&refund.merchant, "mchid"),
                    (&refund.out_trade_no, "out_trade_no"),
                    (&refund.transaction_id, "transaction_id"),
                    (&refund.out_refund_no, "out_refund_no"),
                    (&refund.refund_id, "refund_id"),
                ] {
                    assert_eq!(*told, decrypted[field], "{mode:?} {field}");
                }
                assert_eq!(refund.amount.get(), decrypted["amount"]["refund"], "{mode:?}");
                let outcome = match decrypted["refund_status"].as_str().unwrap() {
                    "SUCCESS" => {
                        let at = Timestamp::parse_rfc3339(text(decrypted, "/success_time"));
                        RefundOutcome::Done { at: at.unwrap() }
                    }
                    "CLOSED" => RefundOutcome::Closed,
                    other => panic!("{other}"),
                };
                assert_eq!(refund.outcome, outcome, "{mode:?}");
            }
            Notified::Nothing => assert_ne!(decrypted["trade_state"], "SUCCESS", "{mode:?}"),
            Notified::Refunded(about) | Notified::Closed(about) => panic!("{about:?}"),
        }
        Ok(())
    })
}

fn case_of<'a>(file: &'a Value, name: &str) -> &'a Value {
    file["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()
}

cases! { REFUNDS, refund_told,
    refund_success => by_public_key(Ok(())),
    refund_closed => by_public_key(Ok(())),
    // Its signature and content are good; the address refuses it: `wechat_pay_traps/addresses.rs`.
    transaction_notification_posted_to_refund_endpoint => by_public_key(Ok(())),
}

fn notified(name: &str) -> InEachMode {
    verified("pay_notifications", name)
}

fn refund_told(name: &str) -> InEachMode {
    verified("refund_notifications", name)
}

#[test]
fn our_numbers_are_numbers_to_wechat() {
    let file = fixture("out_trade_no");
    let cases = |name: &str| file[name].as_array().unwrap().clone();
    let fits = |number: &str| {
        (6..=32).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-|*".contains(&b))
    };
    assert!(cases("valid").iter().all(|number| fits(number.as_str().unwrap())));
    assert!(!cases("invalid").iter().any(|number| fits(number.as_str().unwrap())));
    let ours = PaymentId::new(NOW).out_trade_no();
    assert!(fits(&ours), "{ours}");
}

#[test]
fn no_vector_is_left_out() {
    for (file, rows) in [
        ("request_signing", REQUESTS),
        ("response_verification", ANSWERS),
        ("pay_notifications", NOTIFICATIONS),
        ("refund_notifications", REFUNDS),
    ] {
        let file = fixture(file);
        let cases = file["cases"].as_array().unwrap();
        let names: BTreeSet<&str> = cases.iter().map(|case| text(case, "/name")).collect();
        assert_eq!(names, rows.iter().copied().collect());
    }
}
