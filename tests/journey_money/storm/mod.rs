//! The storm: many orders, paid by either provider or by both, each message sent many times over, in any
//! order, by many at once, some forged and some never sent; and money that goes back meanwhile: asked for
//! by staff, in the provider's console, and by itself where an order was paid twice. What the students
//! have is what the providers kept, to the fen.
//!
//! `ONECARD_LONG=1` runs 100,000 orders, otherwise 500; `ONECARD_SEED` repeats a run.

mod letters;
mod proof;
mod refunds;

use futures_util::{
    future::join,
    stream::{self, StreamExt},
};
use letters::{Counts, letters, send};
use onecard::orders::order::PaymentId;
use proof::prove;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use refunds::{Act, Staff};
use sandbox::{alipay::TradeView, wechat_pay::CallbackMode, wechat_pay::PaymentView};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use testkit::{
    Faults, PEOPLE, Student, TestDb, World, eventually, eventually_within, on_each_database,
    wish_by,
};

on_each_database!(a_storm_of_callbacks_credits_what_the_providers_kept);

/// As many orders are made, paid and told of at a time in a long run, so that their messages fit
/// into memory.
const WAVE: usize = 2000;
/// All orders of a normal run.
const FEW: usize = 500;
const AT_ONCE: usize = 64;
/// Some are looked at while their messages arrive; the lost ones wait until the storm is over.
const FIRST_LOOK_MS: &str = "20000";
/// How often all that is open is said to be due, in polls.
const POLLS_OF_A_TURN: u32 = 200;
/// Messages whose provider is to be asked.
const ASKED: &str = "notification WHERE ask_at > 0";

/// An order with its payments, oldest first.
struct Made {
    student: usize,
    tried: Vec<Tried>,
}

/// A payment as its provider knows it.
#[derive(Clone, Debug)]
enum Tried {
    WechatPay(PaymentView),
    Alipay(TradeView),
}

