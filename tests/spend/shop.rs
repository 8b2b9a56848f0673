//! A school with tills and people who have money and phones.

use crate::spend::phone::Phone;
use crate::terminals::signer::{Signer, authority};
use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::ed25519::Ed25519Key,
        db::Db,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        self,
        account::{Account, Name, PersonAccount, SchoolAccount},
        balances::{PersonBalances, person_balances},
        transfer::{Kind, Leg, Nature, Transfer},
    },
    schools::policy::Policy,
    terminals::{NewMerchant, NewTerminal, TerminalKind, add_merchant, add_terminal},
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use testkit::{Answer, Api, PEOPLE, TestDb, World};

pub const CHARGES: &str = "/terminal/v1/charges";
/// What everybody has at first.
pub const MONEY: i64 = 10_000;

/// Limits of D0, for a meal that lasts all day.
pub const D0: &str = "[limits]\nmeal_fen = 3_000\nday_fen = 5_000\nover_limit = \"refuse\"\n\
    meal_windows = [\"00:00-24:00\"]\n";
/// D3 asks for the consumption password beyond a limit, and for the query password at each scan.
pub const D3: &str = "[limits]\nday_fen = 5_000\nover_limit = \"password\"\n\
    [spend]\npassword_each_scan = true\nshow_balance = true\n";

/// The school `xnec` with the tills `T1`, `T2` of one merchant, `T3` without a merchant, and the gate `G1`.
pub struct Shop {
    pub world: World,
    pub tills: [Signer; 2],
    pub idle: Signer,
    pub gate: Signer,
    pub school: SchoolId,
    pub phones: Vec<Phone>,
    seq: AtomicI64,
}

impl Shop {
    /// With these tables in the place of the school's own limits.
    pub async fn open(db: &TestDb, tables: &str) -> Self {
        let mut shop = Self::closed(db, tables).await;
        shop.world.serve_first();
        shop
    }

    /// The same, without a server.
    pub async fn closed(db: &TestDb, tables: &str) -> Self {
        Box::pin(Self::set_up(db, tables)).await
    }

    async fn set_up(db: &TestDb, tables: &str) -> Self {
        let world = World::unserved(db).await;
        let school = SchoolId::from_number(world.rows.school("xnec").await);
        set_policy(&world, tables).await;
        let signers = [("T1", 1), ("T2", 2), ("T3", 3), ("G1", 4)]
            .map(|(code, seed)| Signer::new(&format!("xnec/{code}"), seed));
        canteen(&world, school).await;
        for signer in &signers {
            register(&world, school, signer).await;
        }
        let mut phones = Vec::new();
        for (student_no, _) in PEOPLE {
            let person = PersonId::from_uuid(world.rows.person("xnec", student_no).await);
            phones.push(Phone::of(&world.db, (school, "xnec"), person).await);
        }
        let [one, two, idle, gate] = signers;
        let seq = AtomicI64::new(1);
        let shop = Self { world, tills: [one, two], idle, gate, school, phones, seq };
        for phone in &shop.phones {
            shop.fact(phone.person, MONEY).await;
        }
        shop
    }

    /// A number that no till has used.
    pub fn seq(&self) -> i64 {
        self.seq.fetch_add(1, Ordering::SeqCst)
    }

    /// Money that came, or went where negative.
    pub async fn fact(&self, person: PersonId, fen: i64) {
        fact(&self.world.db, (self.school, person), fen).await;
    }

    pub async fn balances(&self, person: PersonId) -> PersonBalances {
        person_balances(&self.world.db, self.school, person).await.unwrap()
    }

    pub async fn total(&self, person: PersonId) -> i64 {
        self.balances(person).await.total().get()
    }

    /// What the merchant has.
    pub async fn earned(&self) -> i64 {
        let merchant = SchoolAccount::Merchant(Name::parse("c1").unwrap());
        self.world.school_balance("xnec", merchant).await
    }

    /// Charges at the first till, under a number of its own.
    pub async fn charge(&self, code: &str, fen: i64) -> Answer {
        let body = json!({ "seq": self.seq(), "code": code, "amount_fen": fen });
        self.send(0, CHARGES, &body).await
    }

    /// Posts to a path as one of the tills.
    pub async fn send(&self, till: usize, path: &str, body: &Value) -> Answer {
        send(&self.world, &self.tills[till], path, body).await
    }

