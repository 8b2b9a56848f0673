//! Decisions without locks, for the common case: a code that is good, shown for the first time, by
//! somebody who may pass. One statement reads, each request is decided on what was read, and one
//! statement, which is its own transaction, writes if nothing changed in between. Whoever is not let in
//! by it, for whatever reason, is decided [`under_lock`](super::under_lock), which knows what was before
//! and answers it.
//!
//! Lanes gather requests, as they do charges. Concurrent changes, and what rejects the writes of a batch
//! then (`docs/adr/0040`):
//!
//! | concurrent change | what rejects the write |
//! | --- | --- |
//! | the standing: a card that ends, is lost or dormant | the person's row, held and compared |
//! | staff end the right | the row of the right, held and compared |
//! | another allocation is in force | the group's row, compared |
//! | the code is used; the device has ended | the guard of the insert that uses the code |
//! | the number or the nonce is used | the unique keys and the guard of the answers |
//! | an event of the person is added | the unique key of the events |
//! | the terminal is withdrawn | its row, held and compared |
//! | time: a lock was waited for too long | the deadline |
//!
//! Rows are held in this order, which is that of all others: the terminal, the person, the right, the device.

use super::{
    AccessError,
    decide::{AccessView, Decided, Facts},
    log,
    readers::{self, Reader},
    request::DoorRequest,
    rights::{self, PassVerdict, RightInForce},
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::seal::Sealer,
        db::{Db, DbError, Deadline, Source, TxError, Write},
        ids::PersonId,
        lane::Batch,
        write_point,
    },
    events::{self, NewEvent},
    passcode::{self, CodeUse, Scan, ShownCode},
    schools::{People, PersonSummary},
    terminals::{
        Accepted,
        seq::{AnsweredRequest, StoredResponse},
        write_of_first,
    },
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// Lets people pass, in lanes.
#[derive(Debug)]
pub struct Passing {
    /// The database; it can lock rows.
    pub db: Db,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Opens names, to show them masked.
    pub names: Sealer,
}

#[async_trait(?Send)]
impl Batch for Passing {
    type Request = DoorRequest;
    /// `None` where nothing was decided.
    type Answer = Option<StoredResponse>;
    type Error = AccessError;

    async fn run(
        &self,
        requests: &[DoorRequest],
    ) -> Result<Vec<Option<StoredResponse>>, AccessError> {
        write_point::within("access", self.pass(requests)).await
    }

    fn is_unreachable(error: &AccessError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

/// A request whose code may be good.
#[derive(Debug)]
struct Candidate<'a> {
    nth: usize,
    door: &'a DoorRequest,
    shown: ShownCode,
    scope: String,
}

/// Everything that was read.
struct AsRead {
    persons: HashMap<PersonId, PersonSummary>,
    rights: Vec<RightInForce>,
    /// For each candidate, whether it is the first to use its code.
    first: Vec<bool>,
    readers: HashMap<PersonId, Reader>,
    until: Deadline,
}

/// Somebody who may pass, by what was read.
struct Pass<'a> {
    of: &'a Candidate<'a>,
    person: &'a PersonSummary,
    /// By which they may; `None` where nobody needs one.
    right: Option<&'a RightInForce>,
    decided: Decided,
}

impl Passing {
    /// The most requests of a commit.
    pub const BATCH: usize = 64;

