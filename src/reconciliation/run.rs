//! Compares a day of a school at a provider, in bounded batches.
//!
//! Invariant: a bill is checked whole before any of its rows is used.
//! Invariant: each batch of rows is one transaction, with what it posts; a day may be compared again
//! at any time, also while another comparison of it runs, and posts nothing twice.

use super::{
    ReconcileError, Reconciliation,
    bill::{Bill, BillRow, FundFlow},
    compare::{Compared, KeptRow, compare, is_at_midnight, is_own, named_payment},
    day::{Comparison, DayKey, FoundDifference, FoundState, RowsDone, Totals},
    difference::Difference,
    postings::{Posting, Unpostable},
    questions::{Patience, Question, question},
    store::{self, NewRow},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Tx, TxError},
        ids::SchoolId,
        write_point,
    },
    ledger::{self, LedgerError, Posted, Refusal},
    orders::order::PaymentId,
    schools::School,
};
use std::collections::HashSet;
use uuid::Uuid;

/// How many rows are compared in one transaction.
pub(super) const BATCH: usize = 500;
/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger has something else under the reference of a fee or coupon, or would overflow.
    #[error("the ledger refused a fee or coupon: {0}")]
    Refused(#[from] Refusal),
    /// A row that cannot be posted.
    #[error(transparent)]
    Unpostable(#[from] Unpostable),
}

impl TxError for BatchError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::Refused(_) | Self::Unpostable(_) => None,
        }
    }
}

/// One comparison while it runs.
pub(super) struct Run<'a> {
    pub(super) room: &'a Reconciliation,
    pub(super) school: &'a School,
    pub(super) key: DayKey,
    pub(super) comparison: Comparison,
    pub(super) totals: Totals,
    /// Our payments that the bill has.
    pub(super) seen: HashSet<Uuid>,
    /// Differences about which the provider's own answer is wanted.
    pub(super) questions: Vec<Question>,
    /// Whether the provider may be asked more.
    pub(super) patience: Patience,
    /// The numbers of rows that are kept of this day and that the bill has.
    pub(super) billed: HashSet<String>,
    /// The numbers of our payments that no bill has.
    pub(super) unbilled: HashSet<String>,
    /// Every school: one of them may have the money of a row.
    pub(super) schools: Vec<SchoolId>,
}

/// What came of a batch.
#[derive(Default)]
struct BatchDone {
    seen: Vec<Uuid>,
    questions: Vec<Question>,
    /// Rows that are kept of the day, from now on or from before.
    kept: Vec<String>,
    of_other_programs: u64,
    of_other_schools: u64,
    new_rows: u64,
}

impl<'a> Run<'a> {
    /// Begins a comparison.
    pub(super) async fn begin(
        room: &'a Reconciliation,
        school: &'a School,
        key: DayKey,
    ) -> Result<Self, ReconcileError> {
        let schools = room.schools.list().await?.iter().map(|school| school.id).collect();
        let now = room.clock.now();
        let beginning = room.db.in_tx(async |tx| store::begin(tx, &key, now).await);
        let comparison = write_point::within("bill: begin", beginning).await?;
        Ok(Self {
            room,
            school,
            key,
            comparison,
            totals: Totals::default(),
            seen: HashSet::new(),
            questions: Vec::new(),
            patience: Patience::default(),
            billed: HashSet::new(),
            unbilled: HashSet::new(),
            schools,
        })
    }

    /// Compares a bill with our books.
    pub(super) async fn compare(
        &mut self,
        bill: Bill,
        progress: &dyn Fn(RowsDone),
    ) -> Result<(), ReconcileError> {
        let Bill { hash, count, flow, rows } = bill;
        (self.totals.file_hash, self.totals.bill_rows) = (hash, count);
        let mut rows = rows.read()?;
        let mut done = 0;
        loop {
            let batch = rows.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>()?;
            if batch.is_empty() {
                break;
            }
            self.rows(&batch, flow.as_deref()).await?;
            done += u64::try_from(batch.len()).unwrap_or(0);
            progress(RowsDone { done, total: count });
        }
        self.ask_provider().await?;
        self.ours().await?;
        self.our_refunds().await?;
        self.withdrawn().await?;
        // Of what no bill has.
        self.ask_provider().await
    }

    async fn rows(
        &mut self,
        batch: &[BillRow],
        flow: Option<&FundFlow>,
    ) -> Result<(), ReconcileError> {
        let now = self.room.clock.now();
        let this = &*self;
        let storing = this.room.db.in_tx(async |tx| this.batch(tx, batch, flow, now).await);
        let done = write_point::within("bill: rows", storing).await?;
        self.billed.extend(done.kept);
        self.seen.extend(done.seen);
        self.questions.extend(done.questions);
        self.totals.of_other_programs += done.of_other_programs;
        self.totals.of_other_schools += done.of_other_schools;
        if self.comparison.was_closed {
            self.totals.late_rows += done.new_rows;
        }
        Ok(())
    }

