//! The table of devices.

use super::authentic::{DEVICE, check, new_fields};
use crate::{
    base::{
        clock::Timestamp,
        crypto::row_mac::RowMacs,
        db::{Db, DbError, Source, Tx},
        ids::{PersonId, SchoolId},
    },
    passcode::{Channel, DeviceId, DeviceKind, EndReason, Enrolled, NewDevice, Owner, Salt, Step},
};
use entity::device;
use futures_util::{Stream, StreamExt};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, Statement, StreamTrait, sea_query::Expr,
};

pub(super) const DEVICE_FROM: &str = "SELECT id, school_id, person_id, channel, kind, client_digest, name, salt, \
    generation, step_seconds, master_key_id, enrolled_at, expires_at, last_seen_at, stale_at, \
    ended_at, ended_why, changed_at, mac FROM device";
/// The limit of changes read at a time.
const CHANGES_AT_ONCE: usize = 10_000;
/// How many devices one clean-up step ends.
const EXPIRED_AT_ONCE: u64 = 500;
/// More schools than any deployment has.
const MAX_SCHOOLS: u64 = 10_000;

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
    pub(in crate::passcode) looked_up: LookedUp,
}

/// Whether codes of a device are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::passcode) enum LookedUp {
    /// It has not ended.
    Live,
    /// The card was reported lost: refused as that, for as long as the phone has keys to show codes.
    Lost {
        /// When its keys end.
        until: Timestamp,
    },
    /// It has ended otherwise.
    No,
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

/// The devices of a school whose codes are looked up, as a stream: one query. One that is not authentic
/// is left out.
pub(in crate::passcode) async fn looked_up(
    db: &Db,
    school: SchoolId,
    now: Timestamp,
) -> Result<impl Stream<Item = Result<Stored, DbError>>, DbError> {
    let lost = EndReason::Lost.code();
    let sql = format!(
        "{DEVICE_FROM} WHERE school_id = $1 AND ended_at IS NULL UNION ALL \
         {DEVICE_FROM} WHERE school_id = $1 AND ended_why = '{lost}' AND expires_at > $2"
    );
    let values = [school.number().into(), now.micros().into()];
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    let rows = db.conn().stream_raw(statement).await?;
    Ok(rows.filter_map(async |row| {
        let row = row.map_err(DbError::from);
        row.and_then(|row| authentic(db.macs(), &row)).transpose()
    }))
}

/// Devices that were enrolled or ended.
#[derive(Debug)]
pub(in crate::passcode) struct Changes {
    /// The devices, oldest change first, without those that are live and not authentic.
    pub(in crate::passcode) devices: Vec<Stored>,
    /// False if there may be more.
    pub(in crate::passcode) complete: bool,
    /// When the newest change was made.
    pub(in crate::passcode) newest: Option<Timestamp>,
}

/// The devices of a school that were enrolled or ended since: one query.
pub(in crate::passcode) async fn changed(
    db: &Db,
    school: SchoolId,
    since: Timestamp,
) -> Result<Changes, DbError> {
    let sql = format!(
        "{DEVICE_FROM} WHERE school_id = $1 AND changed_at >= $2 \
         ORDER BY changed_at LIMIT {CHANGES_AT_ONCE}"
    );
    let values = vec![school.number().into(), since.micros().into()];
    let found = Source::Db(db).select(&sql, values).await?;
    let devices = found.iter().filter_map(|row| authentic(db.macs(), row).transpose());
    let changed_at = |row: &QueryResult| row.try_get("", "changed_at");
    Ok(Changes {
        devices: devices.collect::<Result<_, DbError>>()?,
        complete: found.len() < CHANGES_AT_ONCE,
        newest: found.last().map(changed_at).transpose()?.map(Timestamp::from_micros),
    })
}

/// The device of a row; `None`, with an error in the log, if it is live and its MAC does not fit.
/// One that ended is ended, whoever wrote it.
fn authentic(macs: &RowMacs, row: &QueryResult) -> Result<Option<Stored>, DbError> {
    let row: device::Model = FromQueryResult::from_query_result(row, "")?;
    let is_lost = row.ended_why.as_deref() == Some(EndReason::Lost.code());
    let looked_up = match row.ended_at {
        None if check(macs, &row).is_err() => return Ok(None),
        None => LookedUp::Live,
        Some(_) if is_lost && check(macs, &row).is_ok() => {
            LookedUp::Lost { until: Timestamp::from_micros(row.expires_at) }
        }
        Some(_) => LookedUp::No,
    };
    stored(row, looked_up).map(Some)
}

fn stored(row: device::Model, looked_up: LookedUp) -> Result<Stored, DbError> {
    let (person, school) = (row.person_id, row.school_id);
    let Enrolled { device, generation, salt, step, master_key_id, .. } = enrolled(row)?;
    Ok(Stored {
        device,
        person: PersonId::from_uuid(person),
        school: SchoolId::from_number(school),
        salt,
        generation,
        step,
        master_key_id,
        looked_up,
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
    // One that is not authentic is overwritten by whoever has the password.
    let authentic = check(tx.macs(), &row).is_ok();
    let expired = row.ended_why.as_deref() == Some(EndReason::Expired.code());
    Ok(Some(Held {
        live: authentic && row.ended_at.is_none(),
        known: authentic && (row.ended_at.is_none() || expired),
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

/// The valid server-side device of an owner; `None` also if it is not authentic.
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
    let found = found.one(db.conn()).await?;
    found.filter(|row| check(db.macs(), row).is_ok()).map(enrolled).transpose()
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
    let expires_at = now.plus(new.terms.keys).micros();
    let fields = new_fields(new, generation, expires_at);
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
        expires_at: Set(expires_at),
        last_seen_at: Set(now.micros()),
        stale_at: Set(now.plus(new.terms.unseen).micros()),
        ended_at: Set(None),
        ended_why: Set(None),
        changed_at: Set(now.micros()),
        mac: Set(Some(DEVICE.mac(tx, id.uuid(), &fields))),
    };
    if generation == 1 {
        device::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    } else {
        device::Entity::update(row).exec(tx.conn()).await?;
    }
    Ok(())
}

pub(super) fn client_digest(new: &NewDevice) -> Vec<u8> {
    new.client.map(Vec::from).unwrap_or_default()
}

/// Selects some of a person's devices.
#[derive(Clone, Copy, Debug)]
pub(in crate::passcode) enum DeviceFilter {
    All,
    Channel(Channel),
    Kind(Channel, DeviceKind),
    One(DeviceId),
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
        DeviceFilter::One(id) => held = held.filter(device::Column::Id.eq(id.uuid())),
    }
    let held = held.order_by_asc(device::Column::Id).lock_exclusive();
    let held: Vec<uuid::Uuid> = held.into_tuple().all(tx.conn()).await?;
    let end = async {
        overwrite_expired(tx, &held, why).await?;
        end_held(tx, &held, why, now).await
    };
    DEVICE.changed(tx, &held, end).await
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
    held: &[uuid::Uuid],
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
        .filter(device::Column::Id.is_in(held.iter().copied()))
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
        let held: Vec<uuid::Uuid> = held.into_tuple().all(tx.conn()).await?;
        DEVICE.changed(tx, &held, end_held(tx, &held, EndReason::Expired, now)).await
    })
    .await?;
    Ok(true)
}
