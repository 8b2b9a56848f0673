//! Refunds that a provider refuses for ever, ended by two members of staff.

use super::whole_way::{staff, topped_up};
use crate::{
    console::browser::Browser,
    journey_money::refunds::{held, open_cases},
};
use onecard::ledger::account::SchoolAccount;
use sandbox::wechat_pay::{RefundEnd, RefundMode};
use serde_json::{Value, json};
use testkit::{Fault, PATIENCE, TestDb, World, eventually, on_each_database, within};

on_each_database!(
    two_persons_end_a_refund_that_is_refused,
    what_the_provider_knows_is_not_ended,
    a_surplus_that_is_refused_is_credited,
    an_order_paid_twice_is_refunded_where_it_was_credited,
);

const REFUNDS: &str = "/api/v1/staff/refunds";

async fn refused(world: &World) {
    eventually("staff hear of it", async || {
        open_cases(world).await.contains(&"refund_refused".to_owned()).then_some(())
    })
    .await;
}

/// Two minutes and more have passed since it was last sent, and it is not sent again by itself.
async fn wait(world: &World) {
    world.rows.change("UPDATE outbox SET due_at = due_at + 3600000000", []).await;
    world.rows.change("UPDATE refund SET sent_at = sent_at - 130000000", []).await;
}

async fn two_persons_end_a_refund_that_is_refused(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, order) = topped_up(&world).await;
    let asks = staff(&world, "asks", "1001", "finance").await;
    let approves = staff(&world, "approves", "1002", "finance").await;
    world.pay().set_refund_mode(RefundMode::NotEnough);
    let body = json!({ "order_id": order["id"], "amount_fen": 3000, "reason": "误充" });
    let asked = asks.ask(&format!("POST {REFUNDS}"), "ask", Some(&body)).await.body(201);
    assert_eq!(asked["kind"], "refund");
    let approve = format!("{REFUNDS}/{}/approve", asked["id"].as_str().unwrap());
    let refund = approves.post(&approve, &json!({})).await.body(200);
    refused(&world).await;
    let end = format!("POST {REFUNDS}/{}/end", refund["refund_id"].as_str().unwrap());
    let why = json!({ "reason": "商户余额不足" });
    let early = asks.ask(&end, "early", Some(&why)).await;
    early.problem("a moment ago", 409, "refund_just_sent");
    wait(&world).await;
    let ending = asks.ask(&end, "end", Some(&why)).await.body(201);
    assert_eq!((&ending["kind"], &ending["refund"]), (&json!("refund_end"), &json!("sent")));
    assert_eq!(ending["refund_id"], refund["refund_id"]);
    assert_eq!(asks.ask(&end, "end", Some(&why)).await.body(201), ending, "a repeat");
    let approve = format!("{REFUNDS}/{}/approve", ending["id"].as_str().unwrap());
    let same = asks.post(&approve, &json!({})).await;
    same.problem("the same person", 403, "second_person_needed");
    gate.everywhere(Some(Fault::BreaksOff));
    let silent = approves.post(&approve, &json!({})).await;
    silent.problem("no answer", 503, "provider_unavailable");
    assert_eq!(held(&world).await, 3000, "unknown is not failed");
    gate.heal();
    let ended = approves.post(&approve, &json!({})).await.body(200);
    assert_eq!((&ended["state"], &ended["refund"]), (&json!("approved"), &json!("failed")));
    assert_eq!(approves.post(&approve, &json!({})).await.body(200), ended, "a repeat");
    assert_eq!((student.balances().await[3], held(&world).await), (5000, 0));
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    let again = asks.ask(&end, "again", Some(&why)).await;
    again.problem("it has ended", 409, "refund_not_endable");
    world.assert_books(5000).await;
}

