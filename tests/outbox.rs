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
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};
use testkit::{TestDb, eventually, on_each_database};
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
    /// How often it was asked, by subject, and how many jobs were reported.
    asked: Mutex<HashMap<String, usize>>,
    reported: Mutex<usize>,
}

impl Counterpart {
    fn answering(answer: Delivered) -> Arc<Self> {
        Self::taking(Duration::ZERO, answer)
    }

    fn taking(takes: Duration, answer: Delivered) -> Arc<Self> {
        let (asked, reported) = (Mutex::default(), Mutex::default());
        Arc::new(Self { kind: KIND, answer, takes, panics: false, asked, reported })
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
        tokio::time::sleep(self.takes).await;
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
        let outbox = Outbox {
            db: db.clone(),
            clock: Arc::clone(clock),
            handlers,
            pace: OutboxPace::new(Duration::from_millis(20)),
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

/// SQLite has one server; its two workers take turns.
async fn two_servers_deliver_each_job_once(db: &TestDb) {
    let jobs: usize = 1000;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let now = clock.now();
    enqueue(db, (0..jobs).map(|n| job(&n.to_string(), now)).collect()).await;
    let other = Counterpart::taking(Duration::from_millis(50), Delivered::Done);
    let begun = Instant::now();
    let mut servers = Servers::none();
    servers.start(&db.db, &clock, &other);
    servers.start(&db.db, &clock, &other);
    let rows = testkit::Rows::of(&db.url).await;
    eventually("all are done", async || {
        (rows.count("outbox WHERE state = 'waiting'").await == 0).then_some(())
    })
    .await;
    let took = begun.elapsed();
    println!("{jobs} jobs to a counterpart that takes 50 ms, from two servers: {took:.2?}");
    let asked = other.asked.lock().unwrap();
    assert_eq!(asked.len(), jobs);
    assert!(asked.values().all(|times| *times == 1), "one was delivered twice");
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
    let hangs = Arc::new(Counterpart {
        kind: "hangs",
        answer: Delivered::Done,
        takes: Duration::from_hours(1),
        panics: false,
        asked: Mutex::default(),
        reported: Mutex::default(),
    });
    let answers = Counterpart::answering(Delivered::Done);
    // More than are delivered at once, and all of them due before the other's.
    let now = clock.now();
    let many = (0..200).map(|n| NewJob { kind: "hangs", ..job(&format!("h{n}"), now) });
    enqueue(db, many.collect()).await;
    let mut servers = Servers::none();
    servers.start_with(&db.db, &clock, vec![hangs.clone(), answers.clone()]);
    eventually("it takes all its places", async || (hangs.times() == 48).then_some(())).await;
    enqueue(db, vec![job("other", clock.now())]).await;
    eventually("it is done", async || {
        (count(db, "kind = 'test' AND state = 'done'").await == 1).then_some(())
    })
    .await;
    assert_eq!((hangs.times(), answers.times()), (48, 1));
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
