//! A phone that shows codes, computed here from the keys of its enrolment.

use crate::server::KEY;
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        crypto::keyring::{Key32, KeyRing, NamedKey},
        db::Db,
        ids::{PersonId, SchoolId},
    },
    passcode::{
        Channel, Code, CodeMasters, DeviceId, DeviceKey, DeviceKind, Moment, NewDevice, Owner,
        Prefixes, Purpose, Salt, Shown, Step, SubCounter, Terms, enrol,
    },
};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// A phone.
pub struct Phone {
    pub person: PersonId,
    school: SchoolId,
    key: DeviceKey,
    device: DeviceId,
    generation: u32,
    shown: AtomicI64,
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
            terms: Terms { step: Step::DEFAULT, keys: 30 * day, unseen: 7 * day },
        };
        let now = SystemClock.now();
        let enrolled = db.in_tx(async |tx| enrol(tx, &new, now).await).await.unwrap();
        let master = masters.get(masters.number(masters.newest()).unwrap()).unwrap();
        let key = master.device_key(code, &enrolled.salt, enrolled.generation);
        let (device, generation) = (enrolled.device, enrolled.generation);
        Self { person, school, key, device, generation, shown: AtomicI64::new(0) }
    }

    /// The code of a moment.
    pub fn digits(&self, purpose: Purpose, at: Timestamp, sub: usize) -> String {
        let tick = Step::DEFAULT.tick(at);
        let handle = self.key.handle_key(purpose).handle_at(tick);
        let otp = self.key.otp_key(purpose).otp(Moment { tick, sub: SubCounter::ALL[sub] });
        Code::new(&Prefixes::default(), purpose, handle, otp).digits()
    }

    /// A payment code that was not shown before, good now: twelve of them in a step's time.
    pub fn code(&self) -> String {
        let nth = self.shown.fetch_add(1, Ordering::SeqCst);
        let now = SystemClock.now();
        let at = match nth / 4 {
            0 => now,
            1 => now.plus(Duration::from_secs(15)),
            2 => now.minus(Duration::from_secs(15)),
            _ => panic!("more codes than a phone shows"),
        };
        self.digits(Purpose::Pay, at, usize::try_from(nth % 4).unwrap())
    }

    /// What a till finds for the nth code of this phone, of any time.
    pub fn shown(&self, nth: u64) -> Shown {
        Shown {
            device: self.device,
            generation: self.generation,
            person: self.person,
            school: self.school,
            purpose: Purpose::Pay,
            step: Step::DEFAULT,
            tick: onecard::passcode::Tick::from_number(1_000_000 + nth / 4),
            sub: SubCounter::ALL[usize::try_from(nth % 4).unwrap()],
        }
    }
}
