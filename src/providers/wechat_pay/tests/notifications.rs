//! Notifications beyond the test vectors: each has a valid signature unless stated otherwise.

use super::{
    super::{
        WechatPay, notification,
        testing::{NOW, envelope, gateway, sign, transaction},
    },
    paid_claim, with, without,
};
use crate::{
    base::{clock::Timestamp, money::Fen},
    payments::gateway::{
        NamedPayment, NotificationRefused, Notified, PaidClaim, PaymentGateway, Provider,
        RawNotification, RefundClaim, RefundOutcome,
    },
};
use serde_json::{Value, json};
use std::time::Duration;

/// The claim in `body`, a notification of a payment that WeChat signed at `at`.
fn notify(
    gateway: &WechatPay,
    body: &str,
    at: Timestamp,
) -> Result<PaidClaim, NotificationRefused> {
    match notified(gateway, body, at)? {
        Notified::Paid(fact) => Ok(PaidClaim::clone(&fact)),
        other @ (Notified::Refund(_)
        | Notified::Refunded(_)
        | Notified::Closed(_)
        | Notified::Nothing) => {
            panic!("no payment: {other:?}")
        }
    }
}

/// The verified content of `body`, a notification that WeChat signed at `at`.
fn notified(
    gateway: &WechatPay,
    body: &str,
    at: Timestamp,
) -> Result<Notified, NotificationRefused> {
    let raw = RawNotification { headers: &sign(body.as_bytes(), at), body: body.as_bytes() };
    gateway.verify(&raw, NOW).map(|verified| verified.into_parts().1)
}

#[test]
fn notifications_are_fresh_within_five_minutes_either_way() {
    let gateway = gateway("http://127.0.0.1:1");
    let body = envelope(&transaction().to_string(), "transaction").to_string();
    let seconds = Duration::from_secs;
    let cases = [
        (NOW, Ok(paid_claim())),
        (NOW.plus(seconds(300)), Ok(paid_claim())),
        (NOW.minus(seconds(300)), Ok(paid_claim())),
        (NOW.plus(seconds(301)), Err(NotificationRefused::Stale)),
        (NOW.minus(seconds(301)), Err(NotificationRefused::Stale)),
    ];
    for (at, expected) in cases {
        assert_eq!(notify(&gateway, &body, at), expected);
    }
}

#[test]
fn a_timestamp_that_is_no_number_is_an_unreadable_header() {
    let body = envelope(&transaction().to_string(), "").to_string();
    for timestamp in ["", "1767232800.0", "now", "99999999999999999999"] {
        let mut headers = sign(body.as_bytes(), NOW);
        headers.0.insert("wechatpay-timestamp".to_owned(), timestamp.to_owned());
        let raw = RawNotification { headers: &headers, body: body.as_bytes() };
        let result = gateway("http://127.0.0.1:1").verify(&raw, NOW);
        assert_eq!(result, Err(NotificationRefused::Headers), "{timestamp}");
    }
}

