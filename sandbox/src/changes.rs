//! Waiting for a change instead of sleeping.

use tokio::sync::watch;

/// Wakes everything that waits for a condition whenever something changed.
#[derive(Debug)]
pub(crate) struct Changes(watch::Sender<u64>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Changes {
    /// Call after the change is visible, and without the lock that guards it.
    pub(crate) fn notify(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Waits until `look` finds something. Callers bound the time.
    pub(crate) async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let mut changes = self.0.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(found) = look() {
                return found;
            }
            // The sender lives in `self`, so this ends only with a change.
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
