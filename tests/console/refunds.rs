//! Two persons at two browsers: a refund is asked for, and approved.

use super::browser::Browser;
use crate::staff::whole_way::{staff, topped_up};
use serde_json::json;
use testkit::{TestDb, World, eventually, on_each_database};

on_each_database!(a_second_person_approves_at_a_browser, markup_in_a_reason_is_text);

const REFUNDS: &str = "/api/v1/staff/refunds";

async fn a_second_person_approves_at_a_browser(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let body = json!({ "order_id": order["id"], "amount_fen": 1200, "reason": "误充" });
    let asked = office.ask(&format!("POST {REFUNDS}"), "a", Some(&body)).await.body(201);
    let id = asked["id"].as_str().unwrap();
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let today = finance.get("/staff").await.with(200);
    assert!(today.says("退款待复核") && today.says("<strong>1</strong>"), "{}", today.html);
    let list = finance.get("/staff/approvals?desk=refund").await.with(200);
    for word in ["¥12.00", "误充", "待复核", "office"] {
        assert!(list.says(word), "{word}: {}", list.html);
    }
    let path = format!("/staff/approvals/refund/{id}");
    assert!(list.says(&format!("href=\"{path}")), "{}", list.html);
    let one = finance.get(&path).await.with(200);
    assert!(one.says("在学生账户，没有变动") && one.says("另一人复核"), "{}", one.html);
    finance.submit(&one, &format!("{path}/reject"), &[("reason", " ")]).await.with(422);
    let approved = finance.submit(&one, &format!("{path}/approve"), &[]).await.with(303);
    let after = finance.follow(&approved).await.with(200);
    assert!(after.says("role=\"status\">已通过"), "{}", after.html);
    assert_eq!(student.balances().await[3], 3800);
    // Twice, or from a tab that was opened before: the same one refund.
    finance.submit(&one, &format!("{path}/approve"), &[]).await.with(303);
    let late = finance.submit(&one, &format!("{path}/reject"), &[("reason", "no")]).await.with(409);
    assert!(late.says("该申请已处理或已过期"), "{}", late.html);
    eventually("the payer has it", async || {
        finance.get(&path).await.says("已退到账").then_some(())
    })
    .await;
    assert_eq!(student.balances().await[3], 3800);
}

async fn markup_in_a_reason_is_text(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let reason = "<script>alert(1)</script>\"'&";
    let body = json!({ "order_id": order["id"], "amount_fen": 1, "reason": reason });
    let asked = office.ask(&format!("POST {REFUNDS}"), "a", Some(&body)).await.body(201);
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let one = format!("/staff/approvals/refund/{}", asked["id"].as_str().unwrap());
    for path in ["/staff/approvals", &one] {
        let page = finance.get(path).await.with(200);
        assert!(!page.says("<script") && page.says("&#60;script&#62;"), "{}", page.html);
    }
    // Who asked takes it back, and another office cannot.
    let (own, _) = Browser::of(&world, "office2", "1001", &["finance"]).await;
    let page = own.get(&one).await.with(200);
    assert!(!page.says("/approve\"") && page.says("/withdraw\""), "one person: {}", page.html);
    own.submit(&page, &format!("{one}/approve"), &[]).await.with(403);
    let page = finance.get(&one).await.with(200);
    finance.submit(&page, &format!("{one}/withdraw"), &[]).await.with(403);
    let withdrawn = own.submit(&own.get(&one).await, &format!("{one}/withdraw"), &[]).await;
    assert!(own.follow(&withdrawn).await.says("已撤回"));
}
