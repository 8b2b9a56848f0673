//! Decides about a code at a door, in one transaction.

use super::{
    Access, AccessError,
    log::{self, AccessEntry, AccessEntryId, AccessWay, DoorDecision, LoggedRead},
    refusal::{AtTheDoor, DoorRefusal, NOT_ITS_USE},
    rights::{self, PassVerdict},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Source, Tx},
    },
    cards::CardStatus,
    events::{DoorRead, Happening, NewEvent},
    passcode::{self, CodePurpose, CodeUse, Scan, ScanRefusal, ScanVerdict, ShownCode},
    schools::{People, Person, School, policy::DoorRules},
    terminals::{
        Terminal, TerminalKind, known,
        seq::{AnsweredRequest, NumberedRequest, SeqCheck, StoredResponse, check_seq},
        write_of,
    },
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// How long after its reading a code may open a door. Longer than any door waits for an answer: a door
/// that opens later opens for somebody else.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

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
    const fn refuse(why: DoorRefusal) -> Self {
        let decision = DoorDecision::Refuse;
        Self { decision, reason: Some(why.code()), name_masked: None, reader: None }
    }
}

/// A code at a door, looked up.
pub(super) struct AtDoor<'a> {
    pub(super) asked: NumberedRequest,
    pub(super) school: Arc<School>,
    pub(super) terminal: &'a Terminal,
    pub(super) scan: Scan,
    pub(super) read_at: Timestamp,
}

/// The rules of the school for this terminal.
pub(super) fn rules_of<'p>(school: &'p School, terminal: &Terminal) -> DoorRules<'p> {
    let group = terminal.door_group.as_deref();
    match terminal.kind {
        TerminalKind::Library => school.policy.doors.desk_rules(group),
        TerminalKind::Gate | TerminalKind::Pos | TerminalKind::Water => {
            school.policy.doors.rules(group)
        }
    }
}

/// What was read and used up for a decision.
struct Facts {
    person: Person,
    used: Option<CodeUse>,
    pass: PassVerdict,
    /// Earlier readings of this code at this door.
    reads: Vec<LoggedRead>,
    now: Timestamp,
}

impl AtDoor<'_> {
    fn group(&self) -> &str {
        self.terminal.door_group.as_deref().unwrap_or_default()
    }

    /// Where a code is good once: an identity code at each group of doors, and at each door that belongs to
    /// none; a payment code everywhere.
    fn scope(&self, shown: &ShownCode) -> String {
        match (shown.purpose, self.terminal.door_group.as_deref()) {
            (CodePurpose::Pay, _) => String::new(),
            (CodePurpose::Id, Some(group)) => group.to_owned(),
            (CodePurpose::Id, None) => self.terminal.id.to_string(),
        }
    }

    /// True if this door used the code itself, so short a time ago that this is the same showing.
    fn is_double_read(&self, reads: &[LoggedRead], now: Timestamp) -> bool {
        let uses = reads.iter().filter(|read| !NOT_ITS_USE.contains(&&*read.reason));
        let first = uses.map(|read| read.at).min();
        first.is_some_and(|at| now < at.plus(self.school.policy.doors.double_read()))
    }
}

impl Access {
    /// Decides, uses the code up, and stores the answer. Nothing is durable until the caller commits.
    pub(super) async fn decide_in(
        &self,
        tx: &Tx,
        door: &AtDoor<'_>,
    ) -> Result<StoredResponse, AccessError> {
        let kept = known(Source::Tx(tx), &[&door.asked]).await?;
        match check_seq(&door.asked, &kept) {
            SeqCheck::First => {}
            SeqCheck::Repeat(answer) => return Ok(answer),
            SeqCheck::Conflict => return Err(AccessError::Conflict),
            SeqCheck::NonceReused => return Err(AccessError::NonceReused),
        }
        let Some(shown) = door.scan.shown() else {
            let why = match door.scan.verdict(None) {
                ScanVerdict::Refused(why, _) => why,
                ScanVerdict::Good(_) | ScanVerdict::DeviceEnded(_) => ScanRefusal::Invalid,
            };
            let view = AccessView::refuse(DoorRefusal::Code(why));
            return keep(tx, door, &view, (None, self.clock.now())).await;
        };
        let facts = self.facts(tx, door, shown).await?;
        let refusal = refusal(tx, door, &facts).await?;
        let view = match refusal {
            Some(why) => AccessView::refuse(why),
            None => self.welcome(tx, door, &facts).await?,
        };
        keep(tx, door, &view, (Some((shown, &facts)), facts.now)).await
    }

