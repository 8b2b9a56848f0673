//! Two servers on one database: refused where state lives in one of them, one deployment otherwise.

use serde_json::json;
use std::time::Duration;
use testkit::{Program, TestDb, World, eventually, eventually_within, on_each_database};

on_each_database!(a_second_server_without_redis_is_refused);

async fn a_second_server_without_redis_is_refused(db: &TestDb) {
    let world = World::unserved(db).await;
    let (mut first, mut second) =
        (Program::of(&world, crate::ONECARD), Program::of(&world, crate::ONECARD));
    first.set("REDIS__URL", "");
    second.set("REDIS__URL", "");
    first.start().await;
    let (code, _, said) = second.run(&["serve"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("another onecard server uses this database"), "{said}");
    assert!(said.contains("redis.url"), "{said}");
    assert_eq!(first.api().get("/readyz").await.status, 200);
    // Killed, the first leaves nothing behind that keeps the second out, once PostgreSQL has seen
    // its connections end.
    first.kill();
    eventually("the lock is free", async || (world.rows.advisory_locks().await == 0).then_some(()))
        .await;
    second.start().await;
}

/// With PostgreSQL and Redis any number of servers are one: what one ends is ended at the other,
/// and a callback may arrive anywhere.
#[tokio::test]
async fn two_servers_on_postgres_and_redis_are_one() {
    testkit::on_postgres(async |db: &TestDb| {
        let world = World::start(db).await;
        let second = world.serve();
        let here = world.student(0).await;
        let there = here.at(second.api());
        let order = there.order(5000, "key").await.body(201);
        assert_eq!(here.order(5000, "key").await.body(201)["id"], order["id"]);
        let payment = world.pay_order(&order).await;
        world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
        for student in [&here, &there] {
            assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
        }
        let body = json!({ "refresh_token": here.refresh_token });
        assert_eq!(here.api.post("/api/v1/auth/logout", &body).await.status, 204);
        eventually_within(Duration::from_millis(1500), "it ends elsewhere", async || {
            (there.me().await.status == 401).then_some(())
        })
        .await;
        world.assert_books(5000).await;
    })
    .await;
}
