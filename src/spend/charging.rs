//! A batch of charges, decided one after the other under their persons' locks and written at once.
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
    at_once::charge_at_once,
    desk::{Desk, Papers, Place, place},
    store,
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::seal::{SealError, Sealer},
        db::{Db, DbError, Source, Tx, TxError},
        lane::Batch,
        write_point,
    },
    cards::charges,
    events,
    ledger::{Held, LedgerError, account::NotAName},
    passcode::{self, CodeUse, Codes, ShownCode},
    terminals::{
        known,
        seq::{AnsweredRequest, NumberedRequest},
        write_of,
    },
};
use async_trait::async_trait;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Notify;

/// The most charges of one commit.
pub const BATCH: usize = 64;

/// Why nothing was decided. The till is told to ask again.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A name that does not open.
    #[error("a name could not be opened: {0}")]
    Sealed(#[from] SealError),
    /// A merchant's code that cannot be an account's.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// An answer that is not JSON.
    #[error("an answer could not be written: {0}")]
    Answer(#[from] serde_json::Error),
}

impl TxError for ChargeError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::Sealed(_) | Self::Name(_) | Self::Answer(_) => None,
        }
    }
}

/// Charges in lanes.
#[derive(Debug)]
pub struct Charging {
    /// Where.
    pub db: Db,
    /// When.
    pub clock: Arc<dyn Clock>,
    /// Opens names.
    pub names: Sealer,
    /// Told which codes were used.
    pub codes: Codes,
    /// Woken after each commit.
    pub sealer: Arc<Notify>,
}

#[async_trait(?Send)]
impl Batch for Charging {
    type Request = Asking;
    type Answer = Told;
    type Error = ChargeError;

    async fn run(&self, requests: &[Asking]) -> Result<Vec<Told>, ChargeError> {
        let done = write_point::within("charge", self.charge(requests)).await?;
        self.sealer.notify_one();
        self.codes.remember_used(&done.used);
        Ok(done.told)
    }

    fn is_unreachable(error: &ChargeError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

impl Charging {
    async fn charge(&self, askings: &[Asking]) -> Result<Done, ChargeError> {
        let now = self.clock.now();
        if let Some(done) = charge_at_once(&self.db, now, &self.names, askings).await? {
            return Ok(done);
        }
        // Each run has its own time: the one before may have waited for the database.
        let charge = async |tx: &_| charge_all(tx, self.clock.now(), &self.names, askings).await;
        self.db.in_tx(charge).await
    }
}

/// What came of a batch.
#[derive(Debug)]
pub struct Done {
    /// What each request is told.
    pub told: Vec<Told>,
    /// The codes that can be used no more.
    pub used: Vec<ShownCode>,
}

/// Decides charges in order and answers each, but for those that have waited too long. Nothing
/// counts until the caller commits.
pub async fn charge_all(
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
    let papers = papers(tx, now, askings, &open).await?;
    let used = askings.iter().zip(&open).filter(|(_, open)| **open);
    let used = used.filter_map(|(asking, _)| asking.shown().copied()).collect();
    let mut desk = Desk::new(now, names, &held, papers);
    for (asking, _) in askings.iter().zip(&open).filter(|(_, open)| **open) {
        desk.decide(asking)?;
    }
    let orders = desk.close();
    let answered = i64::try_from(orders.answered.len()).unwrap_or(i64::MAX);
    let beside = vec![
        write_of(&orders.kept, now),
        charges::write_of(&orders.charges),
        store::write_of(&orders.challenges),
        store::write_of_use(&orders.answered, now),
        events::write_of(&orders.events)?,
    ];
    let (_, written) = held.post(tx, now, &orders.transfers, beside).await?;
    if written.get(3) != Some(&answered) {
        return Err(DbError::Raced { table: "charge_challenge" }.into());
    }
    kept.extend(orders.kept);
    let told = askings.iter().map(|asking| told_in_the_end(asking, &kept, now));
    Ok(Done { told: told.collect::<Result<_, _>>()?, used })
}

/// Everything that decisions need, of those that are to be decided.
async fn papers(
    tx: &Tx,
    now: Timestamp,
    askings: &[Asking],
    open: &[bool],
) -> Result<Papers, DbError> {
    let open: Vec<&Asking> =
        askings.iter().zip(open).filter(|(_, open)| **open).map(|(asking, _)| asking).collect();
    let shown: Vec<(ShownCode, &str)> =
        open.iter().filter_map(|asking| Some((*asking.shown()?, ""))).collect();
    let uses = passcode::use_up(tx, &shown, now).await?;
    let challenges = open.iter().filter_map(|asking| Some(asking.challenge()?.id)).collect();
    let challenges = store::challenges(Source::Tx(tx), challenges).await?;
    let papers = Papers::of(Source::Tx(tx).ask(Papers::questions(now, &open)).await?)?;
    Ok(Papers {
        uses: uses_by_request(&open, uses),
        challenges: challenges.into_iter().map(|challenge| (challenge.id, challenge)).collect(),
        ..papers
    })
}

/// What became of the code of each request, by its place.
fn uses_by_request(open: &[&Asking], uses: Vec<CodeUse>) -> HashMap<Place, CodeUse> {
    let with_code = open.iter().filter(|asking| asking.shown().is_some());
    with_code.map(|asking| place(asking)).zip(uses).collect()
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
