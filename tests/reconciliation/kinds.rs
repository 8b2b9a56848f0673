//! Made bills: every kind of difference many times among clean rows, rows at midnight, of other
//! programs and of other schools; all are classified, and no clean row is called different.

use super::office::{Office, noon_after, school_id};
use async_trait::async_trait;
use onecard::{
    base::{
        clock::{Day, Timestamp},
        ids::SchoolId,
        money::Fen,
    },
    ledger::post_all,
    orders::{fact::Provider, order::PaymentId},
    payments::postings::{Receipt, surplus_received},
    reconciliation::{
        Bill, BillEntry, BillError, BillRow, BillRows, BillSource, BilledRefund, DayState, Differs,
        Fee, FoundState, Rate,
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use testkit::{TestDb, World, merchant, now, on_each_database};

on_each_database!(
    every_kind_of_difference_is_found_among_clean_rows,
    a_payment_at_midnight_may_be_in_the_neighbouring_bill,
    a_late_row_opens_a_closed_day_again,
    a_row_that_the_bill_takes_back_is_for_two_persons,
    a_row_has_the_amount_of_the_newest_bill,
    a_coupon_is_posted_and_explained,
);

/// Bills that a test makes.
#[derive(Debug, Default)]
pub struct MadeBills(Mutex<HashMap<Day, Vec<BillRow>>>, String);

#[async_trait]
impl BillSource for MadeBills {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn merchant(&self) -> &str {
        &self.1
    }

    async fn bill(&self, day: Day, _: Timestamp) -> Result<Bill, BillError> {
        let rows = self.0.lock().unwrap().get(&day).cloned().unwrap_or_default();
        let count = u64::try_from(rows.len()).unwrap();
        Ok(Bill { hash: "made".to_owned(), count, flow: None, rows: BillRows::of(rows) })
    }
}

impl MadeBills {
    pub fn of(merchant: String) -> Self {
        Self(Mutex::default(), merchant)
    }

    pub fn set(&self, day: Day, rows: Vec<BillRow>) {
        self.0.lock().unwrap().insert(day, rows);
    }
}

/// A payment as it is in the database, and its row in a bill.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: PaymentId,
    school: SchoolId,
    state: &'static str,
    pub amount: i64,
    pub at: Timestamp,
    is_posted: bool,
    pub row: Option<BillRow>,
}

pub struct Books {
    pub world: World,
    pub office: Office,
    pub bills: Arc<MadeBills>,
    school: SchoolId,
    pub day: Day,
    order: String,
    /// To whom the payments are made.
    pub provider: Provider,
    pub merchant: String,
}

impl Books {
    pub async fn open(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let student = world.student(0).await;
        let order = student.order(5000, "first").await.body(201)["id"].as_str().unwrap().to_owned();
        let day = Day::from_number(now().day().number() - 2);
        let mut office = Office::open(&world, noon_after(day)).await;
        let bills = Arc::new(MadeBills(Mutex::default(), merchant()));
        let source: Arc<dyn BillSource> = Arc::<MadeBills>::clone(&bills);
        office.take_bills_from(source);
        let school = school_id(&world, "xnec").await;
        let (provider, merchant) = (Provider::WechatPay, merchant());
        Self { world, office, bills, school, day, order, provider, merchant }
    }

    /// A clean payment of `amount` at this time, in the bill with its fee.
    pub fn clean(&self, amount: i64, at: Timestamp) -> Made {
        let id = PaymentId::new(at);
        let fen = Fen::new(amount).unwrap();
        let rate = Rate::from_millionths(6000);
        let row = BillRow {
            entry: BillEntry::Payment,
            at,
            out_trade_no: id.out_trade_no(),
            transaction_id: format!("T{}", id.out_trade_no()),
            amount: fen,
            coupon: Fen::ZERO,
            fee: Fee::from_fen(rate.of(fen).fen()),
            rate: Some(rate),
        };
        Made { id, school: self.school, state: "paid", amount, at, is_posted: true, row: Some(row) }
    }

    /// Puts the payments into the database and the ledger, and their rows into bills.
    pub async fn put(&self, made: &[Made]) {
        let (merchant, provider) = (&self.merchant, self.provider.code());
        let order = self.world.rows.literal(&self.order);
        for batch in made.chunks(500) {
            let mut sql =
                "INSERT INTO payment (id, order_id, school_id, provider, merchant, app_id, \
                           payer, amount_fen, state, transaction_id, created_at, paid_at, look_at) \
                           VALUES "
                    .to_owned();
            for (n, made) in batch.iter().enumerate() {
                let comma = if n == 0 { "" } else { ", " };
                let id = self.world.rows.literal(&made.id.to_string());
                let (at, school) = (made.at.micros(), made.school.number());
                let paid = if made.state == "paid" {
                    (format!("'T{}'", made.id.out_trade_no()), at.to_string())
                } else {
                    ("NULL".to_owned(), "NULL".to_owned())
                };
                let far = i64::MAX;
                write!(
                    sql,
                    "{comma}({id}, {order}, {school}, '{provider}', '{merchant}', 'a', 'o', {}, \
                     '{}', {}, {at}, {}, {far})",
                    made.amount, made.state, paid.0, paid.1
                )
                .unwrap();
            }
            self.world.rows.change(&sql, []).await;
            self.post(batch, merchant).await;
        }
    }

    async fn post(&self, batch: &[Made], merchant: &str) {
        let posted = batch.iter().filter(|made| made.state == "paid" && made.is_posted);
        let transfers: Vec<_> = posted
            .map(|made| {
                let receipt = Receipt {
                    provider: self.provider,
                    merchant,
                    transaction_id: &format!("T{}", made.id.out_trade_no()),
                    amount: Fen::new(made.amount).unwrap(),
                    paid_at: made.at,
                };
                surplus_received(made.school, receipt).unwrap()
            })
            .collect();
        let db = &self.world.db;
        db.in_tx(async |tx| post_all(tx, now(), &transfers).await).await.unwrap();
    }

    pub fn at(&self, seconds: u64) -> Timestamp {
        self.day.start().plus(Duration::from_secs(seconds))
    }
}

/// What is done to a clean payment so that it differs in a field.
fn spoil(made: &mut Made, differs: Differs) {
    let row = made.row.as_mut().unwrap();
    match differs {
        Differs::OursOnly => made.row = None,
        Differs::TheirsOnly => {
            row.out_trade_no = PaymentId::new(made.at).out_trade_no();
            row.transaction_id = format!("T{}", row.out_trade_no);
        }
        Differs::Amount => made.amount += 1,
        Differs::State => made.state = "closed",
        Differs::Fee => row.fee = Fee::from_fen(row.fee.fen() + 2),
        Differs::Day => made.at = made.at.plus(Duration::from_hours(48)),
        Differs::Ledger => made.is_posted = false,
        Differs::Withdrawn => unreachable!("one bill takes nothing back"),
    }
}

/// The most memory that this process ever took, in MiB.
pub fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn every_kind_of_difference_is_found_among_clean_rows(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let (clean, of_each) = if long { (100_000_u64, 200_u64) } else { (3000, 30) };
    let mut made: Vec<_> = (0..clean)
        .map(|n| books.clean(100 + i64::try_from(n % 900).unwrap(), books.at(n % 86_400)))
        .collect();
    let mut expected = BTreeMap::new();
    for differs in Differs::ALL.into_iter().filter(|differs| *differs != Differs::Withdrawn) {
        for n in 0..of_each {
            let mut one = books.clean(5000, books.at(40_000 + n));
            spoil(&mut one, differs);
            made.push(one);
        }
        expected.insert(differs, of_each);
    }
    // A row whose number is unknown leaves a payment of ours without a row.
    *expected.get_mut(&Differs::OursOnly).unwrap() += of_each;
    let elsewhere = school_id(&books.world, "csmzxy").await;
    for n in 0..of_each {
        made.push(Made { school: elsewhere, ..books.clean(700, books.at(n)) });
    }
    books.put(&made).await;
    let mut rows: Vec<_> = made.iter().filter_map(|made| made.row.clone()).collect();
    for n in 0..of_each {
        let mut row = books.clean(900, books.at(n)).row.unwrap();
        (row.out_trade_no, row.transaction_id) = (format!("SHOP{n}"), format!("S{n}"));
        rows.push(row);
    }
    books.bills.set(books.day, rows);

    let (before, began) = (peak_mib(), Instant::now());
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    let took = began.elapsed();
    println!(
        "{} rows compared in {took:?}; the process took {} MiB at most, {before} before",
        totals.bill_rows,
        peak_mib()
    );
    if long && !cfg!(debug_assertions) {
        assert!(took < Duration::from_secs(30), "a day of 100,000 rows");
        assert!(peak_mib() - before < 200, "a day of 100,000 rows");
    }
    assert_eq!((totals.of_other_programs, totals.of_other_schools), (of_each, of_each));
    let mut found = BTreeMap::new();
    for one in books.office.found("xnec", books.day).await {
        assert_eq!(one.state, FoundState::Open);
        assert_ne!(one.difference.ours, one.difference.theirs, "{one:?}");
        *found.entry(one.difference.differs).or_insert(0_u64) += 1;
    }
    assert_eq!(found, expected);
    assert_eq!(totals.state(), DayState::Open);
    assert_eq!(totals.open_differences, expected.values().sum::<u64>());

    // Again: the same differences, and nothing is posted twice.
    let fees = "SELECT COUNT(*) FROM transfer WHERE kind = 'fee'";
    let posted = books.world.rows.number(fees).await;
    let again = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!(again, totals);
    assert_eq!(books.world.rows.number(fees).await, posted);
}

async fn a_payment_at_midnight_may_be_in_the_neighbouring_bill(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let (day, next) = (books.day, books.day.next());
    // Paid a second before midnight by our count, a second after by theirs, and the other way round.
    let early = books.clean(500, next.start().minus(Duration::from_secs(1)));
    let late = books.clean(600, next.start().plus(Duration::from_secs(1)));
    let lost = books.clean(700, next.start().minus(Duration::from_secs(2)));
    books.put(&[early.clone(), late.clone(), lost.clone()]).await;
    books.bills.set(day, vec![late.row.unwrap()]);
    books.bills.set(next, vec![early.row.unwrap()]);

    let totals = books.office.compare("xnec", day).await.unwrap();
    assert_eq!(totals.open_differences, 2, "both may be in the next bill");
    let states: Vec<_> = books.office.found("xnec", day).await.iter().map(|f| f.state).collect();
    assert_eq!(states, [FoundState::Waiting; 2]);

    books.office.clock.advance(Duration::from_hours(24));
    let totals = books.office.compare("xnec", next).await.unwrap();
    assert_eq!(totals.open_differences, 0, "{:?}", books.office.found("xnec", next).await);
    let found = books.office.found("xnec", day).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].state, found[0].difference.differs),
        (FoundState::Open, Differs::OursOnly)
    );
    assert_eq!(found[0].difference.out_trade_no, lost.id.out_trade_no());
    assert_eq!(books.office.compare("xnec", day).await.unwrap().open_differences, 1);
}

