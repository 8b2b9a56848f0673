//! The outbox: each job once at a time, at least once, and never lost.

use async_trait::async_trait;
use onecard::base::{
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    db::{Db, DbError, Tx},
    ids::SchoolId,
    outbox::{self, Delivered, Delivers, Job, NewJob, Outbox, OutboxPace},
};
use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};
use testkit::{Api, Program, TestDb, World, eventually, on_each_database};
use tokio::sync::Notify;
use tokio_util::task::LocalPoolHandle;

on_each_database!(
    two_servers_deliver_each_job_once,
    what_nobody_knows_is_tried_again_and_reported,
    a_job_of_a_server_that_died_is_taken_when_its_lease_ends,
    a_job_is_enqueued_once_and_with_its_transaction,
    what_is_refused_is_never_tried_again,
    a_delivery_that_panics_is_tried_again,
    a_counterpart_that_hangs_delays_no_other_kind,
    a_kind_of_a_newer_release_is_left_alone,
    depth_and_age_are_on_the_page_of_metrics,
);

const KIND: &str = "test";

/// The other side.
#[derive(Debug)]
struct Counterpart {
    kind: &'static str,
    /// What it answers.
    answer: Delivered,
    /// How long that takes.
    takes: Duration,
    panics: bool,
    /// How many calls are under way, and the most that ever were.
    calls: Mutex<(usize, usize)>,
    /// How often it was asked, by subject, and how many jobs were reported.
    asked: Mutex<HashMap<String, usize>>,
    reported: Mutex<usize>,
}

impl Counterpart {
    fn answering(answer: Delivered) -> Arc<Self> {
        Self::taking(Duration::ZERO, answer)
    }

    fn taking(takes: Duration, answer: Delivered) -> Arc<Self> {
        Arc::new(Self::of(KIND, takes, answer))
    }

    fn of(kind: &'static str, takes: Duration, answer: Delivered) -> Self {
        let (calls, asked, reported) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { kind, answer, takes, panics: false, calls, asked, reported }
    }

    fn times(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }
}

#[async_trait(?Send)]
impl Delivers for Counterpart {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn deliver(&self, job: &Job) -> Delivered {
        *self.asked.lock().unwrap().entry(job.subject.clone()).or_default() += 1;
        assert!(!self.panics, "as the test wants");
        {
            let (now, most) = &mut *self.calls.lock().unwrap();
            *now += 1;
            *most = (*most).max(*now);
        }
        tokio::time::sleep(self.takes).await;
        self.calls.lock().unwrap().0 -= 1;
        self.answer
    }

    async fn report(&self, _: &Tx, _: &Job, _: Timestamp) -> Result<(), DbError> {
        *self.reported.lock().unwrap() += 1;
        Ok(())
    }
}

/// Servers that deliver; they end on drop.
struct Servers(Vec<tokio::task::JoinHandle<()>>);

/// Outlives the servers: connections of the pool belong to the runtime that made them.
static RUNTIME: LazyLock<LocalPoolHandle> = LazyLock::new(|| LocalPoolHandle::new(1));

impl Servers {
    fn none() -> Self {
        Self(Vec::new())
    }

    fn start(&mut self, db: &Db, clock: &Arc<dyn Clock>, other: &Arc<Counterpart>) {
        self.start_with(db, clock, vec![Arc::<Counterpart>::clone(other)]);
    }

    fn start_with(&mut self, db: &Db, clock: &Arc<dyn Clock>, handlers: Vec<Arc<dyn Delivers>>) {
        self.start_at(OutboxPace::new(Duration::from_millis(20)), db, clock, handlers);
    }

    fn start_at(
        &mut self,
        pace: OutboxPace,
        db: &Db,
        clock: &Arc<dyn Clock>,
        handlers: Vec<Arc<dyn Delivers>>,
    ) {
        let outbox = Outbox {
            db: db.clone(),
            clock: Arc::clone(clock),
            handlers,
            pace,
            wake: Arc::new(Notify::new()),
        };
        self.0.push(RUNTIME.spawn_pinned(move || outbox.run()));
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &self.0 {
            server.abort();
        }
    }
}

fn job(subject: &str, due_at: Timestamp) -> NewJob {
    NewJob { school: SchoolId::from_number(1), kind: KIND, subject: subject.to_owned(), due_at }
}

async fn enqueue(db: &TestDb, jobs: Vec<NewJob>) {
    db.db.in_tx(async |tx| outbox::enqueue(tx, &jobs).await).await.unwrap();
}

async fn count(db: &TestDb, condition: &str) -> i64 {
    testkit::Rows::of(&db.url).await.count(&format!("outbox WHERE {condition}")).await
}

