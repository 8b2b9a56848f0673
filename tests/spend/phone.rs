//! A phone that shows codes, computed here from the keys of its enrolment.

use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        crypto::keyring::{Key32, KeyRing, NamedKey},
        db::Db,
        ids::{PersonId, SchoolId},
    },
    passcode::{
        Channel, Code, CodeMasters, CodePurpose, DeviceId, DeviceKey, DeviceKind, EnrolmentTerms,
        Moment, NewDevice, Owner, Prefixes, Salt, ShownCode, Step, SubCounter, Tick, Trust, enrol,
    },
};
use std::{collections::HashSet, sync::Mutex, time::Duration};
use testkit::KEY;

/// A phone.
pub struct Phone {
    pub person: PersonId,
    school: SchoolId,
    key: DeviceKey,
    device: DeviceId,
    generation: u32,
    shown: Mutex<HashSet<(Tick, usize)>>,
}

impl Phone {
    /// Enrols a phone for a person.
    pub async fn of(db: &Db, (school, code): (SchoolId, &str), person: PersonId) -> Self {
        let masters = CodeMasters::new(&KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY))));
        let day = Duration::from_hours(24);
        let new = NewDevice {
            owner: Owner { person, school, channel: Channel::Wechat },
            kind: DeviceKind::Phone,
            client: Some(rand::random()),
            name: None,
            salt: Salt::random().unwrap(),
            master_key_id: masters.newest().to_owned(),
            terms: EnrolmentTerms { step: Step::DEFAULT, keys: 300 * day, unseen: 300 * day },
            trust: Trust::Proven,
        };
        let now = SystemClock.now();
        let enrolled = db.in_tx(async |tx| enrol(tx, &new, now).await).await.unwrap().unwrap();
        let master = masters.get(masters.number(masters.newest()).unwrap()).unwrap();
        let key = master.device_key(code, &enrolled.enrolled.salt, enrolled.enrolled.generation);
        let (device, generation) = (enrolled.enrolled.device, enrolled.enrolled.generation);
        Self { person, school, key, device, generation, shown: Mutex::default() }
    }

    /// The code of a moment.
    pub fn digits(&self, purpose: CodePurpose, at: Timestamp, sub: usize) -> String {
        let tick = Step::DEFAULT.tick(at);
        let handle = self.key.handle_key(purpose).handle_at(tick);
        let otp = self.key.otp_key(purpose).otp(Moment { tick, sub: SubCounter::ALL[sub] });
        Code::new(&Prefixes::default(), purpose, handle, otp).digits()
    }

    /// A payment code that was not shown before, good now: there are twelve, and four more with
    /// each step.
    pub fn code(&self) -> String {
        self.next_code().expect("more codes than a phone shows")
    }

    /// The same; none where all of this moment were shown.
    pub fn next_code(&self) -> Option<String> {
        let now = SystemClock.now();
        let step = Duration::from_secs(15);
        // The present first: the other two are good for a moment only.
        let moments = [now, now.plus(step), now.minus(step)].into_iter();
        let mut codes = moments.flat_map(|at| (0..4).map(move |sub| (at, sub)));
        let mut shown = self.shown.lock().unwrap();
        let (at, sub) = codes.find(|(at, sub)| shown.insert((Step::DEFAULT.tick(*at), *sub)))?;
        Some(self.digits(CodePurpose::Pay, at, sub))
    }

    /// What a till finds for the nth code of this phone, of any time.
    pub fn shown(&self, nth: u64) -> ShownCode {
        ShownCode {
            device: self.device,
            generation: self.generation,
            person: self.person,
            school: self.school,
            purpose: CodePurpose::Pay,
            step: Step::DEFAULT,
            tick: Tick::from_number(1_000_000 + nth / 4),
            sub: SubCounter::ALL[usize::try_from(nth % 4).unwrap()],
        }
    }
}
