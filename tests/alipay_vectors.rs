//! Test vectors that other implementations agree on. The keys are throwaway.
//!
//! The vector `openapi_v3/trade_query` has no test: it is of Alipay's newer protocol, which signs requests
//! in an `authorization` header, and this program speaks the gateway's protocol alone.

use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::{
    base::{
        clock::Timestamp,
        crypto::rsa::{PrivateKey, PublicKey},
        http_client::{self, Timeouts},
    },
    payments::gateway::{
        NotificationRefused, Notified, PaidClaim, PaymentGateway, Provider, RawNotification,
    },
    providers::alipay::{
        Alipay, AlipaySettings,
        answer::{self, Said},
        certificate::{self, NumberedKey},
        content_key::ContentKey,
        phone::{self, PhoneAnswer},
        signing::Parameters,
        trust::{AlipayTrust, CertificateNumbers},
    },
    providers::templates::Templates,
};
use serde_json::Value;
use std::collections::BTreeSet;

use NotificationRefused as Refused;

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/alipay/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

fn case_of<'a>(file: &'a Value, name: &str) -> &'a Value {
    file["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()
}

fn app_key() -> PrivateKey {
    let der = text(&fixture("keys"), "/app/private_pkcs8_pem/der_base64").to_owned();
    PrivateKey::from_any_form(&der.into()).unwrap()
}

fn content_key() -> ContentKey {
    ContentKey::from_base64(text(&fixture("keys"), "/aes_key_b64")).unwrap()
}

/// Public key mode.
fn trust() -> AlipayTrust {
    let key = PublicKey::from_any_form(text(&fixture("keys"), "/alipay/public_spki_b64")).unwrap();
    AlipayTrust { key, numbers: None }
}