/// What the outbox promises: so many jobs a second, of a counterpart that answers after so long.
const PROMISED_A_SECOND: usize = 200;
const ANSWERS_AFTER: Duration = Duration::from_millis(50);
/// How many jobs of a kind a server delivers at once.
const PLACES: usize = 48;

/// SQLite has one server; its two workers take turns.
///
/// How long it takes is printed and not asserted: it depends on the machine. That the promise can be
/// kept does not: as many calls must be under way at once as it says.
async fn two_servers_deliver_each_job_once(db: &TestDb) {
    let jobs: usize = 1000;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let now = clock.now();
    enqueue(db, (0..jobs).map(|n| job(&n.to_string(), now)).collect()).await;
    let other = Counterpart::taking(ANSWERS_AFTER, Delivered::Done);
    // As in production: with a lease that ended meanwhile a job would rightly be done again.
    let pace = OutboxPace::new(Duration::from_secs(5));
    let begun = Instant::now();
    let mut servers = Servers::none();
    for _ in 0..2 {
        servers.start_at(pace, &db.db, &clock, vec![Arc::<Counterpart>::clone(&other)]);
    }
    let rows = testkit::Rows::of(&db.url).await;
    eventually("all are done", async || {
        (rows.count("outbox WHERE state = 'waiting'").await == 0).then_some(())
    })
    .await;
    let took = begun.elapsed();
    let rate = u128::try_from(jobs).unwrap() * 1000 / took.as_millis().max(1);
    println!("{jobs} jobs to a counterpart that takes 50 ms, from two servers: {took:.2?}");
    println!("{rate} jobs a second; {PROMISED_A_SECOND} are promised");
    assert_eq!(rows.count("outbox WHERE state = 'done' AND tries = 1").await, 1000);
    let asked = other.asked.lock().unwrap();
    assert_eq!(asked.len(), jobs);
    assert!(asked.values().all(|times| *times == 1), "one was delivered twice");
    let (under_way, most) = *other.calls.lock().unwrap();
    let promised = PROMISED_A_SECOND * usize::try_from(ANSWERS_AFTER.as_millis()).unwrap() / 1000;
    assert!(promised <= PLACES, "one server alone must be able to keep it");
    assert!((PLACES..=2 * PLACES).contains(&most), "{most} at once");
    assert_eq!(under_way, 0);
}

async fn what_nobody_knows_is_tried_again_and_reported(db: &TestDb) {
    let manual = Arc::new(ManualClock::new(Timestamp::from_seconds(1_000_000)));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&manual);
    enqueue(db, vec![job("lost", clock.now())]).await;
    let other = Counterpart::answering(Delivered::Unknown { wait: None });
    let mut servers = Servers::none();
    servers.start(&db.db, &clock, &other);
    for tries in 1..=16 {
        eventually("it is tried", async || {
            let recorded = format!("tries = {tries} AND leased_until = 0");
            (count(db, &recorded).await == 1).then_some(())
        })
        .await;
        assert_eq!(other.times(), tries);
        let reported = usize::saturating_sub(tries, 13);
        eventually("it is reported", async || {
            (*other.reported.lock().unwrap() == reported).then_some(())
        })
        .await;
        // Longer than every delay but the one after it was reported.
        let delay = if tries >= 14 { 17_280 } else { 720 };
        manual.advance(Duration::from_millis(20) * delay);
    }
}

async fn a_job_of_a_server_that_died_is_taken_when_its_lease_ends(db: &TestDb) {
    let manual = Arc::new(ManualClock::new(Timestamp::from_seconds(1_000_000)));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&manual);
    enqueue(db, vec![job("left", clock.now())]).await;
    let never = Counterpart::taking(Duration::from_hours(1), Delivered::Done);
    let mut dying = Servers::none();
    dying.start(&db.db, &clock, &never);
    eventually("it is taken", async || (never.times() == 1).then_some(())).await;
    drop(dying);
    let other = Counterpart::answering(Delivered::Done);
    let mut servers = Servers::none();
    servers.start(&db.db, &clock, &other);
    manual.advance(Duration::from_millis(20 * 30 - 1));
    // Something else that is due is done, and this is not.
    enqueue(db, vec![job("mark", clock.now())]).await;
    eventually("the other is done", async || {
        (count(db, "state = 'done'").await == 1).then_some(())
    })
    .await;
    assert!(!other.asked.lock().unwrap().contains_key("left"));
    manual.advance(Duration::from_millis(1));
    eventually("both are done", async || (count(db, "state = 'done'").await == 2).then_some(()))
        .await;
    assert_eq!(other.asked.lock().unwrap()["left"], 1);
}

