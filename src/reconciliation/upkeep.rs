//! Each morning after 10:00 the bills of the days before are compared: those that were not, those
//! that are open, and closed ones that got payments or refunds since.

use super::{
    ReconcileError, Reconciliation,
    alone::IfHeld,
    bill::{Bill, BillError, BillSource},
    day::DayKey,
    key_of, ready_at, store,
};
use crate::{
    base::{clock::Day, db::DbError, job_runs},
    orders::fact::Provider,
    schools::School,
};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

/// How often it is looked whether something is due.
const TURN: Duration = Duration::from_mins(15);
/// How many days back. Providers have bills of some months; older days are an operator's.
const DAYS: i32 = 7;

/// What was compared this morning: open days are compared once, those that failed at every turn.
#[derive(Debug, Default)]
pub struct BillMorning {
    yesterday: Option<Day>,
    done: HashSet<DayKey>,
    /// Whether the days are kept whose bills are to come.
    is_waiting: bool,
}

/// The bills of a day that were fetched in this turn: schools of one merchant have one bill.
type FetchedBills = HashMap<(Provider, String), Result<Bill, BillError>>;

impl Reconciliation {
    /// Compares what is due until the process ends.
    pub async fn keep(self) {
        let mut morning = BillMorning::default();
        loop {
            tokio::time::sleep(TURN).await;
            if let Err(error) = job_runs::noted(Box::pin(self.compare_due(&mut morning)).await) {
                tracing::error!(%error, "bills were not compared");
            }
        }
    }

    /// Compares the days that are due, oldest first.
    pub async fn compare_due(&self, morning: &mut BillMorning) -> Result<(), DbError> {
        let yesterday = Day::from_number(self.clock.now().day().number().saturating_sub(1));
        if self.clock.now() < ready_at(yesterday) {
            return Ok(());
        }
        if morning.yesterday != Some(yesterday) {
            *morning = BillMorning { yesterday: Some(yesterday), ..BillMorning::default() };
        }
        let schools = self.schools.list().await?;
        if !morning.is_waiting {
            self.wait_for_all(&schools, yesterday).await?;
            morning.is_waiting = true;
        }
        for back in (0..DAYS).rev() {
            let day = Day::from_number(yesterday.number().saturating_sub(back));
            let mut fetched = FetchedBills::new();
            for school in &schools {
                for provider in self.sources.providers(&school.code) {
                    let Some(source) = self.sources.of(&school.code, provider) else { continue };
                    let key = key_of(school, source.as_ref(), day);
                    if !self.is_due(&key, morning).await? {
                        continue;
                    }
                    let comparing = self.compare_fetched(school, source, &key, &mut fetched);
                    let comparing = Box::pin(comparing);
                    match self.alone(&key, IfHeld::GiveUp, comparing).await {
                        Ok(()) => drop(morning.done.insert(key)),
                        Err(error) => tell(school, &key, &error),
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the days whose bills are to come, of all schools.
    async fn wait_for_all(&self, schools: &[Arc<School>], yesterday: Day) -> Result<(), DbError> {
        for school in schools {
            for provider in self.sources.providers(&school.code) {
                let Some(source) = self.sources.of(&school.code, provider) else { continue };
                self.wait_for_bills(&key_of(school, source.as_ref(), yesterday)).await?;
            }
        }
        Ok(())
    }

    async fn compare_fetched(
        &self,
        school: &School,
        source: &Arc<dyn BillSource>,
        key: &DayKey,
        fetched: &mut FetchedBills,
    ) -> Result<(), ReconcileError> {
        let bill = match fetched.entry((key.provider, key.merchant.clone())) {
            Entry::Occupied(fetched) => fetched.get().clone(),
            Entry::Vacant(place) => {
                place.insert(source.bill(key.day, self.clock.now()).await).clone()
            }
        }?;
        self.compare(school, key.clone(), bill, &|_| {}).await.map(drop)
    }

    async fn is_due(&self, key: &DayKey, morning: &BillMorning) -> Result<bool, DbError> {
        let db = || (&self.db).into();
        let Some(day) = store::compared(db(), key).await? else { return Ok(true) };
        let is_tried = morning.done.contains(key);
        Ok((!day.is_closed && !is_tried) || day.is_changed(db(), key).await?)
    }
}

fn tell(school: &School, key: &DayKey, error: &ReconcileError) {
    let waits = matches!(error, ReconcileError::Bill(BillError::NotReady) | ReconcileError::Busy);
    let (school, provider, day) = (school.code.as_str(), key.provider.code(), key.day);
    tracing::warn!(school, provider, %day, %error, waits, "a bill was not compared");
}
