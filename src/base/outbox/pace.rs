//! When a job is tried again.

use crate::base::clock::Timestamp;
use std::time::Duration;

/// How many tries without an outcome are reported.
const TRIES: i32 = 14;
/// The longest delay before that, as a multiple of the first: 1 h.
const LONGEST: u32 = 720;
/// The delay after that, as a multiple: a day.
const REPORTED: u32 = 17_280;
/// The length of a lease, as a multiple: 2.5 min. Longer than any delivery, at any pace that the
/// configuration allows in production.
const LEASE: u32 = 30;
/// How often due jobs are looked for, where nobody says that there are some.
const TURN: Duration = Duration::from_secs(1);
const SHORTEST_TURN: Duration = Duration::from_millis(10);

/// The delays of the outbox; all of them are multiples of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxPace {
    first: Duration,
}

impl OutboxPace {
    /// With this delay after a first try without an outcome: 5 s.
    pub const fn new(first: Duration) -> Self {
        Self { first }
    }

    /// The next try after so many without an outcome: delays double.
    pub fn again(self, tries: i32, wait: Option<Duration>, now: Timestamp) -> Timestamp {
        let delay = if tries >= TRIES {
            self.first * REPORTED
        } else {
            let doubled = u32::try_from(tries.saturating_sub(1)).unwrap_or(0);
            self.first * 1_u32.checked_shl(doubled).unwrap_or(LONGEST).min(LONGEST)
        };
        now.plus(delay.max(wait.unwrap_or_default()))
    }

    /// True from the try on with which the tries are used up.
    pub const fn is_used_up(tries: i32) -> bool {
        tries >= TRIES
    }

    /// The end of a lease that begins now.
    pub fn lease(self, now: Timestamp) -> Timestamp {
        now.plus(self.first * LEASE)
    }

    /// The pause between two looks for due jobs.
    pub fn turn(self) -> Duration {
        self.first.clamp(SHORTEST_TURN, TURN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::http_client::Timeouts;

    #[test]
    fn delays_double_up_to_an_hour_and_then_it_is_a_day() {
        let (pace, now) = (OutboxPace::new(Duration::from_secs(5)), Timestamp::from_seconds(1000));
        let table = [(0, 5), (1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (13, 3600)];
        for (tries, seconds) in table {
            assert_eq!(pace.again(tries, None, now), Timestamp::from_seconds(1000 + seconds));
        }
        for tries in [14, 15, i32::MAX] {
            assert_eq!(pace.again(tries, None, now), Timestamp::from_seconds(1000 + 86_400));
        }
        let asked = Some(Duration::from_mins(2));
        assert_eq!(pace.again(1, asked, now), Timestamp::from_seconds(1120));
        assert!(OutboxPace::is_used_up(14) && !OutboxPace::is_used_up(13));
    }

    /// A delivery makes four calls at most (a message of WeChat: the token, the message, and both again
    /// when the token was refused), and works at the database before, between and after them.
    #[test]
    fn a_lease_is_longer_than_four_calls() {
        let (pace, now) = (OutboxPace::new(Duration::from_secs(2)), Timestamp::from_seconds(1000));
        let (call, reserve) = (Timeouts::default().total, Duration::from_secs(10));
        assert!(pace.lease(now) >= now.plus(call * 4 + reserve));
    }
}
