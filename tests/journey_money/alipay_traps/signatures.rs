//! Who signed, and over what.

use super::trap::{Scene, Trap, posts, refused};
use encoding_rs::GBK;
use testkit::Letter;

/// The true message under another value of the signature.
fn resigned(scene: &Scene<'_>, change: impl Fn(&str) -> String) -> Vec<Letter> {
    let truth = scene.truth();
    let signature = change(&scene.forge.signature(&truth));
    vec![truth.with("sign_type", "RSA2").with("sign", signature).sent_as_it_is()]
}

/// The true message, with more after its signature was made.
fn added(scene: &Scene<'_>, more: &str) -> Vec<Letter> {
    let mut letter = scene.good();
    letter.body.extend_from_slice(more.as_bytes());
    vec![letter]
}

/// The true message as GBK, whose name for it is this.
fn in_gbk(scene: &Scene<'_>, name: &str) -> Vec<Letter> {
    let truth = scene.truth().with("charset", name);
    let gbk = truth.map(|value| GBK.encode(str::from_utf8(value).unwrap()).0.into_owned());
    scene.signed(&gbk)
}

pub const TRAPS: &[Trap] = &[
    posts("signed by Alipay", |s| vec![s.good()]),
    refused("signed with the app's own key", |s| vec![s.forge.signed_by_app(&s.truth())]),
    refused("no signature", |s| vec![s.truth().with("sign_type", "RSA2").sent_as_it_is()]),
    refused("an empty signature", |s| resigned(s, |_| String::new())),
    refused("a signature that is no base64", |s| resigned(s, |_| "%%%".to_owned())),
    refused("a signature cut short", |s| resigned(s, |sign| sign[..300].to_owned())),
    refused("a signature with one letter changed", |s| {
        resigned(s, |sign| {
            let first = if sign.starts_with('A') { "B" } else { "A" };
            format!("{first}{}", &sign[1..])
        })
    }),
    posts("a signature whose plus signs became spaces", |s| {
        resigned(s, |sign| sign.replace('+', " "))
    }),
    refused("a signature type that says RSA, which is not signed", |s| {
        let truth = s.truth();
        let signature = s.forge.signature(&truth);
        vec![truth.with("sign_type", "RSA").with("sign", signature).sent_as_it_is()]
    }),
    posts("no signature type, which is not signed either", |s| {
        let truth = s.truth();
        let signature = s.forge.signature(&truth);
        vec![truth.with("sign", signature).sent_as_it_is()]
    }),
    refused("signed with the signature type, as open-platform messages are", |s| {
        let signature = s.forge.signature(&s.truth().with("sign_type", "RSA2"));
        vec![s.truth().with("sign_type", "RSA2").with("sign", signature).sent_as_it_is()]
    }),
    refused("a parameter added after signing", |s| added(s, "&extra=1")),
    refused("an empty parameter added after signing", |s| added(s, "&extra=")),
    refused("a parameter twice", |s| added(s, "&out_trade_no=0")),
    refused("the same parameter twice with the same value", |s| {
        let number = s.trade.out_trade_no.clone();
        added(s, &format!("&out_trade_no={number}"))
    }),
    refused("a signature twice", |s| added(s, "&sign=AAAA")),
    refused("one parameter less than signed", |s| {
        let letter = s.good();
        let text = String::from_utf8(letter.body.clone()).unwrap();
        let body = text.replace("&version=1.0", "").into_bytes();
        vec![Letter { body, ..letter }]
    }),
    refused("an amount changed after signing", |s| {
        let letter = s.good();
        let text = String::from_utf8(letter.body.clone()).unwrap();
        let body = text.replace("total_amount=1.00", "total_amount=9.00").into_bytes();
        vec![Letter { body, ..letter }]
    }),
    refused("values escaped for HTML on the way", |s| {
        let signature = s.forge.signature(&s.truth());
        let escaped = s
            .truth()
            .map(|value| String::from_utf8_lossy(value).replace('"', "&quot;").into_bytes());
        vec![escaped.with("sign_type", "RSA2").with("sign", signature).sent_as_it_is()]
    }),
    posts("an empty value, which is signed", |s| s.signed(&s.truth().with("body", ""))),
    posts("parameters that nobody knows", |s| {
        s.signed(&s.truth().and("from_tomorrow", "1").and("a", "first in order"))
    }),
    posts("a per cent sign in a value, decoded once", |s| {
        s.signed(&s.truth().with("subject", "100%25 off %41"))
    }),
    posts("a value with the separators in it", |s| {
        s.signed(&s.truth().with("subject", "a=1&sign=AAAA&b=2"))
    }),
    posts("in GBK", |s| in_gbk(s, "GBK")),
    posts("in GBK, called GB2312", |s| in_gbk(s, "gb2312")),
    posts("in GBK, called GB18030", |s| in_gbk(s, "GB18030")),
    posts("in GBK, called UTF-8", |s| in_gbk(s, "utf-8")),
    refused("signed in GBK, sent in UTF-8", |s| {
        let truth = s.truth().with("charset", "GBK");
        let gbk =
            truth.clone().map(|value| GBK.encode(str::from_utf8(value).unwrap()).0.into_owned());
        let signature = s.forge.signature(&gbk);
        vec![truth.with("sign_type", "RSA2").with("sign", signature).sent_as_it_is()]
    }),
];
