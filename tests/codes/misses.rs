//! What misses cost, on both key-value stores: they slow, and close nothing.

use crate::codes::support::{Phone, START, World, find, owner, phone, school, terminal, times};
use async_trait::async_trait;
use futures_util::future::join_all;
use onecard::{
    base::kv::{Kv, KvError, LocalFirstKv, MemoryKv, RedisKv},
    passcode::{CodePurpose, CodeUse, Miss, Prefixes, ScanOutcome, ScanPlace, Wallet, parse},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{TestDb, on_each_empty_database};

/// How often a slowed terminal is answered.
const SECOND: Duration = Duration::from_secs(1);
/// A code of no device.
const RUBBISH: &str = "80000000000000000077";

/// A code that begins like another, and is not it.
fn altered(code: &str) -> String {
    let last = code.chars().last().unwrap().to_digit(10).unwrap();
    format!("{}{}", &code[..19], (last + 1) % 10)
}

async fn rubbish_slows_a_terminal_and_closes_nothing(db: &TestDb) {
    for (number, world) in [(1, World::of(db)), (2, World::with_redis(db))] {
        let school = school(db, number).await;
        let phone = world.enrol(&phone(owner(school, number.unsigned_abs().into()), 1)).await;
        let servers = [world.server(), world.server()];
        let pays = |sub| phone.pays(&servers[0], START, sub).digits();
        let (slowed, unknown) = (
            ScanOutcome::Slowed { retry_after: SECOND },
            ScanOutcome::Invalid(Miss::UnknownHandle),
        );
        // A second of Redis is a real one. Where more has passed, it is done again at other tills.
        for round in 0_u128.. {
            assert!(round < 20, "five look-ups never took less than a second");
            let place = |number| (school, terminal(2 * round + number));
            let (till, other) = (place(1), place(2));
            for n in 0..10_u64 {
                let rubbish = format!("80{:018}", n + 1);
                let found = find(&servers[0], till, &rubbish, START).await.unwrap();
                assert_eq!(found, ScanOutcome::Invalid(Miss::UnknownHandle), "{n}");
            }
            let begun = Instant::now();
            let mut found = Vec::new();
            for (server, place, code, expected, why) in [
                (0, till, pays(0), ScanOutcome::Shown(phone.shown(START, 0)), "the honest person"),
                (0, till, pays(0), slowed, "a moment later: one answer a second"),
                (0, other, pays(1), ScanOutcome::Shown(phone.shown(START, 1)), "another till"),
                (1, till, RUBBISH.to_owned(), unknown, "a server that saw none of it"),
                (1, till, pays(1), slowed, "slows from the first miss that it sees itself"),
            ] {
                found.push((
                    why,
                    find(&servers[server], place, &code, START).await.unwrap(),
                    expected,
                ));
            }
            if begun.elapsed() < SECOND {
                for (why, found, expected) in found {
                    assert_eq!(found, expected, "{why}");
                }
                break;
            }
        }
    }
}

async fn a_handle_rests_where_it_was_guessed_at(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let server = world.server();
    let (till, other) = ((school, terminal(1)), (school, terminal(2)));
    let code = phone.pays(&server, START, 0).digits();
    for n in 0..5 {
        let found = find(&server, till, &altered(&code), START).await.unwrap();
        assert_eq!(found, ScanOutcome::Invalid(Miss::WrongOtp), "{n}");
    }
    let found = find(&server, till, &code, START).await.unwrap();
    assert_eq!(found, ScanOutcome::Slowed { retry_after: Duration::from_secs(15) });
    let found = find(&server, other, &code, START).await.unwrap();
    assert_eq!(found, ScanOutcome::Shown(phone.shown(START, 0)), "nobody is locked out");
    world.clock.advance(Duration::from_secs(15));
    let found = find(&server, till, &code, world.now()).await.unwrap();
    assert_eq!(found, ScanOutcome::Shown(phone.shown(START, 0)), "rested for the step");
}

/// A store that answers when it is let.
#[derive(Debug)]
struct SlowKv {
    answers: tokio::sync::watch::Sender<bool>,
    store: Arc<dyn Kv>,
}

impl SlowKv {
    async fn turn(&self) -> Arc<dyn Kv> {
        self.answers.subscribe().wait_for(|answers| *answers).await.unwrap();
        Arc::clone(&self.store)
    }
}

#[async_trait]
impl Kv for SlowKv {
    async fn put_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, KvError> {
        self.turn().await.put_once(key, value, ttl).await
    }
    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), KvError> {
        self.turn().await.put(key, value, ttl).await
    }
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.turn().await.get(key).await
    }
    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.turn().await.take(key).await
    }
    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, KvError> {
        self.turn().await.delete_if(key, value).await
    }
    async fn increment(&self, key: &str, window: Duration) -> Result<u64, KvError> {
        self.turn().await.increment(key, window).await
    }
    async fn ping(&self) -> Result<(), KvError> {
        self.turn().await.ping().await
    }
}

