//! SIGKILL between any two writes of a comparison of bills, and of accepting a difference: what was begun
//! is done again to its end, and counts once.
//!
//! `ONECARD_LONG=1` takes every point, otherwise it is one of [`SAMPLE`]; `ONECARD_SEED` says beginning
//! with which.

use super::{
    office::{Office, noon_after},
    repairs::{Made, ROOT, approve, billed, staff},
};
use crate::{
    journey_money::write_points::{OF_BILLS, times},
    staff::support::Member,
};
use onecard::{
    base::clock::{Day, SystemClock},
    ledger::{account::SchoolAccount, seal},
    orders::fact::Provider,
    wiring::Settings,
};
use sandbox::wechat_pay::CallbackMode;
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
};
use testkit::{
    PATIENCE, Program, Student, TestDb, World, eventually, now, on_each_database, sample, wish_by,
    within,
};

on_each_database!(
    a_comparison_that_is_killed_between_any_two_writes_is_made_again,
    an_acceptance_that_is_killed_between_any_two_writes_is_given_again,
);

const DIE_AT: &str = "ONECARD_DIE_AT";
const RECORD: &str = "ONECARD_WRITE_POINTS";
const SIGKILL: i32 = 9;
/// Which day of which provider the child compares.
const COMPARES: &str = "ONECARD_TEST_COMPARES";
const CHILD: &str = "reconciliation::killed::a_process_that_compares_a_day";
/// A normal run takes one of so many points.
const SAMPLE: usize = 6;
/// What is paid by each payment, and given back of one in the console.
const PAID: i64 = 1000;
const BACK: i64 = 300;

/// What is killed: this program again, at noon of the next day. Otherwise it does nothing.
#[tokio::test]
async fn a_process_that_compares_a_day() {
    let Ok(wanted) = std::env::var(COMPARES) else { return };
    let (provider, day) = wanted.split_once('|').unwrap();
    let day = Day::from_number(day.parse().unwrap());
    let settings = Settings::load(None, std::env::vars()).unwrap();
    let mut office = Office::of(settings, noon_after(day)).await;
    office.provider = Provider::from_code(provider).unwrap();
    office.compare("xnec", day).await.unwrap();
}

/// A day of one provider, on which more and more happens.
struct Case {
    world: World,
    student: Student,
    office: Office,
    day: Day,
    rounds: i64,
}

async fn a_comparison_that_is_killed_between_any_two_writes_is_made_again(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    world.alipay_student(0).await;
    world.sandbox().callbacks.set_mode(CallbackMode::Manual);
    let day = now().day();
    let office = Office::open(&world, noon_after(day)).await;
    let mut case = Case { world, student, office, day, rounds: 0 };
    let mut before = 0;
    for provider in Provider::ALL {
        case.office.provider = provider;
        case.rounds = 0;
        let (deaths, fee) = case.record().await;
        for point in sample(deaths, SAMPLE) {
            println!("{point} of {}", provider.code());
            case.something_happens().await;
            let ended = case.compare(Some((DIE_AT, &point))).await;
            assert_eq!(ended.signal(), Some(SIGKILL), "{point}: {ended}");
            case.assert_clean(&point).await;
            assert!(case.compare(None).await.success(), "{point}");
            case.assert_compared(&point, (before, fee)).await;
        }
        before = case.student.balances().await[3];
    }
}

impl Case {
    /// Compares undisturbed; answers each point that is worth dying at, and the fee of a round. The first
    /// comparison opens accounts, which later ones find there: the second is recorded.
    async fn record(&mut self) -> (Vec<String>, i64) {
        self.something_happens().await;
        assert!(self.compare(None).await.success());
        self.something_happens().await;
        let file = self.world.path(self.office.provider.code());
        assert!(self.compare(Some((RECORD, &file))).await.success());
        let text = fs::read_to_string(&file).unwrap();
        let reached: Vec<&str> = text.lines().collect();
        let names: BTreeSet<&str> = reached.iter().copied().collect();
        let whats = names.iter().filter_map(|name| name.split_once('|')).map(|(what, _)| what);
        let whats: BTreeSet<&str> = whats.filter(|what| what.starts_with("bill: ")).collect();
        assert_eq!(whats, OF_BILLS.into_iter().collect());
        let deaths = deaths(&reached, "");
        let totals = self.office.compare("xnec", self.day).await.unwrap();
        assert_ne!(totals.fee_fen, 0);
        (deaths, totals.fee_fen / self.rounds)
    }

