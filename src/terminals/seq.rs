//! Sequence numbers of terminals: compares a request with earlier ones of the same number.
//!
//! A repeat is recognised by its content, not by its signature: a till that lost a response signs
//! the same body again with a new time and a new nonce. A nonce may be used for one signature only.

use super::{Call, terminal::TerminalId};
use crate::base::{
    http::{ApiError, problem::problem_kinds},
    ids::SchoolId,
};
use serde::{Deserialize, Deserializer, de::Error};
use sha2::{Digest, Sha256};

/// The number of a terminal's action: 1 to 2⁶² − 1, each used once. A terminal goes on above its
/// highest number, so one that is sent by mistake must leave room above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// The highest number.
    pub const LAST: i64 = (1 << 62) - 1;

    /// `None` below one, and above [`Seq::LAST`].
    pub const fn new(number: i64) -> Option<Self> {
        if number <= Self::LAST { Self::stored(number) } else { None }
    }

    /// As stored: earlier releases took numbers up to 2⁶³ − 1.
    pub const fn stored(number: i64) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// For storage.
    pub const fn number(self) -> i64 {
        self.0
    }
}

problem_kinds! {
    OUT_OF_RANGE = "seq_out_of_range", 422, "流水号超出范围，请检查终端";
}

/// A number as a terminal sends it: whole, of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentSeq(Option<Seq>);

impl SentSeq {
    /// The number, if it is in range.
    pub fn in_range(self) -> Result<Seq, ApiError> {
        self.0.ok_or(ApiError::new(OUT_OF_RANGE))
    }

    /// The digits of a path; `None` for other text.
    pub fn of_path(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| Self(text.parse().ok().and_then(Seq::new)))
    }
}

impl<'de> Deserialize<'de> for SentSeq {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(from)?;
        // What does not fit into 64 bits is read as a float, whose text has an exponent above zero.
        let text = number.to_string();
        let large = text.contains('e') && !text.contains("e-");
        if number.is_i64() || number.is_u64() || large {
            Ok(Self(number.as_i64().and_then(Seq::new)))
        } else {
            Err(D::Error::custom("a seq is a whole number"))
        }
    }
}

/// The requests that share one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeqStep {
    /// The action.
    Act,
    /// The action again, with the password that the first response asked for.
    Password,
    /// The reversal of the action.
    Reversal,
}

impl SeqStep {
    /// As stored.
    pub const fn number(self) -> i32 {
        match self {
            Self::Act => 0,
            Self::Password => 1,
            Self::Reversal => 2,
        }
    }

    /// As stored.
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::Act),
            1 => Some(Self::Password),
            2 => Some(Self::Reversal),
            _ => None,
        }
    }
}

/// The kind of a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// A charge.
    Charge,
    /// A reversal of a charge.
    Reversal,
    /// A charge that never happened: its reversal arrived first and took its number.
    Reversed,
    /// A decision of a door or a desk.
    Access,
}

impl AnswerKind {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Reversal => "reversal",
            Self::Reversed => "reversed",
            Self::Access => "access",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [Self::Charge, Self::Reversal, Self::Reversed, Self::Access];
        all.into_iter().find(|kind| kind.code() == code)
    }
}

/// A request with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedRequest {
    /// The terminal.
    pub terminal: TerminalId,
    /// The terminal's school.
    pub school: SchoolId,
    /// The number.
    pub seq: Seq,
    /// Which of the requests with this number.
    pub step: SeqStep,
    /// The kind of response it leads to.
    pub kind: AnswerKind,
    /// The nonce of its signature; empty for [`AnswerKind::Reversed`], which was not requested.
    pub nonce: String,
    /// SHA-256 of the signature.
    pub signature_digest: [u8; 32],
    /// SHA-256 of the content.
    pub content_digest: [u8; 32],
}

