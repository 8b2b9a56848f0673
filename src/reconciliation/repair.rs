//! What two persons do about a difference: they accept it as it stands, and where its repair moves money,
//! that is posted in the same transaction.
//!
//! Invariant: who approves agrees to what was asked for: a request holds the SHA-256 of the difference and of
//! what is moved.
//! Invariant: the repairs of one payment together move what the last one found: each is decided, less what
//! was moved before, under the payment's lock.

use super::{
    Reconciliation,
    day::{FoundDifference, FoundState, OpenDays},
    difference::{Difference, Repair},
    postings::{CORRECTED, Correction},
    store::{self, Stored},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Keyset, Tx, TxError},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{self, LedgerError, Refusal, transfer::Record},
    orders::{
        self,
        order::{Attempt, PaymentId},
    },
    payments::postings::{RECEIVED, Receipt},
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

/// A difference, as two persons are asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRepair {
    /// The id of the difference.
    pub id: Uuid,
    /// What differs, and how it stands.
    pub found: FoundDifference,
    stored: Stored,
}

/// Why a difference is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// No such difference at the school.
    #[error("no such difference")]
    NotFound,
    /// It has ended, waits for the neighbouring day, or changed since it was asked about.
    #[error("the difference is no longer open, or has changed")]
    Changed,
    /// The person has not that much money.
    #[error("the balance is lower than the correction")]
    Spent,
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger refused the correction.
    #[error("the ledger refused the correction: {0}")]
    Refused(Refusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for RepairError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::NotFound | Self::Changed | Self::Spent | Self::Refused(_) => None,
        }
    }
}

/// SHA-256 of a difference, of what earlier repairs moved for its payment, and of the reason for accepting it.
pub(super) fn digest_of(id: Uuid, difference: &Difference, corrected: i64, why: &str) -> [u8; 32] {
    let Difference { entry, number, out_trade_no, differs, ours, theirs, stake_fen, repair } =
        difference;
    let (differs, repair) = (differs.code(), repair.code());
    let less = if corrected == 0 { String::new() } else { format!(" less {corrected}") };
    let text = format!(
        "{id}|{entry}|{number}|{out_trade_no}|{differs}|{ours}|{theirs}|{stake_fen}{less}|{repair}|"
    );
    Sha256::digest([text.as_bytes(), why.as_bytes()].concat()).into()
}

/// What accepting a difference gives to the person, in fen; `None` where it moves nothing.
const fn moved(difference: &Difference, corrected: i64) -> Option<i64> {
    match difference.repair {
        Repair::CorrectBalance => Some(difference.stake_fen.saturating_sub(corrected)),
        Repair::AskProvider | Repair::AskSupport | Repair::Verify => None,
    }
}

impl ProposedRepair {
    fn of(stored: Stored) -> Self {
        Self { id: stored.id, found: stored.found.clone(), stored }
    }

    /// SHA-256 of the difference, what is moved and the reason for accepting it.
    pub fn digest(&self, reason: &str) -> [u8; 32] {
        let corrected = self.stored.corrected_fen;
        digest_of(self.id, &self.found.difference, corrected, reason)
    }

    /// What accepting it gives to the person, in fen, less what earlier bills moved; below zero for what is
    /// taken. `None` where it moves nothing.
    pub const fn moves_fen(&self) -> Option<i64> {
        moved(&self.found.difference, self.stored.corrected_fen)
    }

    /// What the request is about, in fen: what would be moved, or where that is nothing what is at stake.
    pub fn amount(&self) -> Fen {
        let moves = self.moves_fen().filter(|moved| *moved != 0);
        let about = moves.unwrap_or(self.found.difference.stake_fen);
        let size = i64::try_from(about.unsigned_abs());
        size.ok().and_then(|fen| Fen::new(fen).ok()).unwrap_or_default()
    }

    /// Whether it can be accepted.
    pub fn is_open(&self) -> bool {
        self.found.state == FoundState::Open
    }
}

impl Reconciliation {
    /// Which days of a school somebody should look at, in one query. Of no more than `most` it is counted.
    pub async fn open_days(
        &self,
        school: SchoolId,
        (yesterday, most): (Day, u32),
    ) -> Result<OpenDays, DbError> {
        store::open((&self.db).into(), school, (yesterday, most)).await
    }

