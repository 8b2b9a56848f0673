//! How the system runs for a school, by what its database says: the same at every server.

use super::StaffDesk;
use crate::{
    base::{
        clock::Timestamp,
        db::DbError,
        outbox::{self, Backlog},
    },
    key_trials::{KeyTrialError, KeyTrialState},
    ledger::SealingState,
    orders::due::ProviderPulse,
    staff_accounts::StaffMember,
};
use std::time::Duration;

/// Work that waits for less is on its way.
const ON_ITS_WAY: Duration = Duration::from_mins(5);
/// Work that waits for longer will not be done by itself.
const STUCK: Duration = Duration::from_hours(1);

/// How something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthLevel {
    /// As it should.
    Well,
    /// Later than it should.
    Late,
    /// Not by itself: somebody must look.
    Stuck,
}

/// How the system runs for a school.
#[derive(Clone, Debug)]
pub struct SchoolHealth {
    /// What is to be told to others, by kind.
    pub outbox: Vec<Backlog>,
    /// How far the ledger is sealed.
    pub sealing: SealingState,
    /// The payment providers.
    pub providers: Vec<ProviderPulse>,
    /// The keys of providers, as they were last tried. They say nothing of how the system runs.
    pub keys: Vec<KeyTrialState>,
    /// When this was so.
    pub now: Timestamp,
}

impl HealthLevel {
    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Late => "late",
            Self::Stuck => "stuck",
        }
    }

    /// Of work that waits since then.
    fn since(at: Option<Timestamp>, now: Timestamp) -> Self {
        match at.map(|at| if at < now { now.distance(at) } else { Duration::ZERO }) {
            Some(waits) if waits >= STUCK => Self::Stuck,
            Some(waits) if waits >= ON_ITS_WAY => Self::Late,
            Some(_) | None => Self::Well,
        }
    }
}

impl SchoolHealth {
    /// How it goes with jobs of a kind.
    pub fn of_backlog(&self, backlog: &Backlog) -> HealthLevel {
        HealthLevel::since(Some(backlog.oldest), self.now)
    }

    /// How it goes with the sealer: batches wait for a second, and are sealed together.
    pub fn of_sealing(&self) -> HealthLevel {
        let waits = self.sealing.waiting > 0;
        HealthLevel::since(self.sealing.sealed_at.filter(|_| waits), self.now)
    }

    /// How it goes with what a provider is asked about.
    pub fn of_provider(&self, provider: &ProviderPulse) -> HealthLevel {
        HealthLevel::since(provider.overdue_since, self.now)
    }

    /// The worst of all.
    pub fn worst(&self) -> HealthLevel {
        let outbox = self.outbox.iter().map(|backlog| self.of_backlog(backlog));
        let providers = self.providers.iter().map(|provider| self.of_provider(provider));
        outbox.chain(providers).fold(self.of_sealing(), HealthLevel::max)
    }
}

impl StaffDesk {
    /// How the system runs for the member's school: four queries.
    pub async fn health(&self, member: &StaffMember) -> Result<SchoolHealth, DbError> {
        let (school, now) = (member.school, self.clock.now());
        Ok(SchoolHealth {
            outbox: outbox::backlog(&self.db, school).await?,
            sealing: SealingState::of_school(&self.db, school).await?,
            providers: ProviderPulse::of_school(&self.db, school, now).await?,
            keys: self.trials.of(school).await?,
            now,
        })
    }

    /// Tries the keys of a provider of the member's school, named by its section of the configuration.
    pub async fn try_keys(
        &self,
        member: &StaffMember,
        provider: &str,
    ) -> Result<KeyTrialState, KeyTrialError> {
        self.trials.try_for(member, provider).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::fact::Provider;

    #[test]
    fn what_waits_is_late_and_then_stuck() {
        let now = Timestamp::from_seconds(1_795_233_600);
        let ago = |minutes| now.minus(Duration::from_mins(minutes));
        let backlog = |minutes| {
            let kind = "refund".to_owned();
            vec![Backlog { kind, waiting: 1, oldest: ago(minutes), tries: 1 }]
        };
        let sealing =
            |waiting, minutes| SealingState { position: 7, sealed_at: Some(ago(minutes)), waiting };
        let provider = |overdue_since| {
            let (provider, heard_at) = (Provider::ALL[0], None);
            vec![ProviderPulse { provider, heard_at, overdue: 1, overdue_since }]
        };
        let quiet = sealing(0, 1000);
        let cases = [
            (vec![], quiet, vec![], HealthLevel::Well),
            (backlog(4), sealing(3, 4), provider(None), HealthLevel::Well),
            (backlog(5), quiet, vec![], HealthLevel::Late),
            (backlog(59), quiet, vec![], HealthLevel::Late),
            (backlog(60), quiet, vec![], HealthLevel::Stuck),
            (vec![], sealing(1, 5), vec![], HealthLevel::Late),
            (vec![], sealing(1, 60), vec![], HealthLevel::Stuck),
            (vec![], quiet, provider(Some(ago(6))), HealthLevel::Late),
            (backlog(6), sealing(1, 6), provider(Some(ago(61))), HealthLevel::Stuck),
        ];
        for (outbox, sealing, providers, worst) in cases {
            let health = SchoolHealth { outbox, sealing, providers, keys: Vec::new(), now };
            assert_eq!(health.worst(), worst, "{health:?}");
        }
    }
}
