//! Delivers a person's events to the person's clients as they happen, by stream or long poll.
//!
//! Invariant: a wait ends within 25 s, when there is an event, when the server stops, and within
//! about a second after its session ended or was bound to another person.
//! Invariant: waiting costs no query per client: one statement checks for all of them.

pub mod http;
mod slots;

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
        ids::PersonId,
        job_runs,
    },
    events::{self, Event, Position},
    sessions::{self, SessionId, Student},
};
use slots::{Slot, Slots};
pub use slots::{TooManyListeners, WakeReason};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The longest wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// The most events in one response.
const PAGE: u64 = 100;
/// The interval of checks for new events, and so the longest delay of an event.
const CHECK_EVERY: Duration = Duration::from_millis(250);
/// How long nobody waits until that is noted as a turn in which nothing was to do.
const QUIET: Duration = Duration::from_secs(15);
/// The sessions are checked once in this many checks.
const SESSIONS_EVERY: u64 = 4;
/// The most persons or sessions in one statement.
const AT_ONCE: usize = 1000;

/// The journey and its dependencies.
#[derive(Clone, Debug)]
pub struct Feed {
    db: Db,
    clock: Arc<dyn Clock>,
    slots: Arc<Slots>,
    longest_wait: Duration,
}

/// A client's subscription to one person's events.
#[derive(Debug)]
pub struct Listener {
    db: Db,
    person: PersonId,
    slot: Slot,
    until: Instant,
    position: Position,
    goes_on: bool,
}

/// Why a client receives no events.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Too many clients are waiting.
    #[error(transparent)]
    TooMany(#[from] TooManyListeners),
    /// The session has ended.
    #[error("the session has ended")]
    SignedOut,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Feed {
    /// No clients are waiting yet; waits are limited to `longest_wait`.
    pub fn new(db: Db, clock: Arc<dyn Clock>, longest_wait: Duration) -> Self {
        Self { db, clock, slots: Arc::default(), longest_wait }
    }

    /// Subscribes a client for the longest wait, starting after the position it has read. A
    /// position past the end belongs to another person, to whom the client was bound before: such a
    /// client starts at the end, like one without a position.
    pub async fn listen(
        &self,
        student: &Student,
        heard: Option<Position>,
    ) -> Result<Listener, FeedError> {
        let slot = self.slots.take(student.session, student.person)?;
        let until = Instant::now() + self.longest_wait;
        let ends = events::ends(&self.db, &[student.person]).await?;
        let end = ends.first().map_or(Position::START, |(_, end)| *end);
        let heard = heard.filter(|heard| *heard <= end);
        let (position, goes_on) = (heard.unwrap_or(end), heard.is_some());
        let (db, person) = (self.db.clone(), student.person);
        Ok(Listener { db, person, slot, until, position, goes_on })
    }

    /// Ends all waits, and all later ones at once.
    pub fn close(&self) {
        self.slots.close();
    }

    /// Notifies waiting clients through `db`, for as long as the process lives.
    pub async fn notify(self, db: Db) {
        let mut turn = tokio::time::interval(CHECK_EVERY);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in 0_u64.. {
            if tokio::time::timeout(QUIET, self.slots.waiting()).await.is_err() {
                job_runs::done();
                continue;
            }
            turn.tick().await;
            let mut checked = self.check_events(&db).await;
            if checked.is_ok() && round % SESSIONS_EVERY == 0 {
                checked = self.check_sessions(&db).await;
            }
            if let Err(error) = job_runs::noted(checked) {
                // The delay is limited: a client that reconnects reads its events itself.
                tracing::warn!(%error, "waiting clients could not be notified");
            }
        }
    }

    async fn check_events(&self, db: &Db) -> Result<(), DbError> {
        let persons: Vec<_> = self.slots.persons().into_iter().collect();
        for some in persons.chunks(AT_ONCE) {
            self.slots.moved_to(&events::ends(db, some).await?);
        }
        Ok(())
    }

    async fn check_sessions(&self, db: &Db) -> Result<(), DbError> {
        let occupied: Vec<_> = self.slots.sessions().into_iter().collect();
        for some in occupied.chunks(AT_ONCE) {
            let sessions: Vec<_> = some.iter().map(|(session, _)| *session).collect();
            let live = sessions::bound_to(db, &sessions, self.clock.now()).await?;
            let live: HashSet<(SessionId, PersonId)> = live.into_iter().collect();
            self.slots.ended(some.iter().filter(|occupied| !live.contains(occupied)));
        }
        Ok(())
    }
}

impl Listener {
    /// The position after the last event returned.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// True if the client continues after a position, false if it starts at the end.
    pub const fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Waits for the next events and returns at most 100, in order; nothing once the wait is over.
    pub async fn next(&mut self) -> Result<Vec<Event>, FeedError> {
        loop {
            let heard = events::after(&self.db, self.person, self.position, PAGE).await?;
            if let Some(last) = heard.last() {
                self.position = last.number;
                return Ok(heard);
            }
            match tokio::time::timeout_at(self.until, self.slot.wait(self.position)).await {
                Ok(WakeReason::Moved) => {}
                Ok(WakeReason::SignedOut) => return Err(FeedError::SignedOut),
                Ok(WakeReason::Closed) | Err(_) => return Ok(Vec::new()),
            }
        }
    }
}
