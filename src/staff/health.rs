//! How the system runs for a school, by what its database says: the same at every server.

use super::StaffDesk;
use crate::{
    audit::LedgerCheck,
    base::{
        clock::Timestamp,
        db::DbError,
        job_runs::JobRun,
        outbox::{self, Backlog, RefusedGroup},
    },
    key_trials::{KeyTrialError, KeyTrialState},
    ledger::SealingState,
    messages::FailedMessages,
    orders::{due::ProviderPulse, fact::Provider},
    reconciliation::{BillDay, BillStanding},
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
    /// The payment providers that are configured, and others of which payments are not answered for.
    pub providers: Vec<ProviderPulse>,
    /// The bills of the providers that are configured.
    pub bills: Vec<BillStanding>,
    /// The work in the background, of all schools.
    pub jobs: Vec<JobRun>,
    /// What the last check of the whole ledger found.
    pub check: Option<LedgerCheck>,
    /// What others refused for ever, by kind and reason.
    pub refused: Vec<RefusedGroup>,
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

    /// How it goes with the bills of a provider: each morning one is due. Of a provider of which there never was
    /// anything nothing is due.
    pub fn of_bills(&self, bills: &BillStanding) -> HealthLevel {
        let behind = bills.last.map(|(day, _)| BillDay::due_by(self.now).number() - day.number());
        match (behind.unwrap_or(0), bills.missing) {
            (..=0, 0) => HealthLevel::Well,
            (..=1, ..=1) => HealthLevel::Late,
            _ => HealthLevel::Stuck,
        }
    }

    /// How it goes with a job: it is tried again by itself.
    pub fn of_job(&self, job: &JobRun) -> HealthLevel {
        HealthLevel::since(job.failing_since, self.now)
    }

    /// How it goes with the ledger by its last check.
    pub fn of_check(&self) -> HealthLevel {
        let is_broken = self.check.is_some_and(|check| !check.holds);
        if is_broken { HealthLevel::Stuck } else { HealthLevel::Well }
    }

    /// The worst of all. What others refused for ever waits for nobody.
    pub fn worst(&self) -> HealthLevel {
        let outbox = self.outbox.iter().map(|backlog| self.of_backlog(backlog));
        let providers = self.providers.iter().map(|provider| self.of_provider(provider));
        let bills = self.bills.iter().map(|bills| self.of_bills(bills));
        let jobs = self.jobs.iter().map(|job| self.of_job(job));
        let all = outbox.chain(providers).chain(bills).chain(jobs).chain([self.of_check()]);
        all.fold(self.of_sealing(), HealthLevel::max)
    }
}

impl StaffDesk {
    /// How the system runs for the member's school: eight queries.
    pub async fn health(&self, member: &StaffMember) -> Result<SchoolHealth, DbError> {
        let (school, now) = (member.school, self.clock.now());
        let keys = self.trials.of(school).await?;
        let configured: Vec<Provider> =
            keys.iter().filter_map(|key| Provider::from_code(key.section)).collect();
        let mut providers = ProviderPulse::of_school(&self.db, school, now).await?;
        providers.retain(|pulse| configured.contains(&pulse.provider) || pulse.overdue > 0);
        Ok(SchoolHealth {
            outbox: outbox::backlog(&self.db, school).await?,
            sealing: SealingState::of_school(&self.db, school).await?,
            providers,
            bills: BillStanding::of_school(&self.db, school, (&configured, now)).await?,
            jobs: JobRun::all(&self.db, now).await?,
            check: LedgerCheck::last(&self.db).await?,
            refused: FailedMessages::groups(&self.db, school).await?,
            keys,
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
    use crate::base::clock::Day;

    #[test]
    fn what_waits_is_late_and_then_stuck() {
        let now = Timestamp::from_seconds(1_795_233_600);
        let ago = |minutes| now.minus(Duration::from_mins(minutes));
        let backlog = |minutes| {
            let kind = "refund".to_owned();
            vec![Backlog { kind, waiting: 1, oldest: ago(minutes), tries: 1 }]
        };
        let sealing = |waiting, minutes| SealingState {
            position: 7,
            sealed_at: Some(ago(minutes)),
            hash: None,
            waiting,
        };
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
            let health = SchoolHealth { outbox, sealing, providers, ..quiet_school(now) };
            assert_eq!(health.worst(), worst, "{health:?}");
        }
        let broken = Some(LedgerCheck { at: now, holds: false });
        let health = SchoolHealth { check: broken, ..quiet_school(now) };
        assert_eq!(health.worst(), HealthLevel::Stuck, "{health:?}");
    }

    fn quiet_school(now: Timestamp) -> SchoolHealth {
        SchoolHealth {
            outbox: Vec::new(),
            sealing: SealingState { position: 0, sealed_at: None, hash: None, waiting: 0 },
            providers: Vec::new(),
            bills: Vec::new(),
            jobs: Vec::new(),
            check: None,
            refused: Vec::new(),
            keys: Vec::new(),
            now,
        }
    }

    #[test]
    fn a_bill_is_due_at_noon_of_the_next_day() {
        let day: Day = "2026-11-28".parse().unwrap();
        let hour = |hours| day.next().start().plus(Duration::from_hours(hours));
        let compared = |back| Day::from_number(day.number() - back);
        let cases = [
            (hour(11), 0, HealthLevel::Well),
            (hour(11), 1, HealthLevel::Well),
            (hour(12), 0, HealthLevel::Well),
            (hour(12), 1, HealthLevel::Late),
            (hour(12), 2, HealthLevel::Stuck),
            (hour(11), 2, HealthLevel::Late),
        ];
        for (now, back, level) in cases {
            let (provider, last) = (Provider::ALL[0], Some((compared(back), now)));
            let bills = vec![BillStanding { provider, last, missing: 0 }];
            let health = SchoolHealth { bills, ..quiet_school(now) };
            assert_eq!(health.worst(), level, "{health:?}");
        }
    }

    #[test]
    fn a_bill_that_is_missing_is_late_and_two_are_stuck() {
        let now = Timestamp::from_seconds(1_795_233_600);
        let due = BillDay::due_by(now);
        let cases = [
            (None, 0, HealthLevel::Well),
            (None, 1, HealthLevel::Late),
            (None, 2, HealthLevel::Stuck),
            (Some(due), 1, HealthLevel::Late),
            (Some(due), 2, HealthLevel::Stuck),
        ];
        for (day, missing, level) in cases {
            let last = day.map(|day| (day, now));
            let bills = vec![BillStanding { provider: Provider::ALL[0], last, missing }];
            let health = SchoolHealth { bills, ..quiet_school(now) };
            assert_eq!(health.worst(), level, "{health:?}");
        }
    }

    #[test]
    fn a_job_that_fails_for_an_hour_is_stuck() {
        let now = Timestamp::from_seconds(1_795_233_600);
        let ago = |minutes| now.minus(Duration::from_mins(minutes));
        for (failing_since, level) in [
            (None, HealthLevel::Well),
            (Some(ago(4)), HealthLevel::Well),
            (Some(ago(5)), HealthLevel::Late),
            (Some(ago(60)), HealthLevel::Stuck),
        ] {
            let job = JobRun {
                name: "sweep".to_owned(),
                done_at: Some(ago(90)),
                failed: None,
                failing_since,
            };
            let health = SchoolHealth { jobs: vec![job], ..quiet_school(now) };
            assert_eq!(health.worst(), level, "{health:?}");
        }
    }
}