    /// A payment that we are told of, one that we are not, and one of which some is given back in the
    /// console, untold.
    async fn something_happens(&mut self) {
        self.rounds += 1;
        self.world.sandbox_clock().set_offset(chrono::TimeDelta::zero());
        for what in ["told", "untold", "back"] {
            let key = format!("{}-{}-{what}", self.office.provider.code(), self.rounds);
            let wish = wish_by(self.office.provider.code(), PAID);
            let order = self.student.order_with(&wish, &key).await.unwrap().body(201);
            let number = self.world.out_trade_no(&order).await;
            self.pay(&number, what != "untold").await;
            if what == "back" {
                match self.office.provider {
                    Provider::WechatPay => {
                        drop(self.world.pay().refund_in_console(&number, BACK).unwrap());
                    }
                    Provider::Alipay => drop(self.world.alipay().refund(&number, BACK).unwrap()),
                }
            }
        }
    }

    async fn pay(&self, number: &str, is_told: bool) {
        match self.office.provider {
            Provider::WechatPay => {
                self.world.pay().pay(number).unwrap();
                if is_told {
                    self.world.pay().deliver(number).unwrap();
                    self.world.until(number, |payment| payment.accepted == 1).await;
                }
            }
            Provider::Alipay => {
                self.world.alipay().pay(number).unwrap();
                if is_told {
                    self.world.alipay().deliver(number).unwrap();
                    self.world.alipay().until(number, |trade| trade.accepted == 1).await;
                }
            }
        }
    }

    /// Compares the day in a process of its own, at noon of the next, told to die or to record.
    async fn compare(&self, told: Option<(&str, &str)>) -> ExitStatus {
        let noon = noon_after(self.day);
        let ahead = chrono::TimeDelta::from_std(noon.distance(now())).unwrap();
        self.world.sandbox_clock().set_offset(ahead);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", CHILD, "--quiet"])
            .envs(self.world.settings("http://127.0.0.1:1"))
            .env(COMPARES, format!("{}|{}", self.office.provider.code(), self.day.number()))
            .envs(told)
            .stdout(Stdio::null());
        let ended = tokio::task::spawn_blocking(move || command.status().unwrap());
        within(PATIENCE, ended).await.unwrap()
    }

    async fn assert_clean(&self, point: &str) {
        seal::seal_all(&self.world.db, &SystemClock).await.unwrap();
        let report = self.world.report().await;
        assert!(report.is_clean(), "{point}: {report}");
    }

    /// Each row of the bill is there once, with its fee; no difference is left, and the next comparison
    /// finds what this one left.
    async fn assert_compared(&self, point: &str, (before, fee): (i64, i64)) {
        let Self { world, office, day, rounds, .. } = self;
        let of_day = format!("bill_day WHERE provider = '{}'", office.provider.code());
        let states = world.rows.texts(&format!("SELECT state FROM {of_day}")).await;
        assert_eq!(states, ["closed"], "{point}");
        let open = "bill_difference WHERE state IN ('open', 'waiting')";
        assert_eq!(world.rows.count(open).await, 0, "{point}");
        let rows = format!("bill_row WHERE provider = '{}'", office.provider.code());
        assert_eq!(world.rows.count(&rows).await, 4 * rounds, "{point}");
        assert_eq!(
            self.student.balances().await[3],
            before + rounds * (3 * PAID - BACK),
            "{point}"
        );
        let totals = office.compare("xnec", *day).await.unwrap();
        let (counts, n) = (
            (totals.our_rows, totals.paid_count, totals.back_count),
            u64::try_from(*rounds).unwrap(),
        );
        assert_eq!(counts, (4 * n, 3 * n, n), "{point}");
        assert_eq!(totals.fee_fen, rounds * fee, "{point}");
        let found = (totals.open_differences, totals.late_rows, totals.repaired);
        assert_eq!(found, (0, 0, 0), "{point}");
        self.assert_clean(point).await;
    }
}

