//! Rows of versions and of what is proposed.

pub(super) mod impact;
pub(super) mod tasks;

use super::{
    proposal::PolicyProposal,
    version::{PolicySource, PolicyVersion},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError, Keyset, Tx},
        ids::SchoolId,
    },
    schools::policy::StoredPolicy,
};
use entity::{policy_proposal, policy_version};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

/// The most versions that are looked at for what is to take effect: one for each day of a year.
const MOST_WAITING: u64 = 400;
/// No later version begins as early.
const NOT_REPLACED: &str = "NOT EXISTS (SELECT 1 FROM policy_version AS later \
    WHERE later.school_id = policy_version.school_id AND later.seq > policy_version.seq \
    AND later.from_day <= policy_version.from_day)";

fn checked(row: policy_version::Model) -> Result<PolicyVersion, DbError> {
    let broken = |what| DbError::Inconsistent { table: "policy_version", what };
    let policy = StoredPolicy::parse(&row.policy);
    Ok(PolicyVersion {
        school: SchoolId::from_number(row.school_id),
        seq: row.seq,
        version: row.version,
        policy: policy.ok().map(|stored| stored.policy),
        json: row.policy,
        from: Day::from_number(row.from_day),
        source: PolicySource::from_code(&row.source).ok_or(broken("unknown source"))?,
        proposed_by: row.proposed_by,
        approved_by: row.approved_by,
        reason: row.reason,
        approval: row.approval_id,
        form_key: row.form_key,
        recorded_at: Timestamp::from_micros(row.recorded_at),
    })
}

