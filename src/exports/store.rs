//! Rows of exports.

use super::{Export, ExportFailure, ExportFormat, ExportId, ExportKind, ExportState, NewExport};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Rows, Source, Tx, Write},
        ids::SchoolId,
    },
    staff_accounts::StaffId,
    stored_files::FileId,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};

const COLUMNS: &str = "id, school_id, member_id, kind, query, format, state, file_id, row_count, asked_at, expires_at";

/// A job of this server until `until`.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    pub(super) export: Export,
    pub(super) until: Timestamp,
    pub(super) tries: i32,
}

impl ExportFailure {
    const ALL: [Self; 4] = [Self::NoRight, Self::BadFilter, Self::TooMany, Self::Broken];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoRight => "no_right",
            Self::BadFilter => "bad_filter",
            Self::TooMany => "too_many",
            Self::Broken => "broken",
        }
    }
}

const RUNNING: &str = "running";
const DONE: &str = "done";

pub(super) async fn insert(tx: &Tx, new: &Export) -> Result<(), DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![new.id.uuid()])),
        ("school_id", Column::I64(vec![new.school.number()])),
        ("member_id", Column::Uuid(vec![new.member.uuid()])),
        ("kind", Column::Text(vec![new.what.kind.code().to_owned()])),
        ("query", Column::Text(vec![new.what.query.clone()])),
        ("format", Column::Text(vec![new.what.format.code().to_owned()])),
        ("state", Column::Text(vec![RUNNING.to_owned()])),
        ("row_count", Column::I64(vec![0])),
        ("asked_at", Column::I64(vec![new.asked_at.micros()])),
        ("expires_at", Column::I64(vec![new.expires_at.micros()])),
        ("leased_until", Column::I64(vec![0])),
        ("tries", Column::I32(vec![0])),
    ]);
    tx.write_all(vec![Write::Insert { table: "export_job", rows, suffix: "" }]).await
}

/// The jobs of a member that are not ended.
pub(super) async fn running(tx: &Tx, member: StaffId) -> Result<Vec<Export>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM export_job WHERE member_id = $1 AND state = 'running' ORDER BY id"
    );
    let found = Source::Tx(tx).select(&sql, vec![member.uuid().into()]).await?;
    found.iter().map(export_of).collect()
}

pub(super) async fn of_member(
    db: &Db,
    member: StaffId,
    now: Timestamp,
    most: u32,
) -> Result<Vec<Export>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM export_job WHERE member_id = $1 AND expires_at > $2 \
         ORDER BY id DESC LIMIT {most}"
    );
    let values = vec![member.uuid().into(), now.micros().into()];
    Source::Db(db).select(&sql, values).await?.iter().map(export_of).collect()
}

pub(super) async fn find(db: &Db, id: ExportId) -> Result<Option<Export>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM export_job WHERE id = $1");
    let found = Source::Db(db).select(&sql, vec![id.uuid().into()]).await?;
    found.first().map(export_of).transpose()
}

fn export_of(row: &QueryResult) -> Result<Export, DbError> {
    let unknown = || DbError::Inconsistent { table: "export_job", what: "an unknown word" };
    let text = |name| row.try_get::<String>("", name);
    let (kind, format, state) = (text("kind")?, text("format")?, text("state")?);
    let kind = ExportKind::ALL.into_iter().find(|one| one.code() == kind);
    let file = row.try_get::<Option<uuid::Uuid>>("", "file_id")?;
    let state = match (state.as_str(), file) {
        (RUNNING, _) => ExportState::Running,
        (DONE, Some(file)) => ExportState::Done(FileId::from_uuid(file)),
        (state, _) => {
            let failure = ExportFailure::ALL.into_iter().find(|one| one.code() == state);
            ExportState::Failed(failure.ok_or_else(unknown)?)
        }
    };
    Ok(Export {
        id: ExportId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        member: StaffId::from_uuid(row.try_get("", "member_id")?),
        what: NewExport {
            kind: kind.ok_or_else(unknown)?,
            query: text("query")?,
            format: ExportFormat::from_code(&format).ok_or_else(unknown)?,
        },
        state,
        rows: u64::try_from(row.try_get::<i64>("", "row_count")?).unwrap_or(0),
        asked_at: Timestamp::from_micros(row.try_get("", "asked_at")?),
        expires_at: Timestamp::from_micros(row.try_get("", "expires_at")?),
    })
}

