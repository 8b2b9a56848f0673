//! SIGKILL between any two writes of the journey: the next start and the sweep finish it.
//!
//! The journey is made by either provider. A recorded one tells every point that there is; [`POINTS`]
//! must name each, and each is died at: every statement of the first transaction, and up to two calls.
//! `ONECARD_LONG=1` takes all of them, otherwise it is every tenth; `ONECARD_SEED` says beginning with
//! which.

use onecard::{
    base::money::Fen,
    ledger::account::{Name, SchoolAccount},
    orders::order::PaymentId,
    payments::refunds::{self, AskedRefund},
};
use sandbox::wechat_pay::MAX_SPEED;
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fs,
    path::Path,
};
use testkit::{
    AlipayForge, Answer, Api, Forge, Letter, PATIENCE, PEOPLE, Program, TestDb, Trade, World,
    claim, eventually, eventually_within, on_each_database, sample, wish_by, within,
};

on_each_database!(a_server_that_is_killed_between_any_two_writes_finishes_what_it_began);

const DIE_AT: &str = "ONECARD_DIE_AT";
const RECORD: &str = "ONECARD_WRITE_POINTS";
const SIGKILL: i32 = 9;
/// The sweep in a hurry.
const FIRST_LOOK_MS: i64 = 20;
/// Of one journey.
const ORDERS: i64 = 11;
/// Its orders that are tried twice.
const TRIED_TWICE: i64 = 3;
/// How often the journey is made until it meets a point.
const MOST_JOURNEYS: usize = 5;
/// Of its own, because it is emptied.
const REDIS_DATABASE: u8 = 7;
/// A normal run takes one of so many points.
const SAMPLE: usize = 10;

const TX: &[&str] = &["tx:begun", "tx:statement", "tx:commit", "tx:committed"];
const PROVIDER: &[&str] = &["provider:call", "provider:answered"];
/// Only where there is a Redis.
const REDIS: &[&str] = &["redis:call", "redis:answered"];

/// Reached by a journey only if a refund of WeChat Pay is told of: where two providers were paid, it is
/// the payment that is heard of later.
const TOLD: &str = "refund";
/// Which of its points are reached depends on database and provider.
const COMPARED: &str = "compare refunds";

/// Every write point of the journey: while what is done, and what is next.
const POINTS: &[(&str, &[&[&str]])] = &[
    ("POST /api/v1/auth/wechat/login", &[PROVIDER, TX]),
    ("POST /api/v1/auth/alipay/login", &[PROVIDER, TX]),
    ("POST /api/v1/bindings", &[TX]),
    ("POST /api/v1/orders", &[TX, PROVIDER]),
    ("POST /api/v1/orders/{id}/payments", &[TX, PROVIDER]),
    ("POST /api/v1/orders/{id}/close", &[TX, REDIS]),
    ("GET /api/v1/orders/{id}", &[REDIS]),
    ("settle", &[TX]),
    ("record", &[TX]),
    ("sealer", &[TX]),
    ("take payments", &[TX]),
    ("take messages", &[TX]),
    ("look", &[PROVIDER]),
    ("look again", &[TX]),
    ("close", &[TX]),
    ("ask", &[PROVIDER]),
    ("ask again", &[TX]),
    ("outbox", &[TX]),
    ("deliver", &[TX, PROVIDER]),
    (TOLD, &[TX]),
    ("idempotency keys", &[TX]),
    ("overdue approvals", &[TX]),
    (COMPARED, &[TX]),
    ("old sessions", &[TX]),
    ("old sessions of staff", &[TX]),
    ("log of doors", &[TX]),
    ("old openings", &[TX]),
];

/// What happens at tills, which `tests/spend/write_points.rs` dies at: a charge, and what is told to
/// the key-value store beside it.
const OF_TILLS: [&str; 2] = ["charge", "misses"];

/// A decision at a door, which `tests/access/write_points.rs` dies at.
const OF_DOORS: [&str; 1] = ["access"];

/// Comparing a day of bills, which `tests/reconciliation/killed.rs` dies at: a day that was not compared
/// to its end is compared again from its beginning.
pub const OF_BILLS: [&str; 10] = [
    "bill: ask",
    "bill: begin",
    "bill: finish",
    "bill: hold",
    "bill: our refunds",
    "bill: ours",
    "bill: release",
    "bill: repaired",
    "bill: rows",
    "bill: withdrawn",
];

