//! Money that somebody with the database forged, with digests, seals and balances that fit: each kind
//! of forgery is named by what explains, or does not explain, the transfer.

use crate::spend::shop::{D0, Shop};
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        money::Fen,
    },
    cards::Drawn,
    ledger::{
        account::{Account, PersonAccount, SchoolAccount},
        post_all, seal,
        transfer::{Kind, Leg, Nature, Transfer},
        verify::{Law, Report},
    },
    spend::postings::{Parties, merchant_account, spent, spent_back},
};
use serde_json::json;
use testkit::{TestDb, on_each_database, report};
use uuid::Uuid;

on_each_database!(
    a_transfer_of_a_kind_that_nobody_registered_is_named,
    a_charge_that_differs_from_its_posting_is_named,
    a_charge_without_its_posting_is_named,
);

const POSTINGS: Law = Law::Room("charges and postings");

fn named(report: &Report, law: Law) -> Vec<String> {
    report.finding(law).unwrap().named.iter().map(|found| found.what.clone()).collect()
}

/// Posts as the server does, and has it sealed, so that digests, chain and balances fit.
async fn post(shop: &Shop, transfers: &[Transfer]) {
    let now = SystemClock.now();
    let outcomes = shop.world.db.in_tx(async |tx| post_all(tx, now, transfers).await).await;
    assert!(outcomes.unwrap().iter().all(Result::is_ok));
    seal::seal_all(&shop.world.db, &SystemClock).await.unwrap();
}

async fn a_transfer_of_a_kind_that_nobody_registered_is_named(db: &TestDb) {
    let shop = Shop::open(db, D0).await;
    let person = shop.phones[0].person;
    let gift = Transfer {
        school: shop.school,
        person: Some(person),
        kind: Kind::new("gift"),
        reference: "from nobody".to_owned(),
        nature: Nature::Fact,
        value_day: SystemClock.now().day(),
        legs: vec![Leg {
            from: Account::School(SchoolAccount::Opening),
            to: Account::Person(PersonAccount::EAccount),
            amount: Fen::new(500_000).unwrap(),
        }],
    };
    shop.is_sound().await;
    post(&shop, &[gift]).await;
    let report = report(&shop.world.db).await;
    let broken: Vec<_> = report.findings.iter().filter(|f| f.total > 0).map(|f| f.law).collect();
    assert_eq!(broken, [Law::Kinds], "{report}");
    assert!(named(&report, Law::Kinds)[0].contains("\"gift\""), "{report}");
}

/// A charge of 100 fen at the first till.
struct Template {
    shop: Shop,
    terminal: Uuid,
    seq: i64,
    at: Timestamp,
    /// The next number that no till used.
    next: i64,
}

impl Template {
    async fn make(db: &TestDb) -> Self {
        let shop = Shop::open(db, D0).await;
        let seq = shop.seq();
        let body = json!({ "seq": seq, "code": shop.phones[0].code(), "amount_fen": 100 });
        shop.send(0, crate::spend::shop::CHARGES, &body).await.body(200);
        shop.world.at_rest().await;
        let terminal = shop.world.rows.id("SELECT terminal_id FROM charge").await;
        let at = shop.world.rows.number("SELECT at FROM charge").await;
        Self { shop, terminal, seq, at: Timestamp::from_micros(at), next: 1000 }
    }

    /// What the charge under this number would post, or its reversal.
    fn posting(&self, seq: i64, back: bool) -> Transfer {
        let payee = merchant_account("c1").unwrap();
        let act = (self.terminal, seq);
        let person = self.shop.phones[0].person;
        let parties = Parties { school: self.shop.school, person, act, payee: &payee };
        let amount = Fen::new(100).unwrap();
        let drawn = Drawn { amount, from_e_account: amount };
        if back { spent_back(&parties, &drawn, self.at) } else { spent(&parties, &drawn, self.at) }
    }

