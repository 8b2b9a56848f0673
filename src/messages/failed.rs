//! Messages that could not be delivered, for members of staff.

use super::{Told, shipping};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        db::{Db, DbError, Keyset, Tx},
        ids::SchoolId,
        outbox::{Job, RefusedGroup, RefusedJob},
    },
};
use uuid::Uuid;

/// The jobs that tell somebody something.
const KINDS: [&str; 3] = [Told::Credited.job(), Told::Refunded.job(), shipping::JOB];

/// Messages that could not be delivered.
#[derive(Clone, Copy, Debug)]
pub struct FailedMessages;

impl FailedMessages {
    /// Whether messages of this kind are listed.
    pub fn knows(kind: &str) -> bool {
        KINDS.contains(&kind)
    }

    /// By kind and reason.
    pub async fn groups(db: &Db, school: SchoolId) -> Result<Vec<RefusedGroup>, DbError> {
        RefusedGroup::all(db, school, &KINDS).await
    }

    /// A page of those of one kind and reason; `None` for a kind that is no message.
    pub async fn of(
        db: &Db,
        school: SchoolId,
        of: (&str, &str),
        page: Keyset,
    ) -> Result<Option<Vec<RefusedJob>>, DbError> {
        if !Self::knows(of.0) {
            return Ok(None);
        }
        RefusedJob::of(db, school, of, page).await.map(Some)
    }

    /// How many there are of one kind and reason, among the first `most`.
    pub async fn count(
        db: &Db,
        school: SchoolId,
        of: (&str, &str),
        most: u32,
    ) -> Result<u64, DbError> {
        RefusedJob::count(db, school, of, most).await
    }

    /// Sends one again that failed at `seen`; false if that was done already. It is an entry of the log.
    pub async fn send_again(
        tx: &Tx,
        school: SchoolId,
        (id, seen): (Uuid, Timestamp),
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let again = RefusedJob::again(tx, school, (id, seen), (&KINDS, now)).await?;
        let Some(kind) = again else { return Ok(false) };
        let (act, subject) = (AuditAct::MessageResent, format!("message {id}"));
        let entry = Entry { act, school: Some(school), subject, detail: kind };
        audit::record(tx, &entry, now).await?;
        Ok(true)
    }
}

/// Keeps why a message was not taken. A message does not fail for that.
pub(super) async fn note(db: &Db, job: &Job, reason: &str) {
    if let Err(error) = job.note_refusal(db, reason).await {
        tracing::warn!(%error, "the reason of a refused message was not kept");
    }
}
