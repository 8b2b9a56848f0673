//! Asking adapters what became of attempts of which nobody knows. It opens nothing.

use super::{DoorKeys, LockAnswer, OpenError, Opening, OpeningId, OpeningState, store::openings};
use crate::base::job_runs;
use crate::{
    base::db::{DbError, Source},
    sessions::Student,
};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often due attempts are looked for.
const TURN: Duration = Duration::from_secs(1);
/// The most attempts that are asked about at once.
const AT_ONCE: usize = 32;
/// Longer than a question takes.
const LEASE: Duration = Duration::from_secs(30);
/// A phone that waits does not cause questions faster than this.
const FOR_A_PHONE: Duration = Duration::from_secs(2);

impl DoorKeys {
    /// An attempt of a student. The adapter is asked about one of which nobody knows, at most once in
    /// two seconds.
    pub async fn opening(&self, student: &Student, id: OpeningId) -> Result<Opening, OpenError> {
        let found = openings::opening(Source::Db(&self.db), student.person, id).await?;
        let opening = found.ok_or(OpenError::NoSuchOpening)?;
        if opening.state != OpeningState::Unknown {
            return Ok(opening);
        }
        let now = self.clock.now();
        let since = now.minus(FOR_A_PHONE);
        let take = async |tx: &_| openings::take_look(tx, id, since, now).await;
        if !self.db.in_tx(take).await? {
            return Ok(opening);
        }
        let answer = self.ask(&opening).await?;
        self.record(opening, answer).await
    }

    /// Asks about attempts that are due until the process ends.
    pub async fn keep_asking(self) {
        let mut under_way = JoinSet::new();
        let mut turn = tokio::time::interval(TURN);
        loop {
            turn.tick().await;
            while under_way.try_join_next().is_some() {}
            let free = AT_ONCE.saturating_sub(under_way.len());
            let due = job_runs::noted(self.take_due(free).await).unwrap_or_else(|error| {
                tracing::error!(%error, "attempts at doors could not be taken");
                Vec::new()
            });
            for opening in due {
                under_way.spawn_local(self.clone().ask_in_turn(opening));
            }
        }
    }

    async fn take_due(&self, free: usize) -> Result<Vec<Opening>, DbError> {
        let now = self.clock.now();
        if free == 0 || !openings::is_any_due(&self.db, now).await? {
            return Ok(Vec::new());
        }
        let most = i64::try_from(free).unwrap_or(0);
        self.db.in_tx(async |tx| openings::claim(tx, now, now.plus(LEASE), most).await).await
    }

    async fn ask_in_turn(self, opening: Opening) {
        let id = opening.id;
        if let Err(error) = self.ask_and_plan(opening).await {
            tracing::error!(opening = %id, %error, "an attempt at a door could not be asked about");
        }
    }

    async fn ask_and_plan(&self, opening: Opening) -> Result<(), OpenError> {
        let answer = self.ask(&opening).await?;
        let opening = self.record(opening, answer).await?;
        if opening.state != OpeningState::Unknown {
            return Ok(());
        }
        let next = opening.next_ask(self.clock.now());
        self.db.in_tx(async |tx| openings::ask_again(tx, opening.id, next).await).await?;
        if next.is_none() {
            tracing::warn!(opening = %opening.id, "nobody knows whether a door opened");
        }
        Ok(())
    }

    async fn ask(&self, opening: &Opening) -> Result<LockAnswer, OpenError> {
        let school = self.schools.require(opening.school).await?;
        Ok(match self.vendors.of(&school.code) {
            Some(vendor) => vendor.outcome(opening.id).await,
            // The adapter was taken out of the configuration.
            None => LockAnswer::Unknown,
        })
    }
}