    /// Locks the person, uses the code up and reads the rights and the log.
    async fn facts(
        &self,
        tx: &Tx,
        door: &AtDoor<'_>,
        shown: &ShownCode,
    ) -> Result<Facts, AccessError> {
        let person = People::hold(tx, shown.person).await?;
        // Read under the lock, which may have been waited for.
        let now = self.clock.now();
        if now.distance(door.read_at) > DECIDED_WITHIN {
            return Err(AccessError::Late);
        }
        let scope = door.scope(shown);
        let used = passcode::use_up(tx, &[(*shown, &scope)], now).await?;
        let questions = [
            rights::question(&door.school, person.id, door.group()),
            log::reads_question(door.terminal.id.uuid(), shown),
        ];
        let [found, reads] = Source::Tx(tx).ask(questions).await?;
        let pass = if rules_of(&door.school, door.terminal).right_needed {
            rights::verdict(rights::times(tx, &found)?, now)
        } else {
            PassVerdict::Pass
        };
        let (used, reads) = (used.first().copied(), log::reads(&reads)?);
        Ok(Facts { person, used, pass, reads, now })
    }

    async fn welcome(
        &self,
        tx: &Tx,
        door: &AtDoor<'_>,
        facts: &Facts,
    ) -> Result<AccessView, AccessError> {
        let reader = match door.terminal.kind {
            TerminalKind::Library => {
                Some(self.readers.of_held(tx, &facts.person).await?.to_string())
            }
            TerminalKind::Gate | TerminalKind::Pos | TerminalKind::Water => None,
        };
        let name_masked = Some(facts.person.masked_name(&self.names)?);
        Ok(AccessView { decision: DoorDecision::Open, reason: None, name_masked, reader })
    }
}

/// Why the door stays closed. Another reading of one showing is decided like the first, by the person's
/// state as it is now.
async fn refusal(
    tx: &Tx,
    door: &AtDoor<'_>,
    facts: &Facts,
) -> Result<Option<DoorRefusal>, AccessError> {
    let verdict = door.scan.verdict(facts.used);
    let again = match (verdict, door.scan) {
        (ScanVerdict::Refused(ScanRefusal::Used, _), Scan::Good(shown)) => {
            door.is_double_read(&facts.reads, facts.now).then_some(shown)
        }
        (ScanVerdict::Refused(..) | ScanVerdict::Good(_) | ScanVerdict::DeviceEnded(_), _) => None,
    };
    let scan = match again {
        None => verdict,
        Some(shown) if passcode::is_live(tx, &shown, facts.now).await? => ScanVerdict::Good(shown),
        Some(shown) => ScanVerdict::DeviceEnded(shown),
    };
    let status = CardStatus::of(facts.person.standing(), facts.now.day());
    let lost = door.school.policy.loss.stops;
    Ok(AtTheDoor { scan, status, lost, pass: facts.pass }.refusal())
}

/// Stores the answer with its entry in the log. What is the same as at an earlier reading of the code
/// at this door is not logged again: a door may ask ten times a second.
async fn keep(
    tx: &Tx,
    door: &AtDoor<'_>,
    view: &AccessView,
    (about, now): (Option<(&ShownCode, &Facts)>, Timestamp),
) -> Result<StoredResponse, AccessError> {
    let answer = StoredResponse { status: 200, body: serde_json::to_vec(view)? };
    let kept = AnsweredRequest { asked: door.asked.clone(), answer: answer.clone() };
    let (mut entries, mut events) = (Vec::new(), Vec::new());
    if let Some((shown, facts)) = about {
        let (decision, reason) = (view.decision, view.reason.unwrap_or_default());
        let same = |read: &LoggedRead| (read.decision, &*read.reason) == (decision, reason);
        if !facts.reads.iter().any(same) {
            entries.push(entry(door, shown, view, now));
        }
        if facts.used != Some(CodeUse::UsedBefore) {
            let read = told(door, shown, view);
            let what = Happening::DoorRead(read);
            events.push(NewEvent { school: door.school.id, person: shown.person, what, at: now });
        }
    }
    log::add(tx, &entries, vec![write_of(&[kept], now), crate::events::write_of(&events)?]).await?;
    Ok(answer)
}

fn entry(door: &AtDoor<'_>, shown: &ShownCode, view: &AccessView, now: Timestamp) -> AccessEntry {
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
fn told(door: &AtDoor<'_>, shown: &ShownCode, view: &AccessView) -> DoorRead {
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
