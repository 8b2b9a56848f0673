//! Sequence numbers of terminals: compares a request with earlier ones of the same number.
//!
//! A repeat is recognised by its content, not by its signature: a till that lost a response signs
//! the same body again with a new time and a new nonce. A nonce may be used for one signature only.

use super::{Call, terminal::TerminalId};
use crate::base::ids::SchoolId;
use serde::{Deserialize, Deserializer, de::Error};
use sha2::{Digest, Sha256};

/// The number of a terminal's action: 1 to 2⁶³ − 1, each used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// `None` below one.
    pub const fn new(number: i64) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// For storage.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(from)?;
        Self::new(number).ok_or_else(|| D::Error::custom("a seq is 1 or more"))
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
}

impl AnswerKind {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Reversal => "reversal",
            Self::Reversed => "reversed",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [Self::Charge, Self::Reversal, Self::Reversed];
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
        // Whatever the charge asked for.
        AnswerKind::Reversed => SeqCheck::Repeat(before.answer.clone()),
        AnswerKind::Charge | AnswerKind::Reversal if same(&before.asked) => {
            SeqCheck::Repeat(before.answer.clone())
        }
        AnswerKind::Charge | AnswerKind::Reversal => SeqCheck::Conflict,
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
    fn a_number_is_positive() {
        let read = |text: &str| serde_json::from_str::<Seq>(text).ok().map(Seq::number);
        let most = i64::MAX.to_string();
        for (text, number) in [("1", Some(1)), (most.as_str(), Some(i64::MAX))] {
            assert_eq!(read(text), number);
        }
        for text in ["0", "-1", "9223372036854775808", "1.0", "\"1\"", "null"] {
            assert_eq!(read(text), None, "{text}");
        }
        for step in [SeqStep::Act, SeqStep::Password, SeqStep::Reversal] {
            assert_eq!(SeqStep::from_number(step.number()), Some(step));
        }
        for kind in [AnswerKind::Charge, AnswerKind::Reversal, AnswerKind::Reversed] {
            assert_eq!(AnswerKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!((SeqStep::from_number(3), AnswerKind::from_code("")), (None, None));
    }
}
