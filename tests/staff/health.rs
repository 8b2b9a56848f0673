//! How the system runs, as a page and as JSON.

use super::whole_way::{staff, topped_up};
use crate::console::browser::Browser;
use serde_json::json;
use std::time::Duration;
use testkit::{TestDb, World, eventually, now, on_each_database};

on_each_database!(what_waits_is_said_in_plain_words);

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