impl NumberedRequest {
    /// The numbered request of a call. `content` is everything that distinguishes it from other
    /// requests, except passwords: a digest of six digits would reveal them.
    pub fn of(call: &Call, seq: Seq, step: SeqStep, kind: AnswerKind, content: &[u8]) -> Self {
        Self {
            terminal: call.terminal.id,
            school: call.terminal.school,
            seq,
            step,
            kind,
            nonce: call.signed.nonce().to_owned(),
            signature_digest: call.signed.signature_digest(),
            content_digest: Sha256::digest(content).into(),
        }
    }

    /// The action with the same number, marked as reversed before it arrived.
    #[must_use]
    pub fn reversed_before(&self) -> Self {
        Self {
            step: SeqStep::Act,
            kind: AnswerKind::Reversed,
            nonce: String::new(),
            ..self.clone()
        }
    }
}

/// A response as sent and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// JSON; a problem document if the status is 400 or above.
    pub body: Vec<u8>,
}

/// A request and its response, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredRequest {
    /// The request.
    pub asked: NumberedRequest,
    /// The response.
    pub answer: StoredResponse,
}

/// How a request relates to earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeqCheck {
    /// It is new and must be decided.
    First,
    /// It was decided before and gets the same response.
    Repeat(StoredResponse),
    /// The number was used for another request.
    Conflict,
    /// The nonce was used under another signature: the request counts as unauthenticated.
    NonceReused,
}