/// Certificate mode.
fn certificates() -> AlipayTrust {
    let file = fixture("cert_sn");
    let alipay = text(case_of(&file, "alipay_public_cert"), "/pem");
    let app = text(case_of(&file, "app_cert"), "/pem");
    let NumberedKey { sn, key } = NumberedKey::from_pem(alipay).unwrap();
    let root = certificate::root_sn(text(&fixture("root_certificates"), "/pem")).unwrap();
    let app = NumberedKey::from_pem(app).unwrap().sn;
    AlipayTrust { key, numbers: Some(CertificateNumbers { app, root, alipay: sn }) }
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

mod requests {
    use super::*;

    cases! { ALL, signs,
        trade_create_ascii_json => (),
        trade_create_utf8_json => (),
        oauth_token_no_biz_content => (),
        trade_pay_bar_code => (),
        empty_value_dropped => (),
    }

    /// The text that is signed, and the signature over it.
    fn signs(name: &str) {
        let file = fixture("requests");
        let case = case_of(&file, name);
        let given = case.get("params").or(case.get("input_params")).unwrap();
        let mut parameters = Parameters::default();
        for (name, value) in given.as_object().unwrap() {
            if name != "sign" {
                parameters.set(name, value.as_str().unwrap());
            }
        }
        assert_eq!(parameters.string_to_sign(), text(case, "/string_to_sign"));
        parameters.sign(&app_key()).unwrap();
        let mut expected = parameters.clone();
        expected.set("sign", text(case, "/sign"));
        assert_eq!(parameters, expected);
        // The signature is no part of what is signed.
        assert_eq!(parameters.string_to_sign(), text(case, "/string_to_sign"));
    }

    /// What every request has in common, on a server whose clock is in UTC.
    #[test]
    fn common_parameters_are_those_of_the_vectors() {
        let file = fixture("requests");
        let case = case_of(&file, "empty_value_dropped");
        let at = Timestamp::parse_rfc3339("2026-01-05T01:30:00Z").unwrap();
        let app_id = text(&fixture("keys"), "/app_id").to_owned();
        let mut parameters = Parameters::common(&app_id, "alipay.trade.query", at);
        parameters.set("biz_content", "{\"out_trade_no\":\"A1\"}");
        assert_eq!(parameters.string_to_sign(), text(case, "/string_to_sign"));
    }

    #[test]
    fn no_vector_is_left_out() {
        assert_complete("requests", ALL);
    }
}

mod sync_responses {
    use super::*;

    /// What is made of an answer, in public key mode and in certificate mode.
    type InEachMode = [Result<&'static str, Refused>; 2];

    /// Without the number of a certificate: fails closed in certificate mode.
    const fn by_key(so: Result<&'static str, Refused>) -> InEachMode {
        [so, Err(Refused::UnknownSerial)]
    }

    const DONE: Result<&str, Refused> = Ok("done");

    cases! { ALL, read,
        query_success => by_key(DONE),
        escaped_slash_signed_as_is => by_key(DONE),
        escaped_slash_signed_unescaped => by_key(DONE),
        utf8_business_error => by_key(Ok("signed failure")),
        braces_and_quotes_in_string => by_key(DONE),
        cert_mode_alipay_cert_sn => [DONE; 2],
        error_response_unsigned => [Ok("unsigned failure"); 2],
        oauth_token_success_without_code => by_key(DONE),
        wrong_key => by_key(Err(Refused::Signature)),
        success_without_sign => [Err(Refused::Signature); 2],
        encrypted_response => by_key(DONE),
    }

    fn read(name: &str) -> InEachMode {
        let file = fixture("sync_responses");
        let case = case_of(&file, name);
        let body = BASE64_STANDARD.decode(text(case, "/body_b64")).unwrap();
        [trust(), certificates()].map(|trust| {
            let said = answer::read(&body, text(case, "/method"), &trust, Some(&content_key()))?;
            Ok(match said {
                Said::Done(checked) => {
                    let signed = case.get("plaintext").unwrap_or(&case["signed_string"]);
                    let signed = signed.as_str().unwrap();
                    // Where the signature covers other bytes, those that came mean the same.
                    let [got, signed]: [Value; 2] =
                        [checked.text(), signed].map(|text| serde_json::from_str(text).unwrap());
                    assert_eq!(got, signed);
                    "done"
                }
                Said::Failed(failure) => {
                    let body: Value = serde_json::from_slice(&body).unwrap();
                    let node = text(case, "/response_node");
                    let node = body.get(node).unwrap_or(&body["error_response"]);
                    assert_eq!(failure.code, node["code"]);
                    assert_eq!(failure.sub_code, node["sub_code"]);
                    if failure.signed { "signed failure" } else { "unsigned failure" }
                }
            })
        })
    }

    #[test]
    fn without_the_key_an_encrypted_answer_stays_closed() {
        let file = fixture("sync_responses");
        let case = case_of(&file, "encrypted_response");
        let read =
            |body: &str| answer::read(body.as_bytes(), text(case, "/method"), &trust(), None);
        let body = text(case, "/body");
        assert_eq!(read(body).unwrap_err(), Refused::Ciphertext);
        // Verified first: altered ciphertext is never decrypted.
        assert_eq!(read(&body.replacen("igAT", "igAU", 1)).unwrap_err(), Refused::Signature);
    }

    #[test]
    fn no_vector_is_left_out() {
        assert_complete("sync_responses", ALL);
    }
}

mod notifications {
    use super::*;

    const PAID: Result<&str, Refused> = Ok("paid");

    cases! { ALL, verified,
        good => PAID,
        tampered_amount => Err(Refused::Signature),
        sign_not_base64 => Err(Refused::Signature),
        empty_sign => Err(Refused::Signature),
        sign_type_downgrade => Err(Refused::SignatureType),
        extra_unsigned_param => Err(Refused::Signature),
        wrong_key => Err(Refused::Signature),
        valid_sign_other_seller => Err(Refused::NotOurs),
        // Signed truly. That the order is unknown is found with the order.
        valid_sign_unknown_order => PAID,
        gbk_good => PAID,
        gbk_read_as_utf8 => PAID,
        empty_value_included => PAID,
        partial_refund => Ok("refunded"),
        closed_unpaid => Ok("closed"),
        // The order is found settled by the same trade, and nothing moves.
        duplicate_delivery => PAID,
        fund_bill_list_html_escaped => Err(Refused::Signature),
    }

    fn gateway() -> Alipay {
        let keys = fixture("keys");
        let settings = AlipaySettings {
            gateway_url: "http://127.0.0.1:1/gateway.do".parse().unwrap(),
            app_id: text(&keys, "/app_id").to_owned(),
            seller_id: text(&keys, "/seller_id").to_owned(),
            app_key: app_key(),
            trust: trust(),
            content_key: None,
            app_auth_token: None,
            templates: Templates::default(),
            bill_hosts: Vec::new(),
        };
        Alipay::new(settings, http_client::build(Timeouts::default()).unwrap())
    }

    fn verified(name: &str) -> Result<&'static str, Refused> {
        let file = fixture("notifications");
        let body = text(case_of(&file, name), "/body");
        let fields = reqwest::Url::parse(&format!("http://a/?{body}")).unwrap();
        let field = |wanted: &str| {
            let found = fields.query_pairs().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let headers = onecard::payments::gateway::KeptHeaders::default();
        let raw = RawNotification { headers: &headers, body: body.as_bytes() };
        let at = Timestamp::from_seconds(1_767_576_600);
        let (id, notified) = gateway().verify(&raw, at)?.into_parts();
        assert_eq!(id, field("notify_id"));
        let about = match &notified {
            Notified::Paid(fact) => {
                assert_eq!(**fact, paid_claim(field("out_trade_no")));
                return Ok("paid");
            }
            Notified::Refunded(about) | Notified::Closed(about) => about,
            Notified::Nothing => return Ok("nothing"),
            Notified::Refund(_) => return Ok("a refund by itself"),
        };
        assert_eq!(about.out_trade_no, field("out_trade_no"));
        assert_eq!(about.transaction_id, field("trade_no"));
        Ok(if matches!(notified, Notified::Closed(_)) { "closed" } else { "refunded" })
    }

    fn paid_claim(out_trade_no: String) -> PaidClaim {
        PaidClaim {
            provider: Provider::Alipay,
            merchant: "2088000000000011".to_owned(),
            app_id: "2021000000000001".to_owned(),
            out_trade_no,
            transaction_id: "2026010522001400000000000001".to_owned(),
            amount: onecard::base::money::Fen::new(2000).unwrap(),
            payer: vec!["0741xTESTOPENIDtest0001".to_owned()],
            paid_at: Timestamp::parse_rfc3339("2026-01-05T09:31:07+08:00").unwrap(),
        }
    }

    #[test]
    fn no_vector_is_left_out() {
        assert_complete("notifications", ALL);
    }
}

mod cert_sn {
    use super::*;

    cases! { ALL, sn,
        app_cert => (),
        alipay_public_cert => (),
        issuer_der_order_reversed => (),
    }

    fn sn(name: &str) {
        let file = fixture("cert_sn");
        let case = case_of(&file, name);
        let certificate = NumberedKey::from_pem(text(case, "/pem")).unwrap();
        assert_eq!(certificate.sn, text(case, "/expected_sn"));
    }

    /// The four roots of Alipay's public file: SM2, RSA, ECDSA and RSA with SHA-1.
    #[test]
    fn cert_sn_official_root() {
        let file = fixture("root_certificates");
        assert_eq!(certificate::root_sn(text(&file, "/pem")).unwrap(), text(&file, "/expected"));
    }

    #[test]
    fn names_are_escaped() {
        let file = fixture("root_certificates");
        let case = &file["escaped"];
        let pem = text(case, "/pem");
        assert_eq!(NumberedKey::from_pem(pem).unwrap().sn, text(case, "/expected_sn"));
        assert_eq!(certificate::root_sn(pem).unwrap(), text(case, "/expected_sn"));
    }

    /// The file of Alipay's certificate goes on with the one that issued it.
    #[test]
    fn the_first_certificate_counts() {
        let file = fixture("cert_sn");
        let [first, second] = ["alipay_public_cert", "app_cert"].map(|name| case_of(&file, name));
        let pem = format!("{}{}", text(first, "/pem"), text(second, "/pem"));
        assert_eq!(NumberedKey::from_pem(&pem).unwrap().sn, text(first, "/expected_sn"));
    }

    #[test]
    fn no_vector_is_left_out() {
        assert_complete("cert_sn", ALL);
    }
}

mod aes {
    use super::*;

    cases! { ALL, both_ways,
        phone_number => (),
        exact_two_blocks => (),
    }

    fn both_ways(name: &str) {
        let file = fixture("aes");
        let case = case_of(&file, name);
        let key = ContentKey::from_base64(text(case, "/key_b64")).unwrap();
        let (plaintext, ciphertext) = (text(case, "/plaintext"), text(case, "/ciphertext_b64"));
        assert_eq!(key.encrypt(plaintext).unwrap(), ciphertext);
        assert_eq!(key.decrypt(ciphertext).unwrap(), plaintext.as_bytes());
    }

    #[test]
    fn no_vector_is_left_out() {
        assert_complete("aes", ALL);
    }
}

mod phone_number {
    use super::*;

    cases! { ALL, opened,
        get_phone_number_good => Ok(PhoneAnswer::Number("13800138000".to_owned())),
        ciphertext_swapped => Err(Refused::Signature),
        plain_error =>
            Ok(PhoneAnswer::Refused { code: "isv.invalid-auth-relations".to_owned() }),
    }

    fn opened(name: &str) -> Result<PhoneAnswer, Refused> {
        let file = fixture("phone_number");
        let payload = text(case_of(&file, name), "/client_payload");
        phone::read(payload, &trust(), Some(&content_key()))
    }

    #[test]
    fn what_is_unsigned_or_cannot_be_opened_is_refused() {
        let file = fixture("phone_number");
        let good = text(case_of(&file, "get_phone_number_good"), "/client_payload");
        let read = |payload: &str, key: Option<&ContentKey>| phone::read(payload, &trust(), key);
        assert_eq!(read(good, None), Err(Refused::Ciphertext));
        let key = content_key();
        let unsigned = good.replace("\"sign\":", "\"signed\":");
        assert_eq!(read(&unsigned, Some(&key)), Err(Refused::Signature));
        let algorithm = good.replace("RSA2", "RSA").replace("\"AES\"", "\"none\"");
        assert!(matches!(read(&algorithm, Some(&key)), Ok(PhoneAnswer::Number(_))));
        for bad in ["", "{}", "[]", &" ".repeat(8 * 1024 + 1)] {
            assert_eq!(read(bad, Some(&key)), Err(Refused::Envelope), "{bad:.40}");
        }
        assert!(!format!("{:?}", read(good, Some(&key))).contains("138"));
    }

    #[test]
    fn no_vector_is_left_out() {
        assert_complete("phone_number", ALL);
    }
}

fn assert_complete(file: &str, rows: &[&str]) {
    let file = fixture(file);
    let cases = file["cases"].as_array().unwrap();
    let names: BTreeSet<&str> = cases.iter().map(|case| text(case, "/name")).collect();
    assert_eq!(names, rows.iter().copied().collect());
}
