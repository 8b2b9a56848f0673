//! Rights to pass doors: a person, a door group, from an instant until another, within a window of the
//! day. The rules are free of I/O.

use super::store;
use crate::{
    base::{
        clock::{Timestamp, minute_of_day},
        crypto::row_mac::RowMacs,
        db::{DbError, Found, Question, Source, Tx, Write},
        ids::{PersonId, SchoolId},
    },
    schools::School,
    terminals::DoorGroup,
};
use std::{fmt, str::FromStr};
use uuid::Uuid;

crate::uuid_id! {
    /// A right to pass a group of doors.
    DoorRightId
}

crate::uuid_id! {
    /// One import of a dormitory's allocation.
    AllocationId
}

/// Part of each day in Asia/Shanghai: `06:00-23:30`, or `22:00-06:00`, which crosses midnight. The end
/// is the first minute after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DayWindow {
    from: u16,
    until: u16,
}

/// The text is not a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be hours of the day as in 06:00-23:30, or 22:00-06:00")]
pub struct InvalidWindow;

impl DayWindow {
    /// The whole day.
    pub const ALL: Self = Self { from: 0, until: 24 * 60 };

    /// From a minute of the day, 0 to 1439, until another, 1 to 1440.
    pub const fn new(from: u16, until: u16) -> Option<Self> {
        let fits = from < 24 * 60 && 0 < until && until <= 24 * 60 && from != until;
        if fits { Some(Self { from, until }) } else { None }
    }

    /// Its first minute, and the first after it.
    pub const fn minutes(self) -> [u16; 2] {
        [self.from, self.until]
    }

    const fn has(self, minute: u16) -> bool {
        if self.from < self.until {
            self.from <= minute && minute < self.until
        } else {
            self.from <= minute || minute < self.until
        }
    }
}

impl FromStr for DayWindow {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let ends = text.split_once('-').and_then(|(from, until)| {
            // 00:00 as an end is the midnight after the window.
            let until = minute_of_day(until).map(|until| if until == 0 { 24 * 60 } else { until });
            Self::new(minute_of_day(from)?, until?)
        });
        ends.ok_or(InvalidWindow)
    }
}

impl fmt::Display for DayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, until] = self.minutes().map(|minute| (minute / 60, minute % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.0, from.1, until.0, until.1)
    }
}

/// When somebody may pass a group of doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DoorTimes {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after it; `None` for no end.
    pub until: Option<Timestamp>,
    /// The hours of each day.
    pub window: DayWindow,
}

impl DoorTimes {
    /// As stored in place of no end.
    pub(super) const NEVER: i64 = i64::MAX;

    /// The end for storage.
    pub(super) fn until_micros(&self) -> i64 {
        self.until.map_or(Self::NEVER, Timestamp::micros)
    }

    /// The end as stored.
    pub(super) fn end(micros: i64) -> Option<Timestamp> {
        (micros != Self::NEVER).then(|| Timestamp::from_micros(micros))
    }

    fn at(&self, now: Timestamp) -> PassVerdict {
        if self.until.is_some_and(|until| now >= until) {
            PassVerdict::NoRight
        } else if now >= self.from && self.window.has(now.minute_of_day()) {
            PassVerdict::Pass
        } else {
            PassVerdict::NotNow
        }
    }
}

/// Whether somebody may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassVerdict {
    /// There is no right, or it has ended.
    NoRight,
    /// There is a right, for other hours or from a later day on.
    NotNow,
    /// The person may pass.
    Pass,
}

/// The verdict of several rights at one group: the best of them.
pub fn verdict(rights: impl IntoIterator<Item = DoorTimes>, now: Timestamp) -> PassVerdict {
    let verdicts = rights.into_iter().map(|times| times.at(now));
    verdicts.max().unwrap_or(PassVerdict::NoRight)
}

/// Where a right comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RightSource {
    /// The dormitory's allocation.
    Allocation,
    /// A member of staff.
    Staff,
}

impl RightSource {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Allocation => "allocation",
            Self::Staff => "staff",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Allocation, Self::Staff].into_iter().find(|source| source.code() == code)
    }
}

