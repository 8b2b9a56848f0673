//! Counts of failed scans.
//!
//! Each scan is counted as failed before its code is compared, in this process and under one lock, and
//! taken back if it was none: of many at once no more are compared than of as many in turn. The
//! key-value store adds what other servers counted. It is asked for a terminal that is slowed, and
//! told of failed scans, so terminals without failed scans never wait for it; a scan that does waits
//! [`HINT_PATIENCE`] at most. While the store is unavailable each server counts alone.

use super::{
    Handle, Miss, Step,
    misses::{TERMINAL_WINDOW, TerminalPace, pace, rest, rest_until},
};
use crate::base::{
    clock::Timestamp,
    kv::{Kv, KvError},
    write_point,
};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// How long a scan waits for the key-value store.
const HINT_PATIENCE: Duration = Duration::from_millis(50);
/// The number of terminals, and of handles at terminals, whose failed scans are remembered.
const REMEMBERED: usize = 100_000;
/// Below this number, those that are over are not removed.
const FEW: usize = 1_024;

/// Counts failed scans and slows terminals.
#[derive(Clone, Debug)]
pub(super) struct Counting {
    kv: Arc<dyn Kv>,
    here: Arc<Mutex<Counts>>,
}

/// A failed scan at a terminal, counted in this process.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub(super) terminal: Uuid,
    pub(super) handle: Handle,
    /// The step length of the devices with that handle.
    pub(super) step: Step,
    pub(super) miss: Miss,
}

/// What this process counted.
#[derive(Debug, Default)]
struct Counts {
    terminals: Windows<Uuid>,
    pairs: Windows<(Uuid, Handle)>,
}

/// Failed scans of one subject in one window.
#[derive(Clone, Copy, Debug)]
struct Window {
    until: Timestamp,
    /// Counted here.
    own: u64,
    /// Those of `own` that the store was told of.
    told: u64,
    /// Counted by other servers, as the store last said.
    others: u64,
    /// When a slowed terminal was answered last.
    answered_at: Option<Timestamp>,
    alarmed: bool,
}

impl Window {
    const fn total(&self) -> u64 {
        self.own.saturating_add(self.others)
    }

    /// The store is about to be told of one.
    const fn tell(&mut self) {
        self.told = self.told.saturating_add(1);
    }

    /// The store's count, which contains what it was told from here.
    fn hear(&mut self, total: u64) {
        self.others = self.others.max(total.saturating_sub(self.told));
    }
}

/// Windows by subject. Those that are over are removed when many have gathered.
#[derive(Debug)]
struct Windows<K> {
    open: HashMap<K, Window>,
    sweep_at: usize,
}

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self { open: HashMap::new(), sweep_at: FEW }
    }
}

impl<K: Copy + Eq + Hash> Windows<K> {
    /// The window of a subject, unless it is over.
    fn get(&mut self, key: K, now: Timestamp) -> Option<&mut Window> {
        self.open.get_mut(&key).filter(|window| now < window.until)
    }

    /// Counts one. A window that is over begins again and ends at `until`. Beyond [`REMEMBERED`],
    /// new subjects are not counted.
    fn add(&mut self, key: K, now: Timestamp, until: Timestamp) {
        if self.open.len() >= self.sweep_at {
            self.open.retain(|_, window| now < window.until);
            self.sweep_at = self.open.len().saturating_mul(2).clamp(FEW, REMEMBERED);
        }
        if self.open.len() >= REMEMBERED && !self.open.contains_key(&key) {
            return;
        }
        let fresh = Window { until, own: 0, told: 0, others: 0, answered_at: None, alarmed: false };
        let window = self.open.entry(key).or_insert(fresh);
        if now >= window.until {
            *window = fresh;
        }
        window.own = window.own.saturating_add(1);
    }

    /// Takes one back.
    fn take_back(&mut self, key: K) {
        if let Some(window) = self.open.get_mut(&key) {
            window.own = window.own.saturating_sub(1);
            if window.total() == 0 && window.answered_at.is_none() {
                self.open.remove(&key);
            }
        }
    }
}

impl Counts {
    /// Admits a scan and counts it as failed; one without a handle shows no code and is not counted.
    /// Otherwise returns how long to wait.
    fn admit(
        &mut self,
        terminal: Uuid,
        handle: Option<Handle>,
        now: Timestamp,
    ) -> Result<TerminalPace, Duration> {
        let pair = handle.map(|handle| (terminal, handle));
        if let Some(window) = pair.and_then(|pair| self.pairs.get(pair, now))
            && let Some(rest) = rest(window.total(), window.until, now)
        {
            return Err(rest);
        }
        let mut paced = TerminalPace::Free;
        if let Some(window) = self.terminals.get(terminal, now) {
            paced = pace(window.total());
            if let TerminalPace::Slowed(pause) = paced {
                if window.answered_at.is_some_and(|at| at.distance(now) < pause) {
                    return Err(pause);
                }
                window.answered_at = Some(now);
            }
        }
        if let Some(pair) = pair {
            self.terminals.add(terminal, now, now.plus(TERMINAL_WINDOW));
            // The step of the handle's devices is known once it was looked up: see `keep`.
            self.pairs.add(pair, now, rest_until(Step::DEFAULT, now));
        }
        Ok(paced)
    }

