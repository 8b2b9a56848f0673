//! Rows of exports.

use super::{Export, ExportFailure, ExportId, ExportKind, ExportState, NewExport};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Keyset, Rows, Source, Tx, Write},
        ids::SchoolId,
        table_file::TableFormat,
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
    pub(super) what: NewExport,
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
            Self::Unknown => "unknown",
        }
    }
}

const RUNNING: &str = "running";
const DONE: &str = "done";

pub(super) async fn insert(tx: &Tx, new: &Export, what: &NewExport) -> Result<(), DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![new.id.uuid()])),
        ("school_id", Column::I64(vec![new.school.number()])),
        ("member_id", Column::Uuid(vec![new.member.uuid()])),
        ("kind", Column::Text(vec![what.kind.code().to_owned()])),
        ("query", Column::Text(vec![what.query.clone()])),
        ("format", Column::Text(vec![what.format.code().to_owned()])),
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
    page: Keyset,
) -> Result<Vec<Export>, DbError> {
    let mut values = vec![member.uuid().into(), now.micros().into()];
    let place = page.sql("id", &mut values);
    let sql =
        format!("SELECT {COLUMNS} FROM export_job WHERE member_id = $1 AND expires_at > $2{place}");
    Source::Db(db).select(&sql, values).await?.iter().map(export_of).collect()
}

pub(super) async fn find(db: &Db, id: ExportId) -> Result<Option<Export>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM export_job WHERE id = $1");
    let found = Source::Db(db).select(&sql, vec![id.uuid().into()]).await?;
    found.first().map(export_of).transpose()
}

/// What a row says. A newer release may have written words that this one does not know.
fn export_of(row: &QueryResult) -> Result<Export, DbError> {
    let text = |name| row.try_get::<String>("", name);
    let (kind, format, state) = (text("kind")?, text("format")?, text("state")?);
    let kind = ExportKind::ALL.into_iter().find(|one| one.code() == kind);
    let file = row.try_get::<Option<uuid::Uuid>>("", "file_id")?;
    let state = match (state.as_str(), file) {
        (RUNNING, _) => ExportState::Running,
        (DONE, Some(file)) => ExportState::Done(FileId::from_uuid(file)),
        (state, _) => {
            let failure = ExportFailure::ALL.into_iter().find(|one| one.code() == state);
            ExportState::Failed(failure.unwrap_or(ExportFailure::Unknown))
        }
    };
    Ok(Export {
        id: ExportId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        member: StaffId::from_uuid(row.try_get("", "member_id")?),
        what: match kind.zip(TableFormat::from_code(&format)) {
            Some((kind, format)) => Some(NewExport { kind, query: text("query")?, format }),
            None => None,
        },
        state,
        rows: u64::try_from(row.try_get::<i64>("", "row_count")?).unwrap_or(0),
        asked_at: Timestamp::from_micros(row.try_get("", "asked_at")?),
        expires_at: Timestamp::from_micros(row.try_get("", "expires_at")?),
    })
}

/// True if a job is due, or one has expired: an idle server only reads.
pub(super) async fn is_any_due(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let sql = format!(
        "SELECT 1 FROM export_job WHERE state = 'running' AND leased_until <= $1 AND {} \
         UNION ALL SELECT 1 FROM export_job WHERE expires_at <= $1 LIMIT 1",
        known()
    );
    Ok(!Source::Db(db).select(&sql, vec![now.micros().into()]).await?.is_empty())
}

/// The condition that this release knows a job's list and format.
fn known() -> String {
    let quoted = |codes: Vec<&str>| format!("'{}'", codes.join("', '"));
    let kinds = quoted(ExportKind::ALL.iter().map(|kind| kind.code()).collect());
    let formats = quoted(TableFormat::ALL.iter().map(|format| format.code()).collect());
    format!("kind IN ({kinds}) AND format IN ({formats})")
}

/// Claims the job that has waited longest. A newer release's lists and formats are left alone.
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
    let sql = format!(
        "UPDATE export_job SET leased_until = $1, tries = tries + 1 \
         WHERE state = 'running' AND leased_until <= $2 AND id {within} (SELECT id FROM export_job \
         WHERE state = 'running' AND leased_until <= $2 AND {} \
         ORDER BY id LIMIT 1 {lock}{end} RETURNING {COLUMNS}, tries",
        known()
    );
    let values = [until.micros().into(), now.micros().into()];
    let claim = Statement::from_sql_and_values(tx.backend(), sql, values);
    let found = tx.conn().query_all_raw(claim).await?;
    let claimed = |row: &QueryResult| {
        let export = export_of(row)?;
        let unknown = DbError::Inconsistent { table: "export_job", what: "an unknown word" };
        let what = export.what.clone().ok_or(unknown)?;
        Ok(Claimed { export, what, until, tries: row.try_get("", "tries")? })
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