/// A right as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorRight {
    /// The id.
    pub id: DoorRightId,
    /// Whose.
    pub person: PersonId,
    /// Which doors.
    pub group: DoorGroup,
    /// When.
    pub times: DoorTimes,
    /// Where it comes from.
    pub source: RightSource,
}

/// A right that is in force, and what puts it in force.
#[derive(Clone, Debug)]
pub(super) struct RightInForce {
    pub(super) school: SchoolId,
    pub(super) right: DoorRight,
    pub(super) by: InForceBy,
}

/// What must not change for a right to stay in force as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InForceBy {
    /// The row of its group, by its id, names this allocation, whose rights never change.
    Allocation(Uuid, AllocationId),
    /// Its own row, which staff may end.
    Itself,
}

/// Of these, one that lets its person pass now: of an allocation, if there is one, since many may look
/// at the row of a group at once.
pub(super) fn passing<'r>(
    rights: impl IntoIterator<Item = &'r RightInForce>,
    now: Timestamp,
) -> Option<&'r RightInForce> {
    let passing = rights.into_iter().filter(|found| found.right.times.at(now) == PassVerdict::Pass);
    passing.min_by_key(|found| found.by == InForceBy::Itself)
}

/// Makes sure that rights are in force as they were read: like reading them under the lock of their
/// persons.
pub(super) fn unchanged(read: &[&RightInForce]) -> [Write; 2] {
    store::rights::unchanged(read)
}

/// Whether a person has a right to a group of doors now, by the rights as they are committed: one query. That
/// nobody needs a right at the gate of a group is not looked at, nor the person's standing.
///
/// To be called under the person's lock ([`People::hold`](crate::schools::People::hold)), under which
/// staff end rights.
pub async fn may_pass(
    tx: &Tx,
    school: &School,
    person: PersonId,
    group: &DoorGroup,
    now: Timestamp,
) -> Result<PassVerdict, DbError> {
    let [found] = Source::Tx(tx).ask([question(school.id, person, group)]).await?;
    Ok(verdict(times(&in_force(tx.macs(), &found)?), now))
}

/// A question for the rights of a person at a group, to be asked in the transaction that decides.
pub(super) fn question(school: SchoolId, person: PersonId, group: &str) -> Question {
    questions([(school, person, group)])
}

/// A question for the rights of several persons, each at a group; and of each of them at the groups of
/// the others.
pub(super) fn questions<'g>(
    wanted: impl IntoIterator<Item = (SchoolId, PersonId, &'g str)>,
) -> Question {
    store::rights::question(wanted)
}

/// The answer to [`question`] or [`questions`]: those in force, with their MACs checked.
pub(super) fn in_force(macs: &RowMacs, found: &[Found]) -> Result<Vec<RightInForce>, DbError> {
    found.iter().map(|found| store::rights::in_force(macs, found)).collect()
}

/// When rights hold.
pub(super) fn times(rights: &[RightInForce]) -> impl Iterator<Item = DoorTimes> {
    rights.iter().map(|found| found.right.times)
}

