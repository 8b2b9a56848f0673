//! Decisions of doors without the wire: a clock that stands, and codes of any time.

use crate::access::yard::{DOORS, Yard};
use onecard::{
    access::{
        Access, AccessError, DoorRequest, Passing, desk,
        readers::Readers,
        rights::{DayWindow, DoorRight, DoorTimes},
    },
    base::{
        clock::{Clock, ManualClock, SystemClock},
        crypto::{
            ed25519::Ed25519Key,
            keyring::{Key32, KeyRing, NamedKey},
        },
        db::Db,
        ids::PersonId,
        kv::MemoryKv,
        lane::Lanes,
    },
    passcode::{CodeMasters, CodePurpose, Codes, CodesSetup, Scan, ShownCode},
    schools::{PersonKeys, School, Schools},
    terminals::{
        Terminal, TerminalId, TerminalKind,
        seq::{AnswerKind, NumberedRequest, Seq, SeqStep, StoredResponse},
    },
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use testkit::{KEY, Rows, TestDb};
use tokio_util::task::LocalPoolHandle;

/// Who has the allocation's right at 一号楼: all but the third.
const ALLOCATED: [&str; 6] = [
    "2301001,一号楼,,,",
    "2301002,一号楼,,,",
    "2301004,一号楼,,,",
    "2301005,一号楼,,,",
    "2301006,一号楼,,,",
    "2301001,三号楼,,,",
];

/// Where it is decided who may pass.
pub struct Lodge {
    pub yard: Yard,
    pub clock: Arc<ManualClock>,
    pub school: Arc<School>,
    pub access: Access,
    doors: HashMap<&'static str, Arc<Terminal>>,
    next: AtomicI64,
}

/// Those of personal data.
pub fn keys() -> PersonKeys {
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    PersonKeys::new(ring(), ring())
}

impl Lodge {
    pub async fn open(db: &TestDb) -> Self {
        let yard = Box::pin(Yard::closed(db, DOORS)).await;
        yard.allocate(&ALLOCATED).await.unwrap();
        // Rights hold from the moment of their import on.
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let db = yard.shop.world.db.clone();
        let access = access(db.clone(), &clock);
        let school = access.schools.by_code("xnec").await.unwrap().unwrap();
        let mut doors = HashMap::new();
        for code in ["D1", "D1b", "D2", "D3", "MAIN", "DESK"] {
            doors.insert(code, Arc::new(terminal(&yard, &school, code).await));
        }
        Self { yard, clock, school, access, doors, next: AtomicI64::new(1) }
    }

    pub fn rows(&self) -> &Rows {
        &self.yard.shop.world.rows
    }

    pub fn person(&self, nth: usize) -> PersonId {
        self.yard.shop.phones[nth].person
    }

    /// What decides without locks, here or on another database.
    pub fn passing_on(&self, db: &Db) -> Passing {
        Passing { db: db.clone(), clock: self.clock.clone(), names: keys().sealer }
    }

    pub fn passing(&self) -> Passing {
        self.passing_on(&self.access.db)
    }

    /// What decides under the lock of the person on another database.
    pub fn access_on(&self, db: &Db) -> Access {
        access(db.clone(), &self.clock)
    }

    /// An identity code of somebody that was not shown before, read at a door.
    pub fn reading(&self, nth: usize, door: &str) -> DoorRequest {
        let shown = ShownCode { purpose: CodePurpose::Id, ..self.shown(nth) };
        self.request(Scan::Good(shown), door)
    }

    /// The same with a payment code.
    pub fn paying(&self, nth: usize, door: &str) -> DoorRequest {
        self.request(Scan::Good(self.shown(nth)), door)
    }

    fn shown(&self, nth: usize) -> ShownCode {
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        self.yard.shop.phones[nth].shown(u64::try_from(next).unwrap())
    }

    fn request(&self, scan: Scan, door: &str) -> DoorRequest {
        let terminal = Arc::clone(&self.doors[door]);
        let seq = Seq::new(self.next.fetch_add(1, Ordering::SeqCst)).unwrap();
        let nonce = format!("{door}.{}", seq.number());
        let digest = Sha256::digest(&nonce).into();
        let asked = NumberedRequest {
            terminal: terminal.id,
            school: self.school.id,
            seq,
            step: SeqStep::Act,
            kind: AnswerKind::Access,
            nonce,
            signature_digest: digest,
            content_digest: digest,
        };
        let (school, read_at) = (Arc::clone(&self.school), self.clock.now());
        DoorRequest { asked, school, terminal, scan, read_at }
    }

    /// Staff give somebody a right from now on.
    pub async fn give_right(&self, nth: usize, group: &str) -> DoorRight {
        let (now, group) = (self.clock.now(), group.parse().unwrap());
        let times = DoorTimes { from: now, until: None, window: DayWindow::ALL };
        let of = (self.school.id, self.person(nth));
        let give = async |tx: &_| desk::give(tx, of, (&group, times), now).await;
        self.access.db.in_tx(give).await.unwrap()
    }
}

async fn terminal(yard: &Yard, school: &School, code: &str) -> Terminal {
    let rows = &yard.shop.world.rows;
    let of = |column: &str| format!("SELECT {column} FROM terminal WHERE code = '{code}'");
    let kind = rows.texts(&of("kind")).await;
    let group = rows.texts(&of("COALESCE(door_group, '')")).await;
    let public = yard.signer(code).public_pem();
    Terminal {
        id: TerminalId::from_uuid(rows.id(&of("id")).await),
        school: school.id,
        school_code: school.code.clone(),
        code: code.parse().unwrap(),
        kind: TerminalKind::from_code(&kind[0]).unwrap(),
        key: Ed25519Key::from_spki_pem(public.as_bytes()).unwrap(),
        old_key: None,
        withdrawals: 0,
        merchant: None,
        door_group: group.first().filter(|g| !g.is_empty()).map(|g| g.parse().unwrap()),
    }
}

fn access(db: Db, clock: &Arc<ManualClock>) -> Access {
    let ring = KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let clock: Arc<dyn Clock> = clock.clone();
    let codes = Codes::new(CodesSetup {
        db: db.clone(),
        kv: Arc::new(MemoryKv::new(Arc::clone(&clock))),
        clock: Arc::clone(&clock),
        masters: CodeMasters::new(&ring),
    });
    let PersonKeys { sealer, index } = keys();
    let passing = Passing { db: db.clone(), clock: Arc::clone(&clock), names: sealer.clone() };
    Access {
        codes,
        schools: Arc::new(Schools::new(db.clone(), Arc::clone(&clock))),
        names: sealer,
        readers: Readers::new(index),
        passing: Lanes::start(&LocalPoolHandle::new(1), passing, 1, Passing::BATCH),
        clock,
        db,
    }
}

/// `open`, the reason of a refusal, or why it was not decided.
pub fn said(told: &Result<StoredResponse, AccessError>) -> String {
    match told {
        Ok(told) => {
            let body: Value = serde_json::from_slice(&told.body).unwrap();
            let reason = body["reason"].as_str().or(body["decision"].as_str());
            reason.unwrap().to_owned()
        }
        Err(error) => format!("{error:?}"),
    }
}
