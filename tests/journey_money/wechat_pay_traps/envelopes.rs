//! What is signed: the bytes of the body, and the envelope that they are.

use super::trap::{Scene, Trap, posts, recorded, refused};
use aes_gcm::{
    Aes128Gcm,
    aead::{Aead, KeyInit, Nonce},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use testkit::{Letter, envelope_of, seal};

/// The signed message with another body than was signed.
fn altered(scene: &Scene<'_>, change: impl Fn(String) -> Vec<u8>) -> Vec<Letter> {
    let good = scene.good();
    let body = change(String::from_utf8(good.body).unwrap());
    vec![Letter { body, ..good }]
}

/// A message that was signed as changed.
fn written(scene: &Scene<'_>, change: impl Fn(String) -> Vec<u8>) -> Vec<Letter> {
    scene.signed(change(scene.body()))
}

fn escape_slashes(text: &str) -> String {
    // So that there is a slash to escape.
    text.replacen('{', "{\"summary\":\"a/b\",", 1).replace('/', "\\/")
}

/// Two bytes for each character of Chinese, as old systems write it.
fn in_gbk(text: &str) -> Vec<u8> {
    let (before, after) = text.split_at(1);
    let summary = [b"\"summary\":\"".as_slice(), &[0xd6, 0xa7, 0xb8, 0xb6], b"\","].concat();
    [before.as_bytes(), &summary, after.as_bytes()].concat()
}

/// With nothing bound in, and the field as given.
fn bound(scene: &Scene<'_>, field: Option<Value>) -> Vec<Letter> {
    let content = scene.truth().to_string();
    let mut resource = seal(content.as_bytes(), "", scene.forge.api_v3_key());
    resource["original_type"] = "transaction".into();
    match field {
        Some(value) => resource["associated_data"] = value,
        None => drop(resource.as_object_mut().unwrap().remove("associated_data")),
    }
    scene.enveloped("/resource", resource)
}

/// Sealed with half a key by the smaller cipher.
fn sealed_with_sixteen_bytes(scene: &Scene<'_>) -> Vec<Letter> {
    let key = &scene.forge.api_v3_key().as_bytes()[..16];
    let nonce = Nonce::<Aes128Gcm>::try_from(b"0123456789ab".as_slice()).unwrap();
    let cipher = Aes128Gcm::new_from_slice(key).unwrap();
    let sealed = cipher.encrypt(&nonce, scene.truth().to_string().as_bytes()).unwrap();
    scene.enveloped("/resource/ciphertext", BASE64_STANDARD.encode(sealed).into())
}

/// The ciphertext with one byte turned.
fn turned(scene: &Scene<'_>, which: impl Fn(usize) -> usize) -> Vec<Letter> {
    let envelope = scene.envelope();
    let text = envelope["resource"]["ciphertext"].as_str().unwrap();
    let mut sealed = BASE64_STANDARD.decode(text).unwrap();
    let at = which(sealed.len());
    sealed[at] ^= 1;
    scene.enveloped("/resource/ciphertext", BASE64_STANDARD.encode(sealed).into())
}

pub const TRAPS: &[Trap] = &[
    refused("one byte more", |s| altered(s, |body| format!("{body} ").into())),
    refused("one byte less", |s| altered(s, |body| body[..body.len() - 1].into())),
    refused("written anew with spaces", |s| {
        altered(s, |body| {
            let value: Value = serde_json::from_str(&body).unwrap();
            serde_json::to_vec_pretty(&value).unwrap()
        })
    }),
    refused("slashes escaped on the way", |s| altered(s, |body| escape_slashes(&body).into())),
    refused("a mark of byte order put before it", |s| {
        altered(s, |body| format!("\u{feff}{body}").into())
    }),
    refused("a line feed put after it", |s| altered(s, |body| format!("{body}\n").into())),
    posts("slashes escaped by WeChat", |s| written(s, |body| escape_slashes(&body).into())),
    posts("spaces by WeChat", |s| {
        written(s, |body| {
            let value: Value = serde_json::from_str(&body).unwrap();
            serde_json::to_vec_pretty(&value).unwrap()
        })
    }),
    posts("fields that we do not know", |s| s.enveloped("/news", json!({ "a": [1, null] }))),
    posts("Chinese in the envelope", |s| s.enveloped("/summary", json!("支付成功"))),
    refused("a mark of byte order that is signed", |s| {
        written(s, |body| format!("\u{feff}{body}").into())
    }),
    posts("Chinese in GBK where nobody reads it", |s| written(s, |body| in_gbk(&body))),
    refused("UTF-16", |s| {
        written(s, |body| body.encode_utf16().flat_map(u16::to_le_bytes).collect())
    }),
    refused("no UTF-8", |s| {
        written(s, |body| {
            let mut bytes = body.into_bytes();
            bytes[8] = 0xff;
            bytes
        })
    }),
    refused("nothing", |s| s.signed("")),
    refused("null", |s| s.signed("null")),
    refused("an empty object", |s| s.signed("{}")),
    refused("cut in half", |s| written(s, |body| body[..body.len() / 2].into())),
    refused("two documents", |s| written(s, |body| format!("{body}{body}").into())),
    refused("a list", |s| written(s, |body| format!("[{body}]").into())),
    refused("a form", |s| s.signed("id=1&event_type=TRANSACTION.SUCCESS")),
    refused("XML", |s| s.signed("<xml><result_code>SUCCESS</result_code></xml>")),
    refused("nested deeply", |s| s.signed(format!("{{\"id\":{}", "[".repeat(60_000)))),
    refused("nested deeply and well", |s| {
        s.signed(format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)))
    }),
    refused("a field twice", |s| written(s, |b| b.replacen('{', "{\"id\":\"other\",", 1).into())),
    refused("a resource twice", |s| {
        written(s, |body| body.replacen('{', "{\"resource\":{},", 1).into())
    }),
    refused("no id", |s| s.enveloped("/id", json!(""))),
    refused("an endless id", |s| s.enveloped("/id", json!("x".repeat(65)))),
    refused("an id that is a number", |s| s.enveloped("/id", json!(7))),
    refused("a refund's event about a payment", |s| {
        s.enveloped("/event_type", json!("REFUND.SUCCESS"))
    }),
    recorded("an event in lower case", "ignored", |s| {
        s.enveloped("/event_type", json!("transaction.success"))
    }),
    recorded("an event of another product", "ignored", |s| {
        s.enveloped("/event_type", json!("PAYSCORE.USER_PAID"))
    }),
    recorded("a refund made at the provider", "refunded", |s| s.refund("REFUND.SUCCESS")),
    recorded("a refund that failed", "refund_known", |s| s.refund("REFUND.ABNORMAL")),
    recorded("a refund that was closed", "refund_known", |s| s.refund("REFUND.CLOSED")),
    refused("a refund's resource", |s| s.enveloped("/resource/original_type", json!("refund"))),
    refused("another kind of resource", |s| s.enveloped("/resource_type", json!("plain"))),
    refused("no resource", |s| s.enveloped("/resource", Value::Null)),
    refused("another cipher", |s| s.enveloped("/resource/algorithm", json!("AEAD_SM4_GCM"))),
    refused("no cipher", |s| s.enveloped("/resource/algorithm", json!("none"))),
    refused("sealed with another nonce", |s| s.enveloped("/resource/nonce", json!("0123456789ac"))),
    refused("a nonce too short", |s| s.enveloped("/resource/nonce", json!("short"))),
    refused("a nonce too long", |s| s.enveloped("/resource/nonce", json!("0123456789abc"))),
    refused("other associated data", |s| s.enveloped("/resource/associated_data", json!("refund"))),
    refused("associated data taken away", |s| {
        s.enveloped("/resource/associated_data", Value::Null)
    }),
    posts("empty associated data", |s| bound(s, Some(json!("")))),
    posts("associated data that is null", |s| bound(s, Some(Value::Null))),
    posts("no associated data", |s| bound(s, None)),
    refused("no ciphertext", |s| s.enveloped("/resource/ciphertext", json!(""))),
    refused("ciphertext that is no base64", |s| s.enveloped("/resource/ciphertext", json!("???"))),
    refused("ciphertext shorter than its tag", |s| {
        s.enveloped("/resource/ciphertext", json!("AAAA"))
    }),
    refused("ciphertext with its first byte turned", |s| turned(s, |_| 0)),
    refused("ciphertext with its tag turned", |s| turned(s, |length| length - 1)),
    refused("another API v3 key", |s| {
        let other = envelope_of(&s.id, s.truth().to_string().as_bytes(), &"k".repeat(32));
        s.signed(other.to_string())
    }),
    refused("a key of another length", sealed_with_sixteen_bytes),
];
