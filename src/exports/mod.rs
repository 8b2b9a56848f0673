//! Lists as files: at once while they are short, else as a job whose file waits for who asked for it.
//!
//! Invariant: a file has the rows that the list's page shows, by the same functions, and says which they are.
//! Invariant: an export is an entry of the audit log, in a transaction that asks for the right again.
//! Without the entry there is no file.
//! Invariant: one server at a time works on a job, under a lease; who lost it stops.
//! Invariant: a file is read by who asked for it alone, and by nobody a day later.

mod list;
mod run;
mod store;

pub use list::{ExportKind, ExportLists, ListError, OpenedList, RowPages};
pub use run::ExportDesk;

use crate::{
    audit::{self, Entry},
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Keyset, TxError},
        ids::SchoolId,
        table_file::{TableError, TableFormat},
    },
    staff_accounts::{self, StaffId, StaffMember, StaffRefusal},
    stored_files::{FileError, FileId, StoredFile, StoredFiles},
};
use futures_util::{Stream, TryStreamExt};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

crate::uuid_id! {
    /// An export that is done as a job.
    ExportId
}

/// Asks for exports, and reads what became of them.
#[derive(Clone, Debug)]
pub struct Exports {
    /// The database.
    pub db: Db,
    /// Where files wait.
    pub files: StoredFiles,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Wakes the runner of this server.
    pub wake: Arc<Notify>,
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExport {
    /// Which list.
    pub kind: ExportKind,
    /// Its filter, as the address of its page has it.
    pub query: String,
    /// The format of the file.
    pub format: TableFormat,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// It waits for a server, or one works on it.
    Running,
    /// The file can be fetched.
    Done(FileId),
    /// It ended without a file.
    Failed(ExportFailure),
}

/// Why a job ended without a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFailure {
    /// The login may not read the list any more.
    NoRight,
    /// The list cannot be read with this filter.
    BadFilter,
    /// More than [`Exports::MAX_ROWS`] rows, or than a file holds.
    TooMany,
    /// It failed several times.
    Broken,
    /// For a reason that only a newer release knows.
    Unknown,
}

/// An export that is done as a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The id.
    pub id: ExportId,
    /// The school.
    pub school: SchoolId,
    /// Who asked.
    pub member: StaffId,
    /// For what; `None` for a list or a format that only a newer release knows.
    pub what: Option<NewExport>,
    /// When.
    pub asked_at: Timestamp,
    /// How far it is.
    pub state: ExportState,
    /// Rows that were read.
    pub rows: u64,
    /// From then on the file is gone.
    pub expires_at: Timestamp,
}

/// What an export became.
#[derive(Debug)]
pub enum Exported {
    /// The file.
    File(Vec<u8>),
    /// A job, since there are more rows than [`Exports::AT_ONCE`].
    Job(ExportId),
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// [`Exports::MAX_RUNNING`] are under way.
    #[error("too many exports at a time")]
    TooManyJobs,
    /// No such export of this member, or not done, or expired.
    #[error("no such file")]
    NotFound,
    /// There is no list with this filter.
    #[error(transparent)]
    BadFilter(ListError),
    /// The list.
    #[error(transparent)]
    List(ListError),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for ExportError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Right(_)
            | Self::TooManyJobs
            | Self::NotFound
            | Self::BadFilter(_)
            | Self::List(_)
            | Self::File(_)
            | Self::Table(_) => None,
        }
    }
}

impl Exports {
    /// So many rows are exported at once.
    pub const AT_ONCE: usize = 5000;
    /// The most rows of a file: spreadsheets hold 1,048,576.
    pub const MAX_ROWS: u64 = 1_000_000;
    /// The most jobs of a member at a time.
    pub const MAX_RUNNING: usize = 3;
    /// How long a file waits.
    pub const LIFETIME: Duration = Duration::from_hours(24);
    /// The most exports of a member that are shown at a time.
    pub const SHOWN: u16 = 50;

