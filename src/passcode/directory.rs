//! The table of handles of a running server, and how it keeps up with the database.
//!
//! Invariant: what is in the table is never older than what the database said of the device before.
//! Invariant: a device that is in the database is found by whoever looks and catches up: at most
//! one query; within [`REREAD`] where the clock of the server that enrolled it is behind ours by
//! more than [`MARGIN`].
//! Absent on purpose: whether a device is still good. A table that lags behind finds codes that
//! [`use_up`](super::use_up) refuses.

use super::{
    Code, CodeMasters, Enrolment, HandleMatch, HandleTables, OtpKey,
    store::devices::{self, Stored},
};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    ids::SchoolId,
};
use futures_util::TryStreamExt;
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Devices that are put in, or turned an hour on, before others get their turn: about a
/// millisecond's work.
const PART: usize = 100;
/// How far back of what was read last changes are read again: for clocks of servers that differ,
/// and transactions that take their time.
const MARGIN: Duration = Duration::from_mins(2);
/// After so long a school is read anew, whatever the clocks of other servers say.
const REREAD: Duration = Duration::from_hours(1);

/// The devices of all schools by their handles.
#[derive(Debug)]
pub(super) struct Directory {
    db: Db,
    clock: Arc<dyn Clock>,
    masters: CodeMasters,
    table: Mutex<Table>,
    /// Held while a school is read for the first time, so that a crowd reads once.
    filling: Mutex<HashMap<SchoolId, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Table {
    handles: HandleTables,
    schools: HashMap<SchoolId, Arc<str>>,
    /// What was read of each school; none while it is not filled.
    readings: HashMap<SchoolId, Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    /// When all of its devices were read.
    filled_at: Timestamp,
    /// Up to when its changes are in: never later than our own clock says, however far ahead the
    /// clock of the server that wrote them is.
    up_to: Timestamp,
}

/// A device that shows a handle, and what its one-time parts are made with.
pub(super) struct Candidate {
    pub(super) handle_match: HandleMatch,
    pub(super) key: OtpKey,
}

impl Directory {
    pub(super) fn new(db: Db, clock: Arc<dyn Clock>, masters: CodeMasters) -> Self {
        let (table, filling) = (Mutex::default(), Mutex::default());
        Self { db, clock, masters, table, filling }
    }

    /// The devices of a school that show the handle of a code.
    pub(super) fn candidates(&self, school: SchoolId, code: &Code) -> Vec<Candidate> {
        let table = self.table();
        let found = table.handles.matches_of(school, code.purpose(), code.handle());
        found.into_iter().filter_map(|seen| self.candidate(&table, seen, code)).collect()
    }

    /// The devices of all other schools that do.
    pub(super) fn elsewhere(&self, but: SchoolId, code: &Code) -> Vec<Candidate> {
        let table = self.table();
        let found = table.handles.elsewhere(but, code.purpose(), code.handle());
        found.into_iter().filter_map(|seen| self.candidate(&table, seen, code)).collect()
    }

    /// None where the key of the enrolment is no longer configured.
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

    /// Puts an enrolment in that was just committed here.
    pub(super) fn put(&self, stored: &Stored, school_code: &str) {
        let mut table = self.table();
        table.schools.entry(stored.school).or_insert_with(|| school_code.into());
        table.apply(&self.masters, stored, self.clock.now());
    }

    pub(super) const fn masters(&self) -> &CodeMasters {
        &self.masters
    }

    /// Reads what another server may have changed. One query: of everything where the school is not
    /// in the table yet, else of what changed since.
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
        if changes.len() >= devices::CHANGES_AT_ONCE {
            // Too many to be sure that none is left out.
            self.table().readings.remove(&school);
            return self.fill(school).await;
        }
        for part in changes.chunks(PART) {
            self.apply(part, now);
        }
        let newest = changes.last().map(|stored| stored.changed_at);
        if let Some((reading, newest)) = self.table().readings.get_mut(&school).zip(newest) {
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

    /// Reads all devices of a school, once, for all who wait for it.
    async fn fill(&self, school: SchoolId) -> Result<(), DbError> {
        let filling = Arc::clone(lock(&self.filling).entry(school).or_default());
        let _turn = filling.lock().await;
        if self.table().readings.contains_key(&school) {
            return Ok(());
        }
        self.read_all(school).await
    }

    /// Reads all devices of a school, in one query.
    async fn read_all(&self, school: SchoolId) -> Result<(), DbError> {
        let now = self.clock.now();
        if !self.table().schools.contains_key(&school) {
            self.read_schools().await?;
        }
        let mut rows = pin!(devices::live(&self.db, school).await?.try_chunks(PART));
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

    /// Brings everything up to date: the hours, new schools, what other servers changed. Nobody waits
    /// for a school that is read anew.
    pub(super) async fn refresh(&self) -> Result<(), DbError> {
        while !self.table().handles.turn(self.clock.now(), PART) {
            tokio::task::yield_now().await;
        }
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
    /// Takes in what the database says of a device, unless something newer is known of it.
    fn apply(&mut self, masters: &CodeMasters, stored: &Stored, now: Timestamp) {
        let Stored { device, person, school, salt, generation, step, .. } = *stored;
        let known = self.handles.generation(school, device);
        if !stored.live {
            if known.is_some_and(|known| known <= generation) {
                self.handles.remove(school, device);
            }
            return;
        }
        if known.is_some_and(|known| known >= generation) {
            return;
        }
        let Some(code) = self.schools.get(&school) else { return };
        let master = masters.number(&stored.master_key_id);
        let Some((number, master)) = master.and_then(|at| Some((at, masters.get(at)?))) else {
            return tracing::warn!(%device, "a device was enrolled under a key that is not there");
        };
        let keys = master.device_key(code, &salt, generation).handle_keys();
        let enrolment =
            Enrolment { device, person, school, step, master: number, salt, generation };
        self.handles.insert(&enrolment, keys, now);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No panic can happen between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
