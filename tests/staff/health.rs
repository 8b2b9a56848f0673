//! How the system runs, as a page and as JSON.

use super::whole_way::{staff, topped_up};
use crate::console::browser::Browser;
use onecard::{
    base::{
        clock::{Clock, ManualClock},
        ids::SchoolId,
        job_runs::{self, JobRun, JobRuns},
    },
    orders::fact::Provider,
    reconciliation::BillStanding,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, eventually, now, on_each_database};

on_each_database!(
    what_waits_is_said_in_plain_words,
    a_job_that_fails_is_late,
    a_provider_that_is_not_configured_is_not_late,
    jobs_write_how_they_go,
);

const HEALTH: &str = "/api/v1/staff/health";

async fn what_waits_is_said_in_plain_words(db: &TestDb) {
    let world = World::start(db).await;
    topped_up(&world).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let health = eventually("it is sealed", async || {
        let health = network.get(HEALTH).await.body(200);
        (health["sealing"]["waiting"] == 0).then_some(health)
    })
    .await;
    assert_eq!((&health["level"], &health["outbox"]), (&json!("well"), &json!([])), "{health}");
    assert!(health["sealing"]["position"].as_i64().unwrap() > 0, "{health}");
    let heard = |provider: &str| {
        let providers = health["providers"].as_array().unwrap().iter();
        let mut of_it = providers.filter(|one| one["provider"] == provider);
        of_it.next().unwrap()["heard_at"].clone()
    };
    assert!(heard("wechat_pay").is_string() && heard("alipay").is_null(), "{health}");
    let (page, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let well = page.get("/staff/health").await.with(200);
    for word in
        ["一切正常。", "微信支付", "最近一次通知", "还没有收到过通知", "没有等待发出的", "封存至"]
    {
        assert!(well.says(word), "{word}: {}", well.html);
    }
    // A job of this school, and one of another.
    for (school, minutes, level) in
        [("hbkj", 600, "well"), ("xnec", 6, "late"), ("xnec", 61, "stuck")]
    {
        let at = now().minus(Duration::from_mins(minutes)).micros();
        let id = world.rows.literal(&onecard::base::ids::uuid_at(now()).to_string());
        let school = world.rows.school(school).await;
        let sql = format!(
            "INSERT INTO outbox (id, school_id, kind, subject, day, created_at, due_at, leased_until, tries, state) \
             VALUES ({id}, {school}, 'refund', '{minutes}', 1, {at}, {}, 0, 3, 'waiting')",
            i64::MAX
        );
        world.rows.change(&sql, []).await;
        let health = network.get(HEALTH).await.body(200);
        assert_eq!(health["level"], level, "{health}");
    }
    let stuck = page.get("/staff/health").await.with(200);
    for word in ["有工作停住了", "发出退款", "等待 2 项", "最多试过 3 次", "不会重复办理"]
    {
        assert!(stuck.says(word), "{word}: {}", stuck.html);
    }
    let office = staff(&world, "office", "1001", "card_office").await;
    office.get(HEALTH).await.problem("the card office", 403, "staff_right_missing");
}

async fn a_job_that_fails_is_late(db: &TestDb) {
    let world = World::start(db).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let (page, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    // One that fails for an hour, one that failed once.
    let ago = |minutes| now().minus(Duration::from_mins(minutes)).micros();
    for (name, since) in [("sweep of a test", ago(61).to_string()), ("bills", "NULL".to_owned())] {
        let sql = format!(
            "INSERT INTO job_run (name, done_at, failed_at, failure, failing_since) \
             VALUES ('{name}', {}, {}, 'database', {since}) ON CONFLICT (name) DO UPDATE SET \
             failed_at = excluded.failed_at, failure = excluded.failure",
            ago(62),
            ago(1)
        );
        world.rows.change(&sql, []).await;
    }
    let health = network.get(HEALTH).await.body(200);
    let job = |name: &str| {
        let mut all = health["jobs"].as_array().unwrap().iter();
        all.find(|job| job["name"] == name).unwrap().clone()
    };
    let (sweep, bills) = (job("sweep of a test"), job("bills"));
    assert_eq!([&sweep["level"], &sweep["failure"]], ["stuck", "database"], "{health}");
    assert_eq!((&bills["level"], bills["failing_since"].is_null()), (&json!("well"), true));
    let shown = page.get("/staff/health").await.with(200);
    for word in ["任务：sweep of a test", "任务：取账单并核对", "数据库没有回答", "后台任务"]
    {
        assert!(shown.says(word), "{word}: {}", shown.html);
    }
    // Bills: of both providers that are configured, of which there never was any.
    let of = health["bills"].as_array().unwrap();
    assert_eq!(of.len(), 2, "{health}");
    assert!(of.iter().all(|one| one["date"].is_null() && one["level"] == "well"), "{health}");
    assert!(shown.says("还没有核对过账单"), "{}", shown.html);
}

async fn a_provider_that_is_not_configured_is_not_late(db: &TestDb) {
    let world = World::start(db).await;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let at = now();
    // One that is due, and one that is older than any provider's bills.
    for days in [3, 100] {
        let id = world.rows.literal(&onecard::base::ids::uuid_at(at).to_string());
        let (school, day) = (school.number(), at.day().number() - days);
        let sql = format!(
            "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, run, \
             file_hash, bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, \
             refunded_fen, fee_fen, coupon_fen, open_differences, compared_at) VALUES ({id}, \
             {school}, 'alipay', 'm', {day}, 'open', 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
        );
        assert_eq!(world.rows.change(&sql, []).await, 1);
    }
    let all = BillStanding::of_school(&world.db, school, (&Provider::ALL, at)).await.unwrap();
    let missing = |provider| all.iter().find(|one| one.provider == provider).unwrap().missing;
    assert_eq!([Provider::Alipay, Provider::WechatPay].map(missing), [1, 0]);
    let only = [Provider::WechatPay];
    let one = BillStanding::of_school(&world.db, school, (&only, at)).await.unwrap();
    assert_eq!(one.len(), 1, "{one:?}");
    assert_eq!((one[0].last, one[0].missing), (None, 0));
}

async fn jobs_write_how_they_go(db: &TestDb) {
    let world = World::start(db).await;
    let clock = Arc::new(ManualClock::new(now()));
    let ticks: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let runs = Arc::new(JobRuns::new(ticks));
    let (start, id) = (clock.now(), runs.named("a test"));
    let row = async || {
        let all = JobRun::all(&world.db, clock.now()).await.unwrap();
        all.into_iter().find(|run| run.name == "a test").unwrap()
    };
    let turn = async |is_done: bool| {
        let noting =
            async { if is_done { job_runs::done() } else { job_runs::failed("provider") } };
        Arc::clone(&runs).of(id, noting).await;
        runs.write(&world.db).await.unwrap();
        clock.advance(Duration::from_mins(1));
        row().await
    };
    let failed = turn(false).await;
    assert_eq!((failed.done_at, failed.failing_since), (None, Some(start)));
    let again = turn(false).await;
    assert_eq!(again.failing_since, Some(start), "since the first");
    let done = turn(true).await;
    assert_eq!(
        (done.done_at, done.failing_since),
        (Some(start.plus(Duration::from_mins(2))), None)
    );
    assert_eq!(done.failed, Some((start.plus(Duration::from_mins(1)), "provider".to_owned())));
    // Whoever had such a job has it no more.
    let is_shown = async |after: Duration| {
        let all = JobRun::all(&world.db, start.plus(after)).await.unwrap();
        all.iter().any(|run| run.name == "a test")
    };
    let days = |days: u64| Duration::from_hours(24 * days);
    assert!(is_shown(days(7)).await && !is_shown(days(8)).await);
}
