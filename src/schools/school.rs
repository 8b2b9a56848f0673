//! A server's view of all schools.

use super::{policy::Policy, store};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Authority, Db, DbError},
    ids::SchoolId,
    job_runs,
};
use arc_swap::ArcSwapOption;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long schools are cached: an import takes effect within this time.
const LIFETIME: Duration = Duration::from_millis(900);
/// How often the cache is refreshed in the background, so that no request waits for it.
const PACE: Duration = Duration::from_millis(450);

/// A school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct School {
    /// The id.
    pub id: SchoolId,
    /// The code, used in paths and configuration.
    pub code: String,
    /// The name as shown to students.
    pub name: String,
    /// The policy.
    pub policy: Policy,
}

/// A cache of all schools.
#[derive(Debug)]
pub struct Schools {
    db: Db,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Snapshot>,
    /// Held while reading, so that concurrent requests read once.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Snapshot {
    read_at: Timestamp,
    by_code: BTreeMap<String, Arc<School>>,
}

impl Schools {
    /// The tables whose rows carry a MAC.
    pub const AUTHORITY: &[&Authority] = &[&store::authentic::PERSON];

    /// The schools in `db`.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock, known: ArcSwapOption::empty(), reading: Mutex::new(()) }
    }

    /// The school with this code.
    pub async fn by_code(&self, code: &str) -> Result<Option<Arc<School>>, DbError> {
        Ok(self.known().await?.by_code.get(code).cloned())
    }

    /// The school with this id.
    pub async fn by_id(&self, id: SchoolId) -> Result<Option<Arc<School>>, DbError> {
        let known = self.known().await?;
        Ok(known.by_code.values().find(|school| school.id == id).cloned())
    }

    /// The school that a row refers to: it must exist.
    pub async fn require(&self, id: SchoolId) -> Result<Arc<School>, DbError> {
        let missing = DbError::Inconsistent { table: "school", what: "a school is missing" };
        self.by_id(id).await?.ok_or(missing)
    }

    /// All schools, by code. There are at most [`store::MAX_SCHOOLS`].
    pub async fn list(&self) -> Result<Vec<Arc<School>>, DbError> {
        Ok(self.known().await?.by_code.values().cloned().collect())
    }

    /// Refreshes the cache periodically, for as long as the process lives.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            if let Err(error) = job_runs::noted(self.read().await) {
                tracing::warn!(%error, "schools could not be read; will retry");
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn known(&self) -> Result<Arc<Snapshot>, DbError> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        self.read().await
    }

    async fn read(&self) -> Result<Arc<Snapshot>, DbError> {
        // The time before reading, since later commits are not included.
        let read_at = self.clock.now();
        let schools = store::schools(&self.db).await?;
        let by_code = schools.into_iter().map(|school| (school.code.clone(), Arc::new(school)));
        let known = Arc::new(Snapshot { read_at, by_code: by_code.collect() });
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    fn fresh(&self) -> Option<Arc<Snapshot>> {
        let now = self.clock.now();
        self.known.load_full().filter(|known| known.read_at.distance(now) < LIFETIME)
    }
}
