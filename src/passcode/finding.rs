//! Whose code a terminal has read.

use super::{
    Channel, Code, CodeFault, CodeMasters, CodePurpose, EndReason, Enrolment, HandleMatch, Miss,
    Moment, OtpMatch, Prefixes, ShownCode, Skew, Step, Wallet,
    counting::{Counting, Missed},
    directory::{Candidate, Directory},
    match_otp, parse,
    store::{self, devices::DeviceFilter},
};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    kv::Kv,
};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// How long a used code is remembered: until its step is too far away to be even a near miss.
const USED_LIFE: Duration = Duration::from_mins(45);
/// Used codes that a server remembers.
const USED_HERE: u64 = 100_000;

/// Everything that is done with codes beside using them up.
#[derive(Clone, Debug)]
pub struct Codes {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) directory: Arc<Directory>,
    counting: Counting,
    pub(super) kv: Arc<dyn Kv>,
    used_here: Cache<ShownCode, ()>,
}

/// What [`Codes`] is made of.
#[derive(Debug)]
pub struct CodesSetup {
    /// Devices.
    pub db: Db,
    /// Misses.
    pub kv: Arc<dyn Kv>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// From `keys.master`.
    pub masters: CodeMasters,
}

/// Where a code is shown.
#[derive(Clone, Copy, Debug)]
pub struct ScanPlace<'a> {
    /// The terminal's school.
    pub school: SchoolId,
    /// The terminal.
    pub terminal: Uuid,
    /// What codes are wanted.
    pub accepts: &'a [CodePurpose],
    /// The school's.
    pub prefixes: &'a Prefixes,
}

