//! A refund by two members of staff, from the request to the payer.

use super::support::{Member, add};
use crate::journey_money::refunds::spend;
use serde_json::{Value, json};
use testkit::{TestDb, World, eventually, on_each_database};

on_each_database!(two_members_of_staff_give_money_back, what_was_spent_is_not_given_back);

const REFUNDS: &str = "/api/v1/staff/refunds";

pub async fn staff(world: &World, login: &str, staff_no: &str, role: &str) -> Member {
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, (login, staff_no, &[role])).await;
    Member::enrol(world, login, &printed).await
}

pub async fn topped_up(world: &World) -> (testkit::Student, Value) {
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    (student, order)
}

async fn two_members_of_staff_give_money_back(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let finance = staff(&world, "finance", "1002", "finance").await;
    let ask = |amount_fen: i64, key: &str| {
        let body = json!({ "order_id": order["id"], "amount_fen": amount_fen, "reason": "误充" });
        let (office, key) = (office.clone(), key.to_owned());
        async move { office.ask(&format!("POST {REFUNDS}"), &key, Some(&body)).await }
    };
    let much = ask(5001, "much").await.problem("more than was paid", 422, "refund_too_much");
    assert_eq!(much["refundable_fen"], 5000);
    let asked = ask(1200, "a").await.body(201);
    assert_eq!(student.balances().await[3], 5000, "nothing is posted yet");
    let approve = format!("{REFUNDS}/{}/approve", asked["id"].as_str().unwrap());
    let none = office.post(&approve, &json!({})).await;
    none.problem("who asked", 403, "staff_right_missing");
    let approved = finance.post(&approve, &json!({})).await.body(200);
    assert_eq!(approved["state"], "approved");
    assert_eq!(student.balances().await[3], 3800, "it is held at once");
    let one = format!("{REFUNDS}/{}", asked["id"].as_str().unwrap());
    let done = eventually("the payer has it", async || {
        let refund = office.get(&one).await.body(200);
        (refund["refund"] == "done").then_some(refund)
    })
    .await;
    let order = student.order_again(&order).await;
    assert_eq!(order["refunds"][0]["amount_fen"], 1200, "{order}");
    let heard = student.get("/api/v1/events?after=0").await.body(200);
    let of_order = heard["items"].as_array().unwrap().iter();
    let states: Vec<&Value> =
        of_order.filter(|one| one["kind"] == "order_changed").map(|one| &one["state"]).collect();
    assert_eq!(states, ["fulfilled", "refunding", "fulfilled"], "{heard}");
    let listed = office.get(REFUNDS).await.body(200);
    assert_eq!((&listed["items"][0], &listed["next_cursor"]), (&done, &Value::Null));
    let less = ask(3801, "b").await.problem("more than is left", 422, "refund_too_much");
    assert_eq!(less["refundable_fen"], 3800);
    world.assert_books(3800).await;
}

async fn what_was_spent_is_not_given_back(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let asks = staff(&world, "asks", "1001", "finance").await;
    let approves = staff(&world, "approves", "1002", "finance").await;
    let ask = async |amount_fen: i64, key: &str| {
        let body = json!({ "order_id": order["id"], "amount_fen": amount_fen, "reason": "误充" });
        asks.ask(&format!("POST {REFUNDS}"), key, Some(&body)).await
    };
    let asked = ask(3000, "first").await.body(201);
    let approve = format!("{REFUNDS}/{}/approve", asked["id"].as_str().unwrap());
    spend(&world, 2500).await;
    let answer = approves.post(&approve, &json!({})).await;
    answer.problem("spent meanwhile", 409, "refund_spent");
    assert_eq!(world.rows.count("refund").await, 0, "a request that is not approved makes none");
    let one = format!("{REFUNDS}/{}", asked["id"].as_str().unwrap());
    assert_eq!(asks.get(&one).await.body(200)["state"], "requested", "it stays open");
    assert_eq!(
        asks.post(&format!("{one}/withdraw"), &json!({})).await.body(200)["state"],
        "withdrawn"
    );
    let asked = ask(2500, "second").await.body(201);
    let approve = format!("{REFUNDS}/{}/approve", asked["id"].as_str().unwrap());
    assert_eq!(approves.post(&approve, &json!({})).await.body(200)["state"], "approved");
    let unpaid = world.student(1).await.order(5000, "other").await.body(201);
    let body = json!({ "order_id": unpaid["id"], "amount_fen": 100, "reason": "误充" });
    let answer = asks.ask(&format!("POST {REFUNDS}"), "u", Some(&body)).await;
    answer.problem("an order that is not paid", 404, "not_found");
}
