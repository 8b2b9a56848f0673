//! Runs Argon2 off the async threads, with limited concurrency.
//!
//! Invariant: each check costs exactly one Argon2 run, whether or not there is a stored hash, so
//! that neither timing nor load reveals which people have a password.

use super::password::{self, PasswordError};
use secrecy::SecretString;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Verified in place of a missing hash: the same cost, and no known password.
const STAND_IN: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3RhbmQtaW4tZm9yLW5vYm9keQ\
                        $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why nothing was hashed or verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// Too many passwords are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    /// Hashing or verifying failed.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Hashes and verifies passwords with limited concurrency.
#[derive(Clone)]
pub struct PasswordHasher {
    turns: Arc<Semaphore>,
    patience: Duration,
    done: Arc<AtomicU64>,
}

impl PasswordHasher {
    /// Runs at most `at_once` at a time: each takes a core for tens of milliseconds, and 19 MiB. A
    /// caller that waits longer than `patience` gets [`HasherError::Busy`].
    pub fn new(at_once: usize, patience: Duration) -> Self {
        let turns = Arc::new(Semaphore::new(at_once));
        Self { turns, patience, done: Arc::default() }
    }

    /// True if `stored` is a hash of `given`. Without a stored hash the same work is done.
    pub async fn verify(
        &self,
        given: SecretString,
        stored: Option<String>,
    ) -> Result<bool, HasherError> {
        self.run(move || match stored {
            Some(stored) => password::verify(&given, &stored),
            None => password::verify(&given, STAND_IN).map(|_| false),
        })
        .await
    }

    /// The hash to store for `password`.
    pub async fn hash(&self, password: SecretString) -> Result<String, HasherError> {
        self.run(move || password::hash(&password)).await
    }

    /// The number of Argon2 runs so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, HasherError> {
        let turn = self.turn().await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("onecard_password_hashes_total").increment(1);
        let worked = tokio::task::spawn_blocking(move || {
            // The permit is held until the work is done, even if the caller has stopped waiting.
            let _turn = turn;
            work()
        });
        Ok(worked.await.map_err(|_| PasswordError::Failed)??)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, HasherError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(self.patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(HasherError::Busy),
        }
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").field("turns", &self.turns).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn a_check_costs_the_same_with_a_hash_and_without() {
        let hashes = PasswordHasher::new(2, Duration::from_mins(1));
        let stored = hashes.hash(secret("246810")).await.unwrap();
        let cases = [
            ("246810", Some(stored.clone()), true),
            ("246811", Some(stored), false),
            ("246810", None, false),
            ("", None, false),
        ];
        for (given, stored, fits) in cases {
            let before = hashes.done();
            assert_eq!(hashes.verify(secret(given), stored).await, Ok(fits), "{given}");
            assert_eq!(hashes.done(), before + 1, "{given}");
        }
        let damaged = hashes.verify(secret("246810"), Some("$argon2id$".to_owned())).await;
        assert_eq!(damaged, Err(HasherError::Password(PasswordError::DamagedHash)));
    }

    #[tokio::test]
    async fn callers_beyond_the_limit_get_busy() {
        let hashes = PasswordHasher::new(0, Duration::ZERO);
        assert_eq!(hashes.hash(secret("246810")).await, Err(HasherError::Busy));
    }
}
