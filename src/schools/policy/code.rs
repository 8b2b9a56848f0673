//! The rotating code: the length of a step, the life of a device's keys, the prefixes of codes.

use crate::passcode::{CodePurpose, EnrolmentTerms, Prefixes, Step};
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, time::Duration};

/// The rotating code at one school.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CodeFields", into = "CodeFields")]
pub struct CodePolicy {
    /// The terms that a device is enrolled under.
    pub terms: EnrolmentTerms,
    /// The first digits of codes.
    pub prefixes: Prefixes,
}

/// The fields as written in a file. All are optional.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CodeFields {
    step_seconds: u16,
    device_days: u32,
    unseen_days: u32,
    prefixes: PrefixFields,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrefixFields {
    pay: u8,
    id: u8,
    receipt: u8,
}

/// The allowed values of `device_days` and `unseen_days`.
const DAYS: RangeInclusive<u32> = 1..=366;

impl Default for CodeFields {
    fn default() -> Self {
        let step_seconds = Step::DEFAULT.seconds();
        let prefixes = PrefixFields::from(Prefixes::default());
        Self { step_seconds, device_days: 30, unseen_days: 7, prefixes }
    }
}

impl Default for CodePolicy {
    fn default() -> Self {
        let CodeFields { device_days, unseen_days, .. } = CodeFields::default();
        let (keys, unseen) = (days(device_days), days(unseen_days));
        let terms = EnrolmentTerms { step: Step::DEFAULT, keys, unseen };
        Self { terms, prefixes: Prefixes::default() }
    }
}

impl TryFrom<CodeFields> for CodePolicy {
    type Error = String;

    fn try_from(fields: CodeFields) -> Result<Self, Self::Error> {
        let CodeFields { step_seconds, device_days, unseen_days, prefixes } = fields;
        let step = Step::from_seconds(step_seconds)
            .map_err(|_| "step_seconds must be 5 to 60".to_owned())?;
        if !DAYS.contains(&device_days) {
            return Err("device_days must be 1 to 366".to_owned());
        }
        if !(*DAYS.start()..=device_days).contains(&unseen_days) {
            return Err("unseen_days must be at least 1 and at most device_days".to_owned());
        }
        let PrefixFields { pay, id, receipt } = prefixes;
        let prefixes = Prefixes::new(pay, id, receipt).map_err(|fault| fault.to_string())?;
        let terms = EnrolmentTerms { step, keys: days(device_days), unseen: days(unseen_days) };
        Ok(Self { terms, prefixes })
    }
}

impl From<CodePolicy> for CodeFields {
    fn from(policy: CodePolicy) -> Self {
        let CodePolicy { terms: EnrolmentTerms { step, keys, unseen }, prefixes } = policy;
        Self {
            step_seconds: step.seconds(),
            device_days: whole_days(keys),
            unseen_days: whole_days(unseen),
            prefixes: prefixes.into(),
        }
    }
}

impl From<Prefixes> for PrefixFields {
    fn from(prefixes: Prefixes) -> Self {
        let (pay, id) = (prefixes.of(CodePurpose::Pay), prefixes.of(CodePurpose::Id));
        Self { pay, id, receipt: prefixes.receipt() }
    }
}

const DAY: Duration = Duration::from_hours(24);

fn days(days: u32) -> Duration {
    DAY.saturating_mul(days)
}

fn whole_days(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_usual() {
        let read = |text: &str| toml::from_str::<CodePolicy>(text).unwrap();
        assert_eq!(read(""), CodePolicy::default());
        let slow = read("step_seconds = 30");
        assert_eq!(
            slow.terms,
            EnrolmentTerms { step: Step::from_seconds(30).unwrap(), ..read("").terms }
        );
        assert_eq!((slow.terms.keys, slow.terms.unseen), (DAY * 30, DAY * 7));
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let text = "step_seconds = 30\ndevice_days = 90\nunseen_days = 14\n\
            prefixes = { pay = 90, id = 91, receipt = 92 }";
        let policy: CodePolicy = toml::from_str(text).unwrap();
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<CodePolicy>(&stored).unwrap(), policy);
    }
}
