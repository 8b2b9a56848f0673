//! `[payments]`: how patiently payments are watched.

use super::section::Section;
use std::time::Duration;

const FIRST_LOOK_MS: u16 = 5000;

/// The sweep.
#[derive(Clone, Copy, Debug)]
pub struct Payments {
    /// How long after it was made an open payment is first looked at. All delays grow with it.
    pub first_look: Duration,
}

pub(super) fn read(mut section: Section<'_>) -> Payments {
    let millis = section.number("first_look_ms", 1..=60_000, FIRST_LOOK_MS);
    section.finish();
    Payments { first_look: Duration::from_millis(millis.into()) }
}
