//! Reconciliation: the provider's bill of a day, compared with our payments and the ledger row by
//! row.
//!
//! Invariant: a comparison credits nobody. A payment that the provider has and we do not is asked
//! about, and the provider's answer is settled as any other.
//! Invariant: a fee or coupon posts once, by the provider's number of its payment or refund.
//! Invariant: a person's balance is corrected only by what two persons agreed on, once for each request.
//! Invariant: a day is compared by one at a time.
//! Absent on purpose: a day that forbids anything. A late row opens a closed day again.

mod alone;
pub mod audit;
mod awaited;
mod bill;
mod by_hand;
mod compare;
mod day;
mod difference;
pub mod export;
mod known;
pub mod listing;
mod ours;
mod postings;
mod questions;
mod repair;
mod run;
mod sheet;
mod store;
mod upkeep;

pub use bill::{
    BadBill, Bill, BillEntry, BillError, BillRow, BillRows, BillSource, BilledRefund, Fee,
    FundFlow, Rate,
};
pub use by_hand::BillStanding;
pub use day::{
    Apart, BillDay, DayKey, DayState, FoundDifference, FoundState, OpenDays, RowsDone, Totals,
};
pub use difference::{Difference, Differs, Repair};
pub use repair::{ProposedRepair, RepairError};
pub use run::BatchError;
pub use sheet::Sheet;
pub use upkeep::BillMorning;

use crate::{
    base::{
        clock::{Clock, Day, Timestamp},
        db::{Db, DbError, Keyset, TxError},
    },
    orders::fact::Provider,
    payments::Payments,
    schools::{School, Schools},
};
use alone::IfHeld;
use run::Run;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::Notify;
use uuid::Uuid;

/// When the bill of a day may be asked for, after its end: providers have it by 10:00.
const READY_AFTER: Duration = Duration::from_hours(10);
/// How many differences are read at a time.
const PAGE: u16 = 500;

/// Where the bills of each school come from.
#[derive(Clone, Debug, Default)]
pub struct BillSources {
    general: HashMap<Provider, Arc<dyn BillSource>>,
    of_schools: HashMap<(String, Provider), Arc<dyn BillSource>>,
}

impl BillSources {
    /// Adds the source of schools without one of their own.
    pub fn add_general(&mut self, source: Arc<dyn BillSource>) {
        self.general.insert(source.provider(), source);
    }

    /// Adds the source of one school, by its code.
    pub fn add_of_school(&mut self, school_code: &str, source: Arc<dyn BillSource>) {
        self.of_schools.insert((school_code.to_owned(), source.provider()), source);
    }

    /// The source of a school's bills.
    pub fn of(&self, school_code: &str, provider: Provider) -> Option<&Arc<dyn BillSource>> {
        let own = self.of_schools.get(&(school_code.to_owned(), provider));
        own.or_else(|| self.general.get(&provider))
    }

    /// The providers that a school has bills of.
    fn providers(&self, school_code: &str) -> Vec<Provider> {
        let own = self.of_schools.keys().filter(|(code, _)| code == school_code);
        let mut all: Vec<_> =
            own.map(|(_, provider)| *provider).chain(self.general.keys().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Why a day was not compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The school does not take payments through this provider.
    #[error("the school has no such payment provider, or its bills cannot be read yet")]
    NoSuchProvider,
    /// The day has not ended, or its bill cannot be there yet.
    #[error("the bill of that day can be asked for from {0} on")]
    TooEarly(String),
    /// There is no bill.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// The bill cannot be read again.
    #[error("the bill: {0}")]
    Row(#[from] BadBill),
    /// A batch was not stored.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A later comparison of the day began meanwhile: what it comes to is what counts.
    #[error("another comparison of that day has begun meanwhile, and its outcome counts")]
    Overtaken,
    /// Somebody compares the day just now.
    #[error("the day is being compared just now")]
    Busy,
    /// It was compared within the last seconds.
    #[error("it was compared just now")]
    JustCompared,
    /// So much differs on a day that is to be closed.
    #[error("{0} differences are open")]
    StillDiffers(u64),
    /// The day was compared again or closed meanwhile.
    #[error("the day has changed")]
    Changed,
    /// The comparison broke off.
    #[error("the comparison broke off")]
    CutOff,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for ReconcileError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Batch(error) => error.db(),
            Self::NoSuchProvider
            | Self::TooEarly(_)
            | Self::Bill(_)
            | Self::Row(_)
            | Self::Overtaken
            | Self::Busy
            | Self::JustCompared
            | Self::StillDiffers(_)
            | Self::Changed
            | Self::CutOff => None,
        }
    }
}

impl ReconcileError {
    /// The same; a day that is lost to a later comparison is named so.
    fn of_run(self) -> Self {
        let lost = matches!(
            self,
            Self::Batch(BatchError::Db(DbError::Raced { table: "bill_day" }))
                | Self::Db(DbError::Raced { table: "bill_day" })
        );
        if lost { Self::Overtaken } else { self }
    }
}

/// Compares bills with our books.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// Days, rows and differences; payments, as they are stored.
    pub db: Db,
    /// Names.
    pub schools: Arc<Schools>,
    /// Where bills come from.
    pub sources: Arc<BillSources>,
    /// Asks about missing credits.
    pub payments: Payments,
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Woken after postings.
    pub sealer: Arc<Notify>,
}

