//! A day from the payment to its closed bill, over the provider's own protocol.

use super::office::{Office, next_noon, paid};
use onecard::{
    base::clock::{Day, SystemClock},
    ledger::{
        account::{Name, SchoolAccount},
        seal,
    },
    orders::fact::Provider,
    reconciliation::{BadBill, BillError, Differs, ReconcileError},
};
use sandbox::wechat_pay::BillFault;
use std::time::Duration;
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(
    a_day_is_compared_its_fee_posted_and_closed,
    a_missing_credit_is_repaired_from_the_providers_answer,
    a_wrong_file_is_named_and_changes_nothing,
    a_day_cannot_be_compared_before_its_bill_is_there,
);

/// A deployment on the next day at noon; the day before has one payment of ¥50.
async fn day_after(world: &World, is_told: bool) -> (Office, Day) {
    paid(world, Provider::WechatPay, is_told).await;
    next_noon(world, Provider::WechatPay).await
}

async fn a_day_is_compared_its_fee_posted_and_closed(db: &TestDb) {
    let world = World::start(db).await;
    let (office, day) = day_after(&world, true).await;
    for run in 1..=3 {
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!(totals.open_differences, 0, "{:?}", office.found("xnec", day).await);
        assert_eq!((totals.bill_rows, totals.our_rows, totals.paid_count), (1, 1, 1));
        assert_eq!((totals.paid_fen, totals.billed_fen, totals.fee_fen), (5000, 5000, 30));
        assert!(!totals.is_reopened && totals.late_rows == 0, "run {run}");
    }
    assert_eq!(world.rows.texts("SELECT state FROM bill_day").await, ["closed"]);
    assert_eq!(world.rows.count("bill_row").await, 1);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    // The provider owes us the payment less its fee.
    assert_eq!(world.school_balance("xnec", SchoolAccount::Fee).await, -30);
    world.assert_books(5000 - 30).await;

    // Another school on the same merchant sees the row, and leaves it alone.
    let totals = office.compare("csmzxy", day).await.unwrap();
    assert_eq!((totals.bill_rows, totals.of_other_schools, totals.our_rows), (1, 1, 0));
    assert_eq!(totals.open_differences, 0);
    world.assert_books(5000 - 30).await;
}

async fn a_missing_credit_is_repaired_from_the_providers_answer(db: &TestDb) {
    let world = World::start(db).await;
    let (office, day) = day_after(&world, false).await;
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.repaired, totals.open_differences), (1, 0));
    let states = world.rows.texts("SELECT state FROM bill_difference").await;
    assert_eq!(states, ["repaired"]);
    assert_eq!(world.rows.texts("SELECT field FROM bill_difference").await, ["state"]);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    let clearing = SchoolAccount::Clearing(Name::parse("wechat_pay").unwrap());
    assert_eq!(world.school_balance("xnec", clearing).await, -4970);
    // Its message, which comes at last, changes nothing.
    let number = world.rows.only_payment().await.simple().to_string();
    world.pay().deliver(&number).unwrap();
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 0);
    world.assert_books(4970).await;
}

async fn a_wrong_file_is_named_and_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (office, day) = day_after(&world, true).await;
    for fault in [
        BillFault::Truncated,
        BillFault::WrongHash,
        BillFault::OtherHost,
        BillFault::OtherDay,
        BillFault::OtherMerchant,
        BillFault::Huge,
        BillFault::Html,
        BillFault::Creating,
        BillFault::UnsignedNothing,
    ] {
        world.pay().add_bill_fault(fault);
        let bad = |bad| Some(BillError::Bad { file: "trade bill", bad });
        let expected = match fault {
            BillFault::Truncated => bad(BadBill::Packed),
            BillFault::WrongHash => bad(BadBill::Hash),
            BillFault::OtherHost => Some(BillError::Host("bills.example.invalid".to_owned())),
            BillFault::OtherMerchant => bad(BadBill::Merchant(2)),
            BillFault::Huge => bad(BadBill::TooLarge),
            BillFault::Html => bad(BadBill::NotABill),
            BillFault::Creating | BillFault::UnsignedNothing => Some(BillError::NotReady),
            // The day before has no bill: nothing of ours is in it.
            BillFault::OtherDay => None,
        };
        match (office.compare("xnec", day).await, expected) {
            (Err(ReconcileError::Bill(error)), Some(expected)) => {
                assert_eq!(error, expected, "{fault:?}");
            }
            (Ok(totals), None) => {
                assert_eq!(totals.open_differences, 1);
                let found = office.found("xnec", day).await;
                assert_eq!(found[0].difference.differs, Differs::OursOnly);
            }
            (compared, expected) => panic!("{fault:?}: {compared:?} in place of {expected:?}"),
        }
        world.assert_books(5000).await;
    }
    assert_eq!(world.rows.count("bill_row").await, 0);
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.open_differences, totals.our_rows), (0, 1));
    assert_eq!(world.rows.texts("SELECT state FROM bill_difference").await, ["gone"]);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    world.assert_books(4970).await;
}

async fn a_day_cannot_be_compared_before_its_bill_is_there(db: &TestDb) {
    let world = World::start(db).await;
    let day = now().day();
    let ten = day.next().start().plus(Duration::from_hours(10));
    let office = Office::open(&world, ten.minus(Duration::from_secs(1))).await;
    for day in [day, day.next()] {
        let early = office.compare("xnec", day).await;
        assert!(matches!(early, Err(ReconcileError::TooEarly(_))), "{early:?}");
    }
    assert_eq!(world.rows.count("bill_day").await, 0);
}
