//! What two persons do about a difference: they accept it as it stands, and where its repair moves money,
//! that is posted in the same transaction.
//!
//! Invariant: who approves agrees to what was asked for: a request holds the SHA-256 of the difference.

use super::{
    BillDay, Reconciliation,
    compare::{Difference, Repair},
    day::{FoundDifference, FoundState},
    postings::{CORRECTED, Correction},
    store::{self, Stored},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx, TxError},
        ids::SchoolId,
        money::Fen,
    },
    ledger::{self, LedgerError, Refusal},
    orders::{self, order::PaymentId},
};
use sha2::{Digest, Sha256};
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

impl ProposedRepair {
    fn of(stored: Stored) -> Self {
        Self { id: stored.id, found: stored.found.clone(), stored }
    }

    /// SHA-256 of the difference and the reason for accepting it.
    pub fn digest(&self, reason: &str) -> [u8; 32] {
        let Difference { entry, number, out_trade_no, differs, ours, theirs, stake_fen, repair } =
            &self.found.difference;
        let (differs, repair) = (differs.code(), repair.code());
        let text = format!(
            "{}|{entry}|{number}|{out_trade_no}|{differs}|{ours}|{theirs}|{stake_fen}|{repair}|",
            self.id
        );
        Sha256::digest([text.as_bytes(), reason.as_bytes()].concat()).into()
    }

    /// What the request is about, in fen: what would be moved, or the whole amount.
    pub fn amount(&self) -> Fen {
        let size = i64::try_from(self.found.difference.stake_fen.unsigned_abs());
        size.ok().and_then(|fen| Fen::new(fen).ok()).unwrap_or_default()
    }

    /// Whether it can be accepted.
    pub fn is_open(&self) -> bool {
        self.found.state == FoundState::Open
    }
}

impl Reconciliation {
    /// Days of a school that were compared, newest first: those after `before` in that order.
    pub async fn days(
        &self,
        school: SchoolId,
        before: Option<Uuid>,
        most: i64,
    ) -> Result<Vec<BillDay>, DbError> {
        store::page((&self.db).into(), school, before, most).await
    }

    /// What differs on a day, or did: a page in the order of ids. `None` if there is no such day.
    pub async fn differences_of(
        &self,
        (school, day): (SchoolId, Uuid),
        after: Option<Uuid>,
        with_ended: bool,
        most: i64,
    ) -> Result<Option<Vec<ProposedRepair>>, DbError> {
        let db = || (&self.db).into();
        let Some(day) = store::by_id(db(), school, day).await? else { return Ok(None) };
        let page = store::differences(db(), &day.key, after, (with_ended, most)).await?;
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

    /// Accepts a difference in the transaction that approves the request about it, and posts what its
    /// repair moves.
    pub async fn accept(
        &self,
        tx: &Tx,
        proposed: &ProposedRepair,
        approval: Uuid,
        now: Timestamp,
    ) -> Result<(), RepairError> {
        if !store::accepted(tx, &proposed.stored, approval, now).await? {
            return Err(RepairError::Changed);
        }
        // It is held now. What was read before must still be so.
        let key = &proposed.stored.key;
        let is = store::difference(tx.into(), key.school, proposed.id).await?;
        let is = is.ok_or(RepairError::NotFound)?;
        if is.found.difference != proposed.found.difference {
            return Err(RepairError::Changed);
        }
        match is.found.difference.repair {
            Repair::CorrectBalance => correct(tx, &is, approval, now).await,
            Repair::AskProvider | Repair::AskSupport | Repair::Verify => Ok(()),
        }
    }

    /// Called after the commit of [`Reconciliation::accept`].
    pub fn accepted(&self) {
        self.sealer.notify_one();
    }
}

async fn correct(
    tx: &Tx,
    stored: &Stored,
    approval: Uuid,
    now: Timestamp,
) -> Result<(), RepairError> {
    let difference = &stored.found.difference;
    let payment = PaymentId::from_out_trade_no(&difference.out_trade_no);
    let payment = payment.ok_or(RepairError::NotFound)?;
    let attempt = orders::lock(tx, std::iter::once(payment)).await?.remove(&payment);
    let attempt = attempt.ok_or(RepairError::NotFound)?;
    let correction = Correction {
        school: stored.key.school,
        person: attempt.order.person,
        approval,
        day: now.day(),
        stake_fen: difference.stake_fen,
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