async fn what_the_provider_knows_is_not_ended(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = topped_up(&world).await;
    let asks = staff(&world, "asks", "1001", "finance").await;
    let approves = staff(&world, "approves", "1002", "finance").await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    let body = json!({ "order_id": order["id"], "amount_fen": 3000, "reason": "误充" });
    let asked = asks.ask(&format!("POST {REFUNDS}"), "ask", Some(&body)).await.body(201);
    let approve = format!("{REFUNDS}/{}/approve", asked["id"].as_str().unwrap());
    let refund = approves.post(&approve, &json!({})).await.body(200);
    let number = refund["refund_id"].as_str().unwrap().replace('-', "");
    within(PATIENCE, world.pay().until_refund(&number, |_| true)).await;
    wait(&world).await;
    let end = format!("POST {REFUNDS}/{number}/end");
    let ending = asks.ask(&end, "end", Some(&json!({ "reason": "等太久" }))).await.body(201);
    let approve = format!("{REFUNDS}/{}/approve", ending["id"].as_str().unwrap());
    for state in ["sent", "done"] {
        if state == "done" {
            world.pay().drop_refund_callbacks(&number).unwrap();
            world.pay().end_refund(&number, RefundEnd::Succeed).unwrap();
        }
        let known = approves.post(&approve, &json!({})).await;
        known.problem("it is known there", 409, "refund_known_there");
        let shown = student.order_again(&order).await;
        assert_eq!(shown["refunds"][0]["state"], state, "what it says is settled");
    }
    let over = approves.post(&approve, &json!({})).await;
    over.problem("it is done", 409, "refund_not_endable");
    world.assert_books(2000).await;
}

/// Paid by WeChat Pay first, and heard of by Alipay first: Alipay's money is credited.
async fn paid_twice(world: &World) -> (testkit::Student, Value, Value) {
    let (in_wechat, _) = (world.student(0).await, world.alipay_student(0).await);
    let order = in_wechat.order(5000, "first").await.body(201);
    world.pay_untold(&order).await;
    let again = in_wechat.try_again_by("alipay", &order, "again").await.body(201);
    let number = again["payment_id"].as_str().unwrap().replace('-', "");
    world.alipay().pay(&number).unwrap();
    eventually("both are known", async || {
        (world.rows.count("payment WHERE state = 'paid'").await == 2).then_some(())
    })
    .await;
    (in_wechat, order, again)
}

async fn a_surplus_that_is_refused_is_credited(db: &TestDb) {
    let world = World::start(db).await;
    let asks = staff(&world, "asks", "1001", "finance").await;
    let approves = staff(&world, "approves", "1002", "finance").await;
    world.pay().set_refund_mode(RefundMode::NotEnough);
    let (student, order, _) = paid_twice(&world).await;
    refused(&world).await;
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 5000);
    wait(&world).await;
    let id = world.rows.id("SELECT id FROM refund").await;
    let end = format!("POST {REFUNDS}/{id}/end");
    let ending = asks.ask(&end, "end", Some(&json!({ "reason": "已过退款期" }))).await.body(201);
    let (looks, _) = Browser::of(&world, "looks", "1003", &["auditor"]).await;
    let page = format!("/staff/approvals/refund/{}", ending["id"].as_str().unwrap());
    assert!(looks.get(&page).await.with(200).says("多付的在暂记户"), "it never was the person's");
    let approve = format!("{REFUNDS}/{}/approve", ending["id"].as_str().unwrap());
    approves.post(&approve, &json!({})).await.body(200);
    assert!(looks.get(&page).await.with(200).says("已回学生账户"));
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    assert_eq!(student.balances().await[3], 10000);
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    let shown = student.order_again(&order).await;
    assert_eq!(
        (&shown["state"], &shown["refunds"][0]["credited"]),
        (&json!("fulfilled"), &json!(true))
    );
    let lines = student.get("/api/v1/card/statement").await.body(200);
    assert_eq!(lines["items"][0]["title"], "款项认领");
    // Its money is the person's now: the payment has nothing left to give back.
    let payment = world.rows.id("SELECT payment_id FROM refund").await;
    let body = json!({ "payment_id": payment, "amount_fen": 100, "reason": "再退一次" });
    let again = asks.ask(&format!("POST {REFUNDS}"), "again", Some(&body)).await;
    again.problem("it was credited", 422, "refund_too_much");
    world.at_rest().await;
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
}

async fn an_order_paid_twice_is_refunded_where_it_was_credited(db: &TestDb) {
    let world = World::start(db).await;
    let asks = staff(&world, "asks", "1001", "finance").await;
    let (_, order, credited) = paid_twice(&world).await;
    let body = json!({ "order_id": order["id"], "amount_fen": 5000, "reason": "误充" });
    let asked = asks.ask(&format!("POST {REFUNDS}"), "ask", Some(&body)).await.body(201);
    assert_eq!(asked["payment_id"], credited["payment_id"]);
}
