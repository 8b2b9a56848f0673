//! Money that somebody with the database forged as received, with digests, seals and balances that
//! fit: each kind of forgery is named by what explains, or does not explain, the transfer.

use onecard::{
    base::{
        clock::{Clock, SystemClock},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        account::{Account, Name, PersonAccount, SchoolAccount},
        post_all, seal,
        transfer::{Kind, Leg, Nature, Transfer},
        verify::{Law, Report},
    },
};
use serde_json::Value;
use testkit::{TestDb, World, eventually, on_each_database};
use uuid::Uuid;

on_each_database!(
    received_money_that_nothing_explains_is_named,
    a_payment_that_differs_from_its_posting_is_named,
    a_paid_payment_without_its_posting_is_named,
    what_the_provider_signed_is_checked_again,
    another_payments_message_proves_nothing,
    the_proof_in_another_language_knows_the_kinds_too,
    a_gift_is_named_in_another_language,
    a_refund_that_no_provider_told_is_named,
);

const POSTINGS: Law = Law::Room("payments and postings");
const FEN: i64 = 5000;

/// A school whose first student has topped up once.
struct Campus {
    world: World,
    school: SchoolId,
    person: PersonId,
    order: Value,
}

impl Campus {
    async fn open(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let student = world.student(0).await;
        let order = student.order(FEN, "first").await.body(201);
        let payment = world.pay_order(&order).await;
        world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
        world.at_rest().await;
        world.assert_books(FEN).await;
        let school = SchoolId::from_number(world.rows.school("xnec").await);
        let person = world.rows.id("SELECT person_id FROM orders").await;
        Self { world, school, person: PersonId::from_uuid(person), order }
    }

    /// Received under this number of a transaction, credited to `to`.
    fn received(&self, transaction: &str, to: Account) -> Transfer {
        let clearing = SchoolAccount::Clearing(Name::parse("wechat_pay").unwrap());
        let is_person = matches!(to, Account::Person(_));
        Transfer {
            school: self.school,
            person: is_person.then_some(self.person),
            kind: Kind::new("received"),
            reference: reference(transaction),
            nature: Nature::Fact,
            value_day: SystemClock.now().day(),
            legs: vec![Leg { from: Account::School(clearing), to, amount: Fen::new(FEN).unwrap() }],
        }
    }

    /// Posts as the server does, and has it sealed.
    async fn post(&self, transfers: &[Transfer]) {
        let now = SystemClock.now();
        let outcomes = self.world.db.in_tx(async |tx| post_all(tx, now, transfers).await).await;
        assert!(outcomes.unwrap().iter().all(Result::is_ok));
        seal::seal_all(&self.world.db, &SystemClock).await.unwrap();
    }

    async fn open_case(&self, subject: &str) {
        let sql = "INSERT INTO review_case (id, school_id, kind, subject, detail, opened_at) \
                   VALUES ($1, $2, 'payment', $3, '', 0)";
        let values =
            [Uuid::new_v4().into(), self.school.number().into(), subject.to_owned().into()];
        assert_eq!(self.world.rows.change(sql, values).await, 1);
    }

    /// Copies the paid payment, with an order of its own where `own_order` is set, as paid by this
    /// transaction.
    async fn copy(&self, transaction: &str, own_order: bool, set: &str) -> Uuid {
        let (id, rows) = (Uuid::new_v4(), &self.world.rows);
        let new = rows.literal(&id.to_string());
        let first = rows.literal(self.order["id"].as_str().unwrap());
        let order = if own_order { new.clone() } else { first.clone() };
        if own_order {
            let columns = "school_id, person_id, purpose, amount_fen, state, created_at, \
                           expires_at, paid_at";
            let sql = format!(
                "INSERT INTO orders (id, {columns}) SELECT {new}, {columns} FROM orders \
                 WHERE id = {first}"
            );
            assert_eq!(rows.change(&sql, []).await, 1);
        }
        let columns = "school_id, provider, merchant, app_id, payer, amount_fen, state, \
                       created_at, paid_at";
        let sql = format!(
            "INSERT INTO payment (id, order_id, transaction_id, {columns}) \
             SELECT {new}, {order}, '{transaction}', {columns} FROM payment \
             WHERE order_id = {first} AND transaction_id IS NOT NULL ORDER BY id LIMIT 1"
        );
        assert_eq!(rows.change(&sql, []).await, 1);
        if !set.is_empty() {
            let table = if set.contains("person_id") { "orders" } else { "payment" };
            let sql = format!("UPDATE {table} SET {set} WHERE id = {new}");
            assert_eq!(rows.change(&sql, []).await, 1);
        }
        id
    }

