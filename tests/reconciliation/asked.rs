//! What only one side has: the provider is asked about it, within limits, and the ledger tells what came of
//! it.

use super::{
    kinds::{Books, MadeBills},
    office::{Office, next_noon, paid},
};
use onecard::{
    base::{clock::SystemClock, money::Fen},
    ledger::{account::SchoolAccount, seal},
    orders::{fact::Provider, order::PaymentId},
    reconciliation::{
        BillEntry, BillRow, BillSource, DayState, Differs, Fee, FoundDifference, Repair,
    },
};
use sandbox::{
    faults::{RequestFault, RequestRule},
    wechat_pay::{BillFault, endpoints::QUERY},
};
use std::sync::Arc;
use testkit::{Forge, TestDb, World, merchant, now, on_each_database, transaction_id};

on_each_database!(
    a_second_transaction_that_was_posted_closes_the_day,
    a_payment_that_is_lost_here_goes_to_suspense_by_the_answer,
    a_payment_that_was_never_here_has_its_fee_posted,
    a_payment_in_no_bill_is_asked_about,
    a_provider_that_limits_our_rate_is_asked_no_more,
    an_unsigned_word_closes_no_day,
);

fn row(out_trade_no: &str, transaction: &str) -> BillRow {
    BillRow {
        entry: BillEntry::Payment,
        at: now(),
        out_trade_no: out_trade_no.to_owned(),
        transaction_id: transaction.to_owned(),
        amount: Fen::new(5000).unwrap(),
        coupon: Fen::ZERO,
        fee: Fee::from_fen(30),
        rate: None,
    }
}

/// A payment of today, and the office tomorrow at noon with bills that the test makes.
async fn made(world: &World) -> (String, Office, Arc<MadeBills>) {
    let (_, number) = paid(world, Provider::WechatPay, true).await;
    let (mut office, _) = next_noon(world, Provider::WechatPay).await;
    let bills = Arc::new(MadeBills::of(merchant()));
    let source: Arc<dyn BillSource> = Arc::<MadeBills>::clone(&bills);
    office.take_bills_from(source);
    (number, office, bills)
}

fn told(found: &[FoundDifference]) -> Vec<(Differs, Repair)> {
    found.iter().map(|one| (one.difference.differs, one.difference.repair)).collect()
}

async fn a_second_transaction_that_was_posted_closes_the_day(db: &TestDb) {
    let world = World::start(db).await;
    let (number, office, bills) = made(&world).await;
    let payment = world.pay().payment(&number).unwrap();
    let (first, second) = (payment.transaction_id.clone().unwrap(), transaction_id(&payment, 2));
    let day = now().day();

    // It is not posted yet: the provider is asked, and names the first one.
    bills.set(day, vec![row(&number, &first), row(&number, &second)]);
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.open_differences, totals.repaired), (1, 0));
    let found = office.found("xnec", day).await;
    assert_eq!(told(&found), [(Differs::TheirsOnly, Repair::AskProvider)]);
    assert_eq!(found[0].difference.number, second);

    let forge = Forge::with_sandbox_keys();
    let mut transaction = forge.transaction(&payment);
    transaction["transaction_id"] = second.as_str().into();
    let message = forge.message("second", &transaction);
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!(totals.open_differences, 0, "{:?}", office.found("xnec", day).await);
    assert_eq!((totals.state(), totals.our_rows, totals.fee_fen), (DayState::Closed, 2, 60));
    world.at_rest().await;
    let report = world.report().await.to_string();
    assert!(!report.contains("bill row"), "{report}");
    let forged = "UPDATE bill_row SET amount_fen = 4999 WHERE number = $1";
    assert_eq!(world.rows.change(forged, [second.as_str().into()]).await, 1);
    let report = world.report().await.to_string();
    assert!(report.contains(&format!("bill row {second}")), "{report}");

    // The second one alone is not the first.
    let forged = "UPDATE bill_row SET amount_fen = 5000";
    world.rows.change(forged, []).await;
    world.rows.change("DELETE FROM bill_row WHERE number = $1", [first.into()]).await;
    bills.set(day, vec![row(&number, &second)]);
    office.compare("xnec", day).await.unwrap();
    let found = office.found("xnec", day).await;
    assert_eq!(told(&found), [(Differs::OursOnly, Repair::AskSupport)]);
}

async fn a_payment_that_is_lost_here_goes_to_suspense_by_the_answer(db: &TestDb) {
    let world = World::start(db).await;
    let (_, number) = paid(&world, Provider::WechatPay, false).await;
    // As in a restored backup: the provider's number is unknown here.
    let lost = "UPDATE payment SET id = $1";
    let other = PaymentId::new(now()).uuid();
    assert_eq!(world.change(lost, [other.into()]).await, 1);
    let (office, day) = next_noon(&world, Provider::WechatPay).await;
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.repaired, totals.open_differences), (1, 0));
    let cases = "SELECT subject FROM review_case WHERE subject LIKE 'no_order:%'";
    assert_eq!(world.rows.texts(cases).await.len(), 1, "{number}");
    let received = "SELECT COUNT(*) FROM transfer WHERE kind = 'received' AND person_id IS NULL";
    assert_eq!(world.rows.number(received).await, 1);
    // Again, and by another school of the merchant: it is known, and posted once.
    for (school, elsewhere) in [("xnec", 0), ("csmzxy", 1), ("xnec", 0)] {
        let totals = office.compare(school, day).await.unwrap();
        assert_eq!((totals.open_differences, totals.of_other_schools), (0, elsewhere), "{school}");
    }
    assert_eq!(world.rows.number(received).await, 1);
}

