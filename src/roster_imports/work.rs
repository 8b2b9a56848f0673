//! The job that checks and imports what was uploaded.
//!
//! Invariant: each part of a file is kept under the lease, in the transaction that did it. Who lost the lease
//! writes nothing more.
//! Invariant: each part of an import is written only while whoever started it may still import: who loses the
//! role, or the login, ends the job.

use super::{
    RosterCounts, RosterDesk, RosterDeskError, RosterJob, RosterState, desk,
    store::{self, Leased, Part},
};
use crate::{
    base::{
        clock::Timestamp,
        crypto::seal::SealError,
        csv_file::{CsvFileError, CsvSurvey},
        db::{Actor, Db, DbError, Tx},
        job_runs, write_point,
    },
    schools::roster::{RosterError, RosterExample, RosterImport, RosterReport},
    staff_accounts::{self, StaffAct},
};
use std::{
    cell::{Cell, RefCell},
    io::Cursor,
    pin::pin,
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// How often due jobs are looked for, where nobody says that there are some.
const TURN: Duration = Duration::from_secs(1);
/// How long a job is leased for a part: far longer than one takes.
const LEASE: Duration = Duration::from_mins(1);
/// So often a job may be begun without a part being done.
const TRIES: i32 = 10;
/// How many examples are kept.
const EXAMPLES: usize = 10;

/// A file in memory.
type Bytes = Arc<Zeroizing<Vec<u8>>>;

/// Why a step did not end.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error("the file is gone")]
    FileGone,
    #[error("whoever started it may not import any more")]
    NoRight,
    #[error(transparent)]
    Roster(#[from] RosterError),
    #[error(transparent)]
    Desk(#[from] RosterDeskError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl RosterDesk {
    /// Works at what is due until the process ends.
    pub async fn work(self) {
        loop {
            match job_runs::noted(self.work_once().await) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "rosters could not be taken up"),
            }
            let mut turn = pin!(tokio::time::sleep(TURN));
            tokio::select! {
                () = &mut turn => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Works at the job that is due the longest, to the end of its step; `false` if none is due.
    pub async fn work_once(&self) -> Result<bool, DbError> {
        let now = self.clock.now();
        if !store::is_any_due(&self.db, now).await? {
            return Ok(false);
        }
        let claiming = self.db.in_tx(async |tx| store::claim(tx, now, now.plus(LEASE)).await);
        let Some(leased) = write_point::within("roster: take", claiming).await? else {
            return Ok(false);
        };
        let id = leased.job.id;
        // Boxed: it is most of what a job does.
        if let Err(error) = Box::pin(self.step(&leased)).await {
            tracing::warn!(roster = %id, %error, "a roster was left; it is taken up again later");
        }
        Ok(true)
    }

    async fn step(&self, leased: &Leased) -> Result<(), WorkError> {
        let done = if leased.tries > TRIES {
            tracing::error!(roster = %leased.job.id, "a roster was taken up too often in vain");
            Err("gave_up".to_owned())
        } else {
            match self.rows(leased).await {
                Ok(()) => Ok(()),
                Err(error) => Err(fault_of(&error).ok_or(error)?),
            }
        };
        let (fault, now) = (done.err(), self.clock.now());
        let ending = self.db.in_tx(async |tx| store::end(tx, leased, fault.as_deref(), now).await);
        let ended = write_point::within("roster: end", ending).await?;
        if ended && (fault.is_some() || leased.job.state == RosterState::Importing) {
            self.files.delete(leased.job.file).await?;
        }
        Ok(())
    }

    /// Does what is left of the rows.
    async fn rows(&self, leased: &Leased) -> Result<(), WorkError> {
        store::check(&self.db, &leased.job).await?;
        let file = self.file(&leased.job).await?;
        let survey = survey(&file).await?;
        let storing = self.db.in_tx(async |tx| store::surveyed(tx, leased, survey.rows).await);
        if !storing.await? {
            return Err(RosterError::Stopped.into());
        }
        let db = self.db.clone().acting_as(actor(&leased.job));
        let known = desk::examples_of(&self.keys.sealer, &leased.job);
        let keeper = Keeper {
            desk: self,
            leased,
            examples: RefCell::new(known.map_err(RosterDeskError::from)?),
            no_right: Cell::new(false),
        };
        let imported = self.import(&db, (&file, &survey), &keeper).await;
        if keeper.no_right.get() { Err(WorkError::NoRight) } else { Ok(imported?) }
    }

    async fn import(
        &self,
        db: &Db,
        (file, survey): (&Bytes, &CsvSurvey),
        keeper: &Keeper<'_>,
    ) -> Result<(), RosterError> {
        let job = &keeper.leased.job;
        let (school, now) = (job.school, self.clock.now());
        let rosters = RosterImport { db, keys: &self.keys, school, now };
        let keep = async |tx: &Tx, part: &RosterReport| keeper.keep(tx, part).await;
        let (file, from) = (Cursor::new(file.as_slice()), (survey, job.rows_done));
        if job.state == RosterState::Importing {
            write_point::within("roster: import", rosters.go_on_writing(file, from, keep)).await
        } else {
            write_point::within("roster: check", rosters.go_on_checking(file, from, keep)).await
        }
    }

    async fn file(&self, job: &RosterJob) -> Result<Bytes, WorkError> {
        let found = self.files.find(job.file).await?.ok_or(WorkError::FileGone)?;
        let read = self.files.read(&found).await.map_err(RosterDeskError::from)?;
        Ok(Arc::new(read))
    }
}

/// Keeps what comes of the parts of a job.
struct Keeper<'a> {
    desk: &'a RosterDesk,
    leased: &'a Leased,
    examples: RefCell<Vec<RosterExample>>,
    /// Set where a part was refused since its starter lost the right.
    no_right: Cell<bool>,
}

impl Keeper<'_> {
    async fn keep(&self, tx: &Tx, part: &RosterReport) -> Result<(), RosterError> {
        self.hold_starter(tx).await?;
        let counts = RosterCounts {
            added: part.added,
            changed: part.changed,
            unchanged: part.unchanged,
            refused: u64::try_from(part.refused.len()).unwrap_or(u64::MAX),
        };
        let leased_until: Timestamp = self.desk.clock.now().plus(LEASE);
        let examples = self.sealed(part)?;
        let part = Part { counts, refused: &part.refused, examples, leased_until };
        if store::keep(tx, self.leased, &part).await? { Ok(()) } else { Err(RosterError::Stopped) }
    }

    /// Holds whoever started the import to the right until the transaction ends. A check writes no people.
    async fn hold_starter(&self, tx: &Tx) -> Result<(), RosterError> {
        let job = &self.leased.job;
        let Some(by) = &job.started else { return Ok(()) };
        let who = (job.school, by.login.as_str(), by.staff_no.as_str());
        let held: Result<(), RosterDeskError> =
            staff_accounts::hold_starter(tx, who, StaffAct::ImportRoster, by.at).await;
        match held {
            Ok(()) => Ok(()),
            Err(RosterDeskError::Db(error)) => Err(error.into()),
            Err(_) => {
                self.no_right.set(true);
                Err(RosterError::Stopped)
            }
        }
    }

    /// The examples so far with new ones, unless there are enough. A part that is kept again adds none twice.
    fn sealed(&self, part: &RosterReport) -> Result<Option<Vec<u8>>, SealError> {
        let mut examples = self.examples.borrow_mut();
        let last = examples.last().map_or(0, |example| example.line);
        let room = EXAMPLES.saturating_sub(examples.len());
        let new = part.examples.iter().filter(|example| example.line > last).take(room);
        examples.extend(new.cloned());
        if part.examples.is_empty() {
            return Ok(None);
        }
        let id = self.leased.job.id;
        desk::sealed_examples(&self.desk.keys.sealer, id, &examples).map(Some)
    }
}

/// On whose behalf people are written.
fn actor(job: &RosterJob) -> Actor {
    let by = job.started.as_ref().unwrap_or(&job.uploaded);
    Actor { who: format!("staff {}, no. {}", by.login, by.staff_no), why: String::new() }
}

/// Looks through the file, beside the thread that others wait for.
async fn survey(file: &Bytes) -> Result<CsvSurvey, RosterError> {
    let file = Arc::clone(file);
    let surveying = tokio::task::spawn_blocking(move || CsvSurvey::of(Cursor::new(&***file)));
    surveying.await.map_err(|_| RosterError::Stopped)?.map_err(|error| match error {
        CsvFileError::Io(error) => RosterError::Io(error),
        CsvFileError::Utf16 => RosterError::Utf16,
    })
}

/// What is wrong with the file, where it is the file: others are tried again.
fn fault_of(error: &WorkError) -> Option<String> {
    match error {
        WorkError::FileGone => Some("file_gone".to_owned()),
        WorkError::NoRight => Some("no_right".to_owned()),
        WorkError::Roster(RosterError::Utf16) => Some("utf16".to_owned()),
        WorkError::Roster(RosterError::TooManyRows) => Some("too_many_rows".to_owned()),
        WorkError::Roster(RosterError::Header { fault }) => Some(format!("header: {fault}")),
        WorkError::Roster(
            RosterError::Io(_) | RosterError::Stopped | RosterError::Db(_) | RosterError::Seal(_),
        )
        | WorkError::Desk(_)
        | WorkError::Db(_) => None,
    }
}
