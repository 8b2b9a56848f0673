//! The lanes of charges without the wire: a clock that stands, and codes of any time.

use crate::{
    spend::{
        phone::Phone,
        shop::{self, set_policy},
    },
    terminals::signer::Signer,
};
use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::{
            ed25519::Ed25519Key,
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
        Accepted, Merchant, MerchantId, NewMerchant, TerminalId, Terminals, add_merchant,
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

/// The key of all tills.
pub fn till_key() -> Ed25519Key {
    let pem = Signer::new("xnec/N", 1).public_pem();
    Ed25519Key::from_spki_pem(pem.as_bytes()).unwrap()
}

/// Registers terminals whose ids are the numbers below this.
const TILLS: u128 = 300;

async fn tills(world: &World, school: SchoolId) {
    let id = |n| world.rows.literal(&uuid::Uuid::from_u128(n).to_string());
    let row = |n| format!("({}, {}, 'N{n}', 'pos', $1, true, 1, 1)", id(n), school.number());
    let rows: Vec<String> = (0..TILLS).map(row).collect();
    let sql = format!(
        "INSERT INTO terminal (id, school_id, code, kind, public_key, enabled, created_at, updated_at) \
         VALUES {}",
        rows.join(", ")
    );
    world.rows.change(&sql, [till_key().bytes().to_vec().into()]).await;
    let [_, authority] = Terminals::AUTHORITY else { panic!("merchants and terminals") };
    let signing = world.db.in_tx(async |tx| {
        let rows = authority.page(tx.into(), None).await?;
        authority.sign(tx, &rows).await
    });
    signing.await.unwrap();
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
        tills(&world, school.id).await;
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
        let id = TerminalId::from_uuid(uuid::Uuid::from_u128(terminal));
        ChargeRequest {
            accepted: Accepted { terminal: id, withdrawals: 0 },
            asked: NumberedRequest {
                terminal: id,
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
