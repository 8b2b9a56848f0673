//! The end of a binding: what ends and what stays.

use crate::identity::support::{OWN, change, unbind};
use testkit::{PEOPLE, TestDb, World, on_each_database};

on_each_database!(unbinding_ends_the_binding_and_keeps_its_history, unbinding_needs_the_password);

async fn unbinding_ends_the_binding_and_keeps_its_history(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let other = world.login(0).await;
    let order = student.order(5000, "key").await.body(201);
    world.pay_order(&order).await;
    world.until(&world.out_trade_no(&order).await, |payment| payment.accepted == 1).await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);

    assert_eq!(unbind(&student, PEOPLE[0].1).await.status, 204);
    student.get("/api/v1/card").await.problem("card", 403, "not_bound");
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    student.get(&path).await.problem("its orders", 403, "not_bound");
    unbind(&student, PEOPLE[0].1).await.problem("again", 403, "not_bound");
    change(&student, PEOPLE[0].1, OWN).await.problem("its password", 403, "not_bound");
    // Other sessions of the identity see it within the second that a copy may live.
    super::sessions::within_a_copy("the other session sees it", async || {
        other.me().await.body(200)["binding"].is_null().then_some(())
    })
    .await;
    assert_eq!(
        world.rows.number("SELECT COUNT(*) FROM binding WHERE ended_at IS NOT NULL").await,
        1
    );

    // The card is free for whoever proves to be its holder, and nothing of it is lost.
    let next = world.login(1).await;
    next.bind("xnec", PEOPLE[0]).await.body(201);
    assert_eq!(next.balances().await, [0, 0, 5000, 5000]);
    assert_eq!(next.order_again(&order).await["state"], "fulfilled");
    student.bind("xnec", PEOPLE[1]).await.body(201);
    assert_eq!(student.balances().await, [0; 4]);
    world.assert_books(5000).await;
}

async fn unbinding_needs_the_password(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    for password in ["000000", "17002", "1700266", "170026 ", PEOPLE[1].1] {
        unbind(&student, password).await.problem(password, 422, "password_wrong");
    }
    let slowed = unbind(&student, PEOPLE[0].1).await;
    slowed.problem("the sixth", 429, "too_many_tries");
    assert_eq!(student.balances().await, [0; 4], "still bound");
    let stranger = world.login(1).await;
    unbind(&stranger, PEOPLE[0].1).await.problem("nobody's", 403, "not_bound");
    let unknown = world.api().post("/api/v1/bindings/current/unbind", &serde_json::json!({})).await;
    unknown.problem("no token", 401, "unauthenticated");
}