    /// Takes back what the first till charged under that number.
    pub async fn take_back(&self, till: usize, seq: i64) -> Answer {
        self.send(till, &format!("{CHARGES}/{seq}/reversal"), &json!({})).await
    }

    /// Every law holds.
    pub async fn is_sound(&self) {
        is_sound(&self.world).await;
    }
}

/// Every law holds, and every charge has its posting.
pub async fn is_sound(world: &World) {
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
}

/// What somebody may spend.
pub async fn total(world: &World, (school, person): (SchoolId, PersonId)) -> i64 {
    person_balances(&world.db, school, person).await.unwrap().total().get()
}

/// Money that came, or went where negative, whatever there is.
pub async fn fact(db: &Db, of: (SchoolId, PersonId), fen: i64) {
    let transfer = [opening(of, fen)];
    let now = SystemClock.now();
    let posted = db.in_tx(async |tx| ledger::post_all(tx, now, &transfer).await).await.unwrap();
    assert!(posted.iter().all(Result::is_ok), "{posted:?}");
}

/// The posting of [`fact`].
pub fn opening((school, person): (SchoolId, PersonId), fen: i64) -> Transfer {
    let mine = Account::Person(PersonAccount::EAccount);
    let theirs = Account::School(SchoolAccount::Opening);
    let (from, to) = if fen < 0 { (mine, theirs) } else { (theirs, mine) };
    Transfer {
        school,
        person: Some(person),
        kind: Kind::new("opening"),
        reference: uuid::Uuid::new_v4().to_string(),
        nature: Nature::Fact,
        value_day: SystemClock.now().day(),
        legs: vec![Leg { from, to, amount: Fen::new(fen.abs()).unwrap() }],
    }
}

/// Posts a signed request, now and with a fresh nonce.
pub async fn send(world: &World, till: &Signer, path: &str, body: &Value) -> Answer {
    let api = world.api();
    let (headers, bytes) = signed(&api, till, path, body);
    api.deliver(path, &headers, &bytes).await.unwrap()
}

/// The headers and the body of a request that is signed now, with a fresh nonce.
pub fn signed(
    api: &Api,
    till: &Signer,
    path: &str,
    body: &Value,
) -> (Vec<(String, String)>, Vec<u8>) {
    let bytes = body.to_string().into_bytes();
    let nonce = uuid::Uuid::new_v4().to_string();
    let at = (SystemClock.now().seconds(), nonce.as_str());
    let signature = till.sign((&format!("POST {path}"), &authority(api)), &bytes, at);
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    ([signature.headers, vec![json]].concat(), bytes)
}

/// Puts these tables in the place of the school's own `[spend]`.
pub async fn set_policy(world: &World, tables: &str) {
    let policy = policy(tables);
    let json = serde_json::to_string(&policy).unwrap();
    let sql = "UPDATE school SET policy = $1 WHERE code = 'xnec'";
    assert_eq!(world.rows.change(sql, [json.into()]).await, 1);
}

/// The school's policy with these tables in the place of its own `[spend]`.
pub fn policy(tables: &str) -> Policy {
    let text = include_str!("../../schools/xnec.toml");
    let own = "[spend]\n# 三者之和大于 0 才能消费: a code spends the card's own balance too.\n\
        card_balance = true\n";
    assert!(text.contains(own));
    Policy::parse(&text.replace(own, tables)).unwrap()
}

/// Registers the merchant.
pub async fn canteen(world: &World, school: SchoolId) {
    let name = "第一食堂".parse().unwrap();
    let merchant = NewMerchant { school, code: "c1".parse().unwrap(), name };
    add_merchant(&world.db, &merchant, SystemClock.now()).await.unwrap();
}

/// Registers a terminal: a till of the merchant, but for the till T3 and the gate G1.
pub async fn register(world: &World, school: SchoolId, signer: &Signer) {
    let (_, code) = signer.key_id.split_once('/').unwrap();
    let sells = code != "T3" && code != "G1";
    let new = NewTerminal {
        school,
        code: code.parse().unwrap(),
        kind: if code == "G1" { TerminalKind::Gate } else { TerminalKind::Pos },
        key: Ed25519Key::from_spki_pem(signer.public_pem().as_bytes()).unwrap(),
        merchant: sells.then(|| "c1".parse().unwrap()),
        door_group: None,
    };
    add_terminal(&world.db, &new, false, SystemClock.now()).await.unwrap();
}
