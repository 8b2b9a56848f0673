//! The consequences of failed scans. They slow a terminal, and block one handle at one terminal
//! until the step ends. They lock nothing, so nobody can lock a person or a till by showing wrong
//! codes.
//!
//! The rules are functions of counts. What other servers counted may be lost, which only makes them
//! more lenient.

use super::Step;
use crate::base::clock::Timestamp;
use std::time::Duration;

/// The window in which the failed scans of a terminal are counted.
pub const TERMINAL_WINDOW: Duration = Duration::from_mins(1);
/// Failed scans of a terminal within [`TERMINAL_WINDOW`] that have no effect.
const TERMINAL_FREE: u64 = 10;
/// The interval between two answers to a slowed terminal.
const SLOW: Duration = Duration::from_secs(1);
/// Wrong one-time parts for one handle at one terminal within one step, after which the pair is
/// blocked. With 12 valid ones among 10^10, an hour of guessing succeeds with a probability of 1.4
/// in a million.
const PAIR_FREE: u64 = 5;

/// Why a scan failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// No device of the school has the handle.
    UnknownHandle,
    /// The one-time part matches no device with the handle.
    WrongOtp,
    /// A code of the device at another time.
    ClockSkew,
    /// Used before.
    Used,
    /// A code of another school.
    OtherSchool,
}

impl Miss {
    /// Whether it counts for the terminal.
    pub const fn counts_at_terminal(self) -> bool {
        match self {
            Self::UnknownHandle | Self::WrongOtp => true,
            Self::ClockSkew | Self::Used | Self::OtherSchool => false,
        }
    }

    /// Whether it counts for the handle at the terminal.
    pub const fn counts_on_handle(self) -> bool {
        match self {
            Self::WrongOtp => true,
            Self::UnknownHandle | Self::ClockSkew | Self::Used | Self::OtherSchool => false,
        }
    }
}

/// How often a terminal may get answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalPace {
    /// Without limit.
    Free,
    /// One answer, positive or negative, per interval.
    Slowed(Duration),
}

/// The pace of a terminal with this many failed scans within [`TERMINAL_WINDOW`].
pub const fn pace(misses: u64) -> TerminalPace {
    if misses < TERMINAL_FREE { TerminalPace::Free } else { TerminalPace::Slowed(SLOW) }
}

/// The end of the step of `now`, until which wrong one-time parts are counted together.
pub fn rest_until(step: Step, now: Timestamp) -> Timestamp {
    step.start_of(step.tick(now).offset(1))
}

/// How long a handle remains blocked at a terminal after this many wrong one-time parts that are
/// counted `until` then; `None` if it is not blocked. Codes with the handle are then refused there
/// without a comparison. The person's next handle and other terminals are not affected.
pub fn rest(wrong: u64, until: Timestamp, now: Timestamp) -> Option<Duration> {
    (wrong >= PAIR_FREE && now < until).then(|| now.distance(until))
}

#[cfg(test)]
mod tests {
    use super::{super::Tick, *};
    use std::collections::HashMap;

    /// Counts like a key-value store, in fixed windows.
    #[derive(Default)]
    struct Till {
        window: Option<(Timestamp, u64)>,
        answered_at: Option<Timestamp>,
        wrong: HashMap<(u32, Tick), u64>,
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Answer {
        Charged,
        Missed,
        Slowed,
        Blocked,
    }

    impl Till {
        fn misses(&self, now: Timestamp) -> u64 {
            let open = |since: Timestamp| now < since.plus(TERMINAL_WINDOW);
            self.window.filter(|(since, _)| open(*since)).map_or(0, |(_, misses)| misses)
        }

        fn scan(&mut self, handle: u32, fits: bool, now: Timestamp) -> Answer {
            if let TerminalPace::Slowed(pause) = pace(self.misses(now))
                && self.answered_at.is_some_and(|at| now < at.plus(pause))
            {
                return Answer::Slowed;
            }
            self.answered_at = Some(now);
            let pair = (handle, Step::DEFAULT.tick(now));
            let wrong = self.wrong.get(&pair).copied().unwrap_or(0);
            if rest(wrong, rest_until(Step::DEFAULT, now), now).is_some() {
                return Answer::Blocked;
            }
            if fits {
                return Answer::Charged;
            }
            self.wrong.insert(pair, wrong + 1);
            let misses = self.misses(now) + 1;
            let since = self.window.filter(|_| misses > 1).map_or(now, |(since, _)| since);
            self.window = Some((since, misses));
            Answer::Missed
        }
    }

