//! Key derivation and code computation: HKDF-SHA256 (RFC 5869) for keys, HMAC-SHA256 for handles
//! and one-time parts. All integers are big-endian.

use super::{
    Epoch,
    time::{Moment, Tick},
};
use crate::base::crypto::keyring::{Key32, KeyRing};
use aws_lc_rs::{
    hmac::{Context, HMAC_SHA256, Key, Tag},
    rand,
};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const EXTRACT_SALT: &[u8] = b"bff-code-v1";
/// HKDF-Expand numbers its blocks; 32 bytes need only the first.
const FIRST_BLOCK: &[&[u8]] = &[&[1]];
const HANDLES: u128 = 100_000_000;
const OTPS: u128 = 10_000_000_000;

/// The purpose of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodePurpose {
    /// Pays at a till.
    Pay,
    /// Identifies a person at a door.
    Id,
}

impl CodePurpose {
    /// Both purposes.
    pub const ALL: [Self; 2] = [Self::Pay, Self::Id];

    /// As stored and as used in derivations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Id => "id",
        }
    }

    /// Parses the stored form.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == code)
    }
}

/// Random bytes of one enrolment. Stored in plain text: they are useless without the master key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// As stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new random salt; `None` if the system provides no randomness.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// For storage.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt")
    }
}

/// The root of all device keys: the HKDF extract of one version of `keys.master`.
#[derive(Clone, Debug)]
pub struct CodeMaster(Key32);

impl CodeMaster {
    /// HKDF-Extract of the master key.
    pub fn new(master: &Key32) -> Self {
        Self(extract(EXTRACT_SALT, master))
    }

    /// The key of one enrolment of a school.
    pub fn device_key(&self, school_code: &str, salt: &Salt, generation: u32) -> DeviceKey {
        let generation = generation.to_be_bytes();
        let info = [b"dev|".as_slice(), school_code.as_bytes(), b"|", &salt.0, &generation];
        DeviceKey(expand(&self.0, &info))
    }
}

/// All versions of `keys.master`: the newest for new enrolments, older ones for earlier enrolments.
#[derive(Clone, Debug)]
pub struct CodeMasters(Vec<(String, CodeMaster)>);

/// A short number for a version of `keys.master`, valid within one process. The database stores the
/// key's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MasterNumber(u8);

impl CodeMasters {
    /// From `keys.master`; at most the first 256 keys.
    pub fn new(ring: &KeyRing) -> Self {
        let all = ring.all().take(256);
        Self(all.map(|key| (key.id().to_owned(), CodeMaster::new(key.key()))).collect())
    }

    /// The id of the key for new enrolments.
    pub fn newest(&self) -> &str {
        self.0.first().map_or("", |(id, _)| id)
    }

    /// The number of the key with this id.
    pub fn number(&self, id: &str) -> Option<MasterNumber> {
        let at = self.0.iter().position(|(known, _)| known == id)?;
        u8::try_from(at).ok().map(MasterNumber)
    }

    /// The key with this number.
    pub fn get(&self, number: MasterNumber) -> Option<&CodeMaster> {
        self.0.get(usize::from(number.0)).map(|(_, master)| master)
    }
}

/// The key of one enrolment, from which its four keys are derived. It is never stored or sent.
#[derive(Clone, Debug)]
pub struct DeviceKey(Key32);

impl DeviceKey {
    /// The key of the one-time parts for a purpose.
    pub fn otp_key(&self, purpose: CodePurpose) -> OtpKey {
        OtpKey(expand(&self.0, &[b"otp|", purpose.as_str().as_bytes()]))
    }

    /// The key of the handles for a purpose.
    pub fn handle_key(&self, purpose: CodePurpose) -> HandleKey {
        HandleKey(expand(&self.0, &[b"hdl|", purpose.as_str().as_bytes()]))
    }

    /// The keys of the handles for both purposes.
    pub fn handle_keys(&self) -> HandleKeys {
        HandleKeys { pay: self.handle_key(CodePurpose::Pay), id: self.handle_key(CodePurpose::Id) }
    }
}