/// The provider keeps its fee, whosever the payment is: else the clearing account never comes to what it
/// pays out.
async fn a_payment_that_was_never_here_has_its_fee_posted(db: &TestDb) {
    let world = World::start(db).await;
    let (_, number) = paid(&world, Provider::WechatPay, false).await;
    let transaction = world.pay().payment(&number).unwrap().transaction_id.unwrap();
    for lost in ["payment", "orders"] {
        assert_eq!(world.rows.change(&format!("DELETE FROM {lost}"), []).await, 1, "{lost}");
    }
    let (office, day) = next_noon(&world, Provider::WechatPay).await;
    for run in 0..2 {
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!(totals.open_differences, 0, "{:?}", office.found("xnec", day).await);
        assert_eq!((totals.repaired, totals.is_reopened), (1 - run, false));
        assert_eq!((totals.our_rows, totals.billed_fen, totals.fee_fen), (1, 5000, 30), "{run}");
        assert_eq!(totals.state(), DayState::Closed);
        seal::seal_all(&world.db, &SystemClock).await.unwrap();
        assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 5000);
        world.assert_books(5000 - 30).await;
    }
    // What the ledger does not have explains no row.
    let forged = "UPDATE bill_row SET amount_fen = 4999 WHERE number = $1";
    assert_eq!(world.rows.change(forged, [transaction.as_str().into()]).await, 1);
    let report = world.report().await.to_string();
    assert!(report.contains(&format!("bill row {transaction} of a closed day")), "{report}");
}

async fn a_payment_in_no_bill_is_asked_about(db: &TestDb) {
    let world = World::start(db).await;
    let (_, office, _bills) = made(&world).await;
    let (day, before) = (now().day(), world.sandbox().requests.count(QUERY));
    for run in 1..=2 {
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!((totals.open_differences, totals.repaired, totals.unasked), (1, 0, 0));
        let found = office.found("xnec", day).await;
        // The provider knows the payment, so only its support can say why no bill has it.
        assert_eq!(told(&found), [(Differs::OursOnly, Repair::AskSupport)], "{run}");
        assert_eq!(world.sandbox().requests.count(QUERY), before + run);
    }
    // What two persons accepted is not asked about.
    world.rows.change("UPDATE bill_difference SET state = 'accepted'", []).await;
    assert_eq!(office.compare("xnec", day).await.unwrap().state(), DayState::Closed);
    assert_eq!(world.sandbox().requests.count(QUERY), before + 2);
}

async fn a_provider_that_limits_our_rate_is_asked_no_more(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let lost: Vec<_> = (0..8).map(|n| books.clean(500, books.at(n))).collect();
    books.bills.set(books.day, lost.into_iter().filter_map(|made| made.row).collect());
    let sandbox = books.world.sandbox();
    for (fault, asked) in [(RequestFault::BadGateway, 3), (RequestFault::TooManyRequests, 1)] {
        let before = sandbox.requests.count(QUERY);
        sandbox.faults.on_requests(RequestRule::new(QUERY, fault), asked).unwrap();
        let totals = books.office.compare("xnec", books.day).await.unwrap();
        assert_eq!(sandbox.requests.count(QUERY) - before, u64::from(asked), "{fault:?}");
        let left = 8 - u64::from(asked);
        assert_eq!((totals.open_differences, totals.unasked), (8, left), "{fault:?}");
        assert_eq!(totals.state(), DayState::Open);
    }
    // The others are asked about as soon as the provider answers: none is a payment there.
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!((totals.open_differences, totals.unasked), (8, 0));
}

/// An empty bill ends differences, so it must be proven.
async fn an_unsigned_word_closes_no_day(db: &TestDb) {
    let world = World::start(db).await;
    paid(&world, Provider::WechatPay, true).await;
    let (office, day) = next_noon(&world, Provider::WechatPay).await;
    // A difference of which a later empty bill would know nothing.
    world.pay().add_bill_fault(BillFault::OtherDay);
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 1);
    let before = world.rows.texts("SELECT state FROM bill_difference").await;
    for _ in 0..2 {
        world.pay().add_bill_fault(BillFault::UnsignedNothing);
    }
    let refused = office.compare("xnec", day).await.unwrap_err();
    assert!(refused.to_string().contains("does not prove"), "{refused}");
    assert_eq!(world.rows.texts("SELECT state FROM bill_difference").await, before);
    world.assert_books(5000).await;
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 0);
}