async fn a_late_row_opens_a_closed_day_again(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let (first, second) = (books.clean(500, books.at(1)), books.clean(600, books.at(2)));
    books.put(std::slice::from_ref(&first)).await;
    books.bills.set(books.day, vec![first.row.clone().unwrap()]);
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!((totals.state(), totals.is_reopened), (DayState::Closed, false));

    books.put(std::slice::from_ref(&second)).await;
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!((totals.state(), totals.is_reopened), (DayState::Open, true));
    assert_eq!(books.world.rows.texts("SELECT state FROM bill_day").await, ["open"]);

    books.bills.set(books.day, vec![first.row.unwrap(), second.row.unwrap()]);
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!((totals.state(), totals.is_reopened), (DayState::Closed, false));
    assert_eq!((totals.our_rows, totals.billed_fen), (2, 1100));

    let third = books.clean(700, books.at(3));
    books.put(std::slice::from_ref(&third)).await;
    let mut rows = books.bills.0.lock().unwrap()[&books.day].clone();
    rows.push(third.row.unwrap());
    books.bills.set(books.day, rows);
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!((totals.state(), totals.is_reopened, totals.late_rows), (DayState::Closed, true, 1));
}

/// The provider corrects its bill: a row had a wrong amount, or has one now.
async fn a_row_has_the_amount_of_the_newest_bill(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let one = books.clean(500, books.at(1));
    books.put(std::slice::from_ref(&one)).await;
    let row = one.row.unwrap();
    let differing = "SELECT ours || ' ' || theirs || ' ' || state FROM bill_difference";
    for (billed, differs) in [
        (600, "¥5.00 ¥6.00 open"),
        (500, "¥5.00 ¥6.00 gone"),
        (700, "¥5.00 ¥7.00 open"),
        (500, "¥5.00 ¥7.00 gone"),
    ] {
        let amount = Fen::new(billed).unwrap();
        books.bills.set(books.day, vec![BillRow { amount, rate: None, ..row.clone() }]);
        let totals = books.office.compare("xnec", books.day).await.unwrap();
        assert_eq!((totals.our_rows, totals.billed_fen), (1, billed));
        assert_eq!(totals.open_differences, u64::from(billed != 500));
        assert_eq!(books.world.rows.texts(differing).await, [differs], "{billed}");
        let report = books.world.report().await.to_string();
        let line = report.lines().find(|line| line.contains("bills, fees and coupons")).unwrap();
        assert!(line.starts_with("ok"), "{billed}: {report}");
    }
}

