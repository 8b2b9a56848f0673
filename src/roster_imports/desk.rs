//! What members of staff see of rosters, and the start of an import.

use super::{
    RosterDesk, RosterDeskError, RosterDetail, RosterJob, RosterJobId, RosterState, store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::seal::{SealError, Sealer},
        db::{DbError, Keyset},
    },
    schools::roster::{RefusedRow, RosterExample},
    staff_accounts::{self, StaffAct, StaffMember},
};

impl RosterDesk {
    /// How many refused rows are shown with a roster; the file has all.
    pub const SHOWN: u32 = 50;

    /// A page of the rosters of the member's school: of all, or of those in a state. What was checked counts for as
    /// long as it may be imported.
    pub async fn page(
        &self,
        member: &StaffMember,
        state: Option<RosterState>,
        page: Keyset,
    ) -> Result<Vec<RosterJob>, DbError> {
        store::page(&self.db, (member.school, self.clock.now()), state, page).await
    }

    /// How many rosters were checked and wait for somebody to import them, and since when the first does.
    pub async fn waiting(
        &self,
        member: &StaffMember,
        most: u32,
    ) -> Result<(u64, Option<Timestamp>), DbError> {
        store::waiting(&self.db, (member.school, self.clock.now()), most).await
    }

    /// A roster of the member's school, with examples.
    pub async fn find(
        &self,
        member: &StaffMember,
        id: RosterJobId,
    ) -> Result<RosterDetail, RosterDeskError> {
        let job = store::find((&self.db).into(), member.school, id).await?;
        let job = job.ok_or(RosterDeskError::NotFound)?;
        let refused = store::refusals::rows(&self.db, &job, (None, Self::SHOWN)).await?;
        // They are only shown: a key that is gone by now must not hide the roster.
        let examples = examples_of(&self.keys.sealer, &job).unwrap_or_else(|error| {
            tracing::error!(roster = %id, %error, "the examples of a roster cannot be opened");
            Vec::new()
        });
        Ok(RosterDetail { job, refused, examples })
    }

    /// Starts the import of a roster that was checked. A second click finds it started by the same person,
    /// which is the same.
    pub async fn start(
        &self,
        member: &StaffMember,
        id: RosterJobId,
    ) -> Result<RosterJob, RosterDeskError> {
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(""));
        // Boxed: it is most of what its callers do.
        let started = Box::pin(db.in_tx(async |tx| {
            staff_accounts::hold::<RosterDeskError>(tx, member, StaffAct::ImportRoster, now)
                .await?;
            let found = store::hold(tx, member.school, id).await?;
            let job = found.ok_or(RosterDeskError::NotFound)?;
            let is_mine = |job: &RosterJob| {
                let by = job.started.as_ref();
                by.is_some_and(|by| by.staff_no == *member.staff_no)
            };
            if job.state != RosterState::Checked {
                let same = is_mine(&job);
                return if same { Ok(job) } else { Err(RosterDeskError::NotStartable(job.into())) };
            }
            if !job.can_start(now) {
                return Err(RosterDeskError::Expired);
            }
            if let Some(running) = store::running(tx.into(), job.school).await? {
                return Err(RosterDeskError::Running(running));
            }
            store::start(tx, &job, (&member.login, &member.staff_no), now).await?;
            audit::record(tx, &started_entry(&job), now).await?;
            store::hold(tx, member.school, id).await?.ok_or(RosterDeskError::NotFound)
        }))
        .await?;
        self.wake.notify_one();
        Ok(started)
    }

    /// All refused rows of the present step, for a file. The export is an entry of the audit log.
    pub async fn export_refused(
        &self,
        member: &StaffMember,
        id: RosterJobId,
        format: &str,
    ) -> Result<(RosterJob, Vec<RefusedRow>), RosterDeskError> {
        let now = self.clock.now();
        let job = store::find((&self.db).into(), member.school, id).await?;
        let job = job.ok_or(RosterDeskError::NotFound)?;
        if !job.has_refusals {
            return Err(RosterDeskError::RefusalsGone);
        }
        let mut rows: Vec<RefusedRow> = Vec::new();
        loop {
            let after = rows.last().map(|row| row.line);
            let found = store::refusals::rows(&self.db, &job, (after, AT_ONCE)).await?;
            if found.is_empty() {
                break;
            }
            rows.extend(found);
        }
        let entry = Entry {
            act: AuditAct::RosterRefusalsExported,
            school: Some(member.school),
            subject: job.subject(),
            detail: format!("{format}: {} rows", rows.len()),
        };
        let db = self.db.clone().acting_as(member.actor(""));
        Box::pin(db.in_tx(async |tx| {
            staff_accounts::hold::<RosterDeskError>(tx, member, StaffAct::ReadRoster, now).await?;
            Ok::<_, RosterDeskError>(audit::record(tx, &entry, now).await?)
        }))
        .await?;
        Ok((job, rows))
    }
}

/// How many refused rows are read at a time.
const AT_ONCE: u32 = 5000;

fn started_entry(job: &RosterJob) -> Entry {
    let counts = job.checked;
    Entry {
        act: AuditAct::RosterStarted,
        school: Some(job.school),
        subject: job.subject(),
        detail: format!(
            "to add {}, to change {}, to refuse {}",
            counts.added, counts.changed, counts.refused
        ),
    }
}

/// The examples that are kept with a roster.
pub(super) fn examples_of(
    sealer: &Sealer,
    job: &RosterJob,
) -> Result<Vec<RosterExample>, SealError> {
    let Some(closed) = &job.examples else { return Ok(Vec::new()) };
    let opened = sealer.open(closed, &store::examples_place(job.id))?;
    serde_json::from_slice(&opened).map_err(|_| SealError::Malformed)
}

/// Examples as they are kept.
pub(super) fn sealed_examples(
    sealer: &Sealer,
    id: RosterJobId,
    examples: &[RosterExample],
) -> Result<Vec<u8>, SealError> {
    let text = serde_json::to_vec(examples).map(zeroize::Zeroizing::new);
    sealer.seal(&text.map_err(|_| SealError::Failed)?, &store::examples_place(id))
}
