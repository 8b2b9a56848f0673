//! Rows of requests that need a second person.

pub(super) mod listing;

use super::approval::{Approval, ApprovalId, ApprovalKind, ApprovalState, Decision, Officer};
use crate::base::{
    clock::Timestamp,
    crypto::row_mac::{Field, RowMacs},
    db::{Authority, Db, DbError, FieldKind, Source, Tx},
    ids::SchoolId,
    money::Fen,
};
use entity::approval;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, Select, Value, sea_query::Expr,
};
use uuid::Uuid;

/// Who asked for what, and who decided.
pub(super) const APPROVAL: Authority = Authority {
    table: "approval",
    columns: &[
        ("school_id", FieldKind::Big),
        ("kind", FieldKind::Text),
        ("subject_id", FieldKind::Uuid),
        ("request_digest", FieldKind::Bytes),
        ("amount_fen", FieldKind::Big),
        ("asked_by", FieldKind::Uuid),
        ("asked_no", FieldKind::Text),
        ("expires_at", FieldKind::Big),
        ("state", FieldKind::Text),
        ("decided_by", FieldKind::Uuid),
        ("decided_no", FieldKind::Text),
        ("result_id", FieldKind::Uuid),
    ],
    live: "true",
    added: 0,
};

/// How many overdue requests are ended in one commit.
const EXPIRED_AT_ONCE: u64 = 100;
/// The most requests that are read for some subjects.
const MOST_OF_SUBJECTS: u64 = 500;

fn fields(row: &approval::Model) -> [Field; 12] {
    [
        row.school_id.into(),
        row.kind.as_str().into(),
        row.subject_id.into(),
        row.request_digest.as_slice().into(),
        row.amount_fen.into(),
        row.asked_by.into(),
        row.asked_no.as_str().into(),
        row.expires_at.into(),
        row.state.as_str().into(),
        row.decided_by.into(),
        row.decided_no.as_deref().into(),
        row.result_id.into(),
    ]
}