/// Checking and importing a roster, which `tests/staff/rosters_killed.rs` dies at.
const OF_ROSTERS: [&str; 4] = ["roster: check", "roster: end", "roster: import", "roster: take"];

/// What is not served, which `tests/access` and `tests/keyring` die at.
const OF_COMMANDS: [&str; 1] = ["command"];

fn points() -> BTreeSet<String> {
    let named = |(what, groups): &(&str, &[&[&str]])| {
        let what = (*what).to_owned();
        let points = groups.iter().flat_map(|group| group.iter());
        points.map(|point| format!("{what}|{point}")).collect::<Vec<_>>()
    };
    POINTS.iter().flat_map(named).collect()
}

/// What the source itself names, beside routes and jobs, is in the table too.
#[test]
fn every_point_of_the_source_is_in_the_table() {
    let known = POINTS.iter().map(|(what, _)| *what).chain(OF_TILLS).chain(OF_BILLS);
    let known = known.chain(OF_DOORS).chain(OF_ROSTERS).chain(OF_COMMANDS);
    let known: BTreeSet<&str> = known.collect();
    let kinds: BTreeSet<&str> = [TX, PROVIDER, REDIS].concat().into_iter().collect();
    let (mut whats, mut reached) = (0, BTreeSet::new());
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for what in literals(&text, "write_point::within(\"") {
                assert!(known.contains(what), "{what} in {}", path.display());
                whats += 1;
            }
            for point in literals(&text, "write_point::reached(\"") {
                assert!(kinds.contains(point), "{point} in {}", path.display());
                reached.insert(point.to_owned());
            }
        }
    }
    assert!(whats >= 8, "only {whats} were found");
    assert!(kinds.iter().all(|kind| reached.contains(*kind)), "{reached:?}");
}

fn literals<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    text.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

