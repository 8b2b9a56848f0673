//! A scan that awaits a password.

use super::rules::TillPassword;
use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    terminals::{TerminalId, seq::Seq},
};
use std::time::Duration;

crate::uuid_id! {
    /// A challenge's id, which the till sends back.
    ChallengeId
}

/// The lifetime of a challenge.
pub const LIFE: Duration = Duration::from_secs(90);

/// A password challenge: valid once, for this terminal, person and amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The id, which the till sends back.
    pub id: ChallengeId,
    /// The school.
    pub school: SchoolId,
    /// The terminal.
    pub terminal: TerminalId,
    /// The sequence number of the scan.
    pub seq: Seq,
    /// The person whose code was scanned.
    pub person: PersonId,
    /// The amount.
    pub amount: Fen,
    /// The kind of password that is required.
    pub which: TillPassword,
    /// The code that was scanned.
    pub code: CodeMark,
    /// When the challenge expires.
    pub expires_at: Timestamp,
    /// The sequence number of the request that gave the password.
    pub claimed_by: Option<Seq>,
    /// Whether the challenge was answered.
    pub used: bool,
}

/// Identifies a code among the codes of its device, so that the phone recognizes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMark {
    /// The generation of the enrolment.
    pub generation: u32,
    /// The time step.
    pub tick: u64,
    /// The index within the step.
    pub sub: u8,
}

impl Challenge {
    /// True if a password from this terminal, for this amount, can answer the challenge now.
    pub fn waits_for(&self, terminal: TerminalId, amount: Fen, now: Timestamp) -> bool {
        !self.used && self.terminal == terminal && self.amount == amount && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_question_is_for_one_till_one_amount_and_ninety_seconds() {
        let now = Timestamp::from_seconds(1_795_233_600);
        let till = |n| TerminalId::from_uuid(Uuid::from_u128(n));
        let fen = |n| Fen::new(n).unwrap();
        let challenge = Challenge {
            id: ChallengeId::new(now),
            school: SchoolId::from_number(1),
            terminal: till(1),
            seq: Seq::new(7).unwrap(),
            person: PersonId::new(now),
            amount: fen(1250),
            which: TillPassword::Query,
            code: CodeMark { generation: 1, tick: 2, sub: 3 },
            expires_at: now.plus(LIFE),
            claimed_by: None,
            used: false,
        };
        let in_time = now.plus(Duration::from_secs(89));
        let cases = [
            ("in time", till(1), fen(1250), in_time, true),
            ("too late", till(1), fen(1250), now.plus(LIFE), false),
            ("another till", till(2), fen(1250), now, false),
            ("another amount", till(1), fen(1251), now, false),
        ];
        for (what, terminal, amount, at, good) in cases {
            assert_eq!(challenge.waits_for(terminal, amount, at), good, "{what}");
        }
        let used = Challenge { used: true, ..challenge };
        assert!(!used.waits_for(till(1), fen(1250), now), "good once");
    }
}