    async fn pass(
        &self,
        requests: &[DoorRequest],
    ) -> Result<Vec<Option<StoredResponse>>, AccessError> {
        let mut answers: Vec<Option<StoredResponse>> = vec![None; requests.len()];
        let now = self.clock.now();
        let candidates = candidates(requests, now);
        let Some(read) = self.read(&candidates).await? else { return Ok(answers) };
        let mut passes = Vec::with_capacity(candidates.len());
        for (candidate, first) in candidates.iter().zip(&read.first) {
            if *first {
                passes.extend(self.decide(candidate, &read, now)?);
            }
        }
        if passes.is_empty() {
            return Ok(answers);
        }
        match self.db.write_at_once(writes(&passes, now)?, Some(read.until)).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "decisions of doors retried under locks");
                return Ok(answers);
            }
            Err(error) => return Err(error.into()),
        }
        for Pass { of, decided, .. } in passes {
            if let Some(answer) = answers.get_mut(of.nth) {
                *answer = Some(decided.answer.answer);
            }
        }
        Ok(answers)
    }

    /// Reads what decides; `None` if there is nothing to decide, or no time left for it.
    async fn read(&self, candidates: &[Candidate<'_>]) -> Result<Option<AsRead>, AccessError> {
        if candidates.is_empty() {
            return Ok(None);
        }
        let persons = distinct(candidates.iter());
        let at_desks = candidates.iter().filter(|c| DoorRequest::tells_reader(&c.door.terminal));
        let shown: Vec<ShownCode> = candidates.iter().map(|candidate| candidate.shown).collect();
        let uses = candidates.iter().map(|candidate| (candidate.shown, candidate.scope.as_str()));
        let uses: Vec<(ShownCode, &str)> = uses.collect();
        let with_right = candidates.iter().filter(|candidate| candidate.door.needs_right());
        let questions = [
            People::authentic_question(&persons),
            rights::questions(
                with_right.map(|c| (c.door.school.id, c.shown.person, c.door.group())),
            ),
            ShownCode::uses_question(&shown),
            readers::question(&distinct(at_desks)),
            Deadline::question(),
        ];
        let source = Source::Db(&self.db);
        let [persons, rights, before, readers, time] = source.ask(questions).await?;
        // The clock after the answer: the read may have waited for a connection.
        let Some(left) = shortest(candidates, self.clock.now()) else { return Ok(None) };
        Ok(Some(AsRead {
            persons: People::authentic(source.macs(), &persons)?,
            rights: rights::in_force(source.macs(), &rights)?,
            first: ShownCode::are_first(&uses, &before)?,
            readers: readers::readers(&readers)?,
            until: Deadline::after(&time, left)?,
        }))
    }

    /// `None` for whom the door stays closed, and for a reader who has no pseudonym yet.
    fn decide<'a>(
        &self,
        candidate: &'a Candidate<'a>,
        read: &'a AsRead,
        now: Timestamp,
    ) -> Result<Option<Pass<'a>>, AccessError> {
        let Candidate { door, shown, .. } = candidate;
        let Some(person) = read.persons.get(&shown.person) else { return Ok(None) };
        let right = rights::passing(candidate.rights(&read.rights), now);
        let pass = match right {
            None if door.needs_right() => PassVerdict::NoRight,
            None | Some(_) => PassVerdict::Pass,
        };
        let used = CodeUse::Fresh;
        let facts = Facts { person: person.clone(), used, pass, reads: Vec::new(), now };
        let scan = door.scan.verdict(Some(used));
        let tells = DoorRequest::tells_reader(&door.terminal);
        let reader = read.readers.get(&shown.person).filter(|_| tells);
        if facts.refusal(door, scan).is_some() || (tells && reader.is_none()) {
            return Ok(None);
        }
        let view = AccessView::open(person, &self.names, reader)?;
        let decided = Decided::of(door, &view, Some((shown, &facts)), now)?;
        Ok(Some(Pass { of: candidate, person, right, decided }))
    }
}

impl Candidate<'_> {
    /// The rights among these that are the person's, for this door; none where nobody needs one.
    fn rights<'r>(&self, all: &'r [RightInForce]) -> impl Iterator<Item = &'r RightInForce> {
        let (door, person) = (self.door, self.shown.person);
        all.iter().filter(move |found| {
            let RightInForce { school, right, .. } = found;
            door.needs_right()
                && (*school, right.person, &*right.group) == (door.school.id, person, door.group())
        })
    }
}

/// The requests that may be usual and are in time.
fn candidates(requests: &[DoorRequest], now: Timestamp) -> Vec<Candidate<'_>> {
    let mut candidates = Vec::with_capacity(requests.len());
    for (nth, door) in requests.iter().enumerate() {
        if let (Scan::Good(shown), Some(_)) = (door.scan, door.left(now)) {
            candidates.push(Candidate { nth, door, shown, scope: door.scope(&shown) });
        }
    }
    candidates
}

fn distinct<'a>(candidates: impl Iterator<Item = &'a Candidate<'a>>) -> Vec<PersonId> {
    let persons: HashSet<PersonId> = candidates.map(|candidate| candidate.shown.person).collect();
    persons.into_iter().collect()
}

/// How long the batch may wait for its write; `None` if that is over for one of them.
fn shortest(candidates: &[Candidate<'_>], now: Timestamp) -> Option<Duration> {
    let left = candidates.iter().map(|candidate| candidate.door.left(now));
    left.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// All that is written if all that was read is as it was; in the order in which rows are held.
fn writes(passes: &[Pass<'_>], now: Timestamp) -> Result<Vec<Write>, DbError> {
    let mut passes: Vec<&Pass<'_>> = passes.iter().collect();
    passes.sort_unstable_by_key(|pass| pass.person.person);
    let persons: Vec<&PersonSummary> = passes.iter().map(|pass| pass.person).collect();
    let rights: Vec<&RightInForce> = passes.iter().filter_map(|pass| pass.right).collect();
    let uses = passes.iter().map(|pass| (pass.of.shown, pass.of.scope.as_str()));
    let uses: Vec<(ShownCode, &str)> = uses.collect();
    let decided = || passes.iter().map(|pass| &pass.decided);
    let answers: Vec<AnsweredRequest> = decided().map(|decided| decided.answer.clone()).collect();
    let entries: Vec<_> = decided().filter_map(|decided| decided.entry.clone()).collect();
    let told: Vec<NewEvent> = decided().filter_map(|decided| decided.event.clone()).collect();
    let [held, named] = rights::unchanged(&rights);
    let doors = passes.iter().map(|pass| pass.of.door.terminal.accepted());
    let doors: Vec<Accepted> = doors.collect();
    Ok(vec![
        Accepted::unchanged(&doors),
        People::unchanged(&persons),
        held,
        named,
        passcode::write_of_first(&uses, now),
        write_of_first(&answers, now),
        log::write_of(&entries),
        events::write_of(&told)?,
    ])
}
