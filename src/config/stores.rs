//! `[database]`, `[redis]` and `[ledger]`: where data is stored.

use super::section::{Section, Setting};
use crate::base::crypto::heads::TrustedKey;
use ::config::{Value, ValueKind};
use reqwest::Url;
use secrecy::SecretString;
use std::path::PathBuf;

const DATABASE_URL: &str = "sqlite://data/onecard.db";
const MAX_CONNECTIONS: u16 = 16;
const HEADS_FILE: &str = "data/heads.jsonl";
const LANES: u16 = 2;
const TRUSTED_HEAD: &str = "must be { public_key = \"64 hex digits\", until_position = 7 }, or in a variable \
    public key=position";

/// The database.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub url: SecretString,
    /// The most connections of the pool.
    pub max_connections: u32,
    /// Whether `serve` applies missing migrations first.
    pub auto_migrate: bool,
}

/// The key-value store.
#[derive(Clone, Debug)]
pub struct Redis {
    /// `redis://…`, may hold a password. With `None` the store is in the process's memory.
    pub url: Option<SecretString>,
}

/// The ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The file that signed heads are appended to.
    pub heads_file: PathBuf,
    /// Keys that signed heads before `keys.head`, and up to which position.
    pub trusted_heads: Vec<TrustedKey>,
    /// How many batches of postings are written in parallel.
    pub lanes: usize,
}

pub(super) fn read_database(mut section: Section<'_>) -> Option<Database> {
    let wanted = "an address that begins with sqlite:// or postgres://";
    let url = if section.has_any(&["url"]) {
        section.parsed("url", wanted, database_url)
    } else {
        section.take("url");
        Some(DATABASE_URL.into())
    };
    let max_connections = section.number("max_connections", 1..=1000, MAX_CONNECTIONS);
    let auto_migrate = section.flag("auto_migrate", true);
    section.finish();
    Some(Database { url: url?, max_connections: max_connections.into(), auto_migrate })
}

fn database_url(text: &str) -> Option<SecretString> {
    let known = match text.split_once(':')?.0 {
        "sqlite" => true,
        "postgres" | "postgresql" => Url::parse(text).is_ok(),
        _ => false,
    };
    known.then(|| text.into())
}

pub(super) fn read_redis(mut section: Section<'_>) -> Redis {
    let wanted = "an address such as redis://127.0.0.1:6379/0";
    let url = section.parsed("url", wanted, |text| {
        deadpool_redis::redis::Client::open(text).ok()?;
        Some(text.into())
    });
    section.finish();
    Redis { url }
}

pub(super) fn read_ledger(mut section: Section<'_>) -> Ledger {
    let heads_file = section.parsed("heads_file", "a file", |text| Some(PathBuf::from(text)));
    let lanes = section.number("lanes", 1..=64, LANES);
    let trusted = section.items("trusted_heads").unwrap_or_default();
    let trusted_heads = trusted.into_iter().filter_map(|entry| trusted_head(&section, entry));
    let trusted_heads = trusted_heads.collect();
    section.finish();
    let heads_file = heads_file.unwrap_or_else(|| HEADS_FILE.into());
    Ledger { heads_file, trusted_heads, lanes: lanes.into() }
}

/// `{ public_key = "…", until_position = 7 }`; in a variable `public key=position`.
fn trusted_head(ledger: &Section<'_>, entry: Setting<Value>) -> Option<TrustedKey> {
    if let ValueKind::String(text) = &entry.value.kind {
        let (key, until) = text.split_once('=').unwrap_or((text, ""));
        let trusted = public_key(key).zip(position(until));
        if trusted.is_none() {
            ledger.report(&entry.key, TRUSTED_HEAD);
        }
        let (public_key, until) = trusted?;
        return Some(TrustedKey { public_key, until_position: Some(until) });
    }
    let mut table = ledger.table_of(entry, TRUSTED_HEAD)?;
    let key = table.required("public_key", "64 hex digits", public_key);
    let until = table.required_position("until_position");
    table.finish();
    Some(TrustedKey { public_key: key?, until_position: Some(until?) })
}

fn public_key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).ok()?;
    Some(key)
}

fn position(text: &str) -> Option<i64> {
    text.parse().ok().filter(|position| *position > 0)
}
