//! A server's in-memory table of handles, and how it is kept in step with the database.
//!
//! Invariant: an entry is never replaced by an older state of the device.
//! Invariant: a lookup that catches up finds every device in the database with at most one query.
//! If the clock of the server that enrolled the device is more than [`MARGIN`] behind ours, it is
//! found within [`REREAD`].
//! Invariant: a phone that ended because its card was reported lost is found for as long as it has keys,
//! also by a server that starts later: its codes are refused as those of a lost card.
//! Absent on purpose: whether a device is still valid. A stale table finds codes that
//! [`use_up`](super::use_up) refuses.

use super::{
    Code, CodeMasters, DeviceId, Enrolment, HandleMatch, HandleTables, OtpKey,
    store::devices::{self, LookedUp, Stored},
};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    ids::SchoolId,
};
use futures_util::TryStreamExt;
use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How many devices are processed before other tasks may run: about a millisecond of work.
const PART: usize = 100;
/// How far before the last read change the next read starts, to allow for clock differences between
/// servers and for long transactions.
const MARGIN: Duration = Duration::from_mins(2);
/// After this time all devices of a school are read again, independent of other servers' clocks.
const REREAD: Duration = Duration::from_hours(1);

/// The devices of all schools by their handles.
#[derive(Debug)]
pub(super) struct Directory {
    db: Db,
    clock: Arc<dyn Clock>,
    masters: CodeMasters,
    table: Mutex<Table>,
    /// Held while a school is read for the first time, so that concurrent requests read it once.
    filling: Mutex<HashMap<SchoolId, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Table {
    handles: HandleTables,
    schools: HashMap<SchoolId, Arc<str>>,
    /// How far each school was read; absent until it was read completely.
    readings: HashMap<SchoolId, Reading>,
    /// The generations of phones of lost cards, by the end of their keys: then they are forgotten.
    lost: BTreeMap<(Timestamp, SchoolId, DeviceId), u32>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    /// When all of its devices were read.
    filled_at: Timestamp,
    /// The time up to which changes were applied. Never later than our own clock, even if the clock
    /// of the writing server is ahead.
    up_to: Timestamp,
}

/// A device that may have shown a code, and the key of its one-time parts.
pub(super) struct Candidate {
    pub(super) handle_match: HandleMatch,
    pub(super) key: OtpKey,
}

impl Directory {
    pub(super) fn new(db: Db, clock: Arc<dyn Clock>, masters: CodeMasters) -> Self {
        let (table, filling) = (Mutex::default(), Mutex::default());
        Self { db, clock, masters, table, filling }
    }

    /// The devices of a school that match the handle of a code.
    pub(super) fn candidates(&self, school: SchoolId, code: &Code) -> Vec<Candidate> {
        let table = self.table();
        let found = table.handles.matches_of(school, code.purpose(), code.handle());
        found.into_iter().filter_map(|seen| self.candidate(&table, seen, code)).collect()
    }

    /// The devices of all other schools that match it.
    pub(super) fn elsewhere(&self, but: SchoolId, code: &Code) -> Vec<Candidate> {
        let table = self.table();
        let found = table.handles.elsewhere(but, code.purpose(), code.handle());
        found.into_iter().filter_map(|seen| self.candidate(&table, seen, code)).collect()
    }

    /// `None` if the enrolment's master key is no longer configured.
    fn candidate(
        &self,
        table: &Table,
        handle_match: HandleMatch,
        code: &Code,
    ) -> Option<Candidate> {
        let Enrolment { school, master, salt, generation, .. } = handle_match.enrolment;
        let (master, school) = (self.masters.get(master)?, table.schools.get(&school)?);
        let key = master.device_key(school, &salt, generation).otp_key(code.purpose());
        Some(Candidate { handle_match, key })
    }

    /// Adds an enrolment that was just committed by this server.
    pub(super) fn put(&self, stored: &Stored, school_code: &str) {
        let mut table = self.table();
        table.schools.entry(stored.school).or_insert_with(|| school_code.into());
        table.apply(&self.masters, stored, self.clock.now());
    }

    pub(super) const fn masters(&self) -> &CodeMasters {
        &self.masters
    }

    /// Reads a school that is not in the table yet, for a code whose handle nobody there is known to
    /// show; returns whether it did. One query, shared by all who wait for it.
    pub(super) async fn load(&self, school: SchoolId, code: &Code) -> Result<bool, DbError> {
        let is_loaded = self.table().readings.contains_key(&school);
        if is_loaded || !self.candidates(school, code).is_empty() {
            return Ok(false);
        }
        self.fill(school).await.map(|()| true)
    }