    /// The list as a file, or a job where it is long.
    pub async fn export(
        &self,
        member: &StaffMember,
        what: &NewExport,
        mut list: OpenedList,
    ) -> Result<Exported, ExportError> {
        let mut rows = Vec::new();
        while let Some(page) = list.rows.try_next().await.map_err(ExportError::List)? {
            rows.extend(page);
            if rows.len() > Self::AT_ONCE {
                return Ok(Exported::Job(self.request(member, what).await?));
            }
        }
        let (entry, needs) = (entry(member.school, what, &list, count(rows.len())), list.needs);
        let file = list.table.file(rows, what.format).await?;
        let (db, now) = (self.db.clone().acting_as(member.actor("")), self.clock.now());
        db.in_tx(async |tx| {
            staff_accounts::hold::<ExportError>(tx, member, needs, now).await?;
            Ok::<_, ExportError>(audit::record(tx, &entry, now).await?)
        })
        .await?;
        Ok(Exported::File(file))
    }

    /// Asks for a file. The same one that is under way already is not asked for again.
    pub async fn request(
        &self,
        member: &StaffMember,
        what: &NewExport,
    ) -> Result<ExportId, ExportError> {
        let now = self.clock.now();
        let new = Export {
            id: ExportId::new(now),
            school: member.school,
            member: member.id,
            what: Some(what.clone()),
            asked_at: now,
            state: ExportState::Running,
            rows: 0,
            expires_at: now.plus(Self::LIFETIME),
        };
        let id = self
            .db
            .in_tx(async |tx| {
                // Holding the login keeps two tabs from asking at once.
                staff_accounts::hold::<ExportError>(tx, member, what.kind.act(), now).await?;
                let running = store::running(tx, member.id).await?;
                if let Some(same) = running.iter().find(|export| export.what.as_ref() == Some(what))
                {
                    return Ok(same.id);
                }
                if running.len() >= Self::MAX_RUNNING {
                    return Err(ExportError::TooManyJobs);
                }
                store::insert(tx, &new, what).await?;
                Ok(new.id)
            })
            .await?;
        self.wake.notify_one();
        Ok(id)
    }

    /// A page of the exports of a member.
    pub async fn of(&self, member: &StaffMember, page: Keyset) -> Result<Vec<Export>, ExportError> {
        Ok(store::of_member(&self.db, member.id, self.clock.now(), page).await?)
    }

    /// An export of this member.
    pub async fn find(&self, member: &StaffMember, id: ExportId) -> Result<Export, ExportError> {
        let found = store::find(&self.db, id).await?;
        let now = self.clock.now();
        let own = |export: &Export| export.member == member.id && now < export.expires_at;
        found.filter(own).ok_or(ExportError::NotFound)
    }

    /// The file of an export of this member, while the member may still read the list.
    pub async fn file(
        &self,
        member: &StaffMember,
        id: ExportId,
    ) -> Result<(StoredFile, impl Stream<Item = Result<Vec<u8>, FileError>> + use<>), ExportError>
    {
        let export = self.find(member, id).await?;
        let what = export.what.ok_or(ExportError::NotFound)?;
        if !member.roles.has(what.kind.act()) {
            return Err(StaffRefusal::NoRight.into());
        }
        let ExportState::Done(file) = export.state else { return Err(ExportError::NotFound) };
        let file = self.files.find(file).await?.ok_or(ExportError::NotFound)?;
        if list::wider(&file.purpose).is_some_and(|act| !member.roles.has(act)) {
            return Err(StaffRefusal::NoRight.into());
        }
        Ok((file.clone(), self.files.parts(file)))
    }
}

/// A number of rows.
fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// What the log says of an export.
fn entry(school: SchoolId, what: &NewExport, list: &OpenedList, rows: u64) -> Entry {
    Entry {
        act: what.kind.audited(),
        school: Some(school),
        subject: list.subject.clone(),
        detail: format!("{}: {rows} {}{}", what.format.code(), what.kind.rows(), list.asked),
    }
}
