//! A code that was read at a door or a desk, looked up.

use super::{log::LoggedRead, refusal::NOT_ITS_USE};
use crate::{
    base::clock::Timestamp,
    passcode::{CodePurpose, Scan, ShownCode},
    schools::{School, policy::DoorRules},
    terminals::{Terminal, TerminalKind, seq::NumberedRequest},
};
use std::{sync::Arc, time::Duration};

/// How long after its reading a code may open a door. Longer than any door waits for an answer: a door
/// that opens later opens for somebody else.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// A code that was read at a door or a desk, looked up.
#[derive(Clone, Debug)]
pub struct DoorRequest {
    /// The sequence number and the signature.
    pub asked: NumberedRequest,
    /// The door's school.
    pub school: Arc<School>,
    /// The door or the desk.
    pub terminal: Arc<Terminal>,
    /// What was read.
    pub scan: Scan,
    /// When it was read.
    pub read_at: Timestamp,
}

/// The rules of the school for a terminal.
pub(super) fn rules_of<'p>(school: &'p School, terminal: &Terminal) -> DoorRules<'p> {
    let group = terminal.door_group.as_deref();
    match terminal.kind {
        TerminalKind::Library => school.policy.doors.desk_rules(group),
        TerminalKind::Gate | TerminalKind::Pos | TerminalKind::Water => {
            school.policy.doors.rules(group)
        }
    }
}

impl DoorRequest {
    pub(super) fn group(&self) -> &str {
        self.terminal.door_group.as_deref().unwrap_or_default()
    }

    /// Where a code is good once: an identity code at each group of doors, and at each door that belongs to
    /// none; a payment code everywhere.
    pub(super) fn scope(&self, shown: &ShownCode) -> String {
        match (shown.purpose, self.terminal.door_group.as_deref()) {
            (CodePurpose::Pay, _) => String::new(),
            (CodePurpose::Id, Some(group)) => group.to_owned(),
            (CodePurpose::Id, None) => self.terminal.id.to_string(),
        }
    }

    /// True if the code may be good here for the first time, so that its person may pass.
    pub(super) const fn may_be_usual(&self) -> bool {
        match self.scan {
            Scan::Good(_) => true,
            Scan::Skewed(_)
            | Scan::Used
            | Scan::WrongPurpose
            | Scan::Invalid
            | Scan::Foreign(_)
            | Scan::NotACode => false,
        }
    }

    /// True if only who has a right may pass.
    pub(super) fn needs_right(&self) -> bool {
        rules_of(&self.school, &self.terminal).right_needed
    }

    /// True at a library's desk, which is told a reader.
    pub(super) const fn tells_reader(terminal: &Terminal) -> bool {
        match terminal.kind {
            TerminalKind::Library => true,
            TerminalKind::Gate | TerminalKind::Pos | TerminalKind::Water => false,
        }
    }

    /// How long it may still wait to be decided; `None` if it has waited too long.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        DECIDED_WITHIN.checked_sub(now.distance(self.read_at))
    }

    /// True if this door used the code itself, so short a time ago that this is the same showing.
    pub(super) fn is_double_read(&self, reads: &[LoggedRead], now: Timestamp) -> bool {
        let uses = reads.iter().filter(|read| !NOT_ITS_USE.contains(&&*read.reason));
        let first = uses.map(|read| read.at).min();
        first.is_some_and(|at| now < at.plus(self.school.policy.doors.double_read()))
    }
}
