//! Differences that two persons accept, over HTTP: who may, once, and what it posts.

use super::office::{Office, next_noon, noon_after, paid, school_id};
use crate::staff::support::{Member, add};
use async_trait::async_trait;
use onecard::{
    base::{
        clock::{Day, SystemClock, Timestamp},
        ids::PersonId,
        money::Fen,
    },
    ledger::{
        account::{Account, PersonAccount, SchoolAccount},
        post_all, seal,
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::fact::Provider,
    reconciliation::{Bill, BillEntry, BillError, BillRow, BillRows, BillSource, DayState, Fee},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use testkit::{PEOPLE, Student, TestDb, World, merchant, now, on_each_database};

on_each_database!(
    a_balance_is_corrected_by_two_persons,
    the_card_office_asks_and_does_not_decide,
    what_is_taken_is_at_most_what_is_there,
    a_difference_that_changed_is_not_accepted,
    a_row_that_was_taken_back_is_accepted_by_two_persons,
    a_difference_that_is_gone_is_not_accepted,
    nobody_corrects_a_balance_of_their_own,
    a_later_bill_moves_what_is_left,
    a_difference_that_moves_nothing_is_accepted,
    a_payment_that_credited_nobody_is_for_support,
    a_correction_that_nobody_agreed_on_is_a_break,
    the_office_reads_days_and_differences,
);

pub const ROOT: &str = "/api/v1/staff/reconciliation";

/// A bill whose rows a test says.
#[derive(Debug)]
pub struct Made(Mutex<Vec<BillRow>>, String);

impl Made {
    pub fn of(rows: Vec<BillRow>) -> Self {
        Self(Mutex::new(rows), merchant())
    }
}

/// A row of a bill about this payment, with another amount.
pub fn billed(world: &World, number: &str, amount: i64) -> BillRow {
    let payment = world.pay().payment(number).unwrap();
    BillRow {
        entry: BillEntry::Payment,
        at: now(),
        out_trade_no: number.to_owned(),
        transaction_id: payment.transaction_id.unwrap(),
        amount: Fen::new(amount).unwrap(),
        coupon: Fen::ZERO,
        fee: Fee::default(),
        rate: None,
    }
}

#[async_trait]
impl BillSource for Made {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        &self.1
    }

    async fn bill(&self, _: Day, _: Timestamp) -> Result<Bill, BillError> {
        let rows = self.0.lock().unwrap().clone();
        let count = u64::try_from(rows.len()).unwrap();
        Ok(Bill { hash: "made".to_owned(), count, flow: None, rows: BillRows::of(rows) })
    }
}

struct Case {
    world: World,
    office: Office,
    bill: Arc<Made>,
    student: Student,
    day: Day,
    asks: Member,
    decides: Member,
}

pub async fn staff(world: &World, login: &str, staff_no: &str, role: &str) -> Member {
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, (login, staff_no, &[role])).await;
    Member::enrol(world, login, &printed).await
}

impl Case {
    /// A payment of ¥50, which the bill has with another amount.
    async fn open(db: &TestDb, billed: i64) -> Self {
        let rows = |world: &World, number: &str| vec![self::billed(world, number, billed)];
        Box::pin(Self::with(db, rows)).await
    }

    /// A payment of ¥50, and the rows of a bill that differs in one of them.
    async fn with(db: &TestDb, rows: impl Fn(&World, &str) -> Vec<BillRow>) -> Self {
        let world = World::start(db).await;
        let (student, number) = paid(&world, Provider::WechatPay, true).await;
        let day = now().day();
        let bill = Arc::new(Made::of(rows(&world, &number)));
        let mut office = Office::open(&world, noon_after(day)).await;
        let source: Arc<dyn BillSource> = Arc::<Made>::clone(&bill);
        office.take_bills_from(source);
        assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 1);
        let asks = staff(&world, "asks", "1001", "finance").await;
        let decides = staff(&world, "decides", "1002", "finance").await;
        Self { world, office, bill, student, day, asks, decides }
    }

    async fn difference(&self) -> Value {
        let days = self.asks.get(&format!("{ROOT}/days")).await.body(200);
        let day = days["items"][0]["id"].as_str().unwrap().to_owned();
        let found = self.asks.get(&format!("{ROOT}/days/{day}/differences?ended=true")).await;
        found.body(200)["items"][0].clone()
    }

    async fn ask(&self, key: &str) -> testkit::Answer {
        let id = self.difference().await["id"].as_str().unwrap().to_owned();
        let body = json!({ "reason": "账单金额为准" });
        self.asks.ask(&format!("POST {ROOT}/differences/{id}/repair"), key, Some(&body)).await
    }
}

