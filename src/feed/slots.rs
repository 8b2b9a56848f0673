//! The clients that wait for events at this server.

use crate::{base::ids::PersonId, events::Position, sessions::SessionId};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

/// Per session. More than one, since a client may reconnect before its old connection times out.
const MAX_PER_SESSION: usize = 4;
/// Per server.
const MAX: usize = 10_000;

/// Which limit of waiting connections is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooManyListeners {
    /// The session's.
    #[error("too many connections of this session are waiting")]
    Session,
    /// The server's.
    #[error("too many connections are waiting")]
    Server,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeReason {
    /// There are events after the position.
    Moved,
    /// The session has ended, or is bound to another person.
    SignedOut,
    /// The server is stopping.
    Closed,
}

/// All connections of this server that wait for events.
#[derive(Debug, Default)]
pub(super) struct Slots {
    occupied: Mutex<Occupied>,
    closed: CancellationToken,
    waiting: Notify,
}

#[derive(Debug, Default)]
struct Occupied {
    last: u64,
    by_number: HashMap<u64, Waiter>,
    by_session: HashMap<SessionId, usize>,
}

#[derive(Debug)]
struct Waiter {
    session: SessionId,
    person: PersonId,
    /// Set while the connection waits; between two waits it keeps its slot.
    waits: Option<(Position, oneshot::Sender<WakeReason>)>,
}

/// The slot of a connection, released when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    number: u64,
}

impl Slots {
    pub(super) fn take(
        self: &Arc<Self>,
        session: SessionId,
        person: PersonId,
    ) -> Result<Slot, TooManyListeners> {
        let mut occupied = self.lock();
        if occupied.by_number.len() >= MAX {
            return Err(TooManyListeners::Server);
        }
        let of_session = occupied.by_session.entry(session).or_default();
        if *of_session >= MAX_PER_SESSION {
            return Err(TooManyListeners::Session);
        }
        *of_session += 1;
        occupied.last = occupied.last.wrapping_add(1);
        let number = occupied.last;
        occupied.by_number.insert(number, Waiter { session, person, waits: None });
        metrics::gauge!("onecard_event_listeners").set(count(occupied.by_number.len()));
        Ok(Slot { slots: Arc::clone(self), number })
    }

    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    /// Returns as soon as a connection is waiting.
    pub(super) async fn waiting(&self) {
        while !self.lock().by_number.values().any(|waiter| waiter.waits.is_some()) {
            self.waiting.notified().await;
        }
    }

    /// The persons whose events are waited for.
    pub(super) fn persons(&self) -> HashSet<PersonId> {
        let occupied = self.lock();
        let waiting = occupied.by_number.values().filter(|waiter| waiter.waits.is_some());
        waiting.map(|waiter| waiter.person).collect()
    }

    /// The sessions and persons of all connections.
    pub(super) fn sessions(&self) -> HashSet<(SessionId, PersonId)> {
        let occupied = self.lock();
        occupied.by_number.values().map(|waiter| (waiter.session, waiter.person)).collect()
    }

    /// Wakes the connections of persons whose events now end after their position.
    pub(super) fn moved_to(&self, ends: &[(PersonId, Position)]) {
        let ends: HashMap<_, _> = ends.iter().copied().collect();
        self.wake(WakeReason::Moved, |waiter, after| {
            ends.get(&waiter.person).is_some_and(|end| *end > after)
        });
    }

    /// Wakes the connections of sessions that have ended or are bound to another person.
    pub(super) fn ended<'a>(&self, over: impl Iterator<Item = &'a (SessionId, PersonId)>) {
        let over: HashSet<_> = over.copied().collect();
        if !over.is_empty() {
            self.wake(WakeReason::SignedOut, |waiter, _| {
                over.contains(&(waiter.session, waiter.person))
            });
        }
    }

    fn wake(&self, why: WakeReason, matches: impl Fn(&Waiter, Position) -> bool) {
        for waiter in self.lock().by_number.values_mut() {
            let wakes = waiter.waits.as_ref().is_some_and(|(after, _)| matches(waiter, *after));
            if let Some((_, wake)) = waiter.waits.take_if(|_| wakes) {
                // The receiver may be gone.
                let _ = wake.send(why);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Occupied> {
        self.occupied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Waits for events after a position.
    pub(super) async fn wait(&self, after: Position) -> WakeReason {
        let (wake, woken) = oneshot::channel();
        if let Some(waiter) = self.slots.lock().by_number.get_mut(&self.number) {
            waiter.waits = Some((after, wake));
        }
        self.slots.waiting.notify_one();
        tokio::select! {
            () = self.slots.closed.cancelled() => WakeReason::Closed,
            why = woken => why.unwrap_or(WakeReason::Closed),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut occupied = self.slots.lock();
        let Some(waiter) = occupied.by_number.remove(&self.number) else { return };
        metrics::gauge!("onecard_event_listeners").set(count(occupied.by_number.len()));
        let left =
            occupied.by_session.get(&waiter.session).map_or(0, |slots| slots.saturating_sub(1));
        if left == 0 {
            occupied.by_session.remove(&waiter.session);
        } else {
            occupied.by_session.insert(waiter.session, left);
        }
    }
}

fn count(slots: usize) -> u32 {
    u32::try_from(slots).unwrap_or(u32::MAX)
}
