//! Doors: which codes open them, who needs a right, and how long their log is kept.

use super::{
    Text,
    field::{distinct, distinct_if_any},
};
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, time::Duration};

/// A kind of code that a door may accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoorCode {
    /// 身份码.
    Identity,
    /// 付款码.
    Payment,
}

/// What a door does when the server cannot decide. It never opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenUndecided {
    /// It stays closed.
    #[default]
    StayClosed,
    /// It stays closed and calls the guard.
    CallGuard,
}

/// The doors of one school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "DoorFields")]
pub struct DoorPolicy {
    accepts: Vec<DoorCode>,
    right_needed: bool,
    double_read_seconds: u16,
    log_days: u32,
    /// What a door does when the server cannot decide.
    pub when_undecided: WhenUndecided,
    groups: Vec<DoorGroupPolicy>,
}

/// A group of doors that differs from the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorGroupPolicy {
    name: Text<40>,
    #[serde(default, deserialize_with = "distinct_if_any")]
    accepts: Option<Vec<DoorCode>>,
    right_needed: Option<bool>,
}

/// The rules of one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorRules<'a> {
    /// The kinds of codes that it accepts; at least one.
    pub accepts: &'a [DoorCode],
    /// Whether it opens only for people with a right.
    pub right_needed: bool,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DoorFields {
    #[serde(deserialize_with = "distinct")]
    accepts: Vec<DoorCode>,
    right_needed: bool,
    double_read_seconds: u16,
    log_days: u32,
    when_undecided: WhenUndecided,
    groups: Vec<DoorGroupPolicy>,
}

/// The usual time in which a scanner reads one showing of a code more than once.
const DOUBLE_READ_SECONDS: u16 = 3;
/// A code that opened a door longer than this would open it for the next person too.
const MAX_DOUBLE_READ_SECONDS: u16 = 10;
const LOG_DAYS: u32 = 30;
/// The allowed values of `log_days`.
const DAYS: RangeInclusive<u32> = 1..=366;
/// The most groups with rules of their own.
const MAX_GROUPS: usize = 500;

impl Default for DoorFields {
    fn default() -> Self {
        Self {
            accepts: vec![DoorCode::Identity],
            right_needed: true,
            double_read_seconds: DOUBLE_READ_SECONDS,
            log_days: LOG_DAYS,
            when_undecided: WhenUndecided::StayClosed,
            groups: Vec::new(),
        }
    }
}

/// Identity codes, of people with a right.
impl Default for DoorPolicy {
    fn default() -> Self {
        let DoorFields {
            accepts,
            right_needed,
            double_read_seconds,
            log_days,
            when_undecided,
            groups,
        } = DoorFields::default();
        Self { accepts, right_needed, double_read_seconds, log_days, when_undecided, groups }
    }
}

impl TryFrom<DoorFields> for DoorPolicy {
    type Error = &'static str;

    fn try_from(fields: DoorFields) -> Result<Self, Self::Error> {
        let DoorFields {
            accepts,
            right_needed,
            double_read_seconds,
            log_days,
            when_undecided,
            groups,
        } = fields;
        if double_read_seconds > MAX_DOUBLE_READ_SECONDS {
            return Err("double_read_seconds must be at most 10");
        }
        if !DAYS.contains(&log_days) {
            return Err("log_days must be 1 to 366");
        }
        if groups.len() > MAX_GROUPS {
            return Err("there must be at most 500 groups");
        }
        let times =
            |group: &DoorGroupPolicy| groups.iter().filter(|g| g.name == group.name).count();
        if groups.iter().any(|group| times(group) > 1) {
            return Err("a group is listed twice");
        }
        Ok(Self { accepts, right_needed, double_read_seconds, log_days, when_undecided, groups })
    }
}

