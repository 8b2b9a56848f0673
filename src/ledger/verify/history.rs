//! Checks the transfers of every batch, in the order of the seals, then those that wait.
//!
//! Laws: every transfer's digest matches its row and its legs; every transfer is in one batch,
//! sealed or unsealed, whose count and digest match; there are no orphaned transfers, legs or
//! batches.

use super::{
    books::{Books, count},
    chain::Seals,
    report::{Finding, Law, Subject, counted},
    rooms::Rooms,
    start::Starts,
};
use crate::{
    base::{
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        closing::Closing,
        store::{self, FoundBatch, FoundTransfer, Leftover},
        transfer::{Hash, Record, TransferId, batch_digest},
    },
};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// How many transfers are read at a time, by what their batches say of themselves.
const GROUP: u64 = 2000;

/// The batch being checked.
#[derive(Debug)]
struct Open {
    batch: FoundBatch,
    digests: Vec<Hash>,
}

/// What was seen of a school's sealed history.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    transfers: u64,
    legs: u64,
}

/// The pass over the history.
#[derive(Debug)]
pub(super) struct History<'a> {
    starts: &'a Starts,
    books: Books,
    rooms: Rooms<'a>,
    transfers: Finding,
    batches: Finding,
    open: Option<Open>,
    seen: Seen,
    sealed: BTreeMap<SchoolId, Seen>,
    sealed_batches: u64,
    waiting_batches: u64,
    /// Batches that are sealed and wait too, and were counted as sealed.
    twice: HashSet<Uuid>,
}

/// The result of the pass.
#[derive(Debug)]
pub(super) struct Walked<'a> {
    pub(super) books: Books,
    pub(super) rooms: Rooms<'a>,
    pub(super) transfers: Finding,
    pub(super) batches: Finding,
    pub(super) waiting: u64,
    /// How many transfers and legs are sealed, by school.
    pub(super) sealed: BTreeMap<SchoolId, [u64; 2]>,
}

impl<'a> History<'a> {
    pub(super) fn new(starts: &'a Starts, books: Books, rooms: Rooms<'a>) -> Self {
        Self {
            starts,
            books,
            rooms,
            transfers: Finding::new(Law::Transfers),
            batches: Finding::new(Law::Batches),
            open: None,
            seen: Seen::default(),
            sealed: BTreeMap::new(),
            sealed_batches: 0,
            waiting_batches: 0,
            twice: HashSet::new(),
        }
    }