/// Each point of this work that is worth dying at, and at the how-manieth time.
fn deaths(reached: &[&str], of: &str) -> Vec<String> {
    let names: BTreeSet<&str> =
        reached.iter().copied().filter(|name| name.starts_with(of)).collect();
    let each = |name: &&str| {
        let name = (*name).to_owned();
        (1..=times(reached, &name)).map(move |nth| format!("{name}|{nth}"))
    };
    names.iter().flat_map(each).collect()
}

/// So many differences of one fen, one for each death.
const DIFFERENCES: u64 = 40;
const APPROVE: &str = "POST /api/v1/staff/reconciliation/repairs/{id}/approve";

async fn an_acceptance_that_is_killed_between_any_two_writes_is_given_again(db: &TestDb) {
    let mut world = World::start(db).await;
    let student = world.student(0).await;
    let asked = Box::pin(asked(&world, &student)).await;
    let mut decides = staff(&world, "decides", "1002", "finance").await;
    // The first opens the school's account of corrections, which no later one does.
    decides.post(&approve(&asked[0]), &json!({})).await.body(200);
    world.stop_first();
    let mut program = Program::of(&world, crate::ONECARD);
    decides.api = program.api();
    let student = student.at(program.api());
    let paid = i64::try_from(DIFFERENCES).unwrap() * PAID;

    let file = world.path("points");
    program.start_told(RECORD, &file).await;
    assert_eq!(program.api().get("/readyz").await.status, 200);
    decides.post(&approve(&asked[1]), &json!({})).await.body(200);
    program.kill();
    let text = fs::read_to_string(&file).unwrap();
    let deaths = deaths(&text.lines().collect::<Vec<_>>(), APPROVE);
    assert!((5..asked.len()).contains(&deaths.len()), "{deaths:?}");
    let mut accepted = 2;
    for (asked, point) in asked[2..].iter().zip(sample(deaths, SAMPLE)) {
        println!("{point}");
        program.start_told(DIE_AT, &point).await;
        let running = RefCell::new(&mut program);
        let signal = eventually("it is killed", async || {
            let line = format!("POST {}", approve(asked));
            let nothing = json!({});
            let ask = decides.api.try_ask(&decides.access_token, (&line, "k"), Some(&nothing));
            // It may not be ready yet.
            let _ = ask.await;
            running.borrow_mut().death()
        });
        assert_eq!(signal.await, SIGKILL, "{point}");
        program.start().await;
        for _ in 0..2 {
            let approved = decides.post(&approve(asked), &json!({})).await.body(200);
            assert_eq!(approved["state"], "approved", "{point}");
            assert_eq!(approved["difference"]["state"], "accepted", "{point}");
        }
        accepted += 1;
        assert_eq!(student.balances().await[3], paid + accepted, "{point}");
        assert_eq!(world.rows.count("bill_repair").await, accepted, "{point}");
        program.kill();
    }
    let (code, said, _) = program.run(&["verify"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.school_balance("xnec", SchoolAccount::Adjustment).await, -accepted);
}

/// Payments that the bill has with a fen more, each with a request to accept it.
async fn asked(world: &World, student: &Student) -> Vec<Value> {
    let (day, mut rows) = (now().day(), Vec::new());
    for n in 0..DIFFERENCES {
        let order = student.order(PAID, &format!("key-{n}")).await.body(201);
        let payment = world.pay_order(&order).await;
        world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
        rows.push(billed(world, &payment.out_trade_no, PAID + 1));
    }
    let mut office = Office::open(world, noon_after(day)).await;
    office.take_bills_from(Arc::new(Made::of(rows)));
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, DIFFERENCES);
    let asks: Member = staff(world, "asks", "1001", "finance").await;
    let days = asks.get(&format!("{ROOT}/days")).await.body(200);
    let of_day = format!("{ROOT}/days/{}", days["items"][0]["id"].as_str().unwrap());
    let found = asks.get(&format!("{of_day}/differences?limit=50")).await.body(200);
    let mut asked = Vec::new();
    for difference in found["items"].as_array().unwrap() {
        let id = difference["id"].as_str().unwrap();
        let (line, why) =
            (format!("POST {ROOT}/differences/{id}/repair"), json!({ "reason": "账单金额为准" }));
        asked.push(asks.ask(&line, id, Some(&why)).await.body(201));
    }
    asked
}
