//! MACs over the columns of a row that decide who may act or whose money moves: HMAC-SHA256 with a
//! key that is not in the database.
//!
//! A stored MAC is `version(1) ‖ length of the key id(1) ‖ key id ‖ tag(32)`. The tag covers the
//! table, the row's id and the columns in a fixed order, each with its type and length, so that a
//! MAC fits one row of one table only. Of `keys.mac`, the HMAC key is the HKDF-SHA256 (no salt) with
//! the info `onecard-row-mac-v1`.
//!
//! An attacker with the database alone can neither make nor alter such a row unseen. One who puts an
//! old row with its old MAC back can: that is a replay.

use super::{
    frame,
    keyring::{KeyRing, NamedKey},
};
use aws_lc_rs::hmac;
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 32;
const DOMAIN: &[u8] = b"onecard-row-mac-v1";

/// The value of a column that a MAC covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// NULL.
    Null,
    /// `uuid`
    Uuid(Uuid),
    /// `bytea`
    Bytes(Vec<u8>),
    /// `text`
    Text(String),
    /// `bigint`, `integer` and `boolean`
    Number(i64),
}

/// How a stored MAC relates to its row. Displayed: what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacVerdict {
    /// Made with the current key.
    Current,
    /// Made with an older key that is configured.
    Older,
    /// The row has none.
    Missing,
    /// Made with a key that is not configured.
    UnknownKey,
    /// It does not fit the row.
    Wrong,
}

impl MacVerdict {
    /// True if the MAC was made for this row, with a key that is configured.
    pub const fn fits(self) -> bool {
        match self {
            Self::Current | Self::Older => true,
            Self::Missing | Self::UnknownKey | Self::Wrong => false,
        }
    }
}

impl fmt::Display for MacVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current | Self::Older => "its MAC fits",
            Self::Missing => "it has no MAC",
            Self::UnknownKey => "its MAC is by a key that keys.mac lacks",
            Self::Wrong => "it does not fit its MAC",
        })
    }
}

/// The keys of `keys.mac`, ready for use.
pub struct RowMacs {
    current: MacKey,
    older: Vec<MacKey>,
}

struct MacKey {
    id: String,
    key: hmac::Key,
}

impl RowMacs {
    /// Uses the keys of `keys.mac`.
    pub fn new(ring: &KeyRing) -> Self {
        let older = ring.all().skip(1).map(MacKey::of).collect();
        Self { current: MacKey::of(ring.current()), older }
    }

    /// The ids of all keys, the current one first.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current).chain(&self.older).map(|key| key.id.as_str())
    }

    /// The MAC to store with a row, made with the current key.
    pub fn sign(&self, table: &str, row: Uuid, fields: &[Field]) -> Vec<u8> {
        let tag = hmac::sign(&self.current.key, &message(table, row, fields));
        let mut mac = header(&self.current.id);
        mac.extend_from_slice(tag.as_ref());
        mac
    }

    /// Compares a stored MAC with its row, in constant time.
    pub fn check(
        &self,
        table: &str,
        row: Uuid,
        fields: &[Field],
        mac: Option<&[u8]>,
    ) -> MacVerdict {
        let Some(mac) = mac else { return MacVerdict::Missing };
        let Some((id, tag)) = parts(mac) else { return MacVerdict::Wrong };
        let (key, fitting) = if self.current.id == id {
            (Some(&self.current), MacVerdict::Current)
        } else {
            (self.older.iter().find(|key| key.id == id), MacVerdict::Older)
        };
        let Some(key) = key else { return MacVerdict::UnknownKey };
        match hmac::verify(&key.key, &message(table, row, fields), tag) {
            Ok(()) => fitting,
            Err(_) => MacVerdict::Wrong,
        }
    }
}

/// Prints no keys.
impl fmt::Debug for RowMacs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.key_ids().collect();
        f.debug_struct("RowMacs").field("keys", &ids).finish_non_exhaustive()
    }
}

impl MacKey {
    fn of(named: &NamedKey) -> Self {
        // HKDF-SHA256 without a salt, one block long.
        let ready = |key: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, key);
        let secret = hmac::sign(&ready(&[0; TAG_BYTES]), named.key().expose());
        let derived = hmac::sign(&ready(secret.as_ref()), &[DOMAIN, &[1]].concat());
        let key = ready(derived.as_ref());
        Self { id: named.id().to_owned(), key }
    }
}

/// What a MAC that was made with this key begins with.
fn header(key_id: &str) -> Vec<u8> {
    // A key id has at most 32 bytes.
    let length = u8::try_from(key_id.len()).unwrap_or(u8::MAX);
    let mut header = Vec::with_capacity(2 + key_id.len() + TAG_BYTES);
    header.extend_from_slice(&[VERSION, length]);
    header.extend_from_slice(key_id.as_bytes());
    header
}

fn parts(mac: &[u8]) -> Option<(&str, &[u8])> {
    let (&[VERSION, id_length], rest) = mac.split_first_chunk::<2>()? else { return None };
    let (id, tag) = rest.split_at_checked(usize::from(id_length))?;
    (tag.len() == TAG_BYTES).then_some(())?;
    Some((str::from_utf8(id).ok()?, tag))
}

