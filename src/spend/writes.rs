//! The writes of a batch of charges: one list for both paths.

use super::{batch::Decisions, charging::ChargeError, store};
use crate::{
    base::{clock::Timestamp, db::Write},
    cards::charges,
    events,
    passcode::{self, ShownCode},
    terminals::{Accepted, write_of, write_of_first},
};

/// What the decisions are based on, which determines the guards of the writes.
#[derive(Debug)]
pub(super) enum Basis<'a> {
    /// The tills and the persons were locked, the numbers and nonces looked up and the codes used up before the
    /// batch was decided. A number that was used concurrently violates a unique key.
    Locked,
    /// Nothing was locked, and numbers and codes were assumed to be new. The writes use the codes
    /// up, and their guards reject the batch if a number or a code was used or a device was
    /// revoked, or a till withdrawn.
    Assumed {
        /// The codes to be used up.
        codes: &'a [ShownCode],
        /// The tills.
        tills: &'a [Accepted],
    },
}

impl Decisions {
    /// The writes that accompany the postings.
    pub(super) fn writes(
        &self,
        now: Timestamp,
        basis: &Basis<'_>,
    ) -> Result<Vec<Write>, ChargeError> {
        let mut writes = match basis {
            Basis::Locked => vec![write_of(&self.answers, now)],
            Basis::Assumed { codes, tills } => {
                let uses: Vec<(ShownCode, &str)> = codes.iter().map(|shown| (*shown, "")).collect();
                vec![
                    Accepted::unchanged(tills),
                    write_of_first(&self.answers, now),
                    passcode::write_of_first(&uses, now),
                ]
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
