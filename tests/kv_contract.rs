//! One contract for all stores: every test of the suite runs against the in-process store, and
//! against the Redis of `ONECARD_TEST_REDIS`. Without that address the Redis half says that it
//! was skipped, or fails where `ONECARD_TEST_REQUIRE_ALL=1`.

use async_trait::async_trait;
use futures_util::future::join_all;
use onecard::base::{
    clock::{ManualClock, Timestamp},
    kv::{Kv, KvError, LocalFirstKv, MAX_KEY_BYTES, MAX_TTL, MAX_VALUE_BYTES, MemoryKv, RedisKv},
};
use redis::AsyncCommands;
use std::{
    collections::BTreeSet,
    fmt::Debug,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_mins(1);
const HALF: Duration = Duration::from_secs(30);

/// How a test lets the time of one store pass.
#[async_trait]
trait Time: Send + Sync {
    async fn pass(&self, by: Duration);
}

#[async_trait]
impl Time for ManualClock {
    async fn pass(&self, by: Duration) {
        self.advance(by);
    }
}

/// Redis has its own clock: time passes by shortening every life under the prefix.
struct RedisTime {
    url: String,
    prefix: String,
}

#[async_trait]
impl Time for RedisTime {
    async fn pass(&self, by: Duration) {
        let mut raw = raw_connection(&self.url).await;
        let by = i64::try_from(by.as_millis()).unwrap();
        let keys: Vec<String> = raw.keys(format!("{}:*", self.prefix)).await.unwrap();
        for key in keys {
            let life: i64 = raw.pttl(&key).await.unwrap();
            assert_ne!(life, -1, "{key} would live for ever");
            let _: () = raw.pexpire(&key, (life - by).max(1)).await.unwrap();
            if life <= by {
                wait_until_gone(&mut raw, &key).await;
            }
        }
    }
}

async fn raw_connection(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn wait_until_gone(raw: &mut redis::aio::MultiplexedConnection, key: &str) {
    for _ in 0..10_000 {
        if !raw.exists::<_, bool>(key).await.unwrap() {
            return;
        }
    }
    panic!("{key} did not expire");
}

fn memory() -> (Arc<dyn Kv>, Arc<dyn Time>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000)));
    (Arc::new(MemoryKv::new(clock.clone())), clock)
}

fn redis_url() -> Option<String> {
    let url = std::env::var("ONECARD_TEST_REDIS").ok();
    if url.is_none() {
        let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "ONECARD_TEST_REDIS is not set");
        eprintln!("SKIPPED: ONECARD_TEST_REDIS is not set");
    }
    url
}

fn redis_at(url: String) -> (Arc<dyn Kv>, Arc<dyn Time>) {
    let prefix = format!("test-{}", uuid::Uuid::new_v4().simple());
    let kv = RedisKv::new(&url, &prefix).unwrap();
    (Arc::new(kv), Arc::new(RedisTime { url, prefix }))
}

/// The time of a store in the process and of the one behind it.
struct BothTimes(Arc<dyn Time>, Arc<dyn Time>);

#[async_trait]
impl Time for BothTimes {
    async fn pass(&self, by: Duration) {
        self.0.pass(by).await;
        self.1.pass(by).await;
    }
}

fn local_first(url: String) -> (Arc<dyn Kv>, Arc<dyn Time>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000)));
    let (shared, theirs) = redis_at(url);
    let kv = LocalFirstKv::new(MemoryKv::new(clock.clone()), shared);
    (Arc::new(kv), Arc::new(BothTimes(clock, theirs)))
}

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod memory_kv {
            $(#[tokio::test]
            async fn $name() {
                let (kv, time) = super::memory();
                super::$name(&*kv, &*time).await;
            })+
        }
        mod local_first_kv {
            $(#[tokio::test]
            async fn $name() {
                let Some(url) = super::redis_url() else { return };
                let (kv, time) = super::local_first(url);
                super::$name(&*kv, &*time).await;
            })+
        }
        mod redis_kv {
            $(#[tokio::test]
            async fn $name() {
                let Some(url) = super::redis_url() else { return };
                let (kv, time) = super::redis_at(url);
                super::$name(&*kv, &*time).await;
            })+
        }
    };
}