/// A store that answers nobody holds no till, and misses count once it answers.
async fn a_slow_store_holds_no_till(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let (answers, store) = (tokio::sync::watch::Sender::new(false), Arc::clone(&world.kv));
    let kv = Arc::new(SlowKv { answers, store });
    let (server, till) = (world.server_with(kv.clone()), (school, terminal(1)));
    let code = phone.pays(&server, START, 0).digits();
    let scan = async |text: &str| {
        let scan = find(&server, till, text, START);
        let found = tokio::time::timeout(Duration::from_secs(5), scan).await;
        found.unwrap_or_else(|_| panic!("the till is held")).unwrap()
    };
    for n in 0..10 {
        let found = scan(&format!("80{:018}", n + 1)).await;
        assert_eq!(found, ScanOutcome::Invalid(Miss::UnknownHandle), "{n}");
    }
    kv.answers.send_replace(true);
    // One answer a second; of those that come together the second at the latest waits.
    let slowed = ScanOutcome::Slowed { retry_after: Duration::from_secs(1) };
    let slows = async {
        while scan(&code).await != slowed {
            tokio::task::yield_now().await;
        }
    };
    let slowed = tokio::time::timeout(Duration::from_secs(20), slows).await;
    assert!(slowed.is_ok(), "the misses count");
    kv.answers.send_replace(false);
    assert_eq!(scan(&code).await, ScanOutcome::Slowed { retry_after: SECOND }, "here they count");
    let later = START.plus(SECOND);
    let scan = find(&server, till, &code, later);
    let found = tokio::time::timeout(Duration::from_secs(5), scan).await;
    let found = found.unwrap_or_else(|_| panic!("the till is held")).unwrap();
    assert_eq!(found, ScanOutcome::Shown(phone.shown(START, 0)));
}

/// A store that answers every call with an error, as a Redis that is gone does, or only those that
/// write, as one that is read-only does.
#[derive(Debug)]
struct BrokenKv {
    reads: bool,
}

#[async_trait]
impl Kv for BrokenKv {
    async fn put_once(&self, _: &str, _: &[u8], _: Duration) -> Result<bool, KvError> {
        tokio::task::yield_now().await;
        Err(KvError::Unavailable)
    }
    async fn put(&self, _: &str, _: &[u8], _: Duration) -> Result<(), KvError> {
        Err(KvError::Unavailable)
    }
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, KvError> {
        if self.reads { Ok(None) } else { Err(KvError::Unavailable) }
    }
    async fn take(&self, _: &str) -> Result<Option<Vec<u8>>, KvError> {
        Err(KvError::Unavailable)
    }
    async fn delete_if(&self, _: &str, _: &[u8]) -> Result<bool, KvError> {
        Err(KvError::Unavailable)
    }
    async fn increment(&self, _: &str, _: Duration) -> Result<u64, KvError> {
        tokio::task::yield_now().await;
        Err(KvError::Unavailable)
    }
    async fn ping(&self) -> Result<(), KvError> {
        if self.reads { Ok(()) } else { Err(KvError::Unavailable) }
    }
}