fn checked(macs: &RowMacs, row: approval::Model) -> Result<Approval, DbError> {
    APPROVAL.check(macs, row.id, &fields(&row), row.mac.as_deref())?;
    let broken = |what| DbError::Inconsistent { table: "approval", what };
    let decided = row.decided_by.zip(row.decided_login).zip(row.decided_no).zip(row.decided_at);
    let decision = decided.map(|(((id, login), staff_no), at)| Decision {
        by: Officer { id, login, staff_no },
        at: Timestamp::from_micros(at),
        why: row.decided_why.unwrap_or_default(),
        result: row.result_id,
    });
    Ok(Approval {
        id: ApprovalId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        kind: ApprovalKind::from_code(&row.kind).ok_or(broken("unknown kind"))?,
        subject: row.subject_id,
        request_digest: row.request_digest.try_into().map_err(|_| broken("not 32 bytes"))?,
        amount: Fen::new(row.amount_fen).map_err(|_| broken("negative amount"))?,
        reason: row.reason,
        asked_by: Officer { id: row.asked_by, login: row.asked_login, staff_no: row.asked_no },
        asked_at: Timestamp::from_micros(row.asked_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        stored: ApprovalState::from_code(&row.state).ok_or(broken("unknown state"))?,
        decision,
    })
}

async fn one(tx: &Tx, found: Select<approval::Entity>) -> Result<Option<Approval>, DbError> {
    let row = found.lock_exclusive().one(tx.conn()).await?;
    row.map(|row| checked(tx.macs(), row)).transpose()
}

pub(super) async fn lock(tx: &Tx, id: ApprovalId) -> Result<Option<Approval>, DbError> {
    one(tx, approval::Entity::find_by_id(id.uuid())).await
}

/// Locks the open request for a subject, also if it is overdue.
pub(super) async fn lock_open(
    tx: &Tx,
    school: SchoolId,
    kind: ApprovalKind,
    subject: Uuid,
) -> Result<Option<Approval>, DbError> {
    let found = approval::Entity::find()
        .filter(approval::Column::SchoolId.eq(school.number()))
        .filter(approval::Column::Kind.eq(kind.code()))
        .filter(approval::Column::SubjectId.eq(subject))
        .filter(is_requested());
    one(tx, found).await
}

/// Locks the open requests of a login, in the order of their ids.
pub(super) async fn lock_open_of(tx: &Tx, asker: Uuid) -> Result<Vec<Approval>, DbError> {
    let found = approval::Entity::find()
        .filter(approval::Column::AskedBy.eq(asker))
        .filter(is_requested())
        .order_by_asc(approval::Column::Id)
        .lock_exclusive();
    found.all(tx.conn()).await?.into_iter().map(|row| checked(tx.macs(), row)).collect()
}

/// How many open requests a login has: as many as [`lock_open_of`] would find.
pub(super) async fn count_open_of(db: &Db, asker: Uuid) -> Result<u64, DbError> {
    let found = approval::Entity::find().filter(approval::Column::AskedBy.eq(asker));
    Ok(found.filter(is_requested()).count(db.conn()).await?)
}

pub(super) async fn lock_overdue(tx: &Tx, now: Timestamp) -> Result<Vec<Approval>, DbError> {
    let found = approval::Entity::find()
        .filter(is_requested())
        .filter(approval::Column::ExpiresAt.lte(now.micros()))
        .order_by_asc(approval::Column::Id)
        .limit(EXPIRED_AT_ONCE)
        .lock_exclusive();
    found.all(tx.conn()).await?.into_iter().map(|row| checked(tx.macs(), row)).collect()
}

/// The request that a login made under this key.
pub(super) async fn by_key(
    source: Source<'_>,
    by: Uuid,
    key: &str,
) -> Result<Option<Approval>, DbError> {
    let found = approval::Entity::find()
        .filter(approval::Column::AskedBy.eq(by))
        .filter(approval::Column::AskKey.eq(key));
    let (row, macs) = match source {
        Source::Db(db) => (found.one(db.conn()).await?, db.macs()),
        Source::Tx(tx) => (found.one(tx.conn()).await?, tx.macs()),
    };
    row.map(|row| checked(macs, row)).transpose()
}

/// A request of a school.
pub async fn find(db: &Db, school: SchoolId, id: ApprovalId) -> Result<Option<Approval>, DbError> {
    let found = approval::Entity::find_by_id(id.uuid())
        .filter(approval::Column::SchoolId.eq(school.number()));
    found.one(db.conn()).await?.map(|row| checked(db.macs(), row)).transpose()
}

/// Those of these requests that are authentic, for `verify`: an altered one proves nothing.
pub async fn authentic(tx: &Tx, ids: Vec<Uuid>) -> Result<Vec<Approval>, DbError> {
    let found = approval::Entity::find().filter(approval::Column::Id.is_in(ids));
    let rows = found.all(tx.conn()).await?;
    Ok(rows.into_iter().filter_map(|row| checked(tx.macs(), row).ok()).collect())
}

/// How many requests of these kinds each school has that were approved.
pub(super) async fn count_approved(
    tx: &Tx,
    kinds: &[ApprovalKind],
) -> Result<Vec<(SchoolId, u64)>, DbError> {
    let counted: Vec<(i64, i64)> = approved(kinds)
        .select_only()
        .column(approval::Column::SchoolId)
        .column_as(approval::Column::Id.count(), "requests")
        .group_by(approval::Column::SchoolId)
        .into_tuple()
        .all(tx.conn())
        .await?;
    let of = |(school, count)| (SchoolId::from_number(school), u64::try_from(count).unwrap_or(0));
    Ok(counted.into_iter().map(of).collect())
}

/// Some hundred such requests after this one, in the order of their ids.
pub(super) async fn approved_after(
    tx: &Tx,
    kinds: &[ApprovalKind],
    after: Option<ApprovalId>,
) -> Result<Vec<(SchoolId, ApprovalId)>, DbError> {
    let mut found = approved(kinds);
    if let Some(after) = after {
        found = found.filter(approval::Column::Id.gt(after.uuid()));
    }
    let page: Vec<(i64, Uuid)> = found
        .select_only()
        .column(approval::Column::SchoolId)
        .column(approval::Column::Id)
        .order_by_asc(approval::Column::Id)
        .limit(MOST_OF_SUBJECTS)
        .into_tuple()
        .all(tx.conn())
        .await?;
    let of = |(school, id)| (SchoolId::from_number(school), ApprovalId::from_uuid(id));
    Ok(page.into_iter().map(of).collect())
}

fn approved(kinds: &[ApprovalKind]) -> Select<approval::Entity> {
    approval::Entity::find()
        .filter(approval::Column::Kind.is_in(kinds.iter().map(|kind| kind.code())))
        .filter(approval::Column::State.eq(ApprovalState::Approved.code()))
}

/// Requests of a school about these subjects, oldest first. At most some hundreds.
pub async fn of_subjects(
    db: &Db,
    school: SchoolId,
    subjects: Vec<Uuid>,
) -> Result<Vec<Approval>, DbError> {
    let found = approval::Entity::find()
        .filter(approval::Column::SchoolId.eq(school.number()))
        .filter(approval::Column::SubjectId.is_in(subjects))
        .order_by_asc(approval::Column::Id)
        .limit(MOST_OF_SUBJECTS);
    let rows = found.all(db.conn()).await?;
    rows.into_iter().map(|row| checked(db.macs(), row)).collect()
}

/// That a request is open, and of which kinds it is, written out. As parameters they serve no index of open
/// requests, and a plan that is made without them reads all requests where few are open or of these kinds.
fn is_requested() -> Expr {
    Expr::cust("approval.state = 'requested'")
}

fn is_of(kinds: &[ApprovalKind]) -> String {
    let codes: Vec<String> = kinds.iter().map(|kind| format!("'{}'", kind.code())).collect();
    format!("approval.kind IN ({})", codes.join(", "))
}

/// The conditions of open requests, and all values so far.
fn waiting_sql(
    (school, kinds): (SchoolId, &[ApprovalKind]),
    now: Timestamp,
) -> (String, Vec<Value>) {
    let sql = format!(
        "FROM approval WHERE school_id = $1 AND {} AND state = 'requested' AND expires_at > $2",
        is_of(kinds)
    );
    (sql, vec![school.number().into(), now.micros().into()])
}

pub(super) async fn waiting(
    db: &Db,
    (school, desks): (SchoolId, &[&[ApprovalKind]]),
    staff_no: &str,
    (now, most): (Timestamp, u32),
) -> Result<Vec<(u64, Option<Timestamp>)>, DbError> {
    if desks.is_empty() {
        return Ok(Vec::new());
    }
    let of_desk = |(nth, kinds): (usize, &&[ApprovalKind])| {
        let from = waiting_sql((school, kinds), now).0;
        format!(
            "SELECT {nth} AS desk, COUNT(*) AS requests, MIN(t.asked_at) AS oldest FROM \
             (SELECT asked_at {from} AND asked_no <> $3 LIMIT {most}) AS t"
        )
    };
    let of_desks: Vec<String> = desks.iter().enumerate().map(of_desk).collect();
    let values = vec![school.number().into(), now.micros().into(), staff_no.into()];
    let sql = format!("{} ORDER BY desk", of_desks.join(" UNION ALL "));
    let waiting = |row: &QueryResult| {
        let requests = u64::try_from(row.try_get::<i64>("", "requests")?).unwrap_or(0);
        let oldest = row.try_get::<Option<i64>>("", "oldest")?;
        Ok((requests, oldest.map(Timestamp::from_micros)))
    };
    Source::Db(db).select(&sql, values).await?.iter().map(waiting).collect()
}

pub(super) async fn oldest_waiting(
    db: &Db,
    of: (SchoolId, &[ApprovalKind]),
    (now, most): (Timestamp, u64),
) -> Result<Vec<Approval>, DbError> {
    let (from, values) = waiting_sql(of, now);
    let sql = format!("SELECT * {from} ORDER BY id LIMIT {most}");
    let rows = Source::Db(db).select(&sql, values).await?;
    rows.iter()
        .map(|row| checked(db.macs(), approval::Model::from_query_result(row, "")?))
        .collect()
}

pub(super) async fn waiting_subjects(
    db: &Db,
    of: (SchoolId, &[ApprovalKind]),
    now: Timestamp,
) -> Result<Vec<Uuid>, DbError> {
    let (from, values) = waiting_sql(of, now);
    let sql = format!("SELECT subject_id {from} LIMIT {}", Approval::SUBJECTS);
    let rows = Source::Db(db).select(&sql, values).await?;
    rows.iter().map(|row| Ok(row.try_get("", "subject_id")?)).collect()
}

pub(super) async fn insert(tx: &Tx, new: &Approval, key: &str) -> Result<(), DbError> {
    let mut row = approval::Model {
        id: new.id.uuid(),
        school_id: new.school.number(),
        kind: new.kind.code().to_owned(),
        subject_id: new.subject,
        request_digest: new.request_digest.to_vec(),
        amount_fen: new.amount.get(),
        reason: new.reason.clone(),
        asked_by: new.asked_by.id,
        asked_login: new.asked_by.login.clone(),
        asked_no: new.asked_by.staff_no.clone(),
        ask_key: key.to_owned(),
        asked_at: new.asked_at.micros(),
        expires_at: new.expires_at.micros(),
        state: new.stored.code().to_owned(),
        decided_by: None,
        decided_login: None,
        decided_no: None,
        decided_why: None,
        decided_at: None,
        result_id: None,
        mac: None,
    };
    row.mac = Some(APPROVAL.mac(tx, row.id, &fields(&row)));
    approval::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Writes the state and the decision of a request that was open and is locked.
pub(super) async fn save(tx: &Tx, decided: &Approval) -> Result<(), DbError> {
    let (by, at) = (decided.decision.as_ref().map(|d| &d.by), decided.decision.as_ref());
    let set = approval::ActiveModel {
        state: Set(decided.stored.code().to_owned()),
        decided_by: Set(by.map(|by| by.id)),
        decided_login: Set(by.map(|by| by.login.clone())),
        decided_no: Set(by.map(|by| by.staff_no.clone())),
        decided_why: Set(at.map(|decision| decision.why.clone())),
        decided_at: Set(at.map(|decision| decision.at.micros())),
        result_id: Set(at.and_then(|decision| decision.result)),
        ..Default::default()
    };
    let id = decided.id.uuid();
    let update = async {
        let saved = approval::Entity::update_many()
            .set(set)
            .filter(approval::Column::Id.eq(id))
            .filter(approval::Column::State.eq(ApprovalState::Requested.code()))
            .exec(tx.conn())
            .await?;
        match saved.rows_affected {
            1 => Ok(()),
            _ => Err(DbError::Raced { table: "approval" }),
        }
    };
    APPROVAL.changed(tx, &[id], update).await
}