async fn a_server_that_is_killed_between_any_two_writes_finishes_what_it_began(db: &TestDb) {
    let mut world = World::unserved(db).await;
    world.set("PAYMENTS__FIRST_LOOK_MS", &FIRST_LOOK_MS.to_string());
    world.use_redis(REDIS_DATABASE);
    // All tries of a message take nine seconds, longer than a start.
    world.pay().set_speed(MAX_SPEED / 100);
    let mut program = Program::of(&world, crate::ONECARD);
    let (mut all, mut journeys) = (Vec::new(), 0);
    for provider in BOTH {
        all.extend(record(&world, &mut program, provider, journeys).await);
        journeys += 1;
    }
    for Death { provider, name, nth } in sample(all, SAMPLE) {
        world.forget_redis(REDIS_DATABASE).await;
        let point = format!("{name}|{nth}");
        println!("{point} by {}", provider.funding());
        program.start_told(DIE_AT, &point).await;
        let died = Cell::new(0);
        // What the sweep was quicker to do is not done again: then the next journey gets there.
        for _ in 0..MOST_JOURNEYS {
            let journey = Journey::new(&world, program.api(), (journeys, provider)).run();
            journeys += 1;
            tokio::select! {
                () = within(4 * PATIENCE, journey) => {}
                () = revive(&mut program, &died) => {}
            }
            assert_proven(&world, &point).await;
            if died.get() > 0 {
                break;
            }
        }
        // Which of two payments is heard of later is not the same each time.
        let by_chance = provider == By::Alipay && name.starts_with(TOLD);
        assert!(died.get() == 1 || by_chance && died.get() == 0, "{point}");
        // A repeated wish is one wish, whether or not its answer arrived.
        assert_eq!(world.rows.count("orders").await, ORDERS * count(journeys), "{point}");
        let payments = (ORDERS + TRIED_TWICE) * count(journeys);
        assert_eq!(world.rows.count("payment").await, payments, "{point}");
        program.kill();
    }
    let (code, said, _) = program.run(&["verify"]).await;
    assert_eq!(code, 0, "{said}");
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

/// A point to die at.
struct Death {
    provider: By,
    name: String,
    /// At the how-manieth time.
    nth: usize,
}

/// Runs the journey undisturbed; answers each point that it reached, and the how-manieth times are
/// worth dying at.
async fn record(world: &World, program: &mut Program, provider: By, round: usize) -> Vec<Death> {
    let file = world.path(provider.funding());
    program.start_told(RECORD, &file).await;
    Journey::new(world, program.api(), (round, provider)).run().await;
    assert_proven(world, "undisturbed").await;
    program.kill();
    let text = fs::read_to_string(&file).unwrap();
    let reached: Vec<&str> = text.lines().collect();
    let names: BTreeSet<String> = reached.iter().map(|name| (*name).to_owned()).collect();
    let mut expected = points();
    if !reached.iter().any(|name| name.contains("|redis:")) {
        expected.retain(|name| !name.contains("|redis:"));
    }
    if provider == By::Alipay && !reached.iter().any(|name| name.starts_with(TOLD)) {
        expected.retain(|name| !name.starts_with(TOLD));
    }
    expected.retain(|name| names.contains(name) || !name.starts_with(COMPARED));
    assert_eq!(names, expected, "the points of the journey and those of the table");
    let worth = |name: &String| {
        let deaths = 1..=times(&reached, name);
        deaths.map(|nth| Death { provider, name: name.clone(), nth }).collect::<Vec<_>>()
    };
    names.iter().flat_map(worth).collect()
}

/// Each statement of the first transaction, and up to two calls; once for everything else.
pub fn times(reached: &[&str], name: &str) -> usize {
    let (what, point) = name.split_once('|').unwrap();
    let commit = format!("{what}|tx:commit");
    let until_commit = reached.iter().take_while(|reached| **reached != commit);
    match point {
        "tx:statement" => until_commit.filter(|reached| **reached == name).count(),
        "provider:call" | "provider:answered" | "redis:call" | "redis:answered" => {
            reached.iter().filter(|reached| **reached == name).count().min(2)
        }
        _ => 1,
    }
}

/// Starts the server again when it has died, and counts how often it did.
async fn revive(program: &mut Program, died: &Cell<usize>) {
    loop {
        let running = RefCell::new(&mut *program);
        let death = async || running.borrow_mut().death();
        // Longer than a journey may take: it may never die.
        let signal = eventually_within(5 * PATIENCE, "the server dies", death).await;
        assert_eq!(signal, SIGKILL, "{}", program.log());
        died.set(died.get() + 1);
        program.start().await;
    }
}

/// To the fen: what the sandbox took is what the student has, nothing waits, every law holds.
async fn assert_proven(world: &World, name: &str) {
    let (payments, _) = world.pay().payments(0, usize::MAX);
    let paid = payments.iter().filter(|payment| payment.trade_state == "SUCCESS");
    let refunds = |number: &str| -> i64 {
        let refunds = world.pay().refunds_of(number);
        let done = refunds.iter().filter(|refund| refund.status == "SUCCESS");
        done.map(|refund| refund.amount_fen).sum()
    };
    let kept = paid.map(|payment| payment.total_fen - refunds(&payment.out_trade_no));
    world.assert_books(kept.sum()).await;
    let (trades, _) = world.alipay().payments(0, usize::MAX);
    let paid = trades.iter().filter(|trade| trade.paid_at.is_some());
    let kept: i64 = paid.map(|trade| trade.total_fen - trade.refunded_fen).sum();
    let alipay = SchoolAccount::Clearing(Name::parse("alipay").unwrap());
    assert_eq!(world.school_balance("xnec", alipay).await, -kept, "{name}");
    assert_eq!(
        world.rows.count("refund WHERE state = 'done'").await,
        world.rows.count("refund").await
    );
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0, "{name}");
    for waiting in [
        "orders WHERE state = 'awaiting_payment'",
        "payment WHERE state = 'open'",
        "notification WHERE ask_at > 0",
        "unsealed",
        "outbox WHERE state = 'waiting'",
    ] {
        assert_eq!(world.rows.count(waiting).await, 0, "{name}: {waiting}");
    }
}

/// The provider of a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    WechatPay,
    Alipay,
}

const BOTH: [By; 2] = [By::WechatPay, By::Alipay];