    /// Reads changes by other servers. One query: of all devices if the school is not in the table
    /// yet, otherwise of the changes since the last read.
    pub(super) async fn catch_up(&self, school: SchoolId) -> Result<(), DbError> {
        let reading = self.table().readings.get(&school).copied();
        match reading {
            Some(Reading { up_to, .. }) => self.read_changes(school, up_to).await,
            None => self.fill(school).await,
        }
    }

    async fn read_changes(&self, school: SchoolId, up_to: Timestamp) -> Result<(), DbError> {
        let now = self.clock.now();
        let changes = devices::changed(&self.db, school, up_to.minus(MARGIN)).await?;
        if !changes.complete {
            // Too many changes to be sure that none is missing.
            self.table().readings.remove(&school);
            return self.fill(school).await;
        }
        for part in changes.devices.chunks(PART) {
            self.apply(part, now);
        }
        if let Some((reading, newest)) = self.table().readings.get_mut(&school).zip(changes.newest)
        {
            reading.up_to = newest.min(now).max(reading.up_to);
        }
        Ok(())
    }

    fn apply(&self, part: &[Stored], now: Timestamp) {
        let mut table = self.table();
        for stored in part {
            table.apply(&self.masters, stored, now);
        }
    }

    /// Reads all devices of a school, once for all concurrent callers.
    async fn fill(&self, school: SchoolId) -> Result<(), DbError> {
        let filling = Arc::clone(lock(&self.filling).entry(school).or_default());
        let _turn = filling.lock().await;
        if self.table().readings.contains_key(&school) {
            return Ok(());
        }
        self.read_all(school).await
    }

    /// Reads all devices of a school in one query.
    async fn read_all(&self, school: SchoolId) -> Result<(), DbError> {
        let now = self.clock.now();
        if !self.table().schools.contains_key(&school) {
            self.read_schools().await?;
        }
        let rows = devices::looked_up(&self.db, school, now).await?;
        let mut rows = pin!(rows.try_chunks(PART));
        while let Some(part) = rows.try_next().await.map_err(|error| error.1)? {
            self.apply(&part, now);
            tokio::task::yield_now().await;
        }
        self.table().readings.insert(school, Reading { filled_at: now, up_to: now });
        Ok(())
    }

    async fn read_schools(&self) -> Result<Vec<SchoolId>, DbError> {
        let schools = devices::schools(&self.db).await?;
        let mut table = self.table();
        let known = schools.into_iter().map(|(school, code)| {
            table.schools.entry(school).or_insert_with(|| code.into());
            school
        });
        Ok(known.collect())
    }

    /// Updates the table: the current epoch, new schools, changes by other servers. Requests need
    /// not wait while a school is read again.
    pub(super) async fn refresh(&self) -> Result<(), DbError> {
        while !self.table().handles.turn(self.clock.now(), PART) {
            tokio::task::yield_now().await;
        }
        self.table().forget_lost(self.clock.now());
        for school in self.read_schools().await? {
            let reading = self.table().readings.get(&school).copied();
            let now = self.clock.now();
            if reading.is_some_and(|reading| reading.filled_at.distance(now) >= REREAD) {
                self.read_all(school).await?;
            } else {
                self.catch_up(school).await?;
            }
        }
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

impl Table {
    /// Applies the stored state of a device, unless a newer one is known.
    fn apply(&mut self, masters: &CodeMasters, stored: &Stored, now: Timestamp) {
        let Stored { device, person, school, salt, generation, step, .. } = *stored;
        let known = self.handles.generation(school, device);
        match stored.looked_up {
            LookedUp::Live => {}
            LookedUp::Lost { until } if now < until => {
                self.lost.insert((until, school, device), generation);
            }
            LookedUp::Lost { .. } | LookedUp::No => {
                if known.is_some_and(|known| known <= generation) {
                    self.handles.remove(school, device);
                }
                return;
            }
        }
        if known.is_some_and(|known| known >= generation) {
            return;
        }
        let Some(code) = self.schools.get(&school) else { return };
        let master = masters.number(&stored.master_key_id);
        let Some((number, master)) = master.and_then(|at| Some((at, masters.get(at)?))) else {
            return tracing::warn!(%device, "a device was enrolled with a master key that is not configured");
        };
        let keys = master.device_key(code, &salt, generation).handle_keys();
        let enrolment =
            Enrolment { device, person, school, step, master: number, salt, generation };
        self.handles.insert(&enrolment, keys, now);
    }

    /// Removes phones of lost cards whose keys have ended, unless they were enrolled again.
    fn forget_lost(&mut self, now: Timestamp) {
        while let Some(first) = self.lost.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, school, device), generation) = first.remove_entry();
            if self.handles.generation(school, device) == Some(generation) {
                self.handles.remove(school, device);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic cannot leave the table half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
