//! The store in the memory of the process, for a single server.

use super::{Kv, KvError, check_key, check_value, millis};
use crate::base::clock::{Clock, Timestamp};
use async_trait::async_trait;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The limit of live entries; beyond it, new keys are refused so that memory is not exhausted.
const MAX_ENTRIES: usize = 1_000_000;
/// How many expired entries one write removes: more than it adds, so that the store shrinks, and
/// few, so that no write is slow.
const SWEEP: usize = 16;

/// Keeps everything in this process; entries expire by the given clock.
pub struct MemoryKv {
    clock: Arc<dyn Clock>,
    max_entries: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<Arc<str>, StoredValue>,
    by_expiry: BTreeSet<(Timestamp, Arc<str>)>,
}

struct StoredValue {
    value: Vec<u8>,
    expires_at: Timestamp,
}

impl MemoryKv {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(clock, MAX_ENTRIES)
    }

    /// An empty store that refuses new keys once it holds `max_entries` live ones.
    pub fn with_capacity(clock: Arc<dyn Clock>, max_entries: usize) -> Self {
        Self { clock, max_entries, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(
        &self,
        state: &mut State,
        key: &str,
        value: Vec<u8>,
        expires_at: Timestamp,
    ) -> Result<(), KvError> {
        state.sweep(self.clock.now());
        state.remove(key);
        if state.entries.len() >= self.max_entries {
            return Err(KvError::Unavailable);
        }
        let key: Arc<str> = key.into();
        state.by_expiry.insert((expires_at, Arc::clone(&key)));
        state.entries.insert(key, StoredValue { value, expires_at });
        Ok(())
    }

    fn expiry(&self, ttl: Duration) -> Result<Timestamp, KvError> {
        let ttl = Duration::from_millis(millis(ttl)?);
        Ok(self.clock.now().plus(ttl))
    }
}

impl State {
    fn live(&self, key: &str, now: Timestamp) -> Option<&StoredValue> {
        self.entries.get(key).filter(|entry| entry.expires_at > now)
    }

    fn remove(&mut self, key: &str) -> Option<StoredValue> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.by_expiry.remove(&(entry.expires_at, key));
        Some(entry)
    }

    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP {
            match self.by_expiry.first() {
                Some((expires_at, _)) if *expires_at <= now => {}
                Some(_) | None => return,
            }
            if let Some((_, key)) = self.by_expiry.pop_first() {
                self.entries.remove(&key);
            }
        }
    }
}

impl fmt::Debug for MemoryKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printed = f.debug_struct("MemoryKv");
        printed.field("entries", &self.lock().entries.len());
        printed.finish_non_exhaustive()
    }
}

#[async_trait]
impl Kv for MemoryKv {
    async fn put_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, KvError> {
        check_key(key)?;
        check_value(value)?;
        let expires_at = self.expiry(ttl)?;
        let mut state = self.lock();
        if state.live(key, self.clock.now()).is_some() {
            return Ok(false);
        }
        self.insert(&mut state, key, value.to_vec(), expires_at)?;
        Ok(true)
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), KvError> {
        check_key(key)?;
        check_value(value)?;
        let expires_at = self.expiry(ttl)?;
        self.insert(&mut self.lock(), key, value.to_vec(), expires_at)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        check_key(key)?;
        let state = self.lock();
        let entry = state.live(key, self.clock.now());
        Ok(entry.map(|entry| entry.value.clone()))
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        check_key(key)?;
        let now = self.clock.now();
        let taken = self.lock().remove(key);
        Ok(taken.filter(|entry| entry.expires_at > now).map(|entry| entry.value))
    }

    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, KvError> {
        check_key(key)?;
        check_value(value)?;
        let mut state = self.lock();
        let held = state.live(key, self.clock.now());
        if held.is_none_or(|entry| entry.value != value) {
            return Ok(false);
        }
        state.remove(key);
        Ok(true)
    }

    async fn increment(&self, key: &str, window: Duration) -> Result<u64, KvError> {
        check_key(key)?;
        let fresh = self.expiry(window)?;
        let mut state = self.lock();
        let (count, expires_at) = match state.live(key, self.clock.now()) {
            None => (1, fresh),
            Some(entry) => (next(&entry.value)?, entry.expires_at),
        };
        self.insert(&mut state, key, count.to_string().into_bytes(), expires_at)?;
        Ok(count)
    }

    async fn ping(&self) -> Result<(), KvError> {
        Ok(())
    }
}

/// `count` plus one, where `count` is decimal text; limited to 63 bits as in Redis.
fn next(count: &[u8]) -> Result<u64, KvError> {
    let count = str::from_utf8(count).ok().and_then(|text| text.parse::<i64>().ok());
    let next = count.and_then(|count| count.checked_add(1));
    let next = next.ok_or(KvError::Unavailable)?;
    u64::try_from(next).map_err(|_| KvError::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    const TTL: Duration = Duration::from_secs(1);

    fn store(max_entries: usize) -> (Arc<ManualClock>, MemoryKv) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(0)));
        let kv = MemoryKv::with_capacity(clock.clone(), max_entries);
        (clock, kv)
    }

    #[tokio::test]
    async fn a_full_store_refuses_new_keys_only() {
        let (clock, kv) = store(2);
        kv.put("a", b"1", TTL).await.unwrap();
        kv.put("b", b"1", TTL).await.unwrap();
        assert_eq!(kv.put("c", b"1", TTL).await, Err(KvError::Unavailable));
        assert_eq!(kv.put_once("c", b"1", TTL).await, Err(KvError::Unavailable));
        assert_eq!(kv.increment("c", TTL).await, Err(KvError::Unavailable));
        kv.put("a", b"2", TTL).await.unwrap();
        clock.advance(TTL);
        kv.put("c", b"1", TTL).await.unwrap();
        assert_eq!(kv.lock().entries.len(), 1);
    }

    #[tokio::test]
    async fn expired_entries_are_swept_by_later_writes() {
        let (clock, kv) = store(MAX_ENTRIES);
        for n in 0..100 {
            kv.put(&format!("old {n}"), b"", TTL).await.unwrap();
        }
        clock.advance(TTL);
        for n in 0..7 {
            kv.put(&format!("new {n}"), b"", TTL).await.unwrap();
        }
        let state = kv.lock();
        assert_eq!(state.entries.len(), 7);
        assert_eq!(state.by_expiry.len(), 7);
    }
}