pub fn approve(asked: &Value) -> String {
    format!("{ROOT}/repairs/{}/approve", asked["id"].as_str().unwrap())
}

async fn a_balance_is_corrected_by_two_persons(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let difference = case.difference().await;
    assert_eq!(
        (&difference["field"], &difference["ours"], &difference["theirs"], &difference["repair"]),
        (&json!("amount"), &json!("¥50.00"), &json!("¥51.00"), &json!("correct_balance"))
    );
    assert_eq!((&difference["stake_fen"], &difference["state"]), (&json!(100), &json!("open")));
    let asked = case.ask("a").await.body(201);
    assert_eq!((&asked["state"], &asked["amount_fen"]), (&json!("requested"), &json!(100)));
    assert_eq!(case.ask("a").await.body(201)["id"], asked["id"], "the same key");
    case.ask("b").await.problem("one is open", 409, "approval_open");
    assert_eq!(case.student.balances().await[3], 5000, "nothing is posted yet");
    let own = case.asks.post(&approve(&asked), &json!({})).await;
    own.problem("who asked", 403, "second_person_needed");
    for (login, number, role) in [("office", "1003", "card_office"), ("audits", "1004", "auditor")]
    {
        let member = staff(&case.world, login, number, role).await;
        let refused = member.post(&approve(&asked), &json!({})).await;
        refused.problem(role, 403, "staff_right_missing");
    }
    for _ in 0..2 {
        let approved = case.decides.post(&approve(&asked), &json!({})).await.body(200);
        assert_eq!(approved["state"], "approved");
        assert_eq!(approved["difference"]["state"], "accepted");
    }
    assert_eq!(case.student.balances().await[3], 5100, "once");
    assert_eq!(case.world.rows.texts("SELECT state FROM bill_day").await, ["closed"]);
    // A later comparison leaves what was accepted.
    assert_eq!(case.office.compare("xnec", case.day).await.unwrap().open_differences, 0);
    case.ask("c").await.problem("it is accepted", 409, "difference_changed");
    seal::seal_all(&case.world.db, &SystemClock).await.unwrap();
    assert_eq!(case.world.school_balance("xnec", SchoolAccount::Adjustment).await, -100);
    let report = case.world.report().await;
    assert!(report.is_clean(), "{report}");
    for forged in ["UPDATE bill_repair SET stake_fen = 99", "DELETE FROM bill_repair"] {
        case.world.rows.change(forged, []).await;
        let broken = case.world.report().await.to_string();
        assert!(broken.contains("corrected"), "{forged}: {broken}");
    }
}

async fn the_card_office_asks_and_does_not_decide(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let office = staff(&case.world, "office", "1003", "card_office").await;
    let other = staff(&case.world, "office2", "1004", "card_office").await;
    let path = format!("POST {ROOT}/differences/{}/repair", {
        case.difference().await["id"].as_str().unwrap().to_owned()
    });
    let body = json!({ "reason": "账单金额为准" });
    let asked = office.ask(&path, "a", Some(&body)).await.body(201);
    let listed = office.get(&format!("{ROOT}/repairs")).await.body(200);
    assert_eq!(listed["items"][0]["id"], asked["id"], "{listed}");
    for verdict in ["approve", "reject"] {
        let decides = format!("{ROOT}/repairs/{}/{verdict}", asked["id"].as_str().unwrap());
        let refused = other.post(&decides, &json!({ "reason": "x" })).await;
        refused.problem(verdict, 403, "staff_right_missing");
    }
    let withdrawn = format!("{ROOT}/repairs/{}/withdraw", asked["id"].as_str().unwrap());
    other.post(&withdrawn, &json!({})).await.problem("not one's own", 403, "not_your_request");
    office.post(&withdrawn, &json!({})).await.body(200);
    let asked = office.ask(&path, "b", Some(&body)).await.body(201);
    case.decides.post(&approve(&asked), &json!({})).await.body(200);
    assert_eq!(case.student.balances().await[3], 5100);
}

