//! Requests that wait for a second person, or had one, counted and by what they are about. Nothing is decided by these:
//! a row is checked where somebody decides about it.

use super::{Approval, ApprovalId, ApprovalKind, store};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::SchoolId,
};
use uuid::Uuid;

impl Approval {
    /// The most subjects that [`Approval::waiting_subjects`] names.
    pub const SUBJECTS: u32 = 1000;

    /// How many requests of each desk, which has these kinds, wait for somebody of another staff number, and since
    /// when the oldest does: one query for all desks. No more than `most` are looked at for a desk.
    pub async fn waiting(
        db: &Db,
        (school, desks): (SchoolId, &[&[ApprovalKind]]),
        staff_no: &str,
        (now, most): (Timestamp, u32),
    ) -> Result<Vec<(u64, Option<Timestamp>)>, DbError> {
        store::waiting(db, (school, desks), staff_no, (now, most)).await
    }

    /// The oldest requests of these kinds that wait, at most `most`.
    pub async fn oldest_waiting(
        db: &Db,
        (school, kinds): (SchoolId, &[ApprovalKind]),
        (now, most): (Timestamp, u64),
    ) -> Result<Vec<Self>, DbError> {
        store::oldest_waiting(db, (school, kinds), (now, most)).await
    }

    /// How many requests of a login wait: those that [`super::take_back`] takes back.
    pub async fn open_of(db: &Db, asker: Uuid) -> Result<u64, DbError> {
        store::count_open_of(db, asker).await
    }

    /// How many requests of these kinds each school has that were approved, for `verify`.
    pub async fn count_approved(
        tx: &Tx,
        kinds: &[ApprovalKind],
    ) -> Result<Vec<(SchoolId, u64)>, DbError> {
        store::count_approved(tx, kinds).await
    }

    /// Some hundred such requests after this one, in the order of their ids.
    pub async fn approved_after(
        tx: &Tx,
        kinds: &[ApprovalKind],
        after: Option<ApprovalId>,
    ) -> Result<Vec<(SchoolId, ApprovalId)>, DbError> {
        store::approved_after(tx, kinds, after).await
    }

    /// What requests of these kinds that wait are about, in one query.
    pub async fn waiting_subjects(
        db: &Db,
        (school, kinds): (SchoolId, &[ApprovalKind]),
        now: Timestamp,
    ) -> Result<Vec<Uuid>, DbError> {
        store::waiting_subjects(db, (school, kinds), now).await
    }
}
