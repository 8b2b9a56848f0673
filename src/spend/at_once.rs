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
//! | the standing: a card that ends, is lost or dormant | the version of the person |
//! | the till is withdrawn | the till's row, held and compared |
//! | time: a lock was waited for too long | the deadline |
//!
//! Who changes a standing raises the version: [`HeldPersons`](crate::ledger::HeldPersons).

use super::{
    batch::{Inputs, decide, key_of},
    charging::{ChargeError, Charging, Done},
    request::{ChargeRequest, TillReply, touched},
    writes::Basis,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Deadline, Source, TxError},
    },
    ledger::UnlockedAccounts,
    passcode::{CodeUse, ShownCode},
    terminals::Accepted,
};
use std::{collections::HashSet, time::Duration};

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
        let accounts = UnlockedAccounts::question(&persons, &merchants);
        let questions = [accounts, who, what, Deadline::question()];
        let [accounts, who, what, time] = Source::Db(&self.db).ask(questions).await?;
        // The clock after the answer: the read may have waited for a connection.
        let Some(left) = shortest(requests, self.clock.now()) else {
            return Ok(None);
        };
        let until = Deadline::after(&time, left)?;
        let accounts = UnlockedAccounts::of(persons, &accounts)?.until(until);
        let with_code = open.iter().filter(|request| request.shown().is_some());
        let inputs = Inputs {
            uses: with_code.map(|request| (key_of(request), CodeUse::Fresh)).collect(),
            ..Inputs::of([who, what])?
        };
        let decisions = decide(now, &self.names, accounts.accounts(), inputs, &open)?;
        let tills: Vec<Accepted> = requests.iter().map(|request| request.accepted).collect();
        let writes = decisions.writes(now, &Basis::Assumed { codes: &codes, tills: &tills })?;
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

/// How long the batch may wait for its write; `None` if that is over for one of the requests.
fn shortest(requests: &[ChargeRequest], now: Timestamp) -> Option<Duration> {
    let left = requests.iter().map(|request| request.left(now)).collect::<Option<Vec<_>>>()?;
    left.into_iter().min()
}

/// True if no code appears twice: the second scan of a code must be refused.
fn are_different(codes: &[ShownCode]) -> bool {
    codes.iter().collect::<HashSet<_>>().len() == codes.len()
}
