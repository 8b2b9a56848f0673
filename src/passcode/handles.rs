//! An in-memory table from handles to devices, for the previous, the current and the next epoch.
//!
//! Invariant: an inserted device is found under each of its handles, even if several devices share
//! a handle.
//! Invariant: a device has one entry, with its newest enrolment.
//! Absent on purpose: whether a device is still valid. The transaction checks it in the database.

use super::{CodePurpose, Epoch, Handle, HandleKeys, MasterNumber, Salt, Step};
use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
    },
    uuid_id,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

uuid_id! {
    /// A phone, or a server-side device.
    DeviceId
}

/// An enrolment as known without a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The device.
    pub device: DeviceId,
    /// Its owner.
    pub person: PersonId,
    /// The owner's school.
    pub school: SchoolId,
    /// The step length.
    pub step: Step,
    /// The master key of its keys.
    pub master: MasterNumber,
    /// The salt of the key derivation.
    pub salt: Salt,
    /// The number of this enrolment of the device.
    pub generation: u32,
}

/// A device that shows a handle, and the epoch in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandleMatch {
    /// The device's enrolment.
    pub enrolment: Enrolment,
    /// The epoch in which it shows the handle.
    pub epoch: Epoch,
}

/// The handles of all schools. Devices of one school with the same step length share their epochs.
#[derive(Default)]
pub struct HandleTables {
    groups: BTreeMap<(SchoolId, Step), Group>,
}

/// Memory per device: about 120 bytes here, and an entry of 8 bytes in each of six sets.
#[derive(Default)]
struct Group {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    of_device: HashMap<DeviceId, u32>,
    hours: Vec<Hour>,
}

/// The keys are kept so that an epoch costs one HMAC per handle instead of four.
struct Slot {
    device: DeviceId,
    person: PersonId,
    master: MasterNumber,
    salt: Salt,
    generation: u32,
    keys: HandleKeys,
}

/// The handles of one epoch, each with the slot of a device. Slots before `filled` are included.
struct Hour {
    epoch: Epoch,
    filled: usize,
    pay: BTreeSet<(Handle, u32)>,
    id: BTreeSet<(Handle, u32)>,
}

impl HandleTables {
    /// Inserts a device, replacing an earlier enrolment of it.
    pub fn insert(&mut self, enrolment: &Enrolment, keys: HandleKeys, now: Timestamp) {
        let Enrolment { device, person, school, step, master, salt, generation } = *enrolment;
        self.remove(school, device);
        let group = self.groups.entry((school, step)).or_default();
        group.turn(step.tick(now).epoch());
        group.insert(Slot { device, person, master, salt, generation, keys });
    }

    /// Removes a device. An optimisation: it saves memory and useless comparisons.
    pub fn remove(&mut self, school: SchoolId, device: DeviceId) {
        for (_, group) in self.groups.range_mut(of_school(school)) {
            group.remove(device);
        }
    }

    /// Moves to the epoch of `now` and adds at most `at_most` devices to new epochs. Returns
    /// whether all were added; if not, it must be called again. The current epoch was filled one
    /// epoch ago, so no request waits for this.
    pub fn turn(&mut self, now: Timestamp, at_most: usize) -> bool {
        let mut left = at_most;
        for ((_, step), group) in &mut self.groups {
            group.turn(step.tick(now).epoch());
            left = group.fill(left);
        }
        self.groups.values().all(Group::is_filled)
    }

    /// The devices of a school that show a handle, usually none or one.
    pub fn matches_of(
        &self,
        school: SchoolId,
        purpose: CodePurpose,
        handle: Handle,
    ) -> Vec<HandleMatch> {
        let mut found = Vec::new();
        for ((_, step), group) in self.groups.range(of_school(school)) {
            for hour in &group.hours {
                for (_, slot) in hour.of(purpose).range((handle, 0)..=(handle, u32::MAX)) {
                    let slot = group.slot(*slot);
                    found.extend(slot.map(|slot| slot.handle_match(school, *step, hour.epoch)));
                }
            }
        }
        found
    }

