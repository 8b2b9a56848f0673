//! Checks the whole history, batch by batch, in one pass.
//!
//! Laws: every transfer's digest matches its row and its legs; every transfer is in one batch,
//! sealed or unsealed, whose count and digest match; there are no orphaned legs or batches.

use super::{
    books::{Books, count},
    report::{Finding, Law, Subject, counted},
};
use crate::{
    base::{
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        store::{self, FoundBatch, FoundTransfer, Leftover},
        transfer::{Hash, TransferId, batch_digest},
    },
};
use std::collections::HashMap;
use uuid::Uuid;

/// The batch being checked.
#[derive(Debug)]
struct Open {
    id: Uuid,
    /// Its row in `seal` or `unsealed`; `None` if neither has one.
    row: Option<FoundBatch>,
    digests: Vec<Hash>,
}

/// The pass over the history.
#[derive(Debug)]
pub(super) struct History {
    books: Books,
    transfers: Finding,
    batches: Finding,
    open: Option<Open>,
    transfers_seen: u64,
    legs_seen: u64,
    /// Rows of `seal` and `unsealed` whose batch has transfers.
    rows_seen: u64,
}

/// The result of the pass.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) books: Books,
    pub(super) transfers: Finding,
    pub(super) batches: Finding,
    pub(super) waiting: u64,
}

impl History {
    pub(super) fn new(books: Books) -> Self {
        Self {
            books,
            transfers: Finding::new(Law::Transfers),
            batches: Finding::new(Law::Batches),
            open: None,
            transfers_seen: 0,
            legs_seen: 0,
            rows_seen: 0,
        }
    }

    /// Checks all transfers from first to last.
    pub(super) async fn walk(mut self, tx: &Tx) -> Result<Walked, DbError> {
        let mut after = None;
        loop {
            let page = store::transfers_after(tx, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.key);
            let mut ids: Vec<Uuid> = page.iter().map(|found| found.key.0).collect();
            ids.dedup();
            let mut rows = store::batches(tx, ids).await?;
            for found in &page {
                self.step(found, &mut rows);
            }
        }
        self.end_batch();
        self.leftovers(tx).await
    }

    fn step(&mut self, found: &FoundTransfer, rows: &mut HashMap<Uuid, Vec<FoundBatch>>) {
        let (batch, ordinal, id) = found.key;
        if self.open.as_ref().is_none_or(|open| open.id != batch) {
            self.end_batch();
            self.begin_batch(batch, rows.remove(&batch).unwrap_or_default());
        }
        self.transfers_seen += 1;
        self.legs_seen += found.legs;
        let Some(open) = &mut self.open else {
            return;
        };
        let here = Subject::Transfer(TransferId::from_uuid(id));
        if u64::try_from(ordinal) != Ok(count(open.digests.len())) {
            self.batches
                .report(here, format!("stands at {ordinal} of batch {batch}, out of order"));
        }
        let Some((record, digest)) = &found.said else {
            self.transfers.report(here, "its row or legs cannot be read, or a leg is missing");
            open.digests.push([0; 32]);
            return;
        };
        // NULL and the nil id have the same digest; the nil id is not a valid person.
        let nobody = record.person.is_some_and(|person| person.uuid().is_nil());
        if nobody || record.digest() != *digest {
            self.transfers.report(here, "its digest does not fit its row and legs");
        }
        let row = open.row.as_ref();
        if let Some(row) = row.filter(|row| row.school != record.school) {
            let school: SchoolId = row.school;
            self.batches.report(here, format!("is in a batch of school {}", school.number()));
        }
        open.digests.push(*digest);
        self.books.add(record, row.is_some_and(|row| row.sealed));
    }

    fn begin_batch(&mut self, id: Uuid, mut rows: Vec<FoundBatch>) {
        self.rows_seen += count(rows.len());
        if rows.len() > 1 {
            self.batches.report(Subject::Batch(id), "is sealed and waits for its seal too");
        }
        rows.sort_unstable_by_key(|row| row.sealed);
        self.open = Some(Open { id, row: rows.pop(), digests: Vec::new() });
    }

    fn end_batch(&mut self) {
        let Some(Open { id, row, digests }) = self.open.take() else {
            return;
        };
        let (here, found) = (Subject::Batch(id), digests.len());
        let Some(row) = row else {
            self.batches.report(here, "is neither sealed nor waiting to be");
            return;
        };
        if usize::try_from(row.transfers) != Ok(found) {
            let what = format!("has {found} transfers, it should be {}", row.transfers);
            self.batches.report(here, what);
        }
        if row.digest != Some(batch_digest(&digests)) {
            self.batches.report(here, "its digest does not fit its transfers");
        }
    }

    /// Finds rows that the pass did not visit. They are queried only if the counts differ.
    async fn leftovers(mut self, tx: &Tx) -> Result<Walked, DbError> {
        let [legs, seals, waiting] = store::counts(tx).await?;
        if legs != self.legs_seen {
            for id in store::leftovers(tx, Leftover::Legs).await? {
                let here = Subject::Transfer(TransferId::from_uuid(id));
                self.transfers.report(here, "has legs but does not exist");
            }
        }
        if seals + waiting != self.rows_seen {
            for id in store::leftovers(tx, Leftover::Batches).await? {
                self.batches.report(Subject::Batch(id), "has no transfers");
            }
        }
        let (transfers, legs) = (self.transfers_seen, self.legs_seen);
        self.transfers.checked =
            format!("{}, {}", counted(transfers, "transfer"), counted(legs, "leg"));
        self.batches.checked =
            format!("{} sealed, {} waiting", counted(seals, "batch"), counted(waiting, "batch"));
        let Self { books, transfers, batches, .. } = self;
        Ok(Walked { books, transfers, batches, waiting })
    }
}
