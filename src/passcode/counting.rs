//! Counts of failed scans, kept in the key-value store and shared by all servers.
//!
//! Terminals without failed scans never wait for the store: a server only queries it for a
//! terminal, or a handle at a terminal, that it has itself seen fail too often. If the store is
//! unavailable nobody is slowed, and if it is slow a scan waits [`HINT_PATIENCE`] at most: the
//! length of the one-time part alone makes guessing hopeless.

use super::{
    Handle, Miss, Step,
    misses::{TERMINAL_WINDOW, TerminalPace, pace, raises_alarm, rest},
};
use crate::base::{
    clock::Timestamp,
    kv::{Kv, KvError},
    write_point,
};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// How long a scan waits for the key-value store.
const HINT_PATIENCE: Duration = Duration::from_millis(50);
/// The number of slowed terminals, and of blocked handles at terminals, that are remembered.
const REMEMBERED: u64 = 10_000;

/// Counts failed scans and slows terminals.
#[derive(Clone, Debug)]
pub(super) struct Counting {
    kv: Arc<dyn Kv>,
    slow: Cache<Uuid, ()>,
    resting: Cache<(Uuid, Handle), Timestamp>,
}

/// A failed scan at a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub(super) terminal: Uuid,
    pub(super) handle: Handle,
    /// The step length of the devices with that handle.
    pub(super) step: Step,
    pub(super) miss: Miss,
}

impl Counting {
    pub(super) fn new(kv: Arc<dyn Kv>) -> Self {
        let slow = Cache::builder().max_capacity(REMEMBERED).time_to_live(TERMINAL_WINDOW).build();
        let longest = Duration::from_secs(Step::LONGEST.seconds().into());
        let resting = Cache::builder().max_capacity(REMEMBERED).time_to_live(longest).build();
        Self { kv, slow, resting }
    }

    /// How long a slowed terminal must wait; `None` if it need not.
    pub(super) async fn wait(&self, terminal: Uuid) -> Option<Duration> {
        if !self.slow.contains_key(&terminal) {
            return None;
        }
        // If the store takes longer, the terminal is not slowed.
        tokio::time::timeout(HINT_PATIENCE, self.pause(terminal)).await.ok()?
    }

    async fn pause(&self, terminal: Uuid) -> Option<Duration> {
        let TerminalPace::Slowed(pause) = pace(self.misses(terminal).await) else {
            self.slow.invalidate(&terminal);
            return None;
        };
        let answered = self.kv.put_once(&format!("code:answered:{terminal}"), b"1", pause).await;
        matches!(answered, Ok(false)).then_some(pause)
    }

    async fn misses(&self, terminal: Uuid) -> u64 {
        let kept = self.kv.get(&missed_key(terminal)).await.unwrap_or_default();
        let text = kept.and_then(|kept| String::from_utf8(kept).ok());
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// How long a handle is still blocked at a terminal; `None` if it is not.
    pub(super) fn rest(&self, terminal: Uuid, handle: Handle, now: Timestamp) -> Option<Duration> {
        let until = self.resting.get(&(terminal, handle))?;
        (now < until).then(|| now.distance(until))
    }

    /// Counts a failed scan. If the store is slow, counting continues in the background.
    pub(super) async fn count(&self, missed: Missed, now: Timestamp) {
        let counting = self.clone();
        let count = tokio::spawn(write_point::within("misses", async move {
            if let Err(error) = counting.count_in_store(missed, now).await {
                tracing::debug!(%error, "a failed scan could not be counted");
            }
        }));
        if tokio::time::timeout(HINT_PATIENCE, count).await.is_err() {
            tracing::debug!("a failed scan is counted in the background");
        }
    }

    async fn count_in_store(&self, missed: Missed, now: Timestamp) -> Result<(), KvError> {
        let Missed { terminal, handle, step, miss } = missed;
        if miss.counts_at_terminal() {
            let count = self.kv.increment(&missed_key(terminal), TERMINAL_WINDOW).await?;
            if raises_alarm(count) {
                tracing::warn!(%terminal, "too many failed scans at a terminal: it is slowed");
                metrics::counter!("onecard_terminals_slowed_total").increment(1);
            }
            if matches!(pace(count), TerminalPace::Slowed(_)) {
                self.slow.insert(terminal, ());
            }
        }
        if miss.counts_on_handle() {
            let (handle_digits, tick) = (handle.number(), step.tick(now).number());
            let key = format!("code:wrong:{terminal}:{handle_digits}:{tick}");
            let life = Duration::from_secs(step.seconds().into());
            let wrong = self.kv.increment(&key, life).await?;
            if let Some(rest) = rest(wrong, step, now) {
                self.resting.insert((terminal, handle), now.plus(rest));
            }
        }
        Ok(())
    }
}

fn missed_key(terminal: Uuid) -> String {
    format!("code:missed:{terminal}")
}
