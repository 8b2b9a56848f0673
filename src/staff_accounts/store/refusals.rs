//! Counts of what was refused.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Source, Tx},
        ids::SchoolId,
    },
    staff_accounts::{
        StaffId,
        refusals::{Refusal, Refused},
    },
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};

const BEGIN: &str = "INSERT INTO staff_refusal \
    (member_id, reason, school_id, login, staff_no, asked, told_at, untold) \
    VALUES ($1, $2, $3, $4, $5, $6, 0, 0) ON CONFLICT (member_id, reason) DO NOTHING";
const FIND: &str = "SELECT told_at, untold FROM staff_refusal WHERE member_id = $1 AND reason = $2";
const PUT: &str = "UPDATE staff_refusal SET told_at = $3, untold = $4, asked = $5 \
    WHERE member_id = $1 AND reason = $2";
const UNTOLD: &str = "SELECT member_id, reason, school_id, login, staff_no, asked \
    FROM staff_refusal WHERE untold > 0 AND told_at <= $1 ORDER BY member_id, reason LIMIT 100";

/// Locks the row of a login and a reason, which it makes if there is none: when the log last told it, and how
/// many came after.
pub(in crate::staff_accounts) async fn lock(
    tx: &Tx,
    refused: &Refused,
) -> Result<(Timestamp, i64), DbError> {
    let Refused { member, reason, school, login, staff_no, asked } = refused;
    let key = [member.uuid().into(), reason.code().into()];
    let [id, code] = key.clone();
    let rest = [login, staff_no, asked].map(|text| text.as_str().into());
    let values = [id, code, school.number().into()].into_iter().chain(rest);
    let begin = Statement::from_sql_and_values(tx.backend(), BEGIN, values);
    tx.conn().execute_raw(begin).await?;
    let lock = if tx.has_row_locks() { " FOR UPDATE" } else { "" };
    let found = Source::Tx(tx).select(&format!("{FIND}{lock}"), key.to_vec()).await?;
    let gone = DbError::Inconsistent { table: "staff_refusal", what: "gone" };
    let row = found.first().ok_or(gone)?;
    Ok((Timestamp::from_micros(row.try_get("", "told_at")?), row.try_get("", "untold")?))
}

/// Writes a locked row.
pub(in crate::staff_accounts) async fn put(
    tx: &Tx,
    refused: &Refused,
    (told_at, untold): (Timestamp, i64),
) -> Result<(), DbError> {
    let values = [
        refused.member.uuid().into(),
        refused.reason.code().into(),
        told_at.micros().into(),
        untold.into(),
        refused.asked.as_str().into(),
    ];
    let put = Statement::from_sql_and_values(tx.backend(), PUT, values);
    tx.conn().execute_raw(put).await?;
    Ok(())
}

/// What came after the last entry, where that is no later than `told_by`.
pub(in crate::staff_accounts) async fn untold(
    db: &Db,
    told_by: Timestamp,
) -> Result<Vec<Refused>, DbError> {
    let found = Source::Db(db).select(UNTOLD, vec![told_by.micros().into()]).await?;
    found.iter().map(refused).collect()
}

fn refused(row: &QueryResult) -> Result<Refused, DbError> {
    let unknown = DbError::Inconsistent { table: "staff_refusal", what: "unknown reason" };
    Ok(Refused {
        member: StaffId::from_uuid(row.try_get("", "member_id")?),
        reason: Refusal::from_code(&row.try_get::<String>("", "reason")?).ok_or(unknown)?,
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        login: row.try_get("", "login")?,
        staff_no: row.try_get("", "staff_no")?,
        asked: row.try_get("", "asked")?,
    })
}
