//! A school with phones, and the servers that read their codes.

use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::keyring::{Key32, KeyRing, NamedKey},
        db::{Db, DbError, counting_statements},
        ids::{PersonId, SchoolId},
        kv::{Kv, MemoryKv, RedisKv},
    },
    passcode::{
        Channel, Code, CodeMasters, CodePurpose, CodeUse, Codes, CodesSetup, DeviceKind, Enrolled,
        EnrolmentTerms, Moment, NewDevice, Owner, Prefixes, Salt, ScanOutcome, ScanPlace,
        ShownCode, Step, SubCounter, Tick, Trust, enrol, use_up,
    },
};
use sea_orm::{ConnectionTrait, Database, Statement};
use std::{sync::Arc, time::Duration};
use testkit::TestDb;
use uuid::Uuid;

/// In the middle of an hour, at the beginning of a step.
pub const START: Timestamp = Timestamp::from_seconds(1_767_225_600 + 1_800);
pub const STEP: Step = Step::DEFAULT;
pub const TERMS: EnrolmentTerms = EnrolmentTerms {
    step: STEP,
    keys: Duration::from_hours(30 * 24),
    unseen: Duration::from_hours(7 * 24),
};

/// Everything that servers share.
pub struct World {
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub kv: Arc<dyn Kv>,
}

/// A phone that has its keys.
#[derive(Clone, Debug)]
pub struct Phone {
    pub owner: Owner,
    pub enrolled: Enrolled,
}

/// The number of a school, which is made where it is new.
pub async fn school(db: &TestDb, number: i64) -> SchoolId {
    let conn = Database::connect(&db.url).await.unwrap();
    let sql = "INSERT INTO school (id, code, name, policy_version, policy, updated_at) \
        VALUES ($1, $2, 'x', 1, '{}', 0)";
    let values = [number.into(), code_of(SchoolId::from_number(number)).into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    conn.execute_raw(statement).await.unwrap();
    SchoolId::from_number(number)
}

fn code_of(school: SchoolId) -> String {
    format!("school{}", school.number())
}

pub fn person(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

pub fn terminal(number: u128) -> Uuid {
    Uuid::from_u128(0x0700 << 64 | number)
}

pub fn owner(school: SchoolId, number: u128) -> Owner {
    Owner { person: person(number), school, channel: Channel::Wechat }
}

/// A phone of that owner which calls itself by a number.
pub fn phone(owner: Owner, client: u8) -> NewDevice {
    NewDevice {
        owner,
        kind: DeviceKind::Phone,
        client: Some([client; 32]),
        name: None,
        salt: Salt::random().unwrap(),
        master_key_id: "k1".into(),
        terms: TERMS,
        trust: Trust::Proven,
    }
}

impl World {
    /// A database and the key-value store of the process.
    pub fn of(db: &TestDb) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let now: Arc<dyn Clock> = clock.clone();
        Self { db: db.db.clone(), clock, kv: Arc::new(MemoryKv::new(now)) }
    }

    /// The same with Redis, where there is one.
    pub fn with_redis(db: &TestDb) -> Self {
        let Ok(url) = std::env::var("ONECARD_TEST_REDIS") else {
            eprintln!("SKIPPED: Redis, since ONECARD_TEST_REDIS is not set; in-process instead");
            return Self::of(db);
        };
        let prefix = format!("test-{}", Uuid::new_v4().simple());
        Self { kv: Arc::new(RedisKv::new(&url, &prefix).unwrap()), ..Self::of(db) }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A server whose key-value store was emptied just now.
    pub fn forgetful_server(&self, db: &TestDb) -> Codes {
        self.server_with(Self::with_redis(db).kv)
    }

    /// A server whose key-value store was killed.
    pub fn storeless_server(&self) -> Codes {
        self.server_with(Arc::new(RedisKv::new("redis://127.0.0.1:1", "gone").unwrap()))
    }

    /// A server on this database, whose table is empty.
    pub fn server(&self) -> Codes {
        self.server_with(Arc::clone(&self.kv))
    }

    /// A server with a key-value store of its own.
    pub fn server_with(&self, kv: Arc<dyn Kv>) -> Codes {
        let key = NamedKey::new("k1", Key32::from_bytes([0x5A; 32])).unwrap();
        Codes::new(CodesSetup {
            db: self.db.clone(),
            kv,
            clock: self.clock.clone(),
            masters: CodeMasters::new(&KeyRing::single(key)),
        })
    }

    pub async fn enrol(&self, new: &NewDevice) -> Phone {
        let now = self.now();
        let done = self.db.in_tx(async |tx| enrol(tx, new, now).await).await.unwrap().unwrap();
        Phone { owner: new.owner, enrolled: done.enrolled }
    }

    /// Uses codes up in one transaction, as payments.
    pub async fn use_up(&self, shown: &[ShownCode]) -> Vec<CodeUse> {
        let (uses, now): (Vec<_>, _) = (shown.iter().map(|s| (*s, "")).collect(), self.now());
        self.db.in_tx(async |tx| use_up(tx, &uses, now).await).await.unwrap()
    }
}

/// So many, or the number that the bounds are stated for.
pub fn times(few: u32, full: u32) -> u32 {
    if std::env::var_os("ONECARD_LONG").is_some() { full } else { few }
}

/// Asks whose code it is, where payments are wanted.
pub async fn find(
    server: &Codes,
    (school, terminal): (SchoolId, Uuid),
    text: &str,
    now: Timestamp,
) -> Result<ScanOutcome, DbError> {
    let prefixes = Prefixes::default();
    let place = ScanPlace { school, terminal, accepts: &[CodePurpose::Pay], prefixes: &prefixes };
    let (found, missed) = server.find(&place, text, now).await?;
    if let Some(missed) = missed {
        server.share(missed, now).await;
    }
    Ok(found)
}

/// The same, with the number of statements that it took.
pub async fn find_counting(
    server: &Codes,
    place: (SchoolId, Uuid),
    text: &str,
    now: Timestamp,
) -> (ScanOutcome, u32) {
    let (found, statements) = counting_statements(find(server, place, text, now)).await;
    (found.unwrap(), statements)
}

impl Phone {
    /// What it shows.
    pub fn shows(&self, server: &Codes, purpose: CodePurpose, tick: Tick, sub: usize) -> Code {
        let moment = Moment { tick, sub: SubCounter::ALL[sub] };
        let key = server.device_key(&code_of(self.owner.school), &self.enrolled).unwrap();
        let handle = key.handle_key(purpose).handle_at(tick);
        let otp = key.otp_key(purpose).otp(moment);
        Code::new(&Prefixes::default(), purpose, handle, otp)
    }

    /// What it shows to pay at an instant of its own clock.
    pub fn pays(&self, server: &Codes, at: Timestamp, sub: usize) -> Code {
        self.shows(server, CodePurpose::Pay, STEP.tick(at), sub)
    }

    /// What a terminal finds by it.
    pub fn shown(&self, at: Timestamp, sub: usize) -> ShownCode {
        ShownCode {
            device: self.enrolled.device,
            generation: self.enrolled.generation,
            person: self.owner.person,
            school: self.owner.school,
            purpose: CodePurpose::Pay,
            step: STEP,
            tick: STEP.tick(at),
            sub: SubCounter::ALL[sub],
        }
    }
}