    fn take_back(&mut self, terminal: Uuid, handle: Handle) {
        self.terminals.take_back(terminal);
        self.pairs.take_back((terminal, handle));
    }

    /// Takes back what does not count of a scan that was counted as failed.
    fn keep(&mut self, missed: &Missed, now: Timestamp) {
        let Missed { terminal, handle, step, miss } = *missed;
        if !miss.counts_at_terminal() {
            self.terminals.take_back(terminal);
        }
        if !miss.counts_on_handle() {
            self.pairs.take_back((terminal, handle));
        } else if let Some(window) = self.pairs.get((terminal, handle), now) {
            window.until = window.until.max(rest_until(step, now));
        }
        self.alarm(terminal, now);
    }

    /// Raises the alarm once in a window.
    fn alarm(&mut self, terminal: Uuid, now: Timestamp) {
        let Some(window) = self.terminals.get(terminal, now) else { return };
        if !window.alarmed && pace(window.total()) != TerminalPace::Free {
            window.alarmed = true;
            tracing::warn!(%terminal, "too many failed scans at a terminal: it is slowed");
            metrics::counter!("onecard_terminals_slowed_total").increment(1);
        }
    }
}

impl Counting {
    pub(super) fn new(kv: Arc<dyn Kv>) -> Self {
        Self { kv, here: Arc::default() }
    }

    fn here(&self) -> MutexGuard<'_, Counts> {
        // A panic cannot leave the counts half-changed.
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a scan and counts it as failed, before anything is awaited; one without a handle is
    /// not counted. Otherwise returns how long to wait.
    pub(super) async fn admit(
        &self,
        terminal: Uuid,
        handle: Option<Handle>,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let paced = self.here().admit(terminal, handle, now)?;
        let TerminalPace::Slowed(pause) = paced else { return Ok(()) };
        if !self.was_answered_elsewhere(terminal, pause).await {
            return Ok(());
        }
        if let Some(handle) = handle {
            self.take_back(terminal, handle);
        }
        Err(pause)
    }

    /// Whether another server answered a slowed terminal within `pause`. A store that does not say so
    /// in time slows nobody.
    async fn was_answered_elsewhere(&self, terminal: Uuid, pause: Duration) -> bool {
        let key = format!("code:answered:{terminal}");
        let answer = self.kv.put_once(&key, b"1", pause);
        matches!(tokio::time::timeout(HINT_PATIENCE, answer).await, Ok(Ok(false)))
    }

    /// Takes a scan back that was not a failed one.
    pub(super) fn take_back(&self, terminal: Uuid, handle: Handle) {
        self.here().take_back(terminal, handle);
    }

    /// Keeps what counts of a failed scan.
    pub(super) fn keep(&self, missed: &Missed, now: Timestamp) {
        self.here().keep(missed, now);
    }

    /// Takes a failed scan back.
    pub(super) fn forgive(&self, missed: &Missed) {
        let Missed { terminal, handle, miss, .. } = *missed;
        let mut here = self.here();
        if miss.counts_at_terminal() {
            here.terminals.take_back(terminal);
        }
        if miss.counts_on_handle() {
            here.pairs.take_back((terminal, handle));
        }
    }

    /// Tells the other servers of a failed scan, and hears what they counted. If the store is slow,
    /// this goes on in the background.
    pub(super) async fn share(&self, missed: Missed, now: Timestamp) {
        let counting = self.clone();
        let shared = tokio::spawn(write_point::within("misses", async move {
            if let Err(error) = counting.share_in_store(missed, now).await {
                tracing::debug!(%error, "other servers could not be told of a failed scan");
            }
        }));
        if tokio::time::timeout(HINT_PATIENCE, shared).await.is_err() {
            tracing::debug!("other servers are told of a failed scan in the background");
        }
    }

    async fn share_in_store(&self, missed: Missed, now: Timestamp) -> Result<(), KvError> {
        let Missed { terminal, handle, step, miss } = missed;
        if miss.counts_at_terminal() {
            if let Some(window) = self.here().terminals.get(terminal, now) {
                window.tell();
            }
            let key = format!("code:missed:{terminal}");
            let total = self.kv.increment(&key, TERMINAL_WINDOW).await?;
            let mut here = self.here();
            if let Some(window) = here.terminals.get(terminal, now) {
                window.hear(total);
            }
            here.alarm(terminal, now);
        }
        if miss.counts_on_handle() {
            let pair = (terminal, handle);
            if let Some(window) = self.here().pairs.get(pair, now) {
                window.tell();
            }
            let (digits, tick) = (handle.number(), step.tick(now).number());
            let key = format!("code:wrong:{terminal}:{digits}:{tick}");
            let life = Duration::from_secs(step.seconds().into());
            let total = self.kv.increment(&key, life).await?;
            if let Some(window) = self.here().pairs.get(pair, now) {
                window.hear(total);
            }
        }
        Ok(())
    }
}
