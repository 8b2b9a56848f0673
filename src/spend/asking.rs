//! What a till asks for, made ready for the lanes: the code was looked for, the password compared.

use super::{
    challenge::{Challenge, CodeMark},
    rules::Which,
};
use crate::{
    base::{
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    passcode::{Found, Shown},
    schools::School,
    terminals::{
        Merchant,
        seq::{Answer, AnswerKind, Asked, Kept, Seen, Step, see},
    },
};
use std::sync::Arc;

/// A charge that a till asks for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Under which number, and by which signature.
    pub asked: Asked,
    /// Where the till stands.
    pub school: Arc<School>,
    /// Who is paid.
    pub merchant: Merchant,
    /// How much; above zero.
    pub amount: Fen,
    /// By what it is asked for.
    pub proof: Proof,
    /// Of the request, to be named in a refusal.
    pub request_id: String,
}

/// By what a charge is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A code that a device can have shown. Whether it is its first use, the transaction says.
    Good(Shown),
    /// The same, of a phone whose clock is wrong: used up, and refused.
    Skewed(Shown),
    /// Used before, as the key-value store remembers.
    Used,
    /// A code for something else.
    WrongPurpose,
    /// No code of anybody here.
    Invalid,
}

impl Scan {
    /// What was found, unless the terminal must wait: then how long.
    pub fn of(found: Found) -> Result<Self, std::time::Duration> {
        match found {
            Found::Shown(shown) => Ok(Self::Good(shown)),
            Found::ClockSkew(shown, _) => Ok(Self::Skewed(shown)),
            Found::UsedBefore(_) => Ok(Self::Used),
            Found::WrongPurpose => Ok(Self::WrongPurpose),
            Found::Invalid(_) => Ok(Self::Invalid),
            Found::Slowed { retry_after } => Err(retry_after),
        }
    }

    /// The code to be used up, good or not.
    pub const fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Good(shown) | Self::Skewed(shown) => Some(shown),
            Self::Used | Self::WrongPurpose | Self::Invalid => None,
        }
    }
}

/// A scan, or the password for one.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A code.
    Scan(Scan),
    /// A password for a challenge.
    Password {
        /// As it was read before the password was compared; `None` where there is none.
        challenge: Option<Challenge>,
        /// Whether it is the person's.
        right: bool,
    },
}

/// Who and what stands behind a charge that may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) person: PersonId,
    pub(super) code: CodeMark,
    pub(super) given: Option<Which>,
}

impl From<&Shown> for CodeMark {
    fn from(shown: &Shown) -> Self {
        let (tick, sub) = (shown.tick.number(), shown.sub.number());
        Self { generation: shown.generation, tick, sub }
    }
}

impl Asking {
    /// Whose money it is about, if anybody's.
    pub(super) fn person(&self) -> Option<(SchoolId, PersonId)> {
        let person = match &self.proof {
            Proof::Scan(scan) => scan.shown()?.person,
            Proof::Password { challenge, .. } => challenge.as_ref()?.person,
        };
        Some((self.school.id, person))
    }

    /// The code that it uses up.
    pub(super) const fn shown(&self) -> Option<&Shown> {
        match &self.proof {
            Proof::Scan(scan) => scan.shown(),
            Proof::Password { .. } => None,
        }
    }

    /// The challenge that it answers.
    pub(super) const fn challenge(&self) -> Option<&Challenge> {
        match &self.proof {
            Proof::Scan(_) => None,
            Proof::Password { challenge, .. } => challenge.as_ref(),
        }
    }
}

/// What a request is told, without or after a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What is kept under its number.
    Answer(Answer),
    /// Its number was used for something else.
    Conflict,
    /// Its nonce was used under another signature.
    NonceReused,
}

/// What a request is told because of those before it; `None` where it is to be decided.
pub(super) fn told_before(asking: &Asking, kept: &[Kept]) -> Option<Told> {
    told_under_its_number(&asking.asked, kept).or_else(|| told_by_other_step(asking, kept))
}

/// What a request is told because it, or another one in its place, was answered before.
pub(super) fn told_under_its_number(asked: &Asked, kept: &[Kept]) -> Option<Told> {
    match see(asked, kept) {
        Seen::Repeat(answer) => Some(Told::Answer(answer)),
        Seen::Conflict => Some(Told::Conflict),
        Seen::NonceReused => Some(Told::NonceReused),
        Seen::First => None,
    }
}

/// A number has one act: a scan and its password belong together, and nothing else does.
fn told_by_other_step(asking: &Asking, kept: &[Kept]) -> Option<Told> {
    let Asked { terminal, seq, step, .. } = asking.asked;
    let of_number = |kept: &&Kept| (kept.asked.terminal, kept.asked.seq) == (terminal, seq);
    let at = |step| kept.iter().filter(of_number).find(|kept| kept.asked.step == step);
    match step {
        Step::Act => at(Step::Password).map(|_| Told::Conflict),
        Step::Password => {
            let act = at(Step::Act)?;
            let its_own = asking
                .challenge()
                .is_some_and(|challenge| (challenge.terminal, challenge.seq) == (terminal, seq));
            match act.asked.kind {
                AnswerKind::Reversed => Some(Told::Answer(act.answer.clone())),
                AnswerKind::Charge if its_own => None,
                AnswerKind::Charge | AnswerKind::Reversal => Some(Told::Conflict),
            }
        }
        Step::Reversal => None,
    }
}

/// For each request of a batch whether it is to be decided. Of several under one number, or with
/// one nonce, the first is.
pub(super) fn to_decide(askings: &[Asking], known: &[Kept]) -> Vec<bool> {
    let mut kept = known.to_vec();
    let mut decide = |asking: &Asking| {
        let first = told_before(asking, &kept).is_none();
        if first {
            let open = Answer { status: 0, body: Vec::new() };
            kept.push(Kept { asked: asking.asked.clone(), answer: open });
        }
        first
    };
    askings.iter().map(&mut decide).collect()
}
