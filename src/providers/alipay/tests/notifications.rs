//! Notifications beyond the test vectors: each has a valid signature unless stated otherwise.

use super::{
    super::{
        notification,
        testing::{
            APP_ID, NOW, OUT_TRADE_NO, SELLER_ID, TRADE_NO, encode, gateway, notification, paid,
            sign,
        },
    },
    paid_claim,
};
use crate::payments::gateway::{
    KeptHeaders, NamedPayment, NotificationRefused, Notified, PaidClaim, PaymentGateway,
    RawNotification,
};

/// What a message comes to.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Paid(PaidClaim),
    Refunded(NamedPayment),
    Closed(NamedPayment),
    Nothing,
}

fn verify(body: &[u8]) -> Result<Told, NotificationRefused> {
    let raw = RawNotification { headers: &KeptHeaders::default(), body };
    let verified = gateway("http://127.0.0.1:1/gateway.do").verify(&raw, NOW)?;
    Ok(match verified.into_parts().1 {
        Notified::Paid(fact) => Told::Paid(PaidClaim::clone(&fact)),
        Notified::Refunded(about) => Told::Refunded(about),
        Notified::Closed(about) => Told::Closed(about),
        Notified::Nothing => Told::Nothing,
        Notified::Refund(fact) => panic!("no message tells of one refund: {fact:?}"),
    })
}

/// The message of a payment with some parameters changed, or taken out where the value is `-`.
fn but(changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut parameters = paid();
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        if *value != "-" {
            parameters.push((name, (*value).to_owned()));
        }
    }
    parameters
}

