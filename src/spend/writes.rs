//! What a batch of charges writes: one list, whichever way it was decided.

use super::{batch::Decisions, charging::ChargeError, store};
use crate::{
    base::{clock::Timestamp, db::Write},
    cards::charges,
    events,
    passcode::{self, ShownCode},
    terminals::{write_of, write_of_first},
};

/// What decisions rest on, and what the writes must therefore still make sure of.
#[derive(Debug)]
pub(super) enum Basis<'a> {
    /// The persons were locked, the numbers and nonces looked up and the codes used up before the
    /// batch was decided. A number that was used meanwhile violates a unique key.
    Locked,
    /// Nothing was locked, and numbers and codes were taken to be new. The writes use the codes up,
    /// and are guarded so that they are undone where a number or a code was used, or a device ended.
    Assumed {
        /// To be used up.
        codes: &'a [ShownCode],
    },
}

impl Decisions {
    /// What is written together with the postings.
    pub(super) fn writes(
        &self,
        now: Timestamp,
        basis: &Basis<'_>,
    ) -> Result<Vec<Write>, ChargeError> {
        let mut writes = match basis {
            Basis::Locked => vec![write_of(&self.answers, now)],
            Basis::Assumed { codes } => {
                let uses: Vec<(ShownCode, &str)> = codes.iter().map(|shown| (*shown, "")).collect();
                vec![write_of_first(&self.answers, now), passcode::write_of_first(&uses, now)]
            }
        };
        writes.extend([
            charges::write_of(&self.charges),
            store::write_of(&self.challenges),
            store::write_of_use(&self.used_challenges, now),
            events::write_of(&self.events)?,
        ]);
        Ok(writes)
    }
}