fn message(table: &str, row: Uuid, fields: &[Field]) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(Vec::with_capacity(256));
    for part in [DOMAIN, table.as_bytes(), row.as_bytes()] {
        frame(&mut message, part);
    }
    for field in fields {
        match field {
            Field::Null => message.push(0),
            Field::Uuid(id) => {
                message.push(1);
                message.extend_from_slice(id.as_bytes());
            }
            Field::Bytes(bytes) => {
                message.push(2);
                frame(&mut message, bytes);
            }
            Field::Text(text) => {
                message.push(3);
                frame(&mut message, text.as_bytes());
            }
            Field::Number(number) => {
                message.push(4);
                message.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
    message
}

impl From<Uuid> for Field {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Field {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Field {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Field {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for Field {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Field {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Number(flag.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::Key32;

    const ROW: Uuid = Uuid::from_u128(7);

    fn key(id: &str, byte: u8) -> NamedKey {
        NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap()
    }

    fn macs(current: NamedKey, older: Vec<NamedKey>) -> RowMacs {
        RowMacs::new(&KeyRing::new(current, older).unwrap())
    }

    fn fields() -> [Field; 4] {
        [Uuid::from_u128(9).into(), "open".into(), 5_i64.into(), None::<i64>.into()]
    }

    /// Made with the Python module `hmac` and HKDF written out: key 32 × 0x01.
    #[test]
    fn matches_another_implementation() {
        let mac = macs(key("k1", 1), vec![]).sign("payment", ROW, &fields());
        assert_eq!(hex::encode(mac), VECTOR);
    }

    #[test]
    fn a_mac_fits_its_row_alone() {
        let macs = macs(key("k1", 1), vec![]);
        let mac = macs.sign("payment", ROW, &fields());
        let check = |table, row, fields: &[Field]| macs.check(table, row, fields, Some(&mac));
        assert_eq!(check("payment", ROW, &fields()), MacVerdict::Current);
        assert_eq!(check("orders", ROW, &fields()), MacVerdict::Wrong);
        assert_eq!(check("payment", Uuid::from_u128(8), &fields()), MacVerdict::Wrong);
        let others: [[Field; 4]; 5] = [
            [Uuid::from_u128(8).into(), "open".into(), 5_i64.into(), Field::Null],
            [Uuid::from_u128(9).into(), "paid".into(), 5_i64.into(), Field::Null],
            [Uuid::from_u128(9).into(), b"open".to_vec().into(), 5_i64.into(), Field::Null],
            [Uuid::from_u128(9).into(), "open".into(), 6_i64.into(), Field::Null],
            [Uuid::from_u128(9).into(), "open".into(), 5_i64.into(), 0_i64.into()],
        ];
        for other in others {
            assert_eq!(check("payment", ROW, &other), MacVerdict::Wrong, "{other:?}");
        }
        let moved = [Field::from("ab"), "c".into()];
        let mac = macs.sign("payment", ROW, &moved);
        let framed = macs.check("payment", ROW, &["a".into(), "bc".into()], Some(&mac));
        assert_eq!(framed, MacVerdict::Wrong);
    }

    #[test]
    fn an_older_key_still_checks_and_no_longer_signs() {
        let old = macs(key("k1", 1), vec![]).sign("payment", ROW, &fields());
        let cases = [
            (macs(key("k1", 1), vec![]), MacVerdict::Current),
            (macs(key("k2", 2), vec![key("k1", 1)]), MacVerdict::Older),
            (macs(key("k2", 2), vec![]), MacVerdict::UnknownKey),
            (macs(key("k1", 3), vec![]), MacVerdict::Wrong),
        ];
        for (macs, verdict) in cases {
            assert_eq!(macs.check("payment", ROW, &fields(), Some(&old)), verdict, "{macs:?}");
            assert_ne!(macs.sign("payment", ROW, &fields()).len(), 0);
        }
        let new = macs(key("k2", 2), vec![key("k1", 1)]);
        let mac = new.sign("payment", ROW, &fields());
        assert_eq!(new.check("payment", ROW, &fields(), Some(&mac)), MacVerdict::Current);
    }

    #[test]
    fn every_altered_bit_and_every_cut_is_seen() {
        let macs = macs(key("k1", 1), vec![]);
        let mac = macs.sign("payment", ROW, &fields());
        let good = |mac: &[u8]| {
            matches!(
                macs.check("payment", ROW, &fields(), Some(mac)),
                MacVerdict::Current | MacVerdict::Older
            )
        };
        assert!(good(&mac));
        for length in 0..mac.len() {
            assert!(!good(&mac[..length]), "cut to {length}");
        }
        for bit in 0..mac.len() * 8 {
            let mut altered = mac.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!good(&altered), "bit {bit}");
        }
        assert_eq!(macs.check("payment", ROW, &fields(), None), MacVerdict::Missing);
    }

    const VECTOR: &str = "01026b310f725217f0fccb0cb718779d6830b9be\
        f0bcde2fd7d361018bffa8dcf713cbcf";
}
