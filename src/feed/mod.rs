//! What a signed-in client hears as it happens: its person's events, waited for.
//!
//! Invariant: a wait ends within 25 s, when something was told, when the server stops, and within
//! about a second after its session has ended or is somebody else's.
//! Invariant: whoever waits costs no query of their own: one statement looks for all of them.

pub mod http;
mod seats;

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
        ids::PersonId,
    },
    events::{self, Event, Position},
    sessions::{self, SessionId, Student},
};
pub use seats::{Full, Why};
use seats::{Seat, Seats};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The longest wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// At most so many events in one answer.
const PAGE: u64 = 100;
/// How late, at most, somebody who waits is told.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Every so many looks, the sessions are looked at too.
const SESSIONS_EVERY: u64 = 4;
/// Of so many who wait in one statement.
const AT_ONCE: usize = 1000;

/// The journey and what it owns.
#[derive(Clone, Debug)]
pub struct Feed {
    db: Db,
    clock: Arc<dyn Clock>,
    seats: Arc<Seats>,
    longest_wait: Duration,
}

/// Somebody who hears of one person's events.
#[derive(Debug)]
pub struct Listener {
    db: Db,
    person: PersonId,
    seat: Seat,
    until: Instant,
    position: Position,
    goes_on: bool,
}

/// Why somebody heard nothing.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Too many wait.
    #[error(transparent)]
    Full(#[from] Full),
    /// The session has ended.
    #[error("the session has ended")]
    SignedOut,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Feed {
    /// Nobody waits yet; nobody will wait longer.
    pub fn new(db: Db, clock: Arc<dyn Clock>, longest_wait: Duration) -> Self {
        Self { db, clock, seats: Arc::default(), longest_wait }
    }

    /// Seats somebody for the longest wait, to go on where they say that they have heard so much. A
    /// position past the end is another person's, to whom the same client was bound before: they
    /// begin now, like those who have heard nothing yet.
    pub async fn listen(
        &self,
        student: &Student,
        heard: Option<Position>,
    ) -> Result<Listener, FeedError> {
        let seat = self.seats.take(student.session, student.person)?;
        let until = Instant::now() + self.longest_wait;
        let ends = events::ends(&self.db, &[student.person]).await?;
        let end = ends.first().map_or(Position::START, |(_, end)| *end);
        let heard = heard.filter(|heard| *heard <= end);
        let (position, goes_on) = (heard.unwrap_or(end), heard.is_some());
        let (db, person) = (self.db.clone(), student.person);
        Ok(Listener { db, person, seat, until, position, goes_on })
    }

    /// Lets go everybody who waits; from now on nobody does.
    pub fn close(&self) {
        self.seats.close();
    }

    /// Tells those who wait, by the connections of `db`, for as long as the process lives.
    pub async fn tell(self, db: Db) {
        let mut turn = tokio::time::interval(LOOK_EVERY);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for look in 0_u64.. {
            self.seats.somebody().await;
            turn.tick().await;
            let mut looked = self.look_for_events(&db).await;
            if looked.is_ok() && look % SESSIONS_EVERY == 0 {
                looked = self.look_at_sessions(&db).await;
            }
            if let Err(error) = looked {
                // Nobody is told late for ever: whoever comes again reads for themselves.
                tracing::warn!(%error, "those who wait for events could not be told");
            }
        }
    }

    async fn look_for_events(&self, db: &Db) -> Result<(), DbError> {
        let persons: Vec<_> = self.seats.persons().into_iter().collect();
        for some in persons.chunks(AT_ONCE) {
            self.seats.moved_to(&events::ends(db, some).await?);
        }
        Ok(())
    }

    async fn look_at_sessions(&self, db: &Db) -> Result<(), DbError> {
        let seated: Vec<_> = self.seats.sessions().into_iter().collect();
        for some in seated.chunks(AT_ONCE) {
            let sessions: Vec<_> = some.iter().map(|(session, _)| *session).collect();
            let live = sessions::bound_to(db, &sessions, self.clock.now()).await?;
            let live: HashSet<(SessionId, PersonId)> = live.into_iter().collect();
            self.seats.ended(some.iter().filter(|seated| !live.contains(seated)));
        }
        Ok(())
    }
}

impl Listener {
    /// So much is heard.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// True where they go on with what they heard before, false where they begin now.
    pub const fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// What comes next, oldest first and at most 100 at a time, waited for; nothing where the wait
    /// is over.
    pub async fn next(&mut self) -> Result<Vec<Event>, FeedError> {
        loop {
            let heard = events::after(&self.db, self.person, self.position, PAGE).await?;
            if let Some(last) = heard.last() {
                self.position = last.number;
                return Ok(heard);
            }
            match tokio::time::timeout_at(self.until, self.seat.wait(self.position)).await {
                Ok(Why::Moved) => {}
                Ok(Why::SignedOut) => return Err(FeedError::SignedOut),
                Ok(Why::Closed) | Err(_) => return Ok(Vec::new()),
            }
        }
    }
}
