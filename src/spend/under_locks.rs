//! Charges under locks: the persons stay locked until the commit, and earlier answers are read.
//! Decides every batch that [`at_once`](super::at_once) does not.
//!
//! | phase | statements | [`at_once`](super::at_once) |
//! | --- | --- | --- |
//! | hold the tills | 1 | with the writes |
//! | lock the persons | 1 | – |
//! | read their accounts and the merchants' | 1 | 1 |
//! | hold the passwords that were compared (rare) | (1 each) | – |
//! | read the stored answers for these numbers and nonces | 1 | – |
//! | use the codes up | 1 | – |
//! | read the payers, and the amounts spent today if there are limits | 1 | with the accounts |
//! | read the challenges of passwords (rare) | (1) | – |
//! | decide | 0 | 0 |
//! | write postings, charges, answers, events | 1 (SQLite: 8) | 1 |
//! | begin and commit | 2 | – |
//!
//! A batch of one costs the same number of statements as a batch of sixty-four.

use super::{
    batch::{Inputs, RequestKey, decide, key_of},
    charging::{ChargeError, Charging, Done},
    request::{ChargeRequest, TillReply, reply_before, to_decide, touched},
    store,
    writes::Basis,
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::seal::Sealer,
        db::{DbError, Source, Tx},
    },
    ledger::LockedAccounts,
    passcode::{self, CodeUse, ShownCode},
    passwords::{PasswordFault, Proven},
    terminals::{
        Accepted, known,
        seq::{AnsweredRequest, NumberedRequest},
    },
};
use std::{borrow::Cow, collections::HashMap};

impl Charging {
    /// Decides and commits charges.
    pub async fn charge_under_locks(
        &self,
        requests: &[ChargeRequest],
    ) -> Result<Done, ChargeError> {
        self.db.in_tx(async |tx| charge_all(tx, &*self.clock, &self.names, requests).await).await
    }
}

/// Decides charges in order and answers each, except those that have waited too long. Nothing is
/// durable until the caller commits.
async fn charge_all(
    tx: &Tx,
    clock: &dyn Clock,
    names: &Sealer,
    requests: &[ChargeRequest],
) -> Result<Done, ChargeError> {
    let accepted: Vec<Accepted> = requests.iter().map(|request| request.accepted).collect();
    let held = Accepted::hold(tx, &accepted).await?;
    let (persons, merchants) = touched(requests)?;
    let accounts = LockedAccounts::lock(tx, persons, &merchants).await?;
    let requests = &with_passwords_in_force(tx, requests).await?;
    // Read under the locks, which may have been waited for.
    let now = clock.now();
    let asked: Vec<&NumberedRequest> = requests.iter().map(|request| &request.asked).collect();
    let mut kept = known(Source::Tx(tx), &asked).await?;
    let open = to_decide(requests, &kept, now);
    let open = requests.iter().zip(open).filter(|(_, open)| *open).map(|(request, _)| request);
    let open: Vec<&ChargeRequest> =
        open.filter(|request| held.contains(&request.accepted)).collect();
    let inputs = inputs(tx, now, &open).await?;
    let decisions = decide(now, names, accounts.accounts(), inputs, &open)?;
    let writes = decisions.writes(now, &Basis::Locked)?;
    accounts.post(tx, now, &decisions.transfers, writes).await?;
    // Rows of devices, codes and numbers may have been waited for since. What came too late by that
    // is undone, and the batch decided again without it.
    let written = clock.now();
    if open.iter().any(|request| request.is_late(written)) {
        return Err(DbError::Raced { table: "charge" }.into());
    }
    kept.extend(decisions.answers);
    let used = open.iter().filter_map(|request| request.shown().copied()).collect();
    let replies = requests.iter().map(|request| {
        let is_held = held.contains(&request.accepted);
        if is_held { final_reply(request, &kept, now) } else { Ok(TillReply::Withdrawn) }
    });
    Ok(Done { replies: replies.collect::<Result<_, _>>()?, used })
}

/// The requests; a password that was changed since it was compared is no longer right. One query for
/// each password, in a fixed order, to avoid deadlocks.
async fn with_passwords_in_force<'a>(
    tx: &Tx,
    requests: &'a [ChargeRequest],
) -> Result<Cow<'a, [ChargeRequest]>, ChargeError> {
    let proven = requests.iter().enumerate();
    let mut proven: Vec<(usize, &Proven)> =
        proven.filter_map(|(n, request)| Some((n, request.proven()?))).collect();
    proven.sort_unstable_by_key(|(_, proven)| proven.person().id);
    let mut requests = Cow::Borrowed(requests);
    for (n, proven) in proven {
        match proven.hold(tx).await {
            Ok(_) => {}
            Err(PasswordFault::Db(error)) => return Err(error.into()),
            Err(_) => {
                if let Some(request) = requests.to_mut().get_mut(n) {
                    request.refuse_password();
                }
            }
        }
    }
    Ok(requests)
}

/// Uses the codes up and reads the inputs of the decisions.
async fn inputs(tx: &Tx, now: Timestamp, open: &[&ChargeRequest]) -> Result<Inputs, DbError> {
    let shown: Vec<(ShownCode, &str)> =
        open.iter().filter_map(|request| Some((*request.shown()?, ""))).collect();
    let uses = passcode::use_up(tx, &shown, now).await?;
    let challenges = open.iter().filter_map(|request| Some(request.challenge()?.id)).collect();
    let challenges = store::challenges(Source::Tx(tx), challenges).await?;
    let inputs = Inputs::of(Source::Tx(tx).ask(Inputs::questions(now, open)).await?)?;
    Ok(Inputs {
        uses: uses_by_request(open, uses),
        challenges: challenges.into_iter().map(|challenge| (challenge.id, challenge)).collect(),
        ..inputs
    })
}

/// The outcome of using up the code, by request.
fn uses_by_request(open: &[&ChargeRequest], uses: Vec<CodeUse>) -> HashMap<RequestKey, CodeUse> {
    let with_code = open.iter().filter(|request| request.shown().is_some());
    with_code.map(|request| key_of(request)).zip(uses).collect()
}

/// The reply from the stored answers, which by now exist for all requests except late ones.
fn final_reply(
    request: &ChargeRequest,
    kept: &[AnsweredRequest],
    now: Timestamp,
) -> Result<TillReply, DbError> {
    let missing = DbError::Inconsistent { table: "terminal_answer", what: "no answer" };
    let late = request.is_late(now).then_some(TillReply::Late);
    reply_before(request, kept).or(late).ok_or(missing)
}