impl DoorPolicy {
    /// The rules of the doors of a group, or of a door that belongs to none.
    pub fn rules(&self, group: Option<&str>) -> DoorRules<'_> {
        let listed = self.listed(group);
        let accepts = listed.and_then(|listed| listed.accepts.as_deref());
        let right_needed = listed.and_then(|listed| listed.right_needed);
        DoorRules {
            accepts: accepts.unwrap_or(&self.accepts),
            right_needed: right_needed.unwrap_or(self.right_needed),
        }
    }

    /// The rules of a library's desk. It opens nothing: unless its group is listed, it accepts identity
    /// codes, and nobody needs a right.
    pub fn desk_rules(&self, group: Option<&str>) -> DoorRules<'_> {
        let listed = self.listed(group);
        DoorRules {
            accepts: listed
                .and_then(|listed| listed.accepts.as_deref())
                .unwrap_or(&[DoorCode::Identity]),
            right_needed: listed.and_then(|listed| listed.right_needed).unwrap_or(false),
        }
    }

    fn listed(&self, group: Option<&str>) -> Option<&DoorGroupPolicy> {
        let group = group?;
        self.groups.iter().find(|listed| &*listed.name == group)
    }

    /// How long one showing of a code may be read again at the same door.
    pub fn double_read(&self) -> Duration {
        Duration::from_secs(self.double_read_seconds.into())
    }

    /// How long entries of the log are kept.
    pub fn log_kept(&self) -> Duration {
        Duration::from_hours(24).saturating_mul(self.log_days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DoorCode::{Identity, Payment};

    fn read(text: &str) -> Result<DoorPolicy, String> {
        toml::from_str::<DoorPolicy>(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let policy = read("").unwrap();
        assert_eq!(policy, DoorPolicy::default());
        let usual = DoorRules { accepts: &[Identity], right_needed: true };
        assert_eq!(policy.rules(None), usual);
        assert_eq!(policy.rules(Some("一号楼")), usual);
        assert_eq!(policy.desk_rules(None), DoorRules { right_needed: false, ..usual });
        assert_eq!(policy.double_read(), Duration::from_secs(3));
        assert_eq!(policy.log_kept(), Duration::from_hours(30 * 24));
        assert_eq!(policy.when_undecided, WhenUndecided::StayClosed);
    }

    #[test]
    fn a_group_differs_in_what_it_lists() {
        let text = "accepts = [\"identity\", \"payment\"]\nwhen_undecided = \"call_guard\"\n\
            [[groups]]\nname = \"校门\"\nright_needed = false\n\
            [[groups]]\nname = \"财务处\"\naccepts = [\"identity\"]\n";
        let policy = read(text).unwrap();
        let both: &[DoorCode] = &[Identity, Payment];
        for (group, accepts, right_needed) in [
            (None, both, true),
            (Some("一号楼"), both, true),
            (Some("校门"), both, false),
            (Some("财务处"), &[Identity], true),
        ] {
            assert_eq!(policy.rules(group), DoorRules { accepts, right_needed }, "{group:?}");
        }
        let desk = policy.desk_rules(Some("财务处"));
        assert_eq!(desk, DoorRules { accepts: &[Identity], right_needed: false });
        assert_eq!(policy.when_undecided, WhenUndecided::CallGuard);
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<DoorPolicy>(&stored).unwrap(), policy);
    }

    #[test]
    fn mistakes_are_named() {
        for (bad, reason) in [
            ("accepts = []", "must name at least one"),
            ("accepts = [\"identity\", \"identity\"]", "must name nothing twice"),
            ("accepts = [\"face\"]", "unknown variant `face`"),
            ("when_undecided = \"open\"", "unknown variant `open`"),
            ("double_read_seconds = 11", "at most 10"),
            ("log_days = 0", "1 to 366"),
            ("[[groups]]\nname = \"a\"\n[[groups]]\nname = \"a\"", "listed twice"),
            ("[[groups]]\nname = \"a\"\naccepts = []", "must name at least one"),
            (
                "[[groups]]\nname = \"a\"\naccepts = [\"identity\", \"identity\"]",
                "must name nothing twice",
            ),
            ("[[groups]]\nright_needed = true", "missing field `name`"),
            ("[[groups]]\nname = \"a\"\nopens = true", "unknown field `opens`"),
            ("rights = true", "unknown field `rights`"),
        ] {
            let said = read(bad).unwrap_err();
            assert!(said.contains(reason), "{bad}: {said}");
        }
    }
}
