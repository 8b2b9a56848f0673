//! Redis stopped, and started again empty, in the middle of the journey: nothing is lost.

use testkit::{PEOPLE, Redis, TestDb, World};

#[tokio::test]
async fn redis_that_is_stopped_and_forgets_loses_nothing() {
    testkit::on_postgres(the_journey_goes_on).await;
}

async fn the_journey_goes_on(db: &TestDb) {
    let mut redis = Redis::unstarted();
    redis.start().await;
    let world = World::start_with(db, &[("REDIS__URL", &redis.url())]).await;
    let student = world.student(0).await;
    let order = student.order(100, "before").await.body(201);
    assert_eq!(student.order_again(&order).await["state"], "awaiting_payment");
    assert!(redis.keys().await.unwrap() > 0, "it takes part");

    redis.stop();
    // An order that was made before is paid without it, and one is made, paid and returned to.
    let again = student.order(100, "before").await.body(201);
    assert_eq!(again["id"], order["id"]);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let without = student.order(200, "without").await.body(201);
    world.pay_untold(&without).await;
    assert_eq!(student.order_again(&without).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 300, 300]);
    // A session goes on, a new one begins, and tries are counted where they stay counted.
    let refreshed = student.refresh(&student.refresh_token).await.body(200);
    let other = world.login(1).await;
    let wrong = other.bind("xnec", (PEOPLE[1].0, "000000")).await;
    wrong.problem("a wrong password", 422, "binding_refused");
    other.bind("xnec", PEOPLE[1]).await.body(201);

    redis.start().await;
    assert_eq!(redis.keys().await, Some(0), "it has forgotten everything");
    // What was spent and what was ended stays so.
    let spent = student.refresh(&student.refresh_token).await;
    assert_eq!(spent.status, 401, "{}", spent.text());
    let ended = student.refresh(refreshed["refresh_token"].as_str().unwrap()).await;
    assert_eq!(ended.status, 401, "a reuse ends the session: {}", ended.text());
    let after = other.order(400, "after").await.body(201);
    let payment = world.pay_order(&after).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let copies = world.pay().repeat(&payment.out_trade_no, sandbox::wechat_pay::Repeat::default());
    assert_eq!(copies.await.unwrap().accepted, 1, "a copy changes nothing");
    assert_eq!(other.balances().await, [0, 0, 400, 400]);
    world.assert_books(700).await;
}
