//! Time in steps, and the sub-counter within a step: the moving factor of codes.

use crate::base::clock::Timestamp;

/// Steps per epoch.
const TICKS_PER_EPOCH: u64 = 240;

/// How long one code is shown, in seconds. Fixed at enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u16);

/// The step length is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a step must be {} to {} seconds", Step::SHORTEST.0, Step::LONGEST.0)]
pub struct StepFault;

impl Step {
    /// Shorter steps end before a slow scanner has read the code.
    pub const SHORTEST: Self = Self(5);
    /// Longer steps keep a photograph of a code valid for too long.
    pub const LONGEST: Self = Self(60);
    /// Used if the school's policy sets none.
    pub const DEFAULT: Self = Self(15);

    /// A step length of 5 to 60 seconds.
    pub fn from_seconds(seconds: u16) -> Result<Self, StepFault> {
        let step = Self(seconds);
        if (Self::SHORTEST..=Self::LONGEST).contains(&step) { Ok(step) } else { Err(StepFault) }
    }

    /// For storage and for the phone.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// The step that contains `now`; times before 1970 count as step 0.
    pub fn tick(self, now: Timestamp) -> Tick {
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        Tick(seconds / u64::from(self.0))
    }

    /// When `tick` starts.
    pub fn start_of(self, tick: Tick) -> Timestamp {
        let seconds = tick.0.saturating_mul(u64::from(self.0));
        Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// The number of a step since 1970 UTC: `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// As stored.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// For storage, and as authenticated.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The step `by` steps later, or earlier if negative.
    #[must_use]
    pub const fn offset(self, by: i64) -> Self {
        Self(self.0.saturating_add_signed(by))
    }

    /// The epoch that contains this step.
    pub const fn epoch(self) -> Epoch {
        Epoch(self.0 / TICKS_PER_EPOCH)
    }
}

/// The period in which a handle is valid, 240 steps: an hour for steps of 15 s. Counted since 1970
/// UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// As authenticated.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The previous epoch, this one and the next.
    pub const fn with_neighbours(self) -> [Self; 3] {
        [Self(self.0.saturating_sub(1)), self, Self(self.0.saturating_add(1))]
    }
}

/// Distinguishes the codes of one step: `i`, 0 to 3. Incremented after a use and on a manual
/// refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubCounter(u8);

impl SubCounter {
    /// All values, in the order of their use.
    pub const ALL: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    /// From the stored form; `None` above 3.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|sub| sub.0 == number)
    }

    /// For storage, and as authenticated.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What a one-time part is computed for: a device has one code per purpose and moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The step.
    pub tick: Tick,
    /// Which code of the step.
    pub sub: SubCounter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_bounded() {
        let cases = [(0, false), (4, false), (5, true), (15, true), (60, true), (61, false)];
        for (seconds, good) in cases {
            assert_eq!(Step::from_seconds(seconds).is_ok(), good, "{seconds}");
        }
        assert_eq!(StepFault.to_string(), "a step must be 5 to 60 seconds");
    }

    #[test]
    fn a_tick_starts_where_the_previous_one_ends() {
        for seconds in [5, 15, 30] {
            let step = Step::from_seconds(seconds).unwrap();
            let tick = step.tick(Timestamp::from_seconds(1_767_225_600));
            let start = step.start_of(tick);
            assert_eq!(start.seconds(), 1_767_225_600);
            assert_eq!(step.tick(start), tick);
            assert_eq!(step.tick(Timestamp::from_micros(start.micros() - 1)), tick.offset(-1));
            assert_eq!(
                step.start_of(tick.offset(1)).seconds(),
                start.seconds() + i64::from(seconds)
            );
        }
        assert_eq!(Step::DEFAULT.tick(Timestamp::from_seconds(-1)), Tick(0));
    }

    #[test]
    fn a_handle_lives_240_steps() {
        assert_eq!(Tick(239).epoch(), Epoch(0));
        assert_eq!(Tick(240).epoch(), Epoch(1));
        assert_eq!(Epoch(7).with_neighbours(), [Epoch(6), Epoch(7), Epoch(8)]);
    }

    #[test]
    fn there_are_four_sub_counters() {
        let read: Vec<_> = (0..=255).filter_map(SubCounter::from_number).collect();
        assert_eq!(read, SubCounter::ALL);
    }
}