    /// Asserts that these are named with their texts, and nothing else.
    async fn assert_named(&self, wanted: &[(&str, &str)]) {
        let report = self.world.report().await;
        let named = named(&report);
        for (transaction, why) in wanted {
            let mark = format!("{}: ", reference(transaction));
            let so = |text: &&String| text.contains(&mark) && text.contains(why);
            assert_eq!(named.iter().filter(so).count(), 1, "{transaction}: {why}\n{report}");
        }
        assert_eq!(named.len(), wanted.len(), "{report}");
    }
}

fn reference(transaction: &str) -> String {
    let merchant = &testkit::merchant();
    format!("wechat_pay:{merchant}:{transaction}")
}

fn named(report: &Report) -> Vec<String> {
    report.finding(POSTINGS).unwrap().named.iter().map(|found| found.what.clone()).collect()
}

const MINE: Account = Account::Person(PersonAccount::EAccount);
const SUSPENSE: Account = Account::School(SchoolAccount::Suspense);

async fn received_money_that_nothing_explains_is_named(db: &TestDb) {
    let campus = Campus::open(db).await;
    let at_bank = Account::School(SchoolAccount::Clearing(Name::parse("bank").unwrap()));
    campus.open_case(&format!("no_order:{}", reference("explained"))).await;
    campus.open_case(&format!("no_order:{}", reference("to-me"))).await;
    campus.open_case(&format!("no_order:{}", reference("to-bank"))).await;
    campus.open_case(&format!("no_order:{}", reference("of-command"))).await;
    campus.open_case(&format!("transaction_taken:{}", reference("taken"))).await;
    let command = Transfer { nature: Nature::Command, ..campus.received("of-command", SUSPENSE) };
    campus
        .post(&[
            campus.received("explained", SUSPENSE),
            campus.received("nothing", MINE),
            campus.received("no-case", SUSPENSE),
            campus.received("taken", SUSPENSE),
            campus.received("to-me", MINE),
            campus.received("to-bank", at_bank),
            command,
            Transfer { reference: "gift".to_owned(), ..campus.received("", MINE) },
        ])
        .await;
    let report = campus.world.report().await;
    assert!(named(&report).iter().any(|text| text.starts_with("received gift:")), "{report}");
    let named = named(&report);
    let wanted = [
        // As it should be, but for what the provider never signed.
        ("explained", "no message or answer"),
        ("nothing", "neither paid nor a case"),
        ("no-case", "neither paid nor a case"),
        ("taken", "neither paid nor a case"),
        // A case explains suspense alone.
        ("to-me", "differs from money in suspense in person, accounts"),
        ("to-bank", "differs from money in suspense in accounts"),
        ("of-command", "differs from money in suspense in nature"),
    ];
    for (transaction, why) in wanted {
        let mark = format!("received {}: ", reference(transaction));
        let so = |text: &&String| text.starts_with(&mark) && text.contains(why);
        assert_eq!(named.iter().filter(so).count(), 1, "{transaction}\n{report}");
    }
    assert_eq!(named.len(), wanted.len() + 1, "{report}");
}

