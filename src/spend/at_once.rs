//! Charges without locks, for the common case: scans with new sequence numbers and unused codes.
//! One statement reads, the batch is decided on what was read, and one statement, which is its own
//! transaction, writes if nothing changed in between. In every other case nothing is written, and
//! [`under_locks`](super::under_locks), which reads the history, decides the batch.
//!
//! Concurrent writes, and what rejects the batch then (`docs/adr/0015`):
//!
//! | concurrent change | what rejects the write |
//! | --- | --- |
//! | a balance or the amount spent today | the version of the person |
//! | the code is used; the device is revoked | the guard of the insert that uses the code |
//! | the number or the nonce is used | the unique keys and the guard of the answers |
//! | an event of the person is added | the unique key of the events |
//!
//! A change of the person that posts nothing, such as an import of an earlier `valid_until`, rejects
//! no write: a scan that overlaps it is decided on either state, as it is under locks.

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
    /// Decides and commits charges; `None`, with nothing written, if this is not the common case.
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
        let decisions = decide(now, &self.names, accounts.accounts(), inputs, &open)?;
        let writes = decisions.writes(now, &Basis::Assumed { codes: &codes })?;
        match accounts.post(&self.db, now, &decisions.transfers, writes).await {
            Ok(()) => {}
            Err(error) if error.db().is_some_and(DbError::is_transient) => {
                tracing::debug!(%error, "batch of charges retried under locks");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let replies = decisions.answers.into_iter().map(|kept| TillReply::Answer(kept.answer));
        Ok(Some(Done { replies: replies.collect(), used: codes }))
    }
}

/// True if all are scans that are not late. Passwords change challenges, which are read under lock.
fn are_usual(requests: &[ChargeRequest], now: Timestamp) -> bool {
    requests.iter().all(|request| request.is_scan() && !request.is_late(now))
}

/// True if no code appears twice: the second scan of a code must be refused.
fn are_different(codes: &[ShownCode]) -> bool {
    codes.iter().collect::<HashSet<_>>().len() == codes.len()
}