contract!(
    put_once_keeps_the_first,
    put_replaces_value_and_life,
    take_gives_once,
    delete_if_asks_for_the_value,
    values_are_bytes,
    a_window_opens_at_its_first_count,
    counts_are_text_and_text_is_no_count,
    bounds_are_kept,
    answers_a_ping,
    of_many_at_once_one_wins,
);

async fn put_once_keeps_the_first(kv: &dyn Kv, time: &dyn Time) {
    assert_eq!(kv.put_once("k", b"first", MINUTE).await, Ok(true));
    assert_eq!(kv.put_once("k", b"second", MINUTE).await, Ok(false));
    time.pass(HALF).await;
    assert_eq!(kv.put_once("k", b"third", MINUTE).await, Ok(false));
    assert_eq!(kv.get("k").await, Ok(Some(b"first".to_vec())));
    time.pass(HALF).await;
    assert_eq!(kv.get("k").await, Ok(None));
    assert_eq!(kv.put_once("k", b"fourth", MINUTE).await, Ok(true));
}

async fn put_replaces_value_and_life(kv: &dyn Kv, time: &dyn Time) {
    assert_eq!(kv.get("k").await, Ok(None));
    assert_eq!(kv.put("k", b"old", HALF).await, Ok(()));
    assert_eq!(kv.put("k", b"new", MINUTE).await, Ok(()));
    assert_eq!(kv.get("k").await, Ok(Some(b"new".to_vec())));
    time.pass(HALF).await;
    assert_eq!(kv.get("k").await, Ok(Some(b"new".to_vec())));
    time.pass(HALF).await;
    assert_eq!(kv.get("k").await, Ok(None));
}

async fn take_gives_once(kv: &dyn Kv, time: &dyn Time) {
    kv.put("k", b"v", MINUTE).await.unwrap();
    assert_eq!(kv.take("k").await, Ok(Some(b"v".to_vec())));
    assert_eq!(kv.take("k").await, Ok(None));
    kv.put("k", b"v", MINUTE).await.unwrap();
    time.pass(MINUTE).await;
    assert_eq!(kv.take("k").await, Ok(None));
}

async fn delete_if_asks_for_the_value(kv: &dyn Kv, time: &dyn Time) {
    assert_eq!(kv.delete_if("k", b"mine").await, Ok(false));
    kv.put("k", b"mine", MINUTE).await.unwrap();
    assert_eq!(kv.delete_if("k", b"yours").await, Ok(false));
    assert_eq!(kv.delete_if("k", b"").await, Ok(false));
    assert_eq!(kv.get("k").await, Ok(Some(b"mine".to_vec())));
    assert_eq!(kv.delete_if("k", b"mine").await, Ok(true));
    assert_eq!(kv.get("k").await, Ok(None));
    kv.put("k", b"mine", HALF).await.unwrap();
    time.pass(HALF).await;
    assert_eq!(kv.delete_if("k", b"mine").await, Ok(false));
}

async fn values_are_bytes(kv: &dyn Kv, _: &dyn Time) {
    for value in [&b""[..], b"\0\r\n\xff", &[0xAB; MAX_VALUE_BYTES]] {
        kv.put("键 with\r\nspace", value, MINUTE).await.unwrap();
        assert_eq!(kv.get("键 with\r\nspace").await, Ok(Some(value.to_vec())));
    }
}

async fn a_window_opens_at_its_first_count(kv: &dyn Kv, time: &dyn Time) {
    assert_eq!(kv.increment("n", MINUTE).await, Ok(1));
    time.pass(HALF).await;
    assert_eq!(kv.increment("n", MINUTE).await, Ok(2));
    assert_eq!(kv.increment("other", MINUTE).await, Ok(1));
    time.pass(HALF).await;
    assert_eq!(kv.increment("n", MINUTE).await, Ok(1));
    assert_eq!(kv.increment("other", MINUTE).await, Ok(2));
}

