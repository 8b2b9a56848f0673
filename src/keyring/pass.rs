//! Whether a person may pass, and the access log of doors that open from the phone.

use super::{DoorLock, Opening, OpeningId, OpeningState};
use crate::{
    access::{
        PassRefusal,
        log::{self, AccessEntry, AccessEntryId, AccessWay, DoorDecision},
        rights,
    },
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    cards::CardStatus,
    schools::{Person, School},
};

/// Why a held person may not pass; `None` if they may.
pub(super) async fn refusal(
    tx: &Tx,
    school: &School,
    person: &Person,
    lock: &DoorLock,
    now: Timestamp,
) -> Result<Option<PassRefusal>, DbError> {
    if let Some(refusal) = of_standing(school, person, now) {
        return Ok(Some(refusal));
    }
    let pass = rights::may_pass(tx, school, person.id, &lock.group, now).await?;
    Ok(PassRefusal::of_rights(pass))
}

/// Why a person's card keeps them out of every door. Where a report stops the card alone, the phone
/// goes on to open doors, as its codes do.
pub(super) fn of_standing(school: &School, person: &Person, now: Timestamp) -> Option<PassRefusal> {
    let status = CardStatus::of(person.standing(), now.day());
    status.stopped(school.policy.loss.stops).map(PassRefusal::Account)
}

/// Adds an attempt to the access log, under its own id.
pub(super) async fn log(tx: &Tx, opening: &Opening, lock: &DoorLock) -> Result<(), DbError> {
    let (decision, reason) = said(opening.state);
    let entry = AccessEntry {
        id: AccessEntryId::from_uuid(opening.id.uuid()),
        school: opening.school,
        person: opening.person,
        group: lock.group.to_string(),
        way: AccessWay::Phone,
        place: lock.id.uuid(),
        decision,
        reason,
        shown: None,
        at: opening.created_at,
    };
    tx.write_all(vec![log::write_of(&[entry])]).await
}

/// Says in the access log how an attempt ended.
pub(super) async fn log_end(tx: &Tx, id: OpeningId, state: OpeningState) -> Result<(), DbError> {
    let (decision, reason) = said(state);
    log::end(tx, AccessEntryId::from_uuid(id.uuid()), decision, reason).await
}

const fn said(state: OpeningState) -> (DoorDecision, &'static str) {
    match state {
        OpeningState::Unknown => (DoorDecision::Unknown, ""),
        OpeningState::Opened => (DoorDecision::Open, ""),
        OpeningState::Refused(refusal) => (DoorDecision::Refuse, refusal.code()),
    }
}
