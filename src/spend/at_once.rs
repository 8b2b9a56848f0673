//! Charges without locks, for the usual batch: scans under new numbers, of codes that were not used,
//! of people who pay once. Read in one statement, it is decided on what was read, and written if
//! that still holds, in one statement that is its own transaction. Whatever is otherwise is left to
//! [`under_locks`](super::under_locks), which knows the history; nothing is written then.
//!
//! Concurrent writes, and what undoes the batch then (`docs/adr/0015`):
//!
//! | what could change | what refuses the write |
//! | --- | --- |
//! | a balance, what was spent today, whether the card is stopped | the version of the person |
//! | the code is used elsewhere; the device ends | the guard of its use |
//! | the number or the nonce is used elsewhere | the keys and the guard of the answers |
//! | an event of the person is added | the key of the events |

use super::{
    batch::{Inputs, decide, key_of},
    charging::{ChargeError, Charging, Done},
    request::{ChargeRequest, TillReply, touched},
    writes::Basis,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Source, TxError},
    },
    ledger::UnlockedAccounts,
    passcode::{CodeUse, ShownCode},
};
use std::collections::HashSet;

impl Charging {
    /// Decides charges and has committed when it answers; `None`, with nothing written, when this is
    /// not the usual batch.
    pub async fn charge_at_once(
        &self,
        requests: &[ChargeRequest],
    ) -> Result<Option<Done>, ChargeError> {
        let now = self.clock.now();
        let codes: Vec<ShownCode> =
            requests.iter().filter_map(ChargeRequest::shown).copied().collect();
        if !self.db.has_row_locks() || !are_usual(requests, now) || !are_different(&codes) {
            return Ok(None);
        }
        let (persons, merchants) = touched(requests)?;
        let open: Vec<&ChargeRequest> = requests.iter().collect();
        let [who, what] = Inputs::questions(now, &open);
        let questions = [UnlockedAccounts::question(&persons, &merchants), who, what];
        let [accounts, who, what] = Source::Db(&self.db).ask(questions).await?;
        let accounts = UnlockedAccounts::of(persons, &accounts)?;
        let with_code = open.iter().filter(|request| request.shown().is_some());
        let inputs = Inputs {
            uses: with_code.map(|request| (key_of(request), CodeUse::Fresh)).collect(),
            ..Inputs::of([who, what])?
        };
        let decisions = decide((now, &self.names), accounts.accounts(), inputs, &open)?;
        let writes = decisions.writes(now, &Basis::Assumed { codes: &codes })?;
        match accounts.post(&self.db, now, &decisions.transfers, writes).await {
            Ok(()) => {}
            Err(error) if error.db().is_some_and(DbError::is_transient) => {
                tracing::debug!(%error, "a batch of charges is decided again under locks");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let replies = decisions.answers.into_iter().map(|kept| TillReply::Answer(kept.answer));
        Ok(Some(Done { replies: replies.collect(), used: codes }))
    }
}

/// Scans that are in time. Passwords change challenges, which are read under lock.
fn are_usual(requests: &[ChargeRequest], now: Timestamp) -> bool {
    requests.iter().all(|request| request.is_scan() && !request.is_late(now))
}

/// Of two scans of one code, one is refused.
fn are_different(codes: &[ShownCode]) -> bool {
    codes.iter().collect::<HashSet<_>>().len() == codes.len()
}
