//! Arbitrary bytes and altered messages: no panic, and nothing altered is accepted.

use super::{
    super::{
        WechatPay,
        certificate::PlatformCertificate,
        testing::{NOW, Platform, TestHeaders, envelope, gateway, sign, transaction},
    },
    paid_claim,
};
use crate::payments::gateway::{
    NotificationRefused, Notified, PaidClaim, PaymentGateway, RawNotification,
};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{Index, select},
};
use std::sync::OnceLock;

const NAMES: [&str; 5] = [
    "wechatpay-timestamp",
    "wechatpay-nonce",
    "wechatpay-serial",
    "wechatpay-signature",
    "wechatpay-signature-type",
];

fn shared() -> &'static WechatPay {
    static GATEWAY: OnceLock<WechatPay> = OnceLock::new();
    GATEWAY.get_or_init(|| gateway("http://127.0.0.1:1"))
}

/// The claim of an accepted message; `None` for one that pays nothing.
fn verify(headers: &TestHeaders, body: &[u8]) -> Result<Option<PaidClaim>, NotificationRefused> {
    let verified = shared().verify(&RawNotification { headers, body }, NOW);
    verified.map(|verified| match verified.into_parts().1 {
        Notified::Paid(fact) => Some(PaidClaim::clone(&fact)),
        Notified::Refund(_) | Notified::Refunded(_) | Notified::Closed(_) | Notified::Nothing => {
            None
        }
    })
}

fn good() -> (TestHeaders, Vec<u8>) {
    static GOOD: OnceLock<(TestHeaders, Vec<u8>)> = OnceLock::new();
    let make = || {
        let body = envelope(&transaction().to_string(), "transaction").to_string().into_bytes();
        (sign(&body, NOW), body)
    };
    GOOD.get_or_init(make).clone()
}

/// One alteration of some bytes.
#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Remove(Index),
    Insert(Index, u8),
    Cut(Index),
    Repeat(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), 1_u8..).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        any::<Index>().prop_map(Edit::Remove),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        any::<Index>().prop_map(Edit::Cut),
        any::<Index>().prop_map(Edit::Repeat),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match edit {
            Edit::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Edit::Remove(at) => drop(bytes.remove(at.index(length))),
            Edit::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Edit::Cut(at) => bytes.truncate(at.index(length)),
            Edit::Repeat(at) => bytes.extend_from_within(at.index(length)..),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn any_message_whatever_is_refused(
        headers in btree_map(select(NAMES.to_vec()), "\\PC{0,80}", 0..6),
        body in vec(any::<u8>(), 0..2000),
    ) {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        prop_assert!(verify(&TestHeaders(headers), &body).is_err());
    }

    #[test]
    fn an_altered_body_is_refused(edits in vec(edit(), 1..4)) {
        let (headers, body) = good();
        let altered = edited(body.clone(), &edits);
        prop_assume!(altered != body);
        prop_assert_eq!(verify(&headers, &altered), Err(NotificationRefused::Signature));
    }

    #[test]
    fn an_altered_header_is_refused(name in select(NAMES.to_vec()), edits in vec(edit(), 1..3)) {
        let (mut headers, body) = good();
        let value = headers.0[name].clone();
        let altered = String::from_utf8_lossy(&edited(value.clone().into(), &edits)).into_owned();
        // Serials are case-insensitive.
        prop_assume!(!altered.eq_ignore_ascii_case(&value));
        headers.0.insert(name.to_owned(), altered);
        prop_assert!(verify(&headers, &body).is_err());
    }

    /// Signed with WeChat's key, so that the bytes reach the parsers behind the signature check.
    #[test]
    fn any_body_that_is_signed_is_parsed_without_harm(body in vec(any::<u8>(), 0..500)) {
        prop_assert!(verify(&sign(&body, NOW), &body).is_err());
    }

    /// With an altered envelope the result is the original payment, nothing that pays, or an error.
    #[test]
    fn an_altered_envelope_that_is_signed_tells_the_truth_or_nothing(edits in vec(edit(), 1..4)) {
        let altered = edited(good().1, &edits);
        if let Ok(Some(claim)) = verify(&sign(&altered, NOW), &altered) {
            prop_assert_eq!(claim, paid_claim());
        }
    }

    /// Encrypted and signed with WeChat's keys: the result is what was written, or an error.
    #[test]
    fn any_content_that_is_sealed_is_parsed_without_harm(edits in vec(edit(), 1..4)) {
        let text = transaction().to_string();
        let altered = edited(text.into_bytes(), &edits);
        let content = String::from_utf8_lossy(&altered);
        let body = envelope(&content, "transaction").to_string();
        if let Ok(Some(claim)) = verify(&sign(body.as_bytes(), NOW), body.as_bytes()) {
            prop_assert!(content.contains(&claim.transaction_id));
            prop_assert!(content.contains(&claim.amount.get().to_string()));
        }
    }

    #[test]
    fn any_certificate_is_parsed_without_harm(edits in vec(edit(), 0..6), tail in vec(any::<u8>(), 0..99)) {
        let mut pem = edited(Platform::first().pem.into_bytes(), &edits);
        pem.extend(tail);
        let _ = PlatformCertificate::from_pem(&pem);
    }
}
