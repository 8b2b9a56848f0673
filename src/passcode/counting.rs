//! Counts of misses, in the key-value store, which all servers share.
//!
//! Nobody who misses nothing waits for it: a server looks there only for a terminal, or a handle at
//! one, that it has itself seen miss too often. Where the store is away nobody is slowed, and where
//! it is slow nobody waits for it longer than for a hint: guessing is kept hopeless by the length of
//! a one-time part.

use super::{Handle, Miss, Step, TERMINAL_WINDOW, TerminalPace, pace, raises_alarm, rest};
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
/// Terminals, and handles at terminals, that are remembered as slow.
const REMEMBERED: u64 = 10_000;

/// Who misses how often.
#[derive(Clone, Debug)]
pub(super) struct Counting {
    kv: Arc<dyn Kv>,
    slow: Cache<Uuid, ()>,
    resting: Cache<(Uuid, Handle), Timestamp>,
}

/// A code that came to nothing at a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub(super) terminal: Uuid,
    pub(super) handle: Handle,
    /// How the devices with that handle count.
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

    /// How long a terminal must wait before it is answered, if it must.
    pub(super) async fn wait(&self, terminal: Uuid) -> Option<Duration> {
        if !self.slow.contains_key(&terminal) {
            return None;
        }
        // A store that takes longer slows nobody.
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

    /// How long a handle still rests at a terminal, if it does.
    pub(super) fn rest(&self, terminal: Uuid, handle: Handle, now: Timestamp) -> Option<Duration> {
        let until = self.resting.get(&(terminal, handle))?;
        (now < until).then(|| now.distance(until))
    }

    /// Counts a miss. Where the store is slow that goes on without the caller, so that it counts
    /// all the same.
    pub(super) async fn count(&self, missed: Missed, now: Timestamp) {
        let counting = self.clone();
        let count = tokio::spawn(write_point::within("misses", async move {
            if let Err(error) = counting.count_out(missed, now).await {
                tracing::debug!(%error, "a miss is not counted");
            }
        }));
        if tokio::time::timeout(HINT_PATIENCE, count).await.is_err() {
            tracing::debug!("a miss is counted late");
        }
    }

    async fn count_out(&self, missed: Missed, now: Timestamp) -> Result<(), KvError> {
        let Missed { terminal, handle, step, miss } = missed;
        if miss.counts_at_terminal() {
            let count = self.kv.increment(&missed_key(terminal), TERMINAL_WINDOW).await?;
            if raises_alarm(count) {
                tracing::warn!(%terminal, "a terminal shows many codes that are none: it is slowed");
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
