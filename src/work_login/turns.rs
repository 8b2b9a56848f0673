//! How many codes are asked about at a time.

use super::{DirectoryError, WorkDirectory};
use crate::staff_accounts::WorkId;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// Whoever sends codes that are made up takes no more than this of the messenger's time and of our connections.
const AT_ONCE: usize = 8;
/// How long a browser waits for its turn.
const WITHIN: Duration = Duration::from_secs(5);

/// The turns of those whose codes are asked about; its clones share them.
#[derive(Clone, Debug)]
pub struct WorkTurns {
    turns: Arc<Semaphore>,
    within: Duration,
}

impl Default for WorkTurns {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), within: WITHIN }
    }
}

impl WorkTurns {
    /// Asks whose code it is, in turn; [`DirectoryError::Unavailable`] where no turn comes in time.
    pub(super) async fn ask(
        &self,
        directory: &dyn WorkDirectory,
        code: &str,
    ) -> Result<WorkId, DirectoryError> {
        let Ok(Ok(_turn)) = timeout(self.within, self.turns.acquire()).await else {
            tracing::warn!("too many codes of sign-ins are being asked about");
            return Err(DirectoryError::Unavailable);
        };
        directory.member_of(code).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use futures_util::future::{join, join_all};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A messenger that answers once it may, and counts who asks.
    #[derive(Debug)]
    struct Slow {
        answers: Semaphore,
        asking: AtomicUsize,
        most: AtomicUsize,
    }

    #[async_trait]
    impl WorkDirectory for Slow {
        fn authorize_url(&self, _: &str, _: &str, _: bool) -> String {
            String::new()
        }

        fn is_within(&self, _: &str) -> bool {
            false
        }

        async fn member_of(&self, _: &str) -> Result<WorkId, DirectoryError> {
            let asking = self.asking.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(asking, Ordering::SeqCst);
            self.answers.acquire().await.unwrap().forget();
            self.asking.fetch_sub(1, Ordering::SeqCst);
            Err(DirectoryError::CodeRefused)
        }
    }

    #[tokio::test]
    async fn few_are_asked_about_at_a_time() {
        // How long a browser waits, and how many of 20 are not asked about before anybody is answered.
        for (within, in_vain) in [(Duration::ZERO, 12), (Duration::MAX, 0)] {
            let turns = WorkTurns { within, ..WorkTurns::default() };
            let (asking, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let slow = Slow { answers: Semaphore::new(0), asking, most };
            let given_up = AtomicUsize::new(0);
            let all = join_all((0..20).map(async |_| {
                if turns.ask(&slow, "made up").await == Err(DirectoryError::Unavailable) {
                    given_up.fetch_add(1, Ordering::SeqCst);
                }
            }));
            let answering = async {
                while given_up.load(Ordering::SeqCst) < in_vain {
                    tokio::task::yield_now().await;
                }
                slow.answers.add_permits(20);
            };
            join(all, answering).await;
            let seen = (given_up.into_inner(), slow.most.into_inner());
            assert_eq!(seen, (in_vain, AT_ONCE), "{within:?}");
        }
    }
}
