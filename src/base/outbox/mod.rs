//! The outbox: what is to be told to somebody else, at least once, after the commit that made it due.
//!
//! Invariant: a job is enqueued in the transaction that made it due, and is one for each kind and
//! subject.
//! Invariant: a job is claimed by a lease that is committed before anything is called, and that is
//! longer than the call: two servers never deliver one job at a time.
//! Invariant: an outcome is recorded only by whom the lease is still held.
//! Invariant: "unknown" is neither done nor refused: it is tried again, with growing delays, and is
//! reported from when its tries are used up.
//! Absent on purpose: what a job does. Rooms register it, as a [`Delivers`].

mod pace;
mod refused;
mod store;
mod worker;

pub use pace::OutboxPace;
pub use refused::{RefusedGroup, RefusedJob};
pub use store::{backlog, write_of};
pub use worker::Outbox;

use super::{
    clock::Timestamp,
    db::{DbError, Tx},
    ids::SchoolId,
};
use async_trait::async_trait;
use std::time::Duration;
use uuid::Uuid;

/// A job to be enqueued. It is due at once.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The school that it is for.
    pub school: SchoolId,
    /// What is to be done: the [`Delivers::kind`] that does it.
    pub kind: &'static str,
    /// What it is about; the other side's idempotency key, or the key of a row that holds it. Unique
    /// within the kind.
    pub subject: String,
    /// When it was enqueued, and is due.
    pub due_at: Timestamp,
}

/// A job under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The row.
    pub id: Uuid,
    /// The school that it is for.
    pub school: SchoolId,
    /// What is to be done.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// How many tries there were, this one included, since the other side last said something.
    pub tries: i32,
    /// When the lease ends.
    pub leased_until: Timestamp,
}

/// What waits of a kind, of a school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// What is to be done.
    pub kind: String,
    /// How many jobs.
    pub waiting: u64,
    /// When the oldest was enqueued.
    pub oldest: Timestamp,
    /// The most tries that one has had.
    pub tries: i32,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The other side did it.
    Done,
    /// The other side will never do it.
    Refused,
    /// Nobody knows, or it could not be asked for. To be tried again: not before so long, where the
    /// other side says so.
    Unknown {
        /// How long the other side asks us to wait.
        wait: Option<Duration>,
    },
    /// The other side knows of it, or its turn has not come. That is no failed try.
    Later {
        /// When it is due again.
        at: Timestamp,
    },
}

/// What is done with jobs of one kind.
#[async_trait(?Send)]
pub trait Delivers: std::fmt::Debug + Send + Sync {
    /// The kind of job.
    fn kind(&self) -> &'static str;

    /// Delivers a job. Called outside any transaction, and again under the same subject after a try
    /// whose outcome nobody knows.
    async fn deliver(&self, job: &Job) -> Delivered;

    /// Reports a job whose tries are used up, in a transaction of its own. It goes on to be tried, once a
    /// day, and is reported each time.
    async fn report(&self, tx: &Tx, job: &Job, now: Timestamp) -> Result<(), DbError>;
}

/// Enqueues jobs; those that are there already stay as they are.
pub async fn enqueue(tx: &Tx, jobs: &[NewJob]) -> Result<(), DbError> {
    tx.write_all(vec![write_of(jobs)]).await
}