    /// Compares a batch of rows, keeps those that are ours and posts their fees and coupons.
    async fn batch(
        &self,
        tx: &Tx,
        batch: &[BillRow],
        flow: Option<&FundFlow>,
        now: Timestamp,
    ) -> Result<BatchDone, BatchError> {
        store::hold(tx, &self.key, self.comparison).await?;
        let known = self.known(tx, batch).await?;
        let (mut done, mut found) = (BatchDone::default(), Vec::new());
        let (mut new, mut amounts) = (Vec::new(), Vec::new());
        for row in batch {
            let known = known.of(row, &self.key, flow);
            match compare(row, known) {
                Compared::OtherProgram => done.of_other_programs += 1,
                Compared::OtherSchool => done.of_other_schools += 1,
                Compared::Unmatched(difference) => {
                    done.questions.extend(question(row, &difference));
                    found.push(open(difference));
                }
                Compared::Ours(differences) => {
                    let own = known.payment.filter(|payment| is_own(row, payment));
                    done.seen.extend(own.map(|payment| payment.id.uuid()));
                    done.questions.extend(differences.iter().filter_map(|d| question(row, d)));
                    found.extend(differences.into_iter().map(open));
                    let is_changed = |kept: &KeptRow| kept.is_of_another_amount(row, self.key.day);
                    amounts.extend(known.before.is_some_and(is_changed).then_some(row));
                    let first = named_payment(row).filter(|_| known.before.is_none());
                    new.extend(first.map(|payment| self.new_row(row, payment)));
                }
            }
        }
        let day = self.key.day;
        let before = known.kept.into_iter().filter(|(_, row)| row.day == day);
        done.kept.extend(before.map(|(number, _)| number));
        done.kept.extend(new.iter().map(|new| new.row.number().to_owned()));
        done.new_rows = u64::try_from(new.len()).unwrap_or(0);
        if !amounts.is_empty() {
            tx.write_all(vec![store::write_of_amounts(&self.key, &amounts)]).await?;
        }
        self.write(tx, &found, &new, now).await?;
        Ok(done)
    }

    /// A row that was in no bill before. Where its money is in suspense its payment may be unknown here.
    pub(super) fn new_row<'r>(&self, row: &'r BillRow, payment: PaymentId) -> NewRow<'r> {
        NewRow { row, posting: Posting::of(row, &self.key), payment }
    }

    pub(super) async fn write(
        &self,
        tx: &Tx,
        found: &[FoundDifference],
        new: &[NewRow<'_>],
        now: Timestamp,
    ) -> Result<(), BatchError> {
        let mut writes = Vec::new();
        if !found.is_empty() {
            writes.push(store::write_of_differences(&self.key, found, self.comparison, now));
        }
        if !new.is_empty() {
            writes.push(store::write_of_rows(new, now));
        }
        if !writes.is_empty() {
            tx.write_all(writes).await?;
        }
        if self.comparison.was_closed && !found.is_empty() {
            store::reopen(tx, &self.key, now).await?;
        }
        let mut transfers = Vec::new();
        for row in new {
            transfers.extend(row.posting.transfers()?);
        }
        if transfers.is_empty() {
            return Ok(());
        }
        for outcome in ledger::post_all(tx, now, &transfers).await? {
            match outcome {
                Ok(Posted::New(_) | Posted::Replayed(_)) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(())
    }

    pub(super) fn neighbours(&self) -> [Day; 2] {
        [Day::from_number(self.key.day.number().saturating_sub(1)), self.key.day.next()]
    }

    /// Stores what the comparison came to, and what it means for the neighbouring days.
    pub(super) async fn finish(mut self) -> Result<Totals, ReconcileError> {
        let now = self.room.clock.now();
        let this = &self;
        let finishing = this.room.db.in_tx(async |tx| this.close(tx, now).await);
        let totals = write_point::within("bill: finish", finishing).await?;
        self.totals = totals;
        self.room.sealer.notify_one();
        Ok(self.totals)
    }

    async fn close(&self, tx: &Tx, now: Timestamp) -> Result<Totals, DbError> {
        store::hold(tx, &self.key, self.comparison).await?;
        store::end_old(tx, &self.key, self.comparison, now).await?;
        let mut totals = self.totals.clone();
        store::found(tx, &self.key, &mut totals).await?;
        totals.open_differences = store::count_open(tx, &self.key).await?;
        let came_late = totals.late_rows > 0 || totals.open_differences > 0;
        totals.is_reopened = self.comparison.was_closed && came_late;
        store::finish(tx, &self.key, self.comparison, &totals, now).await?;
        for day in self.neighbours() {
            let waiting = store::waiting(tx, &self.key, day).await?;
            let of_this: Vec<_> =
                waiting.into_iter().filter(|one| is_at_midnight(one.at, self.key.day)).collect();
            store::settle_waiting(tx, &self.key, day, &of_this, now).await?;
        }
        Ok(totals)
    }
}

pub(super) const fn open(difference: Difference) -> FoundDifference {
    FoundDifference { difference, state: FoundState::Open }
}