async fn a_later_bill_moves_what_is_left(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let asked = case.ask("a").await.body(201);
    case.decides.post(&approve(&asked), &json!({})).await.body(200);
    assert_eq!(case.student.balances().await[3], 5100);
    let mut moved = 5100;
    // The last bill has the amount of the payment again.
    for (billed, stake, moves, key) in
        [(5200, 200, 100, "b"), (4900, -100, -300, "c"), (5000, 0, 100, "d")]
    {
        case.bill.0.lock().unwrap()[0].amount = Fen::new(billed).unwrap();
        assert_eq!(case.office.compare("xnec", case.day).await.unwrap().open_differences, 1);
        let difference = case.difference().await;
        assert_eq!(
            (&difference["stake_fen"], &difference["moves_fen"], &difference["state"]),
            (&json!(stake), &json!(moves), &json!("open"))
        );
        let asked = case.ask(key).await.body(201);
        let about = i64::abs(moves);
        assert_eq!(asked["amount_fen"], about, "what two persons are asked about is what moves");
        assert_eq!(case.student.balances().await[3], moved);
        case.decides.post(&approve(&asked), &json!({})).await.body(200);
        assert_eq!(case.student.balances().await[3], billed);
        moved = billed;
        assert_eq!(case.office.compare("xnec", case.day).await.unwrap().open_differences, 0);
    }
    seal::seal_all(&case.world.db, &SystemClock).await.unwrap();
    let report = case.world.report().await;
    assert!(report.is_clean(), "{report}");
    for forged in [
        "UPDATE bill_repair SET corrected_fen = corrected_fen + 1 WHERE stake_fen = 200",
        "UPDATE bill_repair SET ours = '¥49.00' WHERE stake_fen = -100",
    ] {
        case.world.rows.change(forged, []).await;
        let broken = case.world.report().await.to_string();
        assert!(broken.contains("corrected"), "{forged}: {broken}");
    }
}

/// Nobody accepts the way back before the bill comes again as it was accepted.
async fn a_difference_that_moves_nothing_is_accepted(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let asked = case.ask("a").await.body(201);
    case.decides.post(&approve(&asked), &json!({})).await.body(200);
    for billed in [5000, 5100] {
        case.bill.0.lock().unwrap()[0].amount = Fen::new(billed).unwrap();
        assert_eq!(case.office.compare("xnec", case.day).await.unwrap().open_differences, 1);
    }
    assert_eq!(case.difference().await["moves_fen"], 0);
    let asked = case.ask("b").await.body(201);
    assert_eq!(asked["amount_fen"], 100, "what is at stake");
    case.decides.post(&approve(&asked), &json!({})).await.body(200);
    assert_eq!(case.student.balances().await[3], 5100);
    assert_eq!(case.world.rows.texts("SELECT state FROM bill_day").await, ["closed"]);
    case.world.at_rest().await;
    let report = case.world.report().await;
    assert!(report.is_clean(), "{report}");
}

/// The provider's answer had another amount than the payment, so its money went to suspense.
async fn a_payment_that_credited_nobody_is_for_support(db: &TestDb) {
    let world = World::start(db).await;
    let (student, number) = paid(&world, Provider::WechatPay, false).await;
    world.change("UPDATE payment SET amount_fen = 4900", []).await;
    let (office, day) = next_noon(&world, Provider::WechatPay).await;
    for _ in 0..2 {
        assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 2);
        let sql = "SELECT field || ' ' || repair FROM bill_difference ORDER BY 1";
        assert_eq!(world.rows.texts(sql).await, ["amount ask_support", "state ask_provider"]);
    }
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 5000);
    let asks = staff(&world, "asks", "1001", "finance").await;
    let decides = staff(&world, "decides", "1002", "finance").await;
    let body = json!({ "reason": "另行处理" });
    let ask = async |id: &str, key: &str| {
        asks.ask(&format!("POST {ROOT}/differences/{id}/repair"), key, Some(&body)).await
    };
    let days = asks.get(&format!("{ROOT}/days")).await.body(200);
    let day = days["items"][0]["id"].as_str().unwrap().to_owned();
    let found = asks.get(&format!("{ROOT}/days/{day}/differences")).await.body(200);
    for (n, difference) in found["items"].as_array().unwrap().iter().enumerate() {
        let asked = ask(difference["id"].as_str().unwrap(), &format!("key{n}")).await.body(201);
        decides.post(&approve(&asked), &json!({})).await.body(200);
    }
    assert_eq!(student.balances().await[3], 0, "nothing is posted");
    assert_eq!(world.rows.texts("SELECT state FROM bill_day").await, ["closed"]);

    // An older release proposed to correct the balance.
    let proposed = "UPDATE bill_difference SET state = 'open', repair = 'correct_balance' \
                    WHERE field = 'amount'";
    world.rows.change(proposed, []).await;
    let id =
        world.rows.id("SELECT id FROM bill_difference WHERE field = 'amount'").await.to_string();
    ask(&id, "unpaid").await.problem("not paid", 409, "difference_changed");
    // Paid, and in suspense all the same: who approves is told.
    let transaction = world.pay().payment(&number).unwrap().transaction_id.unwrap();
    let paid = "UPDATE payment SET state = 'paid', transaction_id = $1, paid_at = created_at";
    world.change(paid, [transaction.into()]).await;
    let asked = ask(&id, "paid").await.body(201);
    let refused = decides.post(&approve(&asked), &json!({})).await;
    refused.problem("nobody was credited", 409, "difference_changed");
    assert_eq!(student.balances().await[3], 0);
}

