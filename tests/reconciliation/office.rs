//! A finance office: a deployment, and the program's reconciliation on another morning.

use onecard::{
    app::App,
    base::{
        clock::{Clock, Day, ManualClock, Timestamp},
        ids::SchoolId,
    },
    orders::fact::Provider,
    reconciliation::{
        BillSource, BillSources, FoundDifference, ReconcileError, Reconciliation, Totals,
    },
    schools::School,
    wiring::Settings,
};
use std::{sync::Arc, time::Duration};
use testkit::World;

/// The program, as it stands on a later morning.
pub struct Office {
    app: App,
    pub room: Reconciliation,
    pub clock: Arc<ManualClock>,
}

impl Office {
    /// Opens at `now`, beside the deployment's server.
    pub async fn open(world: &World, now: Timestamp) -> Self {
        let settings = world.settings("http://127.0.0.1:1").into_iter();
        let settings = Settings::load(None, settings).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let app = App::build(settings, Arc::clone(&clock) as Arc<dyn Clock>).await.unwrap();
        let room = app.journeys.reconciliation.clone();
        Self { app, room, clock }
    }

    /// Takes bills from `source`.
    pub fn take_bills_from(&mut self, source: Arc<dyn BillSource>) {
        let mut sources = BillSources::default();
        sources.add_general(source);
        self.room.sources = Arc::new(sources);
    }

    pub async fn school(&self, code: &str) -> Arc<School> {
        self.app.journeys.schools.by_code(code).await.unwrap().unwrap()
    }

    pub async fn compare(&self, code: &str, day: Day) -> Result<Totals, ReconcileError> {
        let school = self.school(code).await;
        self.room.reconcile(&school, Provider::WechatPay, day, &|_| {}).await
    }

    /// What is open or waits on a day.
    pub async fn found(&self, code: &str, day: Day) -> Vec<FoundDifference> {
        let school = self.school(code).await;
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page =
                self.room.differences(&school, Provider::WechatPay, day, after).await.unwrap();
            let Some((last, _)) = page.last() else { return all };
            after = Some(*last);
            all.extend(page.into_iter().map(|(_, found)| found));
        }
    }
}

/// Noon of the day after.
pub fn noon_after(day: Day) -> Timestamp {
    day.next().start().plus(Duration::from_hours(12))
}

pub async fn school_id(world: &World, code: &str) -> SchoolId {
    SchoolId::from_number(world.rows.school(code).await)
}