#[test]
fn envelopes_of_another_kind_are_refused() {
    let gateway = gateway("http://127.0.0.1:1");
    let good = || envelope(&transaction().to_string(), "transaction");
    let kind = NotificationRefused::Envelope;
    let closed = NotificationRefused::Ciphertext;
    let cases = [
        (with(good(), "/event_type", "REFUND.SUCCESS".into()), kind),
        (with(good(), "/resource_type", "plain".into()), kind),
        (with(good(), "/resource/algorithm", "AEAD_SM4_GCM".into()), kind),
        (with(good(), "/resource/original_type", "refund".into()), kind),
        (with(good(), "/resource/nonce", "short".into()), kind),
        (with(good(), "/resource/ciphertext", "not base64!".into()), kind),
        (with(good(), "/id", "".into()), kind),
        (with(good(), "/id", "x".repeat(65).into()), kind),
        (without(good(), "id"), kind),
        (without(good(), "resource"), kind),
        (json!("text"), kind),
        (with(good(), "/padding", "x".repeat(notification::MAX_BYTES).into()), kind),
        (with(good(), "/resource/ciphertext", "".into()), closed),
        (with(good(), "/resource/associated_data", "other".into()), closed),
        (with(good(), "/resource/associated_data", Value::Null), closed),
    ];
    for (envelope, expected) in cases {
        let body = envelope.to_string();
        assert_eq!(notify(&gateway, &body, NOW), Err(expected), "{body:.200}");
    }
    let twice = good().to_string().replacen('{', r#"{"id":"EV-0","#, 1);
    assert_eq!(notify(&gateway, &twice, NOW), Err(kind));
    assert_eq!(notify(&gateway, "", NOW), Err(kind));
}

#[test]
fn texts_may_be_written_with_escapes() {
    let gateway = gateway("http://127.0.0.1:1");
    let content = transaction().to_string().replace("SUCCESS", "SUCCES\\u0053");
    let body = envelope(&content, "transaction").to_string();
    assert!(body.contains('/') && body.contains("encrypt-resource"), "{body}");
    let body = body.replace('/', "\\/").replace("encrypt-", "\\u0065ncrypt-");
    assert_eq!(notify(&gateway, &body, NOW), Ok(paid_claim()));
}

#[test]
fn absent_null_and_empty_associated_data_are_the_same() {
    let gateway = gateway("http://127.0.0.1:1");
    let good = envelope(&transaction().to_string(), "");
    let null = with(good.clone(), "/resource/associated_data", Value::Null);
    let mut absent = good.clone();
    absent["resource"].as_object_mut().unwrap().remove("associated_data");
    for envelope in [good, null, absent] {
        assert_eq!(notify(&gateway, &envelope.to_string(), NOW), Ok(paid_claim()));
    }
}

#[test]
fn a_payer_that_is_not_told_is_no_obstacle() {
    let gateway = gateway("http://127.0.0.1:1");
    let body = envelope(&without(transaction(), "payer").to_string(), "transaction").to_string();
    let fact = notify(&gateway, &body, NOW).unwrap();
    assert_eq!(fact, PaidClaim { payer: Vec::new(), ..paid_claim() });
}

/// The app may have been changed since the payment was made.
#[test]
fn another_app_is_told_as_it_is() {
    let gateway = gateway("http://127.0.0.1:1");
    let body = envelope(&with(transaction(), "/appid", "wx2".into()).to_string(), "transaction");
    let fact = notify(&gateway, &body.to_string(), NOW).unwrap();
    assert_eq!(fact, PaidClaim { app_id: "wx2".into(), ..paid_claim() });
}

/// Refused because of the value of a field.
#[test]
fn contents_that_a_credit_could_not_rest_on_are_refused() {
    let gateway = gateway("http://127.0.0.1:1");
    let content = NotificationRefused::Content;
    let cases = [
        ("/mchid", json!("1000000002"), NotificationRefused::NotOurs),
        ("/amount/currency", json!("USD"), NotificationRefused::Currency),
        ("/amount/currency", Value::Null, NotificationRefused::Currency),
        ("/amount/total", json!(0), content),
        ("/amount/total", json!(-1), content),
        ("/amount/total", json!(50.0), content),
        ("/amount/total", json!("5000"), content),
        ("/amount/total", Value::Null, content),
        ("/success_time", json!("2026-01-01 10:00:00"), content),
        ("/transaction_id", json!(""), content),
        ("/transaction_id", json!("1".repeat(33)), content),
        ("/out_trade_no", json!("a b"), content),
    ];
    for (pointer, value, expected) in cases {
        let plaintext = with(transaction(), pointer, value).to_string();
        let body = envelope(&plaintext, "transaction").to_string();
        assert_eq!(notify(&gateway, &body, NOW), Err(expected), "{plaintext}");
    }
}

#[test]
fn contents_that_lack_or_repeat_a_field_are_refused() {
    let gateway = gateway("http://127.0.0.1:1");
    let twice = transaction().to_string().replacen('{', r#"{"mchid":"1000000002","#, 1);
    let mut cases = vec![twice, "[]".to_owned(), String::new()];
    let needed = [
        "mchid",
        "appid",
        "out_trade_no",
        "transaction_id",
        "trade_state",
        "success_time",
        "amount",
    ];
    cases.extend(needed.map(|name| without(transaction(), name).to_string()));
    for plaintext in cases {
        let body = envelope(&plaintext, "transaction").to_string();
        let result = notify(&gateway, &body, NOW);
        assert_eq!(result, Err(NotificationRefused::Content), "{plaintext}");
    }
}

/// Messages without a payment are accepted, each with its kind.
#[test]
fn other_messages_say_what_they_are_about() {
    let gateway = gateway("http://127.0.0.1:1");
    let named = || NamedPayment {
        out_trade_no: paid_claim().out_trade_no,
        transaction_id: paid_claim().transaction_id,
        ..NamedPayment::default()
    };
    let state = |state: &str| with(transaction(), "/trade_state", state.into());
    let payment = |content: Value| envelope(&content.to_string(), "transaction");
    let refund = |event: &str, content: Value| {
        let sealed = with(payment(content), "/resource/original_type", "refund".into());
        with(sealed, "/event_type", event.into())
    };
    let refunded = || {
        json!({
            "mchid": paid_claim().merchant, "out_trade_no": paid_claim().out_trade_no,
            "transaction_id": paid_claim().transaction_id, "refund_status": "SUCCESS",
            "out_refund_no": "R-1", "refund_id": "5030", "success_time": "2026-01-01T10:00:00+08:00",
            "amount": { "total": 5000, "refund": 1200, "payer_total": 4000, "payer_refund": 1000 },
        })
    };
    let content = NotificationRefused::Content;
    let cases = [
        (payment(state("REFUND")), Ok(Notified::Refunded(named()))),
        (payment(state("CLOSED")), Ok(Notified::Closed(named()))),
        (payment(state("REVOKED")), Ok(Notified::Closed(named()))),
        (payment(state("NOTPAY")), Ok(Notified::Nothing)),
        (payment(state("USERPAYING")), Ok(Notified::Nothing)),
        (
            with(payment(transaction()), "/event_type", "PAYSCORE.USER_PAID".into()),
            Ok(Notified::Nothing),
        ),
        (refund("REFUND.SUCCESS", without(refunded(), "out_trade_no")), Err(content)),
        (refund("REFUND.SUCCESS", with(refunded(), "/out_trade_no", "a b".into())), Err(content)),
        (
            refund("REFUND.SUCCESS", with(refunded(), "/mchid", "1000000002".into())),
            Err(NotificationRefused::NotOurs),
        ),
        (refund("REFUND.SUCCESS", without(refunded(), "success_time")), Err(content)),
        (refund("REFUND.SUCCESS", without(refunded(), "amount")), Err(content)),
        (refund("REFUND.SUCCESS", with(refunded(), "/amount/refund", 0.into())), Err(content)),
        (
            refund("REFUND.SUCCESS", with(refunded(), "/refund_status", "MAYBE".into())),
            Err(content),
        ),
        (payment(with(state("CLOSED"), "/mchid", "1".into())), Err(NotificationRefused::NotOurs)),
    ];
    for (envelope, expected) in cases {
        let body = envelope.to_string();
        assert_eq!(notified(&gateway, &body, NOW), expected, "{body:.200}");
    }
}

/// The state is the content's, and the amount that of the payment, coupons included.
#[test]
fn a_refunds_message_says_how_the_refund_stands() {
    let gateway = gateway("http://127.0.0.1:1");
    let paid = paid_claim();
    let at = Timestamp::from_seconds(1_767_232_800);
    let states = [
        ("SUCCESS", RefundOutcome::Done { at }),
        ("PROCESSING", RefundOutcome::Processing),
        ("ABNORMAL", RefundOutcome::Abnormal),
        ("CLOSED", RefundOutcome::Closed),
    ];
    for (state, outcome) in states {
        let content = json!({
            "mchid": paid.merchant, "out_trade_no": paid.out_trade_no,
            "transaction_id": paid.transaction_id, "refund_status": state,
            "out_refund_no": "R-1", "refund_id": "5030",
            "success_time": "2026-01-01T10:00:00+08:00",
            "amount": { "total": 5000, "refund": 1200, "payer_total": 4000, "payer_refund": 1000 },
        });
        let sealed = envelope(&content.to_string(), "refund");
        let sealed = with(sealed, "/resource/original_type", "refund".into());
        let body = with(sealed, "/event_type", format!("REFUND.{state}").into()).to_string();
        let Ok(Notified::Refund(fact)) = notified(&gateway, &body, NOW) else { panic!("{state}") };
        let expected = RefundClaim {
            provider: Provider::WechatPay,
            merchant: paid.merchant.clone(),
            out_trade_no: paid.out_trade_no.clone(),
            transaction_id: paid.transaction_id.clone(),
            out_refund_no: "R-1".into(),
            refund_id: "5030".into(),
            amount: Fen::new(1200).unwrap(),
            outcome,
        };
        assert_eq!(*fact, expected, "{state}");
    }
}
