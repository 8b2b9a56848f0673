//! Finds the device that showed a scanned code.

use super::{
    Code, CodeFault, CodeMasters, CodePurpose, EndReason, Enrolment, HandleMatch, Miss, Moment,
    OtpMatch, Prefixes, ShownCode, Skew, Step, Wallet,
    counting::{Counting, Missed},
    directory::{Candidate, Directory},
    match_otp, parse,
    store::{self, devices::DeviceFilter},
};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Authority, Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    kv::Kv,
};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// How long used codes are remembered: until their step is outside the window of near misses.
const USED_LIFE: Duration = Duration::from_mins(45);
/// The number of used codes that a server remembers.
const USED_HERE: u64 = 100_000;

/// All operations on codes and devices, except using codes up.
#[derive(Clone, Debug)]
pub struct Codes {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) directory: Arc<Directory>,
    counting: Counting,
    pub(super) kv: Arc<dyn Kv>,
    used_here: Cache<ShownCode, ()>,
}

/// The dependencies of [`Codes`].
#[derive(Debug)]
pub struct CodesSetup {
    /// The database of devices.
    pub db: Db,
    /// For counts of failed scans.
    pub kv: Arc<dyn Kv>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The master keys, from `keys.master`.
    pub masters: CodeMasters,
}

/// Where a code is scanned.
#[derive(Clone, Copy, Debug)]
pub struct ScanPlace<'a> {
    /// The terminal's school.
    pub school: SchoolId,
    /// The terminal.
    pub terminal: Uuid,
    /// The accepted purposes.
    pub accepts: &'a [CodePurpose],
    /// The school's prefixes.
    pub prefixes: &'a Prefixes,
}

/// The result of looking up a scanned code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOutcome {
    /// A code of a person at this moment. [`use_up`](super::use_up) decides whether it is valid.
    Shown(ShownCode),
    /// A code of a person at another moment. It is refused and must be used up all the same, since
    /// a code that was shown early must not become valid later.
    ClockSkew(ShownCode, Skew),
    /// A code for another purpose.
    WrongPurpose,
    /// Another wallet's payment code. Not counted as a guess.
    Foreign(Wallet),
    /// Not 20 digits, or an unknown prefix. Not counted as a guess.
    NotACode,
    /// No device of the school shows this code.
    Invalid(Miss),
    /// Used before, as far as this server remembers. An optimisation that saves a transaction.
    UsedBefore(ShownCode),
    /// Not looked up: too many failed scans at the terminal, or of this handle at the terminal.
    Slowed {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Codes {
    /// The tables whose rows carry a MAC.
    pub const AUTHORITY: &[&Authority] = &[&store::authentic::DEVICE];

    /// Looks codes up in the devices of `db`; the table of handles is still empty.
    pub fn new(setup: CodesSetup) -> Self {
        let CodesSetup { db, kv, clock, masters } = setup;
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

    /// Looks up the device that showed a code. A scan is counted as failed before its code is
    /// compared, and taken back if it was none. Also returns the failed scan, of which the caller
    /// tells other servers by [`share`](Self::share), or takes it back by
    /// [`forgive`](Self::forgive) if the request is a repeat. At most one query, and none if the
    /// device is in the table.
    pub async fn find(
        &self,
        place: &ScanPlace<'_>,
        text: &str,
        now: Timestamp,
    ) -> Result<(ScanOutcome, Option<Missed>), DbError> {
        let parsed = parse(text, place.prefixes, place.accepts);
        // After a start many wait here for one query; none of them was compared with anything.
        let loaded = match &parsed {
            Ok(code) => self.directory.load(place.school, code).await?,
            Err(_) => false,
        };
        let handle = parsed.as_ref().ok().map(Code::handle);
        if let Err(retry_after) = self.counting.admit(place.terminal, handle, now).await {
            return Ok((ScanOutcome::Slowed { retry_after }, None));
        }
        let code = match parsed {
            Ok(code) => code,
            Err(fault) => return Ok((no_code(&fault), None)),
        };
        let found = self.search(place.school, &code, loaded, now).await;
        if !matches!(found, Ok(None)) {
            // Found, or the database failed: neither is a guess.
            self.counting.take_back(place.terminal, code.handle());
        }
        if let Some(fit) = found? {
            return Ok((self.judged(fit), None));
        }
        let missed = self.miss(place, &code, now);
        self.counting.keep(&missed, now);
        Ok((ScanOutcome::Invalid(missed.miss), Some(missed)))
    }

    /// Tells other servers of a failed scan.
    pub async fn share(&self, missed: Missed, now: Timestamp) {
        self.counting.share(missed, now).await;
    }

    /// Takes a failed scan back.
    pub fn forgive(&self, missed: &Missed) {
        self.counting.forgive(missed);
    }

    /// Looks the code up in the table, and again after reading what other servers changed, unless the
    /// school was read just now.
    async fn search(
        &self,
        school: SchoolId,
        code: &Code,
        loaded: bool,
        now: Timestamp,
    ) -> Result<Option<Fit>, DbError> {
        let found = self.look(school, code, now);
        if found.is_some() || loaded {
            return Ok(found);
        }
        self.directory.catch_up(school).await?;
        Ok(self.look(school, code, now))
    }

    /// Looks the code up in the table as it is now.
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

    /// Remembers used payment codes after the commit, so that a replay at this server is refused
    /// without a transaction; at another server the database refuses it. Identity codes are not
    /// remembered: each door group may use a code once.
    pub fn remember_used(&self, used: &[ShownCode]) {
        for shown in used.iter().filter(|shown| shown.purpose == CodePurpose::Pay) {
            self.used_here.insert(*shown, ());
        }
    }
}

/// The outcome of a text that is no code of this purpose.
const fn no_code(fault: &CodeFault) -> ScanOutcome {
    match *fault {
        CodeFault::OtherPurpose(_) => ScanOutcome::WrongPurpose,
        CodeFault::Foreign(wallet) => ScanOutcome::Foreign(wallet),
        CodeFault::NotDigits | CodeFault::Length(_) | CodeFault::UnknownPrefix => {
            ScanOutcome::NotACode
        }
    }
}

/// A code that matches a device.
struct Fit {
    shown: ShownCode,
    /// Its distance from the current step, if it is outside the window.
    skew: Option<Skew>,
}

/// The first device whose one-time part matches.
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

/// Ends all live devices of a person on all channels; returns how many. After the commit no code of
/// the person can be used; uses in progress are waited for.
pub async fn end_devices(
    tx: &Tx,
    person: PersonId,
    why: EndReason,
    now: Timestamp,
) -> Result<u64, DbError> {
    store::devices::end(tx, person, DeviceFilter::All, why, now).await
}
