//! SIGKILL at any moment: nothing is lost, nothing is doubled, nothing is stuck.

use futures_util::future::join_all;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use sandbox::wechat_pay::{MAX_SPEED, Outcome};
use std::time::{Duration, Instant};
use testkit::{PATIENCE, Program, Student, TestDb, World, on_each_database, within};

on_each_database!(a_server_that_is_killed_at_any_moment_loses_and_doubles_nothing);

const STUDENTS: u32 = 6;
const ORDERS_OF_A_ROUND: usize = 2;
/// Retries are at 15 and 30 ms, and so on: before, during and after a restart.
const SPEED: u32 = 1000;
/// How long a client waits before it repeats an order that was not answered.
const CLIENT_PAUSE: Duration = Duration::from_millis(20);

async fn a_server_that_is_killed_at_any_moment_loses_and_doubles_nothing(db: &TestDb) {
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    let rounds = if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") { 100 } else { 8 };
    println!("ONECARD_SEED={seed} repeats these {rounds} rounds");
    let mut rng = StdRng::seed_from_u64(seed);

    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    program.start().await;
    let students = sign_up(&world, &program).await;

    let undisturbed = Instant::now();
    round(&world, &students, 0, &mut rng).await;
    let longest = undisturbed.elapsed();
    let mut interrupted = 0;
    for number in 1..=rounds {
        world.pay().set_speed(SPEED);
        let moment = longest.mul_f64(rng.random());
        let killing = async {
            tokio::time::sleep(moment).await;
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

async fn sign_up(world: &World, program: &Program) -> Vec<Student> {
    let mut students = Vec::new();
    for user in 0..STUDENTS {
        let student = program.api().login(&world.login_code(user)).await;
        let person = testkit::PEOPLE[usize::try_from(user).unwrap()];
        student.bind("xnec", person).await.body(201);
        students.push(student);
    }
    students
}

/// Every student orders and pays; ends when every callback was accepted. Answers how many orders
/// had to be asked for again.
async fn round(world: &World, students: &[Student], number: u32, rng: &mut impl Rng) -> usize {
    let mut amounts = Vec::new();
    for student in students {
        for i in 0..ORDERS_OF_A_ROUND {
            amounts.push((student, format!("{number}-{i}"), rng.random_range(1..=5000)));
        }
    }
    let all = amounts.iter().map(async |(student, key, amount)| {
        let (order, repeated) = persistently(student, *amount, key).await;
        let payment = world.pay_order(&order).await;
        world.until(&payment.out_trade_no, |payment| payment.accepted > 0).await;
        repeated
    });
    within(4 * PATIENCE, join_all(all)).await.into_iter().sum()
}

/// Asks with the same key until there is an answer, as a client does that lost its connection.
async fn persistently(student: &Student, amount: i64, key: &str) -> (serde_json::Value, usize) {
    for repeated in 0.. {
        match student.try_order(amount, key).await {
            Ok(answer) => return (answer.body(201), repeated),
            Err(_gone) => tokio::time::sleep(CLIENT_PAUSE).await,
        }
    }
    unreachable!("the round has a time limit")
}

/// To the fen: what the sandbox took is what the students have, and the program's own proof agrees.
async fn prove(world: &World, students: &[Student], program: &mut Program) {
    let (payments, made) = world.pay().payments(0, usize::MAX);
    let paid = payments.iter().filter(|payment| payment.trade_state == "SUCCESS");
    let successes: i64 = paid.map(|payment| payment.total_fen).sum();
    let waiting = "SELECT COUNT(*) FROM orders WHERE state <> 'fulfilled'";
    assert_eq!(world.rows.number(waiting).await, 0);
    assert_eq!(world.rows.count("orders").await, i64::try_from(made).unwrap());
    assert_eq!(world.rows.count("review_case").await, 0);
    let mut credited = 0;
    for student in students {
        credited += student.balances().await[2];
    }
    assert_eq!(credited, successes);
    world.assert_books(successes).await;
    program.kill();
    assert_verified(program).await;
}

async fn assert_verified(program: &Program) {
    let (code, said, _) = program.run(&["verify"]).await;
    assert_eq!(code, 0, "{said}\n{}", program.log());
}
