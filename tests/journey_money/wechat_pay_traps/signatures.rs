//! Who signed, when, and over what.

use super::trap::{Scene, Trap, posts, refused};
use testkit::{Letter, now};

const SIGNATURE: &str = "Wechatpay-Signature";
const SERIAL: &str = "Wechatpay-Serial";
const TIMESTAMP: &str = "Wechatpay-Timestamp";
const NONCE: &str = "Wechatpay-Nonce";
const TYPE: &str = "Wechatpay-Signature-Type";

fn aged(scene: &Scene<'_>, seconds: i64) -> Vec<Letter> {
    vec![scene.forge.signed_at(now().seconds() + seconds, scene.body())]
}

fn with(scene: &Scene<'_>, header: &str, value: &str) -> Vec<Letter> {
    vec![scene.good().with(header, value)]
}

fn lacking(scene: &Scene<'_>, header: &str) -> Vec<Letter> {
    vec![scene.good().without(header)]
}

fn twice(scene: &Scene<'_>, header: &str) -> Vec<Letter> {
    let good = scene.good();
    let value = good.header(header).to_owned();
    vec![good.and(header, &value)]
}

/// The same message under another value of the signature.
fn resigned(scene: &Scene<'_>, change: impl Fn(&str) -> String) -> Vec<Letter> {
    let good = scene.good();
    let changed = change(good.header(SIGNATURE));
    vec![good.with(SIGNATURE, &changed)]
}

fn flip(signature: &str) -> String {
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", &signature[1..])
}

pub const TRAPS: &[Trap] = &[
    posts("signed with the public key", |s| vec![s.good()]),
    posts("signed with the platform certificate", |s| vec![s.platform.signed(s.body())]),
    posts("both key modes within a minute", |s| {
        vec![s.good(), s.platform.signed(s.body()), s.good()]
    }),
    posts("a serial in lower case", |s| {
        let letter = s.platform.signed(s.body());
        let serial = letter.header(SERIAL).to_lowercase();
        vec![letter.with(SERIAL, &serial)]
    }),
    posts("header names in lower case", |s| {
        let mut letter = s.good();
        for (name, _) in &mut letter.headers {
            name.make_ascii_lowercase();
        }
        vec![letter]
    }),
    posts("no signature type, which means RSA", |s| lacking(s, TYPE)),
    posts("headers that nobody asked for", |s| {
        vec![s.good().and("Request-ID", "08F7-0").and("X-Forwarded-For", "101.226.103.1")]
    }),
    refused("a probe of WeChat's", |s| {
        resigned(s, |signature| format!("WECHATPAY/SIGNTEST/{}", &signature[19..]))
    }),
    refused("a probe that is no base64", |s| with(s, SIGNATURE, "WECHATPAY/SIGNTEST/=*=")),
    refused("an unknown public key", |s| with(s, SERIAL, "PUB_KEY_ID_0000")),
    refused("an unknown certificate", |s| {
        with(s, SERIAL, "5A00000000000000000000000000000000000B99")
    }),
    refused("an empty serial", |s| with(s, SERIAL, "")),
    refused("an endless serial", |s| with(s, SERIAL, &"A".repeat(5000))),
    refused("the merchant's key under WeChat's serial", |s| {
        vec![s.forge.signed_by_merchant(s.body())]
    }),
    refused("the merchant's certificate in the platform's place", |s| {
        let letter = s.forge.signed_by_merchant(s.body());
        vec![letter.with(SERIAL, s.forge.merchant_serial())]
    }),
    refused("the certificate's key under the public key's serial", |s| {
        let letter = s.platform.signed(s.body());
        let serial = s.good().header(SERIAL).to_owned();
        vec![letter.with(SERIAL, &serial)]
    }),
    refused("a key of WeChat's for another merchant", |s| vec![s.elsewhere.signed(s.body())]),
    Trap {
        school: "hbkj",
        ..refused("our message at the door of a school with another merchant", |s| vec![s.good()])
    },
    Trap {
        school: "hbkj",
        ..refused("our content under the other merchant's own key", |s| {
            vec![s.elsewhere.signed(s.body())]
        })
    },
    refused("a flipped bit", |s| resigned(s, flip)),
    refused("a signature cut short", |s| resigned(s, |text| text[..text.len() - 4].to_owned())),
    refused("a signature with a tail", |s| resigned(s, |text| format!("{text}AAAA"))),
    refused("an empty signature", |s| with(s, SIGNATURE, "")),
    refused("a signature that is no base64", |s| with(s, SIGNATURE, "???")),
    refused("a signature in base64 for addresses", |s| {
        resigned(s, |text| format!("{}_-==", &text[..text.len() - 4]))
    }),
    refused("a signature in hex", |s| with(s, SIGNATURE, &"ab".repeat(256))),
    refused("the signature of another body", |s| {
        with(s, SIGNATURE, s.forge.signed("{}").header(SIGNATURE))
    }),
    refused("another nonce", |s| with(s, NONCE, "other")),
    refused("an empty nonce", |s| with(s, NONCE, "")),
    refused("another time", |s| with(s, TIMESTAMP, &(now().seconds() + 1).to_string())),
    refused("a time that is none", |s| with(s, TIMESTAMP, "yesterday")),
    refused("a time in milliseconds", |s| {
        with(s, TIMESTAMP, &(now().seconds() * 1000).to_string())
    }),
    refused("a time past 64 bits", |s| with(s, TIMESTAMP, "9223372036854775808")),
    refused("a time below zero", |s| with(s, TIMESTAMP, "-1")),
    posts("nearly five minutes ago", |s| aged(s, -270)),
    posts("nearly five minutes ahead", |s| aged(s, 270)),
    refused("more than five minutes ago", |s| aged(s, -330)),
    refused("more than five minutes ahead", |s| aged(s, 330)),
    refused("another algorithm", |s| with(s, TYPE, "WECHATPAY2-SM2-WITH-SM3")),
    refused("an algorithm in lower case", |s| with(s, TYPE, "wechatpay2-sha256-rsa2048")),
    refused("an empty algorithm", |s| with(s, TYPE, "")),
    refused("no time", |s| lacking(s, TIMESTAMP)),
    refused("no nonce", |s| lacking(s, NONCE)),
    refused("no signature", |s| lacking(s, SIGNATURE)),
    refused("no serial", |s| lacking(s, SERIAL)),
    refused("no header at all", |s| vec![Letter { headers: Vec::new(), ..s.good() }]),
    refused("two signatures", |s| twice(s, SIGNATURE)),
    refused("two times", |s| twice(s, TIMESTAMP)),
    refused("two nonces", |s| twice(s, NONCE)),
    refused("two serials", |s| twice(s, SERIAL)),
    refused("headers swapped", |s| {
        let good = s.good();
        let (nonce, serial) = (good.header(NONCE).to_owned(), good.header(SERIAL).to_owned());
        vec![good.with(NONCE, &serial).with(SERIAL, &nonce)]
    }),
    refused("a header that is no ASCII", |s| with(s, NONCE, "一次")),
];