async fn counts_are_text_and_text_is_no_count(kv: &dyn Kv, _: &dyn Time) {
    kv.increment("n", MINUTE).await.unwrap();
    assert_eq!(kv.get("n").await, Ok(Some(b"1".to_vec())));
    kv.put("n", b"41", MINUTE).await.unwrap();
    assert_eq!(kv.increment("n", MINUTE).await, Ok(42));
    for text in ["many", "9223372036854775807"] {
        kv.put("n", text.as_bytes(), MINUTE).await.unwrap();
        assert_eq!(kv.increment("n", MINUTE).await, Err(KvError::Unavailable), "{text}");
        assert_eq!(kv.get("n").await, Ok(Some(text.into())));
    }
}

async fn bounds_are_kept(kv: &dyn Kv, _: &dyn Time) {
    let refused = Err(KvError::OutOfBounds);
    let longest = "k".repeat(MAX_KEY_BYTES);
    let too_long = "k".repeat(MAX_KEY_BYTES + 1);
    for key in ["", &too_long] {
        assert_eq!(kv.put(key, b"", MINUTE).await, refused);
        assert_eq!(kv.put_once(key, b"", MINUTE).await, refused.map(|()| true));
        assert_eq!(kv.get(key).await, refused.map(|()| None));
        assert_eq!(kv.take(key).await, refused.map(|()| None));
        assert_eq!(kv.delete_if(key, b"").await, refused.map(|()| true));
        assert_eq!(kv.increment(key, MINUTE).await, refused.map(|()| 0));
    }
    let value = [0; MAX_VALUE_BYTES + 1];
    assert_eq!(kv.put("k", &value, MINUTE).await, refused);
    assert_eq!(kv.put_once("k", &value, MINUTE).await, refused.map(|()| true));
    assert_eq!(kv.delete_if("k", &value).await, refused.map(|()| true));
    for ttl in [Duration::ZERO, MAX_TTL + Duration::from_nanos(1), Duration::MAX] {
        assert_eq!(kv.put("k", b"", ttl).await, refused);
        assert_eq!(kv.put_once("k", b"", ttl).await, refused.map(|()| true));
        assert_eq!(kv.increment("k", ttl).await, refused.map(|()| 0));
    }
    assert_eq!(kv.put(&longest, b"", MAX_TTL).await, Ok(()));
    assert_eq!(kv.put("k", b"", Duration::from_nanos(1)).await, Ok(()));
}

async fn answers_a_ping(kv: &dyn Kv, _: &dyn Time) {
    assert_eq!(kv.ping().await, Ok(()));
}

async fn of_many_at_once_one_wins(kv: &dyn Kv, _: &dyn Time) {
    let puts = join_all((0..64).map(|_| kv.put_once("k", b"v", MINUTE))).await;
    assert_eq!(puts.iter().filter(|won| **won == Ok(true)).count(), 1);
    let takes = join_all((0..64).map(|_| kv.take("k"))).await;
    assert_eq!(takes.iter().filter(|won| **won == Ok(Some(b"v".to_vec()))).count(), 1);
    let counts = join_all((0..64).map(|_| kv.increment("n", MINUTE))).await;
    let distinct: BTreeSet<u64> = counts.into_iter().map(Result::unwrap).collect();
    assert_eq!(distinct, (1..=64).collect());
}

/// What is limited in a server stays limited there while the shared store is gone, also for many at
/// once; a store that comes back empty takes nothing back.
#[tokio::test]
async fn without_its_shared_store_a_server_limits_alone() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000)));
    let gone: Arc<dyn Kv> = Arc::new(RedisKv::new("redis://127.0.0.1:1", "gone").unwrap());
    let kv = LocalFirstKv::new(MemoryKv::new(clock.clone()), gone);
    let puts = join_all((0..16).map(|_| kv.put_once("nonce", b"1", MINUTE))).await;
    assert_eq!(puts.iter().filter(|put| **put == Ok(true)).count(), 1);
    assert_eq!(puts.iter().filter(|put| **put == Ok(false)).count(), 15);
    for n in 1..=3 {
        assert_eq!(kv.increment("n", MINUTE).await, Ok(n));
    }
    assert_eq!(kv.ping().await, Err(KvError::Unavailable), "readiness asks the shared store");
    clock.advance(MINUTE);
    assert_eq!(kv.put_once("nonce", b"1", MINUTE).await, Ok(true));
    assert_eq!(kv.increment("n", MINUTE).await, Ok(1));
}