    /// The generation of a device in the table.
    pub fn generation(&self, school: SchoolId, device: DeviceId) -> Option<u32> {
        let mut groups = self.groups.range(of_school(school));
        groups.find_map(|(_, group)| {
            group.slot(*group.of_device.get(&device)?).map(|slot| slot.generation)
        })
    }

    /// Like [`matches_of`], for all schools but one.
    ///
    /// [`matches_of`]: Self::matches_of
    pub fn elsewhere(
        &self,
        but: SchoolId,
        purpose: CodePurpose,
        handle: Handle,
    ) -> Vec<HandleMatch> {
        let mut schools: Vec<SchoolId> = self.groups.keys().map(|(school, _)| *school).collect();
        schools.dedup();
        let others = schools.into_iter().filter(|school| *school != but);
        others.flat_map(|school| self.matches_of(school, purpose, handle)).collect()
    }

    /// The number of devices.
    pub fn len(&self) -> usize {
        self.groups.values().map(|group| group.of_device.len()).sum()
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for HandleTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandleTables({} devices)", self.len())
    }
}

fn of_school(school: SchoolId) -> std::ops::RangeInclusive<(SchoolId, Step)> {
    (school, Step::SHORTEST)..=(school, Step::LONGEST)
}

impl Group {
    fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(usize::try_from(at).ok()?)?.as_ref()
    }

    fn insert(&mut self, slot: Slot) {
        let at = self.free.pop().or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).ok()
        });
        // 2^32 devices of one school would not fit into memory anyway.
        let Some(at) = at else { return };
        for hour in &mut self.hours {
            hour.insert(at, &slot.keys);
            // A complete epoch stays complete.
            hour.filled += usize::from(u32::try_from(hour.filled) == Ok(at));
        }
        self.of_device.insert(slot.device, at);
        if let Some(place) = usize::try_from(at).ok().and_then(|at| self.slots.get_mut(at)) {
            *place = Some(slot);
        }
    }

    fn remove(&mut self, device: DeviceId) {
        let Some(at) = self.of_device.remove(&device) else { return };
        let place = usize::try_from(at).ok().and_then(|at| self.slots.get_mut(at));
        if let Some(slot) = place.and_then(Option::take) {
            self.hours.iter_mut().for_each(|hour| hour.remove(at, &slot.keys));
        }
        self.free.push(at);
    }

    /// Keeps the epochs that are still in view and adds new ones, empty.
    fn turn(&mut self, present: Epoch) {
        let wanted = present.with_neighbours();
        self.hours.retain(|hour| wanted.contains(&hour.epoch));
        for epoch in wanted {
            if !self.hours.iter().any(|hour| hour.epoch == epoch) {
                self.hours.push(Hour::empty(epoch));
            }
        }
    }

    /// Adds up to `left` slots to the epochs that lack them; returns the rest of `left`.
    fn fill(&mut self, mut left: usize) -> usize {
        for hour in &mut self.hours {
            let lacking = self.slots.iter().enumerate().skip(hour.filled).take(left);
            for (at, slot) in lacking {
                if let (Ok(at), Some(slot)) = (u32::try_from(at), slot) {
                    hour.insert(at, &slot.keys);
                }
                hour.filled += 1;
                left -= 1;
            }
        }
        left
    }

    fn is_filled(&self) -> bool {
        self.hours.iter().all(|hour| hour.filled >= self.slots.len())
    }
}

impl Slot {
    fn handle_match(&self, school: SchoolId, step: Step, epoch: Epoch) -> HandleMatch {
        let Self { device, person, master, salt, generation, .. } = *self;
        let enrolment = Enrolment { device, person, school, step, master, salt, generation };
        HandleMatch { enrolment, epoch }
    }
}

impl Hour {
    const fn empty(epoch: Epoch) -> Self {
        Self { epoch, filled: 0, pay: BTreeSet::new(), id: BTreeSet::new() }
    }

    const fn of(&self, purpose: CodePurpose) -> &BTreeSet<(Handle, u32)> {
        match purpose {
            CodePurpose::Pay => &self.pay,
            CodePurpose::Id => &self.id,
        }
    }

