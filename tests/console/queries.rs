//! 现在查询: the provider is asked at once about what is unknown, and the page says no more than it heard.

use super::browser::Browser;
use crate::staff::whole_way::staff;
use serde_json::json;
use testkit::{TestDb, World, on_each_database};

on_each_database!(a_lost_callback_is_asked_for);

async fn a_lost_callback_is_asked_for(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let path = format!("/staff/orders/{}", order["id"].as_str().unwrap());
    let page = office.get(&path).await.with(200);
    assert!(page.says("现在查询"), "{}", page.html);
    let query = format!("{path}/query");
    let asked = office.submit(&page, &query, &[]).await.with(303);
    let after = office.follow(&asked).await.with(200);
    assert!(after.says("还没有付款，结果还没有定"), "unknown stays unknown: {}", after.html);
    // Once in ten seconds for an order, on whatever page and as JSON.
    let again = office.submit(&page, &query, &[]).await.with(303);
    assert!(office.follow(&again).await.says("10 秒后再试"));
    let finance = staff(&world, "finance", "1002", "finance").await;
    let json = format!("/api/v1{query}");
    finance.post(&json, &json!({})).await.problem("again", 429, "asked_just_now");
    let auditor = staff(&world, "audits", "1003", "auditor").await;
    auditor.post(&json, &json!({})).await.problem("reads only", 403, "staff_right_missing");
    let second = student.order(3000, "second").await.body(201);
    world.pay_untold(&second).await;
    let path = format!("/staff/orders/{}", second["id"].as_str().unwrap());
    let page = office.get(&path).await.with(200);
    let asked = office.submit(&page, &format!("{path}/query"), &[]).await.with(303);
    let after = office.follow(&asked).await.with(200);
    assert!(after.says("已付款，已到账") && !after.says("现在查询"), "{}", after.html);
    assert_eq!(student.balances().await[3], 3000);
    let log = "SELECT COUNT(*) FROM audit_entry WHERE act = 'provider.asked'";
    assert_eq!(world.rows.number(log).await, 4, "each question is told");
    world.assert_books(3000).await;
}
