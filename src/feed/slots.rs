//! Who waits, and for what.

use crate::{base::ids::PersonId, events::Position, sessions::SessionId};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

/// Of one session: a client that comes back before its old connection is found dead.
const MOST_OF_SESSION: usize = 4;
/// Of one server.
const MOST: usize = 10_000;

/// Why somebody may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The session has as many connections as it may have.
    #[error("the session waits too often already")]
    Session,
    /// The server has.
    #[error("too many wait already")]
    Server,
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is something after the position.
    Moved,
    /// The session has ended, or is bound to somebody else.
    SignedOut,
    /// The server stops.
    Closed,
}

/// Everybody who waits at this server.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<Taken>,
    closed: CancellationToken,
    somebody: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    last: u64,
    by_number: HashMap<u64, Sitter>,
    by_session: HashMap<SessionId, usize>,
}

#[derive(Debug)]
struct Sitter {
    session: SessionId,
    person: PersonId,
    /// Only while somebody waits; between two waits a seat is kept.
    waits: Option<(Position, oneshot::Sender<Why>)>,
}

/// A place among those who wait, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
}

impl Seats {
    pub(super) fn take(
        self: &Arc<Self>,
        session: SessionId,
        person: PersonId,
    ) -> Result<Seat, Full> {
        let mut taken = self.lock();
        if taken.by_number.len() >= MOST {
            return Err(Full::Server);
        }
        let of_session = taken.by_session.entry(session).or_default();
        if *of_session >= MOST_OF_SESSION {
            return Err(Full::Session);
        }
        *of_session += 1;
        taken.last = taken.last.wrapping_add(1);
        let number = taken.last;
        taken.by_number.insert(number, Sitter { session, person, waits: None });
        metrics::gauge!("onecard_event_listeners").set(count(taken.by_number.len()));
        Ok(Seat { seats: Arc::clone(self), number })
    }

    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    /// Returns once somebody waits.
    pub(super) async fn somebody(&self) {
        while !self.lock().by_number.values().any(|sitter| sitter.waits.is_some()) {
            self.somebody.notified().await;
        }
    }

    /// Whose events are waited for.
    pub(super) fn persons(&self) -> HashSet<PersonId> {
        let taken = self.lock();
        let waiting = taken.by_number.values().filter(|sitter| sitter.waits.is_some());
        waiting.map(|sitter| sitter.person).collect()
    }

    /// Who sits here in whose name.
    pub(super) fn sessions(&self) -> HashSet<(SessionId, PersonId)> {
        let taken = self.lock();
        taken.by_number.values().map(|sitter| (sitter.session, sitter.person)).collect()
    }

    /// Where the events of these persons end now.
    pub(super) fn moved_to(&self, ends: &[(PersonId, Position)]) {
        let ends: HashMap<_, _> = ends.iter().copied().collect();
        self.wake(Why::Moved, |sitter, after| {
            ends.get(&sitter.person).is_some_and(|end| *end > after)
        });
    }

    /// These sessions are over, or are bound to somebody else.
    pub(super) fn ended<'a>(&self, over: impl Iterator<Item = &'a (SessionId, PersonId)>) {
        let over: HashSet<_> = over.copied().collect();
        if !over.is_empty() {
            self.wake(Why::SignedOut, |sitter, _| over.contains(&(sitter.session, sitter.person)));
        }
    }

    fn wake(&self, why: Why, whom: impl Fn(&Sitter, Position) -> bool) {
        for sitter in self.lock().by_number.values_mut() {
            let wakes = sitter.waits.as_ref().is_some_and(|(after, _)| whom(sitter, *after));
            if let Some((_, told)) = sitter.waits.take_if(|_| wakes) {
                // Who has gone meanwhile need not be told.
                let _ = told.send(why);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits for something after a position.
    pub(super) async fn wait(&self, after: Position) -> Why {
        let (told, hears) = oneshot::channel();
        if let Some(sitter) = self.seats.lock().by_number.get_mut(&self.number) {
            sitter.waits = Some((after, told));
        }
        self.seats.somebody.notify_one();
        tokio::select! {
            () = self.seats.closed.cancelled() => Why::Closed,
            why = hears => why.unwrap_or(Why::Closed),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        let Some(sitter) = taken.by_number.remove(&self.number) else { return };
        metrics::gauge!("onecard_event_listeners").set(count(taken.by_number.len()));
        let left = taken.by_session.get(&sitter.session).map_or(0, |seats| seats.saturating_sub(1));
        if left == 0 {
            taken.by_session.remove(&sitter.session);
        } else {
            taken.by_session.insert(sitter.session, left);
        }
    }
}

fn count(seats: usize) -> u32 {
    u32::try_from(seats).unwrap_or(u32::MAX)
}
