//! When the sweep looks at an open payment: often at first, when the student would notice a lost
//! message, then less and less; when the payment expires; and from then until the provider answers.

use crate::base::clock::Timestamp;
use std::time::Duration;

/// Looks before the end, as multiples of the first: 5 s, 15 s, 1 min, 3 min, 10 min.
const LOOKS: [u32; 5] = [1, 3, 12, 36, 120];
/// The shortest time between two looks after the end, as a multiple: 15 s.
const SHORTEST: u32 = 3;
/// The longest, as a multiple: 1 h.
const LONGEST: u32 = 720;
/// The length of a lease, as a multiple: 2 min. Longer than a round takes, at any pace that the
/// configuration allows in production.
const LEASE: u32 = 24;
/// How long after the end a number may still arrive at the provider, as a multiple: 1 min. Longer
/// than any request of ours, at any pace that the configuration allows in production.
const GRACE: u32 = 12;
/// How often due rows are taken within the first delay: each second.
const TURNS: u32 = 5;
const SHORTEST_TURN: Duration = Duration::from_millis(10);

/// The delays of the sweep; all of them are multiples of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    first: Duration,
}

impl Pace {
    /// With the first look this long after a payment was created.
    pub const fn new(first: Duration) -> Self {
        Self { first }
    }

    /// The delay that all others are multiples of.
    pub const fn first_delay(self) -> Duration {
        self.first
    }

    /// The first look at a payment that is created now.
    pub fn first(self, now: Timestamp) -> Timestamp {
        now.plus(self.first)
    }

    /// The next look at a payment after one at `now`.
    pub fn next(self, created: Timestamp, expires: Timestamp, now: Timestamp) -> Timestamp {
        if now >= expires {
            return self.again(expires, now);
        }
        let planned = LOOKS.map(|look| created.plus(self.first * look));
        planned.into_iter().find(|look| *look > now).map_or(expires, |look| look.min(expires))
    }

    /// The next try of something that is due since `since`: after as much time as has passed so far,
    /// within bounds.
    pub fn again(self, since: Timestamp, now: Timestamp) -> Timestamp {
        let waited = now.distance(since);
        now.plus(waited.clamp(self.first * SHORTEST, self.first * LONGEST))
    }

    /// The end of a lease that begins now.
    pub fn lease(self, now: Timestamp) -> Timestamp {
        now.plus(self.first * LEASE)
    }

    /// From then on a payment that the provider does not know will never become known to it.
    pub fn settled(self, expires: Timestamp) -> Timestamp {
        expires.plus(self.first * GRACE)
    }

    /// The pause between two takings of due rows.
    pub fn turn(self) -> Duration {
        (self.first / TURNS).max(SHORTEST_TURN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::http_client::Timeouts;

    #[test]
    fn looks_grow_until_the_end_and_go_on_after_it() {
        let pace = Pace::new(Duration::from_secs(5));
        let at = Timestamp::from_seconds;
        let (created, expires) = (at(1000), at(1000 + 900));
        assert_eq!(pace.first(created), at(1005));
        // After a look so many seconds after creation, the next comes at so many.
        let table = [
            (5, 15),
            (6, 15),
            (15, 60),
            (60, 180),
            (180, 600),
            (600, 900),
            (899, 900),
            (900, 915),
            (915, 930),
            (960, 1020),
            (1800, 2700),
            (9000, 12_600),
            (1_000_000, 1_003_600),
        ];
        for (now, next) in table {
            assert_eq!(pace.next(created, expires, at(1000 + now)), at(1000 + next), "{now}");
        }
        // A student who gives up ends the time early.
        assert_eq!(pace.next(created, at(1010), at(1006)), at(1010));
        assert_eq!(pace.next(created, at(1010), at(1010)), at(1025));
    }

    /// A round is two requests; and a request may begin at the very end of an order's time.
    #[test]
    fn requests_end_before_leases_and_graces_at_the_quickest_pace_of_production() {
        let (pace, now) = (Pace::new(Duration::from_secs(2)), Timestamp::from_seconds(1000));
        let (request, reserve) = (Timeouts::default().total, Duration::from_secs(10));
        assert!(pace.lease(now) >= now.plus(request * 2 + reserve));
        assert!(pace.settled(now) >= now.plus(request + reserve));
    }

    #[test]
    fn a_round_ends_before_its_lease_at_any_pace() {
        for first in [Duration::from_millis(1), Duration::from_secs(5), Duration::from_hours(1)] {
            let (pace, now) = (Pace::new(first), Timestamp::from_seconds(1000));
            assert!(pace.lease(now) > now && pace.settled(now) > now);
            assert!(pace.turn() >= SHORTEST_TURN && pace.turn() <= first.max(SHORTEST_TURN));
        }
    }
}