/// Whose code it is, if anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOutcome {
    /// Theirs, now. [`use_up`](super::use_up) decides whether it is good.
    Shown(ShownCode),
    /// Theirs, of another time: refused, and to be used up all the same, because a code that was
    /// shown early must not become good later.
    ClockSkew(ShownCode, Skew),
    /// A code for something else.
    WrongPurpose,
    /// Another wallet's payment code: a slip.
    Foreign(Wallet),
    /// Not 20 digits, or they begin like no code of ours: a slip.
    NotACode,
    /// Nobody's here.
    Invalid(Miss),
    /// Used before, as this server remembers. It saves a transaction: nothing depends on it.
    UsedBefore(ShownCode),
    /// Nothing was looked at: the terminal, or this handle there, has been wrong too often.
    Slowed {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Codes {
    /// Codes of the devices in the database; the table of handles is empty yet.
    pub fn new(parts: CodesSetup) -> Self {
        let CodesSetup { db, kv, clock, masters } = parts;
        let used_here = Cache::builder().max_capacity(USED_HERE).time_to_live(USED_LIFE).build();
        Self {
            directory: Arc::new(Directory::new(db.clone(), Arc::clone(&clock), masters)),
            db,
            clock,
            counting: Counting::new(Arc::clone(&kv)),
            kv,
            used_here,
        }
    }

    /// Whose code a terminal has read, and the miss that the caller is to [`count`](Self::count)
    /// unless it is a repeat. At most one query, and none for a code of a device that is in the
    /// table.
    pub async fn find(
        &self,
        place: &ScanPlace<'_>,
        text: &str,
        now: Timestamp,
    ) -> Result<(ScanOutcome, Option<Missed>), DbError> {
        if let Some(retry_after) = self.counting.wait(place.terminal).await {
            return Ok((ScanOutcome::Slowed { retry_after }, None));
        }
        let code = match parse(text, place.prefixes, place.accepts) {
            Ok(code) => code,
            Err(CodeFault::OtherPurpose(_)) => return Ok((ScanOutcome::WrongPurpose, None)),
            Err(CodeFault::Foreign(wallet)) => return Ok((ScanOutcome::Foreign(wallet), None)),
            Err(CodeFault::NotDigits | CodeFault::Length(_) | CodeFault::UnknownPrefix) => {
                return Ok((ScanOutcome::NotACode, None));
            }
        };
        if let Some(retry_after) = self.counting.rest(place.terminal, code.handle(), now) {
            return Ok((ScanOutcome::Slowed { retry_after }, None));
        }
        let mut found = self.look(place.school, &code, now);
        if found.is_none() {
            self.directory.catch_up(place.school).await?;
            found = self.look(place.school, &code, now);
        }
        let Some(fit) = found else {
            let missed = self.miss(place, &code, now);
            return Ok((ScanOutcome::Invalid(missed.miss), Some(missed)));
        };
        Ok((self.judged(fit), None))
    }

    /// Counts a miss.
    pub async fn count(&self, missed: Missed, now: Timestamp) {
        self.counting.count(missed, now).await;
    }

    /// Whose code it is, by the table as it stands.
    fn look(&self, school: SchoolId, code: &Code, now: Timestamp) -> Option<Fit> {
        first_that_fits(self.directory.candidates(school, code), code, now)
    }

    fn judged(&self, Fit { shown, skew }: Fit) -> ScanOutcome {
        if let Some(skew) = skew {
            ScanOutcome::ClockSkew(shown, skew)
        } else if self.used_here.contains_key(&shown) {
            ScanOutcome::UsedBefore(shown)
        } else {
            ScanOutcome::Shown(shown)
        }
    }

    fn miss(&self, place: &ScanPlace<'_>, code: &Code, now: Timestamp) -> Missed {
        let elsewhere = self.directory.elsewhere(place.school, code);
        let here = self.directory.candidates(place.school, code);
        let step = here.first().map(|candidate| candidate.handle_match.enrolment.step);
        let miss = if first_that_fits(elsewhere, code, now).is_some() {
            Miss::OtherSchool
        } else if step.is_some() {
            Miss::WrongOtp
        } else {
            Miss::UnknownHandle
        };
        let (terminal, handle) = (place.terminal, code.handle());
        Missed { terminal, handle, step: step.unwrap_or(Step::DEFAULT), miss }
    }

    /// After the commit: remembers that payment codes were used, so that a replay at this server is
    /// refused before it reaches the database; one at another server is refused there. Of identity
    /// codes nothing is remembered: doors use a code once for each group.
    pub fn remember_used(&self, used: &[ShownCode]) {
        for shown in used.iter().filter(|shown| shown.purpose == CodePurpose::Pay) {
            self.used_here.insert(*shown, ());
        }
    }
}

/// A device's own code.
struct Fit {
    shown: ShownCode,
    /// How far from its time, where it is too far.
    skew: Option<Skew>,
}

/// The device whose one-time part it is.
fn first_that_fits(candidates: Vec<Candidate>, code: &Code, now: Timestamp) -> Option<Fit> {
    candidates.into_iter().find_map(|Candidate { handle_match, key }| {
        let HandleMatch { enrolment, epoch } = handle_match;
        let (moment, skew) = match match_otp(&key, epoch, code.otp(), enrolment.step.tick(now)) {
            OtpMatch::Good(moment) => (moment, None),
            OtpMatch::NearMiss(moment, skew) => (moment, Some(skew)),
            OtpMatch::Wrong => return None,
        };
        Some(Fit { shown: shown(&enrolment, code, moment), skew })
    })
}

fn shown(enrolment: &Enrolment, code: &Code, moment: Moment) -> ShownCode {
    let Enrolment { device, person, school, step, generation, .. } = *enrolment;
    let (purpose, Moment { tick, sub }) = (code.purpose(), moment);
    ShownCode { device, generation, person, school, purpose, step, tick, sub }
}

/// Ends all live devices of a person, whatever the channel; answers how many. Once this has
/// committed no code of theirs is used up as good; a use that is being decided is waited for.
pub async fn end_devices(
    tx: &Tx,
    person: PersonId,
    why: EndReason,
    now: Timestamp,
) -> Result<u64, DbError> {
    store::devices::end(tx, person, DeviceFilter::All, why, now).await
}

/// As [`end_devices`], those of one channel.
pub async fn end_devices_of(
    tx: &Tx,
    (person, channel): (PersonId, Channel),
    why: EndReason,
    now: Timestamp,
) -> Result<u64, DbError> {
    store::devices::end(tx, person, DeviceFilter::Channel(channel), why, now).await
}
