//! Which rights and entries of the log members of staff list.

use super::{log::DoorDecision, rights::RightSource};
use crate::{
    base::{
        clock::{Day, Timestamp},
        ids::PersonId,
    },
    terminals::DoorGroup,
};
use serde::Deserialize;

/// Whose rights or entries, and which: all without any.
#[derive(Clone, Debug, Default)]
pub struct DoorFilter {
    /// Whose.
    pub person: Option<PersonId>,
    /// Of which doors.
    pub group: Option<DoorGroup>,
    /// What else.
    pub narrow: DoorNarrow,
}

/// Which of them, besides whose and of which doors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorNarrow {
    /// Of rights: those that have ended by then, or with `false` those that have not.
    pub ended: Option<(bool, Timestamp)>,
    /// Of rights: by whom they were given.
    pub source: Option<RightSource>,
    /// Of entries: on this day in Beijing.
    pub day: Option<Day>,
    /// Of entries: what came of it.
    pub decision: Option<DoorDecision>,
}

/// Which rights somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DoorRightQuery {
    /// `current` or `ended`: what has ended stays listed for a day.
    pub state: Option<String>,
    /// `staff` or `allocation`.
    pub source: Option<String>,
}

/// Which entries somebody wants to see, likewise.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccessLogQuery {
    /// On this day in Beijing, as in `2026-11-28`.
    pub day: Option<String>,
    /// `open`, `refuse` or `unknown`.
    pub decision: Option<String>,
}

/// What a field says, where it says something: known, or the name of the field.
fn read<T>(
    (name, text): (&'static str, &Option<String>),
    known: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, &'static str> {
    let text = text.as_deref().unwrap_or_default().trim();
    if text.is_empty() { Ok(None) } else { known(text).map(Some).ok_or(name) }
}

impl DoorRightQuery {
    /// What is asked for now; or the name of what is wrong.
    pub fn narrow(&self, now: Timestamp) -> Result<DoorNarrow, &'static str> {
        let ended = |text: &str| match text {
            "current" => Some((false, now)),
            "ended" => Some((true, now)),
            _ => None,
        };
        Ok(DoorNarrow {
            ended: read(("state", &self.state), ended)?,
            source: read(("source", &self.source), RightSource::from_code)?,
            ..DoorNarrow::default()
        })
    }
}

impl AccessLogQuery {
    /// What is asked for; or the name of what is wrong.
    pub fn narrow(&self) -> Result<DoorNarrow, &'static str> {
        Ok(DoorNarrow {
            day: read(("day", &self.day), |text| text.parse().ok())?,
            decision: read(("decision", &self.decision), DoorDecision::from_code)?,
            ..DoorNarrow::default()
        })
    }
}
