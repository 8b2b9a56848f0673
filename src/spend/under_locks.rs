//! Charges under locks: a batch is decided on what nobody can change until it commits, and with all
//! that was before. It decides whatever [`at_once`](super::at_once) does not.
//!
//! | phase | statements | [`at_once`](super::at_once) |
//! | --- | --- | --- |
//! | lock the persons | 1 | – |
//! | read their accounts and the merchants' | 1 | 1 |
//! | read what is kept under these numbers and nonces | 1 | – |
//! | use the codes up | 1 | – |
//! | read who may pay, and where there are limits what they spent today | 1 | with the accounts |
//! | read the challenges that passwords answer (rare) | (1) | – |
//! | decide | 0 | 0 |
//! | write postings, charges, answers, events | 1 (SQLite: 8) | 1 |
//! | begin and commit | 2 | – |
//!
//! One charge costs the same statements as sixty-four.

use super::{
    asking::{Asking, Told, to_decide, told_before, touched},
    batch::{Inputs, RequestKey, decide, key_of},
    charging::{ChargeError, Charging, Done},
    store,
    writes::Basis,
};
use crate::{
    base::{
        clock::Timestamp,
        crypto::seal::Sealer,
        db::{DbError, Source, Tx},
    },
    ledger::Held,
    passcode::{self, CodeUse, ShownCode},
    terminals::{
        known,
        seq::{AnsweredRequest, NumberedRequest},
    },
};
use std::collections::HashMap;

impl Charging {
    /// Decides charges and has committed when it answers.
    pub async fn charge_under_locks(&self, askings: &[Asking]) -> Result<Done, ChargeError> {
        // Each run has its own time: the one before may have waited for the database.
        let charge = async |tx: &_| charge_all(tx, self.clock.now(), &self.names, askings).await;
        self.db.in_tx(charge).await
    }
}

/// Decides charges in order and answers each, but for those that have waited too long. Nothing
/// counts until the caller commits.
async fn charge_all(
    tx: &Tx,
    now: Timestamp,
    names: &Sealer,
    askings: &[Asking],
) -> Result<Done, ChargeError> {
    let (persons, merchants) = touched(askings)?;
    let held = Held::lock(tx, persons, &merchants).await?;
    let asked: Vec<&NumberedRequest> = askings.iter().map(|asking| &asking.asked).collect();
    let mut kept = known(Source::Tx(tx), &asked).await?;
    let open = to_decide(askings, &kept, now);
    let open: Vec<&Asking> =
        askings.iter().zip(open).filter(|(_, open)| *open).map(|(asking, _)| asking).collect();
    let inputs = inputs(tx, now, &open).await?;
    let decisions = decide((now, names), &held, inputs, &open)?;
    let writes = decisions.writes(now, &Basis::Locked)?;
    held.post(tx, now, &decisions.transfers, writes).await?;
    kept.extend(decisions.answers);
    let used = open.iter().filter_map(|asking| asking.shown().copied()).collect();
    let told = askings.iter().map(|asking| told_in_the_end(asking, &kept, now));
    Ok(Done { told: told.collect::<Result<_, _>>()?, used })
}

/// Uses the codes up and reads what the decisions need.
async fn inputs(tx: &Tx, now: Timestamp, open: &[&Asking]) -> Result<Inputs, DbError> {
    let shown: Vec<(ShownCode, &str)> =
        open.iter().filter_map(|asking| Some((*asking.shown()?, ""))).collect();
    let uses = passcode::use_up(tx, &shown, now).await?;
    let challenges = open.iter().filter_map(|asking| Some(asking.challenge()?.id)).collect();
    let challenges = store::challenges(Source::Tx(tx), challenges).await?;
    let inputs = Inputs::of(Source::Tx(tx).ask(Inputs::questions(now, open)).await?)?;
    Ok(Inputs {
        uses: uses_by_request(open, uses),
        challenges: challenges.into_iter().map(|challenge| (challenge.id, challenge)).collect(),
        ..inputs
    })
}

/// What became of the code of each request.
fn uses_by_request(open: &[&Asking], uses: Vec<CodeUse>) -> HashMap<RequestKey, CodeUse> {
    let with_code = open.iter().filter(|asking| asking.shown().is_some());
    with_code.map(|asking| key_of(asking)).zip(uses).collect()
}

/// Everybody's answer is kept by now, but theirs who came too late for one.
fn told_in_the_end(
    asking: &Asking,
    kept: &[AnsweredRequest],
    now: Timestamp,
) -> Result<Told, DbError> {
    let missing = DbError::Inconsistent { table: "terminal_answer", what: "no answer" };
    let late = asking.is_late(now).then_some(Told::Late);
    told_before(asking, kept).or(late).ok_or(missing)
}