/// What a student does: the fundings that are tried, and which of them are paid.
type Wish = (usize, i64, Vec<(&'static str, bool)>);

impl Tried {
    fn number(&self) -> &str {
        match self {
            Self::WechatPay(payment) => &payment.out_trade_no,
            Self::Alipay(trade) => &trade.out_trade_no,
        }
    }

    fn id(&self) -> PaymentId {
        PaymentId::from_out_trade_no(self.number()).unwrap()
    }

    const fn total_fen(&self) -> i64 {
        match self {
            Self::WechatPay(payment) => payment.total_fen,
            Self::Alipay(trade) => trade.total_fen,
        }
    }

    const fn is_paid(&self) -> bool {
        match self {
            Self::WechatPay(payment) => payment.transaction_id.is_some(),
            Self::Alipay(trade) => trade.paid_at.is_some(),
        }
    }
}

/// Everything that a wave needs.
struct Storm<'w> {
    world: &'w World,
    gate: &'w Faults,
    students: Vec<Student>,
}

async fn a_storm_of_callbacks_credits_what_the_providers_kept(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let (waves, size) = if long { (50, WAVE) } else { (1, FEW) };
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("ONECARD_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let settings =
        [("PAYMENTS__FIRST_LOOK_MS", FIRST_LOOK_MS), ("PAYMENTS__MOST_OPEN_ORDERS", "10000")];
    let (world, gate) = World::gated(db, &settings).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let mut students = Vec::new();
    for user in 0..u32::try_from(PEOPLE.len()).unwrap() {
        students.push(world.student(user).await);
        world.alipay_student(user).await;
    }
    let storm = Storm { world: &world, gate: &gate, students };
    let (begun, mut sent, mut staff) = (Instant::now(), Counts::new(), Staff::default());
    let mut made = Vec::new();
    for wave in 0..waves {
        let orders = storm.orders((wave, size), &mut rng).await;
        storm.rage(&orders, &mut staff, &mut sent, &mut rng).await;
        made.extend(orders);
    }
    let (orders, took) = (waves * size, begun.elapsed());
    println!("{orders} orders, messages {sent:?}, in {took:.1?}");
    prove(&storm, &made, &staff).await;
}

impl Storm<'_> {
    /// Orders, most of them paid, one in five by both providers.
    async fn orders(&self, (wave, size): (usize, usize), rng: &mut impl Rng) -> Vec<Made> {
        let wishes: Vec<_> = (0..size).map(|n| wish(n, rng)).collect();
        let made = stream::iter(wishes)
            .map(async |wish| self.ordered(&wish, &format!("{wave}-{}", wish.0)).await);
        made.buffer_unordered(AT_ONCE).collect().await
    }

    async fn ordered(&self, (n, amount, ways): &Wish, key: &str) -> Made {
        let student = n % self.students.len();
        let caller = &self.students[student];
        let wish = wish_by(ways[0].0, *amount);
        let order = persistently(caller, ("POST /api/v1/orders", key), &wish).await;
        let mut numbers = vec![number(&order["payments"][0])];
        for (funding, _) in &ways[1..] {
            let line = format!("POST /api/v1/orders/{}/payments", order["id"].as_str().unwrap());
            let again = json!({ "funding": funding });
            numbers.push(number(&persistently(caller, (&line, key), &again).await));
        }
        let paid = ways.iter().zip(&numbers);
        let tried = paid.map(|((funding, paid), number)| self.pay(funding, number, *paid));
        Made { student, tried: tried.collect() }
    }

    /// What is told of a payment are letters; the sandbox tells of refunds alone.
    fn pay(&self, funding: &str, number: &str, is_paid: bool) -> Tried {
        if funding == "alipay" {
            let alipay = self.world.alipay();
            let known = alipay.drop_callbacks(number).unwrap();
            Tried::Alipay(if is_paid { alipay.pay(number).unwrap() } else { known })
        } else {
            let wechat_pay = self.world.pay();
            let known = wechat_pay.drop_callbacks(number).unwrap();
            Tried::WechatPay(if is_paid { wechat_pay.pay(number).unwrap() } else { known })
        }
    }

    /// The messages of a wave, and its refunds; until nothing is open.
    async fn rage(
        &self,
        orders: &[Made],
        staff: &mut Staff,
        sent: &mut Counts,
        rng: &mut impl Rng,
    ) {
        self.world.set_ahead(Duration::ZERO).await;
        let mut acts: Vec<Act> = orders.iter().filter_map(|made| Act::random(made, rng)).collect();
        acts.shuffle(rng);
        self.refuse_refunds();
        let letters = letters(orders, rng);
        // Some are asked for before their payment is known here; they are asked for again.
        let (early, ()) = join(staff.act(self, acts), send(&self.world.api(), letters, sent)).await;
        self.sweep_up().await;
        let left = staff.act(self, early).await;
        assert!(left.is_empty(), "by now all payments are known");
        self.end_refunds(orders, staff, rng.random()).await;
    }

    /// Time passes: what is open is looked at, and what nobody paid expires.
    async fn sweep_up(&self) {
        let turn = async |turn| {
            if turn > 0 {
                self.a_day_passes().await;
            }
            let expire =
                "UPDATE orders SET expires_at = created_at WHERE state = 'awaiting_payment'";
            self.world.rows.change(expire, []).await;
            let due = "UPDATE payment SET look_at = 0 WHERE state = 'open'";
            self.world.rows.change(due, []).await;
        };
        self.in_turns(&["payment WHERE state = 'open'", ASKED], turn).await;
    }

    /// For messages about refunds that their provider does not confirm: they are asked about for a day.
    async fn a_day_passes(&self) {
        let old = "UPDATE notification SET received_at = received_at - 86400000000, ask_at = 1 \
                   WHERE ask_at > 0 AND verdict = 'refunded'";
        self.world.rows.change(old, []).await;
    }

    /// Refunds are sent, and end.
    async fn end_refunds(&self, orders: &[Made], staff: &Staff, seed: u64) {
        let turn = async |turn| self.turn_of_refunds(orders, staff, turn, seed).await;
        self.in_turns(&["outbox WHERE state = 'waiting'", ASKED], turn).await;
    }

    /// Repeats a turn, some seconds apart, until no such row is left.
    async fn in_turns(&self, left: &[&str], turn: impl AsyncFn(u32)) {
        let polls = Cell::new(0_u32);
        eventually_within(Duration::from_mins(5), "nothing is open", async || {
            let poll = polls.replace(polls.get() + 1);
            if poll.is_multiple_of(POLLS_OF_A_TURN) {
                turn(poll / POLLS_OF_A_TURN).await;
            }
            for rows in left {
                if self.world.rows.count(rows).await > 0 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

fn wish(n: usize, rng: &mut impl Rng) -> Wish {
    let fundings: &[&str] = match rng.random_range(0..10) {
        0 => &["wechat_pay", "alipay"],
        1 => &["alipay", "wechat_pay"],
        2..6 => &["wechat_pay"],
        _ => &["alipay"],
    };
    let ways = fundings.iter().map(|funding| (*funding, rng.random_bool(0.9))).collect();
    (n, rng.random_range(1..=50_000), ways)
}

/// The number of a payment at the provider.
fn number(payment: &Value) -> String {
    payment["payment_id"].as_str().unwrap().replace('-', "")
}

/// A connection that was kept may be closed just as it is used again, ours or the one to the
/// provider; the client then asks again.
async fn persistently(student: &Student, (line, key): (&str, &str), body: &Value) -> Value {
    let ask = async || {
        let answer = student.api.try_ask(&student.access_token, (line, key), Some(body)).await;
        answer.ok().filter(|answer| answer.status != 503)
    };
    eventually("an order is answered", ask).await.body(201)
}