/// The rights of a person that are in force and have not ended, by the names of their groups; those
/// for other hours too. One query.
pub async fn rights_of(
    source: Source<'_>,
    school: &School,
    person: PersonId,
    now: Timestamp,
) -> Result<Vec<DoorRight>, DbError> {
    store::rights::of_person(source, school.id, person, now).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Day;
    use PassVerdict::{NoRight, NotNow, Pass};

    /// A minute of a day of Asia/Shanghai; the day after may be reached.
    fn at(day: i32, time: &str) -> Timestamp {
        let minute = minute_of_day(time).unwrap();
        Day::from_number(day).start().plus(std::time::Duration::from_secs(u64::from(minute) * 60))
    }

    fn right(from: i32, until: Option<i32>, window: &str) -> DoorTimes {
        let start = |day: i32| Day::from_number(day).start();
        DoorTimes { from: start(from), until: until.map(start), window: window.parse().unwrap() }
    }

    #[test]
    fn windows_are_hours_of_a_day() {
        for (text, shown) in [
            ("06:00-23:30", "06:00-23:30"),
            ("22:00-06:00", "22:00-06:00"),
            ("00:00-24:00", "00:00-24:00"),
            ("22:00-00:00", "22:00-24:00"),
            ("00:00-00:00", "00:00-24:00"),
            ("23:59-00:01", "23:59-00:01"),
        ] {
            assert_eq!(text.parse::<DayWindow>().unwrap().to_string(), shown);
        }
        assert_eq!("00:00-24:00".parse(), Ok(DayWindow::ALL));
        for bad in ["", "6:00-23:00", "06:00", "06:00-06:00", "24:00-06:00", "06:00-24:01", "a-b"] {
            assert_eq!(bad.parse::<DayWindow>(), Err(InvalidWindow), "{bad}");
        }
        assert_eq!(DayWindow::new(1440, 10), None);
        assert_eq!(DayWindow::new(10, 1441), None);
        assert_eq!(DayWindow::new(10, 0), None);
    }

    /// Rights are from the start of a day until the start of another; the hours are of each day.
    #[test]
    fn rights_hold_at_these_times() {
        let all = "00:00-24:00";
        let cases = [
            // Nobody without a right.
            (vec![], at(100, "12:00"), NoRight),
            // From its first instant.
            (vec![right(100, None, all)], at(99, "23:59"), NotNow),
            (vec![right(100, None, all)], at(100, "00:00"), Pass),
            (vec![right(100, None, all)], at(9000, "00:00"), Pass),
            // Until midnight, which is no longer part of it.
            (vec![right(100, Some(101), all)], at(100, "23:59"), Pass),
            (vec![right(100, Some(101), all)], at(101, "00:00"), NoRight),
            (vec![right(100, Some(101), all)], at(100, "24:00"), NoRight),
            // A right that was ended before it began.
            (vec![right(100, Some(100), all)], at(100, "00:00"), NoRight),
            // Within a day.
            (vec![right(1, None, "06:00-23:30")], at(100, "05:59"), NotNow),
            (vec![right(1, None, "06:00-23:30")], at(100, "06:00"), Pass),
            (vec![right(1, None, "06:00-23:30")], at(100, "23:29"), Pass),
            (vec![right(1, None, "06:00-23:30")], at(100, "23:30"), NotNow),
            // Across midnight.
            (vec![right(1, None, "22:00-06:00")], at(100, "21:59"), NotNow),
            (vec![right(1, None, "22:00-06:00")], at(100, "22:00"), Pass),
            (vec![right(1, None, "22:00-06:00")], at(100, "24:00"), Pass),
            (vec![right(1, None, "22:00-06:00")], at(101, "05:59"), Pass),
            (vec![right(1, None, "22:00-06:00")], at(101, "06:00"), NotNow),
            // The night does not go on after the right's own end, nor begin before it.
            (vec![right(1, Some(101), "22:00-06:00")], at(100, "23:59"), Pass),
            (vec![right(1, Some(101), "22:00-06:00")], at(101, "00:00"), NoRight),
            (vec![right(101, None, "22:00-06:00")], at(100, "23:00"), NotNow),
            (vec![right(101, None, "22:00-06:00")], at(101, "05:00"), Pass),
            // To the end of the day.
            (vec![right(1, None, "22:00-00:00")], at(100, "23:59"), Pass),
            (vec![right(1, None, "22:00-00:00")], at(101, "00:00"), NotNow),
            // Several overlap: one is enough, and what has ended takes nothing away.
            (
                vec![right(1, None, "06:00-12:00"), right(1, None, "10:00-18:00")],
                at(100, "17:00"),
                Pass,
            ),
            (vec![right(1, Some(50), all), right(90, None, all)], at(100, "12:00"), Pass),
            (vec![right(90, None, all), right(1, Some(50), all)], at(100, "12:00"), Pass),
            (
                vec![right(1, Some(50), all), right(90, None, "13:00-14:00")],
                at(100, "12:00"),
                NotNow,
            ),
            (vec![right(1, Some(50), all), right(40, Some(60), all)], at(55, "12:00"), Pass),
            (vec![right(1, Some(50), all), right(40, Some(60), all)], at(60, "00:00"), NoRight),
            // They do not add up to a gap between them.
            (vec![right(1, Some(50), all), right(51, None, all)], at(50, "12:00"), NotNow),
        ];
        for (n, (rights, now, expected)) in cases.into_iter().enumerate() {
            assert_eq!(verdict(rights, now), expected, "case {n}");
        }
    }
}
