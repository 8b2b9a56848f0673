//! How it arrives: repeated, late, in other clothes, or too large.

use super::trap::{Scene, Trap, posts, refused};
use crate::journey_money::effects::Effect;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write as _;
use testkit::Letter;

/// The true message under that id.
fn as_message(scene: &Scene<'_>, id: &str) -> Letter {
    let id = format!("{}-{id}", scene.id);
    scene.forge.message(&id, &scene.truth())
}

fn typed(scene: &Scene<'_>, content_type: &str) -> Vec<Letter> {
    vec![scene.good().with("Content-Type", content_type)]
}

/// A signed body, compressed afterwards.
fn gzipped(letter: Letter) -> Letter {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&letter.body).unwrap();
    let body = gzip.finish().unwrap();
    Letter { body, ..letter }.and("Content-Encoding", "gzip")
}

/// The true envelope, made longer by that many spaces.
fn padded(scene: &Scene<'_>, bytes: usize) -> String {
    scene.body().replacen('{', &format!("{{{}", " ".repeat(bytes)), 1)
}

/// The true envelope, exactly that long.
fn of_length(scene: &Scene<'_>, bytes: usize) -> String {
    padded(scene, bytes - scene.body().len())
}

const MAX: usize = 64 * 1024;

pub const TRAPS: &[Trap] = &[
    posts("the same bytes three times", |s| vec![s.good(); 3]),
    posts("one id, signed anew each time", |s| vec![s.good(), s.good(), s.good()]),
    posts("one transaction under two ids", |s| vec![as_message(s, "a"), as_message(s, "b")]),
    posts("a late repeat of an old event", |s| {
        let mut envelope = s.envelope();
        envelope["create_time"] = json!("2026-01-01T10:00:00+08:00");
        s.signed(envelope.to_string())
    }),
    Trap {
        effect: Effect::PostsOnceAndSuspends("second_transaction"),
        ..posts("two transactions under one id", |s| {
            let mut letters = vec![s.good()];
            letters.extend(s.told(&s.again()));
            letters
        })
    },
    Trap {
        effect: Effect::PostsOnceAndSuspends("second_transaction"),
        ..posts("two transactions of one payment", |s| {
            let second = format!("{}-second", s.id);
            vec![s.good(), s.forge.message(&second, &s.again())]
        })
    },
    posts("no content type", |s| vec![s.good().without("Content-Type")]),
    posts("a content type that is wrong", |s| typed(s, "text/plain")),
    posts("a content type with a charset", |s| typed(s, "application/json;charset=utf-8")),
    posts("a content type that says GBK", |s| typed(s, "application/json; charset=GBK")),
    posts("a body compressed on the way", |s| vec![gzipped(s.good())]),
    refused("a body that was signed compressed", |s| {
        let compressed = gzipped(s.good()).body;
        let letter = s.forge.signed(compressed);
        vec![letter.and("Content-Encoding", "gzip")]
    }),
    refused("compressed, and nothing says so", |s| {
        vec![gzipped(s.good()).without("Content-Encoding")]
    }),
    Trap {
        status: 400,
        ..refused("called gzip, and is none", |s| vec![s.good().and("Content-Encoding", "gzip")])
    },
    posts("64 KiB exactly", |s| s.signed(of_length(s, MAX))),
    Trap { status: 413, ..refused("one byte over 64 KiB", |s| s.signed(of_length(s, MAX + 1))) },
    Trap { status: 413, ..refused("a megabyte", |s| s.signed(padded(s, 1024 * 1024))) },
    Trap {
        status: 413,
        ..refused("a megabyte in a kilobyte", |s| {
            vec![gzipped(s.forge.signed(padded(s, 1024 * 1024)))]
        })
    },
    Trap { status: 404, school: "nowhere", ..refused("no such school", |s| vec![s.good()]) },
    Trap { status: 404, school: "XNEC", ..refused("a school in capitals", |s| vec![s.good()]) },
    Trap { status: 404, school: "xnec%20", ..refused("a school and a space", |s| vec![s.good()]) },
    Trap { status: 404, school: "%E5%92%B8", ..refused("a school in Chinese", |s| vec![s.good()]) },
    posts("with an order of keys that nobody promised", |s| {
        let envelope = s.envelope();
        let fields = envelope.as_object().unwrap().iter().rev();
        let fields: Vec<String> = fields.map(|(k, v)| format!("{}:{v}", json!(k))).collect();
        let text = format!("{{{}}}", fields.join(","));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), envelope);
        s.signed(text)
    }),
];