fn told(changes: &[(&'static str, &str)]) -> Result<Told, NotificationRefused> {
    verify(notification(&but(changes)).as_bytes())
}

#[test]
fn every_message_has_its_meaning() {
    let about = || NamedPayment {
        out_trade_no: OUT_TRADE_NO.into(),
        transaction_id: TRADE_NO.into(),
        ..NamedPayment::default()
    };
    let refunded = |number: &str, total: Option<i64>| {
        let given_back = total.map(|total| crate::base::money::Fen::new(total).unwrap());
        Told::Refunded(NamedPayment { out_refund_no: number.into(), given_back, ..about() })
    };
    let (closed, refund) = (("trade_status", "TRADE_CLOSED"), ("refund_fee", "5.00"));
    let cases: [(&[(&'static str, &str)], Told); 18] = [
        (&[], Told::Paid(paid_claim())),
        (&[("trade_status", "TRADE_FINISHED")], Told::Paid(paid_claim())),
        (&[("refund_fee", "0.00")], Told::Paid(paid_claim())),
        (&[("refund_fee", "")], Told::Paid(paid_claim())),
        (&[("total_amount", "20")], Told::Paid(paid_claim())),
        (&[("total_amount", "20.0")], Told::Paid(paid_claim())),
        (&[("gmt_payment", "2026-01-05 09:31:07.0")], Told::Paid(paid_claim())),
        (&[("charset", "-")], Told::Paid(paid_claim())),
        (&[refund, ("out_biz_no", "R1")], refunded("R1", Some(500))),
        (&[refund, ("trade_status", "TRADE_FINISHED")], refunded("", Some(500))),
        (&[closed, ("refund_fee", "20.00")], refunded("", Some(2000))),
        (&[closed], refunded("", Some(2000))),
        (&[("gmt_refund", "2026-11-29 10:00:00.100"), ("out_biz_no", "R1")], refunded("R1", None)),
        (&[refund, ("out_biz_no", "a b")], refunded("", Some(500))),
        (&[closed, ("gmt_payment", "-")], Told::Closed(about())),
        (&[closed, ("gmt_payment", "")], Told::Closed(about())),
        (&[("trade_status", "WAIT_BUYER_PAY"), ("gmt_payment", "-")], Told::Nothing),
        (&[("trade_status", "TRADE_PENDING")], Told::Nothing),
    ];
    for (changes, expected) in cases {
        assert_eq!(told(changes), Ok(expected), "{changes:?}");
    }
}

#[test]
fn a_payer_has_one_id_or_both_or_none() {
    let user = "2088000000000022";
    let cases = [
        (vec![("buyer_id", user)], vec!["o-1", user]),
        (vec![("buyer_open_id", ""), ("buyer_id", user)], vec![user]),
        (vec![("buyer_open_id", "-")], vec![]),
    ];
    for (changes, payer) in cases {
        let claim =
            PaidClaim { payer: payer.into_iter().map(str::to_owned).collect(), ..paid_claim() };
        assert_eq!(told(&changes), Ok(Told::Paid(claim)), "{changes:?}");
    }
}

#[test]
fn other_messages_are_refused_by_name() {
    let (ours, content) = (NotificationRefused::NotOurs, NotificationRefused::Content);
    let cases: [(&[(&'static str, &str)], NotificationRefused); 20] = [
        (&[("app_id", "2021000000000002")], ours),
        (&[("app_id", "-")], ours),
        (&[("seller_id", "2088000000009999")], ours),
        (&[("seller_id", "-")], ours),
        (&[("notify_type", "dut_user_sign")], NotificationRefused::Envelope),
        (&[("notify_type", "-")], NotificationRefused::Envelope),
        (&[("notify_id", "-")], content),
        (&[("notify_id", &"x".repeat(129))], NotificationRefused::Envelope),
        (&[("out_trade_no", "-")], content),
        (&[("out_trade_no", "a b")], content),
        (&[("trade_no", "-")], content),
        (&[("trade_no", &"1".repeat(65))], content),
        (&[("total_amount", "-")], content),
        (&[("total_amount", "0.00")], content),
        (&[("total_amount", "20.001")], content),
        (&[("total_amount", "-20.00")], content),
        (&[("gmt_payment", "-")], content),
        (&[("gmt_payment", "2026-01-05T09:31:07")], content),
        (&[("refund_fee", "some")], content),
        (&[("trade_status", "TRADE_CLOSED"), ("refund_fee", "-1.00")], content),
    ];
    for (changes, expected) in cases {
        assert_eq!(told(changes), Err(expected), "{changes:?}");
    }
}

#[test]
fn bodies_are_taken_as_they_come() {
    let good = notification(&paid());
    assert_eq!(verify(good.as_bytes()), Ok(Told::Paid(paid_claim())));
    let refused = |body: String| verify(body.as_bytes()).unwrap_err();
    let (envelope, signature) = (NotificationRefused::Envelope, NotificationRefused::Signature);
    let algorithm = NotificationRefused::SignatureType;
    let cases = [
        ("twice", format!("{good}&total_amount=20.00"), envelope),
        ("twice, otherwise written", format!("{good}&%74otal_amount=20.00"), envelope),
        ("two signs", format!("{good}&sign=x"), envelope),
        ("no pair", format!("{good}&x"), envelope),
        ("bad encoding", format!("{good}&x=%zz"), envelope),
        ("too long", format!("{good}&x={}", "x".repeat(notification::MAX_BYTES)), envelope),
        ("empty", String::new(), envelope),
        ("one more", format!("{good}&x="), signature),
        ("one less", good.replacen("&version=1.0", "", 1), signature),
        ("no sign", good.replace("&sign=", "&signed="), signature),
        ("SHA-1", good.replace("sign_type=RSA2", "sign_type=RSA"), algorithm),
        ("no algorithm", good.replace("sign_type=RSA2", "sign_type="), algorithm),
        ("decoded twice", good.replace("100%25", "100%2525"), signature),
    ];
    for (name, body, expected) in cases {
        assert_eq!(refused(body), expected, "{name}");
    }
    let without_type = good.replace("&sign_type=RSA2", "");
    assert_eq!(verify(without_type.as_bytes()), Ok(Told::Paid(paid_claim())));
}

/// A sign whose plus signs were not encoded arrives with spaces.
#[test]
fn plus_signs_of_a_sign_are_put_back() {
    let with_plus = (0..100).map(|n| but(&[("notify_id", &format!("id-{n}"))]));
    let body = with_plus.map(|all| notification(&all)).find(|body| body.contains("%2B")).unwrap();
    let (head, sign) = body.rsplit_once("&sign=").unwrap();
    let raw = format!("{head}&sign={}", sign.replace("%2B", "+"));
    assert_ne!(raw, body);
    assert!(verify(raw.as_bytes()).is_ok());
}

/// Messages of the platform are signed with `sign_type` in the text. A payment never is.
#[test]
fn the_other_way_of_signing_is_refused() {
    let mut parameters = paid();
    parameters.push(("sign_type", "RSA2".to_owned()));
    parameters.sort();
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signature = sign(pairs.join("&").as_bytes());
    parameters.push(("sign", signature));
    let body = encode(parameters.iter().map(|(name, value)| (*name, value.as_str())));
    assert_eq!(verify(body.as_bytes()), Err(NotificationRefused::Signature));
    assert_eq!((APP_ID.len(), SELLER_ID.len()), (16, 16));
}
