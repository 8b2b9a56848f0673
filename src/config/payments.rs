//! `[payments]`: how patiently payments are watched.

use super::{Environment, section::Section};
use std::time::Duration;

const FIRST_LOOK_MS: u16 = 5000;
/// The least where money is real: at this pace what is taken stays taken longer than our requests
/// to a provider last, and a payment counts as unknown to it only after the last of them.
const LEAST_IN_PRODUCTION_MS: u16 = 2000;

/// So many orders of one person may wait for their payment.
const MOST_OPEN_ORDERS: u16 = 5;

/// Open payments.
#[derive(Clone, Copy, Debug)]
pub struct Payments {
    /// How long after it was made an open payment is first looked at. All delays grow with it.
    pub first_look: Duration,
    /// How many orders of one person may wait for their payment.
    pub most_open_orders: u16,
}

pub(super) fn read(mut section: Section<'_>) -> Payments {
    let least = match section.environment() {
        Environment::Production => LEAST_IN_PRODUCTION_MS,
        Environment::Sandbox => 1,
    };
    let millis = section.number("first_look_ms", least..=60_000, FIRST_LOOK_MS);
    let most_open_orders = section.number("most_open_orders", 1..=10_000, MOST_OPEN_ORDERS);
    section.finish();
    Payments { first_look: Duration::from_millis(millis.into()), most_open_orders }
}
