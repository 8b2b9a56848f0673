//! The key-value store: small values that live for a while, shared by the servers.
//!
//! Invariant: it holds only what may be lost. Early refusal of replays, rate limits and providers'
//! tokens live here; nothing whose loss could double or lose money, revive a session or open a
//! door.
//! Invariant: both implementations keep one contract, held by one suite, `tests/kv_contract.rs`.
//! Absent on purpose: waiting, scanning, and keys that live for ever.

mod memory;
mod redis;

pub use memory::MemoryKv;
pub use redis::RedisKv;

use async_trait::async_trait;
use std::{fmt, time::Duration};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 4096;
/// The longest life of a key.
pub const MAX_TTL: Duration = Duration::from_hours(366 * 24);

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The store does not answer in time, is full, or keeps something else under that key.
    #[error("the key-value store is unavailable")]
    Unavailable,
    /// The key is empty or too long, the value too long, or the life not within bounds. A defect
    /// of the caller.
    #[error("key, value or life out of bounds for the key-value store")]
    OutOfBounds,
}

/// The key-value store. Lives are counted in whole milliseconds. Each call is atomic and answers,
/// or fails, within seconds.
#[async_trait]
pub trait Kv: Send + Sync + fmt::Debug {
    /// Keeps `value` under a key that is free; false where it is taken.
    async fn put_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, KvError>;

    /// Keeps `value` under `key`, whatever was there.
    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), KvError>;

    /// What is kept under `key`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;

    /// What is kept under `key`, removing it: of many takers one gets it.
    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;

    /// Removes `key` if it holds `value`; true where it did.
    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, KvError>;

    /// Counts one more in a fixed window, which opens with its first count and ends `window`
    /// later; later counts do not prolong it. The count is kept as decimal text.
    async fn increment(&self, key: &str, window: Duration) -> Result<u64, KvError>;

    /// That the store answers.
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
