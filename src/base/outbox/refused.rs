//! Jobs that the other side refused for ever: read by reason, and tried again by somebody's hand.

use super::{Job, store::refused};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Keyset, Tx},
    ids::SchoolId,
};
use uuid::Uuid;

/// Refused jobs of a kind for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedGroup {
    /// What was to be done.
    pub kind: String,
    /// The reason's code; empty where none was kept.
    pub reason: String,
    /// How many.
    pub jobs: u64,
    /// When the last of them was refused.
    pub last: Timestamp,
}

/// A refused job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedJob {
    /// The row.
    pub id: Uuid,
    /// What was to be done.
    pub kind: String,
    /// What it was about.
    pub subject: String,
    /// When it was refused.
    pub refused_at: Timestamp,
    /// How many tries there were.
    pub tries: i32,
}

impl RefusedGroup {
    /// So many of the newest refused jobs are looked at.
    pub const MOST: u32 = 10_000;

    /// The reasons for which jobs of these kinds were refused, of the newest [`Self::MOST`].
    pub async fn all(db: &Db, school: SchoolId, kinds: &[&str]) -> Result<Vec<Self>, DbError> {
        refused::groups(db, school, kinds).await
    }
}

impl RefusedJob {
    /// A page of the jobs of a group.
    pub async fn of(
        db: &Db,
        school: SchoolId,
        of: (&str, &str),
        page: Keyset,
    ) -> Result<Vec<Self>, DbError> {
        refused::page(db, school, of, page).await
    }

    /// How many jobs a group has, among the first `most`.
    pub async fn count(
        db: &Db,
        school: SchoolId,
        of: (&str, &str),
        most: u32,
    ) -> Result<u64, DbError> {
        refused::count(db, school, of, most).await
    }

    /// Makes a job due again that was refused at `seen`, and not since; its kind, or `None` if it is
    /// not so any more.
    pub async fn again(
        tx: &Tx,
        school: SchoolId,
        (id, seen): (Uuid, Timestamp),
        (kinds, now): (&[&str], Timestamp),
    ) -> Result<Option<String>, DbError> {
        refused::again(tx, school, (id, seen), (kinds, now)).await
    }
}

impl Job {
    /// Keeps why the other side refuses the job, while its lease holds. Nothing is decided by it.
    pub async fn note_refusal(&self, db: &Db, reason: &str) -> Result<(), DbError> {
        db.in_tx(async |tx| refused::note(tx, self, reason).await).await
    }
}
