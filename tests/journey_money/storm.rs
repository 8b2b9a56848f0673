//! The storm: many orders, each message sent many times over, in any order, by many at once,
//! some forged and some never sent. What the students have is what the provider took, to the fen.
//!
//! `ONECARD_LONG=1` runs 100,000 orders, otherwise 500; `ONECARD_SEED` repeats a run.

use futures_util::stream::{self, StreamExt};
use onecard::ledger::account::SchoolAccount;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sandbox::wechat_pay::{CallbackMode, PaymentView};
use serde_json::Value;
use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};
use testkit::{
    Answer, Api, Forge, Letter, PEOPLE, Student, TestDb, World, eventually, eventually_within,
    on_each_database, transaction_id,
};

on_each_database!(a_storm_of_callbacks_credits_what_the_provider_took);

/// As many orders are made, paid and told of at a time in a long run, so that their messages fit
/// into memory.
const WAVE: usize = 2000;
/// All orders of a normal run.
const FEW: usize = 500;
const AT_ONCE: usize = 64;
const MOST_COPIES: u32 = 16;
/// Some are looked at while their messages arrive; the lost ones wait until the storm is over.
const FIRST_LOOK_MS: &str = "20000";
/// How often all that is open is said to be due, in polls.
const POLLS_OF_A_TURN: u32 = 300;

/// What is sent, of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    True,
    BadSignature,
    WrongAmount,
    OtherMerchant,
}

impl Kind {
    fn random(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..100) {
            0..5 => Self::BadSignature,
            5..7 => Self::WrongAmount,
            7 => Self::OtherMerchant,
            _ => Self::True,
        }
    }

    /// A wrong amount has a good signature: it is kept, and the provider is asked.
    const fn answer(self) -> u16 {
        match self {
            Self::True | Self::WrongAmount => 204,
            Self::BadSignature | Self::OtherMerchant => 401,
        }
    }
}

type Counts = BTreeMap<Kind, usize>;

async fn a_storm_of_callbacks_credits_what_the_provider_took(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let (waves, size) = if long { (50, WAVE) } else { (1, FEW) };
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    let mut rng = StdRng::seed_from_u64(seed);
    let settings =
        [("PAYMENTS__FIRST_LOOK_MS", FIRST_LOOK_MS), ("PAYMENTS__MOST_OPEN_ORDERS", "10000")];
    let world = World::start_with(db, &settings).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let mut students = Vec::new();
    for user in 0..u32::try_from(PEOPLE.len()).unwrap() {
        students.push(world.student(user).await);
    }
    let (begun, mut sent) = (Instant::now(), Counts::new());
    for wave in 0..waves {
        let payments = orders(&world, &students, (wave, size), &mut rng).await;
        send(&world.api(), letters(&payments, &mut rng), &mut sent).await;
        sweep_up(&world).await;
    }
    let (orders, took) = (waves * size, begun.elapsed());
    println!("ONECARD_SEED={seed}: {orders} orders, messages {sent:?}, in {took:.1?}");
    prove(&world, &students).await;
}

/// Orders, nine of ten of them paid.
async fn orders(
    world: &World,
    students: &[Student],
    (wave, size): (usize, usize),
    rng: &mut impl Rng,
) -> Vec<PaymentView> {
    let wishes = (0..size).map(|n| (n, rng.random_range(1..=50_000), rng.random_bool(0.9)));
    let wishes: Vec<_> = wishes.collect();
    let made = stream::iter(wishes).map(async |(n, amount, is_paid)| {
        let student = &students[n % students.len()];
        let order = persistently(student, amount, &format!("{wave}-{n}")).await;
        let number = order["payments"][0]["payment_id"].as_str().unwrap().replace('-', "");
        if is_paid {
            world.pay().pay(&number).unwrap()
        } else {
            world.pay().payment(&number).unwrap()
        }
    });
    made.buffer_unordered(AT_ONCE).collect().await
}

/// A connection that was kept may be closed just as it is used again, ours or the one to the
/// provider; the client then asks again.
async fn persistently(student: &Student, amount: i64, key: &str) -> Value {
    let answered = |answer: &Answer| answer.status != 503;
    let ask = async || student.try_order(amount, key).await.ok().filter(answered);
    eventually("an order is answered", ask).await.body(201)
}

