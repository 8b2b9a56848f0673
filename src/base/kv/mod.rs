//! The key-value store: small values with a limited lifetime, shared by all servers.
//!
//! Invariant: it only holds data that may be lost, such as rate limits, counts of failed scans and
//! the nonces of terminals. Losing it must not duplicate or lose money, revive a session or open a
//! door.
//! Invariant: all implementations fulfil one contract, tested by one suite,
//! `tests/kv_contract.rs`.
//! Invariant: a limit that is kept here holds within a server whatever becomes of the shared store,
//! and for requests at the same time: [`LocalFirstKv`] decides in the process before it awaits
//! anything.
//! Absent on purpose: blocking calls, scanning, and keys that never expire.

mod local_first;
mod memory;
mod redis;

pub use local_first::LocalFirstKv;
pub use memory::MemoryKv;
pub use redis::RedisKv;

use async_trait::async_trait;
use std::{fmt, time::Duration};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 4096;
/// The longest lifetime of a key.
pub const MAX_TTL: Duration = Duration::from_hours(366 * 24);

/// Errors that a caller can handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The store does not answer in time, is full, or holds a value of another type under that key.
    #[error("the key-value store is unavailable")]
    Unavailable,
    /// The key is empty or too long, the value too long, or the lifetime out of bounds: a bug of
    /// the caller.
    #[error("key, value or lifetime out of bounds for the key-value store")]
    OutOfBounds,
}

/// The key-value store. Lifetimes are counted in whole milliseconds. Each call is atomic and
/// returns or fails within seconds.
#[async_trait]
pub trait Kv: Send + Sync + fmt::Debug {
    /// Stores `value` if the key does not exist; false if it does.
    async fn put_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, KvError>;

    /// Stores `value`, replacing any earlier one.
    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), KvError>;

    /// The value of `key`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;

    /// Removes `key` and returns its value: of several concurrent callers one gets it.
    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;

    /// Removes `key` if it holds `value`; true if it did.
    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, KvError>;

    /// Increments a counter and returns the new count. The counter expires `window` after its first
    /// increment; later ones do not prolong it. It is stored as decimal text.
    async fn increment(&self, key: &str, window: Duration) -> Result<u64, KvError>;

    /// Checks that the store answers.
    async fn ping(&self) -> Result<(), KvError>;
}

/// Whole milliseconds, rounded up.
fn millis(ttl: Duration) -> Result<u64, KvError> {
    if ttl.is_zero() || ttl > MAX_TTL {
        return Err(KvError::OutOfBounds);
    }
    u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).map_err(|_| KvError::OutOfBounds)
}

fn check_key(key: &str) -> Result<(), KvError> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(KvError::OutOfBounds);
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), KvError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(KvError::OutOfBounds);
    }
    Ok(())
}
