//! Days that finance looks at: compared again now, and closed by hand.
//!
//! Closing by hand says who found that nothing differs. It forbids nothing: what comes later opens the day
//! again (ADR 0052).

use super::{DayKey, ReconcileError, Reconciliation, alone::IfHeld, day::BillDay, ready_at, store};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError, Tx},
        ids::SchoolId,
    },
    orders::fact::Provider,
    schools::School,
};
use std::time::Duration;
use uuid::Uuid;

/// A bill that is not there by then is late.
const LATE_AFTER: Duration = Duration::from_hours(2);
/// A day is not fetched again so soon.
const PAUSE: Duration = Duration::from_secs(10);

impl BillDay {
    /// The last day whose bill should have been compared by now: each morning after 10:00, with some time for
    /// a provider that is late.
    pub fn due_by(now: Timestamp) -> Day {
        let yesterday = Day::from_number(now.day().number().saturating_sub(1));
        if now >= ready_at(yesterday).plus(LATE_AFTER) {
            yesterday
        } else {
            Day::from_number(yesterday.number().saturating_sub(1))
        }
    }
}

/// How it stands with the bills of a provider at a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillStanding {
    /// The provider.
    pub provider: Provider,
    /// The last day that was compared, and when one was last.
    pub last: Option<(Day, Timestamp)>,
    /// How many days are due whose bills have not come.
    pub missing: u64,
}

impl BillStanding {
    /// Of these providers, which are those of the settings: one query.
    pub async fn of_school(
        db: &Db,
        school: SchoolId,
        (providers, now): (&[Provider], Timestamp),
    ) -> Result<Vec<Self>, DbError> {
        let found = store::of_school(db.into(), school, BillDay::due_by(now)).await?;
        let of = |provider: &Provider| {
            let known = found.iter().find(|one| one.provider == *provider).copied();
            known.unwrap_or(Self { provider: *provider, last: None, missing: 0 })
        };
        Ok(providers.iter().map(of).collect())
    }
}

impl Reconciliation {
    /// A day of a school, by its id.
    pub async fn day(&self, school: SchoolId, id: Uuid) -> Result<Option<BillDay>, DbError> {
        store::by_id((&self.db).into(), school, id).await
    }

    /// A day that was compared.
    pub async fn day_of(&self, key: &DayKey) -> Result<Option<BillDay>, DbError> {
        store::of_key((&self.db).into(), key).await
    }

    /// Whether the school has bills of this merchant, by the settings of now.
    pub fn has_bills_of(&self, school: &School, key: &DayKey) -> bool {
        let source = self.sources.of(&school.code, key.provider);
        source.is_some_and(|source| source.merchant() == key.merchant)
    }

    /// Refuses a day that is or was compared just now, and one whose bill there cannot be.
    pub async fn check_askable(
        &self,
        school: &School,
        provider: Provider,
        day: Day,
    ) -> Result<(), ReconcileError> {
        let (key, now) = (self.key_of(school, provider, day)?, self.clock.now());
        let is_fresh =
            |day: &BillDay| now.distance(day.compared_at) < PAUSE || day.compared_at > now;
        if self.day_of(&key).await?.as_ref().is_some_and(is_fresh) {
            return Err(ReconcileError::JustCompared);
        }
        if self.is_compared_now(&key).await? {
            return Err(ReconcileError::Busy);
        }
        let ready = ready_at(day);
        if now < ready {
            return Err(ReconcileError::TooEarly(ready.to_rfc3339()));
        }
        Ok(())
    }

    /// Compares a day now, which may have been compared before.
    pub async fn compare_now(
        &self,
        school: &School,
        (provider, day): (Provider, Day),
    ) -> Result<BillDay, ReconcileError> {
        self.check_askable(school, provider, day).await?;
        let (room, school) = (self.clone(), school.clone());
        let comparing =
            async move { Box::pin(room.compare_if_free(&school, (provider, day))).await };
        // In a task of its own: the day is compared, and free again, also when the browser has gone away.
        tokio::task::spawn_local(comparing).await.map_err(|_| ReconcileError::CutOff)?
    }

    async fn compare_if_free(
        &self,
        school: &School,
        (provider, day): (Provider, Day),
    ) -> Result<BillDay, ReconcileError> {
        let key = self.key_of(school, provider, day)?;
        let source = self.sources.of(&school.code, provider);
        let source = source.ok_or(ReconcileError::NoSuchProvider)?;
        // Boxed: it is most of what its callers do.
        let comparing = Box::pin(async {
            let bill = self.fetch(source.as_ref(), day).await?;
            self.compare(school, key.clone(), bill, &|_| {}).await
        });
        self.alone(&key, IfHeld::GiveUp, comparing).await?;
        self.day_of(&key).await?.ok_or(ReconcileError::Overtaken)
    }

    /// Closes a day by hand that somebody saw as it was compared at `seen`.
    pub async fn close_by_hand(
        tx: &Tx,
        day: &BillDay,
        seen: Timestamp,
        (by, now): (&str, Timestamp),
    ) -> Result<(), ReconcileError> {
        if day.totals.open_differences > 0 {
            return Err(ReconcileError::StillDiffers(day.totals.open_differences));
        }
        if store::confirm(tx, (day.key.school, day.id), seen, (by, now)).await? {
            Ok(())
        } else {
            Err(ReconcileError::Changed)
        }
    }
}
