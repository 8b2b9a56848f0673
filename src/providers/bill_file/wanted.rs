//! Whose bill a file must be, and of which day.

use crate::base::clock::{Day, Timestamp};
use std::time::Duration;

/// How far the time of a row may lie outside the day of its bill.
const OUTSIDE: Duration = Duration::from_hours(1);

/// Whose bill it must be, and of which day.
#[derive(Clone, Debug)]
pub(in crate::providers) struct Wanted {
    pub(in crate::providers) merchant: String,
    pub(in crate::providers) day: Day,
}

impl Wanted {
    pub(in crate::providers) fn may_be_of_day(&self, at: Timestamp) -> bool {
        let (from, to) = (self.day.start().minus(OUTSIDE), self.day.next().start().plus(OUTSIDE));
        from <= at && at < to
    }
}
