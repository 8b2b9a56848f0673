//! `[payments]`: how soon open payments are asked about, and how many may be open.

use super::{Environment, section::Section};
use std::time::Duration;

const FIRST_LOOK_MS: u16 = 5000;
/// The minimum in production. The lease on a payment grows with this delay, and must last longer
/// than a request to a provider: a payment counts as unknown there only after our last request.
const LEAST_IN_PRODUCTION_MS: u16 = 2000;

/// The default for unpaid orders of one person.
const MOST_OPEN_ORDERS: u16 = 5;

/// Open payments.
#[derive(Clone, Copy, Debug)]
pub struct PaymentsConfig {
    /// The delay from a payment's start to the first question about it. Later delays grow with it.
    pub first_look: Duration,
    /// The most unpaid orders of one person.
    pub most_open_orders: u16,
}

pub(super) fn read(mut section: Section<'_>) -> PaymentsConfig {
    let least = match section.environment() {
        Environment::Production => LEAST_IN_PRODUCTION_MS,
        Environment::Sandbox => 1,
    };
    let millis = section.number("first_look_ms", least..=60_000, FIRST_LOOK_MS);
    let most_open_orders = section.number("most_open_orders", 1..=10_000, MOST_OPEN_ORDERS);
    section.finish();
    PaymentsConfig { first_look: Duration::from_millis(millis.into()), most_open_orders }
}
