//! The doors that are a person's today.

use super::{DoorKeys, DoorLock, OpenError, pass, store::locks};
use crate::{
    access::{
        PassRefusal,
        rights::{self, DoorRight, DoorTimes, PassVerdict},
    },
    base::{clock::Timestamp, db::Source},
    sessions::Student,
};
use std::{collections::HashSet, time::Duration};

/// The most doors of one person. Nobody chooses from more on a phone.
const MOST_DOORS: usize = 100;

/// A door of a person.
#[derive(Debug)]
pub struct RingDoor {
    /// The door.
    pub lock: DoorLock,
    /// When it may be opened today, where that is later than now.
    pub opens_at: Option<Timestamp>,
}

/// A person's doors.
#[derive(Debug)]
pub struct RingView {
    /// Those with a right for now or for later today.
    pub doors: Vec<RingDoor>,
    /// Why none of them opens.
    pub blocked: Option<PassRefusal>,
}

impl DoorKeys {
    /// The doors of a student. Whether one opens is decided again when it is to be opened.
    pub async fn ring(&self, student: &Student) -> Result<RingView, OpenError> {
        let school = self.schools.require(student.school).await?;
        let now = self.clock.now();
        let person = self.people.require(student.person).await?;
        let blocked = pass::of_standing(&school, &person, now);
        if self.vendors.of(&school.code).is_none() {
            return Ok(RingView { doors: Vec::new(), blocked });
        }
        let source = Source::Db(&self.db);
        let rights = rights::rights_of(source, &school, student.person, now).await?;
        let today: Vec<_> =
            rights.iter().filter(|right| opens(right.times, now).is_some()).collect();
        let groups: HashSet<_> = today.iter().map(|right| right.group.to_string()).collect();
        let groups = groups.into_iter().collect();
        let found = locks::of_groups(source, school.id, groups, MOST_DOORS).await?;
        let doors = found.into_iter().filter_map(|lock| ring_door(lock, &today, now)).collect();
        Ok(RingView { doors, blocked })
    }
}

fn ring_door(lock: DoorLock, rights: &[&DoorRight], now: Timestamp) -> Option<RingDoor> {
    let of_door = rights.iter().filter(|right| right.group == lock.group);
    let first = of_door.filter_map(|right| opens(right.times, now)).min()?;
    Some(RingDoor { lock, opens_at: (first > now).then_some(first) })
}

/// The first instant today at which a right holds: now, or later.
fn opens(times: DoorTimes, now: Timestamp) -> Option<Timestamp> {
    let [from, _] = times.window.minutes();
    let window = now.day().start().plus(Duration::from_secs(u64::from(from) * 60));
    let candidates = [now, window.max(times.from), times.from];
    let holds = |at: &Timestamp| {
        let today = *at >= now && at.day() == now.day();
        today && rights::verdict([times], *at) == PassVerdict::Pass
    };
    candidates.into_iter().filter(holds).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Day;

    fn at(day: i32, minute: u64) -> Timestamp {
        Day::from_number(day).start().plus(Duration::from_secs(minute * 60))
    }

    #[test]
    fn a_door_is_shown_if_it_opens_now_or_later_today() {
        let right = |from: Timestamp, until, window: &str| DoorTimes {
            from,
            until,
            window: window.parse().unwrap(),
        };
        let noon = at(100, 720);
        let cases = [
            (right(at(1, 0), None, "00:00-00:00"), Some(noon)),
            (right(at(1, 0), None, "06:00-11:00"), None),
            (right(at(1, 0), None, "13:00-14:00"), Some(at(100, 780))),
            // The right itself begins later today, within its hours or before them.
            (right(at(100, 800), None, "06:00-23:00"), Some(at(100, 800))),
            (right(at(100, 730), None, "13:00-14:00"), Some(at(100, 780))),
            (right(at(101, 0), None, "00:00-00:00"), None),
            // It ends before its hours begin.
            (right(at(1, 0), Some(at(100, 780)), "13:00-14:00"), None),
            (right(at(1, 0), Some(noon), "00:00-00:00"), None),
            // Across midnight.
            (right(at(1, 0), None, "22:00-06:00"), Some(at(100, 1320))),
        ];
        for (n, (times, expected)) in cases.into_iter().enumerate() {
            assert_eq!(opens(times, noon), expected, "case {n}");
        }
        let night = right(at(1, 0), None, "22:00-06:00");
        assert_eq!(opens(night, at(100, 60)), Some(at(100, 60)));
    }
}
