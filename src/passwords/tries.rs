//! Attempt limits for passwords, as pure functions of the counts.

use crate::base::clock::Timestamp;
use std::time::Duration;

/// The count of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// The number of attempts.
    pub counted: i64,
    /// The time of the first attempt.
    pub first_at: Timestamp,
    /// The time of the last attempt.
    pub last_at: Timestamp,
}

/// A limit of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// After [`FREE_TRIES`], the wait before each attempt is twice as long as the previous one. The
    /// count restarts after a day without attempts.
    Growing,
    /// At most this many in a day, which starts with the first.
    Daily(i64),
}

/// Failed attempts without a wait.
pub const FREE_TRIES: i64 = 5;
/// The first wait.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_hours(4);
/// The lifetime of a count.
pub const DAY: Duration = Duration::from_hours(24);

/// The time to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Limit {
    /// Counts an attempt at `now`, or returns how long to wait.
    pub fn count(self, before: Option<Tries>, now: Timestamp) -> Result<Tries, Wait> {
        let Some(before) = before.filter(|tries| self.remembers(tries, now)) else {
            return Ok(Tries { counted: 1, first_at: now, last_at: now });
        };
        let free_at = match self {
            // Of two concurrent attempts, the one counted last may have the earlier time.
            Self::Growing if before.counted < FREE_TRIES => now,
            Self::Growing => before.last_at.plus(wait_after(before.counted)),
            Self::Daily(most) if before.counted < most => now,
            Self::Daily(_) => before.first_at.plus(DAY),
        };
        if now < free_at {
            return Err(Wait(now.distance(free_at)));
        }
        Ok(Tries { counted: before.counted.saturating_add(1), last_at: now, ..before })
    }

    pub(super) fn remembers(self, tries: &Tries, now: Timestamp) -> bool {
        let since = match self {
            Self::Growing => tries.last_at,
            Self::Daily(_) => tries.first_at,
        };
        tries.counted > 0 && now < since.plus(DAY)
    }
}

fn wait_after(failed: i64) -> Duration {
    let over = failed.saturating_sub(FREE_TRIES);
    if over < 0 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(over).unwrap_or(u32::MAX);
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_767_232_800);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    #[test]
    fn waits_grow_from_a_minute_to_four_hours() {
        let cases = [
            (0, 0),
            (1, 0),
            (4, 0),
            (5, 1),
            (6, 2),
            (7, 4),
            (8, 8),
            (12, 128),
            (13, 240),
            (14, 240),
            (60, 240),
            (i64::MAX, 240),
        ];
        for (failed, wait) in cases {
            assert_eq!(wait_after(failed), minutes(wait), "{failed}");
        }
    }

    /// A caller that tries again as soon as it is allowed.
    #[test]
    fn one_identity_has_seventeen_attempts_in_its_first_day() {
        let (mut tries, mut now, mut made) = (None, START, 0);
        while now < START.plus(DAY) {
            match Limit::Growing.count(tries, now) {
                Ok(counted) => (tries, made) = (Some(counted), made + 1),
                Err(Wait(wait)) => now = now.plus(wait),
            }
        }
        assert_eq!(made, 17);
    }

    #[test]
    fn a_day_starts_with_its_first_attempt() {
        let limit = Limit::Daily(2);
        let first = limit.count(None, START).unwrap();
        let second = limit.count(Some(first), at(3600)).unwrap();
        assert_eq!((second.counted, second.first_at, second.last_at), (2, START, at(3600)));
        assert_eq!(limit.count(Some(second), at(3600)), Err(Wait(minutes(23 * 60))));
        assert_eq!(limit.count(Some(second), at(86_399)), Err(Wait(Duration::from_secs(1))));
        assert_eq!(limit.count(Some(second), at(86_400)).unwrap().counted, 1);
    }

    /// Each reads the clock before it waits for the row's lock.
    #[test]
    fn concurrent_attempts_do_not_cause_a_wait() {
        for limit in [Limit::Growing, Limit::Daily(2)] {
            let first = limit.count(None, at(10)).unwrap();
            assert_eq!(limit.count(Some(first), at(9)).map(|tries| tries.counted), Ok(2));
        }
    }

    #[test]
    fn a_day_without_attempts_resets_the_count() {
        let tries = Tries { counted: 40, first_at: START, last_at: at(1000) };
        assert!(Limit::Growing.count(Some(tries), at(1000)).is_err());
        assert_eq!(Limit::Growing.count(Some(tries), at(87_399)).unwrap().counted, 41);
        assert_eq!(Limit::Growing.count(Some(tries), at(87_400)).unwrap().counted, 1);
        let given_back = Tries { counted: 0, ..tries };
        assert_eq!(Limit::Daily(1).count(Some(given_back), at(1000)).unwrap().counted, 1);
    }
}
