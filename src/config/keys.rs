//! `[keys]`: the secrets of this installation. Each is `"base64:…"`, or
//! `{ id = "k2", key = "base64:…", previous = [{ id = "k1", key = "base64:…" }] }`; in a variable
//! the previous keys are written `k1=base64:…`, separated by commas.

use super::{
    files::refuse_throwaway,
    section::{Section, Setting},
};
use crate::base::crypto::keyring::{Key32, KeyError, KeyRing, NamedKey};
use ::config::{Value, ValueKind};

const WANTED: &str = "32 random bytes, \"base64:…\" (make them with: openssl rand -base64 32)";
const NOT_A_KEY: &str =
    "must be \"base64:…\" or { id = \"…\", key = \"base64:…\", previous = […] }";

/// The secrets of this installation.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Derives pass codes.
    pub master: KeyRing,
    /// Seals personal data.
    pub data: KeyRing,
    /// Blind index of personal data.
    pub index: KeyRing,
    /// Signs access tokens.
    pub jwt: KeyRing,
    /// Signs the heads of the ledger. Where it is not configured it is `master`.
    pub head: KeyRing,
    /// Authenticates rows that decide who may act and whose money moves. Where it is not configured
    /// it is `master`.
    pub mac: KeyRing,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Keys> {
    let master = ring(&mut section, "master");
    let data = ring(&mut section, "data");
    let index = ring(&mut section, "index");
    let jwt = ring(&mut section, "jwt");
    let head = own_ring(&mut section, "head", master.as_ref());
    let mac = own_ring(&mut section, "mac", master.as_ref());
    section.finish();
    Some(Keys { master: master?, data: data?, index: index?, jwt: jwt?, head: head?, mac: mac? })
}

/// A ring that is `otherwise` where it is not configured.
fn own_ring(section: &mut Section<'_>, name: &str, otherwise: Option<&KeyRing>) -> Option<KeyRing> {
    if section.has_any(&[name]) {
        return given_ring(section, name);
    }
    section.take(name);
    otherwise.cloned()
}

fn ring(section: &mut Section<'_>, name: &str) -> Option<KeyRing> {
    if !section.has_any(&[name]) {
        section.report_missing(name, WANTED);
    }
    given_ring(section, name)
}

fn given_ring(section: &mut Section<'_>, name: &str) -> Option<KeyRing> {
    let entry = section.take(name)?;
    if let ValueKind::String(text) = &entry.value.kind {
        let key = reported(section, &entry.key, Key32::parse(text))?;
        return Some(KeyRing::single(NamedKey::unnamed(key)));
    }
    let key = entry.key.clone();
    let mut table = section.table_of(entry, NOT_A_KEY)?;
    let previous = table.items("previous").unwrap_or_default();
    let previous: Vec<NamedKey> =
        previous.into_iter().filter_map(|entry| previous_key(&table, entry)).collect();
    let current = named_key(table)?;
    reported(section, &key, KeyRing::new(current, previous))
}

fn previous_key(ring: &Section<'_>, entry: Setting<Value>) -> Option<NamedKey> {
    if let ValueKind::String(text) = &entry.value.kind {
        let Some((id, key)) = text.split_once('=') else {
            ring.report(&entry.key, "must be id=base64:…");
            return None;
        };
        refuse_throwaway(ring, &entry.key, id);
        let key = reported(ring, &entry.key, Key32::parse(key))?;
        return reported(ring, &entry.key, NamedKey::new(id, key));
    }
    named_key(ring.table_of(entry, "must be { id = \"…\", key = \"base64:…\" }")?)
}

fn named_key(mut table: Section<'_>) -> Option<NamedKey> {
    let id = table.required_text("id", "the name of the key");
    let key = table.required_text("key", WANTED);
    let key = key.and_then(|text| reported(&table, &text.key, Key32::parse(&text.value)));
    let named = id.and_then(|id| {
        refuse_throwaway(&table, &id.key, &id.value);
        reported(&table, &id.key, NamedKey::new(&id.value, key?))
    });
    table.finish();
    named
}

fn reported<T>(section: &Section<'_>, key: &str, result: Result<T, KeyError>) -> Option<T> {
    result.map_err(|error| section.report(key, error.to_string())).ok()
}