/// Compares a request with the stored ones of the same number or nonce; others are ignored.
pub fn check_seq(asked: &NumberedRequest, kept: &[AnsweredRequest]) -> SeqCheck {
    let mut ours = kept.iter().filter(|kept| kept.asked.terminal == asked.terminal);
    let reused = |kept: &AnsweredRequest| {
        kept.asked.nonce == asked.nonce && kept.asked.signature_digest != asked.signature_digest
    };
    if !asked.nonce.is_empty() && ours.clone().any(reused) {
        return SeqCheck::NonceReused;
    }
    let place = (asked.seq, asked.step);
    let Some(before) = ours.find(|kept| (kept.asked.seq, kept.asked.step) == place) else {
        return SeqCheck::First;
    };
    let same = |was: &NumberedRequest| {
        was.kind == asked.kind && was.content_digest == asked.content_digest
    };
    match before.asked.kind {
        AnswerKind::Reversed if asked.kind == AnswerKind::Access => SeqCheck::Conflict,
        // Whatever the charge asked for.
        AnswerKind::Reversed => SeqCheck::Repeat(before.answer.clone()),
        AnswerKind::Charge | AnswerKind::Reversal | AnswerKind::Access if same(&before.asked) => {
            SeqCheck::Repeat(before.answer.clone())
        }
        AnswerKind::Charge | AnswerKind::Reversal | AnswerKind::Access => SeqCheck::Conflict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn asked(seq: i64, nonce: &str, signature: u8, content: u8) -> NumberedRequest {
        NumberedRequest {
            terminal: TerminalId::from_uuid(Uuid::from_u128(7)),
            school: SchoolId::from_number(1),
            seq: Seq::new(seq).unwrap(),
            step: SeqStep::Act,
            kind: AnswerKind::Charge,
            nonce: nonce.to_owned(),
            signature_digest: [signature; 32],
            content_digest: [content; 32],
        }
    }

    #[test]
    fn numbers_end_below_2_to_the_62() {
        let range = [(i64::MIN, false), (-1, false), (0, false), (1, true), (17, true)];
        let end = [(Seq::LAST, true), (Seq::LAST + 1, false), (i64::MAX, false)];
        for (number, good) in range.into_iter().chain(end) {
            assert_eq!(Seq::new(number).is_some(), good, "{number}");
            assert_eq!(Seq::stored(number).is_some(), number > 0, "{number}");
            let text = number.to_string();
            let sent = [serde_json::from_str(&text).unwrap(), SentSeq::of_path(&text).unwrap()];
            for sent in sent {
                assert_eq!(sent.in_range().is_ok(), good, "{number}");
            }
        }
        for whole in ["9223372036854775808", "18446744073709551616", "-9223372036854775809"] {
            let sent = [serde_json::from_str(whole).unwrap(), SentSeq::of_path(whole).unwrap()];
            assert!(sent.into_iter().all(|sent| sent.in_range().is_err()), "{whole}");
        }
        for other in ["1.5", "1e3", "1e-7", "\"1\"", "null", "true"] {
            assert!(serde_json::from_str::<SentSeq>(other).is_err(), "{other}");
            assert_eq!(SentSeq::of_path(other), None, "{other}");
        }
        for other in ["", "-", "+1", " 1", "1a", "１"] {
            assert_eq!(SentSeq::of_path(other), None, "{other}");
        }
    }

    #[test]
    fn each_number_is_decided_once() {
        let answer = StoredResponse { status: 200, body: b"{}".to_vec() };
        let done = asked(5, "a", 1, 1);
        let kept = [AnsweredRequest { asked: done.clone(), answer: answer.clone() }];
        let reversal = NumberedRequest {
            step: SeqStep::Reversal,
            kind: AnswerKind::Reversal,
            ..asked(5, "r", 9, 9)
        };
        let password = NumberedRequest { step: SeqStep::Password, ..asked(5, "p", 8, 8) };
        let elsewhere = NumberedRequest {
            terminal: TerminalId::from_uuid(Uuid::from_u128(8)),
            ..asked(5, "a", 2, 2)
        };
        let other_kind = NumberedRequest { kind: AnswerKind::Reversal, ..asked(5, "b", 2, 1) };
        let cases = [
            ("the very same", done, SeqCheck::Repeat(answer.clone())),
            ("signed anew", asked(5, "b", 2, 1), SeqCheck::Repeat(answer.clone())),
            ("something else", asked(5, "b", 2, 2), SeqCheck::Conflict),
            ("of another kind", other_kind, SeqCheck::Conflict),
            ("same nonce, signed anew", asked(5, "a", 2, 1), SeqCheck::NonceReused),
            ("same nonce, something else", asked(5, "a", 2, 2), SeqCheck::NonceReused),
            ("same nonce, next number", asked(6, "a", 2, 2), SeqCheck::NonceReused),
            ("next number", asked(6, "b", 2, 2), SeqCheck::First),
            ("an earlier number", asked(4, "b", 2, 2), SeqCheck::First),
            ("its reversal", reversal, SeqCheck::First),
            ("its password", password, SeqCheck::First),
            ("another terminal", elsewhere, SeqCheck::First),
        ];
        for (what, asked, expected) in cases {
            assert_eq!(check_seq(&asked, &kept), expected, "{what}");
        }
        assert_eq!(check_seq(&asked(5, "a", 1, 1), &[]), SeqCheck::First);
    }

    #[test]
    fn a_reversal_that_arrives_first_takes_the_number() {
        let refused = StoredResponse { status: 422, body: b"reversed".to_vec() };
        let reversal = NumberedRequest {
            step: SeqStep::Reversal,
            kind: AnswerKind::Reversal,
            ..asked(5, "r", 9, 9)
        };
        let mark = reversal.reversed_before();
        let kept = [
            AnsweredRequest { asked: mark, answer: refused.clone() },
            AnsweredRequest {
                asked: reversal.clone(),
                answer: StoredResponse { status: 200, body: vec![] },
            },
        ];
        assert_eq!(check_seq(&asked(5, "c", 1, 1), &kept), SeqCheck::Repeat(refused));
        assert_eq!(
            check_seq(&reversal, &kept),
            SeqCheck::Repeat(StoredResponse { status: 200, body: vec![] })
        );
        assert_eq!(check_seq(&asked(5, "r", 1, 1), &kept), SeqCheck::NonceReused);
    }

    #[test]
    fn steps_and_kinds_are_read_as_stored() {
        for step in [SeqStep::Act, SeqStep::Password, SeqStep::Reversal] {
            assert_eq!(SeqStep::from_number(step.number()), Some(step));
        }
        for kind in [AnswerKind::Charge, AnswerKind::Reversal, AnswerKind::Reversed] {
            assert_eq!(AnswerKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!((SeqStep::from_number(3), AnswerKind::from_code("")), (None, None));
    }
}