/// Computes the one-time parts of one device and purpose.
#[derive(Clone, Debug)]
pub struct OtpKey(Key32);

impl OtpKey {
    /// The one-time part of a moment.
    pub fn otp(&self, moment: Moment) -> Otp {
        self.ready().otp(moment)
    }

    /// Prepares the key for computing many one-time parts.
    pub(super) fn ready(&self) -> ReadyOtpKey {
        ReadyOtpKey(ready(self.0.expose()))
    }

    /// The raw key, sent to the phone once, at enrolment.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// A prepared [`OtpKey`]; wiped when dropped.
pub(super) struct ReadyOtpKey(Key);

impl ReadyOtpKey {
    pub(super) fn otp(&self, Moment { tick, sub }: Moment) -> Otp {
        let message: [&[u8]; 3] = [b"o", &tick.number().to_be_bytes(), &[sub.number()]];
        Otp(number(&self.0, &message, OTPS))
    }
}

/// Computes the handles of one device and purpose.
#[derive(Clone, Debug)]
pub struct HandleKey(Key32);

impl HandleKey {
    /// The handle of an epoch.
    pub fn handle(&self, epoch: Epoch) -> Handle {
        let handle =
            number(&ready(self.0.expose()), &[b"h", &epoch.number().to_be_bytes()], HANDLES);
        Handle(u32::try_from(handle).unwrap_or(u32::MAX))
    }

    /// The handle at a step.
    pub fn handle_at(&self, tick: Tick) -> Handle {
        self.handle(tick.epoch())
    }

    /// The raw key, sent to the phone once, at enrolment.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// The handle keys of a device.
#[derive(Clone, Debug)]
pub struct HandleKeys {
    /// For payment codes.
    pub pay: HandleKey,
    /// For identity codes.
    pub id: HandleKey,
}

/// Identifies the device: 8 digits that change every epoch. Several devices may share a handle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u32);

impl Handle {
    /// From eight digits.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        (u128::from(number) < HANDLES).then_some(Self(number))
    }

    /// As written in the code, and for counting failed scans.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A handle identifies a person for an hour, so it is not printed.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

/// The one-time part: 10 digits.
#[derive(Clone, Copy)]
pub struct Otp(u64);

impl Otp {
    /// From ten digits.
    pub(super) fn from_number(number: u64) -> Option<Self> {
        (u128::from(number) < OTPS).then_some(Self(number))
    }

    /// As written in the code.
    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

impl ConstantTimeEq for Otp {
    fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp")
    }
}

/// HKDF-Extract.
fn extract(salt: &[u8], secret: &Key32) -> Key32 {
    key_of(&hmac(&ready(salt), &[secret.expose()]))
}

/// HKDF-Expand to 32 bytes.
fn expand(key: &Key32, info: &[&[u8]]) -> Key32 {
    key_of(&hmac(&ready(key.expose()), &[info, FIRST_BLOCK].concat()))
}

fn key_of(tag: &Tag) -> Key32 {
    let mut bytes = Zeroizing::new([0; 32]);
    // Both are 32 bytes: the output of SHA-256.
    bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    Key32::from_bytes(*bytes)
}

/// The first 128 bits of the HMAC as a number, modulo a power of ten far below 2^64.
fn number(key: &Key, message: &[&[u8]], modulus: u128) -> u64 {
    let tag = hmac(key, message);
    let first = tag.as_ref().iter().take(16);
    let value = first.fold(0_u128, |value, byte| (value << 8) | u128::from(*byte));
    u64::try_from(value % modulus).unwrap_or(u64::MAX)
}

fn ready(key: &[u8]) -> Key {
    Key::new(HMAC_SHA256, key)
}

fn hmac(key: &Key, message: &[&[u8]]) -> Tag {
    let mut mac = Context::with_key(key);
    for part in message {
        mac.update(part);
    }
    mac.sign()
}
