//! Messages that fail a check: the sender learns only that they failed, and not one row changes.

use crate::{
    common::TestDb,
    server::{Forge, Letter, World, envelope_of, now},
};
use serde_json::{Value, json};

on_each_database!(
    a_message_whose_signature_is_wrong_changes_nothing,
    a_message_whose_envelope_is_wrong_changes_nothing,
    a_message_whose_content_is_wrong_changes_nothing,
    a_message_to_a_wrong_address_changes_nothing,
);

type Cases = Vec<(String, Letter)>;

/// Sends every case about an unpaid order, and then the message that they were made from: it is
/// taken, so each was refused for what was changed in it.
async fn none_is_believed(db: &TestDb, cases: impl FnOnce(&Forge, &Value) -> Cases) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::new());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay().payment(&world.out_trade_no(&order).await).unwrap();
    let truth = forge.transaction(&payment);
    let before = world.rows.everything().await;
    for (what, letter) in cases(&forge, &truth) {
        let answer = letter.send(&world.api(), "xnec").await;
        assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        assert_eq!(answer.json()["code"], "FAIL", "{what}: {}", answer.text());
        assert!(answer.header("x-request-id").is_some(), "{what}");
    }
    assert_eq!(world.rows.everything().await, before);
    let answer = forge.message("truth", &truth).send(&world.api(), "xnec").await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}

async fn a_message_whose_signature_is_wrong_changes_nothing(db: &TestDb) {
    none_is_believed(db, signatures).await;
}

fn signatures(forge: &Forge, truth: &Value) -> Cases {
    const SIGNATURE: &str = "Wechatpay-Signature";
    let body = forge.envelope("refused", truth).to_string();
    let good = forge.signed(body.as_str());
    let signature = good.header(SIGNATURE).to_owned();
    let flipped = if signature.starts_with('A') { "B" } else { "A" }.to_owned() + &signature[1..];
    let at = |offset: i64| forge.signed_at(now().seconds() + offset, body.as_str());
    let later = (now().seconds() + 1).to_string();
    let mut longer = good.clone();
    longer.body.push(b' ');
    let mut cases = vec![
        ("a flipped bit", good.clone().with(SIGNATURE, &flipped)),
        ("a cut signature", good.clone().with(SIGNATURE, &signature[..signature.len() - 4])),
        ("an empty signature", good.clone().with(SIGNATURE, "")),
        ("no base64", good.clone().with(SIGNATURE, "???")),
        (
            "WeChat's probe",
            good.clone().with(SIGNATURE, &format!("WECHATPAY/SIGNTEST/{}", &signature[19..])),
        ),
        ("the merchant's own key", forge.signed_by_merchant(body.as_str())),
        ("one byte more", longer),
        (
            "another body's signature",
            good.clone().with(SIGNATURE, forge.signed("{}").header(SIGNATURE)),
        ),
        ("another nonce", good.clone().with("Wechatpay-Nonce", "other")),
        ("too old", at(-330)),
        ("from the future", at(330)),
        ("another time", good.clone().with("Wechatpay-Timestamp", &later)),
        ("a time that is none", good.clone().with("Wechatpay-Timestamp", "yesterday")),
        ("a time past 64 bits", good.clone().with("Wechatpay-Timestamp", "9223372036854775808")),
        ("an unknown key", good.clone().with("Wechatpay-Serial", "PUB_KEY_ID_0000")),
        ("an empty key", good.clone().with("Wechatpay-Serial", "")),
        ("another algorithm", good.clone().with("Wechatpay-Signature-Type", "WECHATPAY2-SM2")),
        ("two signatures", good.clone().and(SIGNATURE, &signature)),
        ("two times", good.clone().and("Wechatpay-Timestamp", good.header("Wechatpay-Timestamp"))),
    ];
    for name in ["Timestamp", "Nonce", "Signature", "Serial"] {
        cases.push(("a header less", good.clone().without(&format!("Wechatpay-{name}"))));
    }
    cases.into_iter().map(|(what, letter)| (what.to_owned(), letter)).collect()
}

async fn a_message_whose_envelope_is_wrong_changes_nothing(db: &TestDb) {
    none_is_believed(db, envelopes).await;
}

