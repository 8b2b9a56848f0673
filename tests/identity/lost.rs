//! What a flushed Redis and a killed server may not change: who is signed in, and how often a
//! password was tried.

use crate::identity::support::{OWN, change, unbind};
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use testkit::{PEOPLE, Program, TestDb, World, claim, on_each_database};

on_each_database!(a_kill_gives_nobody_a_try_and_takes_none_for_good);

/// Of its own, because it is emptied.
const REDIS_DATABASE: u8 = 9;

#[tokio::test]
async fn a_flushed_redis_revives_no_session_and_forgets_no_try() {
    testkit::on_postgres(async |db: &TestDb| {
        let mut world = World::unserved(db).await;
        world.use_redis(REDIS_DATABASE);
        world.serve_first();
        let second = world.serve();
        let (here, stranger) = (world.student(0).await, world.login(1).await);
        let there = here.at(second.api());
        assert_eq!((here.me().await.status, there.me().await.status), (200, 200));
        for number in [PEOPLE[1].0, "2309999"] {
            for _ in 0..5 {
                let refused = stranger.bind("xnec", (number, "000000")).await;
                refused.problem("wrong", 422, "binding_refused");
            }
        }
        for _ in 0..5 {
            unbind(&there, "000000").await.problem("wrong", 422, "password_wrong");
        }
        let body = json!({ "refresh_token": here.refresh_token });
        assert_eq!(here.api.post("/api/v1/auth/logout", &body).await.status, 204);
        world.forget_redis(REDIS_DATABASE).await;
        for server in [world.api(), second.api()] {
            super::sessions::ends(&here.at(server.clone())).await;
            let stranger = stranger.at(server);
            for number in [PEOPLE[1].0, "2309999"] {
                let slowed = stranger.bind("xnec", (number, "000000")).await;
                slowed.problem("after the flush", 429, "too_many_tries");
            }
        }
        let again = world.login(0).await;
        change(&again, PEOPLE[0].1, OWN).await.problem("the sixth", 429, "too_many_tries");
    })
    .await;
}

async fn a_kill_gives_nobody_a_try_and_takes_none_for_good(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    program.start().await;
    let mut told = 0;
    for round in 0..3 {
        let stranger = program.api().login(&world.login_code(1)).await;
        let tries = (0..4).map(|n| {
            let (stranger, number) = (stranger.clone(), format!("230{round}{n:03}"));
            async move {
                let wrong = claim("xnec", &number, "000000");
                let asked = stranger.try_post("/api/v1/bindings", &wrong);
                let answer = tokio::time::timeout(Duration::from_millis(40), asked).await;
                matches!(answer, Ok(Ok(answer)) if answer.status == 422)
            }
        });
        told += join_all(tries).await.into_iter().filter(|told| *told).count();
        program.kill();
        program.start().await;
    }
    let counted = "SELECT CAST(MAX(counted) AS BIGINT) FROM password_try";
    let counted = if told > 0 { world.rows.number(counted).await } else { 0 };
    assert!(usize::try_from(counted).unwrap() >= told, "{counted} counted, {told} answered");
    let owner = program.api().login(&world.login_code(0)).await;
    owner.bind("xnec", PEOPLE[0]).await.body(201);
    let late = program.api().login(&world.login_code(1)).await;
    late.bind("xnec", PEOPLE[1]).await.body(201);
}