/// What is sent of four in five of them, shuffled. Nothing true is told of what was not paid.
fn letters(payments: &[PaymentView], rng: &mut impl Rng) -> Vec<(Kind, Letter)> {
    let (forge, mut letters) = (Forge::with_sandbox_keys(), Vec::new());
    for payment in payments {
        if rng.random_bool(0.2) {
            continue;
        }
        let mut written = BTreeMap::new();
        for copy in 0..rng.random_range(1..=MOST_COPIES) {
            let kind = Kind::random(rng);
            if kind == Kind::True && payment.transaction_id.is_none() {
                continue;
            }
            let write = || letter(&forge, payment, kind, copy);
            letters.push((kind, written.entry(kind).or_insert_with(write).clone()));
        }
    }
    letters.shuffle(rng);
    letters
}

fn letter(forge: &Forge, payment: &PaymentView, kind: Kind, copy: u32) -> Letter {
    let mut told = forge.transaction(payment);
    match kind {
        Kind::True | Kind::BadSignature => {}
        Kind::WrongAmount => told["amount"]["total"] = (payment.total_fen + 1).into(),
        Kind::OtherMerchant => told["mchid"] = "1900000000".into(),
    }
    if payment.transaction_id.is_none() {
        told["transaction_id"] = transaction_id(payment, copy).into();
    }
    let letter = forge.message(&format!("{}-{kind:?}", payment.out_trade_no), &told);
    if kind == Kind::BadSignature {
        let other = forge.signed("{}");
        letter.with("Wechatpay-Signature", other.header("Wechatpay-Signature"))
    } else {
        letter
    }
}

async fn send(api: &Api, letters: Vec<(Kind, Letter)>, sent: &mut Counts) {
    let answers = stream::iter(letters).map(async |(kind, letter)| {
        let post = async || letter.post(api, "xnec").await.ok();
        (kind, eventually("a message is answered", post).await.status)
    });
    let mut answers = answers.buffer_unordered(AT_ONCE);
    while let Some((kind, status)) = answers.next().await {
        assert_eq!(status, kind.answer(), "{kind:?}");
        *sent.entry(kind).or_default() += 1;
    }
}

/// Time passes: what is open is looked at, what nobody paid expires.
async fn sweep_up(world: &World) {
    let polls = Cell::new(0_u32);
    eventually_within(Duration::from_mins(5), "nothing is open", async || {
        if polls.replace(polls.get() + 1).is_multiple_of(POLLS_OF_A_TURN) {
            let expire =
                "UPDATE orders SET expires_at = created_at WHERE state = 'awaiting_payment'";
            world.rows.change(expire, []).await;
            world.rows.change("UPDATE payment SET look_at = 0 WHERE state = 'open'", []).await;
        }
        let open = world.rows.count("payment WHERE state = 'open'").await;
        let asked = world.rows.count("notification WHERE ask_at > 0").await;
        (open == 0 && asked == 0).then_some(())
    })
    .await;
}

async fn prove(world: &World, students: &[Student]) {
    let (payments, made) = world.pay().payments(0, usize::MAX);
    let paid: Vec<_> = payments.iter().filter(|payment| payment.trade_state == "SUCCESS").collect();
    let successes: i64 = paid.iter().map(|payment| payment.total_fen).sum();
    let mut credited = 0;
    for student in students {
        credited += student.balances().await[2];
    }
    assert_eq!(credited, successes);
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    let count = |n: usize| i64::try_from(n).unwrap();
    assert_eq!(world.rows.count("orders").await, count(made));
    assert_eq!(world.rows.count("orders WHERE state = 'fulfilled'").await, count(paid.len()));
    assert_eq!(world.rows.count("orders WHERE state = 'closed'").await, count(made - paid.len()));
    assert_eq!(world.rows.count("transfer").await, count(paid.len()));
    let cases = world.rows.count("review_case WHERE subject LIKE 'amount:%'").await;
    assert_eq!(world.rows.count("review_case").await, cases, "no other cases");
    world.at_rest().await;
    world.assert_books(successes).await;
    println!("{} paid, {successes} fen credited, {cases} cases for staff", paid.len());
}