    /// Copies the charge under a new number, with these columns set.
    async fn copy(&mut self, set: &str) -> i64 {
        self.next += 1;
        let (seq, rows) = (self.next, &self.shop.world.rows);
        let id = rows.literal(&Uuid::new_v4().to_string());
        let columns = "school_id, day, person_id, merchant_id, meal, amount_fen, \
                       from_e_account_fen, at";
        let sql = format!(
            "INSERT INTO charge (terminal_id, seq, id, {columns}) \
             SELECT terminal_id, {seq}, {id}, {columns} FROM charge WHERE seq = {}",
            self.seq
        );
        assert_eq!(rows.change(&sql, []).await, 1);
        if !set.is_empty() {
            let sql = format!("UPDATE charge SET {set} WHERE seq = {seq}");
            assert_eq!(rows.change(&sql, []).await, 1);
        }
        seq
    }

    /// Asserts that these acts, by number, and no others are named, each with its text.
    async fn assert_named(&self, wanted: &[(String, &str)]) {
        let report = report(&self.shop.world.db).await;
        let named = named(&report, POSTINGS);
        for (reference, why) in wanted {
            let so = |text: &&String| text.contains(reference.as_str()) && text.contains(why);
            assert_eq!(named.iter().filter(so).count(), 1, "{reference}: {why}\n{report}");
        }
        assert_eq!(named.len(), wanted.len(), "{report}");
    }
}

async fn a_charge_that_differs_from_its_posting_is_named(db: &TestDb) {
    let mut template = Template::make(db).await;
    let rows = &template.shop.world.rows;
    let other = rows.literal(&template.shop.phones[1].person.uuid().to_string());
    let elsewhere = rows.literal(&Uuid::from_u128(7).to_string());
    let merchant = format!(
        "INSERT INTO merchant (id, school_id, code, name, created_at) \
         SELECT {elsewhere}, school_id, 'c2', name, created_at FROM merchant"
    );
    assert_eq!(rows.change(&merchant, []).await, 1);
    let school = rows.school("hbkj").await;
    let day = 86_400_000_000_i64;
    let alterations = [
        ("amount_fen = 99".to_owned(), "amounts"),
        ("from_e_account_fen = 99".to_owned(), "amounts"),
        ("from_e_account_fen = 0".to_owned(), "accounts, amounts"),
        (format!("person_id = {other}"), "person, accounts"),
        (format!("merchant_id = {elsewhere}"), "accounts"),
        (format!("school_id = {school}"), "school"),
        (format!("at = at - {day}"), "value day"),
    ];
    let mut wanted = Vec::new();
    let (mut postings, whole) = (Vec::new(), template.copy("").await);
    postings.push(template.posting(whole, false));
    for (set, why) in &alterations {
        let seq = template.copy(set).await;
        postings.push(template.posting(seq, false));
        wanted.push((format!("spent {}:{seq}:", template.terminal.simple()), *why));
        if *why == "school" {
            let charge = format!("charge {}:{seq}:", template.terminal.simple());
            wanted.push((charge, "charged, and not posted"));
        }
    }
    // Posted and never charged; given back and never taken back.
    let (nobody, kept) = (5000, template.copy("").await);
    postings.extend([
        template.posting(nobody, false),
        template.posting(kept, false),
        template.posting(kept, true),
    ]);
    let of = |kind: &str, seq: i64| format!("{kind} {}:{seq}:", template.terminal.simple());
    wanted.push((of("spent", nobody), "not charged"));
    wanted.push((of("spent_back", kept), "not taken back"));
    post(&template.shop, &postings).await;
    template.assert_named(&wanted).await;
}

async fn a_charge_without_its_posting_is_named(db: &TestDb) {
    let mut template = Template::make(db).await;
    template.assert_named(&[]).await;
    let unposted = template.copy("").await;
    let of = |seq: i64| format!("{}:{seq}:", template.terminal.simple());
    let mut wanted = vec![(of(unposted), "charged, and not posted")];
    template.assert_named(&wanted).await;
    let taken = template.seq;
    let set = format!("UPDATE charge SET reversed_at = at WHERE seq = {taken}");
    assert_eq!(template.shop.world.rows.change(&set, []).await, 1);
    wanted.push((of(taken), "taken back, and not posted back"));
    template.assert_named(&wanted).await;
}
