//! Two comparisons of one day at once: the later one counts, and the earlier one ends.

use super::{
    kinds::Books,
    office::{Office, noon_after},
};
use async_trait::async_trait;
use onecard::{
    base::clock::{Day, Timestamp},
    orders::fact::Provider,
    reconciliation::{Bill, BillError, BillRow, BillRows, BillSource, ReconcileError},
};
use std::{sync::Arc, thread};
use testkit::{TestDb, merchant, on_each_database};

on_each_database!(
    a_comparison_that_a_later_one_overtook_changes_nothing,
    what_a_later_comparison_found_stays_as_it_left_it,
);

/// A bill. When its rows are read the first time, another comparison of the day begins and ends.
struct Overtaken {
    rows: Vec<BillRow>,
    settings: Vec<(String, String)>,
    day: Day,
}

impl std::fmt::Debug for Overtaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Overtaken")
    }
}

/// The same rows, without more ado.
#[derive(Debug)]
struct Plain(Vec<BillRow>);

#[async_trait]
impl BillSource for Plain {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        merchant_number()
    }

    async fn bill(&self, _: Day, _: Timestamp) -> Result<Bill, BillError> {
        Ok(bill(BillRows::of(self.0.clone())))
    }
}

fn merchant_number() -> &'static str {
    static NUMBER: std::sync::LazyLock<String> = std::sync::LazyLock::new(merchant);
    &NUMBER
}

fn bill(rows: BillRows) -> Bill {
    Bill { hash: "made".to_owned(), count: 1, flow: None, rows }
}

#[async_trait]
impl BillSource for Overtaken {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        merchant_number()
    }

    async fn bill(&self, _: Day, _: Timestamp) -> Result<Bill, BillError> {
        let (rows, settings, day) = (self.rows.clone(), self.settings.clone(), self.day);
        // The rows are read after the comparison has begun.
        Ok(bill(BillRows::new(move || {
            overtake(settings.clone(), rows.clone(), day);
            Ok(Box::new(rows.clone().into_iter().map(Ok)))
        })))
    }
}

/// Compares the day in a runtime of its own.
fn overtake(settings: Vec<(String, String)>, rows: Vec<BillRow>, day: Day) {
    let comparing = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut office = Office::open_with(settings, noon_after(day)).await;
            office.take_bills_from(Arc::new(Plain(rows)));
            assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 1);
        });
    };
    thread::spawn(comparing).join().unwrap();
}

async fn a_comparison_that_a_later_one_overtook_changes_nothing(db: &TestDb) {
    let mut books = Box::pin(Books::open(db)).await;
    // Its amount differs, which no provider is asked about.
    let mut one = books.clean(500, books.at(1));
    one.amount += 1;
    books.put(std::slice::from_ref(&one)).await;
    let (rows, day) = (vec![one.row.unwrap()], books.day);
    let settings = books.world.settings("http://127.0.0.1:1");
    books.office.take_bills_from(Arc::new(Overtaken { rows, settings, day }));
    let overtaken = books.office.compare("xnec", day).await;
    assert!(matches!(overtaken, Err(ReconcileError::Overtaken)), "{overtaken:?}");
    let rows = &books.world.rows;
    assert_eq!(rows.texts("SELECT state FROM bill_day").await, ["open"]);
    assert_eq!(rows.texts("SELECT state FROM bill_difference").await, ["open"]);
    let runs = "SELECT CAST(run AS TEXT) FROM bill_day UNION ALL \
                SELECT CAST(run AS TEXT) FROM bill_difference";
    assert_eq!(rows.texts(runs).await, ["2", "2"], "both are of the later comparison");
}

/// Where it writes at the same moment, too.
async fn what_a_later_comparison_found_stays_as_it_left_it(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let mut one = books.clean(500, books.at(1));
    one.amount += 1;
    books.put(std::slice::from_ref(&one)).await;
    books.bills.set(books.day, vec![one.row.unwrap()]);
    books.office.compare("xnec", books.day).await.unwrap();
    let later = "UPDATE bill_difference SET run = 9, theirs = 'later'";
    assert_eq!(books.world.rows.change(later, []).await, 1);
    books.office.compare("xnec", books.day).await.unwrap();
    let left = "SELECT theirs || CAST(run AS TEXT) FROM bill_difference";
    assert_eq!(books.world.rows.texts(left).await, ["later9"]);
}