/// The stores that servers may have, working and not.
fn stores(db: &TestDb, world: &World) -> Vec<(&'static str, Arc<dyn Kv>)> {
    let gone = RedisKv::new("redis://127.0.0.1:1", "gone").unwrap();
    let first = |shared: Arc<dyn Kv>| -> Arc<dyn Kv> {
        Arc::new(LocalFirstKv::new(MemoryKv::new(world.clock.clone()), shared))
    };
    vec![
        ("in the process", Arc::clone(&world.kv)),
        ("Redis", first(World::with_redis(db).kv)),
        ("Redis, gone", first(Arc::new(gone))),
        ("Redis, answering errors", first(Arc::new(BrokenKv { reads: false }))),
        ("Redis, read-only", first(Arc::new(BrokenKv { reads: true }))),
        ("nothing in the process", Arc::new(BrokenKv { reads: true })),
    ]
}

/// Six hundred guesses at one instant: five one-time parts of a handle are compared, and ten handles of
/// nobody are looked up, whatever becomes of the store.
async fn of_many_guesses_at_once_no_more_are_compared(db: &TestDb) {
    const AT_ONCE: u64 = 600;
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    for (n, (what, kv)) in (0_u128..).zip(stores(db, &world)) {
        let server = world.server_with(kv);
        let guess = async |number, text: String| {
            let (server, place) = (server.clone(), (school, terminal(2 * n + number)));
            let guess = async move { find(&server, place, &text, START).await.unwrap() };
            tokio::spawn(guess).await.unwrap()
        };
        let code = phone.pays(&server, START, 0).digits();
        // Fills the table, so that the guesses below meet it.
        assert_eq!(guess(0, code.clone()).await, ScanOutcome::Shown(phone.shown(START, 0)));
        let wrong = (0..AT_ONCE).map(|n| guess(0, format!("{}{:010}", &code[..10], n)));
        let told = join_all(wrong).await;
        let compared = ScanOutcome::Invalid(Miss::WrongOtp);
        assert_eq!(told.iter().filter(|told| **told == compared).count(), 5, "{what}");
        let rests = ScanOutcome::Slowed { retry_after: Duration::from_secs(15) };
        assert_eq!(told.iter().filter(|told| **told == rests).count(), 595, "{what}");
        let nobodys = (0..AT_ONCE).map(|n| guess(1, format!("80{:018}", (n + 1) * 10_000_000_000)));
        let told = join_all(nobodys).await;
        let looked_up = told.iter().filter(|told| matches!(told, ScanOutcome::Invalid(_))).count();
        // Ten, and the one answer of that second.
        assert!((10..=11).contains(&looked_up), "{what}: {looked_up}");
    }
}

/// The store adds what other servers counted.
async fn a_handle_rests_at_every_server_that_hears_of_it(db: &TestDb) {
    let school = school(db, 1).await;
    for (number, world) in [(1, World::of(db)), (2, World::with_redis(db))] {
        let phone = world.enrol(&phone(owner(school, number), 1)).await;
        let (one, other) = (world.server(), world.server());
        let till = (school, terminal(number));
        let code = phone.pays(&one, START, 0).digits();
        for _ in 0..4 {
            let found = find(&one, till, &altered(&code), START).await.unwrap();
            assert_eq!(found, ScanOutcome::Invalid(Miss::WrongOtp));
        }
        let found = find(&other, till, &altered(&code), START).await.unwrap();
        assert_eq!(found, ScanOutcome::Invalid(Miss::WrongOtp), "the fifth in all");
        let found = find(&other, till, &code, START).await.unwrap();
        assert_eq!(found, ScanOutcome::Slowed { retry_after: Duration::from_secs(15) });
    }
}

/// A scan that is not a failed one, or a repeat of one, does not count, also of many at once.
async fn what_is_taken_back_does_not_count(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let (server, till) = (world.server(), (school, terminal(1)));
    let code = phone.pays(&server, START, 0).digits();
    let good = join_all((0..100).map(|_| find(&server, till, &code, START))).await;
    for found in good {
        assert_eq!(found.unwrap(), ScanOutcome::Shown(phone.shown(START, 0)));
    }
    let prefixes = Prefixes::default();
    let accepts = &[CodePurpose::Pay];
    let place = ScanPlace { school, terminal: till.1, accepts, prefixes: &prefixes };
    for n in 0..50 {
        let (found, missed) = server.find(&place, &altered(&code), START).await.unwrap();
        assert_eq!(found, ScanOutcome::Invalid(Miss::WrongOtp), "{n}");
        server.forgive(&missed.unwrap());
    }
}

