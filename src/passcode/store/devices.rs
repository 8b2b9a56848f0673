//! The table of devices.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Source, Tx},
        ids::{PersonId, SchoolId},
    },
    passcode::{Channel, DeviceId, DeviceKind, EndReason, Enrolled, NewDevice, Owner, Salt, Step},
};
use entity::device;
use futures_util::{Stream, StreamExt};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, Statement, StreamTrait, sea_query::Expr,
};

/// The limit of changes read at a time.
pub(in crate::passcode) const CHANGES_AT_ONCE: usize = 10_000;
/// How many devices one clean-up step ends.
const EXPIRED_AT_ONCE: u64 = 500;
/// More schools than any deployment has.
const MAX_SCHOOLS: u64 = 10_000;

const KNOWN: &str = "SELECT id, school_id, person_id, salt, generation, step_seconds, \
    master_key_id, changed_at, \
    CAST(CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS live FROM device";

/// An enrolment as stored.
#[derive(Debug)]
pub(in crate::passcode) struct Stored {
    pub(in crate::passcode) device: DeviceId,
    pub(in crate::passcode) person: PersonId,
    pub(in crate::passcode) school: SchoolId,
    pub(in crate::passcode) salt: Salt,
    pub(in crate::passcode) generation: u32,
    pub(in crate::passcode) step: Step,
    pub(in crate::passcode) master_key_id: String,
    pub(in crate::passcode) changed_at: Timestamp,
    /// False once it has ended.
    pub(in crate::passcode) live: bool,
}

/// All schools and their codes.
pub(in crate::passcode) async fn schools(db: &Db) -> Result<Vec<(SchoolId, String)>, DbError> {
    let sql = format!("SELECT id, code FROM school ORDER BY id LIMIT {MAX_SCHOOLS}");
    let rows = Source::Db(db).select(&sql, vec![]).await?;
    let school = |row: &QueryResult| {
        Ok((SchoolId::from_number(row.try_get("", "id")?), row.try_get("", "code")?))
    };
    rows.iter().map(school).collect()
}

/// The live devices of a school as a stream: one query.
pub(in crate::passcode) async fn live(
    db: &Db,
    school: SchoolId,
) -> Result<impl Stream<Item = Result<Stored, DbError>>, DbError> {
    let sql = format!("{KNOWN} WHERE school_id = $1 AND ended_at IS NULL ORDER BY id");
    let statement = Statement::from_sql_and_values(db.backend(), sql, [school.number().into()]);
    let rows = db.conn().stream_raw(statement).await?;
    Ok(rows.map(|row| stored(&row?)))
}

/// The devices of a school that were enrolled or ended since, oldest first: one query.
pub(in crate::passcode) async fn changed(
    db: &Db,
    school: SchoolId,
    since: Timestamp,
) -> Result<Vec<Stored>, DbError> {
    let sql = format!(
        "{KNOWN} WHERE school_id = $1 AND changed_at >= $2 \
         ORDER BY changed_at LIMIT {CHANGES_AT_ONCE}"
    );
    let values = vec![school.number().into(), since.micros().into()];
    Source::Db(db).select(&sql, values).await?.iter().map(stored).collect()
}