fn envelopes(forge: &Forge, truth: &Value) -> Cases {
    let good = forge.envelope("refused", truth);
    let text = good.to_string();
    let mut not_utf8 = text.clone().into_bytes();
    not_utf8[text.find("refused").unwrap()] = 0xff;
    let raw: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("cut short", text.as_bytes()[..text.len() / 2].to_vec()),
        ("two documents", format!("{text}{text}").into()),
        ("not UTF-8", not_utf8),
        ("nested deeply", format!("{{\"id\":{}", "[".repeat(60_000)).into()),
        (
            "nested deeply and well",
            format!("{0}{1}", "[".repeat(30_000), "]".repeat(30_000)).into(),
        ),
        ("a list", format!("[{text}]").into()),
        ("null", b"null".to_vec()),
        ("over 64 KiB", text.replacen('{', &format!("{{{}", " ".repeat(65_537)), 1).into()),
        ("a field twice", text.replacen('{', "{\"id\":\"other\",", 1).into()),
    ];
    let changes: [(&str, &str, Value); 14] = [
        ("no id", "/id", json!("")),
        ("an endless id", "/id", json!("x".repeat(65))),
        ("an id of another type", "/id", json!(7)),
        ("a refund", "/event_type", json!("REFUND.SUCCESS")),
        ("another resource", "/resource_type", json!("plain")),
        ("no resource", "/resource", Value::Null),
        ("another cipher", "/resource/algorithm", json!("AES_128_ECB")),
        ("another type", "/resource/original_type", json!("refund")),
        ("another nonce", "/resource/nonce", json!("0123456789ac")),
        ("a short nonce", "/resource/nonce", json!("short")),
        ("other associated data", "/resource/associated_data", json!("refund")),
        ("no associated data", "/resource/associated_data", Value::Null),
        ("no ciphertext", "/resource/ciphertext", json!("")),
        ("ciphertext that is no base64", "/resource/ciphertext", json!("???")),
    ];
    let altered = changes.into_iter().map(|(what, pointer, value)| {
        let mut envelope = good.clone();
        *envelope.pointer_mut(pointer).unwrap() = value;
        (what, envelope.to_string().into_bytes())
    });
    let other_key = envelope_of("refused", truth.to_string().as_bytes(), &"k".repeat(32));
    raw.into_iter()
        .chain(altered)
        .chain([("another API v3 key", other_key.to_string().into_bytes())])
        .map(|(what, body)| (what.to_owned(), forge.signed(body)))
        .collect()
}

async fn a_message_whose_content_is_wrong_changes_nothing(db: &TestDb) {
    none_is_believed(db, contents).await;
}

fn contents(forge: &Forge, truth: &Value) -> Cases {
    let changes: [(&str, &str, Value); 22] = [
        ("another merchant", "/mchid", json!("1900000000")),
        ("another app", "/appid", json!("wx0000000000000000")),
        ("not paid", "/trade_state", json!("NOTPAY")),
        ("refunded", "/trade_state", json!("REFUND")),
        ("an unknown state", "/trade_state", json!("MAYBE")),
        ("dollars", "/amount/currency", json!("USD")),
        ("no currency", "/amount/currency", Value::Null),
        ("no amount", "/amount", Value::Null),
        ("zero", "/amount/total", json!(0)),
        ("below zero", "/amount/total", json!(-5000)),
        ("an amount as text", "/amount/total", json!("5000")),
        ("half a fen", "/amount/total", json!(5000.5)),
        ("past 64 bits", "/amount/total", json!(9_223_372_036_854_775_808_u64)),
        ("no transaction", "/transaction_id", Value::Null),
        ("an empty transaction", "/transaction_id", json!("")),
        ("an endless transaction", "/transaction_id", json!("4".repeat(33))),
        ("a transaction with a line break", "/transaction_id", json!("42\n00")),
        ("no time", "/success_time", Value::Null),
        ("a time that is none", "/success_time", json!("2026-13-41T25:61:00+08:00")),
        ("no number", "/out_trade_no", json!("")),
        ("a number with NUL", "/out_trade_no", json!("a\u{0}b")),
        ("an endless number", "/out_trade_no", json!("f".repeat(33))),
    ];
    let altered = changes.into_iter().map(|(what, pointer, value)| {
        let mut transaction = truth.clone();
        *transaction.pointer_mut(pointer).unwrap() = value;
        (what.to_owned(), forge.message("refused", &transaction))
    });
    let bytes: [(&str, &[u8]); 4] =
        [("nothing", b""), ("no JSON", b"paid"), ("no UTF-8", b"{\"\xff\":1}"), ("a list", b"[]")];
    let key = forge.api_v3_key();
    let unread = bytes.into_iter().map(|(what, content)| {
        let envelope = envelope_of("refused", content, key);
        (format!("content: {what}"), forge.signed(envelope.to_string()))
    });
    altered.chain(unread).collect()
}

async fn a_message_to_a_wrong_address_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::new());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay().payment(&world.out_trade_no(&order).await).unwrap();
    let before = world.rows.everything().await;
    for school in ["nowhere", "XNEC", "xnec%20", "%E5%92%B8", "a".repeat(300).as_str()] {
        let message = forge.message("refused", &forge.transaction(&payment));
        let answer = message.send(&world.api(), school).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("FAIL")), "{school}");
    }
    let path = "/callbacks/xnec/wechat-pay/transactions";
    let message = forge.message("refused", &forge.transaction(&payment));
    for (line, status, code) in [
        (format!("GET {path}"), 405, "method_not_allowed"),
        (format!("PUT {path}"), 405, "method_not_allowed"),
        ("POST /callbacks/xnec/wechat-pay".to_owned(), 404, "not_found"),
        ("POST /callbacks/xnec/alipay/transactions".to_owned(), 404, "not_found"),
        ("POST /callbacks/%00/wechat-pay/transactions".to_owned(), 400, "request_malformed"),
    ] {
        let answer = world.api().raw(&line, &message.headers, &message.body).await;
        answer.problem(&line, status, code);
    }
    assert_eq!(world.rows.everything().await, before);
}
