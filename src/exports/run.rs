//! Asks for exports of lists, and works on those that are jobs.

use super::{
    Export, ExportError, ExportFailure, ExportId, ExportLists, Exports, NewExport, OpenedList,
    count, entry,
    store::{self, Claimed, Step},
};
use crate::{
    audit,
    base::{clock::Timestamp, db::DbError, job_runs, table_file::TableWriter},
    staff_accounts::{self, StaffAccounts, StaffMember},
    stored_files::{FileError, FileWriter, NewFile},
};
use futures_util::TryStreamExt;
use std::{sync::Arc, time::Duration};

/// How often a server looks for jobs that others were asked for.
const PACE: Duration = Duration::from_secs(2);
/// How long a page of rows may take before another server takes the job over.
const LEASE: Duration = Duration::from_mins(2);
/// How long a job waits that failed.
const REST: Duration = Duration::from_secs(30);
/// How often a job is tried.
const TRIES: i32 = 3;

/// Exports of the lists there are.
#[derive(Clone, Debug)]
pub struct ExportDesk {
    /// The jobs.
    pub exports: Exports,
    /// The lists.
    pub lists: Arc<dyn ExportLists>,
    /// Tells what a login may do now.
    pub accounts: StaffAccounts,
}

/// How a try ended.
enum Ended {
    Done,
    Failed(ExportFailure),
    /// Another server has the job.
    Lost,
}

impl ExportDesk {
    /// Asks for a file of a list that can be opened with this query.
    pub async fn ask(
        &self,
        member: &StaffMember,
        what: &NewExport,
    ) -> Result<ExportId, ExportError> {
        self.lists.open(member, what.kind, &what.query).map_err(ExportError::BadFilter)?;
        self.exports.request(member, what).await
    }

    /// Works on jobs, for as long as the process lives.
    pub async fn run(self) {
        loop {
            match job_runs::noted(self.work().await) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "exports wait; will look again"),
            }
            let _ = tokio::time::timeout(PACE, self.exports.wake.notified()).await;
        }
    }

    /// Works on one job if one is due, and deletes those that have expired; false if there was nothing to do.
    pub async fn work(&self) -> Result<bool, DbError> {
        let Exports { db, clock, .. } = &self.exports;
        let now = clock.now();
        let until = now.plus(LEASE);
        if !store::is_any_due(db, now).await? {
            return Ok(false);
        }
        store::delete_expired(db, now).await?;
        let claimed = db.in_tx(async |tx| store::claim(tx, now, until).await).await?;
        let Some(mut claimed) = claimed else { return Ok(false) };
        let id = claimed.export.id;
        let ended = if claimed.tries > TRIES {
            // Its servers stopped at it, and none could say that it failed.
            tracing::error!(%id, "an export was begun too often");
            Ok(Ended::Failed(ExportFailure::Broken))
        } else {
            self.done(&mut claimed).await
        };
        let step = match ended {
            Ok(Ended::Done | Ended::Lost) => return Ok(true),
            Ok(Ended::Failed(failure)) => Step::Failed(failure),
            Err(ExportError::Right(_)) => Step::Failed(ExportFailure::NoRight),
            Err(error) if claimed.tries >= TRIES => {
                tracing::error!(%error, %id, "an export failed");
                Step::Failed(ExportFailure::Broken)
            }
            Err(error) => {
                tracing::warn!(%error, %id, "an export failed; will be tried again");
                Step::Later { due: clock.now().plus(REST) }
            }
        };
        db.in_tx(async |tx| store::step(tx, &claimed, (step, 0)).await).await?;
        Ok(true)
    }

    async fn done(&self, claimed: &mut Claimed) -> Result<Ended, ExportError> {
        let (Export { member, asked_at, .. }, what) = (claimed.export.clone(), &claimed.what);
        let kind = what.kind;
        // As the login is now. The second factor was fresh when the file was asked for.
        let Some(member) = self.accounts.standing(member, asked_at).await? else {
            return Ok(Ended::Failed(ExportFailure::NoRight));
        };
        if member.may(kind.act(), asked_at).is_err() {
            return Ok(Ended::Failed(ExportFailure::NoRight));
        }
        let list = match self.lists.open(&member, kind, &what.query) {
            Ok(list) => list,
            Err(error) => {
                tracing::warn!(%error, id = %claimed.export.id, "a list cannot be opened");
                return Ok(Ended::Failed(ExportFailure::BadFilter));
            }
        };
        match self.write(claimed, &member, list).await {
            // No try would make it shorter.
            Err(ExportError::File(FileError::TooLarge)) => {
                Ok(Ended::Failed(ExportFailure::TooMany))
            }
            ended => ended,
        }
    }

    async fn write(
        &self,
        claimed: &mut Claimed,
        member: &StaffMember,
        mut list: OpenedList,
    ) -> Result<Ended, ExportError> {
        let (format, needs) = (claimed.what.format, list.needs);
        let shape = list.table.clone();
        let mut file = self.begin(claimed, &list).await?;
        let (mut table, mut rows) = (TableWriter::begin(shape, format)?, 0_u64);
        while let Some(page) = list.rows.try_next().await.map_err(ExportError::List)? {
            rows = rows.saturating_add(count(page.len()));
            if rows > Exports::MAX_ROWS {
                return Ok(Ended::Failed(ExportFailure::TooMany));
            }
            file.write(&table.add(&page)?).await?;
            if !self.go_on(claimed, rows).await? {
                return Ok(Ended::Lost);
            }
        }
        file.write(&table.end().await?).await?;
        let id = file.finish().await?;
        let entry = entry(member.school, &claimed.what, &list, rows);
        let (asked_at, Exports { db, clock, .. }) = (claimed.export.asked_at, &self.exports);
        let now = clock.now();
        let db = db.clone().acting_as(member.actor(""));
        let done = db
            .in_tx(async |tx| {
                staff_accounts::hold::<ExportError>(tx, member, needs, asked_at).await?;
                let done = store::step(tx, claimed, (Step::Done(id), rows)).await?;
                if done {
                    audit::record(tx, &entry, now).await?;
                }
                Ok::<_, ExportError>(done)
            })
            .await?;
        Ok(if done { Ended::Done } else { Ended::Lost })
    }

    async fn begin(&self, claimed: &Claimed, list: &OpenedList) -> Result<FileWriter, ExportError> {
        let new = NewFile {
            school: claimed.export.school,
            owner: claimed.export.member.uuid(),
            purpose: list.purpose(),
            name: list.table.file_name(claimed.what.format),
            lifetime: Exports::LIFETIME,
        };
        Ok(self.exports.files.begin(&new).await?)
    }

    /// Renews the lease; false if it is another's.
    async fn go_on(&self, claimed: &mut Claimed, rows: u64) -> Result<bool, DbError> {
        let Exports { db, clock, .. } = &self.exports;
        let until: Timestamp = clock.now().plus(LEASE);
        let step = (Step::On { until }, rows);
        let renewed = db.in_tx(async |tx| store::step(tx, claimed, step).await).await?;
        claimed.until = until;
        Ok(renewed)
    }
}
