//! The table of responses, read and written in bulk because charges are decided in bulk.

use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Rows, Source, Tx, Write},
        ids::SchoolId,
    },
    terminals::{
        TerminalId,
        seq::{AnswerKind, AnsweredRequest, NumberedRequest, Seq, SeqStep, StoredResponse},
    },
};
use sea_orm::QueryResult;

/// Looks up by number and by nonce, each through its own index. The limits, which the unique keys
/// imply anyway, keep the planner from scanning the table, whatever its estimates.
const KNOWN_POSTGRES: &str = "WITH q AS (SELECT r.terminal_id, r.seq, r.nonce FROM {rows}) \
    SELECT a.* FROM q CROSS JOIN LATERAL (SELECT * FROM terminal_answer a \
        WHERE a.terminal_id = q.terminal_id AND a.seq = q.seq LIMIT 3) a \
    UNION ALL \
    SELECT a.* FROM q CROSS JOIN LATERAL (SELECT * FROM terminal_answer a \
        WHERE a.terminal_id = q.terminal_id AND a.nonce = q.nonce AND a.nonce <> '' LIMIT 1) a";

const KNOWN_SQLITE: &str = "WITH q AS (SELECT r.terminal_id, r.seq, r.nonce FROM {rows}) \
    SELECT a.* FROM q JOIN terminal_answer a \
        ON a.terminal_id = q.terminal_id AND a.seq = q.seq \
    UNION ALL \
    SELECT a.* FROM q JOIN terminal_answer a \
        ON a.terminal_id = q.terminal_id AND a.nonce = q.nonce AND a.nonce <> ''";

/// The stored requests with the numbers or nonces of these requests: the input of [`check_seq`].
/// One query. Includes other requests of a number (such as its reversal); a row may occur twice.
///
/// [`check_seq`]: crate::terminals::seq::check_seq
pub async fn known(
    source: Source<'_>,
    asked: &[&NumberedRequest],
) -> Result<Vec<AnsweredRequest>, DbError> {
    let rows = Rows::new(vec![
        ("terminal_id", Column::Uuid(asked.iter().map(|a| a.terminal.uuid()).collect())),
        ("seq", Column::I64(asked.iter().map(|a| a.seq.number()).collect())),
        ("nonce", Column::Text(asked.iter().map(|a| a.nonce.clone()).collect())),
    ]);
    let sql = if source.has_row_locks() { KNOWN_POSTGRES } else { KNOWN_SQLITE };
    source.select_rows(sql, rows).await?.iter().map(kept_of).collect()
}

/// Stores responses in the transaction of the decision. A unique violation means that a number or
/// nonce was used concurrently, and that the request must be decided again.
pub async fn keep(tx: &Tx, kept: &[AnsweredRequest], now: Timestamp) -> Result<(), DbError> {
    tx.write_all(vec![write_of(kept, now)]).await
}

/// The write of [`keep`], to be sent together with others.
pub fn write_of(kept: &[AnsweredRequest], now: Timestamp) -> Write {
    Write::Insert { table: "terminal_answer", rows: rows(kept, now), suffix: "" }
}

/// Like [`write_of`], for numbers that were never used: if one was, in whatever step, its row is
/// not written.
pub fn write_of_first(kept: &[AnsweredRequest], now: Timestamp) -> Write {
    let guard = "NOT EXISTS (SELECT 1 FROM terminal_answer a \
                 WHERE a.terminal_id = r.terminal_id AND a.seq = r.seq)";
    Write::InsertIf { table: "terminal_answer", rows: rows(kept, now), guard }
}

fn rows(kept: &[AnsweredRequest], now: Timestamp) -> Rows {
    let text = |f: fn(&AnsweredRequest) -> &str| {
        Column::Text(kept.iter().map(|k| f(k).to_owned()).collect())
    };
    let bytes = |f: fn(&AnsweredRequest) -> &[u8]| {
        Column::Bytes(kept.iter().map(|k| f(k).to_vec()).collect())
    };
    let i32s = |f: &dyn Fn(&AnsweredRequest) -> i32| Column::I32(kept.iter().map(f).collect());
    let i64s = |f: &dyn Fn(&AnsweredRequest) -> i64| Column::I64(kept.iter().map(f).collect());
    let ids = kept.iter().map(|k| k.asked.terminal.uuid());
    Rows::new(vec![
        ("terminal_id", Column::Uuid(ids.collect())),
        ("seq", i64s(&|k| k.asked.seq.number())),
        ("step", i32s(&|k| k.asked.step.number())),
        ("school_id", i64s(&|k| k.asked.school.number())),
        ("day", i32s(&|_| now.day().number())),
        ("kind", text(|k| k.asked.kind.code())),
        ("nonce", text(|k| &k.asked.nonce)),
        ("signature_digest", bytes(|k| &k.asked.signature_digest)),
        ("content_digest", bytes(|k| &k.asked.content_digest)),
        ("status", i32s(&|k| k.answer.status.into())),
        ("body", bytes(|k| &k.answer.body)),
        ("answered_at", i64s(&|_| now.micros())),
    ])
}

/// The highest number in range that a terminal has used, 0 if none.
pub(in crate::terminals) async fn last_seq(db: &Db, terminal: TerminalId) -> Result<i64, DbError> {
    let sql = "SELECT COALESCE(MAX(seq), 0) AS last_seq FROM terminal_answer \
         WHERE terminal_id = $1 AND seq <= $2";
    let values = vec![terminal.uuid().into(), Seq::LAST.into()];
    let found = Source::Db(db).select(sql, values).await?;
    let row = found.first().ok_or(broken("missing last number"))?;
    Ok(row.try_get("", "last_seq")?)
}

const fn broken(what: &'static str) -> DbError {
    DbError::Inconsistent { table: "terminal_answer", what }
}

fn kept_of(row: &QueryResult) -> Result<AnsweredRequest, DbError> {
    let kind: String = row.try_get("", "kind")?;
    let digest = |name| -> Result<[u8; 32], DbError> {
        let digest: Vec<u8> = row.try_get("", name)?;
        digest.try_into().map_err(|_| broken("invalid digest"))
    };
    let status: i32 = row.try_get("", "status")?;
    Ok(AnsweredRequest {
        asked: NumberedRequest {
            terminal: TerminalId::from_uuid(row.try_get("", "terminal_id")?),
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            seq: Seq::stored(row.try_get("", "seq")?).ok_or(broken("invalid number"))?,
            step: SeqStep::from_number(row.try_get("", "step")?).ok_or(broken("unknown step"))?,
            kind: AnswerKind::from_code(&kind).ok_or(broken("unknown kind"))?,
            nonce: row.try_get("", "nonce")?,
            signature_digest: digest("signature_digest")?,
            content_digest: digest("content_digest")?,
        },
        answer: StoredResponse {
            status: u16::try_from(status).map_err(|_| broken("invalid status"))?,
            body: row.try_get("", "body")?,
        },
    })
}
