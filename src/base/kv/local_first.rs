//! The store of a server among several: this process first, then the store that all servers share.

use super::{Kv, KvError, MemoryKv};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Decides in this process before it awaits the shared store, which adds what other servers did.
/// While that store is unavailable or read-only, a limit holds in each server for itself.
#[derive(Debug)]
pub struct LocalFirstKv {
    local: MemoryKv,
    shared: Arc<dyn Kv>,
}

impl LocalFirstKv {
    /// A store in front of `shared`.
    pub const fn new(local: MemoryKv, shared: Arc<dyn Kv>) -> Self {
        Self { local, shared }
    }
}

/// The answer of the shared store, or the local one while the shared store gives none.
fn shared_or<T>(shared: Result<T, KvError>, local: Result<T, KvError>) -> Result<T, KvError> {
    match shared {
        Err(KvError::Unavailable) => local,
        Ok(_) | Err(KvError::OutOfBounds) => shared,
    }
}

#[async_trait]
impl Kv for LocalFirstKv {
    async fn put_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, KvError> {
        match self.local.put_once(key, value, ttl).await {
            Ok(false) => Ok(false),
            local => shared_or(self.shared.put_once(key, value, ttl).await, local),
        }
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), KvError> {
        let local = self.local.put(key, value, ttl).await;
        shared_or(self.shared.put(key, value, ttl).await, local)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        match self.shared.get(key).await {
            Err(KvError::Unavailable) => self.local.get(key).await,
            shared => shared,
        }
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let local = self.local.take(key).await;
        shared_or(self.shared.take(key).await, local)
    }

    async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, KvError> {
        let local = self.local.delete_if(key, value).await;
        shared_or(self.shared.delete_if(key, value).await, local)
    }

    /// The larger count: the shared store's contains this process's, unless it was emptied.
    async fn increment(&self, key: &str, window: Duration) -> Result<u64, KvError> {
        let local = self.local.increment(key, window).await;
        match (self.shared.increment(key, window).await, local) {
            (Ok(shared), Ok(local)) => Ok(shared.max(local)),
            (shared, local) => shared_or(shared, local),
        }
    }

    async fn ping(&self) -> Result<(), KvError> {
        self.shared.ping().await
    }
}
