//! Each morning after 10:00 the bills of the days before are compared: those that were not, those
//! that are open, and closed ones that got payments since.

use super::{ReconcileError, Reconciliation, bill::BillError, ready_at, store};
use crate::{base::clock::Day, orders::fact::Provider, schools::School};
use std::time::Duration;

/// How often it is looked whether something is due.
const TURN: Duration = Duration::from_mins(15);
/// How many days back. Providers have bills of some months; older days are an operator's.
const DAYS: i32 = 7;

impl Reconciliation {
    /// Compares what is due until the process ends.
    pub async fn keep(self) {
        let mut tried = None;
        loop {
            tokio::time::sleep(TURN).await;
            let yesterday = Day::from_number(self.clock.now().day().number().saturating_sub(1));
            if self.clock.now() < ready_at(yesterday) {
                continue;
            }
            // Open days are compared once a morning; days that were never compared, because there was no
            // bill, at every turn.
            let again = tried == Some(yesterday);
            match self.compare_due(yesterday, again).await {
                Ok(()) => tried = Some(yesterday),
                Err(error) => tracing::error!(%error, "bills were not compared"),
            }
        }
    }

    /// Compares the days that are due.
    async fn compare_due(&self, yesterday: Day, again: bool) -> Result<(), ReconcileError> {
        for school in self.schools.list().await? {
            for provider in self.sources.providers(&school.code) {
                for back in (0..DAYS).rev() {
                    let day = Day::from_number(yesterday.number().saturating_sub(back));
                    if !self.is_due(&school, provider, day, again).await? {
                        continue;
                    }
                    if let Err(error) = self.reconcile(&school, provider, day, &|_| {}).await {
                        let waits = matches!(error, ReconcileError::Bill(BillError::NotReady));
                        let (school, provider) = (school.code.as_str(), provider.code());
                        tracing::warn!(school, provider, %day, %error, waits, "a bill was not compared");
                    }
                }
            }
        }
        Ok(())
    }

    async fn is_due(
        &self,
        school: &School,
        provider: Provider,
        day: Day,
        again: bool,
    ) -> Result<bool, ReconcileError> {
        let Some(source) = self.sources.of(&school.code, provider) else { return Ok(false) };
        let key = super::key_of(school, source.as_ref(), day);
        let db = || (&self.db).into();
        if !store::was_compared(db(), &key, day).await? {
            return Ok(true);
        }
        let is_closed = store::is_closed(db(), &key).await?;
        Ok((!is_closed && !again) || store::is_changed(db(), &key).await?)
    }
}
