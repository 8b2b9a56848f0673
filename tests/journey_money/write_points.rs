//! SIGKILL between any two writes of the journey: the next start and the sweep finish it.
//!
//! A recorded journey tells every point that there is; [`POINTS`] must name each, and each is died
//! at: every statement of the first transaction, and up to two calls. `ONECARD_LONG=1` takes all of
//! them, otherwise it is every fifth; `ONECARD_SEED` says beginning with which.

use onecard::{
    base::money::Fen,
    ledger::account::SchoolAccount,
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
    Answer, Api, Forge, Letter, PATIENCE, PEOPLE, Program, TestDb, World, claim, eventually,
    eventually_within, on_each_database, wish, within,
};

on_each_database!(a_server_that_is_killed_between_any_two_writes_finishes_what_it_began);

const DIE_AT: &str = "ONECARD_DIE_AT";
const RECORD: &str = "ONECARD_WRITE_POINTS";
const SIGKILL: i32 = 9;
/// The sweep in a hurry.
const FIRST_LOOK_MS: i64 = 20;
/// Of one journey; two of them are tried twice.
const ORDERS: i64 = 10;
/// How often the journey is made until it meets a point.
const MOST_JOURNEYS: usize = 5;
/// Of its own, because it is emptied.
const REDIS_DATABASE: u8 = 7;
/// A normal run takes one of so many points.
const SAMPLE: usize = 5;

const TX: &[&str] = &["tx:begun", "tx:statement", "tx:commit", "tx:committed"];
const PROVIDER: &[&str] = &["provider:call", "provider:answered"];
/// Only where there is a Redis.
const REDIS: &[&str] = &["redis:call", "redis:answered"];

/// Every write point of the journey: while what is done, and what is next.
const POINTS: &[(&str, &[&[&str]])] = &[
    ("POST /api/v1/auth/wechat/login", &[PROVIDER, TX]),
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
    ("refund", &[TX]),
    ("idempotency keys", &[TX]),
    ("overdue approvals", &[TX]),
];

