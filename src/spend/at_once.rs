//! The usual batch of charges, without locks: scans under new numbers, of codes that nobody used,
//! of people who pay once. Read in one statement, it is decided on what was read, and written if
//! that still holds, in one statement that is its own transaction. Whatever is otherwise is left to
//! [`under_locks`](super::under_locks), which knows the history; nothing is written then.
//!
//! What holds it together when others write meanwhile (`docs/adr/0015`):
//!
//! | what could change | what refuses the write |
//! | --- | --- |
//! | a balance, what was spent today, whether the card is stopped | the version of the person |
//! | the code is used elsewhere; the device ends | the guard of its use |
//! | the number or the nonce is used elsewhere | the keys and the guard of the answers |
//! | somebody else tells the phone something | the key of the events |

use super::{
    asking::{Asking, Told, touched},
    batch::{Inputs, decide, key_of},
    charging::{ChargeError, Charging, Done},
    writes::Basis,
};
use crate::{
    base::{clock::Timestamp, db::Source},
    ledger::Watched,
    passcode::{CodeUse, ShownCode},
};
use std::collections::HashSet;

impl Charging {
    /// Decides charges and has committed when it answers; `None`, with nothing written, when this is
    /// not the usual batch.
    pub async fn charge_at_once(&self, askings: &[Asking]) -> Result<Option<Done>, ChargeError> {
        let now = self.clock.now();
        let codes: Vec<ShownCode> = askings.iter().filter_map(Asking::shown).copied().collect();
        if !self.db.has_row_locks() || !are_usual(askings, now) || !are_different(&codes) {
            return Ok(None);
        }
        let (persons, merchants) = touched(askings)?;
        let open: Vec<&Asking> = askings.iter().collect();
        let [who, what] = Inputs::questions(now, &open);
        let questions = [Watched::question(&persons, &merchants), who, what];
        let [accounts, who, what] = Source::Db(&self.db).ask(questions).await?;
        let watched = Watched::of(persons, &accounts)?;
        let with_code = open.iter().filter(|asking| asking.shown().is_some());
        let inputs = Inputs {
            uses: with_code.map(|asking| (key_of(asking), CodeUse::Fresh)).collect(),
            ..Inputs::of([who, what])?
        };
        let decisions = decide((now, &self.names), watched.held(), inputs, &open)?;
        let writes = decisions.writes(now, &Basis::Assumed { codes: &codes })?;
        let written = watched.post(&self.db, now, &decisions.transfers, writes).await?;
        let told = decisions.answers.into_iter().map(|kept| Told::Answer(kept.answer));
        Ok(written.then(|| Done { told: told.collect(), used: codes }))
    }
}

/// Scans that are in time. Passwords change challenges, which are read under lock.
fn are_usual(askings: &[Asking], now: Timestamp) -> bool {
    askings.iter().all(|asking| asking.is_scan() && !asking.is_late(now))
}

/// Of two scans of one code, one is refused.
fn are_different(codes: &[ShownCode]) -> bool {
    codes.iter().collect::<HashSet<_>>().len() == codes.len()
}
