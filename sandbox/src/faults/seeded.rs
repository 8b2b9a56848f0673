//! Faults by a seed: which messages meet which is drawn, and is the same again under the same seed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The door of what is in WeChat Pay's bills; those of requests are named like their endpoints.
pub(crate) const BILL_CONTENT: &str = "bill_content";

/// The longest that a drawn delay is, in milliseconds at the pace of retries.
const LONGEST_DELAY_MS: u64 = 60_000;

/// From now on, one in so many messages through a door meets a fault, drawn among those that can
/// happen to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeded {
    pub seed: u64,
    /// 1: every message.
    pub one_in: u64,
    /// The doors; empty: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
}

/// What was drawn so far.
#[derive(Debug, Default)]
pub(super) struct Draws {
    seeded: Option<Seeded>,
    /// How many messages each door had. Doors do not disturb each other: which requests come first does
    /// not depend on the seed.
    messages: HashMap<&'static str, u64>,
}

impl Seeded {
    /// Through all doors.
    pub fn everywhere(seed: u64, one_in: u64) -> Self {
        Self { seed, one_in, on: Vec::new() }
    }

    /// Through these doors.
    pub fn on(seed: u64, one_in: u64, doors: &[&str]) -> Self {
        Self {
            on: doors.iter().map(|&door| door.to_owned()).collect(),
            ..Self::everywhere(seed, one_in)
        }
    }

    fn is_for(&self, door: &str) -> bool {
        self.on.is_empty() || self.on.iter().any(|on| on == door)
    }
}

impl Draws {
    /// Begins again, or ends.
    pub(super) fn begin(&mut self, seeded: Option<Seeded>) {
        *self = Self { seeded, messages: HashMap::new() };
    }

    pub(super) fn seeded(&self) -> Option<Seeded> {
        self.seeded.clone()
    }

    /// What the next message through this door meets, and how long a delay is.
    pub(super) fn next<'a, F>(
        &mut self,
        door: &'static str,
        possible: impl Iterator<Item = &'a F> + Clone,
    ) -> Option<(&'a F, u64)> {
        let seeded = self.seeded.as_ref().filter(|seeded| seeded.is_for(door))?;
        let count = self.messages.entry(door).or_default();
        *count += 1;
        let [whether, which, long] = drawn(seeded.seed, door, *count);
        if !whether.is_multiple_of(seeded.one_in.max(1)) {
            return None;
        }
        let choices =
            u64::try_from(possible.clone().count()).ok().filter(|choices| *choices > 0)?;
        let place = usize::try_from(which % choices).ok()?;
        let mut possible = possible;
        possible.nth(place).map(|fault| (fault, long % LONGEST_DELAY_MS))
    }
}

/// Three numbers for this message. A digest, so that no release of a library draws others.
fn drawn(seed: u64, door: &str, count: u64) -> [u64; 3] {
    [0_u8, 1, 2].map(|which| {
        let mut hash = Sha256::new();
        for part in [&seed.to_be_bytes()[..], door.as_bytes(), &count.to_be_bytes(), &[which]] {
            hash.update(part);
        }
        let digest = hash.finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: [char; 5] = ['a', 'b', 'c', 'd', 'e'];

    fn draws(seeded: Seeded, door: &'static str, times: usize) -> Vec<Option<(char, u64)>> {
        let mut draws = Draws::default();
        draws.begin(Some(seeded));
        let draw = |_| draws.next(door, FAULTS.iter()).map(|(fault, long)| (*fault, long));
        (0..times).map(draw).collect()
    }

    #[test]
    fn one_seed_draws_the_same_twice_and_another_draws_otherwise() {
        let of = |seed, door| draws(Seeded::everywhere(seed, 2), door, 64);
        assert_eq!(of(7, "refund"), of(7, "refund"));
        assert_ne!(of(7, "refund"), of(8, "refund"));
        assert_ne!(of(7, "refund"), of(7, "bill"));
    }

    #[test]
    fn a_door_draws_the_same_whatever_passes_the_others() {
        let mut both = Draws::default();
        both.begin(Some(Seeded::everywhere(7, 2)));
        let drawn: Vec<_> = (0..64)
            .map(|n| {
                for _ in 0..n % 3 {
                    both.next("bill", FAULTS.iter());
                }
                both.next("refund", FAULTS.iter()).map(|(fault, long)| (*fault, long))
            })
            .collect();
        assert_eq!(drawn, draws(Seeded::everywhere(7, 2), "refund", 64));
    }

    #[test]
    fn so_many_messages_meet_one_and_only_through_its_doors() {
        for (one_in, least, most) in [(1, 1000, 1000), (4, 200, 300), (100, 1, 25)] {
            let met = draws(Seeded::everywhere(7, one_in), "refund", 1000);
            let met = met.iter().flatten().count();
            assert!((least..=most).contains(&met), "one in {one_in}: {met}");
        }
        let elsewhere = Seeded::on(7, 1, &["bill"]);
        assert!(draws(elsewhere, "refund", 100).iter().all(Option::is_none));
        let mut none = Draws::default();
        assert_eq!(none.next("refund", FAULTS.iter()), None, "nothing without a seed");
    }
}