async fn a_payment_that_differs_from_its_posting_is_named(db: &TestDb) {
    let campus = Campus::open(db).await;
    let other = campus.world.rows.literal(&Uuid::from_u128(9).to_string());
    let set_person = format!("person_id = {other}");
    let alterations = [
        ("own", true, "", "no message or answer"),
        ("amount", true, "amount_fen = 4999", "its order and its payment differ in amounts"),
        ("person", true, set_person.as_str(), "differs from its payment in person, accounts"),
        ("day", true, "paid_at = paid_at - 86400000000", "differs from its payment in value day"),
        // The first order was paid already.
        ("again", false, "", "its order was paid by another payment too"),
    ];
    let mut wanted = Vec::new();
    let mut postings = Vec::new();
    for (transaction, own_order, set, why) in alterations {
        campus.copy(transaction, own_order, set).await;
        postings.push(campus.received(transaction, MINE));
        wanted.push((transaction, why));
    }
    // The card is credited in another account; the money of a paid order is in suspense.
    for (transaction, to, why) in [
        ("hold", Account::Person(PersonAccount::Hold), "differs from its payment in accounts"),
        ("kept", SUSPENSE, "differs from its payment in person, accounts"),
    ] {
        campus.copy(transaction, true, "").await;
        postings.push(campus.received(transaction, to));
        wanted.push((transaction, why));
    }
    campus.post(&postings).await;
    // The first payment's order has two payments now.
    let first = campus.world.rows.texts("SELECT reference FROM transfer ORDER BY id LIMIT 1").await;
    let transaction = first[0].rsplit(':').next().unwrap().to_owned();
    wanted.push((&transaction, "its order was paid by another payment too"));
    campus.assert_named(&wanted).await;
}

async fn a_paid_payment_without_its_posting_is_named(db: &TestDb) {
    let campus = Campus::open(db).await;
    campus.copy("unposted", true, "").await;
    campus.assert_named(&[("unposted", "paid, and not posted")]).await;
}

/// One payment that a message settled, and one that an answer did.
async fn what_the_provider_signed_is_checked_again(db: &TestDb) {
    let campus = Campus::open(db).await;
    let (world, student) = (&campus.world, campus.world.login(0).await);
    let order = student.order(100, "second").await.body(201);
    world.pay_untold(&order).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    world.at_rest().await;
    world.assert_books(FEN + 100).await;
    let longer = if db.url.starts_with("sqlite") {
        "CAST(CAST(body AS TEXT) || ' ' AS BLOB)"
    } else {
        "body || '\\x20'::bytea"
    };
    for table in ["notification", "provider_answer"] {
        assert_eq!(world.rows.count(table).await, 1, "{table}");
        world.rows.change(&format!("CREATE TABLE kept AS SELECT * FROM {table}"), []).await;
        let alterations = [
            (format!("UPDATE {table} SET headers = ''"), "a signature header is missing"),
            (format!("UPDATE {table} SET body = {longer}"), "signature does not verify"),
            (
                format!("UPDATE {table} SET received_at = received_at + 600000000"),
                "outside five minutes",
            ),
            (format!("DELETE FROM {table}"), "no message or answer"),
        ];
        for (alteration, why) in alterations {
            assert_eq!(world.rows.change(&alteration, []).await, 1, "{alteration}");
            let report = world.report().await;
            let named = named(&report);
            assert!(named.len() == 1 && named[0].contains(why), "{alteration}: {report}");
            world.rows.change(&format!("DELETE FROM {table}"), []).await;
            world.rows.change(&format!("INSERT INTO {table} SELECT * FROM kept"), []).await;
        }
        world.rows.change("DROP TABLE kept", []).await;
        world.assert_books(FEN + 100).await;
    }
}

async fn another_payments_message_proves_nothing(db: &TestDb) {
    let campus = Campus::open(db).await;
    campus.copy("stolen", true, "").await;
    campus.post(&[campus.received("stolen", MINE)]).await;
    let copy = "INSERT INTO notification (id, school_id, provider, notification_id, out_trade_no, \
                transaction_id, verdict, body, received_at, ask_at, headers) \
                SELECT $1, school_id, provider, 'copy', out_trade_no, 'stolen', verdict, body, \
                received_at, ask_at, headers FROM notification";
    assert_eq!(campus.world.rows.change(copy, [Uuid::new_v4().into()]).await, 1);
    campus.assert_named(&[("stolen", "the provider says that it was another payment")]).await;
}