/// The provider corrects its bill: a row of another transaction is gone, and the true one is there.
async fn a_row_that_the_bill_takes_back_is_for_two_persons(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let one = books.clean(500, books.at(1));
    books.put(std::slice::from_ref(&one)).await;
    // Open here, and paid in the first bill.
    let mut unpaid = books.clean(700, books.at(2));
    unpaid.state = "open";
    books.put(std::slice::from_ref(&unpaid)).await;
    let (good, unpaid) = (one.row.unwrap(), unpaid.row.unwrap());
    let wrong = BillRow { transaction_id: "another".to_owned(), ..good.clone() };
    let refund = BillRow {
        entry: BillEntry::Refund {
            refund_id: "R1".to_owned(),
            out_refund_no: "F1".to_owned(),
            stage: BilledRefund::Done,
        },
        ..good.clone()
    };
    let taken_back = ["another", "R1", &*unpaid.transaction_id];
    let states = "SELECT number || ' ' || state FROM bill_difference WHERE field = 'withdrawn' \
                  ORDER BY number";
    let said = |state: &str| {
        let mut all = taken_back.map(|number| format!("{number} {state}"));
        all.sort();
        all
    };
    let first = vec![wrong, refund, unpaid.clone()];
    books.bills.set(books.day, first.clone());
    books.office.compare("xnec", books.day).await.unwrap();
    assert!(books.world.rows.texts(states).await.is_empty());
    for _ in 0..2 {
        books.bills.set(books.day, vec![good.clone()]);
        let totals = books.office.compare("xnec", books.day).await.unwrap();
        assert_eq!((totals.state(), totals.open_differences), (DayState::Open, 3));
        assert_eq!(books.world.rows.texts(states).await, said("open"), "the rows are kept");
        let report = books.world.report().await.to_string();
        let line = report.lines().find(|line| line.contains("bills, fees and coupons")).unwrap();
        assert!(line.starts_with("ok"), "{report}");
    }
    books.bills.set(books.day, [vec![good], first].concat());
    books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!(books.world.rows.texts(states).await, said("gone"), "they came back");
}