/// Whoever can write the database can write a repair and a posting, and no request of two persons.
async fn a_correction_that_nobody_agreed_on_is_a_break(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let (asked, world) = (case.ask("a").await.body(201), &case.world);
    let approval: uuid::Uuid = asked["id"].as_str().unwrap().parse().unwrap();
    let forge = async |approval: uuid::Uuid| {
        let repair = "INSERT INTO bill_repair (approval_id, school_id, difference_id, payment_id, repair, \
                      stake_fen, accepted_at, entry, number, out_trade_no, field, ours, theirs, \
                      corrected_fen) SELECT $1, school_id, id, payment_id, repair, stake_fen, $2, \
                      entry, number, out_trade_no, field, ours, theirs, 0 FROM bill_difference";
        let values = [approval.into(), now().micros().into()];
        assert_eq!(world.rows.change(repair, values).await, 1);
        let (from, to) =
            (Account::School(SchoolAccount::Adjustment), Account::Person(PersonAccount::EAccount));
        let person = world.rows.id("SELECT person_id FROM orders").await;
        let transfer = Transfer {
            school: school_id(world, "xnec").await,
            person: Some(PersonId::from_uuid(person)),
            kind: Kind::new("corrected"),
            reference: approval.to_string(),
            nature: Nature::Fact,
            value_day: now().day(),
            legs: vec![Leg { from, to, amount: Fen::new(100).unwrap() }],
        };
        world
            .db
            .in_tx(async |tx| post_all(tx, now(), std::slice::from_ref(&transfer)).await)
            .await
            .unwrap();
        seal::seal_all(&world.db, &SystemClock).await.unwrap();
        world.report().await.to_string()
    };
    // One that was asked for and not approved, and one that nobody asked for.
    let report = forge(approval).await;
    assert!(report.contains("its request was not approved"), "{report}");
    let report = forge(uuid::Uuid::now_v7()).await;
    assert!(report.contains("there is no authentic request"), "{report}");
    // Approved in the database alone.
    let approved = "UPDATE approval SET state = 'approved', decided_by = $1, decided_login = 'x', \
                    decided_no = '1009', decided_at = asked_at";
    world.rows.change(approved, [uuid::Uuid::now_v7().into()]).await;
    let report = world.report().await.to_string();
    assert!(!report.contains("its request was not approved"), "{report}");
    assert_eq!(report.matches("there is no authentic request").count(), 2, "{report}");
}

async fn what_is_taken_is_at_most_what_is_there(db: &TestDb) {
    let case = Box::pin(Case::open(db, 4000)).await;
    let asked = case.ask("a").await.body(201);
    crate::journey_money::refunds::spend(&case.world, 4500).await;
    let answer = case.decides.post(&approve(&asked), &json!({})).await;
    answer.problem("spent meanwhile", 409, "refund_spent");
    assert_eq!(case.difference().await["state"], "open", "it stays");
    crate::journey_money::refunds::spend(&case.world, -4500).await;
    case.decides.post(&approve(&asked), &json!({})).await.body(200);
    assert_eq!(case.student.balances().await[3], 4000);
}

async fn a_difference_that_changed_is_not_accepted(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let asked = case.ask("a").await.body(201);
    case.bill.0.lock().unwrap()[0].amount = Fen::new(9100).unwrap();
    assert!(case.office.compare("xnec", case.day).await.unwrap().open_differences > 0);
    let answer = case.decides.post(&approve(&asked), &json!({})).await;
    answer.problem("changed", 409, "difference_changed");
    assert_eq!(case.student.balances().await[3], 5000);
    let withdraw = format!("{ROOT}/repairs/{}/withdraw", asked["id"].as_str().unwrap());
    assert_eq!(case.asks.post(&withdraw, &json!({})).await.body(200)["state"], "withdrawn");
    let reject = format!("{ROOT}/repairs/{}/reject", asked["id"].as_str().unwrap());
    let over = case.decides.post(&reject, &json!({ "reason": "金额不符" })).await;
    over.problem("withdrawn", 409, "approval_over");
    // A request about a bill is no request for a refund.
    let refund = format!("/api/v1/staff/refunds/{}", asked["id"].as_str().unwrap());
    case.asks.get(&refund).await.problem("no refund", 404, "not_found");
}

