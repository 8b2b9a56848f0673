//! What the audit log says of an import.

use super::{Indexed, RosterReport};
use crate::{
    audit::{AuditAct, Entry},
    base::{
        clock::Day,
        ids::{PersonId, SchoolId},
    },
};

/// The entry of a commit: how many people, and of which lines.
pub(super) fn of_commit(school: SchoolId, rows: &[Indexed], part: &RosterReport) -> Entry {
    let line = |indexed: Option<&Indexed>| indexed.map_or(0, |indexed| indexed.line);
    let (first, last) = (line(rows.first()), line(rows.last()));
    let RosterReport { added, changed, .. } = part;
    Entry {
        act: AuditAct::RosterImported,
        school: Some(school),
        subject: format!("lines {first} to {last} of a roster"),
        detail: format!("{added} people added, {changed} changed"),
    }
}

/// The entry of a person whose last day was changed: before, after.
pub(super) fn of_standing(
    school: SchoolId,
    (person, was, is): (PersonId, Option<Day>, Option<Day>),
) -> Entry {
    let day = |day: Option<Day>| day.map_or_else(|| "none".to_owned(), |day| day.to_string());
    Entry {
        act: AuditAct::StandingChanged,
        school: Some(school),
        subject: format!("person {person}"),
        detail: format!("last day {}, was {}", day(is), day(was)),
    }
}