impl By {
    const fn funding(self) -> &'static str {
        match self {
            Self::WechatPay => "wechat_pay",
            Self::Alipay => "alipay",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::WechatPay => Self::Alipay,
            Self::Alipay => Self::WechatPay,
        }
    }

    fn pay(self, world: &World, number: &str) {
        match self {
            Self::WechatPay => drop(world.pay().pay(number).unwrap()),
            Self::Alipay => drop(world.alipay().pay(number).unwrap()),
        }
    }

    fn pay_untold(self, world: &World, number: &str) {
        match self {
            Self::WechatPay => drop(world.pay().drop_callbacks(number).unwrap()),
            Self::Alipay => drop(world.alipay().drop_callbacks(number).unwrap()),
        }
        self.pay(world, number);
    }

    async fn until_told(self, world: &World, number: &str) {
        match self {
            Self::WechatPay => drop(world.until(number, |payment| payment.accepted > 0).await),
            Self::Alipay => {
                let told = world.alipay().until(number, |trade| trade.accepted > 0);
                within(PATIENCE, told).await;
            }
        }
    }

    /// A message about a payment, with another amount or another state than the true ones.
    fn lie(self, world: &World, number: &str, id: &str, lie: Lie) -> Letter {
        match self {
            Self::WechatPay => {
                let forge = Forge::with_sandbox_keys();
                let mut told = forge.transaction(&world.pay().payment(number).unwrap());
                match lie {
                    Lie::Amount => told["amount"]["total"] = 1.into(),
                    Lie::State => told["trade_state"] = "NOTPAY".into(),
                }
                forge.message(id, &told)
            }
            Self::Alipay => {
                let (forge, trade) =
                    (AlipayForge::with_sandbox_keys(), world.alipay().payment(number).unwrap());
                let told = Trade {
                    out_trade_no: number,
                    trade_no: &trade.trade_no,
                    buyer_open_id: &trade.open_id,
                    total_fen: trade.total_fen,
                };
                let notice = forge.paid(id, told);
                forge.signed(&match lie {
                    Lie::Amount => notice.with("total_amount", "0.01"),
                    Lie::State => notice.with("trade_status", "WAIT_BUYER_PAY"),
                })
            }
        }
    }

    /// Whether the provider's message about this refund was taken.
    fn refund_is_told(self, world: &World, number: &str) -> bool {
        match self {
            Self::WechatPay => world.pay().refund_view(number).is_some_and(|r| r.accepted > 0),
            Self::Alipay => {
                let (trades, _) = world.alipay().payments(0, usize::MAX);
                let mut refunds = trades.iter().flat_map(|trade| &trade.refunds);
                refunds.any(|refund| refund.out_request_no == number && refund.accepted > 0)
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Lie {
    Amount,
    State,
}

/// Everything that a student and a provider do, each act repeated until it is answered.
struct Journey<'w> {
    world: &'w World,
    api: Api,
    round: usize,
    by: By,
    token: String,
}

impl<'w> Journey<'w> {
    fn new(world: &'w World, api: Api, (round, by): (usize, By)) -> Self {
        Self { world, api, round, by, token: String::new() }
    }

    async fn run(mut self) {
        self.sign_up().await;
        self.callback().await;
        self.student_returns().await;
        self.swept().await;
        self.given_up().await;
        self.tried_twice().await;
        self.expired().await;
        self.lied_about().await;
        self.paid_by_nothing().await;
        self.paid_twice(self.by).await;
        self.paid_twice(self.by.other()).await;
        self.given_back().await;
        self.world.at_rest().await;
    }

    async fn persist(&self, line: &str, key: &str, body: Option<&Value>) -> Answer {
        let ask = async || self.api.try_ask(&self.token, (line, key), body).await.ok();
        let answered = async || ask().await.filter(|answer| answer.status < 500);
        eventually(line, answered).await
    }

    async fn sign_up(&mut self) {
        self.world.rows.change("DELETE FROM binding", []).await;
        // The journey goes on in the app of its provider.
        for by in [self.by.other(), self.by] {
            self.sign_in(by).await;
        }
    }

    /// A login code is good once, so that each try needs one of its own.
    async fn sign_in(&mut self, by: By) {
        let line = match by {
            By::WechatPay => "POST /api/v1/auth/wechat/login",
            By::Alipay => "POST /api/v1/auth/alipay/login",
        };
        let answer = eventually(line, async || {
            let code = match by {
                By::WechatPay => self.world.login_code(0),
                By::Alipay => self.world.alipay_code(0),
            };
            let code = json!({ "code": code });
            self.api.try_ask("", (line, ""), Some(&code)).await.ok()
        })
        .await;
        answer.body(200)["access_token"].as_str().unwrap().clone_into(&mut self.token);
        let claim = claim("xnec", PEOPLE[0].0, PEOPLE[0].1);
        let bound = self.persist("POST /api/v1/bindings", "", Some(&claim)).await;
        assert!(matches!(bound.status, 201 | 409), "{}", bound.text());
    }

    async fn order(&self, name: &str) -> Value {
        let key = format!("{}-{name}", self.round);
        self.persist("POST /api/v1/orders", &key, Some(&wish_by(self.by.funding(), 100)))
            .await
            .body(201)
    }

    /// One more payment of an order, by this provider; its number there.
    async fn try_again(&self, order: &Value, name: &str, by: By) -> String {
        let line = format!("POST /api/v1/orders/{}/payments", order["id"].as_str().unwrap());
        let key = format!("{}-{name}", self.round);
        let wish = json!({ "funding": by.funding() });
        number(&self.persist(&line, &key, Some(&wish)).await.body(201))
    }

    async fn until(&self, order: &Value, state: &str) {
        let id = self.world.rows.literal(order["id"].as_str().unwrap());
        let sql = format!(
            "SELECT COUNT(*) FROM orders o WHERE o.id = {id} AND o.state = '{state}' \
             AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.order_id = o.id AND p.state = 'open')"
        );
        eventually(state, async || {
            self.world.rows.due(order["id"].as_str().unwrap()).await;
            (self.world.rows.number(&sql).await == 1).then_some(())
        })
        .await;
    }

    /// The sweep has looked at an order and found it unpaid. Its next look is planned at a multiple
    /// of the first delay; no lease ends at one.
    async fn looked_at(&self, order: &Value) {
        let id = self.world.rows.literal(order["id"].as_str().unwrap());
        let first = 1000 * FIRST_LOOK_MS;
        let looked = format!(
            "SELECT COUNT(*) FROM payment WHERE order_id = {id} \
             AND look_at > created_at + {first} AND (look_at - created_at) % {first} = 0"
        );
        eventually("it is looked at", async || {
            (self.world.rows.number(&looked).await == 1).then_some(())
        })
        .await;
    }

    async fn callback(&self) {
        let order = self.order("callback").await;
        let number = number(&order["payments"][0]);
        self.by.pay(self.world, &number);
        self.by.until_told(self.world, &number).await;
        self.until(&order, "fulfilled").await;
    }

    async fn student_returns(&self) {
        let order = self.order("return").await;
        // So late that the sweep does not come first.
        let later = "UPDATE payment SET look_at = look_at * 2 WHERE state = 'open'";
        self.world.rows.change(later, []).await;
        self.by.pay_untold(self.world, &number(&order["payments"][0]));
        let line = format!("GET /api/v1/orders/{}", order["id"].as_str().unwrap());
        eventually("it is paid", async || {
            let order = self.persist(&line, "", None).await.body(200);
            (order["state"] == "fulfilled").then_some(())
        })
        .await;
    }

    async fn swept(&self) {
        let order = self.order("sweep").await;
        self.looked_at(&order).await;
        self.by.pay_untold(self.world, &number(&order["payments"][0]));
        self.until(&order, "fulfilled").await;
    }

    async fn tried_twice(&self) {
        let order = self.order("twice").await;
        let second = self.try_again(&order, "again", self.by).await;
        self.by.pay(self.world, &second);
        self.until(&order, "fulfilled").await;
    }

    async fn given_up(&self) {
        let order = self.order("given-up").await;
        let line = format!("POST /api/v1/orders/{}/close", order["id"].as_str().unwrap());
        self.persist(&line, "", None).await.body(200);
        self.until(&order, "closed").await;
    }

    async fn expired(&self) {
        let order = self.order("expired").await;
        self.world.rows.expire(order["id"].as_str().unwrap()).await;
        self.until(&order, "closed").await;
    }

    /// A message with another amount, about a payment that was made.
    async fn lied_about(&self) {
        let order = self.order("lied-about").await;
        let number = number(&order["payments"][0]);
        self.by.pay_untold(self.world, &number);
        let id = format!("lie-{}", self.round);
        self.acknowledged(&self.by.lie(self.world, &number, &id, Lie::Amount)).await;
        self.until(&order, "fulfilled").await;
        self.all_asked().await;
    }

    /// The provider was asked about every message that is not believed by itself.
    async fn all_asked(&self) {
        eventually("the messages are asked about", async || {
            let asked = "SELECT COUNT(*) FROM notification WHERE ask_at > 0";
            self.world.rows.change("UPDATE notification SET ask_at = 1 WHERE ask_at > 0", []).await;
            (self.world.rows.number(asked).await == 0).then_some(())
        })
        .await;
    }

    /// A message that a payment was not made: it is recorded, and the order stays as it is.
    async fn paid_by_nothing(&self) {
        let order = self.order("unpaid").await;
        let number = number(&order["payments"][0]);
        let id = format!("unpaid-{}", self.round);
        self.acknowledged(&self.by.lie(self.world, &number, &id, Lie::State)).await;
        self.world.rows.expire(order["id"].as_str().unwrap()).await;
        self.until(&order, "closed").await;
    }

    async fn acknowledged(&self, message: &Letter) {
        let line = format!("POST /callbacks/xnec/{}", message.path);
        eventually(&line, async || {
            let answer = self.api.try_raw(&line, &message.headers, &message.body).await;
            answer.filter(|answer| answer.status == 204 || answer.bytes == b"success")
        })
        .await;
    }

    /// Two payments of one order: the later one goes back by itself.
    async fn paid_twice(&self, second: By) {
        let name = format!("paid-twice-{}", second.funding());
        let order = self.order(&name).await;
        let numbers = [number(&order["payments"][0]), self.try_again(&order, &name, second).await];
        self.by.pay_untold(self.world, &numbers[0]);
        second.pay_untold(self.world, &numbers[1]);
        self.until(&order, "fulfilled").await;
        self.until_refunded(&order).await;
    }

    /// Approved by staff, whose program is another.
    async fn given_back(&self) {
        let order = self.order("given-back").await;
        let number = number(&order["payments"][0]);
        self.by.pay(self.world, &number);
        self.until(&order, "fulfilled").await;
        let payment = PaymentId::from_out_trade_no(&number).unwrap();
        let asked =
            AskedRefund { payment, amount: Fen::new(40).unwrap(), approval: uuid::Uuid::new_v4() };
        let approved = self.world.db.in_tx(async |tx| {
            let refund = refunds::ask(tx, asked, testkit::now()).await?;
            refunds::approve(tx, refund.id, testkit::now()).await
        });
        approved.await.unwrap();
        self.until_refunded(&order).await;
    }

    async fn until_refunded(&self, order: &Value) {
        let id = self.world.rows.literal(order["id"].as_str().unwrap());
        let done = format!("refund WHERE order_id = {id} AND state = 'done'");
        eventually("it is given back", async || {
            let waiting = self.world.rows.count("outbox WHERE state = 'waiting'").await;
            (self.world.rows.count(&done).await == 1 && waiting == 0).then_some(())
        })
        .await;
        // Its message may still be told to a server that has just started.
        let of = |column: &str| format!("SELECT {column} FROM refund WHERE order_id = {id}");
        let told = async || {
            let number = self.world.rows.texts(&of("refund_number")).await.remove(0);
            let provider = self.world.rows.texts(&of("provider")).await.remove(0);
            let by = BOTH.into_iter().find(|by| by.funding() == provider).unwrap();
            by.refund_is_told(self.world, &number).then_some(())
        };
        eventually("its message is taken", told).await;
        self.all_asked().await;
    }
}

/// The number of a payment at its provider.
fn number(payment: &Value) -> String {
    payment["payment_id"].as_str().unwrap().replace('-', "")
}