pub(super) async fn insert(tx: &Tx, version: &PolicyVersion) -> Result<(), DbError> {
    let row = policy_version::Model {
        school_id: version.school.number(),
        seq: version.seq,
        version: version.version,
        policy: version.json.clone(),
        from_day: version.from.number(),
        source: version.source.code().to_owned(),
        proposed_by: version.proposed_by.clone(),
        approved_by: version.approved_by.clone(),
        reason: version.reason.clone(),
        approval_id: version.approval,
        form_key: version.form_key.clone(),
        recorded_at: version.recorded_at.micros(),
    };
    let row = row.into_active_model();
    policy_version::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The versions of a school before the version `before`, newest first.
pub(super) async fn page(
    db: &Db,
    school: SchoolId,
    page: Keyset<i64>,
) -> Result<Vec<PolicyVersion>, DbError> {
    let seq = policy_version::Column::Seq;
    let mut found =
        policy_version::Entity::find().filter(policy_version::Column::SchoolId.eq(school.number()));
    if let Some(beyond) = page.beyond {
        found = found.filter(if page.descending { seq.lt(beyond) } else { seq.gt(beyond) });
    }
    let found = if page.descending { found.order_by_desc(seq) } else { found.order_by_asc(seq) };
    let found = found.limit(u64::from(page.most));
    found.all(db.conn()).await?.into_iter().map(checked).collect()
}

pub(super) async fn find(
    db: &Db,
    school: SchoolId,
    seq: i64,
) -> Result<Option<PolicyVersion>, DbError> {
    let found = policy_version::Entity::find_by_id((school.number(), seq));
    found.one(db.conn()).await?.map(checked).transpose()
}

/// The newest version.
pub(super) async fn newest(tx: &Tx, school: SchoolId) -> Result<Option<PolicyVersion>, DbError> {
    let found = policy_version::Entity::find()
        .filter(policy_version::Column::SchoolId.eq(school.number()))
        .order_by_desc(policy_version::Column::Seq);
    found.one(tx.conn()).await?.map(checked).transpose()
}

/// The version that would be in force on a day if none came after `newest`.
pub(super) async fn seen_for(
    db: &Db,
    school: SchoolId,
    (newest, day): (i64, Day),
) -> Result<Option<PolicyVersion>, DbError> {
    let found = policy_version::Entity::find()
        .filter(policy_version::Column::SchoolId.eq(school.number()))
        .filter(policy_version::Column::Seq.lte(newest))
        .filter(policy_version::Column::FromDay.lte(day.number()))
        .order_by_desc(policy_version::Column::Seq);
    found.one(db.conn()).await?.map(checked).transpose()
}

/// What the same form made before.
pub(super) async fn of_form(
    db: &Db,
    school: SchoolId,
    form_key: &str,
) -> Result<Option<PolicyVersion>, DbError> {
    let found = policy_version::Entity::find()
        .filter(policy_version::Column::SchoolId.eq(school.number()))
        .filter(policy_version::Column::FormKey.eq(form_key));
    found.one(db.conn()).await?.map(checked).transpose()
}

/// The version `seq` and those after it that may begin, oldest first.
pub(super) async fn since(
    source: Place<'_>,
    school: SchoolId,
    seq: i64,
) -> Result<Vec<PolicyVersion>, DbError> {
    let counts =
        Condition::any().add(policy_version::Column::Seq.eq(seq)).add(Expr::cust(NOT_REPLACED));
    let found = policy_version::Entity::find()
        .filter(policy_version::Column::SchoolId.eq(school.number()))
        .filter(policy_version::Column::Seq.gte(seq))
        .filter(counts)
        .order_by_asc(policy_version::Column::Seq)
        .limit(MOST_WAITING);
    let found = match source {
        Place::Db(db) => found.all(db.conn()).await?,
        Place::Tx(tx) => found.all(tx.conn()).await?,
    };
    found.into_iter().map(checked).collect()
}

/// Where to read.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Db(&'a Db),
    Tx(&'a Tx),
}

/// The highest number that a policy of the school ever had, and the highest of its versions.
pub(super) async fn highest(tx: &Tx, school: SchoolId) -> Result<(i64, i64), DbError> {
    let found: Option<(Option<i64>, Option<i64>)> = policy_version::Entity::find()
        .select_only()
        .column_as(policy_version::Column::Version.max(), "version")
        .column_as(policy_version::Column::Seq.max(), "seq")
        .filter(policy_version::Column::SchoolId.eq(school.number()))
        .into_tuple()
        .one(tx.conn())
        .await?;
    let (version, seq) = found.unwrap_or_default();
    Ok((version.unwrap_or_default(), seq.unwrap_or_default()))
}

/// The newest version of each school of those that are due by `today`.
pub(super) async fn due(db: &Db, today: Day) -> Result<Vec<(SchoolId, i64)>, DbError> {
    let found: Vec<(i64, Option<i64>)> = policy_version::Entity::find()
        .select_only()
        .column(policy_version::Column::SchoolId)
        .column_as(policy_version::Column::Seq.max(), "seq")
        .filter(policy_version::Column::FromDay.lte(today.number()))
        .group_by(policy_version::Column::SchoolId)
        .into_tuple()
        .all(db.conn())
        .await?;
    let due =
        found.into_iter().filter_map(|(school, seq)| Some((SchoolId::from_number(school), seq?)));
    Ok(due.collect())
}

pub(super) async fn propose(
    tx: &Tx,
    school: SchoolId,
    (approval, proposal): (Uuid, &PolicyProposal),
    changed: &[&str],
) -> Result<(), DbError> {
    let row = policy_proposal::Model {
        approval_id: approval,
        school_id: school.number(),
        base_seq: proposal.base,
        from_day: proposal.from.number(),
        policy: proposal.json.clone(),
        changed: changed.join(","),
    };
    let row = row.into_active_model();
    policy_proposal::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The keys that proposals change, by the requests.
pub(super) async fn changed(
    db: &Db,
    school: SchoolId,
    approvals: Vec<Uuid>,
) -> Result<Vec<(Uuid, String)>, DbError> {
    let found = policy_proposal::Entity::find()
        .filter(policy_proposal::Column::SchoolId.eq(school.number()))
        .filter(policy_proposal::Column::ApprovalId.is_in(approvals))
        .select_only()
        .column(policy_proposal::Column::ApprovalId)
        .column(policy_proposal::Column::Changed);
    Ok(found.into_tuple().all(db.conn()).await?)
}

pub(super) async fn proposed(
    place: Place<'_>,
    school: SchoolId,
    approval: Uuid,
) -> Result<Option<PolicyProposal>, DbError> {
    let found = policy_proposal::Entity::find_by_id(approval)
        .filter(policy_proposal::Column::SchoolId.eq(school.number()));
    let row = match place {
        Place::Db(db) => found.one(db.conn()).await?,
        Place::Tx(tx) => found.one(tx.conn()).await?,
    };
    let Some(row) = row else { return Ok(None) };
    let broken = |_| DbError::Inconsistent { table: "policy_proposal", what: "unreadable policy" };
    let stored = StoredPolicy::parse(&row.policy).map_err(broken)?;
    if !stored.ignored.is_empty() {
        // A newer release made it: this one would put in force less than was asked for.
        return Ok(None);
    }
    Ok(Some(PolicyProposal {
        base: row.base_seq,
        from: Day::from_number(row.from_day),
        policy: stored.policy,
        json: row.policy,
    }))
}