async fn a_job_is_enqueued_once_and_with_its_transaction(db: &TestDb) {
    let now = Timestamp::from_seconds(1);
    for _ in 0..2 {
        enqueue(db, vec![job("one", now)]).await;
    }
    let failed: Result<(), DbError> = db
        .db
        .in_tx(async |tx| {
            outbox::enqueue(tx, &[job("two", now)]).await?;
            Err(DbError::Inconsistent { table: "test", what: "as the test wants" })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(count(db, "state = 'waiting'").await, 1);
}

async fn what_is_refused_is_never_tried_again(db: &TestDb) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    enqueue(db, vec![job("refused", clock.now())]).await;
    let other = Counterpart::answering(Delivered::Refused);
    let mut servers = Servers::none();
    servers.start(&db.db, &clock, &other);
    eventually("it is refused", async || (count(db, "state = 'refused'").await == 1).then_some(()))
        .await;
    enqueue(db, vec![job("refused", clock.now())]).await;
    assert_eq!((other.times(), count(db, "state = 'waiting'").await), (1, 0));
}

async fn a_delivery_that_panics_is_tried_again(db: &TestDb) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    enqueue(db, vec![job("panics", clock.now())]).await;
    let mut other = Arc::into_inner(Counterpart::answering(Delivered::Done)).unwrap();
    other.panics = true;
    let other = Arc::new(other);
    let mut servers = Servers::none();
    servers.start(&db.db, &clock, &other);
    eventually("it is tried again", async || (other.times() >= 2).then_some(())).await;
    assert_eq!(count(db, "state = 'waiting'").await, 1);
}

async fn a_counterpart_that_hangs_delays_no_other_kind(db: &TestDb) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let hangs = Arc::new(Counterpart::of("hangs", Duration::from_hours(1), Delivered::Done));
    let answers = Counterpart::answering(Delivered::Done);
    // More than are delivered at once, and all of them due before the other's.
    let now = clock.now();
    let many = (0..200).map(|n| NewJob { kind: "hangs", ..job(&format!("h{n}"), now) });
    enqueue(db, many.collect()).await;
    let mut servers = Servers::none();
    servers.start_with(&db.db, &clock, vec![hangs.clone(), answers.clone()]);
    eventually("it takes all its places", async || (hangs.times() == PLACES).then_some(())).await;
    enqueue(db, vec![job("other", clock.now())]).await;
    eventually("it is done", async || {
        (count(db, "kind = 'test' AND state = 'done'").await == 1).then_some(())
    })
    .await;
    assert_eq!((hangs.times(), answers.times()), (PLACES, 1));
}

async fn a_kind_of_a_newer_release_is_left_alone(db: &TestDb) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let answers = Counterpart::answering(Delivered::Done);
    let newer = NewJob { kind: "newer", ..job("n", clock.now()) };
    enqueue(db, vec![newer, job("ours", clock.now())]).await;
    let mut servers = Servers::none();
    servers.start(&db.db, &clock, &answers);
    eventually("it is done", async || {
        (count(db, "kind = 'test' AND state = 'done'").await == 1).then_some(())
    })
    .await;
    assert_eq!(count(db, "kind = 'newer' AND state = 'waiting' AND tries = 0").await, 1);
}

/// The value of a gauge on the page of metrics; `None` while it is not there.
async fn gauge(metrics: &Api, name: &str) -> Option<u64> {
    let page = metrics.get("/metrics").await.text();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

/// Jobs that have waited for an hour, and are not due before their turn comes.
async fn depth_and_age_are_on_the_page_of_metrics(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    program.set("SERVER__METRICS_LISTEN", &free.to_string());
    let metrics = Api::at(&format!("http://{free}"));
    let both = async || {
        let depth = gauge(&metrics, "onecard_outbox_jobs").await?;
        Some((depth, gauge(&metrics, "onecard_outbox_oldest_seconds").await?))
    };
    // Messages about payments that do not exist are refused, which ends them like any answer.
    let begun = SystemClock.now();
    let hour_ago = begun.minus(Duration::from_hours(1));
    let kind = "message_credited";
    let jobs = (0..3).map(|n| NewJob { kind, ..job(&format!("no payment {n}"), hour_ago) });
    enqueue(db, jobs.collect()).await;
    world.rows.change("UPDATE outbox SET due_at = 9000000000000000", []).await;
    program.start().await;
    let (depth, age) = eventually("the outbox is measured", both).await;
    let passed = SystemClock.now().distance(begun).as_secs();
    assert_eq!(depth, 3);
    assert!((3600..=3600 + passed).contains(&age), "{age} s, after {passed} s");
    world.rows.change("UPDATE outbox SET due_at = created_at", []).await;
    eventually("nothing waits", async || (both().await? == (0, 0)).then_some(())).await;
    assert_eq!(count(db, "state = 'refused' AND tries = 1").await, 3);
}
