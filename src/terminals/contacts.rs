//! When terminals were last heard of: kept in memory, and written a few times a minute.

use super::{TerminalId, Terminals, store};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError},
    job_runs,
};
use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// The pause after each writing.
const PACE: Duration = Duration::from_secs(10);

/// Terminals that were heard of since the last writing. As many as there are: each proved its key.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    seen: Mutex<HashMap<TerminalId, Timestamp>>,
    some: Notify,
}

impl Contacts {
    pub(super) fn note(&self, terminal: TerminalId, at: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = seen.entry(terminal).or_insert(at);
        *latest = (*latest).max(at);
        drop(seen);
        self.some.notify_one();
    }

    fn take(&self) -> HashMap<TerminalId, Timestamp> {
        mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Terminals {
    /// Writes when terminals were last heard of, for as long as the process lives. What is lost with it is
    /// a few seconds.
    pub async fn keep_contacts(self, db: Db) {
        loop {
            self.contacts.some.notified().await;
            if let Err(error) = job_runs::noted(self.write_contacts(&db).await) {
                tracing::warn!(%error, "when terminals were heard of could not be written");
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Writes those that were heard of since the last writing.
    pub async fn write_contacts(&self, db: &Db) -> Result<(), DbError> {
        let seen: Vec<(TerminalId, Timestamp)> = self.contacts.take().into_iter().collect();
        let done = if seen.is_empty() { Ok(()) } else { store::contacts::write(db, &seen).await };
        if done.is_err() {
            for (terminal, at) in seen {
                self.contacts.note(terminal, at);
            }
        }
        done
    }
}
