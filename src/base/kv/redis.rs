//! The store on a Redis server, shared by all servers.

use super::{Kv, KvError, check_key, check_value, millis};
use crate::base::write_point;
use async_trait::async_trait;
use deadpool::managed::{self, Metrics, Object, Pool, QueueMode, RecycleResult};
use deadpool_redis::{
    Manager, Runtime,
    redis::{
        AsyncConnectionConfig, Cmd, FromRedisValue, RedisError, RedisResult, Script,
        aio::MultiplexedConnection, cmd,
    },
};
use std::{fmt, time::Duration};

const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const POOL_LIMIT: Duration = Duration::from_secs(1);
const RESPONSE_LIMIT: Duration = Duration::from_millis(500);
/// For one call in total, also if a stale pool has to be cleared first.
const CALL_LIMIT: Duration = Duration::from_secs(2);
const POOL_SIZE: usize = 16;
/// A connection that was used within this time is reused without a PING: checking on each use would
/// double the round trips.
const IDLE: Duration = Duration::from_secs(1);

const DELETE_IF: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

// A key without a lifetime was created by this call.
const INCREMENT: &str = "
local count = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count";

/// Stores everything in Redis under `PREFIX:KEY`.
///
/// Absent on purpose: blocking commands. They would keep a pooled connection busy after their
/// caller has gone.
pub struct RedisKv {
    pool: Pool<CheckedIfIdle>,
    prefix: String,
    delete_if: Script,
    increment: Script,
}

impl RedisKv {
    /// A store at `url` (`redis://[user:password@]host:port/database`). Connects on the first call;
    /// fails only if the URL is invalid.
    pub fn new(url: &str, prefix: &str) -> Result<Self, KvError> {
        let timeouts = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(RESPONSE_LIMIT));
        let manager = Manager::new_with_config(url, timeouts).map_err(unavailable)?;
        let pool = Pool::builder(CheckedIfIdle(manager))
            .max_size(POOL_SIZE)
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(POOL_LIMIT))
            .create_timeout(Some(CONNECT_LIMIT))
            .recycle_timeout(Some(RESPONSE_LIMIT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(unavailable)?;
        Ok(Self {
            pool,
            prefix: prefix.to_owned(),
            delete_if: Script::new(DELETE_IF),
            increment: Script::new(INCREMENT),
        })
    }

    fn full_key(&self, key: &str) -> Result<String, KvError> {
        check_key(key)?;
        Ok(format!("{}:{key}", self.prefix))
    }

    async fn connection(&self) -> Result<Object<CheckedIfIdle>, KvError> {
        self.pool.get().await.map_err(unavailable)
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, KvError> {
        within_limit(async {
            let mut connection = self.connection().await?;
            let answer = command.query_async(&mut *connection).await;
            settled(connection, answer)
        })
        .await
    }

    async fn run_script(&self, script: &Script, key: &str, arg: &[u8]) -> Result<u64, KvError> {
        within_limit(async {
            let mut connection = self.connection().await?;
            let mut call = script.key(key);
            let answer = call.arg(arg).invoke_async(&mut *connection).await;
            settled(connection, answer)
        })
        .await
    }
}

/// The library's connection manager, except that it checks a connection before reuse only after it
/// was idle.
struct CheckedIfIdle(Manager);

impl managed::Manager for CheckedIfIdle {
    type Type = MultiplexedConnection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<MultiplexedConnection> {
        self.0.create().await
    }

    async fn recycle(
        &self,
        connection: &mut MultiplexedConnection,
        metrics: &Metrics,
    ) -> RecycleResult<RedisError> {
        if metrics.last_used() < IDLE {
            return Ok(());
        }
        self.0.recycle(connection, metrics).await
    }
}

/// Returns the result. A connection without a response is not reused.
fn settled<T>(connection: Object<CheckedIfIdle>, answer: RedisResult<T>) -> Result<T, KvError> {
    if answer.as_ref().is_err_and(|error| error.is_unrecoverable_error() || error.is_timeout()) {
        drop(Object::take(connection));
    }
    answer.map_err(unavailable)
}

async fn within_limit<T>(call: impl Future<Output = Result<T, KvError>>) -> Result<T, KvError> {
    write_point::reached("redis:call");
    let answer = tokio::time::timeout(CALL_LIMIT, call).await;
    write_point::reached("redis:answered");
    answer.unwrap_or_else(|elapsed| Err(unavailable(elapsed)))
}

/// Logs the cause without keys and values: the library's messages contain neither.
fn unavailable(cause: impl fmt::Display) -> KvError {
    tracing::warn!(%cause, "redis call failed");
    KvError::Unavailable
}

impl fmt::Debug for RedisKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool is left out: its URL may contain a password.
        let mut printed = f.debug_struct("RedisKv");
        printed.field("prefix", &self.prefix);
        printed.finish_non_exhaustive()
    }
}

#[async_trait]
impl Kv for RedisKv {
    async fn put_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, KvError> {
        check_value(value)?;
        let mut set = set(&self.full_key(key)?, value, ttl)?;
        let stored: Option<String> = self.run(set.arg("NX")).await?;
        Ok(stored.is_some())
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), KvError> {
        check_value(value)?;
        self.run(&set(&self.full_key(key)?, value, ttl)?).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.run(cmd("GET").arg(self.full_key(key)?)).await
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.run(cmd("GETDEL").arg(self.full_key(key)?)).await
    }

    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, KvError> {
        check_value(value)?;
        let key = self.full_key(key)?;
        let deleted = self.run_script(&self.delete_if, &key, value).await?;
        Ok(deleted == 1)
    }

    async fn increment(&self, key: &str, window: Duration) -> Result<u64, KvError> {
        let key = self.full_key(key)?;
        let window = millis(window)?.to_string();
        self.run_script(&self.increment, &key, window.as_bytes()).await
    }

    async fn ping(&self) -> Result<(), KvError> {
        self.run(&cmd("PING")).await
    }
}

fn set(key: &str, value: &[u8], ttl: Duration) -> Result<Cmd, KvError> {
    let mut set = cmd("SET");
    set.arg(key).arg(value).arg("PX").arg(millis(ttl)?);
    Ok(set)
}