/// What happens at tills, which `tests/spend/write_points.rs` dies at: a charge, and what is told to
/// the key-value store beside it.
const OF_TILLS: [&str; 2] = ["charge", "misses"];

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
    let known: BTreeSet<&str> = POINTS.iter().map(|(what, _)| *what).chain(OF_TILLS).collect();
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
    world.pay().set_speed(MAX_SPEED / 10);
    let mut program = Program::of(&world, crate::ONECARD);
    let deaths = sample(record(&world, &mut program).await);
    let mut journeys = 1;
    for (name, nth) in deaths {
        world.forget_redis(REDIS_DATABASE).await;
        let point = format!("{name}|{nth}");
        println!("{point}");
        program.start_told(DIE_AT, &point).await;
        let died = Cell::new(0);
        // What the sweep was quicker to do is not done again: then the next journey gets there.
        for _ in 0..MOST_JOURNEYS {
            let journey = Journey::new(&world, program.api(), journeys).run();
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
        assert_eq!(died.get(), 1, "{point}");
        // A repeated wish is one wish, whether or not its answer arrived.
        assert_eq!(world.rows.count("orders").await, ORDERS * count(journeys), "{point}");
        assert_eq!(world.rows.count("payment").await, (ORDERS + 2) * count(journeys), "{point}");
        program.kill();
    }
    let (code, said, _) = program.run(&["verify"]).await;
    assert_eq!(code, 0, "{said}");
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

/// Runs the journey undisturbed; answers each point that it reached, and the how-manieth times are
/// worth dying at.
async fn record(world: &World, program: &mut Program) -> Vec<(String, usize)> {
    let file = world.path("points");
    program.start_told(RECORD, &file).await;
    Journey::new(world, program.api(), 0).run().await;
    assert_proven(world, "undisturbed").await;
    program.kill();
    let text = fs::read_to_string(&file).unwrap();
    let reached: Vec<&str> = text.lines().collect();
    let names: BTreeSet<String> = reached.iter().map(|name| (*name).to_owned()).collect();
    let mut expected = points();
    if !reached.iter().any(|name| name.contains("|redis:")) {
        expected.retain(|name| !name.contains("|redis:"));
    }
    assert_eq!(names, expected, "the points of the journey and those of the table");
    let worth = |name: &String| {
        let times = times(&reached, name);
        (1..=times).map(|nth| (name.clone(), nth)).collect::<Vec<_>>()
    };
    names.iter().flat_map(worth).collect()
}

/// Each statement of the first transaction, and up to two calls; once for everything else.
fn times(reached: &[&str], name: &str) -> usize {
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

fn sample(all: Vec<(String, usize)>) -> Vec<(String, usize)> {
    if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") {
        println!("all {} points", all.len());
        return all;
    }
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: usize = seed.unwrap_or_else(rand::random::<u16>).into();
    let most = all.len();
    let some: Vec<_> = all.into_iter().skip(seed % SAMPLE).step_by(SAMPLE).collect();
    println!("ONECARD_SEED={seed} repeats these {} of {most} points", some.len());
    some
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

/// Everything that a student and a provider do, each act repeated until it is answered.
struct Journey<'w> {
    world: &'w World,
    api: Api,
    round: usize,
    token: String,
}

impl<'w> Journey<'w> {
    fn new(world: &'w World, api: Api, round: usize) -> Self {
        Self { world, api, round, token: String::new() }
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
        self.paid_twice().await;
        self.given_back().await;
        self.world.at_rest().await;
    }

    async fn persist(&self, line: &str, key: &str, body: Option<&Value>) -> Answer {
        let ask = async || self.api.try_ask(&self.token, (line, key), body).await.ok();
        let answered = async || ask().await.filter(|answer| answer.status < 500);
        eventually(line, answered).await
    }

    /// A login code is good once, so that each try needs one of its own.
    async fn sign_up(&mut self) {
        self.world.rows.change("DELETE FROM binding", []).await;
        let line = "POST /api/v1/auth/wechat/login";
        let answer = eventually(line, async || {
            let code = json!({ "code": self.world.login_code(0) });
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
        self.persist("POST /api/v1/orders", &key, Some(&wish(100))).await.body(201)
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
        let payment = self.world.pay_order(&order).await;
        self.world.until(&payment.out_trade_no, |payment| payment.accepted > 0).await;
        self.until(&order, "fulfilled").await;
    }

    async fn student_returns(&self) {
        let order = self.order("return").await;
        // So late that the sweep does not come first.
        let later = "UPDATE payment SET look_at = look_at * 2 WHERE state = 'open'";
        self.world.rows.change(later, []).await;
        self.world.pay_untold(&order).await;
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
        self.world.pay_untold(&order).await;
        self.until(&order, "fulfilled").await;
    }

    async fn tried_twice(&self) {
        let order = self.order("twice").await;
        let line = format!("POST /api/v1/orders/{}/payments", order["id"].as_str().unwrap());
        let key = format!("{}-again", self.round);
        let wish = json!({ "funding": "wechat_pay" });
        let second = self.persist(&line, &key, Some(&wish)).await.body(201);
        let number = second["payment_id"].as_str().unwrap().replace('-', "");
        self.world.pay().pay(&number).unwrap();
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
        let payment = self.world.pay_untold(&order).await;
        let forge = Forge::with_sandbox_keys();
        let mut lie = forge.transaction(&payment);
        lie["amount"]["total"] = 1.into();
        self.acknowledged(&forge.message(&format!("lie-{}", self.round), &lie)).await;
        self.until(&order, "fulfilled").await;
        eventually("the message is asked about", async || {
            let asked = "SELECT COUNT(*) FROM notification WHERE ask_at > 0";
            self.world.rows.change("UPDATE notification SET ask_at = 1 WHERE ask_at > 0", []).await;
            (self.world.rows.number(asked).await == 0).then_some(())
        })
        .await;
    }

    /// A message that a payment was not made: it is recorded, and the order stays as it is.
    async fn paid_by_nothing(&self) {
        let order = self.order("unpaid").await;
        let number = self.world.out_trade_no(&order).await;
        let forge = Forge::with_sandbox_keys();
        let mut unpaid = forge.transaction(&self.world.pay().payment(&number).unwrap());
        unpaid["trade_state"] = "NOTPAY".into();
        self.acknowledged(&forge.message(&format!("unpaid-{}", self.round), &unpaid)).await;
        self.world.rows.expire(order["id"].as_str().unwrap()).await;
        self.until(&order, "closed").await;
    }

    async fn acknowledged(&self, message: &Letter) {
        let line = "POST /callbacks/xnec/wechat-pay/transactions";
        eventually(line, async || {
            let answer = self.api.try_raw(line, &message.headers, &message.body).await;
            answer.filter(|answer| answer.status == 204)
        })
        .await;
    }

    /// Two payments of one order: the later one goes back by itself.
    async fn paid_twice(&self) {
        let order = self.order("paid-twice").await;
        let line = format!("POST /api/v1/orders/{}/payments", order["id"].as_str().unwrap());
        let key = format!("{}-twice", self.round);
        let wish = json!({ "funding": "wechat_pay" });
        let second = self.persist(&line, &key, Some(&wish)).await.body(201);
        let numbers = [&order["payments"][0], &second]
            .map(|payment| payment["payment_id"].as_str().unwrap().replace('-', ""));
        for number in &numbers {
            self.world.pay().drop_callbacks(number).unwrap();
        }
        for number in &numbers {
            self.world.pay().pay(number).unwrap();
        }
        self.until(&order, "fulfilled").await;
        self.until_refunded(&order).await;
    }

    /// Approved by staff, whose program is another.
    async fn given_back(&self) {
        let order = self.order("given-back").await;
        let payment = self.world.pay_order(&order).await;
        self.until(&order, "fulfilled").await;
        let payment = PaymentId::from_out_trade_no(&payment.out_trade_no).unwrap();
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
        let told = async || {
            let number = format!("SELECT refund_number FROM refund WHERE order_id = {id}");
            let number = self.world.rows.texts(&number).await.remove(0);
            let refund = self.world.pay().refund_view(&number)?;
            (refund.accepted > 0).then_some(())
        };
        eventually("its message is taken", told).await;
    }
}
