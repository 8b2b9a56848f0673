//! A roster while it is received.

use super::{
    FILE_KEPT, MAX_ROSTER_BYTES, RosterCounts, RosterDesk, RosterDeskError, RosterJob, RosterJobId,
    RosterStarter, RosterState, STARTABLE, store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::names::is_visible,
    staff_accounts::{self, StaffAct, StaffMember},
    stored_files::{FileWriter, NewFile},
};

/// What stored files of this kind are for.
const PURPOSE: &str = "roster";
/// The longest name of a file that is kept.
const LONGEST_NAME: usize = 80;

/// A roster while it is received. One that is dropped before [`RosterUpload::finish`] is never read.
#[derive(Debug)]
pub struct RosterUpload<'a> {
    desk: &'a RosterDesk,
    member: &'a StaffMember,
    writer: FileWriter,
    name: String,
    bytes: u64,
}

impl RosterDesk {
    /// Begins to receive a roster, unless another one of the school is being worked at.
    pub async fn upload<'a>(
        &'a self,
        member: &'a StaffMember,
        name: &str,
    ) -> Result<RosterUpload<'a>, RosterDeskError> {
        member.may(StaffAct::ImportRoster, self.clock.now())?;
        if let Some(running) = store::running((&self.db).into(), member.school).await? {
            return Err(RosterDeskError::Running(running));
        }
        let name = plain_name(name);
        let new = NewFile {
            school: member.school,
            owner: member.id.uuid(),
            purpose: PURPOSE,
            name: name.clone(),
            lifetime: FILE_KEPT,
        };
        let writer = self.files.begin(&new).await?;
        Ok(RosterUpload { desk: self, member, writer, name, bytes: 0 })
    }
}

impl RosterUpload<'_> {
    /// Adds to the end of the file.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<(), RosterDeskError> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > MAX_ROSTER_BYTES {
            self.discard().await?;
            return Err(RosterDeskError::TooLarge);
        }
        Ok(self.writer.write(bytes).await?)
    }

    /// Deletes what was received.
    pub(super) async fn discard(&self) -> Result<(), RosterDeskError> {
        Ok(self.desk.files.delete(self.writer.id()).await?)
    }

    /// Ends the file; its check is due from then on.
    pub async fn finish(self) -> Result<RosterJobId, RosterDeskError> {
        let Self { desk, member, writer, name, bytes } = self;
        let now = desk.clock.now();
        let job = RosterJob {
            id: RosterJobId::new(now),
            school: member.school,
            uploaded: RosterStarter {
                login: member.login.to_string(),
                staff_no: member.staff_no.to_string(),
                at: now,
            },
            file_name: name,
            file_bytes: bytes,
            expires_at: now.plus(STARTABLE),
            state: RosterState::Checking,
            fault: None,
            rows_total: 0,
            rows_done: 0,
            checked: RosterCounts::default(),
            imported: RosterCounts::default(),
            checked_at: None,
            started: None,
            ended_at: None,
            has_refusals: true,
            file: writer.finish().await?,
            examples: None,
        };
        if let Err(error) = desk.enter(member, &job).await {
            desk.files.delete(job.file).await?;
            return Err(error);
        }
        desk.wake.notify_one();
        Ok(job.id)
    }
}

impl RosterDesk {
    /// Makes the check of a file due.
    async fn enter(&self, member: &StaffMember, job: &RosterJob) -> Result<(), RosterDeskError> {
        let now = self.clock.now();
        let entry = Entry {
            act: AuditAct::RosterChecked,
            school: Some(job.school),
            subject: job.subject(),
            detail: format!("{}, {} bytes", job.file_name, job.file_bytes),
        };
        let db = self.db.clone().acting_as(member.actor(""));
        // Boxed: it is most of what its callers do.
        Box::pin(db.in_tx(async |tx| {
            staff_accounts::hold::<RosterDeskError>(tx, member, StaffAct::ImportRoster, now)
                .await?;
            if let Some(running) = store::running(tx.into(), job.school).await? {
                return Err(RosterDeskError::Running(running));
            }
            store::insert(tx, job).await?;
            Ok(audit::record(tx, &entry, now).await?)
        }))
        .await
    }
}

/// The name of a file as it is kept: without a folder, and without what could hide a part of it.
fn plain_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let name: String = name.chars().filter(|c| is_visible(*c)).take(LONGEST_NAME).collect();
    if name.is_empty() { "roster.csv".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_without_its_folder() {
        let long = "长".repeat(200);
        let cases = [
            ("students.csv", "students.csv"),
            ("C:\\学校\\新生 2026.csv", "新生 2026.csv"),
            ("/etc/passwd", "passwd"),
            (" =a\u{202e}\n<b>.csv ", "=a<b>.csv"),
            ("", "roster.csv"),
            ("a/", "roster.csv"),
        ];
        for (given, kept) in cases {
            assert_eq!(plain_name(given), kept, "{given:?}");
        }
        assert_eq!(plain_name(&long).chars().count(), LONGEST_NAME);
    }
}
