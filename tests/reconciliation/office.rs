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
use testkit::{Student, World, now, wish_by};

/// The program, as it stands on a later morning.
pub struct Office {
    app: App,
    pub room: Reconciliation,
    pub clock: Arc<ManualClock>,
    /// Whose bills are compared.
    pub provider: Provider,
}

impl Office {
    /// Opens at `now`, beside the deployment's server.
    pub async fn open(world: &World, now: Timestamp) -> Self {
        Self::open_with(world.settings("http://127.0.0.1:1"), now).await
    }

    /// Opens with these settings.
    pub async fn open_with(settings: Vec<(String, String)>, now: Timestamp) -> Self {
        Self::of(Settings::load(None, settings.into_iter()).unwrap(), now).await
    }

    /// Opens a deployment with these settings.
    pub async fn of(settings: Settings, now: Timestamp) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let ticks: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let app = App::build(settings, ticks).await.unwrap();
        let room = app.journeys.reconciliation.clone();
        Self { app, room, clock, provider: Provider::WechatPay }
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
        self.room.reconcile(&school, self.provider, day, &|_| {}).await
    }

    /// What is open or waits on a day.
    pub async fn found(&self, code: &str, day: Day) -> Vec<FoundDifference> {
        let school = self.school(code).await;
        let key = self.room.key_of(&school, self.provider, day).unwrap();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.room.differences(&key, after, false).await.unwrap();
            let Some((last, _)) = page.last() else { return all };
            after = Some(*last);
            all.extend(page.into_iter().map(|(_, found)| found));
        }
    }
}

/// A payment of ¥50 by this provider, of which we were told or not, and its student.
pub async fn paid(world: &World, provider: Provider, is_told: bool) -> (Student, String) {
    let student = match provider {
        Provider::WechatPay => world.student(0).await,
        Provider::Alipay => world.alipay_student(0).await,
    };
    let wish = wish_by(provider.code(), 5000);
    let order = student.order_with(&wish, "first").await.unwrap().body(201);
    let number = world.out_trade_no(&order).await;
    match provider {
        Provider::WechatPay => {
            if !is_told {
                world.pay().drop_callbacks(&number).unwrap();
            }
            world.pay().pay(&number).unwrap();
            if is_told {
                world.until(&number, |payment| payment.accepted == 1).await;
            }
        }
        Provider::Alipay => {
            if !is_told {
                world.alipay().drop_callbacks(&number).unwrap();
            }
            world.alipay().pay(&number).unwrap();
            if is_told {
                world.alipay().until(&number, |trade| trade.accepted == 1).await;
            }
        }
    }
    (student, number)
}

/// The office of a provider at noon of the next day, to which the sandbox's clock is moved as well.
pub async fn next_noon(world: &World, provider: Provider) -> (Office, Day) {
    let day = now().day();
    let noon = noon_after(day);
    let ahead = chrono::TimeDelta::from_std(noon.distance(now())).unwrap();
    world.sandbox_clock().set_offset(ahead);
    let office = Office { provider, ..Office::open(world, noon).await };
    (office, day)
}

/// Noon of the day after.
pub fn noon_after(day: Day) -> Timestamp {
    day.next().start().plus(Duration::from_hours(12))
}

pub async fn school_id(world: &World, code: &str) -> SchoolId {
    SchoolId::from_number(world.rows.school(code).await)
}