    fn at_ms(ms: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000 + ms * 1000)
    }

    #[test]
    fn only_guesses_count() {
        let cases = [
            (Miss::UnknownHandle, true, false),
            (Miss::WrongOtp, true, true),
            (Miss::ClockSkew, false, false),
            (Miss::Used, false, false),
            (Miss::OtherSchool, false, false),
        ];
        for (miss, terminal, handle) in cases {
            assert_eq!(miss.counts_at_terminal(), terminal, "{miss:?}");
            assert_eq!(miss.counts_on_handle(), handle, "{miss:?}");
        }
    }

    #[test]
    fn the_tenth_miss_slows() {
        for misses in 0..10 {
            assert_eq!(pace(misses), TerminalPace::Free);
        }
        for misses in 10..1000 {
            assert_eq!(pace(misses), TerminalPace::Slowed(Duration::from_secs(1)));
        }
    }

    #[test]
    fn a_pair_is_blocked_until_the_step_ends() {
        for wrong in 0..5 {
            assert_eq!(rest(wrong, at_ms(15_000), at_ms(0)), None);
        }
        for (ms, left_ms) in [(0, 15_000), (1, 14_999), (14_999, 1), (15_000, 15_000)] {
            let left = rest(5, rest_until(Step::DEFAULT, at_ms(ms)), at_ms(ms));
            assert_eq!(left, Some(Duration::from_millis(left_ms)), "{ms}");
        }
        assert_eq!(rest(5, at_ms(15_000), at_ms(15_000)), None);
    }

    /// After ten wrong codes the till still serves everybody, one person per second; after a minute
    /// it is no longer slowed.
    #[test]
    fn a_till_keeps_serving() {
        let mut till = Till::default();
        for n in 0..10 {
            assert_eq!(till.scan(n, false, at_ms(i64::from(n) * 100)), Answer::Missed);
        }
        assert_eq!(till.scan(100, true, at_ms(1_000)), Answer::Slowed);
        for person in 0..50 {
            let now = at_ms(1_900 + i64::from(person) * 1_000);
            assert_eq!(till.scan(100 + person, true, now), Answer::Charged, "{person}");
        }
        let later = at_ms(60_000);
        assert_eq!(till.scan(200, true, later), Answer::Charged);
        assert_eq!(till.scan(201, true, later), Answer::Charged);
    }

    /// A thousand guesses a second for the handle of a person at the same till.
    #[test]
    fn guesses_at_one_handle_are_limited_and_the_person_can_pay_elsewhere() {
        let (mut till, mut other) = (Till::default(), Till::default());
        let (victim, mut tried) = (42, 0);
        for ms in 0..15_000 {
            tried += u64::from(till.scan(victim, false, at_ms(ms)) == Answer::Missed);
        }
        assert_eq!(tried, PAIR_FREE);
        assert_eq!(till.scan(victim, true, at_ms(14_999)), Answer::Blocked);
        assert_eq!(other.scan(victim, true, at_ms(14_999)), Answer::Charged);
        assert_eq!(till.scan(victim, true, at_ms(15_000)), Answer::Charged);
    }

    /// The figure in `docs/passcode.md`: guesses at a handle in an hour at one terminal.
    #[test]
    fn an_hour_of_guessing_is_bounded() {
        let (mut till, mut tried) = (Till::default(), 0);
        for ms in (0..3_600_000).step_by(100) {
            tried += u64::from(till.scan(42, false, at_ms(ms)) == Answer::Missed);
        }
        assert!(tried <= 240 * PAIR_FREE, "{tried}");
        assert!(tried > 1_000, "the test must guess as often as allowed: {tried}");
    }
}