    /// Checks all transfers after the starts.
    pub(super) async fn walk(mut self, tx: &Tx) -> Result<Walked<'a>, DbError> {
        let mut seals = Seals::new(self.starts);
        let mut group = Vec::new();
        let mut size = 0;
        loop {
            let page = seals.next(tx).await?;
            if page.is_empty() {
                break;
            }
            for found in page {
                for batch in found.batches() {
                    size += batch.size();
                    group.push(batch);
                    if size >= GROUP {
                        self.sealed_group(tx, std::mem::take(&mut group)).await?;
                        size = 0;
                    }
                }
            }
        }
        self.sealed_group(tx, group).await?;
        self.waiting(tx).await?;
        self.leftovers(tx).await
    }

    async fn sealed_group(&mut self, tx: &Tx, group: Vec<FoundBatch>) -> Result<(), DbError> {
        self.sealed_batches += count(group.len());
        for id in store::waiting_among(tx, group.iter().map(|batch| batch.id).collect()).await? {
            self.batches.report(Subject::Batch(id), "is sealed and waits for its seal too");
            self.twice.insert(id);
        }
        self.group(tx, group, true).await
    }

    async fn waiting(&mut self, tx: &Tx) -> Result<(), DbError> {
        let mut after = None;
        loop {
            let mut page = store::waiting_after(tx, after).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.id);
            self.waiting_batches += count(page.len());
            page.retain(|batch| !self.twice.contains(&batch.id));
            self.group(tx, page, false).await?;
        }
    }

    /// Checks some batches with their transfers.
    async fn group(
        &mut self,
        tx: &Tx,
        group: Vec<FoundBatch>,
        sealed: bool,
    ) -> Result<(), DbError> {
        let ids: Vec<Uuid> = group.iter().map(|batch| batch.id).collect();
        let mut batches = HashMap::with_capacity(group.len());
        for batch in group {
            if let Some(other) = batches.insert(batch.id, batch) {
                self.batches.report(Subject::Batch(other.id), "is sealed twice");
            }
        }
        let mut after = None;
        while !ids.is_empty() {
            let page = store::transfers_of(tx, &ids, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.key);
            let is_last = page.len() < store::PAGE;
            let mut records = Vec::with_capacity(page.len());
            for found in page {
                records.extend(self.step(found, &mut batches, sealed));
            }
            self.rooms.explain(tx, &records, sealed).await?;
            if is_last {
                break;
            }
        }
        self.end_batch();
        for batch in batches.into_values() {
            self.batches.report(Subject::Batch(batch.id), "has no transfers");
        }
        Ok(())
    }

    fn step(
        &mut self,
        found: FoundTransfer,
        batches: &mut HashMap<Uuid, FoundBatch>,
        sealed: bool,
    ) -> Option<Record> {
        let (batch, ordinal, id) = found.key;
        if self.open.as_ref().is_none_or(|open| open.batch.id != batch) {
            self.end_batch();
            let batch = batches.remove(&batch)?;
            self.open = Some(Open { batch, digests: Vec::new() });
        }
        let open = self.open.as_mut()?;
        self.seen.add(found.legs);
        if sealed {
            self.sealed.entry(open.batch.school).or_default().add(found.legs);
        }
        let here = Subject::Transfer(TransferId::from_uuid(id));
        if usize::try_from(ordinal) != Ok(open.digests.len()) {
            let what = format!("stands at {ordinal} of batch {batch}, out of order");
            self.batches.report(here, what);
        }
        let Some((record, digest)) = found.said else {
            self.transfers.report(here, "its row or legs cannot be read, or a leg is missing");
            open.digests.push([0; 32]);
            return None;
        };
        // NULL and the nil id have the same digest; the nil id is not a valid person.
        let nobody = record.person.is_some_and(|person| person.uuid().is_nil());
        if nobody || record.digest() != digest {
            self.transfers.report(here, "its digest does not fit its row and legs");
        }
        if open.batch.school != record.school {
            let school = open.batch.school.number();
            self.batches.report(here, format!("is in a batch of school {school}"));
        }
        open.digests.push(digest);
        self.books.add(&record, sealed);
        Some(record)
    }

    fn end_batch(&mut self) {
        let Some(Open { batch, digests }) = self.open.take() else {
            return;
        };
        let (here, found) = (Subject::Batch(batch.id), digests.len());
        if usize::try_from(batch.transfers) != Ok(found) {
            let what = format!("has {found} transfers, it should be {}", batch.transfers);
            self.batches.report(here, what);
        }
        if batch.digest != Some(batch_digest(&digests)) {
            self.batches.report(here, "its digest does not fit its transfers");
        }
    }

    /// Finds rows that the pass did not visit. They are looked for only if the counts differ.
    async fn leftovers(mut self, tx: &Tx) -> Result<Walked<'a>, DbError> {
        let [transfers, legs] = store::counts(tx).await?;
        let before = |of: fn(&Closing) -> u64| self.starts.records().map(of).sum::<u64>();
        let expected = self.seen.transfers + before(|closing| closing.transfers);
        if transfers != expected {
            self.orphans(tx).await?;
            if transfers < expected && self.starts.oldest().is_some() {
                let gone = expected - transfers;
                let what = format!(
                    "{} fewer than the closing records say: a full verify names the batches",
                    counted(gone, "transfer")
                );
                self.transfers.report(Subject::Row, what);
            }
        }
        if legs != self.seen.legs + before(|closing| closing.legs) {
            for id in store::leftovers(tx, Leftover::Legs).await? {
                let here = Subject::Transfer(TransferId::from_uuid(id));
                self.transfers.report(here, "has legs but does not exist");
            }
        }
        let Seen { transfers, legs } = self.seen;
        self.transfers.checked =
            format!("{}, {}", counted(transfers, "transfer"), counted(legs, "leg"));
        let (sealed, waiting) = (self.sealed_batches, self.waiting_batches);
        self.batches.checked =
            format!("{} sealed, {} waiting", counted(sealed, "batch"), counted(waiting, "batch"));
        let sealed = self.sealed.into_iter().map(|(s, seen)| (s, [seen.transfers, seen.legs]));
        Ok(Walked {
            books: self.books,
            rooms: self.rooms,
            transfers: self.transfers,
            batches: self.batches,
            waiting,
            sealed: sealed.collect(),
        })
    }

    /// Names the transfers whose batch is neither sealed nor waiting. Only here are the ids of all
    /// batches held in memory.
    async fn orphans(&mut self, tx: &Tx) -> Result<(), DbError> {
        let all = Starts::default();
        let (mut known, mut seals, mut after) = (HashSet::new(), Seals::new(&all), None);
        loop {
            let page = seals.next(tx).await?;
            if page.is_empty() {
                break;
            }
            known.extend(page.into_iter().flat_map(|found| found.batches()).map(|batch| batch.id));
        }
        loop {
            let page = store::waiting_after(tx, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            known.extend(page.iter().map(|batch| batch.id));
        }
        let (mut after, mut last) = (None, None);
        loop {
            let page = store::places_after(tx, after).await?;
            let Some(end) = page.last() else {
                return Ok(());
            };
            after = Some(*end);
            for (batch, _, id) in page.into_iter().filter(|(batch, ..)| !known.contains(batch)) {
                let here = Subject::Transfer(TransferId::from_uuid(id));
                self.transfers.report(here, "its batch is neither sealed nor waiting");
                if last.replace(batch) != Some(batch) {
                    let here = Subject::Batch(batch);
                    self.batches.report(here, "is neither sealed nor waiting to be");
                }
            }
        }
    }
}

impl Seen {
    fn add(&mut self, legs: u64) {
        self.transfers += 1;
        self.legs += legs;
    }
}