fn stored(row: &QueryResult) -> Result<Stored, DbError> {
    let salt: Vec<u8> = row.try_get("", "salt")?;
    let generation: i64 = row.try_get("", "generation")?;
    let seconds: i32 = row.try_get("", "step_seconds")?;
    let step = u16::try_from(seconds).ok().and_then(|seconds| Step::from_seconds(seconds).ok());
    Ok(Stored {
        device: DeviceId::from_uuid(row.try_get("", "id")?),
        person: PersonId::from_uuid(row.try_get("", "person_id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        salt: Salt::from_bytes(salt.try_into().map_err(|_| broken("invalid salt"))?),
        generation: u32::try_from(generation).map_err(|_| broken("invalid generation"))?,
        step: step.ok_or(broken("invalid step"))?,
        master_key_id: row.try_get("", "master_key_id")?,
        changed_at: Timestamp::from_micros(row.try_get("", "changed_at")?),
        live: row.try_get::<i64>("", "live")? == 1,
    })
}

pub(in crate::passcode) const fn broken(what: &'static str) -> DbError {
    DbError::Inconsistent { table: "device", what }
}

/// Locks and reads the row of a device that was enrolled before.
pub(in crate::passcode) async fn hold(tx: &Tx, new: &NewDevice) -> Result<Option<Held>, DbError> {
    let found = device::Entity::find()
        .filter(device::Column::PersonId.eq(new.owner.person.uuid()))
        .filter(device::Column::Channel.eq(new.owner.channel.code()))
        .filter(device::Column::Kind.eq(new.kind.code()))
        .filter(device::Column::ClientDigest.eq(client_digest(new)));
    let Some(row) = found.lock_exclusive().one(tx.conn()).await? else { return Ok(None) };
    Ok(Some(Held {
        live: row.ended_at.is_none(),
        known: row.ended_at.is_none()
            || row.ended_why.as_deref() == Some(EndReason::Expired.code()),
        stale_at: Timestamp::from_micros(row.stale_at),
        enrolled: enrolled(row)?,
    }))
}

/// An enrolment whose row is locked.
#[derive(Debug)]
pub(in crate::passcode) struct Held {
    pub(in crate::passcode) enrolled: Enrolled,
    pub(in crate::passcode) live: bool,
    /// Live, or ended only because it expired.
    pub(in crate::passcode) known: bool,
    pub(in crate::passcode) stale_at: Timestamp,
}

fn enrolled(row: device::Model) -> Result<Enrolled, DbError> {
    let step = u16::try_from(row.step_seconds).ok().and_then(|s| Step::from_seconds(s).ok());
    Ok(Enrolled {
        device: DeviceId::from_uuid(row.id),
        generation: u32::try_from(row.generation).map_err(|_| broken("invalid generation"))?,
        salt: Salt::from_bytes(row.salt.try_into().map_err(|_| broken("invalid salt"))?),
        step: step.ok_or(broken("invalid step"))?,
        master_key_id: row.master_key_id,
        enrolled_at: Timestamp::from_micros(row.enrolled_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}

/// Live, or ended only because it expired: such a phone enrols again without the password.
fn known() -> Condition {
    let aged = device::Column::EndedWhy.eq(EndReason::Expired.code());
    Condition::any().add(device::Column::EndedAt.is_null()).add(aged)
}

/// The valid server-side device of an owner.
pub(in crate::passcode) async fn own(
    db: &Db,
    owner: &Owner,
    now: Timestamp,
) -> Result<Option<Enrolled>, DbError> {
    let found = device::Entity::find()
        .filter(device::Column::PersonId.eq(owner.person.uuid()))
        .filter(device::Column::Channel.eq(owner.channel.code()))
        .filter(device::Column::Kind.eq(DeviceKind::Server.code()))
        .filter(device::Column::EndedAt.is_null())
        .filter(device::Column::ExpiresAt.gt(now.micros()))
        .filter(device::Column::StaleAt.gt(now.micros()));
    found.one(db.conn()).await?.map(enrolled).transpose()
}

/// Records that an owner's devices were seen, except those seen recently.
pub(in crate::passcode) async fn seen(
    tx: &Tx,
    owner: &Owner,
    since: Timestamp,
    stale_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    device::Entity::update_many()
        .col_expr(device::Column::LastSeenAt, Expr::value(now.micros()))
        .col_expr(device::Column::StaleAt, Expr::value(stale_at.micros()))
        .filter(device::Column::PersonId.eq(owner.person.uuid()))
        .filter(device::Column::Channel.eq(owner.channel.code()))
        .filter(device::Column::EndedAt.is_null())
        .filter(device::Column::LastSeenAt.lte(since.micros()))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Inserts the first enrolment of a device or updates it for a later one.
pub(in crate::passcode) async fn save(
    tx: &Tx,
    new: &NewDevice,
    id: DeviceId,
    generation: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = device::ActiveModel {
        id: Set(id.uuid()),
        school_id: Set(new.owner.school.number()),
        person_id: Set(new.owner.person.uuid()),
        channel: Set(new.owner.channel.code().into()),
        kind: Set(new.kind.code().into()),
        client_digest: Set(client_digest(new)),
        name: Set(new.name.clone()),
        salt: Set(new.salt.bytes().to_vec()),
        generation: Set(generation.into()),
        step_seconds: Set(new.terms.step.seconds().into()),
        master_key_id: Set(new.master_key_id.clone()),
        enrolled_at: Set(now.micros()),
        expires_at: Set(now.plus(new.terms.keys).micros()),
        last_seen_at: Set(now.micros()),
        stale_at: Set(now.plus(new.terms.unseen).micros()),
        ended_at: Set(None),
        ended_why: Set(None),
        changed_at: Set(now.micros()),
    };
    if generation == 1 {
        device::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    } else {
        device::Entity::update(row).exec(tx.conn()).await?;
    }
    Ok(())
}

fn client_digest(new: &NewDevice) -> Vec<u8> {
    new.client.map(Vec::from).unwrap_or_default()
}

/// Selects some of a person's devices.
#[derive(Clone, Copy, Debug)]
pub(in crate::passcode) enum DeviceFilter {
    All,
    Channel(Channel),
    Kind(Channel, DeviceKind),
}

/// Ends some of a person's live devices; returns how many. Expired devices get this reason instead,
/// so that they are no longer known. The rows are locked first, in order, to wait for transactions
/// that are using their codes.
pub(in crate::passcode) async fn end(
    tx: &Tx,
    person: PersonId,
    which: DeviceFilter,
    why: EndReason,
    now: Timestamp,
) -> Result<u64, DbError> {
    let mut held = device::Entity::find()
        .select_only()
        .column(device::Column::Id)
        .filter(device::Column::PersonId.eq(person.uuid()))
        .filter(known());
    match which {
        DeviceFilter::All => {}
        DeviceFilter::Channel(channel) => {
            held = held.filter(device::Column::Channel.eq(channel.code()));
        }
        DeviceFilter::Kind(channel, kind) => {
            held = held.filter(device::Column::Channel.eq(channel.code()));
            held = held.filter(device::Column::Kind.eq(kind.code()));
        }
    }
    let held = held.order_by_asc(device::Column::Id).lock_exclusive();
    let held: Vec<uuid::Uuid> = held.into_tuple().all(tx.conn()).await?;
    overwrite_expired(tx, &held, why).await?;
    end_held(tx, held, why, now).await
}

async fn overwrite_expired(tx: &Tx, held: &[uuid::Uuid], why: EndReason) -> Result<(), DbError> {
    if !held.is_empty() {
        device::Entity::update_many()
            .col_expr(device::Column::EndedWhy, Expr::value(why.code()))
            .filter(device::Column::Id.is_in(held.iter().copied()))
            .filter(device::Column::EndedWhy.eq(EndReason::Expired.code()))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

async fn end_held(
    tx: &Tx,
    held: Vec<uuid::Uuid>,
    why: EndReason,
    now: Timestamp,
) -> Result<u64, DbError> {
    if held.is_empty() {
        return Ok(0);
    }
    let ended = device::Entity::update_many()
        .col_expr(device::Column::EndedAt, Expr::value(now.micros()))
        .col_expr(device::Column::EndedWhy, Expr::value(why.code()))
        .col_expr(device::Column::ChangedAt, Expr::value(now.micros()))
        .filter(device::Column::Id.is_in(held))
        .filter(device::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(ended.rows_affected)
}

/// Ends some of the expired devices; returns whether there may be more. Their codes are already
/// refused: this frees memory.
pub(in crate::passcode) async fn end_expired(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let expired: Vec<uuid::Uuid> = device::Entity::find()
        .select_only()
        .column(device::Column::Id)
        .filter(device::Column::ExpiresAt.lte(now.micros()))
        .filter(device::Column::EndedAt.is_null())
        .order_by_asc(device::Column::ExpiresAt)
        .limit(EXPIRED_AT_ONCE)
        .into_tuple()
        .all(db.conn())
        .await?;
    if expired.is_empty() {
        return Ok(false);
    }
    db.in_tx(async |tx| {
        // Skip devices that were enrolled again meanwhile.
        let held = device::Entity::find()
            .select_only()
            .column(device::Column::Id)
            .filter(device::Column::Id.is_in(expired.clone()))
            .filter(device::Column::ExpiresAt.lte(now.micros()))
            .order_by_asc(device::Column::Id)
            .lock_exclusive();
        let held = held.into_tuple().all(tx.conn()).await?;
        end_held(tx, held, EndReason::Expired, now).await
    })
    .await?;
    Ok(true)
}
