//! Schools as a running server sees them.

use super::{policy::Policy, store};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    ids::SchoolId,
};
use arc_swap::ArcSwapOption;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long a server may go on with what it knows: an import is seen within this time.
const LIFETIME: Duration = Duration::from_millis(900);
/// How often a running server reads ahead, so that no request waits for it.
const PACE: Duration = Duration::from_millis(450);

/// A school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct School {
    /// In the ledger and everywhere else.
    pub id: SchoolId,
    /// In addresses and configuration.
    pub code: String,
    /// As students know it.
    pub name: String,
    /// What it wants.
    pub policy: Policy,
}

/// All schools, read again from the database when what is known is too old.
#[derive(Debug)]
pub struct Schools {
    db: Db,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Known>,
    /// Held while reading, so that a crowd reads once.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    read_at: Timestamp,
    by_code: BTreeMap<String, Arc<School>>,
}

impl Schools {
    /// The schools in `db`.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock, known: ArcSwapOption::empty(), reading: Mutex::new(()) }
    }

    /// The school of that code.
    pub async fn by_code(&self, code: &str) -> Result<Option<Arc<School>>, DbError> {
        Ok(self.known().await?.by_code.get(code).cloned())
    }

    /// The school of that id.
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

    /// Keeps what is known fresh, for as long as the process lives.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            if let Err(error) = self.read().await {
                tracing::warn!(%error, "schools could not be read, will be tried again");
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn known(&self) -> Result<Arc<Known>, DbError> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        self.read().await
    }

    async fn read(&self) -> Result<Arc<Known>, DbError> {
        // The time before reading: what is committed later must count as unseen.
        let read_at = self.clock.now();
        let schools = store::schools(&self.db).await?;
        let by_code = schools.into_iter().map(|school| (school.code.clone(), Arc::new(school)));
        let known = Arc::new(Known { read_at, by_code: by_code.collect() });
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    fn fresh(&self) -> Option<Arc<Known>> {
        let now = self.clock.now();
        self.known.load_full().filter(|known| known.read_at.distance(now) < LIFETIME)
    }
}
