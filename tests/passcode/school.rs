//! A school with many devices, all in one table.

use onecard::{
    base::{
        clock::Timestamp,
        crypto::keyring::Key32,
        ids::{PersonId, SchoolId},
    },
    passcode::{
        Code, CodeMaster, CodePurpose, DeviceId, DeviceKey, Enrolment, HandleTables, MasterNumber,
        Moment, OtpMatch, Prefixes, Salt, Step, match_otp,
    },
};
use uuid::Uuid;

pub const SCHOOL: SchoolId = SchoolId::from_number(1);
/// 2026-01-01T08:00:00+08:00, the beginning of an hour.
pub const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

pub struct School {
    pub master: CodeMaster,
    pub tables: HandleTables,
}

impl School {
    pub fn empty() -> Self {
        let master = CodeMaster::new(&Key32::from_bytes([0x5A; 32]));
        Self { master, tables: HandleTables::default() }
    }

    pub fn enrol(&mut self, number: u32) {
        let enrolment = enrolment(number);
        let keys = self.key(&enrolment).handle_keys();
        self.tables.insert(&enrolment, keys, START);
    }

    pub fn key(&self, enrolment: &Enrolment) -> DeviceKey {
        self.master.device_key("demo", &enrolment.salt, enrolment.generation)
    }

    pub fn shown(&self, number: u32, moment: Moment) -> Code {
        let key = self.key(&enrolment(number));
        let handle = key.handle_key(CodePurpose::Pay).handle_at(moment.tick);
        let otp = key.otp_key(CodePurpose::Pay).otp(moment);
        Code::new(&Prefixes::default(), CodePurpose::Pay, handle, otp)
    }

    /// Whose code it is, as a till asks at `now`.
    pub fn holder(&self, code: &Code, now: Timestamp) -> Option<(DeviceId, Moment)> {
        let sightings = self.tables.matches_of(SCHOOL, code.purpose(), code.handle());
        sightings.into_iter().find_map(|seen| {
            let key = self.key(&seen.enrolment).otp_key(code.purpose());
            match match_otp(&key, seen.epoch, code.otp(), seen.enrolment.step.tick(now)) {
                OtpMatch::Good(moment) => Some((seen.enrolment.device, moment)),
                OtpMatch::NearMiss(..) | OtpMatch::Wrong => None,
            }
        })
    }
}

pub fn enrolment(number: u32) -> Enrolment {
    Enrolment {
        device: DeviceId::from_uuid(Uuid::from_u128(u128::from(number))),
        person: PersonId::from_uuid(Uuid::from_u128(u128::from(number) << 64)),
        school: SCHOOL,
        step: Step::DEFAULT,
        master: MasterNumber::default(),
        salt: Salt::from_bytes((u128::from(number) << 32).to_be_bytes()),
        generation: 1,
    }
}
