//! How often a query password may be tried: pure rules over what was counted before.

use crate::base::clock::Timestamp;
use std::time::Duration;

/// What one row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// How many tries.
    pub counted: i64,
    /// When the first of them was.
    pub first_at: Timestamp,
    /// When the last of them was.
    pub last_at: Timestamp,
}

/// How tries are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// After [`FREE_TRIES`] each further try waits twice as long as the one before it. A day
    /// without a try makes all forgotten.
    Growing,
    /// So many in a day, which begins with the first.
    Daily(i64),
}

/// Failed tries that cost no waiting.
pub const FREE_TRIES: i64 = 5;
/// The wait after the last free one.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_hours(4);
/// No count lives longer.
pub const DAY: Duration = Duration::from_hours(24);

/// Not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Limit {
    /// One try more at the instant `now`, or how long to wait for it.
    pub fn count(self, before: Option<Tries>, now: Timestamp) -> Result<Tries, Wait> {
        let Some(before) = before.filter(|tries| self.remembers(tries, now)) else {
            return Ok(Tries { counted: 1, first_at: now, last_at: now });
        };
        let free_at = match self {
            // Of two at once, the one that was counted last may bear the earlier time.
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

    fn remembers(self, tries: &Tries, now: Timestamp) -> bool {
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

    /// Somebody who tries again the moment it is allowed.
    #[test]
    fn one_identity_has_seventeen_tries_in_its_first_day() {
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
    fn a_day_is_counted_from_its_first_try() {
        let limit = Limit::Daily(2);
        let first = limit.count(None, START).unwrap();
        let second = limit.count(Some(first), at(3600)).unwrap();
        assert_eq!((second.counted, second.first_at, second.last_at), (2, START, at(3600)));
        assert_eq!(limit.count(Some(second), at(3600)), Err(Wait(minutes(23 * 60))));
        assert_eq!(limit.count(Some(second), at(86_399)), Err(Wait(Duration::from_secs(1))));
        assert_eq!(limit.count(Some(second), at(86_400)).unwrap().counted, 1);
    }

    /// Each reads the clock before it waits for its turn to be counted.
    #[test]
    fn two_at_once_do_not_wait_for_each_other() {
        for limit in [Limit::Growing, Limit::Daily(2)] {
            let first = limit.count(None, at(10)).unwrap();
            assert_eq!(limit.count(Some(first), at(9)).map(|tries| tries.counted), Ok(2));
        }
    }

    #[test]
    fn a_day_without_a_try_is_a_fresh_start() {
        let tries = Tries { counted: 40, first_at: START, last_at: at(1000) };
        assert!(Limit::Growing.count(Some(tries), at(1000)).is_err());
        assert_eq!(Limit::Growing.count(Some(tries), at(87_399)).unwrap().counted, 41);
        assert_eq!(Limit::Growing.count(Some(tries), at(87_400)).unwrap().counted, 1);
        let given_back = Tries { counted: 0, ..tries };
        assert_eq!(Limit::Daily(1).count(Some(given_back), at(1000)).unwrap().counted, 1);
    }
}
