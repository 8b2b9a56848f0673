//! The sources of the current time; tests can set it.
//!
//! Signatures and deadlines follow the [`AdjustableClock`]. The schedules of callback retries have
//! a time of their own: see [`crate::callbacks::Callbacks::set_speed`].

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};

use crate::state::lock;

/// A source of the current time.
pub trait Clock: Debug + Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that moves only on demand; for tests of deadlines.
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    pub fn at(start: DateTime<Utc>) -> Self {
        Self(Mutex::new(start))
    }

    /// Advances the time by `step`; a negative step moves it back.
    pub fn advance(&self, step: TimeDelta) {
        *lock(&self.0) += step;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.0)
    }
}

/// The sandbox's own clock: another clock with an offset that can be set.
#[derive(Debug)]
pub struct AdjustableClock {
    base: Arc<dyn Clock>,
    offset: Mutex<TimeDelta>,
}

impl AdjustableClock {
    pub(crate) fn over(base: Arc<dyn Clock>) -> Self {
        Self { base, offset: Mutex::new(TimeDelta::zero()) }
    }

    pub fn now(&self) -> DateTime<Utc> {
        let now = self.base.now();
        now.checked_add_signed(self.offset()).unwrap_or(now)
    }

    /// How far it is ahead of its base.
    pub fn offset(&self) -> TimeDelta {
        *lock(&self.offset)
    }

    pub fn set_offset(&self, offset: TimeDelta) {
        *lock(&self.offset) = offset;
    }
}

impl Clock for AdjustableClock {
    fn now(&self) -> DateTime<Utc> {
        Self::now(self)
    }
}

/// The providers write times with the offset of China, which has one time zone.
const CHINA: FixedOffset = match FixedOffset::east_opt(8 * 3600) {
    Some(offset) => offset,
    None => panic!("eight hours is a valid offset"),
};

pub(crate) fn china(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&CHINA)
}

/// RFC 3339 with seconds and `+08:00`.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    china(at).to_rfc3339_opts(SecondsFormat::Secs, false)
}
