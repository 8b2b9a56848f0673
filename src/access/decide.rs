//! Decides about a code at a door by what was read, free of I/O. It does not depend on whether that was
//! read under the lock of the person.

use super::{
    AccessError,
    log::{AccessEntry, AccessEntryId, AccessWay, DoorDecision, LoggedRead},
    readers::Reader,
    refusal::{AtTheDoor, DoorRefusal},
    request::DoorRequest,
    rights::PassVerdict,
};
use crate::{
    base::{clock::Timestamp, crypto::seal::Sealer},
    cards::CardStatus,
    events::{DoorRead, Happening, NewEvent},
    passcode::{CodeUse, ScanVerdict, ShownCode},
    schools::PersonSummary,
    terminals::seq::{AnsweredRequest, StoredResponse},
};
use serde::Serialize;

/// The decision about a code at a door or a desk.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccessView {
    /// `open` or `refuse`.
    decision: DoorDecision,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The masked name of who may pass: `**明`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_masked: Option<String>,
    /// At a library's desk, the reader: a pseudonym that belongs to this library alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    reader: Option<String>,
}

impl AccessView {
    pub(super) const fn refuse(why: DoorRefusal) -> Self {
        let decision = DoorDecision::Refuse;
        Self { decision, reason: Some(why.code()), name_masked: None, reader: None }
    }

    /// For who may pass; at a library's desk with the reader.
    pub(super) fn open(
        person: &PersonSummary,
        names: &Sealer,
        reader: Option<&Reader>,
    ) -> Result<Self, AccessError> {
        let name_masked = Some(person.masked_name(names)?);
        let reader = reader.map(ToString::to_string);
        Ok(Self { decision: DoorDecision::Open, reason: None, name_masked, reader })
    }
}

/// What was read for a decision.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) person: PersonSummary,
    /// What using the code up came to.
    pub(super) used: CodeUse,
    pub(super) pass: PassVerdict,
    /// Earlier readings of this code at this door.
    pub(super) reads: Vec<LoggedRead>,
    pub(super) now: Timestamp,
}

impl Facts {
    /// Why the door stays closed for a scan that came to this.
    pub(super) fn refusal(&self, door: &DoorRequest, scan: ScanVerdict) -> Option<DoorRefusal> {
        let status = CardStatus::of(self.person.standing, self.now.day());
        let lost = door.school.policy.loss.stops;
        AtTheDoor { scan, status, lost, pass: self.pass }.refusal()
    }
}

/// A decision as it is to be kept: the answer, its entry in the log, and what the phone is told.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) answer: AnsweredRequest,
    pub(super) entry: Option<AccessEntry>,
    pub(super) event: Option<NewEvent>,
    pub(super) at: Timestamp,
}

impl Decided {
    /// What is the same as at an earlier reading of the code at this door is not logged again: a door may
    /// ask ten times a second.
    pub(super) fn of(
        door: &DoorRequest,
        view: &AccessView,
        about: Option<(&ShownCode, &Facts)>,
        at: Timestamp,
    ) -> Result<Self, AccessError> {
        let answer = StoredResponse { status: 200, body: serde_json::to_vec(view)? };
        let answer = AnsweredRequest { asked: door.asked.clone(), answer };
        let Some((shown, facts)) = about else {
            return Ok(Self { answer, entry: None, event: None, at });
        };
        let (decision, reason) = (view.decision, view.reason.unwrap_or_default());
        let same = |read: &LoggedRead| (read.decision, &*read.reason) == (decision, reason);
        let logged = facts.reads.iter().any(same);
        let entry = (!logged).then(|| entry(door, shown, view, at));
        let event = (facts.used != CodeUse::UsedBefore).then(|| {
            let what = Happening::DoorRead(told(door, shown, view));
            NewEvent { school: door.school.id, person: shown.person, what, at }
        });
        Ok(Self { answer, entry, event, at })
    }
}

fn entry(door: &DoorRequest, shown: &ShownCode, view: &AccessView, now: Timestamp) -> AccessEntry {
    AccessEntry {
        id: AccessEntryId::new(now),
        school: door.school.id,
        person: shown.person,
        group: door.group().to_owned(),
        way: AccessWay::Code,
        place: door.terminal.id.uuid(),
        decision: view.decision,
        reason: view.reason.unwrap_or_default(),
        shown: Some(*shown),
        at: now,
    }
}

/// What the phone is told: the code that it shows is gone.
fn told(door: &DoorRequest, shown: &ShownCode, view: &AccessView) -> DoorRead {
    DoorRead {
        decision: view.decision.code().to_owned(),
        reason: view.reason.map(ToOwned::to_owned),
        door_group: door.group().to_owned(),
        purpose: shown.purpose.as_str().to_owned(),
        generation: shown.generation,
        tick: shown.tick.number(),
        sub: shown.sub.number(),
    }
}