impl Reconciliation {
    /// Fetches the bill of a day and compares it. May be done again at any time: what compares the day already
    /// is overtaken.
    pub async fn reconcile(
        &self,
        school: &School,
        provider: Provider,
        day: Day,
        progress: &dyn Fn(RowsDone),
    ) -> Result<Totals, ReconcileError> {
        let source = self.sources.of(&school.code, provider);
        let source = source.ok_or(ReconcileError::NoSuchProvider)?;
        let key = key_of(school, source.as_ref(), day);
        // Boxed: it is most of what its callers do.
        let comparing = Box::pin(async {
            let bill = self.fetch(source.as_ref(), day).await?;
            self.compare(school, key.clone(), bill, progress).await
        });
        self.alone(&key, IfHeld::TakeOver, comparing).await
    }

    /// Fetches the bill of a day, if it can be there.
    async fn fetch(&self, source: &dyn BillSource, day: Day) -> Result<Bill, ReconcileError> {
        let (now, ready) = (self.clock.now(), ready_at(day));
        if now < ready {
            return Err(ReconcileError::TooEarly(ready.to_rfc3339()));
        }
        Ok(source.bill(day, now).await?)
    }

    /// Compares a bill that was fetched.
    async fn compare(
        &self,
        school: &School,
        key: DayKey,
        bill: Bill,
        progress: &dyn Fn(RowsDone),
    ) -> Result<Totals, ReconcileError> {
        let (provider, day) = (key.provider, key.day);
        let mut run = Run::begin(self, school, key).await?;
        run.compare(bill, progress).await.map_err(ReconcileError::of_run)?;
        let totals = run.finish().await.map_err(ReconcileError::of_run)?;
        tell(school, provider, day, &totals);
        Ok(totals)
    }

    /// What differs on a day, or did, in pages of some hundred; from after `after`. Those that have ended are
    /// among them where `with_ended` says so.
    pub async fn differences(
        &self,
        key: &DayKey,
        after: Option<Uuid>,
        with_ended: bool,
    ) -> Result<Vec<(Uuid, FoundDifference)>, DbError> {
        let page = Keyset { beyond: after, descending: false, most: PAGE };
        let page = store::differences((&self.db).into(), key, with_ended, page).await?;
        Ok(page.into_iter().map(|stored| (stored.id, stored.found)).collect())
    }

    /// The key of a day.
    pub fn key_of(
        &self,
        school: &School,
        provider: Provider,
        day: Day,
    ) -> Result<DayKey, ReconcileError> {
        let source = self.sources.of(&school.code, provider);
        let source = source.ok_or(ReconcileError::NoSuchProvider)?;
        Ok(key_of(school, source.as_ref(), day))
    }
}

fn key_of(school: &School, source: &dyn BillSource, day: Day) -> DayKey {
    let (provider, merchant) = (source.provider(), source.merchant().to_owned());
    DayKey { school: school.id, provider, merchant, day }
}

/// From when on the bill of a day may be asked for: 10:00 on the next.
fn ready_at(day: Day) -> Timestamp {
    day.next().start().plus(READY_AFTER)
}

fn tell(school: &School, provider: Provider, day: Day, totals: &Totals) {
    let (school, provider) = (school.code.as_str(), provider.code());
    let Totals { open_differences, repaired, late_rows, unasked, .. } = totals;
    if totals.is_reopened {
        tracing::warn!(
            school, provider, %day, late_rows, open_differences,
            "a closed day has late rows or differences"
        );
    }
    if *unasked > 0 {
        tracing::warn!(
            school, provider, %day, unasked,
            "the provider was not asked about all differences: it limits our rate or gives no answers"
        );
    }
    let state = totals.state().code();
    tracing::info!(school, provider, %day, state, open_differences, repaired, "bill compared");
    metrics::counter!("onecard_bill_days_total", "state" => state).increment(1);
    metrics::counter!("onecard_bill_differences_total").increment(*open_differences);
}