/// It reads SQLite databases only.
async fn the_proof_in_another_language_knows_the_kinds_too(db: &TestDb) {
    let campus = Campus::open(db).await;
    let Some(path) = db.url.strip_prefix("sqlite://") else { return };
    let path = path.split('?').next().unwrap();
    let reverify = || {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reverify.py");
        let done = std::process::Command::new("python3").args([script, path]).output().unwrap();
        (done.status.success(), String::from_utf8(done.stderr).unwrap())
    };
    let (clean, said) = reverify();
    assert!(clean, "{said}");
    campus.copy("unposted", true, "").await;
    let (clean, said) = reverify();
    assert!(!clean && said.contains("rows without a transfer of kind received"), "{said}");
    campus.post(&[campus.received("unposted", Account::Person(PersonAccount::Hold))]).await;
    let (clean, said) = reverify();
    assert!(!clean && said.contains("differs from its row"), "{said}");
}

async fn a_gift_is_named_in_another_language(db: &TestDb) {
    let campus = Campus::open(db).await;
    let Some(path) = db.url.strip_prefix("sqlite://") else { return };
    let gift = Transfer { kind: Kind::new("gift"), ..campus.received("gift", MINE) };
    campus.post(&[gift]).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reverify.py");
    let path = path.split('?').next().unwrap();
    let done = std::process::Command::new("python3").args([script, path]).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(!done.status.success() && said.contains("no room posts"), "{said}");
}

/// The refund of a paid payment, and what somebody makes of it.
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_refund_that_no_provider_told_is_named(db: &TestDb) {
    const REFUNDS: Law = Law::Room("refunds and postings");
    let campus = Campus::open(db).await;
    let rows = &campus.world.rows;
    let payment = campus.world.pay().payments(0, 1).0.remove(0).out_trade_no;
    campus.world.pay().refund_in_console(&payment, 2000).unwrap();
    eventually("it is posted", async || (rows.count("refund").await == 1).then_some(())).await;
    campus.world.at_rest().await;
    campus.world.assert_books(FEN - 2000).await;

    let asserted = async |alteration: &str, why: &str| {
        assert_eq!(rows.change(alteration, []).await, 1, "{alteration}");
        let report = campus.world.report().await;
        let finding = report.finding(REFUNDS).unwrap();
        let named: Vec<_> = finding.named.iter().map(|found| found.what.as_str()).collect();
        assert!(named.len() == 1 && named[0].contains(why), "{alteration}: {report}");
    };
    let set = |what: &str| format!("UPDATE refund SET {what}");
    for (there, back, why) in [
        ("amount_fen = 1999", "amount_fen = 2000", "differs from its refund in amounts"),
        (
            "source = 'suspense'",
            "source = 'e_account'",
            "differs from its refund in person, accounts",
        ),
        ("approved_at = created_at", "approved_at = NULL", "differs from its refund in accounts"),
    ] {
        // An approved refund would also have held its money.
        if there.starts_with("approved_at") {
            assert_eq!(rows.change(&set(there), []).await, 1);
            let report = campus.world.report().await;
            assert_eq!(report.finding(REFUNDS).unwrap().named.len(), 2, "{report}");
        } else {
            asserted(&set(there), why).await;
        }
        assert_eq!(rows.change(&set(back), []).await, 1);
    }
    asserted("UPDATE refund_answer SET outcome = 'done', headers = ''", "is kept that says so")
        .await;
    asserted("DELETE FROM refund_answer", "is kept that says so").await;

    // A whole refund that never was, with its posting.
    let second = "INSERT INTO refund (id, school_id, person_id, order_id, payment_id, provider, \
        merchant_number, transaction_id, refund_number, amount_fen, total_fen, why, source, state, day, \
        created_at, ended_at, ended_by_provider, provider_refund_id) SELECT $1, school_id, person_id, \
        order_id, payment_id, provider, merchant_number, transaction_id, 'forged', 3001, total_fen, why, \
        source, state, day, created_at, ended_at, ended_by_provider, '' FROM refund";
    assert_eq!(rows.change(second, [Uuid::new_v4().into()]).await, 1);
    let report = campus.world.report().await;
    let named = report.finding(REFUNDS).unwrap().named.iter().map(|found| found.what.clone());
    let named: Vec<_> = named.collect();
    for why in ["more is back of its payment than was paid", "refunded, and not posted"] {
        assert!(named.iter().any(|what| what.contains(why)), "{why}: {report}");
    }
}
