//! The tables of rights and allocations.

use super::authentic::{ALLOCATION, RIGHT, allocation_fields, right_fields};
use crate::{
    access::rights::{AllocationId, DayWindow, DoorRight, DoorRightId, DoorTimes, RightSource},
    base::{
        clock::Timestamp,
        crypto::row_mac::RowMacs,
        db::{Column, DbError, Found, Question, Source},
        ids::{PersonId, SchoolId},
    },
};
use sea_orm::{QueryResult, TryGetable};
use uuid::Uuid;

/// The columns that [`right_of`] reads.
const COLUMNS: &[(&str, &str)] = &[
    ("r.id", "uuid"),
    ("r.school_id", "bigint"),
    ("r.person_id", "uuid"),
    ("r.door_group", "text"),
    ("r.from_at", "bigint"),
    ("r.until_at", "bigint"),
    ("r.window_from", "integer"),
    ("r.window_until", "integer"),
    ("r.source", "text"),
    ("r.allocation", "uuid"),
    ("r.mac", "bytea"),
    ("a.id", "uuid"),
    ("a.mac", "bytea"),
];

/// The same for a statement.
const SELECT: &str = "SELECT r.id, r.school_id, r.person_id, r.door_group, r.from_at, r.until_at, \
    r.window_from, r.window_until, r.source, r.allocation, r.mac, a.id, a.mac \
    FROM door_right r LEFT JOIN door_allocation a ON a.school_id = r.school_id \
    AND a.door_group = r.door_group AND a.allocation = r.allocation";

/// A right of an allocation is in force while its group's row names that allocation.
const IN_FORCE: &str = "(r.source = 'staff' OR a.id IS NOT NULL)";

/// The rights in force of persons, at groups, of schools.
pub(in crate::access) const fn question(keys: Vec<Column>) -> Question {
    Question {
        columns: COLUMNS,
        from: "door_right r LEFT JOIN door_allocation a ON a.school_id = r.school_id \
            AND a.door_group = r.door_group AND a.allocation = r.allocation \
            WHERE r.person_id {keys1} AND r.door_group {keys2} AND r.school_id {keys3} \
            AND (r.source = 'staff' OR a.id IS NOT NULL)",
        keys,
    }
}

/// A row, by the places of its columns.
trait Placed {
    fn at<T: TryGetable>(&self, place: usize) -> Result<T, DbError>;
}

impl Placed for Found {
    fn at<T: TryGetable>(&self, place: usize) -> Result<T, DbError> {
        self.get(place)
    }
}

impl Placed for QueryResult {
    fn at<T: TryGetable>(&self, place: usize) -> Result<T, DbError> {
        Ok(self.try_get_by_index(place)?)
    }
}

const fn broken(what: &'static str) -> DbError {
    DbError::Inconsistent { table: "door_right", what }
}

/// The times of an authentic right; the answer to [`question`].
pub(in crate::access) fn times_of(macs: &RowMacs, found: &Found) -> Result<DoorTimes, DbError> {
    Ok(right_of(macs, found)?.times)
}

/// A right whose MAC fits, and that of the row which puts its allocation in force.
fn right_of(macs: &RowMacs, row: &impl Placed) -> Result<DoorRight, DbError> {
    let school = SchoolId::from_number(row.at(1)?);
    let minute = |place| -> Result<u16, DbError> {
        u16::try_from(row.at::<i32>(place)?).map_err(|_| broken("invalid window"))
    };
    let window = DayWindow::new(minute(6)?, minute(7)?).ok_or(broken("invalid window"))?;
    let (from, until) = (Timestamp::from_micros(row.at(4)?), DoorTimes::end(row.at(5)?));
    let right = DoorRight {
        id: DoorRightId::from_uuid(row.at(0)?),
        person: PersonId::from_uuid(row.at(2)?),
        group: row.at::<String>(3)?.parse().map_err(|_| broken("invalid group"))?,
        times: DoorTimes { from, until, window },
        source: RightSource::from_code(&row.at::<String>(8)?).ok_or(broken("unknown source"))?,
    };
    let allocation: Uuid = row.at(9)?;
    let mac: Option<Vec<u8>> = row.at(10)?;
    let fields = right_fields(school, &right, allocation);
    RIGHT.check(macs, right.id.uuid(), &fields, mac.as_deref())?;
    if right.source == RightSource::Allocation {
        let id: Option<Uuid> = row.at(11)?;
        let mac: Option<Vec<u8>> = row.at(12)?;
        let fields = allocation_fields(school, &right.group, AllocationId::from_uuid(allocation));
        ALLOCATION.check(macs, id.unwrap_or(Uuid::nil()), &fields, mac.as_deref())?;
    }
    Ok(right)
}

fn macs_of<'a>(source: &Source<'a>) -> &'a RowMacs {
    match *source {
        Source::Db(db) => db.macs(),
        Source::Tx(tx) => tx.macs(),
    }
}

/// The rights of a person that are in force and have not ended, by group.
pub(in crate::access) async fn of_person(
    source: Source<'_>,
    school: SchoolId,
    person: PersonId,
    now: Timestamp,
) -> Result<Vec<DoorRight>, DbError> {
    let sql = format!(
        "{SELECT} WHERE r.person_id = $1 AND r.school_id = $2 AND r.until_at > $3 AND {IN_FORCE} \
         ORDER BY r.door_group, r.id LIMIT 1000"
    );
    let values = vec![person.uuid().into(), school.number().into(), now.micros().into()];
    let found = source.select(&sql, values).await?;
    found.iter().map(|row| right_of(macs_of(&source), row)).collect()
}
