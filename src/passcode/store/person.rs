//! The devices of a person, as members of staff see them.

use super::devices::{DEVICE_FROM, broken};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Source},
        ids::PersonId,
    },
    passcode::{Channel, DeviceId, DeviceKind, PersonDevice},
};
use entity::device;
use sea_orm::{FromQueryResult, QueryResult, Value};

/// A person's live devices, or one of them, the first enrolled first.
pub(in crate::passcode) async fn of_person(
    source: Source<'_>,
    person: PersonId,
    only: Option<DeviceId>,
) -> Result<Vec<PersonDevice>, DbError> {
    let mut values: Vec<Value> = vec![person.uuid().into()];
    let and = only.map_or("", |id| {
        values.push(id.uuid().into());
        " AND id = $2"
    });
    let sql = format!("{DEVICE_FROM} WHERE person_id = $1 AND ended_at IS NULL{and} ORDER BY id");
    source.select(&sql, values).await?.iter().map(seen_by_staff).collect()
}

fn seen_by_staff(row: &QueryResult) -> Result<PersonDevice, DbError> {
    let row: device::Model = FromQueryResult::from_query_result(row, "")?;
    Ok(PersonDevice {
        id: DeviceId::from_uuid(row.id),
        channel: Channel::from_code(&row.channel).ok_or(broken("unknown channel"))?,
        kind: DeviceKind::from_code(&row.kind).ok_or(broken("unknown kind"))?,
        name: row.name,
        generation: u32::try_from(row.generation).map_err(|_| broken("invalid generation"))?,
        enrolled_at: Timestamp::from_micros(row.enrolled_at),
        seen_at: Timestamp::from_micros(row.last_seen_at),
    })
}
