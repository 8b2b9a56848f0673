//! The sweep: a payment without callback or query is settled or closed by itself, whatever the
//! provider does meanwhile.

use futures_util::future::join_all;
use onecard::{
    ledger::account::SchoolAccount,
    orders::due::{Lease, claim_inquiries, claim_payments},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use testkit::{Fault, Faults, Student, TestDb, World, eventually, now, on_each_database, wish_by};
use uuid::Uuid;

on_each_database!(
    a_payment_that_nobody_tells_of_is_settled_by_the_sweep,
    an_expired_order_is_closed_at_the_provider_and_then_here,
    an_expired_order_that_was_paid_settles,
    a_payment_that_the_provider_never_saw_is_closed_after_its_time,
    faults_of_wechat_pay_leave_a_paid_order_open_until_it_answers,
    faults_of_wechat_pay_leave_an_expired_order_open_until_it_answers,
    faults_of_alipay_leave_a_paid_order_open_until_it_answers,
    faults_of_alipay_leave_an_expired_order_open_until_it_answers,
    an_unsigned_not_found_of_alipay_closes_nothing,
    an_order_whose_answer_was_lost_is_paid_all_the_same,
    what_is_due_is_taken_once,
    a_message_of_an_unknown_provider_holds_up_no_other,
);

/// The sweep in a hurry.
const HURRY: [(&str, &str); 2] = [("PAYMENTS__FIRST_LOOK_MS", "10"), MANY];
/// As fast as a sweep may be whose leases, 24 s, outlast two calls of 10 s each to a provider that
/// hangs. At a shorter lease one such payment is taken again and again, until it has every place.
const FAST: [(&str, &str); 2] = [("PAYMENTS__FIRST_LOOK_MS", "1000"), MANY];
/// One student may order as much as a test wants.
const MANY: (&str, &str) = ("PAYMENTS__MOST_OPEN_ORDERS", "100");

pub const FAULTS: [Fault; 10] = [
    Fault::Hangs,
    Fault::BreaksOff,
    Fault::Says(429, r#"{"code":"RATELIMIT_EXCEEDED","message":"m"}"#),
    Fault::Says(500, r#"{"code":"SYSTEM_ERROR","message":"m"}"#),
    Fault::Says(502, "<html>Bad Gateway</html>"),
    Fault::Says(200, "<html>捕获</html>"),
    Fault::Says(200, "\u{0}\u{1}garbage"),
    // 系统繁忙 in GBK.
    Fault::SaysBytes(200, b"<html>\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6</html>"),
    // An error of Alipay's gateway, which is not signed.
    Fault::Says(200, r#"{"error_response":{"code":"40002","sub_code":"isv.invalid-timestamp"}}"#),
    Fault::LosesSignature,
];

async fn state(student: &Student, order: &Value) -> String {
    student.order_again(order).await["state"].as_str().unwrap().to_owned()
}

/// By the sweep, which takes it as often as it can.
async fn becomes(world: &World, order: &Value, state: &str) {
    let sql = format!(
        "SELECT COUNT(*) FROM orders WHERE state = '{state}' AND id = {}",
        world.rows.literal(order["id"].as_str().unwrap())
    );
    eventually(state, async || {
        world.rows.due(order["id"].as_str().unwrap()).await;
        (world.rows.number(&sql).await == 1).then_some(())
    })
    .await;
}

async fn a_payment_that_nobody_tells_of_is_settled_by_the_sweep(db: &TestDb) {
    let (world, _gate) = World::gated(db, &HURRY).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    world.pay_untold(&order).await;
    becomes(&world, &order, "fulfilled").await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    assert_eq!(world.rows.count("notification").await, 0);
    world.assert_books(5000).await;
}

async fn an_expired_order_is_closed_at_the_provider_and_then_here(db: &TestDb) {
    let (world, _gate) = World::gated(db, &HURRY).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let number = world.out_trade_no(&order).await;
    world.rows.expire(order["id"].as_str().unwrap()).await;
    becomes(&world, &order, "closed").await;
    assert_eq!(world.pay().payment(&number).unwrap().trade_state, "CLOSED");
    assert!(world.pay().pay(&number).is_err());
    world.assert_books(0).await;
}

async fn an_expired_order_that_was_paid_settles(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    world.pay_untold(&order).await;
    world.rows.expire(order["id"].as_str().unwrap()).await;
    let mut hurried = world;
    hurried.set("PAYMENTS__FIRST_LOOK_MS", "10");
    let _sweeping = hurried.serve();
    becomes(&hurried, &order, "fulfilled").await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    assert_eq!(hurried.rows.count("review_case").await, 0);
    hurried.assert_books(5000).await;
}

/// WeChat Pay heard nothing of the prepay, and says so when it is asked.
async fn a_payment_that_the_provider_never_saw_is_closed_after_its_time(db: &TestDb) {
    let (world, gate) = World::gated(db, &HURRY).await;
    let student = world.student(0).await;
    gate.everywhere(Some(Fault::Says(503, "<html></html>")));
    let told = student.order(5000, "first").await;
    told.problem("nobody there", 503, "provider_unavailable");
    assert!(told.header("retry-after").is_some());
    gate.heal();
    let order = student.get("/api/v1/orders").await.body(200)["items"][0].clone();
    let number = world.out_trade_no(&order).await;
    eventually("the provider is asked", async || {
        world.rows.due(order["id"].as_str().unwrap()).await;
        (gate.asked(&number) > 2).then_some(())
    })
    .await;
    assert_eq!(state(&student, &order).await, "awaiting_payment", "not found is no proof");
    world.rows.expire(order["id"].as_str().unwrap()).await;
    becomes(&world, &order, "closed").await;
    world.assert_books(0).await;
}

/// Alipay signs what it says of trades: unsigned, anybody could have said that there is none.
async fn an_unsigned_not_found_of_alipay_closes_nothing(db: &TestDb) {
    let unsigned = r#"{"alipay_trade_query_response":{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"x"}}"#;
    let (world, gate) = World::gated(db, &HURRY).await;
    let student = world.alipay_student(0).await;
    // Nothing of it reached Alipay.
    gate.everywhere(Some(Fault::Says(503, "<html></html>")));
    student.order_with(&wish_by("alipay", 5000), "first").await.unwrap();
    let order = student.get("/api/v1/orders").await.body(200)["items"][0].clone();
    let number = world.out_trade_no(&order).await;
    gate.everywhere(Some(Fault::Says(200, unsigned)));
    // As if it had expired long ago.
    let expired = "UPDATE orders SET expires_at = created_at - 3600000000";
    world.rows.change(expired, []).await;
    let before = gate.asked(&number);
    eventually("Alipay is asked", async || {
        world.rows.due(order["id"].as_str().unwrap()).await;
        (gate.asked(&number) > before + 5).then_some(())
    })
    .await;
    assert_eq!(state(&student, &order).await, "awaiting_payment");
    gate.heal();
    becomes(&world, &order, "closed").await;
    world.assert_books(0).await;
}

async fn faults_of_wechat_pay_leave_a_paid_order_open_until_it_answers(db: &TestDb) {
    outlasts_faults(db, "wechat_pay", true).await;
}

async fn faults_of_wechat_pay_leave_an_expired_order_open_until_it_answers(db: &TestDb) {
    outlasts_faults(db, "wechat_pay", false).await;
}

async fn faults_of_alipay_leave_a_paid_order_open_until_it_answers(db: &TestDb) {
    outlasts_faults(db, "alipay", true).await;
}

/// The close fails, and then the query.
async fn faults_of_alipay_leave_an_expired_order_open_until_it_answers(db: &TestDb) {
    outlasts_faults(db, "alipay", false).await;
}

/// An order for each fault. None may end before its provider answers, and none may stay.
async fn outlasts_faults(db: &TestDb, funding: &str, paid: bool) {
    let (world, gate) = World::gated(db, &FAST).await;
    let student = world.student(0).await;
    world.alipay_student(0).await;
    let mut orders = Vec::new();
    for (n, fault) in FAULTS.into_iter().enumerate() {
        let wish = wish_by(funding, 100);
        let order = student.order_with(&wish, &format!("key-{n}")).await.unwrap().body(201);
        let number = world.out_trade_no(&order).await;
        gate.meets(&number, fault);
        orders.push((order, number, fault));
    }
    for (order, number, _) in &orders {
        if paid && funding == "alipay" {
            world.alipay().drop_callbacks(number).unwrap();
            world.alipay().pay(number).unwrap();
        } else if paid {
            world.pay_untold(order).await;
        } else {
            world.rows.expire(order["id"].as_str().unwrap()).await;
        }
    }
    for (order, number, fault) in &orders {
        let twice = if *fault == Fault::Hangs { 1 } else { gate.asked(number) + 2 };
        let what = format!("{fault:?} is met");
        eventually(&what, async || {
            if *fault != Fault::Hangs {
                world.rows.due(order["id"].as_str().unwrap()).await;
            }
            (gate.asked(number) >= twice).then_some(())
        })
        .await;
        assert_eq!(in_store(&world, order).await, "awaiting_payment", "{fault:?}");
    }
    gate.heal();
    let (end, credited) = if paid { ("fulfilled", 1000) } else { ("closed", 0) };
    for (order, ..) in &orders {
        becomes(&world, order, end).await;
    }
    assert_eq!(student.balances().await, [0, 0, credited, credited]);
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    world.assert_books_of(funding, credited).await;
}

async fn in_store(world: &World, order: &Value) -> String {
    let id = world.rows.literal(order["id"].as_str().unwrap());
    world.rows.texts(&format!("SELECT state FROM orders WHERE id = {id}")).await.remove(0)
}

/// WeChat Pay knows the payment, we do not know that it does, and the client was told to come again.
async fn an_order_whose_answer_was_lost_is_paid_all_the_same(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let student = world.student(0).await;
    gate.everywhere(Some(Fault::LosesAnswer));
    student.order(5000, "first").await.problem("answer lost", 503, "provider_unavailable");
    gate.heal();
    let order = student.order(5000, "first").await.body(201);
    assert!(order["pay"]["package"].is_string());
    assert_eq!(world.pay().payments(0, 9).1, 1, "one payment, prepared twice");
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}

/// Many servers ask for what is due at the same moment.
async fn what_is_due_is_taken_once(db: &TestDb) {
    let world = World::start_with(db, &[MANY]).await;
    let student = world.student(0).await;
    for n in 0..40 {
        student.order(1, &format!("key-{n}")).await.body(201);
    }
    let due = now().plus(Duration::from_mins(10));
    let claims = (0..8).map(async |server: u64| {
        let until = due.plus(Duration::from_secs(60 + server));
        let lease = Lease { now: due, until, most: 16 };
        let mut taken = Vec::new();
        for _ in 0..5 {
            let some = claim_payments(&world.db, lease).await.unwrap();
            assert!(some.len() <= 16);
            taken.extend(some.into_iter().map(|attempt| attempt.payment.id));
        }
        taken
    });
    let taken: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
    assert_eq!((taken.len(), taken.iter().collect::<BTreeSet<_>>().len()), (40, 40));
}

/// A newer release recorded one of a provider that this release does not know.
async fn a_message_of_an_unknown_provider_holds_up_no_other(db: &TestDb) {
    let world = World::start(db).await;
    for (id, provider) in [(1_u128, "newer"), (2, "wechat_pay")] {
        let insert =
            "INSERT INTO notification VALUES ($1, 4, $2, $3, '', '', 'disagrees', $4, 1, $5, NULL)";
        let far = now().plus(Duration::from_hours(1)).micros();
        let id = Uuid::from_u128(id);
        let row: [sea_orm::Value; 5] =
            [id.into(), provider.into(), provider.into(), vec![0_u8].into(), far.into()];
        assert_eq!(world.rows.change(insert, row).await, 1);
    }
    let later = now().plus(Duration::from_hours(2));
    let lease = Lease { now: later, until: later.plus(Duration::from_mins(1)), most: 16 };
    let taken = claim_inquiries(&world.db, lease).await.unwrap();
    let taken: Vec<_> = taken.iter().map(|inquiry| inquiry.message).collect();
    assert_eq!(taken, [Uuid::from_u128(2)]);
}

/// A student who comes back again and again, to two servers, has the provider asked once in two
/// seconds; and two sweeps together ask no more than one.
#[tokio::test]
async fn two_servers_ask_no_more_than_one() {
    testkit::on_postgres(async |db: &TestDb| {
        let (mut world, gate) = World::gated(db, &[MANY]).await;
        let (here, second) = (world.student(0).await, world.serve());
        let there = here.at(second.api());
        let order = here.order(5000, "first").await.body(201);
        let number = world.out_trade_no(&order).await;
        let begun = Instant::now();
        for _ in 0..10 {
            for student in [&here, &there] {
                assert_eq!(state(student, &order).await, "awaiting_payment");
            }
        }
        let most = usize::try_from(begun.elapsed().as_secs() / 2).unwrap() + 1;
        assert!((1..=most).contains(&gate.asked(&number)), "{} > {most}", gate.asked(&number));

        world.set("PAYMENTS__FIRST_LOOK_MS", "1000");
        let _sweeping = [world.serve(), world.serve()];
        both_sweep(&world, &gate, &here).await;
    })
    .await;
}

async fn both_sweep(world: &World, gate: &Faults, student: &Student) {
    let mut numbers = Vec::new();
    for n in 0..20 {
        let order = student.order(1, &format!("key-{n}")).await.body(201);
        numbers.push(world.out_trade_no(&order).await);
    }
    // So old that after this look the next is seconds away.
    let old = now().minus(Duration::from_secs(40)).micros();
    let due = format!("UPDATE payment SET created_at = {old}, look_at = 0 WHERE state = 'open'");
    world.rows.change(&due, []).await;
    eventually("all are asked about", async || {
        numbers.iter().all(|number| gate.asked(number) > 0).then_some(())
    })
    .await;
    for number in &numbers {
        assert_eq!(gate.asked(number), 1, "{number}");
    }
}
