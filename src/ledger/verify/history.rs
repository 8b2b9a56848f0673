//! Checks the whole history, batch by batch, in the order of the seals.
//!
//! Laws: every transfer's digest matches its row and its legs; every transfer is in one batch; every
//! batch is sealed once or waits once, and count and digest of seal or queue match its transfers;
//! there are no orphaned legs.

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
        seal::Sealed,
        store::{self, FoundSeal, FoundTransfer, Leftover, Misplaced},
        transfer::{Hash, Record, TransferId, batch_digest},
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    vec,
};
use uuid::Uuid;

/// How many batches' transfers are read at a time, at most.
const BATCHES: usize = 256;
/// How many transfers are read at a time, about: batches differ, one charge or thousands of postings.
const TRANSFERS: usize = 1000;
/// How many transfers rooms explain at a time.
const EXPLAINED: usize = 500;

/// Where a batch was found.
#[derive(Clone, Copy, Debug)]
enum Place {
    Sealed(SchoolId),
    Waiting(SchoolId),
    Nowhere,
}

impl Place {
    const fn school(self) -> Option<SchoolId> {
        match self {
            Self::Sealed(school) | Self::Waiting(school) => Some(school),
            Self::Nowhere => None,
        }
    }
}

/// The sum of a hash of each batch. Lists of the same sum hold the same batches equally often: the
/// hash is keyed anew in each run, so that nobody can write rows whose sum fits.
#[derive(Debug, Default)]
struct Tally {
    key: RandomState,
    placed: u64,
    existing: u64,
}

impl Tally {
    fn of(&self, batch: Uuid) -> u64 {
        self.key.hash_one(batch)
    }

    fn place(&mut self, batch: Uuid) {
        self.placed = self.placed.wrapping_add(self.of(batch));
    }

    fn exists(&mut self, batch: Uuid) {
        self.existing = self.existing.wrapping_add(self.of(batch));
    }
}

/// Transfers of batches, read ahead in the order in which they are asked for.
#[derive(Debug)]
struct Ahead {
    unread: vec::IntoIter<Uuid>,
    read: usize,
    /// How many batches are read next.
    next: usize,
    found: HashMap<Uuid, Vec<FoundTransfer>>,
}

impl Ahead {
    fn new(batches: Vec<Uuid>) -> Self {
        Self { unread: batches.into_iter(), read: 0, next: 1, found: HashMap::new() }
    }

    /// The transfers of the next batch. None where it was listed shortly before: it cannot be
    /// sealed twice.
    async fn next(&mut self, tx: &Tx, batch: Uuid) -> Result<Vec<FoundTransfer>, DbError> {
        if self.read == 0 {
            let batches: Vec<Uuid> = self.unread.by_ref().take(self.next).collect();
            self.read = batches.len();
            self.found.clear();
            let found = store::transfers_of(tx, batches).await?;
            self.next = next_read(self.next, found.len());
            for transfer in found {
                self.found.entry(transfer.key.0).or_default().push(transfer);
            }
        }
        self.read = self.read.saturating_sub(1);
        Ok(self.found.remove(&batch).unwrap_or_default())
    }
}

/// How many batches are read after `read` of them had `found` transfers.
fn next_read(read: usize, found: usize) -> usize {
    let next = if found > TRANSFERS { read / 2 } else { read.saturating_mul(2) };
    next.clamp(1, BATCHES)
}

