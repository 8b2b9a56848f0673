//! SIGKILL at any moment, while students pay by either provider and by both, and money goes back:
//! nothing is lost, nothing is doubled, nothing is stuck.

use futures_util::future::join_all;
use onecard::{
    base::money::Fen,
    ledger::account::{Name, SchoolAccount},
    orders::order::PaymentId,
    payments::refunds::{self, AskedRefund},
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use sandbox::wechat_pay::{MAX_SPEED, Outcome};
use serde_json::{Value, json};
use std::cell::Cell;
use testkit::{
    PATIENCE, Program, Student, TestDb, World, eventually, on_each_database, wish_by, within,
};

on_each_database!(a_server_that_is_killed_at_any_moment_loses_and_doubles_nothing);

const STUDENTS: u32 = 6;
/// By which provider each order of a round is paid; the third by both.
const WAYS: [&[&str]; 3] = [&["wechat_pay"], &["alipay"], &["wechat_pay", "alipay"]];
/// The messages come first; a lease of the outbox is longer than a round.
const FIRST_LOOK_MS: &str = "2000";
/// Retries are at 15 and 30 ms, and so on: before, during and after a restart.
const SPEED: u32 = 1000;

async fn a_server_that_is_killed_at_any_moment_loses_and_doubles_nothing(db: &TestDb) {
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    let rounds = if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") { 100 } else { 8 };
    println!("ONECARD_SEED={seed} repeats these {rounds} rounds");
    let mut rng = StdRng::seed_from_u64(seed);

    let mut world = World::unserved(db).await;
    world.set("PAYMENTS__FIRST_LOOK_MS", FIRST_LOOK_MS);
    let mut program = Program::of(&world, crate::ONECARD);
    program.start().await;
    let students = sign_up(&world, &program).await;

    round(&world, &students, 0, &mut rng).await;
    let of_a_round = written(&world).await;
    let mut interrupted = 0;
    for number in 1..=rounds {
        world.pay().set_speed(SPEED);
        let moment = written(&world).await + rng.random_range(0..of_a_round);
        let killing = async {
            eventually("it is the moment", async || {
                (written(&world).await >= moment).then_some(())
            })
            .await;
            program.kill();
            assert_verified(&program).await;
            program.start().await;
            world.pay().set_speed(MAX_SPEED / 10);
        };
        let mut amounts = StdRng::seed_from_u64(rng.next_u64());
        let (repeated, ()) = tokio::join!(round(&world, &students, number, &mut amounts), killing);
        interrupted += repeated;
    }
    let deliveries = world.pay().deliveries();
    let unanswered =
        deliveries.iter().filter(|d| matches!(d.outcome, Outcome::NoAnswer { .. })).count();
    println!("{interrupted} orders were asked for again, {unanswered} callbacks had no answer");
    assert!(interrupted + unanswered > 0, "no kill interrupted anything");
    prove(&world, &students, &mut program).await;
}

/// How much has happened: orders that were made, and payments that were credited.
async fn written(world: &World) -> i64 {
    world.rows.count("orders").await + world.rows.count("transfer").await
}

async fn sign_up(world: &World, program: &Program) -> Vec<Student> {
    let mut students = Vec::new();
    for user in 0..STUDENTS {
        let person = testkit::PEOPLE[usize::try_from(user).unwrap()];
        let in_alipay = program.api().login_by("alipay", &world.alipay_code(user)).await;
        in_alipay.bind("xnec", person).await.body(201);
        let student = program.api().login(&world.login_code(user)).await;
        student.bind("xnec", person).await.body(201);
        students.push(student);
    }
    students
}

/// Every student orders and pays, and part of it is given back; ends when all is told and nothing
/// waits. Answers how many requests had to be made again.
async fn round(world: &World, students: &[Student], number: u32, rng: &mut impl Rng) -> usize {
    let mut wishes = Vec::new();
    for student in students {
        for (n, ways) in WAYS.iter().enumerate() {
            wishes.push((student, format!("{number}-{n}"), *ways, rng.random_range(2..=5000)));
        }
    }
    let all = wishes.iter().map(async |(student, key, ways, amount)| {
        let wish = wish_by(ways[0], *amount);
        let asked = ("POST /api/v1/orders", key.as_str());
        let (order, mut repeated) = persistently(student, asked, &wish).await;
        let mut payments = vec![order["payments"][0].clone()];
        for funding in &ways[1..] {
            let line = format!("POST /api/v1/orders/{}/payments", order["id"].as_str().unwrap());
            let wish = json!({ "funding": funding });
            let (payment, more) = persistently(student, (&line, key), &wish).await;
            repeated += more;
            payments.push(payment);
        }
        let numbers: Vec<_> = payments.iter().map(out_trade_no).collect();
        for (funding, number) in ways.iter().zip(&numbers) {
            pay(world, funding, number);
        }
        for (funding, number) in ways.iter().zip(&numbers) {
            until_told(world, funding, number).await;
        }
        if let [number] = numbers.as_slice() {
            give_back(world, number, amount / 2).await;
        }
        repeated
    });
    let repeated = within(4 * PATIENCE, join_all(all)).await.into_iter().sum();
    all_back(world).await;
    repeated
}

fn out_trade_no(payment: &Value) -> String {
    payment["payment_id"].as_str().unwrap().replace('-', "")
}

fn pay(world: &World, funding: &str, number: &str) {
    if funding == "alipay" {
        world.alipay().pay(number).unwrap();
    } else {
        world.pay().pay(number).unwrap();
    }
}

async fn until_told(world: &World, funding: &str, number: &str) {
    if funding == "alipay" {
        let told = world.alipay().until(number, |trade| trade.accepted > 0);
        within(PATIENCE, told).await;
    } else {
        world.until(number, |payment| payment.accepted > 0).await;
    }
}

/// Approved by staff, whose program is another.
async fn give_back(world: &World, number: &str, amount: i64) {
    let payment = PaymentId::from_out_trade_no(number).unwrap();
    let asked =
        AskedRefund { payment, amount: Fen::new(amount).unwrap(), approval: uuid::Uuid::new_v4() };
    let approved = world.db.in_tx(async |tx| {
        let refund = refunds::ask(tx, asked, testkit::now()).await?;
        refunds::approve(tx, refund.id, testkit::now()).await
    });
    approved.await.unwrap();
}

/// Every refund is done, and no message waits to be asked about. What a server took that was killed is
/// due at once.
async fn all_back(world: &World) {
    eventually("all refunds are done", async || {
        for due in [
            "UPDATE outbox SET due_at = 0 WHERE state = 'waiting'",
            "UPDATE notification SET ask_at = 1 WHERE ask_at > 0",
        ] {
            world.rows.change(due, []).await;
        }
        let mut waiting = 0;
        for table in [
            "outbox WHERE state = 'waiting'",
            "notification WHERE ask_at > 0",
            "refund WHERE state <> 'done'",
        ] {
            waiting += world.rows.count(table).await;
        }
        (waiting == 0).then_some(())
    })
    .await;
}

/// Asks with the same key until there is an answer, as a client does that lost its connection.
async fn persistently(
    student: &Student,
    (line, key): (&str, &str),
    body: &Value,
) -> (Value, usize) {
    let asked = Cell::new(0);
    let answer = eventually("an order is answered", async || {
        asked.set(asked.get() + 1);
        student.api.try_ask(&student.access_token, (line, key), Some(body)).await.ok()
    });
    (answer.await.body(201), asked.get() - 1)
}

/// To the fen: what the sandbox kept is what the students have, and the program's own proof agrees.
async fn prove(world: &World, students: &[Student], program: &mut Program) {
    let (payments, made) = world.pay().payments(0, usize::MAX);
    let paid = payments.iter().filter(|payment| payment.trade_state == "SUCCESS");
    let kept = paid.map(|payment| {
        let refunds = world.pay().refunds_of(&payment.out_trade_no);
        let back: i64 = refunds.iter().map(|refund| refund.amount_fen).sum();
        payment.total_fen - back
    });
    let by_wechat_pay: i64 = kept.sum();
    let (trades, made_too) = world.alipay().payments(0, usize::MAX);
    let by_alipay: i64 = trades
        .iter()
        .filter(|trade| trade.paid_at.is_some())
        .map(|trade| trade.total_fen - trade.refunded_fen)
        .sum();
    let waiting = "SELECT COUNT(*) FROM orders WHERE state <> 'fulfilled'";
    assert_eq!(world.rows.number(waiting).await, 0);
    assert_eq!(world.rows.count("payment").await, i64::try_from(made + made_too).unwrap());
    assert_eq!(world.rows.count("review_case WHERE closed_at IS NULL").await, 0);
    let mut credited = 0;
    for student in students {
        credited += student.balances().await[2];
    }
    assert_eq!(credited, by_wechat_pay + by_alipay);
    let clearing = SchoolAccount::Clearing(Name::parse("alipay").unwrap());
    assert_eq!(world.school_balance("xnec", clearing).await, -by_alipay);
    world.assert_books(by_wechat_pay).await;
    program.kill();
    assert_verified(program).await;
}

async fn assert_verified(program: &Program) {
    let (code, said, _) = program.run(&["verify"]).await;
    assert_eq!(code, 0, "{said}\n{}", program.log());
}