    /// What differs on a day, or did: a page in the order of ids. `None` if there is no such day.
    pub async fn differences_of(
        &self,
        (school, day): (SchoolId, Uuid),
        with_ended: bool,
        page: Keyset,
    ) -> Result<Option<Vec<ProposedRepair>>, DbError> {
        let db = || (&self.db).into();
        let Some(day) = store::by_id(db(), school, day).await? else { return Ok(None) };
        let page = store::differences(db(), &day.key, with_ended, page).await?;
        Ok(Some(page.into_iter().map(ProposedRepair::of).collect()))
    }

    /// A difference of a school.
    pub async fn difference(
        &self,
        school: SchoolId,
        id: Uuid,
    ) -> Result<Option<ProposedRepair>, DbError> {
        let found = store::difference((&self.db).into(), school, id).await?;
        Ok(found.map(ProposedRepair::of))
    }

    /// Differences of a school by their ids; those that are none are left out.
    pub async fn differences_among(
        &self,
        school: SchoolId,
        ids: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, ProposedRepair>, DbError> {
        let found = store::among((&self.db).into(), school, ids).await?;
        Ok(found.into_iter().map(|stored| (stored.id, ProposedRepair::of(stored))).collect())
    }

    /// Accepts a difference in the transaction that approves the request about it, and posts what its
    /// repair moves.
    pub async fn accept(
        &self,
        tx: &Tx,
        proposed: &ProposedRepair,
        approval: Uuid,
        now: Timestamp,
    ) -> Result<(), RepairError> {
        let key = &proposed.stored.key;
        if !store::accepted(tx, proposed.id, now).await? {
            return Err(RepairError::Changed);
        }
        // The difference is held now, and with it the payment. What was read before must still be so.
        let credited = match proposed.found.difference.repair {
            Repair::CorrectBalance => Some(credited(tx, proposed).await?),
            Repair::AskProvider | Repair::AskSupport | Repair::Verify => None,
        };
        let is = store::difference(tx.into(), key.school, proposed.id).await?;
        let is = is.ok_or(RepairError::NotFound)?;
        let same = is.found.difference == proposed.found.difference
            && is.corrected_fen == proposed.stored.corrected_fen;
        if !same {
            return Err(RepairError::Changed);
        }
        if let Some(person) = credited {
            correct(tx, (&is, person), approval, now).await?;
        }
        Ok(store::kept_repair(tx, &is, approval, now).await?)
    }

    /// Called after the commit of [`Reconciliation::accept`].
    pub fn accepted(&self) {
        self.sealer.notify_one();
    }
}

/// Locks the payment of a difference and tells whose balance it credited. One that credited nobody, because
/// its money is in suspense or was never heard of, has no balance to correct.
async fn credited(tx: &Tx, proposed: &ProposedRepair) -> Result<PersonId, RepairError> {
    let number = &proposed.found.difference.out_trade_no;
    let payment = PaymentId::from_out_trade_no(number).ok_or(RepairError::NotFound)?;
    let attempt = orders::lock(tx, std::iter::once(payment)).await?.remove(&payment);
    let Attempt { order, payment } = attempt.ok_or(RepairError::NotFound)?;
    let receipt = Receipt::of(&payment).ok_or(RepairError::Changed)?;
    let posted = Record::posted(tx, (order.school, RECEIVED), &receipt.reference()).await?;
    match posted.and_then(|posted| posted.person) {
        Some(person) if person == order.person => Ok(person),
        Some(_) | None => Err(RepairError::Changed),
    }
}

async fn correct(
    tx: &Tx,
    (stored, person): (&Stored, PersonId),
    approval: Uuid,
    now: Timestamp,
) -> Result<(), RepairError> {
    let moved = moved(&stored.found.difference, stored.corrected_fen);
    let correction = Correction {
        school: stored.key.school,
        person,
        approval,
        day: now.day(),
        stake_fen: moved.unwrap_or(0),
    };
    let Some(transfer) = correction.transfer() else { return Ok(()) };
    tracing::info!(kind = CORRECTED.name(), %approval, "a balance is corrected");
    for outcome in ledger::post_all(tx, now, &[transfer]).await? {
        match outcome {
            Ok(_) => {}
            Err(Refusal::Insufficient) => return Err(RepairError::Spent),
            Err(refusal) => return Err(RepairError::Refused(refusal)),
        }
    }
    Ok(())
}
