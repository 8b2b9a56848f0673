//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, steps of 30 seconds, as every
//! authenticator app has them.

use crate::base::clock::Timestamp;
use aws_lc_rs::hmac;
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// RFC 4226, section 4: 160 bits are recommended.
const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
/// How many steps a clock may be wrong by, in either direction.
const DRIFT_STEPS: i64 = 1;
/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that an authenticator app and the server share. It is not printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TotpSecret([u8; SECRET_BYTES]);

/// Six digits as somebody typed them. They are not printed.
#[derive(Clone, Copy)]
pub struct TotpCode(u32);

/// The system provides no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret could not be created")]
pub struct NoSecret;

/// Not six digits, or not a secret of the length that this program makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a one-time code or its secret")]
pub struct MalformedTotp;

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode")
    }
}

impl TotpCode {
    /// Reads six ASCII digits.
    pub fn parse(text: &str) -> Result<Self, MalformedTotp> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MalformedTotp);
        }
        text.parse().map(Self).map_err(|_| MalformedTotp)
    }
}

impl TotpSecret {
    /// A new random secret.
    pub fn random() -> Result<Self, NoSecret> {
        let mut secret = [0; SECRET_BYTES];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| NoSecret)?;
        Ok(Self(secret))
    }

    /// As it was stored.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, MalformedTotp> {
        bytes.try_into().map(Self).map_err(|_| MalformedTotp)
    }

    /// The raw bytes, to be sealed.
    pub const fn expose(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// In base32 without padding, as authenticator apps take it.
    pub fn base32(&self) -> Zeroizing<String> {
        // 160 bits are 32 characters of 5 bits: nothing is left over.
        let mut text = String::with_capacity(SECRET_BYTES * 8 / 5);
        for five in self.0.chunks(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for shift in (0..8).rev().map(|nth| nth * 5) {
                let index = usize::try_from(bits >> shift & 31).unwrap_or(0);
                text.push(BASE32.get(index).copied().map_or('A', char::from));
            }
        }
        Zeroizing::new(text)
    }

    /// The address that an authenticator app reads from a QR code, after Google's Key Uri Format.
    /// `account` may hold ASCII letters, digits, `.`, `-`, `_` and `@`; no other needs escaping.
    pub fn otpauth_uri(&self, account: &str) -> Zeroizing<String> {
        let secret = self.base32();
        Zeroizing::new(format!(
            "otpauth://totp/onecard:{account}?secret={}&issuer=onecard&algorithm=SHA1&digits=6\
             &period=30",
            secret.as_str()
        ))
    }

    /// The step whose code this is, if it is one after `used` and at most one step from now. Takes the
    /// same time for every code. A caller stores the step before it accepts the code: each is good once.
    pub fn step_of(&self, code: TotpCode, now: Timestamp, used: i64) -> Option<i64> {
        let current = now.seconds().div_euclid(STEP_SECONDS);
        let (mut found, mut step) = (Choice::from(0), 0);
        for candidate in current - DRIFT_STEPS..=current + DRIFT_STEPS {
            let fits =
                self.code_at(candidate).ct_eq(&code.0) & Choice::from(u8::from(candidate > used));
            step.conditional_assign(&candidate, fits & !found);
            found |= fits;
        }
        bool::from(found).then_some(step)
    }

    /// The code that an authenticator app shows now.
    pub fn code(&self, now: Timestamp) -> Zeroizing<String> {
        let code = self.code_at(now.seconds().div_euclid(STEP_SECONDS));
        Zeroizing::new(format!("{code:0DIGITS$}"))
    }

    /// RFC 4226, section 5.3, of the step as a counter.
    fn code_at(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = tag.last().map_or(0, |byte| usize::from(byte & 15));
        let four = tag.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
        (u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff) % MODULUS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// The secret of RFC 6238, appendix B.
    fn secret() -> TotpSecret {
        TotpSecret::from_slice(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn code(text: &str) -> TotpCode {
        TotpCode::parse(text).unwrap()
    }

    /// RFC 6238, appendix B: its eight digits, of which six are used here.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        let vectors = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        for (seconds, eight) in vectors {
            assert_eq!(secret().code(at(seconds)).as_str(), &eight[2..], "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_or_late_and_once() {
        let now = at(1_111_111_111);
        let step = 1_111_111_111 / 30;
        let steps = [(-60, false), (-30, true), (0, true), (30, true), (60, false)];
        for (seconds, good) in steps {
            let shown = secret().code(at(1_111_111_111 + seconds));
            let found = secret().step_of(code(&shown), now, 0);
            assert_eq!(found, good.then_some(step + seconds / 30), "{seconds}");
            let again = secret().step_of(code(&shown), now, step + seconds / 30);
            assert_eq!(again, None, "{seconds}");
        }
        let earlier = secret().code(now.minus(Duration::from_secs(30)));
        assert_eq!(secret().step_of(code(&earlier), now, step), None, "before one that was used");
    }

    #[test]
    fn codes_are_six_digits() {
        for bad in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６", " 12345"] {
            assert!(TotpCode::parse(bad).is_err(), "{bad}");
        }
        assert!(TotpCode::parse("000000").is_ok());
    }

    /// RFC 4648's alphabet; the text of the RFC's secret as authenticator apps take it.
    #[test]
    fn the_secret_is_written_for_authenticator_apps() {
        let secret = secret();
        assert_eq!(secret.base32().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = secret.otpauth_uri("xnec-li");
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/onecard:xnec-li?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=onecard&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{secret:?} {:?}", code("123456")), "TotpSecret TotpCode");
        assert!(TotpSecret::from_slice(b"short").is_err());
    }
}
