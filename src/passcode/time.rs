//! The moving factor: time in steps, and the sub-counter within one.

use crate::base::clock::Timestamp;

/// Steps in the life of a handle.
const TICKS_PER_EPOCH: u64 = 240;

/// How long one code is shown, in seconds. Fixed at enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u16);

/// The length is not within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a step must be {} to {} seconds", Step::SHORTEST.0, Step::LONGEST.0)]
pub struct StepFault;

impl Step {
    /// Shorter ones end before a slow scanner has read them.
    pub const SHORTEST: Self = Self(5);
    /// Longer ones give a photograph too long a life.
    pub const LONGEST: Self = Self(60);
    /// Where a school says nothing.
    pub const DEFAULT: Self = Self(15);

    /// A step of so many seconds, 5 to 60.
    pub fn from_seconds(seconds: u16) -> Result<Self, StepFault> {
        let step = Self(seconds);
        if (Self::SHORTEST..=Self::LONGEST).contains(&step) { Ok(step) } else { Err(StepFault) }
    }

    /// For storage and for the phone.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// The step that `now` lies in; those before 1970 count as the first.
    pub fn tick(self, now: Timestamp) -> Tick {
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        Tick(seconds / u64::from(self.0))
    }

    /// When `tick` begins.
    pub fn start_of(self, tick: Tick) -> Timestamp {
        let seconds = tick.0.saturating_mul(u64::from(self.0));
        Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// A step, counted from 1970 UTC: `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// As stored.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// For storage, and what is authenticated.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The step so many later, or earlier where negative.
    #[must_use]
    pub const fn offset(self, by: i64) -> Self {
        Self(self.0.saturating_add_signed(by))
    }

    /// The life of the handle that this step falls in.
    pub const fn epoch(self) -> Epoch {
        Epoch(self.0 / TICKS_PER_EPOCH)
    }
}

/// The life of one handle, 240 steps: an hour where a step is 15 s. Counted from 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// What is authenticated.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The one before, this one and the next.
    pub const fn with_neighbours(self) -> [Self; 3] {
        [Self(self.0.saturating_sub(1)), self, Self(self.0.saturating_add(1))]
    }
}

/// Tells apart the codes of one step: `i`, 0 to 3. It moves on after a use and at a refresh by
/// hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubCounter(u8);

impl SubCounter {
    /// All of a step, in the order of their use.
    pub const ALL: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    /// As stored; none above 3.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|sub| sub.0 == number)
    }

    /// For storage, and what is authenticated.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What a one-time part stands for: a device and purpose have one code for each moment.
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
    fn a_tick_begins_where_the_one_before_ends() {
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
