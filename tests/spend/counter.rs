//! The lanes of charges without the wire: a clock that stands, and codes of any time.

use crate::spend::{
    phone::Phone,
    shop::{self, set_policy},
};
use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            seal::Sealer,
        },
        ids::{PersonId, SchoolId},
        kv::MemoryKv,
        lane::Lanes,
        money::Fen,
    },
    passcode::{self, CodeMasters, Codes, Scan},
    schools::{School, Schools},
    spend::{
        ChargeRequest, Proof, TillReply,
        charging::{BATCH, Charging},
    },
    terminals::{
        Merchant, MerchantId, NewMerchant, TerminalId, add_merchant,
        seq::{AnswerKind, NumberedRequest, Seq, SeqStep},
    },
};
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use testkit::{KEY, PEOPLE, TestDb, World};
use tokio_util::task::LocalPoolHandle;

/// Noon.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_233_600);

/// Where charges are decided.
pub struct Counter {
    pub world: World,
    pub clock: Arc<ManualClock>,
    pub phones: Vec<Phone>,
    pub school: Arc<School>,
    merchant: Merchant,
    next: AtomicI64,
}

/// The merchant of every terminal.
async fn merchant(world: &World, school: SchoolId) -> Merchant {
    let (code, name) = ("c1".parse().unwrap(), "第一食堂".parse().unwrap());
    let new = NewMerchant { school, code, name };
    add_merchant(&world.db, &new, NOW).await.unwrap();
    let id = world.rows.id("SELECT id FROM merchant WHERE code = 'c1'").await;
    Merchant { id: MerchantId::from_uuid(id), code: new.code, name: new.name }
}

impl Counter {
    /// With these tables in the place of the school's own, and so much money for everybody.
    pub async fn open(db: &TestDb, tables: &str, money: i64) -> Self {
        let world = World::unserved(db).await;
        set_policy(&world, tables).await;
        let clock = Arc::new(ManualClock::new(NOW));
        let schools = Schools::new(world.db.clone(), clock.clone());
        let school = schools.by_code("xnec").await.unwrap().unwrap();
        let mut phones = Vec::new();
        for (student_no, _) in PEOPLE {
            let person = PersonId::from_uuid(world.rows.person("xnec", student_no).await);
            phones.push(Phone::of(&world.db, (school.id, "xnec"), person).await);
            shop::fact(&world.db, (school.id, person), money).await;
        }
        let merchant = merchant(&world, school.id).await;
        Self { world, clock, phones, school, merchant, next: AtomicI64::new(1) }
    }

    /// What decides.
    pub fn charging(&self) -> Charging {
        let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
        let codes = Codes::new(passcode::CodesSetup {
            db: self.world.db.clone(),
            kv: Arc::new(MemoryKv::new(self.clock.clone())),
            clock: self.clock.clone(),
            masters: CodeMasters::new(&ring()),
        });
        Charging {
            db: self.world.db.clone(),
            clock: self.clock.clone(),
            names: Sealer::new(ring()),
            codes,
            sealer: Arc::default(),
        }
    }

    /// Two lanes, as a server has.
    pub fn lanes(&self) -> Lanes<Charging> {
        Lanes::start(&LocalPoolHandle::new(1), self.charging(), 2, BATCH)
    }

    /// A scan of a fresh code at a terminal of its own number.
    pub fn scan(&self, phone: usize, terminal: u128, fen: i64) -> ChargeRequest {
        let seq = self.next.fetch_add(1, Ordering::SeqCst);
        let shown = self.phones[phone].shown(u64::try_from(seq).unwrap());
        self.asking(Scan::Good(shown), (terminal, seq), fen)
    }

    /// A scan, whatever was scanned.
    pub fn asking(&self, scan: Scan, (terminal, seq): (u128, i64), fen: i64) -> ChargeRequest {
        let nonce = format!("{terminal}.{seq}");
        let digest = Sha256::digest(&nonce).into();
        ChargeRequest {
            asked: NumberedRequest {
                terminal: TerminalId::from_uuid(uuid::Uuid::from_u128(terminal)),
                school: self.school.id,
                seq: Seq::new(seq).unwrap(),
                step: SeqStep::Act,
                kind: AnswerKind::Charge,
                nonce,
                signature_digest: digest,
                content_digest: digest,
            },
            school: Arc::clone(&self.school),
            merchant: self.merchant.clone(),
            amount: Fen::new(fen).unwrap(),
            proof: Proof::Scan(scan),
            looked_at: self.clock.now(),
            request_id: "r".to_owned(),
        }
    }

    /// Whose phone it is.
    pub fn person(&self, phone: usize) -> (SchoolId, PersonId) {
        (self.school.id, self.phones[phone].person)
    }
}

/// The code of a refusal, `ok` for a charge.
pub fn code(told: &TillReply) -> String {
    let TillReply::Answer(answer) = told else { return format!("{told:?}") };
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    if answer.status == 200 { "ok".to_owned() } else { body["code"].as_str().unwrap().to_owned() }
}
