//! The three fields of a signed request: `Signature-Input`, `Signature` and `Content-Digest`.

use super::{MAX_FIELD_BYTES, SignatureError, WINDOW};
use crate::base::clock::Timestamp;
use sfv::{Dictionary, GenericBareItem, InnerList, Key, KeyRef, ListEntry, Parser};
use std::{borrow::Cow, ops::RangeInclusive};

const NONCE_BYTES: RangeInclusive<usize> = 1..=64;
const ALGORITHM: &str = "ed25519";
const DIGEST_ALGORITHM: &str = "sha-256";

/// Joins the lines of a field (RFC 9421, 2.1).
pub(super) fn joined<'a>(
    name: &'static str,
    lines: &[&'a str],
) -> Result<Cow<'a, str>, SignatureError> {
    if lines.iter().map(|line| line.len()).sum::<usize>() > MAX_FIELD_BYTES {
        return Err(SignatureError::Malformed(name));
    }
    let trimmed = |line: &&'a str| line.trim_matches([' ', '\t']);
    match lines {
        [] => Err(SignatureError::Missing(name)),
        [line] => Ok(trimmed(line).into()),
        lines => Ok(lines.iter().map(trimmed).collect::<Vec<_>>().join(", ").into()),
    }
}

fn dictionary(name: &'static str, field: &str) -> Result<Dictionary, SignatureError> {
    Parser::new(field).parse().map_err(|_| SignatureError::Malformed(name))
}

/// The only member of a dictionary.
fn only(name: &'static str, field: &str) -> Result<(Key, ListEntry), SignatureError> {
    let mut members = dictionary(name, field)?.into_iter();
    let first = members.next().ok_or(SignatureError::Labels)?;
    if members.next().is_some() { Err(SignatureError::Labels) } else { Ok(first) }
}

/// The label of the only signature, and its input.
pub(super) fn input_of(field: &str) -> Result<(Key, InnerList), SignatureError> {
    match only("signature-input", field)? {
        (label, ListEntry::InnerList(input)) => Ok((label, input)),
        (_, ListEntry::Item(_)) => Err(SignatureError::Malformed("signature-input")),
    }
}

/// The only signature, which must have this label.
pub(super) fn signature_of(field: &str, label: &Key) -> Result<Vec<u8>, SignatureError> {
    let (found, signature) = only("signature", field)?;
    if found != *label {
        return Err(SignatureError::Labels);
    }
    bytes_of(&signature).ok_or(SignatureError::Malformed("signature"))
}

/// The SHA-256 digest of the body.
pub(super) fn digest_of(field: &str) -> Result<Vec<u8>, SignatureError> {
    let digests = dictionary("content-digest", field)?;
    let digest = digests.iter().find(|(name, _)| name.as_str() == DIGEST_ALGORITHM);
    let digest = digest.and_then(|(_, digest)| bytes_of(digest));
    digest.ok_or(SignatureError::Malformed("content-digest"))
}

fn bytes_of(entry: &ListEntry) -> Option<Vec<u8>> {
    match entry {
        ListEntry::Item(item) => item.bare_item.as_byte_sequence().map(<[u8]>::to_vec),
        ListEntry::InnerList(_) => None,
    }
}

/// The parameters of a signature.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    pub(super) key_id: String,
    pub(super) nonce: String,
    created: i64,
    expires: Option<i64>,
}

impl Parameters {
    /// Reads the required parameters. Others are allowed, but `alg` must be `ed25519` if present.
    pub(super) fn read(input: &InnerList) -> Result<Self, SignatureError> {
        let wrong = SignatureError::Parameter;
        let get =
            |name: &'static str| KeyRef::from_str(name).ok().and_then(|k| input.params.get(k));
        let text = |name: &'static str| {
            let text = get(name).and_then(|value| value.as_string());
            text.map(|text| text.as_str().to_owned()).ok_or(wrong(name))
        };
        let number = |name: &'static str| {
            let number = get(name).and_then(GenericBareItem::as_integer);
            number.map(i64::from).ok_or(wrong(name))
        };
        if get("alg").is_some() && text("alg")? != ALGORITHM {
            return Err(wrong("alg"));
        }
        let nonce = text("nonce")?;
        if !NONCE_BYTES.contains(&nonce.len()) {
            return Err(wrong("nonce"));
        }
        let expires = get("expires").map(|_| number("expires")).transpose()?;
        Ok(Self { key_id: text("keyid")?, nonce, created: number("created")?, expires })
    }

    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), SignatureError> {
        let near = Timestamp::from_seconds(self.created).distance(now) <= WINDOW;
        let over = self.expires.is_some_and(|expires| now > Timestamp::from_seconds(expires));
        if near && !over { Ok(()) } else { Err(SignatureError::Stale) }
    }
}
