//! Days whose bills have not come, and a day that two want to compare at once.

use super::office::{Office, next_noon, paid};
use async_trait::async_trait;
use onecard::{
    base::clock::{Clock, Day, Timestamp},
    orders::fact::Provider,
    reconciliation::{Bill, BillError, BillMorning, BillSource, ReconcileError},
};
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, eventually, merchant, on_each_database};
use tokio::{sync::Semaphore, task::LocalSet};

on_each_database!(
    days_whose_bills_do_not_come_are_kept_from_the_first_payment_on,
    a_day_is_compared_by_one_at_a_time,
    a_day_of_a_process_that_was_killed_is_free_after_minutes,
    a_day_is_compared_to_the_end_when_the_browser_has_gone_away,
);

/// A merchant's empty bills: each waits until it is let through, and tells that it was asked for.
#[derive(Debug)]
struct Gate {
    merchant: String,
    asked: Semaphore,
    through: Semaphore,
}

#[async_trait]
impl BillSource for Gate {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        &self.merchant
    }

    async fn bill(&self, _: Day, _: Timestamp) -> Result<Bill, BillError> {
        self.asked.add_permits(1);
        // A gate that is closed for good: the provider is away.
        self.through.acquire().await.map_err(|_| BillError::Unknown)?.forget();
        Ok(Bill::empty())
    }
}

/// An office at noon, with a payment of the day before, and the gate of its bills.
async fn office(world: &World) -> (Office, Arc<Gate>, Day) {
    paid(world, Provider::WechatPay, true).await;
    let (mut office, day) = next_noon(world, Provider::WechatPay).await;
    let (asked, through) = (Semaphore::new(0), Semaphore::new(0));
    let gate = Arc::new(Gate { merchant: merchant(), asked, through });
    office.take_bills_from(Arc::<Gate>::clone(&gate));
    (office, gate, day)
}

async fn days_whose_bills_do_not_come_are_kept_from_the_first_payment_on(db: &TestDb) {
    let world = World::start(db).await;
    let (mut office, gate, day) = office(&world).await;
    gate.through.close();
    // It was paid long before: the job tries the last seven days, and the list has them all.
    let back = "UPDATE payment SET paid_at = paid_at - 9 * CAST(86400000000 AS bigint)";
    assert_eq!(world.rows.change(back, []).await, 1);
    let mut morning = BillMorning::default();
    for _ in 0..2 {
        office.room.compare_due(&mut morning).await.unwrap();
        let days = "SELECT CAST(day AS TEXT) || ' ' || CAST(paid_fen AS TEXT) FROM bill_day \
                    WHERE state = 'open' AND compared_at = 0 ORDER BY day";
        let expected = (0..10)
            .map(|nth| format!("{} {}", day.number() - 9 + nth, if nth == 0 { 5000 } else { 0 }));
        assert_eq!(world.rows.texts(days).await, expected.collect::<Vec<_>>());
    }
    // A day later there is one more, of this school alone, as nobody else has a payment.
    office.clock.advance(Duration::from_hours(24));
    office.room.compare_due(&mut morning).await.unwrap();
    assert_eq!(world.rows.count("bill_day").await, 11);
    assert_eq!(world.rows.count("bill_hold").await, 0, "nobody compares");
    // The provider is back.
    let (asked, through) = (Semaphore::new(0), Semaphore::new(1000));
    office.take_bills_from(Arc::new(Gate { merchant: merchant(), asked, through }));
    office.room.compare_due(&mut morning).await.unwrap();
    let awaited = world.rows.count("bill_day WHERE compared_at = 0").await;
    assert_eq!(awaited, 4, "those before the last seven are a person's");
    // A day that comes late is compared as any other.
    office.compare("xnec", Day::from_number(day.number() - 9)).await.unwrap();
    let differs = "bill_day WHERE compared_at > 0 AND state = 'open' AND open_differences = 1";
    assert_eq!(world.rows.count(differs).await, 1);
    assert_eq!(world.rows.count("bill_day WHERE compared_at = 0").await, 3);
}

async fn a_day_is_compared_by_one_at_a_time(db: &TestDb) {
    let world = World::start(db).await;
    let (office, gate, day) = office(&world).await;
    let school = office.school("xnec").await;
    let of = (Provider::WechatPay, day);
    let tasks = LocalSet::new();
    let others = async {
        gate.asked.acquire().await.unwrap().forget();
        // The first has asked for the bill and waits for it.
        let second = Box::pin(office.room.compare_now(&school, of)).await;
        assert!(matches!(second, Err(ReconcileError::Busy)), "{second:?}");
        let mut morning = BillMorning::default();
        gate.through.add_permits(100);
        office.room.compare_due(&mut morning).await.unwrap();
    };
    let both = async { tokio::join!(Box::pin(office.room.compare_now(&school, of)), others) };
    let (first, ()) = tasks.run_until(Box::pin(both)).await;
    let first = first.unwrap();
    assert_eq!((first.totals.open_differences, first.totals.paid_fen), (1, 5000));
    let again = Box::pin(office.room.compare_now(&school, of)).await;
    assert!(matches!(again, Err(ReconcileError::JustCompared)), "{again:?}");
    let of_day = format!("bill_difference WHERE day = {} AND state = 'open'", day.number());
    assert_eq!(world.rows.count(&of_day).await, 1);
    assert_eq!(world.rows.count("bill_hold").await, 0);
}

async fn a_day_of_a_process_that_was_killed_is_free_after_minutes(db: &TestDb) {
    let world = World::start(db).await;
    let (office, gate, day) = office(&world).await;
    gate.through.add_permits(100);
    let school = office.school("xnec").await;
    let of = (Provider::WechatPay, day);
    let held = async || {
        let until = office.clock.now().plus(Duration::from_mins(10));
        let sql = format!(
            "INSERT INTO bill_hold (school_id, provider, merchant_number, day, token, held_until) \
             SELECT school_id, provider, merchant, {}, 'dead', {} FROM payment",
            day.number(),
            until.micros()
        );
        assert_eq!(world.rows.change(&sql, []).await, 1);
    };
    held().await;
    let refused = Box::pin(office.room.compare_now(&school, of)).await;
    assert!(matches!(refused, Err(ReconcileError::Busy)), "{refused:?}");
    office.clock.advance(Duration::from_mins(10));
    let comparing = Box::pin(office.room.compare_now(&school, of));
    LocalSet::new().run_until(comparing).await.unwrap();
    assert_eq!(world.rows.count("bill_hold").await, 0);
    // An operator does not wait.
    held().await;
    office.compare("xnec", day).await.unwrap();
    assert_eq!(world.rows.count("bill_hold").await, 0);
}

async fn a_day_is_compared_to_the_end_when_the_browser_has_gone_away(db: &TestDb) {
    let world = World::start(db).await;
    let (office, gate, day) = office(&world).await;
    let school = office.school("xnec").await;
    let gone = async {
        let asking = Box::pin(office.room.compare_now(&school, (Provider::WechatPay, day)));
        tokio::select! {
            compared = asking => panic!("{compared:?}"),
            asked = gate.asked.acquire() => asked.unwrap().forget(),
        }
        assert_eq!(world.rows.count("bill_hold").await, 1, "it waits for the bill");
        gate.through.add_permits(100);
        eventually("the day is free again", async || {
            (world.rows.count("bill_hold").await == 0).then_some(())
        })
        .await;
    };
    LocalSet::new().run_until(Box::pin(gone)).await;
    assert_eq!(world.rows.count("bill_day WHERE compared_at > 0").await, 1);
}