async fn a_row_that_was_taken_back_is_accepted_by_two_persons(db: &TestDb) {
    let rows = |world: &World, number: &str| {
        let good = self::billed(world, number, 5000);
        let other =
            BillRow { transaction_id: "4200000000000000000000000077".to_owned(), ..good.clone() };
        vec![good, other]
    };
    let case = Box::pin(Case::with(db, rows)).await;
    case.bill.0.lock().unwrap().truncate(1);
    assert_eq!(case.office.compare("xnec", case.day).await.unwrap().open_differences, 1);
    let id = "SELECT id FROM bill_difference WHERE field = 'withdrawn'";
    let id = case.world.rows.id(id).await;
    let body = json!({ "reason": "支付平台更正了账单" });
    let ask = format!("POST {ROOT}/differences/{id}/repair");
    let asked = case.asks.ask(&ask, "a", Some(&body)).await.body(201);
    case.decides.post(&approve(&asked), &json!({})).await.body(200);
    for _ in 0..2 {
        let report = case.world.report().await;
        assert!(report.is_clean(), "{report}");
        let totals = case.office.compare("xnec", case.day).await.unwrap();
        assert_eq!((totals.state(), totals.open_differences), (DayState::Closed, 0));
    }
    assert_eq!(case.student.balances().await[3], 5000);
}

/// A later comparison did not find it: the bill does not have the payment any more.
async fn a_difference_that_is_gone_is_not_accepted(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let asked = case.ask("a").await.body(201);
    case.bill.0.lock().unwrap().clear();
    case.office.compare("xnec", case.day).await.unwrap();
    let gone = "bill_difference WHERE field = 'amount' AND state = 'gone'";
    assert_eq!(case.world.rows.count(gone).await, 1);
    let answer = case.decides.post(&approve(&asked), &json!({})).await;
    answer.problem("gone", 409, "difference_changed");
    assert_eq!(case.student.balances().await[3], 5000);
}

async fn nobody_corrects_a_balance_of_their_own(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let own = staff(&case.world, "own", PEOPLE[0].0, "finance").await;
    let id = case.difference().await["id"].as_str().unwrap().to_owned();
    let (line, why) =
        (format!("POST {ROOT}/differences/{id}/repair"), json!({ "reason": "账单金额为准" }));
    own.ask(&line, "own", Some(&why)).await.problem("who paid", 403, "own_money");
    let asked = case.ask("a").await.body(201);
    own.post(&approve(&asked), &json!({})).await.problem("who paid", 403, "own_money");
    assert_eq!(case.student.balances().await[3], 5000);
}

async fn the_office_reads_days_and_differences(db: &TestDb) {
    let case = Box::pin(Case::open(db, 5100)).await;
    let days = case.asks.get(&format!("{ROOT}/days?limit=1")).await.body(200);
    let day = &days["items"][0];
    assert_eq!((&day["provider"], &day["state"]), (&json!("wechat_pay"), &json!("open")));
    assert_eq!((&day["date"], &day["open_differences"]), (&json!(case.day.to_string()), &json!(1)));
    assert_eq!(days["next_cursor"], Value::Null);
    case.office.clock.advance(std::time::Duration::from_hours(24));
    case.bill.0.lock().unwrap().clear();
    case.office.compare("xnec", case.day.next()).await.unwrap();
    let newest = case.asks.get(&format!("{ROOT}/days?limit=1")).await.body(200);
    assert_eq!(newest["items"][0]["date"], case.day.next().to_string());
    let cursor = newest["next_cursor"].as_str().unwrap();
    let older = case.asks.get(&format!("{ROOT}/days?limit=1&cursor={cursor}")).await.body(200);
    assert_eq!(older["items"][0]["id"], day["id"]);
    assert_eq!(older["next_cursor"], Value::Null);
    let nowhere = format!("{ROOT}/days/{}/differences", uuid::Uuid::nil());
    case.asks.get(&nowhere).await.problem("no such day", 404, "not_found");
    let network = staff(&case.world, "network", "1003", "network_center").await;
    let refused = network.get(&format!("{ROOT}/days")).await;
    refused.problem("no money", 403, "staff_right_missing");
    let elsewhere = school_id(&case.world, "csmzxy").await;
    assert_ne!(elsewhere, school_id(&case.world, "xnec").await);
}
