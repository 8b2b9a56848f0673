//! Instants, days and months, and the [`Clock`] that provides `now`.
//!
//! Instants are whole microseconds since 1970 UTC, the finest resolution that both databases store.
//! They are kept as 64-bit integers, so that both databases compare and sort them alike. Days are
//! calendar days of Asia/Shanghai, which has no daylight saving time.

use chrono::{DateTime, Datelike as _, FixedOffset, Months, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const SHANGHAI_OFFSET_SECONDS: i32 = 8 * 3600;
const SHANGHAI_OFFSET_MICROS: i64 = 8 * 3600 * MICROS_PER_SECOND;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// From microseconds since 1970 UTC, as stored.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since 1970 UTC, as protocols write them.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since 1970 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 UTC.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The instant `by` later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The instant `by` earlier.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How far apart two instants are, whichever is first.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }

    /// The day in Asia/Shanghai.
    pub fn day(self) -> Day {
        let days = self.0.saturating_add(SHANGHAI_OFFSET_MICROS).div_euclid(MICROS_PER_DAY);
        Day(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// The minute of the day in Asia/Shanghai: 0 to 1439.
    pub fn minute_of_day(self) -> u16 {
        let minute = self.distance(self.day().start()).as_secs() / 60;
        u16::try_from(minute).unwrap_or(u16::MAX)
    }

    /// Parses an RFC 3339 time of any offset.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?;
        Ok(Self(time.timestamp_micros()))
    }

    /// RFC 3339 with the offset of Asia/Shanghai and whole seconds, as the campus reads it.
    pub fn to_rfc3339(self) -> String {
        let utc = DateTime::<Utc>::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH);
        match FixedOffset::east_opt(SHANGHAI_OFFSET_SECONDS) {
            Some(shanghai) => {
                utc.with_timezone(&shanghai).to_rfc3339_opts(SecondsFormat::Secs, true)
            }
            None => utc.to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_rfc3339())
    }
}

/// Reads `HH:MM` as a minute of the day, up to `24:00`.
pub fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        two.then(|| digits.parse::<u16>().ok())?
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let whole = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && whole <= 24 * 60).then_some(whole)
}

/// A calendar day of Asia/Shanghai, counted from 1970-01-01. The value date of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

impl Day {
    /// From a count of days since 1970-01-01, as stored.
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its first instant.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * MICROS_PER_DAY - SHANGHAI_OFFSET_MICROS)
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The text is not a valid day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day, as in 2026-11-21")]
pub struct InvalidDay;

/// Accepts `2026-11-21` and no other form, for the years 2000 to 2999; other years are typing
/// errors.
impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| InvalidDay)?;
        // The parser also accepts 2026-7-1.
        if date.to_string() != text || !(2000..=2999).contains(&date.year()) {
            return Err(InvalidDay);
        }
        Ok(Self(date.to_epoch_days()))
    }
}

/// `2026-11-21`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NaiveDate::from_epoch_days(self.0) {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// A calendar month of Asia/Shanghai.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    first: Day,
    last: Day,
}

impl Month {
    /// Its first day.
    pub const fn first(self) -> Day {
        self.first
    }

    /// Its last day.
    pub const fn last(self) -> Day {
        self.last
    }
}

/// Accepts `2026-11` and no other form, for the same years as [`Day`].
impl FromStr for Month {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let first: Day = format!("{text}-01").parse()?;
        let date = NaiveDate::from_epoch_days(first.0).ok_or(InvalidDay)?;
        let next = date.checked_add_months(Months::new(1)).ok_or(InvalidDay)?;
        Ok(Self { first, last: Day(next.to_epoch_days() - 1) })
    }
}

/// Provides the current time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
    fn now(&self) -> Timestamp {
        Timestamp(Utc::now().timestamp_micros())
    }
}

/// A clock that only moves when told to, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward by `by`.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_in_shanghai() {
        let cases = [
            ("2026-01-01T00:00:00+08:00", "2026-01-01"),
            ("2025-12-31T15:59:59Z", "2025-12-31"),
            ("2025-12-31T16:00:00Z", "2026-01-01"),
            ("1969-12-31T15:59:59Z", "1969-12-31"),
        ];
        for (instant, day) in cases {
            assert_eq!(Timestamp::parse_rfc3339(instant).unwrap().day().to_string(), day);
        }
    }

    #[test]
    fn days_round_trip_and_other_forms_are_refused() {
        for text in ["2000-01-01", "2026-11-21", "2028-02-29", "2999-12-31"] {
            let day: Day = text.parse().unwrap();
            assert_eq!(day.to_string(), text);
            assert_eq!(day.start().day(), day);
            assert_eq!(day.next().start().distance(day.start()), Duration::from_hours(24));
            assert_eq!(day.start().to_rfc3339(), format!("{text}T00:00:00+08:00"));
        }
        let bad = ["", "2026-2-1", "2026/02/01", "2026-02-30", "1999-12-31", "3000-01-01"];
        for text in bad.into_iter().chain(["+2026-01-01", "2026-01-01 ", "２０２６-01-01"]) {
            assert_eq!(text.parse::<Day>(), Err(InvalidDay), "{text}");
        }
    }

    #[test]
    fn months_end_on_their_last_day() {
        let cases = [("2026-02", 28), ("2028-02", 29), ("2026-11", 30), ("2026-12", 31)];
        for (text, days) in cases {
            let month: Month = text.parse().unwrap();
            assert_eq!(month.first().to_string(), format!("{text}-01"));
            assert_eq!(month.last().to_string(), format!("{text}-{days}"));
        }
        for text in ["", "2026", "2026-13", "2026-00", "2026-2", "2026-02-01", "1999-12"] {
            assert_eq!(text.parse::<Month>(), Err(InvalidDay), "{text}");
        }
    }

    #[test]
    fn rfc3339_round_trips_and_refuses_other_text() {
        let time = Timestamp::from_seconds(1_767_232_800);
        assert_eq!(time.to_rfc3339(), "2026-01-01T10:00:00+08:00");
        assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()), Ok(time));
        assert_eq!(Timestamp::parse_rfc3339("2026-01-01 10:00"), Err(InvalidTimestamp));
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp::from_seconds(10));
        assert_eq!(clock.now().seconds(), 10);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now().seconds(), 15);
    }
}
