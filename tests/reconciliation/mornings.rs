//! The job of each morning: what is due is compared once, what failed is tried again, and schools of one
//! merchant share the file.

use super::office::{next_noon, paid};
use async_trait::async_trait;
use onecard::{
    base::clock::{Day, Timestamp},
    orders::fact::Provider,
    reconciliation::{Bill, BillError, BillMorning, BillSource},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::{TestDb, World, merchant, now, on_each_database};

on_each_database!(what_failed_is_fetched_again_and_what_was_fetched_is_shared,);

/// Empty bills, which are counted; they fail while the test says so.
#[derive(Debug)]
struct Counted {
    merchant: String,
    fetched: Mutex<HashMap<Day, u32>>,
    fails: Mutex<Option<BillError>>,
}

#[async_trait]
impl BillSource for Counted {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        &self.merchant
    }

    async fn bill(&self, day: Day, _: Timestamp) -> Result<Bill, BillError> {
        *self.fetched.lock().unwrap().entry(day).or_default() += 1;
        self.fails.lock().unwrap().clone().map_or_else(|| Ok(Bill::empty()), Err)
    }
}

async fn what_failed_is_fetched_again_and_what_was_fetched_is_shared(db: &TestDb) {
    let world = World::start(db).await;
    paid(&world, Provider::WechatPay, true).await;
    let (mut office, day) = next_noon(&world, Provider::WechatPay).await;
    assert_eq!(day, now().day());
    let (fetched, fails) = (Mutex::default(), Mutex::default());
    let source = Arc::new(Counted { merchant: merchant(), fetched, fails });
    office.take_bills_from(Arc::<Counted>::clone(&source));
    let mut morning = BillMorning::default();
    let fetched = |of: Day| source.fetched.lock().unwrap().get(&of).copied().unwrap_or_default();
    let fail = |error| *source.fails.lock().unwrap() = error;

    // The provider is away at first. Every day is tried once, for all schools.
    fail(Some(BillError::Unknown));
    office.room.compare_due(&mut morning).await.unwrap();
    assert_eq!((fetched(day), source.fetched.lock().unwrap().len()), (1, 7));
    // Only the day of the payment is waited for: before it, and elsewhere, there is nothing.
    assert_eq!(world.rows.count("bill_day").await, 1);
    assert_eq!(world.rows.count("bill_day WHERE compared_at = 0 AND paid_fen = 5000").await, 1);
    fail(None);
    office.room.compare_due(&mut morning).await.unwrap();
    let schools = world.rows.count("school").await;
    assert!(schools > 1, "they share the merchant");
    assert_eq!(fetched(day), 2, "one file for all schools");
    assert_eq!(world.rows.count("bill_day WHERE compared_at > 0").await, schools * 7);
    let open = "bill_day WHERE state = 'open'";
    assert_eq!(world.rows.count(open).await, 1, "the payment is in no bill");

    // An open day is compared once a morning.
    office.room.compare_due(&mut morning).await.unwrap();
    assert_eq!(fetched(day), 2);
    // The next morning the provider is away again: the open day is tried at each turn until it answers.
    office.clock.advance(Duration::from_hours(24));
    fail(Some(BillError::Throttled));
    for turn in 3..=4 {
        office.room.compare_due(&mut morning).await.unwrap();
        assert_eq!(fetched(day), turn);
    }
    fail(None);
    for _ in 0..2 {
        office.room.compare_due(&mut morning).await.unwrap();
        assert_eq!(fetched(day), 5);
    }
    // Nothing before ten.
    office.clock.advance(Duration::from_hours(12));
    office.room.compare_due(&mut morning).await.unwrap();
    assert_eq!(fetched(day), 5);
}