/// True if a job is due, or one has expired: an idle server only reads.
pub(super) async fn is_any_due(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM export_job WHERE state = 'running' AND leased_until <= $1 \
               UNION ALL SELECT 1 FROM export_job WHERE expires_at <= $1 LIMIT 1";
    Ok(!Source::Db(db).select(sql, vec![now.micros().into()]).await?.is_empty())
}

/// Claims the job that has waited longest. A newer release's kinds of lists are left alone.
pub(super) async fn claim(
    tx: &Tx,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Claimed>, DbError> {
    let (within, lock, end) = if tx.has_row_locks() {
        ("= ANY(ARRAY", "FOR UPDATE SKIP LOCKED", "))")
    } else {
        ("IN", "", ")")
    };
    let kinds: Vec<_> = ExportKind::ALL.iter().map(|kind| format!("'{}'", kind.code())).collect();
    let sql = format!(
        "UPDATE export_job SET leased_until = $1, tries = tries + 1 \
         WHERE state = 'running' AND leased_until <= $2 AND id {within} (SELECT id FROM export_job \
         WHERE state = 'running' AND leased_until <= $2 AND kind IN ({}) \
         ORDER BY id LIMIT 1 {lock}{end} RETURNING {COLUMNS}, tries",
        kinds.join(", ")
    );
    let values = [until.micros().into(), now.micros().into()];
    let claim = Statement::from_sql_and_values(tx.backend(), sql, values);
    let found = tx.conn().query_all_raw(claim).await?;
    let claimed = |row: &QueryResult| {
        Ok(Claimed { export: export_of(row)?, until, tries: row.try_get("", "tries")? })
    };
    found.first().map(claimed).transpose()
}

/// What a job becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// It goes on, under a lease until then.
    On { until: Timestamp },
    /// It waits until then.
    Later { due: Timestamp },
    /// Its file is whole.
    Done(FileId),
    /// It ended without one.
    Failed(ExportFailure),
}

/// Records a step of a job; false if its lease is another's.
pub(super) async fn step(
    tx: &Tx,
    claimed: &Claimed,
    (step, rows): (Step, u64),
) -> Result<bool, DbError> {
    let (state, leased, file) = match step {
        Step::On { until } => (RUNNING, until.micros(), None),
        Step::Later { due } => (RUNNING, due.micros(), None),
        Step::Done(file) => (DONE, 0, Some(file.uuid())),
        Step::Failed(failure) => (failure.code(), 0, None),
    };
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![claimed.export.id.uuid()])),
        ("lease", Column::I64(vec![claimed.until.micros()])),
        ("now", Column::Text(vec![state.to_owned()])),
        ("leased_until", Column::I64(vec![leased])),
        ("file_id", Column::OptUuid(vec![file])),
        ("row_count", Column::I64(vec![i64::try_from(rows).unwrap_or(i64::MAX)])),
    ]);
    let set = "state = r.now, leased_until = r.leased_until, file_id = r.file_id, \
               row_count = r.row_count";
    let guard = "export_job.state = 'running' AND export_job.leased_until = r.lease";
    let update = Write::Update { table: "export_job", rows, set, guard };
    Ok(tx.write_some(update).await? == 1)
}

/// Deletes exports that have expired.
pub(super) async fn delete_expired(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let sql = "DELETE FROM export_job WHERE expires_at <= $1 RETURNING id";
    db.in_tx(async |tx| Source::Tx(tx).select(sql, vec![now.micros().into()]).await.map(drop)).await
}