    fn insert(&mut self, at: u32, keys: &HandleKeys) {
        self.pay.insert((keys.pay.handle(self.epoch), at));
        self.id.insert((keys.id.handle(self.epoch), at));
    }

    fn remove(&mut self, at: u32, keys: &HandleKeys) {
        self.pay.remove(&(keys.pay.handle(self.epoch), at));
        self.id.remove(&(keys.id.handle(self.epoch), at));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CodeMaster, Tick};
    use super::*;
    use crate::base::crypto::keyring::Key32;
    use uuid::Uuid;

    const START: i64 = 1_767_225_600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(START + seconds)
    }

    fn enrolment(number: u128, school: i64) -> Enrolment {
        Enrolment {
            device: DeviceId::from_uuid(Uuid::from_u128(number)),
            person: PersonId::from_uuid(Uuid::from_u128(number + 1_000_000)),
            school: SchoolId::from_number(school),
            step: Step::DEFAULT,
            master: MasterNumber::default(),
            salt: Salt::from_bytes(number.to_be_bytes()),
            generation: 1,
        }
    }

    fn keys(enrolment: &Enrolment) -> HandleKeys {
        let master = CodeMaster::new(&Key32::from_bytes([3; 32]));
        let Enrolment { salt, generation, .. } = enrolment;
        master.device_key("demo", salt, *generation).handle_keys()
    }

    fn put(tables: &mut HandleTables, enrolment: &Enrolment, now: Timestamp) {
        tables.insert(enrolment, keys(enrolment), now);
    }

    fn tick(enrolment: &Enrolment, now: Timestamp) -> Tick {
        enrolment.step.tick(now)
    }

    /// Whether exactly this enrolment is found under the payment handle that it shows at `shown`.
    fn finds(tables: &HandleTables, enrolment: &Enrolment, shown: Timestamp) -> bool {
        let tick = tick(enrolment, shown);
        let handle = keys(enrolment).pay.handle_at(tick);
        let found = tables.matches_of(enrolment.school, CodePurpose::Pay, handle);
        found == [HandleMatch { enrolment: *enrolment, epoch: tick.epoch() }]
    }

    #[test]
    fn three_epochs_are_in_view() {
        let (mut tables, device) = (HandleTables::default(), enrolment(1, 1));
        put(&mut tables, &device, at(10));
        let cases = [(-3601, false), (-3600, true), (0, true), (7199, true), (7200, false)];
        for (shown, found) in cases {
            assert_eq!(finds(&tables, &device, at(shown)), found, "{shown}");
        }
    }

    #[test]
    fn schools_and_purposes_are_separate() {
        let (mut tables, device) = (HandleTables::default(), enrolment(1, 1));
        put(&mut tables, &device, at(0));
        let (keys, tick) = (keys(&device), tick(&device, at(0)));
        let (pay, id) = (keys.pay.handle_at(tick), keys.id.handle_at(tick));
        let (here, there) = (SchoolId::from_number(1), SchoolId::from_number(2));
        let cases = [
            (here, CodePurpose::Pay, pay, 1),
            (here, CodePurpose::Id, id, 1),
            (here, CodePurpose::Id, pay, 0),
            (here, CodePurpose::Pay, id, 0),
            (there, CodePurpose::Pay, pay, 0),
            (there, CodePurpose::Id, id, 0),
        ];
        for (school, purpose, handle, found) in cases {
            let sightings = tables.matches_of(school, purpose, handle);
            assert_eq!(sightings.len(), found, "{school:?} {purpose:?}");
        }
    }

    /// Two devices with the same keys stand for two devices whose handles collide.
    #[test]
    fn devices_that_share_a_handle_are_all_found() {
        let mut tables = HandleTables::default();
        let (one, other) = (enrolment(1, 1), enrolment(2, 1));
        put(&mut tables, &one, at(0));
        tables.insert(&other, keys(&one), at(0));
        let handle = keys(&one).pay.handle_at(tick(&one, at(0)));
        let found = tables.matches_of(one.school, CodePurpose::Pay, handle);
        let found: Vec<_> = found.into_iter().map(|handle_match| handle_match.enrolment).collect();
        assert_eq!(found, [one, other]);
        tables.remove(one.school, one.device);
        let found = tables.matches_of(one.school, CodePurpose::Pay, handle);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].enrolment, other);
    }

    #[test]
    fn a_turn_keeps_epochs_in_view_and_fills_new_ones_in_parts() {
        let mut tables = HandleTables::default();
        let devices: Vec<_> = (0..25).map(|number| enrolment(number, 1)).collect();
        for device in &devices {
            put(&mut tables, device, at(0));
        }
        assert!(tables.turn(at(0), 0), "an inserted device is found at once");
        let all = |tables: &HandleTables, shown: i64| {
            devices.iter().filter(|device| finds(tables, device, at(shown))).count()
        };
        assert!(!tables.turn(at(3600), 10));
        assert_eq!((all(&tables, 0), all(&tables, 3600), all(&tables, 7200)), (25, 25, 10));
        assert_eq!(all(&tables, -1), 0, "the hour before last is gone");
        assert!(!tables.turn(at(3700), 10));
        assert_eq!(all(&tables, 7200), 20);
        assert!(tables.turn(at(3800), 10));
        assert_eq!((all(&tables, 0), all(&tables, 3600), all(&tables, 7200)), (25, 25, 25));
        assert!(tables.turn(at(3900), 0));
    }

    #[test]
    fn the_table_follows_clock_jumps_in_both_directions() {
        let (mut tables, device) = (HandleTables::default(), enrolment(1, 1));
        put(&mut tables, &device, at(0));
        for hours in [1, 2, 50, 49, 0, -30, 0] {
            let now = hours * 3600;
            assert!(tables.turn(at(now), 3));
            for shown in [now - 1, now, now + 3600] {
                assert!(finds(&tables, &device, at(shown)), "{hours} {shown}");
            }
        }
    }

    #[test]
    fn a_device_inserted_during_filling_is_found() {
        let mut tables = HandleTables::default();
        for number in 0..10 {
            put(&mut tables, &enrolment(number, 1), at(0));
        }
        assert!(!tables.turn(at(3600), 4));
        let late = enrolment(77, 1);
        put(&mut tables, &late, at(3601));
        tables.remove(late.school, enrolment(1, 1).device);
        tables.remove(late.school, enrolment(8, 1).device);
        let reused = enrolment(78, 1);
        put(&mut tables, &reused, at(3602));
        assert!(tables.turn(at(3603), 100));
        for device in [late, reused, enrolment(0, 1), enrolment(9, 1)] {
            assert!(finds(&tables, &device, at(7200)), "{device:?}");
        }
        // The device in a reused slot is not taken for the earlier one.
        let gone = enrolment(8, 1);
        for shown in [3600, 7200] {
            let handle = keys(&gone).pay.handle_at(tick(&gone, at(shown)));
            assert_eq!(tables.matches_of(gone.school, CodePurpose::Pay, handle), []);
        }
        assert_eq!(tables.len(), 10);
    }

    #[test]
    fn a_new_enrolment_replaces_the_old_one() {
        let (mut tables, old) = (HandleTables::default(), enrolment(1, 1));
        put(&mut tables, &old, at(0));
        let new = Enrolment { generation: 2, ..old };
        put(&mut tables, &new, at(1));
        assert!(!finds(&tables, &old, at(0)));
        assert!(finds(&tables, &new, at(0)));
        let slower = Enrolment { generation: 3, step: Step::from_seconds(30).unwrap(), ..old };
        put(&mut tables, &slower, at(2));
        assert!(!finds(&tables, &new, at(0)));
        assert!(finds(&tables, &slower, at(0)));
        assert!(finds(&tables, &slower, at(2 * 7200 - 1)), "240 steps of 30 s");
        assert_eq!(tables.len(), 1);
        tables.remove(old.school, old.device);
        assert!(tables.is_empty());
        assert!(!finds(&tables, &slower, at(0)));
        assert_eq!(format!("{tables:?}"), "HandleTables(0 devices)");
    }
}