async fn what_is_no_attack_is_not_counted(db: &TestDb) {
    let (world, here) = (World::of(db), school(db, 1).await);
    let there = school(db, 2).await;
    let ours = world.enrol(&phone(owner(here, 1), 1)).await;
    let visitor = world.enrol(&phone(owner(there, 2), 1)).await;
    let server = world.server();
    let place = (here, terminal(1));
    // The other school is in the table once somebody was read there.
    let theirs = visitor.pays(&server, START, 0).digits();
    let found = find(&server, (there, terminal(9)), &theirs, START).await.unwrap();
    assert_eq!(found, ScanOutcome::Shown(visitor.shown(START, 0)));
    let early = START.plus(Duration::from_mins(1));
    let identity = ours.shows(&server, CodePurpose::Id, ours.shown(START, 0).tick, 0);
    let cases = [
        (theirs, ScanOutcome::Invalid(Miss::OtherSchool)),
        ("134567890123456789".to_owned(), ScanOutcome::Foreign(Wallet::WeChatPay)),
        ("6901234567892".to_owned(), ScanOutcome::NotACode),
        (identity.digits(), ScanOutcome::WrongPurpose),
    ];
    for _ in 0..5 {
        for (code, expected) in &cases {
            assert_eq!(find(&server, place, code, START).await.unwrap(), *expected, "{code}");
        }
        let skewed = ours.pays(&server, early, 1).digits();
        let found = find(&server, place, &skewed, START).await.unwrap();
        assert!(matches!(found, ScanOutcome::ClockSkew(..)), "{found:?}");
    }
    let good = ours.pays(&server, START, 0).digits();
    let found = find(&server, place, &good, START).await.unwrap();
    assert_eq!(found, ScanOutcome::Shown(ours.shown(START, 0)));
    // A code that was shown early is used up, and does not become good later.
    assert_eq!(world.use_up(&[ours.shown(early, 1)]).await, [CodeUse::Fresh]);
    world.clock.advance(Duration::from_mins(1));
    let later = find(&server, place, &ours.pays(&server, early, 1).digits(), early).await;
    assert_eq!(later.unwrap(), ScanOutcome::Shown(ours.shown(early, 1)));
    assert_eq!(world.use_up(&[ours.shown(early, 1)]).await, [CodeUse::UsedBefore]);
}

/// Guesses at many terminals, none of which is slowed, hit nobody.
async fn guesses_hit_nobody(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let mut phones: Vec<Phone> = Vec::new();
    for number in 0..50 {
        phones.push(world.enrol(&phone(owner(school, number + 1), 1)).await);
    }
    let server = world.server();
    let chance = rand::random();
    println!("guesses_hit_nobody: seed {chance}");
    let (mut rng, guesses) = (StdRng::seed_from_u64(chance), times(300, 50_000));
    for guess in 0..guesses {
        let seen = phones[rng.random_range(0..phones.len())].pays(&server, START, 0).digits();
        let otp: u64 = rng.random_range(0..10_000_000_000);
        let code = format!("{}{otp:010}", &seen[..10]);
        let place = (school, terminal(u128::from(guess)));
        let found = find(&server, place, &code, START).await.unwrap();
        assert_eq!(found, ScanOutcome::Invalid(Miss::WrongOtp), "{guess}");
        assert!(parse(&code, &Prefixes::default(), &[CodePurpose::Pay]).is_ok());
    }
    println!("{guesses} guesses at handles just seen: 0 hits");
}

on_each_empty_database!(
    rubbish_slows_a_terminal_and_closes_nothing,
    a_handle_rests_where_it_was_guessed_at,
    a_slow_store_holds_no_till,
    of_many_guesses_at_once_no_more_are_compared,
    a_handle_rests_at_every_server_that_hears_of_it,
    what_is_taken_back_does_not_count,
    what_is_no_attack_is_not_counted,
    guesses_hit_nobody,
);