/// The pass over the history.
#[derive(Debug)]
pub(super) struct History<'a> {
    starts: &'a Starts,
    books: Books,
    rooms: Rooms<'a>,
    transfers: Finding,
    batches: Finding,
    tally: Tally,
    transfers_seen: u64,
    legs_seen: u64,
    sealed: u64,
    waiting: u64,
    /// Transfers and legs that are sealed, by school.
    by_school: BTreeMap<SchoolId, [u64; 2]>,
    /// Transfers that no room was asked about yet.
    unexplained: Vec<Record>,
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
            tally: Tally::default(),
            transfers_seen: 0,
            legs_seen: 0,
            sealed: 0,
            waiting: 0,
            by_school: BTreeMap::new(),
            unexplained: Vec::new(),
        }
    }

    /// Checks all transfers after the starts: those of sealed batches, of waiting ones, and of no
    /// batch.
    pub(super) async fn walk(mut self, tx: &Tx) -> Result<Walked<'a>, DbError> {
        self.walk_sealed(tx).await?;
        self.explain(tx, true).await?;
        self.walk_waiting(tx).await?;
        self.explain(tx, false).await?;
        if self.starts.oldest().is_none() {
            self.walk_misplaced(tx).await?;
        } else {
            self.count_transfers(tx).await?;
        }
        self.find_lost_legs(tx).await?;
        let (transfers, legs) = (self.transfers_seen, self.legs_seen);
        self.transfers.checked =
            format!("{}, {}", counted(transfers, "transfer"), counted(legs, "leg"));
        let (sealed, waiting) = (self.sealed, self.waiting);
        self.batches.checked =
            format!("{} sealed, {} waiting", counted(sealed, "batch"), counted(waiting, "batch"));
        let Self { books, rooms, transfers, batches, by_school, .. } = self;
        Ok(Walked { books, rooms, transfers, batches, waiting, sealed: by_school })
    }

    async fn walk_sealed(&mut self, tx: &Tx) -> Result<(), DbError> {
        let mut seals = Seals::new(self.starts);
        loop {
            let page = seals.next(tx).await?;
            if page.is_empty() {
                return Ok(());
            }
            let listed = page.iter().flat_map(|seal| seal.batches.iter().copied()).collect();
            let mut ahead = Ahead::new(listed);
            for seal in &page {
                let (before, mut digests) = (self.transfers_seen, Vec::new());
                for batch in &seal.batches {
                    let found = ahead.next(tx, *batch).await?;
                    self.tally.place(*batch);
                    digests.push(self.check_batch(*batch, Place::Sealed(seal.key.0), &found));
                    if self.unexplained.len() >= EXPLAINED {
                        self.explain(tx, true).await?;
                    }
                }
                self.sealed += count(digests.len());
                self.check_seal(seal, self.transfers_seen - before, &digests);
            }
        }
    }

    /// Compares a seal with the transfers of its batches. One that cannot be read is named as a link
    /// of its chain.
    fn check_seal(&mut self, found: &FoundSeal, transfers: u64, digests: &[Hash]) {
        let (Some(seal), (school, position)) = (&found.seal, found.key) else {
            return;
        };
        let here = match &seal.batches {
            Sealed::Batch(batch) => Subject::Batch(*batch),
            Sealed::Turn(_) => Subject::Seal { school, position },
        };
        self.compare(here, transfers, i64::from(seal.transfers));
        if seal.batches.digest(digests) != Some(seal.digest) {
            self.batches.report(here, "its digest does not fit its transfers");
        }
    }

    fn compare(&mut self, here: Subject, found: u64, said: i64) {
        if u64::try_from(said) != Ok(found) {
            self.batches.report(here, format!("has {found} transfers, it should be {said}"));
        }
    }

    async fn walk_waiting(&mut self, tx: &Tx) -> Result<(), DbError> {
        let mut after = None;
        loop {
            let page = store::waiting_after(tx, after).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.batch);
            self.waiting += count(page.len());
            let mut ahead = Ahead::new(page.iter().map(|row| row.batch).collect());
            for row in &page {
                let (found, here) = (ahead.next(tx, row.batch).await?, Subject::Batch(row.batch));
                self.tally.place(row.batch);
                let digest = self.check_batch(row.batch, Place::Waiting(row.school), &found);
                self.compare(here, count(found.len()), row.transfers);
                if row.digest != Some(digest) {
                    self.batches.report(here, "its digest does not fit its transfers");
                }
                if self.unexplained.len() >= EXPLAINED {
                    self.explain(tx, false).await?;
                }
            }
        }
    }

    async fn explain(&mut self, tx: &Tx, sealed: bool) -> Result<(), DbError> {
        let records = std::mem::take(&mut self.unexplained);
        self.rooms.explain(tx, &records, sealed).await
    }

    /// Compares how many transfers there are with the closing records and with what came after them.
    async fn count_transfers(&mut self, tx: &Tx) -> Result<(), DbError> {
        let closed: u64 = self.starts.records().map(|closing| closing.transfers).sum();
        let (found, expected) = (store::transfer_count(tx).await?, closed + self.transfers_seen);
        if found != expected {
            let what = format!(
                "{}, and by the closing records {expected}: a full verify names the batches",
                counted(found, "transfer")
            );
            self.transfers.report(Subject::Row, what);
        }
        Ok(())
    }

    /// Names batches that are placed nowhere or twice, which are looked for only if there are any.
    async fn walk_misplaced(&mut self, tx: &Tx) -> Result<(), DbError> {
        let mut after = None;
        loop {
            let page = store::batches_after(tx, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(*last);
            for batch in page {
                self.tally.exists(batch);
            }
        }
        if self.tally.placed == self.tally.existing {
            return Ok(());
        }
        for batch in store::misplaced(tx, Misplaced::Twice).await? {
            self.batches.report(Subject::Batch(batch), "is sealed, or waits, more than once");
        }
        let nowhere = store::misplaced(tx, Misplaced::Nowhere).await?;
        let mut ahead = Ahead::new(nowhere.clone());
        for batch in nowhere {
            self.batches.report(Subject::Batch(batch), "is neither sealed nor waiting to be");
            let found = ahead.next(tx, batch).await?;
            self.check_batch(batch, Place::Nowhere, &found);
        }
        Ok(())
    }

    /// Checks the transfers of a batch and returns the digest that it must have.
    fn check_batch(&mut self, id: Uuid, place: Place, found: &[FoundTransfer]) -> Hash {
        if found.is_empty() {
            self.batches.report(Subject::Batch(id), "has no transfers");
        }
        let mut digests = Vec::with_capacity(found.len());
        for (transfer, at) in found.iter().zip(0_i64..) {
            if transfer.key.1 != at {
                let (ordinal, here) = (transfer.key.1, subject(transfer));
                self.batches
                    .report(here, format!("stands at {ordinal} of batch {id}, out of order"));
            }
            digests.push(self.check_transfer(transfer, place));
        }
        batch_digest(&digests)
    }

    /// Checks a transfer and returns its stored digest.
    fn check_transfer(&mut self, found: &FoundTransfer, place: Place) -> Hash {
        let here = subject(found);
        self.transfers_seen += 1;
        self.legs_seen += found.legs;
        if let Place::Sealed(school) = place {
            let [transfers, legs] = self.by_school.entry(school).or_default();
            *transfers += 1;
            *legs += found.legs;
        }
        let Some((record, digest)) = &found.said else {
            self.transfers.report(here, "its row or legs cannot be read, or a leg is missing");
            return [0; 32];
        };
        // NULL and the nil id have the same digest; the nil id is not a valid person.
        let nobody = record.person.is_some_and(|person| person.uuid().is_nil());
        if nobody || record.digest() != *digest {
            self.transfers.report(here, "its digest does not fit its row and legs");
        }
        if let Some(school) = place.school().filter(|school| *school != record.school) {
            self.batches.report(here, format!("is in a batch of school {}", school.number()));
        }
        self.books.add(record, matches!(place, Place::Sealed(_)));
        match place {
            Place::Sealed(_) | Place::Waiting(_) => self.unexplained.push(record.clone()),
            // Reported as such.
            Place::Nowhere => {}
        }
        *digest
    }

    /// Finds legs of no transfer. They are looked for only if there are more than were seen.
    async fn find_lost_legs(&mut self, tx: &Tx) -> Result<(), DbError> {
        let closed: u64 = self.starts.records().map(|closing: &Closing| closing.legs).sum();
        if store::leg_count(tx).await? == closed + self.legs_seen {
            return Ok(());
        }
        for id in store::leftovers(tx, Leftover::Legs).await? {
            let here = Subject::Transfer(TransferId::from_uuid(id));
            self.transfers.report(here, "has legs but does not exist");
        }
        Ok(())
    }
}

fn subject(found: &FoundTransfer) -> Subject {
    Subject::Transfer(TransferId::from_uuid(found.key.2))
}

#[cfg(test)]
mod tests {
    use super::next_read;

    #[test]
    fn as_many_batches_are_read_as_have_about_a_thousand_transfers() {
        for (read, found, next) in [
            (1, 1, 2),
            (128, 128, 256),
            (256, 256, 256),
            (256, 1000, 256),
            (256, 1001, 128),
            (16, 16_000, 8),
            (1, 5000, 1),
            (1, 0, 2),
        ] {
            assert_eq!(next_read(read, found), next, "{read} batches, {found} transfers");
        }
    }
}