async fn a_coupon_is_posted_and_explained(db: &TestDb) {
    let books = Box::pin(Books::open(db)).await;
    let mut one = books.clean(5000, books.at(1));
    let row = one.row.as_mut().unwrap();
    (row.coupon, row.fee) = (Fen::new(1000).unwrap(), Fee::from_fen(24));
    books.put(std::slice::from_ref(&one)).await;
    let row = one.row.unwrap();
    let refund = BillRow {
        entry: BillEntry::Refund {
            refund_id: "R1".to_owned(),
            out_refund_no: "F1".to_owned(),
            stage: BilledRefund::Done,
        },
        amount: Fen::new(2500).unwrap(),
        coupon: Fen::new(500).unwrap(),
        fee: Fee::from_fen(-12),
        ..row.clone()
    };
    books.bills.set(books.day, vec![row, refund]);
    let totals = books.office.compare("xnec", books.day).await.unwrap();
    assert_eq!((totals.fee_fen, totals.coupon_fen, totals.refunded_fen), (12, 500, 2500));
    let found = books.office.found("xnec", books.day).await;
    assert_eq!(found.len(), 1, "a refund that we do not know: {found:?}");
    assert_eq!(
        (found[0].difference.entry, found[0].difference.differs),
        ("refund", Differs::TheirsOnly)
    );

    let report = books.world.report().await.to_string();
    let line = report.lines().find(|line| line.contains("bills, fees and coupons")).unwrap();
    assert!(line.contains("4 transfers, each way"), "{report}");
    for forged in [
        "UPDATE bill_row SET fee_fen = 25 WHERE entry = 'payment'",
        "UPDATE bill_row SET coupon_fen = 999 WHERE entry = 'payment'",
        "UPDATE bill_row SET number = 'X' WHERE entry = 'refund'",
        "DELETE FROM bill_row WHERE entry = 'refund'",
    ] {
        books.world.rows.change(forged, []).await;
        let broken = books.world.report().await.to_string();
        assert!(
            broken.contains("fee wechat_pay:") || broken.contains("coupon wechat_pay:"),
            "{forged}: {broken}"
        );
    }
}
