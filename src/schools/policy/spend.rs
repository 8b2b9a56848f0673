//! Spending by code at tills.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Spending by code at tills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SpendFields")]
pub struct SpendPolicy {
    /// Whether a code spends the physical card's own balance too: "the sum of the three".
    pub card_balance: bool,
    /// Whether each scan asks for the query password.
    pub password_each_scan: bool,
    /// Whether a till is told what is left.
    pub show_balance: bool,
    /// How long a till may reverse a charge.
    reversal_minutes: u16,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SpendFields {
    card_balance: bool,
    password_each_scan: bool,
    show_balance: bool,
    reversal_minutes: u16,
}

/// The default: long enough for a till that lost its answer or a cashier who keyed in a wrong
/// amount, too short for a customer who has eaten.
const REVERSAL_MINUTES: u16 = 5;
/// The maximum, one day.
const MAX_REVERSAL_MINUTES: u16 = 24 * 60;

impl Default for SpendFields {
    fn default() -> Self {
        Self {
            card_balance: false,
            password_each_scan: false,
            show_balance: false,
            reversal_minutes: REVERSAL_MINUTES,
        }
    }
}

impl Default for SpendPolicy {
    fn default() -> Self {
        Self {
            card_balance: false,
            password_each_scan: false,
            show_balance: false,
            reversal_minutes: REVERSAL_MINUTES,
        }
    }
}

impl TryFrom<SpendFields> for SpendPolicy {
    type Error = &'static str;

    fn try_from(fields: SpendFields) -> Result<Self, Self::Error> {
        let SpendFields { card_balance, password_each_scan, show_balance, reversal_minutes } =
            fields;
        if !(1..=MAX_REVERSAL_MINUTES).contains(&reversal_minutes) {
            return Err("reversal_minutes must be 1 to 1440");
        }
        Ok(Self { card_balance, password_each_scan, show_balance, reversal_minutes })
    }
}

impl SpendPolicy {
    /// How long after a charge a till may reverse it.
    pub fn reversal_window(&self) -> Duration {
        Duration::from_mins(self.reversal_minutes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_usual() {
        let read =
            |text: &str| toml::from_str::<SpendPolicy>(text).map_err(|e| e.message().to_owned());
        assert_eq!(read(""), Ok(SpendPolicy::default()));
        let policy = read("card_balance = true\nreversal_minutes = 30").unwrap();
        assert!(policy.card_balance && !policy.show_balance && !policy.password_each_scan);
        assert_eq!(policy.reversal_window(), Duration::from_mins(30));
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<SpendPolicy>(&stored).unwrap(), policy);
        for (bad, reason) in [
            ("reversal_minutes = 0", "must be 1 to 1440"),
            ("reversal_minutes = 1441", "must be 1 to 1440"),
            ("password = true", "unknown field `password`"),
        ] {
            assert!(read(bad).unwrap_err().contains(reason), "{bad}");
        }
    }
}