#[tokio::test]
async fn what_other_servers_did_is_added() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000)));
    let shared: Arc<dyn Kv> = Arc::new(MemoryKv::new(clock.clone()));
    let server = || LocalFirstKv::new(MemoryKv::new(clock.clone()), Arc::clone(&shared));
    let (one, other) = (server(), server());
    assert_eq!(one.put_once("nonce", b"1", MINUTE).await, Ok(true));
    assert_eq!(other.put_once("nonce", b"1", MINUTE).await, Ok(false));
    assert_eq!(one.increment("n", MINUTE).await, Ok(1));
    assert_eq!(other.increment("n", MINUTE).await, Ok(2));
    // The shared store forgets.
    assert_eq!(shared.take("n").await, Ok(Some(b"2".to_vec())));
    assert_eq!(one.increment("n", MINUTE).await, Ok(2), "what this server did");
}

#[tokio::test]
async fn two_prefixes_do_not_meet() {
    let Some(url) = redis_url() else { return };
    let (one, _) = redis_at(url.clone());
    let (two, _) = redis_at(url);
    one.put("k", b"v", MINUTE).await.unwrap();
    assert_eq!(two.get("k").await, Ok(None));
}

/// Every connection of a store that has a database of the server's for itself.
async fn kill_connections_to(database: &str, raw: &mut redis::aio::MultiplexedConnection) {
    let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(raw).await.unwrap();
    let theirs = clients.lines().filter(|client| client.contains(&format!(" db={database} ")));
    for client in theirs {
        let id = client.strip_prefix("id=").and_then(|id| id.split(' ').next()).unwrap();
        let mut kill = redis::cmd("CLIENT");
        let killed: u64 = kill.arg("KILL").arg("ID").arg(id).query_async(raw).await.unwrap();
        assert_eq!(killed, 1, "{client}");
    }
}

#[tokio::test]
async fn a_connection_that_died_in_use_is_used_no_more() {
    let Some(url) = redis_url() else { return };
    let (server, _) = url.rsplit_once('/').unwrap();
    let (kv, _) = redis_at(format!("{server}/15"));
    let mut raw = raw_connection(&url).await;
    for _ in 0..3 {
        kv.put("k", b"v", MINUTE).await.unwrap();
        kill_connections_to("15", &mut raw).await;
        // The one that finds out may fail; who comes after it does not.
        let _ = kv.get("k").await;
        assert_eq!(kv.get("k").await, Ok(Some(b"v".to_vec())));
    }
}

async fn fails_quickly<T: Debug + PartialEq>(call: impl Future<Output = Result<T, KvError>>) {
    let start = Instant::now();
    assert_eq!(call.await, Err(KvError::Unavailable));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_redis_that_is_down_or_silent_is_unavailable_quickly() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (kv, _) = redis_at(format!("redis://{}/0", listener.local_addr().unwrap()));
    // The kernel accepts the connection; nobody answers.
    fails_quickly(kv.ping()).await;
    fails_quickly(kv.increment("n", MINUTE)).await;
    fails_quickly(async { join_all((0..40).map(|_| kv.get("k"))).await.remove(0) }).await;
    drop(listener);
    fails_quickly(kv.put("k", b"v", MINUTE)).await;
}

#[test]
fn an_address_is_checked_and_its_password_never_printed() {
    for bad in ["", "redis", "http://127.0.0.1/"] {
        assert_eq!(RedisKv::new(bad, "p").err(), Some(KvError::Unavailable), "{bad}");
    }
    let kv = RedisKv::new("redis://:hunter2@127.0.0.1:6379/0", "p").unwrap();
    assert!(!format!("{kv:?}").contains("hunter2"));
}
