//! A day of Alipay, from the payment to its closed bill, and every way in which the bill or the question
//! for it can go wrong.

use super::office::{Office, next_noon, paid};
use onecard::{
    base::clock::SystemClock,
    ledger::{account::SchoolAccount, seal},
    orders::fact::Provider,
    reconciliation::{BadBill, BillError, ReconcileError},
};
use sandbox::{
    alipay::endpoints::{BILL, BILL_FILE},
    faults::{RequestFault as Fault, RequestRule},
};
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    a_day_is_compared_its_fee_posted_and_closed,
    a_missing_credit_is_repaired_from_the_answer,
    whatever_goes_wrong_is_named_and_changes_nothing,
    a_day_that_is_not_over_has_no_bill,
);

async fn a_day_is_compared_its_fee_posted_and_closed(db: &TestDb) {
    let world = World::start(db).await;
    paid(&world, Provider::Alipay, true).await;
    let (office, day) = next_noon(&world, Provider::Alipay).await;
    for run in 1..=2 {
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!(totals.open_differences, 0, "{:?}", office.found("xnec", day).await);
        assert_eq!((totals.bill_rows, totals.our_rows, totals.paid_count), (1, 1, 1), "{run}");
        assert_eq!((totals.paid_fen, totals.billed_fen, totals.fee_fen), (5000, 5000, 30));
    }
    assert_eq!(world.rows.texts("SELECT state FROM bill_day").await, ["closed"]);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    assert_eq!(world.school_balance("xnec", SchoolAccount::Fee).await, -30);
    world.assert_books_of("alipay", 5000 - 30).await;

    // Another school on the same account sees the row, and leaves it alone.
    let totals = office.compare("csmzxy", day).await.unwrap();
    assert_eq!((totals.bill_rows, totals.of_other_schools, totals.our_rows), (1, 1, 0));
}

async fn a_missing_credit_is_repaired_from_the_answer(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _) = paid(&world, Provider::Alipay, false).await;
    let (office, day) = next_noon(&world, Provider::Alipay).await;
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.repaired, totals.open_differences), (1, 0));
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    world.assert_books_of("alipay", 5000 - 30).await;
}

async fn whatever_goes_wrong_is_named_and_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    paid(&world, Provider::Alipay, true).await;
    let (office, day) = next_noon(&world, Provider::Alipay).await;
    let bad = |bad| BillError::Bad { file: "trade bill", bad };
    let cases = [
        (BILL, Fault::TooManyRequests, BillError::Throttled),
        (BILL, Fault::SystemError, BillError::Unknown),
        (BILL, Fault::BadGateway, BillError::Unknown),
        (BILL, Fault::Unavailable, BillError::Unknown),
        (BILL, Fault::Html, BillError::Unknown),
        (BILL, Fault::Garbage, BillError::Unknown),
        (BILL, Fault::AnswerLost, BillError::Unknown),
        (BILL, Fault::SignedGarbage, BillError::Unknown),
        (BILL, Fault::Unsigned, BillError::Unknown),
        (BILL, Fault::AlteredBody, BillError::Unknown),
        (BILL, Fault::WrongSignature, BillError::Unknown),
        (BILL, Fault::BusinessSystemError, BillError::Unknown),
        (BILL, Fault::RepeatedKey, BillError::Unknown),
        (BILL, Fault::OtherHost, BillError::Host("bills.example.com".to_owned())),
        (BILL_FILE, Fault::TooManyRequests, BillError::Throttled),
        (BILL_FILE, Fault::BadGateway, BillError::Unknown),
        (BILL_FILE, Fault::Unavailable, BillError::Unknown),
        (BILL_FILE, Fault::AnswerLost, BillError::Unknown),
        (BILL_FILE, Fault::Html, bad(BadBill::Packed)),
        (BILL_FILE, Fault::Garbage, bad(BadBill::Packed)),
        (BILL_FILE, Fault::Truncated, bad(BadBill::Packed)),
        (BILL_FILE, Fault::BrokenArchive, bad(BadBill::Packed)),
        (BILL_FILE, Fault::Huge, bad(BadBill::TooLarge)),
        (BILL_FILE, Fault::OtherDay, bad(BadBill::Day(3))),
        (BILL_FILE, Fault::OtherSeller, bad(BadBill::Merchant(2))),
    ];
    world.at_rest().await;
    let before = world.rows.everything().await;
    for (on, fault, expected) in cases {
        let why = refused(&world, &office, RequestRule::new(on, fault)).await;
        assert_eq!(why, expected, "{fault:?}");
        assert_eq!(world.rows.everything().await, before, "{fault:?}");
        world.assert_books_of("alipay", 5000).await;
    }
    // Harmless ones: what is signed is what was meant.
    for fault in [Fault::SignFirst, Fault::SlashUnescaped] {
        world.sandbox().faults.on_requests(RequestRule::new(BILL, fault), 1).unwrap();
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!((totals.open_differences, totals.our_rows), (0, 1), "{fault:?}");
        seal::seal_all(&world.db, &SystemClock).await.unwrap();
        world.assert_books_of("alipay", 5000 - 30).await;
    }
}

async fn refused(world: &World, office: &Office, rule: RequestRule) -> BillError {
    world.sandbox().faults.on_requests(rule, 1).unwrap();
    match office.compare("xnec", testkit::now().day()).await {
        Err(ReconcileError::Bill(error)) => error,
        other => panic!("{rule:?}: {other:?}"),
    }
}

/// Nobody is asked before ten in the morning of the next day.
async fn a_day_that_is_not_over_has_no_bill(db: &TestDb) {
    let world = World::start(db).await;
    paid(&world, Provider::Alipay, true).await;
    let (office, day) = next_noon(&world, Provider::Alipay).await;
    let early = office.compare("xnec", day.next()).await;
    assert!(matches!(early, Err(ReconcileError::TooEarly(_))), "{early:?}");
    assert_eq!(world.sandbox().requests.count(BILL), 0);
    assert_eq!(world.rows.count("bill_day").await, 0);
}
