//! What members of staff do about doors: rights of single persons, and the log.
//!
//! Invariant: a right is added or ended under the lock of the person, so that a door decides before or
//! after it.
//! Invariant: each reading of the log is an entry of the audit log, in the transaction that reads; a file of
//! it is one entry, without which there is none.

use super::{
    listing::{DoorFilter, DoorNarrow},
    log::LoggedAccess,
    rights::{DoorRight, DoorRightId, DoorTimes, RightSource},
    store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        db::{DbError, Keyset, Source, Tx, TxError},
        ids::{PersonId, SchoolId},
    },
    schools::People,
    terminals::DoorGroup,
};
use uuid::Uuid;

/// The most rights that staff give one person at one group.
const MAX_RIGHTS: usize = 20;

/// Why a right was not changed.
#[derive(Debug, thiserror::Error)]
pub enum DoorRightError {
    /// No such right or person at the school.
    #[error("no such right")]
    NotFound,
    /// The right is the allocation's, which the next import would bring back.
    #[error("the right is an allocation's")]
    Allocated,
    /// The person has too many rights at these doors.
    #[error("too many rights")]
    TooMany,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for DoorRightError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NotFound | Self::Allocated | Self::TooMany => None,
        }
    }
}

/// Gives somebody a right. One that there is already, from then on or earlier, is the same.
pub async fn give(
    tx: &Tx,
    (school, person): (SchoolId, PersonId),
    (group, times): (&DoorGroup, DoorTimes),
    now: Timestamp,
) -> Result<DoorRight, DoorRightError> {
    let held = People::hold(tx, person).await?;
    if held.school != school {
        return Err(DoorRightError::NotFound);
    }
    let of_person = store::rights::of_person(tx.into(), school, person, now).await?;
    let given: Vec<DoorRight> = of_person
        .into_iter()
        .filter(|right| right.source == RightSource::Staff && right.group == *group)
        .collect();
    let covers = |right: &&DoorRight| {
        let DoorTimes { from, until, window } = right.times;
        (until, window) == (times.until, times.window) && from <= times.from
    };
    // Where the request says no beginning, it is now: a repeat begins later than what it repeats.
    if let Some(same) = given.iter().find(covers) {
        return Ok(same.clone());
    }
    if given.len() >= MAX_RIGHTS {
        return Err(DoorRightError::TooMany);
    }
    let (id, source) = (DoorRightId::new(now), RightSource::Staff);
    let right = DoorRight { id, person, group: group.clone(), times, source };
    store::rights::insert(tx, school, std::slice::from_ref(&right), (Uuid::nil(), now)).await?;
    record(tx, school, (AuditAct::DoorRightAdded, &right), now).await?;
    Ok(right)
}

impl DoorRight {
    /// A right of the school that is in force, or ended within a day.
    pub async fn find(
        source: Source<'_>,
        school: SchoolId,
        id: DoorRightId,
    ) -> Result<Self, DoorRightError> {
        store::rights::find(source, school, id).await?.ok_or(DoorRightError::NotFound)
    }
}

/// Ends a right that staff gave; one that has ended stays as it is.
pub async fn end(
    tx: &Tx,
    school: SchoolId,
    id: DoorRightId,
    now: Timestamp,
) -> Result<DoorRight, DoorRightError> {
    let found = DoorRight::find(tx.into(), school, id).await?;
    if found.source == RightSource::Allocation {
        return Err(DoorRightError::Allocated);
    }
    People::hold(tx, found.person).await?;
    // As it is under the lock.
    let mut right = DoorRight::find(tx.into(), school, id).await?;
    if right.times.until.is_some_and(|until| until <= now) {
        return Ok(right);
    }
    let until = right.times.from.max(now);
    store::rights::end(tx, id, until).await?;
    right.times.until = Some(until);
    record(tx, school, (AuditAct::DoorRightEnded, &right), now).await?;
    Ok(right)
}

async fn record(
    tx: &Tx,
    school: SchoolId,
    (act, right): (AuditAct, &DoorRight),
    now: Timestamp,
) -> Result<(), DbError> {
    let DoorTimes { from, until, window } = right.times;
    let until = until.map_or_else(|| "no end".to_owned(), Timestamp::to_rfc3339);
    let subject = format!("person {}", right.person);
    let from = from.to_rfc3339();
    let detail = format!("{}: {from} to {until}, {window}, right {}", right.group, right.id);
    audit::record(tx, &Entry { act, school: Some(school), subject, detail }, now).await
}

impl DoorFilter {
    /// A page of the rights of a school that are in force; those that have ended stay listed for a day.
    pub async fn list(
        source: Source<'_>,
        school: SchoolId,
        filter: &Self,
        page: Keyset,
    ) -> Result<Vec<DoorRight>, DbError> {
        store::rights::list(source, school, filter, page).await
    }

    /// How many of them there are, among the first `most`.
    pub async fn count(
        source: Source<'_>,
        school: SchoolId,
        filter: &Self,
        most: u32,
    ) -> Result<u64, DbError> {
        store::rights::count(source, school, filter, most).await
    }

    /// A page of the entries of the log of a school. The reading is recorded.
    pub async fn read_log(
        tx: &Tx,
        school: SchoolId,
        (filter, page): (&Self, Keyset),
        now: Timestamp,
    ) -> Result<Vec<LoggedAccess>, DbError> {
        let found = Self::log_for_file(tx.into(), school, filter, page).await?;
        let subject =
            filter.person.map_or_else(|| "everybody".to_owned(), |of| format!("person {of}"));
        let doors = filter.group.as_deref().unwrap_or("all");
        let (first, beyond) =
            if page.descending { ("the newest", "after") } else { ("the oldest", "before") };
        let from = page.beyond.map_or_else(|| first.to_owned(), |id| format!("{beyond} {id}"));
        let DoorNarrow { day, decision, .. } = filter.narrow;
        let day = day.map_or_else(String::new, |day| format!(" of {day}"));
        let decision = decision.map_or_else(String::new, |one| format!(", {}", one.code()));
        let detail = format!("doors {doors}{day}{decision}: {} entries, {from}", found.len());
        let entry = Entry { act: AuditAct::AccessLogRead, school: Some(school), subject, detail };
        audit::record(tx, &entry, now).await?;
        Ok(found)
    }

    /// The same for a file: taking it away is an entry of the audit log, without which there is no file.
    pub async fn log_for_file(
        source: Source<'_>,
        school: SchoolId,
        filter: &Self,
        page: Keyset,
    ) -> Result<Vec<LoggedAccess>, DbError> {
        store::log::list(source, school, filter, page).await
    }

    /// How many entries there are, among the first `most`.
    pub async fn count_log(
        source: Source<'_>,
        school: SchoolId,
        filter: &Self,
        most: u32,
    ) -> Result<u64, DbError> {
        store::log::count(source, school, filter, most).await
    }
}
