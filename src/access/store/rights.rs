//! The tables of rights and allocations.

use super::{
    authentic::{ALLOCATION, RIGHT, allocation_fields, right_fields},
    conditions, counted,
};
use crate::{
    access::{
        listing::DoorFilter,
        rights::{
            AllocationId, DayWindow, DoorRight, DoorRightId, DoorTimes, InForceBy, RightInForce,
            RightSource,
        },
    },
    base::{
        clock::Timestamp,
        crypto::row_mac::RowMacs,
        db::{Column, Db, DbError, Found, Keyset, Question, Rows, Source, Tx, Write},
        ids::{PersonId, SchoolId},
    },
};
use sea_orm::{QueryResult, TryGetable};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
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

/// The rights in force of these persons, of these schools, at these groups. Read by the persons alone: the
/// expressions keep the planner from reading all rights of a group, whatever its estimates.
pub(in crate::access) fn question<'g>(
    wanted: impl IntoIterator<Item = (SchoolId, PersonId, &'g str)>,
) -> Question {
    let (mut schools, mut persons, mut groups) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (school, person, group) in wanted {
        schools.insert(school.number());
        persons.insert(person.uuid());
        groups.insert(group.to_owned());
    }
    let keys = vec![
        Column::Uuid(persons.into_iter().collect()),
        Column::Text(groups.into_iter().collect()),
        Column::I64(schools.into_iter().collect()),
    ];
    Question {
        columns: COLUMNS,
        from: "door_right r LEFT JOIN door_allocation a ON a.school_id = r.school_id \
            AND a.door_group = r.door_group AND a.allocation = r.allocation \
            WHERE r.person_id {keys1} AND r.door_group || '' {keys2} AND r.school_id + 0 {keys3} \
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

/// An authentic right and what puts it in force; of the answer to [`question`].
pub(in crate::access) fn in_force(macs: &RowMacs, found: &Found) -> Result<RightInForce, DbError> {
    let right = right_of(macs, found)?;
    let by = match right.source {
        RightSource::Staff => InForceBy::Itself,
        RightSource::Allocation => {
            let allocation = AllocationId::from_uuid(found.at(9)?);
            InForceBy::Allocation(found.at(11)?, allocation)
        }
    };
    Ok(RightInForce { school: SchoolId::from_number(found.at(1)?), right, by })
}

/// See [`unchanged`](crate::access::rights::unchanged). Staff end a right by its `until_at` alone.
pub(in crate::access) fn unchanged(read: &[&RightInForce]) -> [Write; 2] {
    let mut allocations = (Vec::new(), Vec::new());
    let mut rights = (Vec::new(), Vec::new());
    for found in read {
        match found.by {
            InForceBy::Allocation(row, allocation) => {
                allocations.0.push(row);
                allocations.1.push(allocation.uuid());
            }
            InForceBy::Itself => {
                rights.0.push(found.right.id.uuid());
                rights.1.push(found.right.times.until_micros());
            }
        }
    }
    let (ends, named) =
        ("door_right.until_at = r.until_at", "door_allocation.allocation = r.named");
    let rights =
        Rows::new(vec![("id", Column::Uuid(rights.0)), ("until_at", Column::I64(rights.1))]);
    let allocations = Rows::new(vec![
        ("id", Column::Uuid(allocations.0)),
        ("named", Column::Uuid(allocations.1)),
    ]);
    [
        Write::Unchanged { table: "door_right", rows: rights, guard: ends, held: true },
        // Not held: everybody who passes looks at the row of their group.
        Write::Unchanged { table: "door_allocation", rows: allocations, guard: named, held: false },
    ]
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
    found.iter().map(|row| right_of(source.macs(), row)).collect()
}

/// Inserts rights of an allocation, or of staff with the nil id.
pub(in crate::access) async fn insert(
    tx: &Tx,
    school: SchoolId,
    rights: &[DoorRight],
    (allocation, now): (Uuid, Timestamp),
) -> Result<(), DbError> {
    let uuids = |f: fn(&DoorRight) -> Uuid| Column::Uuid(rights.iter().map(f).collect());
    let i64s = |f: fn(&DoorRight) -> i64| Column::I64(rights.iter().map(f).collect());
    let i32s = |f: fn(&DoorRight) -> i32| Column::I32(rights.iter().map(f).collect());
    let text = |f: fn(&DoorRight) -> String| Column::Text(rights.iter().map(f).collect());
    let mac = |right: &DoorRight| {
        RIGHT.mac(tx, right.id.uuid(), &right_fields(school, right, allocation))
    };
    let rows = Rows::new(vec![
        ("id", uuids(|right| right.id.uuid())),
        ("school_id", Column::I64(vec![school.number(); rights.len()])),
        ("person_id", uuids(|right| right.person.uuid())),
        ("door_group", text(|right| right.group.to_string())),
        ("from_at", i64s(|right| right.times.from.micros())),
        ("until_at", i64s(|right| right.times.until_micros())),
        ("window_from", i32s(|right| right.times.window.minutes()[0].into())),
        ("window_until", i32s(|right| right.times.window.minutes()[1].into())),
        ("source", text(|right| right.source.code().to_owned())),
        ("allocation", Column::Uuid(vec![allocation; rights.len()])),
        ("created_at", Column::I64(vec![now.micros(); rights.len()])),
        ("mac", Column::Bytes(rights.iter().map(mac).collect())),
    ]);
    tx.insert_rows("door_right", rows, "").await
}

/// How many rights an allocation has.
pub(in crate::access) async fn count_of(
    tx: &Tx,
    allocation: AllocationId,
) -> Result<usize, DbError> {
    let sql = "SELECT COUNT(*) AS rights FROM door_right \
               WHERE allocation = $1 AND source = 'allocation'";
    let found = Source::Tx(tx).select(sql, vec![allocation.uuid().into()]).await?;
    let row = found.first().ok_or(broken("no count"))?;
    Ok(usize::try_from(row.try_get::<i64>("", "rights")?).unwrap_or(usize::MAX))
}

/// Puts an allocation in force for these groups.
pub(in crate::access) async fn switch(
    tx: &Tx,
    school: SchoolId,
    (groups, allocation): (&BTreeSet<String>, AllocationId),
    now: Timestamp,
) -> Result<(), DbError> {
    // In the order of the groups, so that two imports wait for each other and do not deadlock.
    let ids: Vec<Uuid> = groups.iter().map(|group| group_id(school, group)).collect();
    let mac = |(group, id): (&String, &Uuid)| {
        ALLOCATION.mac(tx, *id, &allocation_fields(school, group, allocation))
    };
    let macs = groups.iter().zip(&ids).map(mac).collect();
    let rows = Rows::new(vec![
        ("school_id", Column::I64(vec![school.number(); ids.len()])),
        ("door_group", Column::Text(groups.iter().cloned().collect())),
        ("allocation", Column::Uuid(vec![allocation.uuid(); ids.len()])),
        ("switched_at", Column::I64(vec![now.micros(); ids.len()])),
        ("mac", Column::Bytes(macs)),
        ("id", Column::Uuid(ids)),
    ]);
    let suffix = "ON CONFLICT (id) DO UPDATE SET allocation = excluded.allocation, \
                  switched_at = excluded.switched_at, mac = excluded.mac";
    tx.insert_rows("door_allocation", rows, suffix).await
}

/// One row for each group: its id is a digest of its name.
fn group_id(school: SchoolId, group: &str) -> Uuid {
    let digest = Sha256::digest(format!("{}|{group}", school.number()));
    Uuid::from_slice(digest.get(..16).unwrap_or_default()).unwrap_or(Uuid::nil())
}

/// A right that is in force, or has ended.
pub(in crate::access) async fn find(
    source: Source<'_>,
    school: SchoolId,
    id: DoorRightId,
) -> Result<Option<DoorRight>, DbError> {
    let sql = format!("{SELECT} WHERE r.id = $1 AND r.school_id = $2 AND {IN_FORCE}");
    let found = source.select(&sql, vec![id.uuid().into(), school.number().into()]).await?;
    found.first().map(|row| right_of(source.macs(), row)).transpose()
}

/// A page of the rights of a school that are in force.
pub(in crate::access) async fn list(
    source: Source<'_>,
    school: SchoolId,
    filter: &DoorFilter,
    page: Keyset,
) -> Result<Vec<DoorRight>, DbError> {
    let (which, mut values) = conditions("r", school, filter);
    let place = page.sql("r.id", &mut values);
    let sql = format!("{SELECT} WHERE r.school_id = $1 AND {IN_FORCE}{which}{place}");
    let found = source.select(&sql, values).await?;
    found.iter().map(|row| right_of(source.macs(), row)).collect()
}

/// How many of them there are, among the first `most`.
pub(in crate::access) async fn count(
    source: Source<'_>,
    school: SchoolId,
    filter: &DoorFilter,
    most: u32,
) -> Result<u64, DbError> {
    let (which, values) = conditions("r", school, filter);
    let sql = format!(
        "SELECT 1 AS one FROM door_right r LEFT JOIN door_allocation a ON a.school_id = r.school_id \
         AND a.door_group = r.door_group AND a.allocation = r.allocation \
         WHERE r.school_id = $1 AND {IN_FORCE}{which} LIMIT {most}"
    );
    counted(source, &sql, values).await
}

/// Ends a right at an instant.
pub(in crate::access) async fn end(
    tx: &Tx,
    id: DoorRightId,
    until: Timestamp,
) -> Result<(), DbError> {
    let update = async {
        let rows = Rows::new(vec![
            ("id", Column::Uuid(vec![id.uuid()])),
            ("until_at", Column::I64(vec![until.micros()])),
        ]);
        match tx.update_rows("door_right", rows, "until_at = r.until_at").await? {
            1 => Ok(()),
            _ => Err(DbError::Raced { table: "door_right" }),
        }
    };
    RIGHT.changed(tx, &[id.uuid()], update).await
}

/// Deletes some of the rights that ended before an instant, and of those written before it whose
/// allocation is not in force; false if there were none.
pub(in crate::access) async fn delete_old(db: &Db, before: Timestamp) -> Result<bool, DbError> {
    let ended = "SELECT id FROM door_right WHERE until_at < $1 LIMIT 500";
    let replaced = "SELECT r.id FROM door_right r WHERE r.source = 'allocation' \
        AND r.created_at < $1 AND NOT EXISTS (SELECT 1 FROM door_allocation a \
        WHERE a.school_id = r.school_id AND a.door_group = r.door_group \
        AND a.allocation = r.allocation) LIMIT 500";
    let mut deleted = 0;
    for old in [ended, replaced] {
        let sql = format!("DELETE FROM door_right WHERE id IN ({old}) RETURNING id");
        let delete =
            async |tx: &Tx| Source::Tx(tx).select(&sql, vec![before.micros().into()]).await;
        deleted += db.in_tx(delete).await?.len();
    }
    Ok(deleted > 0)
}
