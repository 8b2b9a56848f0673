//! Argon2 at work: off the threads that answer, few at once, and counted.
//!
//! Invariant: a check costs one Argon2 run, whether there is a stored hash or not: neither the
//! clock nor the load tells who has one.

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

/// In place of a hash that is not there: of the same cost, and of no password.
const STAND_IN: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3RhbmQtaW4tZm9yLW5vYm9keQ\
                        $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why nothing was hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashesError {
    /// Too many others wait.
    #[error("too many passwords are being checked")]
    Busy,
    /// The password, or what is stored.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Takes turns at Argon2.
#[derive(Clone)]
pub struct Hashes {
    turns: Arc<Semaphore>,
    patience: Duration,
    done: Arc<AtomicU64>,
}

impl Hashes {
    /// At most `at_once` at a time: each takes a core for tens of milliseconds, and 19 MiB. Who
    /// has waited `patience` for a turn is sent away.
    pub fn new(at_once: usize, patience: Duration) -> Self {
        let turns = Arc::new(Semaphore::new(at_once));
        Self { turns, patience, done: Arc::default() }
    }

    /// True where `given` is the password that was hashed into `stored`. Without one the work is
    /// done all the same.
    pub async fn verify(
        &self,
        given: SecretString,
        stored: Option<String>,
    ) -> Result<bool, HashesError> {
        self.run(move || match stored {
            Some(stored) => password::verify(&given, &stored),
            None => password::verify(&given, STAND_IN).map(|_| false),
        })
        .await
    }

    /// The hash to store for `password`.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashesError> {
        self.run(move || password::hash(&password)).await
    }

    /// How often Argon2 ran so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, HashesError> {
        let turn = self.turn().await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("onecard_password_hashes_total").increment(1);
        let worked = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, also where nobody waits for it any more.
            let _turn = turn;
            work()
        });
        Ok(worked.await.map_err(|_| PasswordError::Failed)??)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, HashesError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(self.patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(HashesError::Busy),
        }
    }
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashes").field("turns", &self.turns).finish_non_exhaustive()
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
        let hashes = Hashes::new(2, Duration::from_mins(1));
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
        assert_eq!(damaged, Err(HashesError::Password(PasswordError::DamagedHash)));
    }

    #[tokio::test]
    async fn who_gets_no_turn_is_told() {
        let hashes = Hashes::new(0, Duration::ZERO);
        assert_eq!(hashes.hash(secret("246810")).await, Err(HashesError::Busy));
    }
}
