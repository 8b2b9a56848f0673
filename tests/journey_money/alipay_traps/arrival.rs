//! How it arrives: repeated, late, in other clothes, or too large.

use super::trap::{Scene, Trap, posts, refused};
use crate::journey_money::effects::Effect;
use testkit::Letter;

const MAX: usize = 64 * 1024;

fn with_header(scene: &Scene<'_>, value: &str) -> Vec<Letter> {
    vec![scene.good().with("Content-Type", value)]
}

/// The true message, exactly that long: each sign of the signature that is escaped takes two bytes more,
/// so some texts are tried until the length fits.
fn of_length(scene: &Scene<'_>, bytes: usize) -> Vec<Letter> {
    let with_body = |body: String| scene.forge.signed(&scene.truth().with("body", body));
    let rest = bytes - with_body(String::new()).body.len();
    let texts = (0..1000).map(|salt| format!("{salt:04}{}", "x".repeat(rest - 4 - salt % 2)));
    vec![texts.map(with_body).find(|letter| letter.body.len() == bytes).unwrap()]
}

pub const TRAPS: &[Trap] = &[
    posts("the same bytes three times", |s| vec![s.good(); 3]),
    posts("one trade under two ids", |s| {
        let again = s.truth_as(&format!("{}-again", s.id));
        vec![s.good(), s.forge.signed(&again)]
    }),
    posts("an old time of the message", |s| s.lie("notify_time", "2026-01-01 10:00:00")),
    posts("parameters in another order", |s| {
        let letter = s.good();
        let text = String::from_utf8(letter.body.clone()).unwrap();
        let mut pairs: Vec<_> = text.split('&').collect();
        pairs.reverse();
        vec![Letter { body: pairs.join("&").into_bytes(), ..letter }]
    }),
    Trap {
        effect: Effect::PostsOnceAndSuspends("second_transaction"),
        ..posts("two trades of one payment", |s| {
            let second = s.truth_as(&format!("{}-second", s.id));
            let second = second.with("trade_no", s.other_trade_no());
            vec![s.good(), s.forge.signed(&second)]
        })
    },
    posts("paid, and later no longer refundable", |s| {
        let finished = s.truth_as(&format!("{}-finished", s.id));
        let finished = finished.with("trade_status", "TRADE_FINISHED");
        vec![s.good(), s.forge.signed(&finished)]
    }),
    posts("no content type", |s| vec![s.good().without("Content-Type")]),
    posts("a content type that is wrong", |s| with_header(s, "application/json")),
    posts("a content type that says GBK", |s| {
        with_header(s, "application/x-www-form-urlencoded; charset=GBK")
    }),
    refused("nothing", |s| vec![Letter { body: Vec::new(), ..s.good() }]),
    refused("no form", |s| vec![Letter { body: b"paid".to_vec(), ..s.good() }]),
    refused("JSON", |s| {
        vec![Letter { body: b"{\"trade_status\":\"TRADE_SUCCESS\"}".to_vec(), ..s.good() }]
    }),
    refused("half an escape", |s| {
        let mut letter = s.good();
        letter.body.extend_from_slice(b"&x=%4");
        vec![letter]
    }),
    refused("a thousand parameters", |s| {
        let more = (0..1000).fold(s.truth(), |notice, n| notice.and(&format!("p{n}"), "1"));
        s.signed(&more)
    }),
    posts("64 KiB exactly", |s| of_length(s, MAX)),
    refused("one byte over 64 KiB", |s| of_length(s, MAX + 1)),
    Trap { school: "nowhere", ..refused("no such school", |s| vec![s.good()]) },
    posts("parameters in the address, which are not read", |s| {
        vec![Letter { path: "alipay?out_trade_no=0&total_amount=9.00", ..s.good() }]
    }),
];
