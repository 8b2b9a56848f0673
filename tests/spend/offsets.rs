//! Phones whose clocks are wrong by −60 to +60 seconds, at every second of a step: who is a step off
//! at most pays, everybody else is told so, and a code that was shown early is not good later.
//!
//! `ONECARD_LONG=1` stands at all fifteen seconds of a step, otherwise at three.

use crate::spend::{
    counter::{Counter, code},
    phone::Phone,
};
use futures_util::future::join_all;
use onecard::{
    base::{
        clock::{Clock, Timestamp},
        lane::Lanes,
    },
    passcode::{CodePurpose, Codes, Prefixes, Scan, ScanPlace, Step},
    spend::charging::Charging,
};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use testkit::{TestDb, on_each_database};

on_each_database!(clocks_that_are_wrong_pay_within_a_step_and_are_told_beyond);

const STEP_SECONDS: u64 = 15;
const PHONES: usize = 6;
const MONEY: i64 = 100_000;

fn moved(at: Timestamp, seconds: i64) -> Timestamp {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { at.minus(by) } else { at.plus(by) }
}

/// A till of the school, and what it was told.
struct Till {
    counter: Counter,
    codes: Codes,
    lanes: Lanes<Charging>,
    seq: AtomicI64,
}

impl Till {
    /// Shows a code now.
    async fn show(&self, digits: &str) -> String {
        let prefixes = Prefixes::default();
        let school = self.counter.school.id;
        let (terminal, accepts) = (uuid::Uuid::from_u128(1), &[CodePurpose::Pay]);
        let place = ScanPlace { school, terminal, accepts, prefixes: &prefixes };
        let now = self.counter.clock.now();
        let scan = Scan::of(self.codes.find(&place, digits, now).await.unwrap().0).unwrap();
        let seq = self.seq.fetch_add(1, Ordering::SeqCst);
        let asking = self.counter.asking(scan, (1, seq), 1);
        code(&self.lanes.submit(asking).await.unwrap())
    }
}

async fn clocks_that_are_wrong_pay_within_a_step_and_are_told_beyond(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let counter = Counter::open(db, "", MONEY).await;
    let (codes, lanes) = (counter.charging().codes, counter.lanes());
    let till = Till { counter, codes, lanes, seq: AtomicI64::new(1) };
    let mut told = BTreeMap::<String, usize>::new();
    for second in (0..STEP_SECONDS).step_by(if long { 1 } else { 7 }) {
        let now = till.counter.clock.now();
        assert_eq!(now.seconds().rem_euclid(15), i64::try_from(second).unwrap());
        let shown = shown_by_wrong_clocks(&till.counter.phones, now);
        let answers = join_all(shown.iter().map(|(_, _, digits)| till.show(digits))).await;
        for ((offset, steps, _), said) in shown.iter().zip(answers) {
            let wanted = if steps.abs() <= 1 { "ok" } else { "code_clock_skew" };
            assert_eq!(said, wanted, "{offset} s, {second} s into the step");
            *told.entry(said).or_default() += 1;
        }
        // The time of those that were a minute early has come.
        till.counter.clock.advance(Duration::from_mins(1));
        for (.., digits) in shown.iter().filter(|(_, steps, _)| *steps == 4) {
            assert_eq!(till.show(digits).await, "code_used", "shown early");
            *told.entry("code_used, shown early".to_owned()).or_default() += 1;
        }
        // Minutes later, so that no code of before is shown again.
        let step = if long { 1 } else { 7 };
        till.counter.clock.advance(Duration::from_mins(4) + Duration::from_secs(step));
    }
    println!("clocks wrong by -60 to +60 s: {told:?}");
    let paid = i64::try_from(told["ok"]).unwrap();
    let mut left = 0;
    for phone in 0..PHONES {
        left += crate::spend::shop::total(&till.counter.world, till.counter.person(phone)).await;
    }
    assert_eq!(left, MONEY * i64::try_from(PHONES).unwrap() - paid);
    crate::spend::shop::is_sound(&till.counter.world).await;
}

/// For each offset in seconds: how many steps that is off, and a code that nobody else shows.
fn shown_by_wrong_clocks(phones: &[Phone], now: Timestamp) -> Vec<(i64, i64, String)> {
    let mut of_step = BTreeMap::<i64, usize>::new();
    let show = |offset: i64| {
        let at = moved(now, offset);
        let steps = steps_between(now, at);
        let nth = of_step.entry(steps).or_default();
        let (phone, sub) = (*nth % PHONES, *nth / PHONES);
        *nth += 1;
        (offset, steps, phones[phone].digits(CodePurpose::Pay, at, sub))
    };
    (-60..=60).map(show).collect()
}

fn steps_between(now: Timestamp, shown: Timestamp) -> i64 {
    let tick = |at| i64::try_from(Step::DEFAULT.tick(at).number()).unwrap();
    tick(shown) - tick(now)
}
