//! Events over HTTP: asked for, waited for, streamed.

use crate::events::support::{EventStream, tell};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{cell::RefCell, time::Duration};
use testkit::{
    PEOPLE, Program, Student, TestDb, World, eventually, eventually_within, on_each_database,
    within,
};

on_each_database!(
    an_order_tells_when_it_is_paid_and_when_it_is_closed,
    a_stream_tells_what_happens_and_goes_on_after_its_last_id,
    what_another_server_wrote_is_told_and_nobody_else_hears_it,
    a_position_of_somebody_else_begins_now,
    whoever_signs_out_or_unbinds_hears_no_more,
    a_session_has_four_connections,
    a_server_that_stops_keeps_nobody_waiting,
);

/// A session that has ended hears for no longer than this.
const SOON: Duration = Duration::from_secs(3);

async fn ask(student: &Student, after: i64) -> Value {
    student.get(&format!("/api/v1/events?after={after}")).await.body(200)
}

async fn an_order_tells_when_it_is_paid_and_when_it_is_closed(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let present = student.get("/api/v1/events").await.body(200);
    assert_eq!(present, json!({ "items": [], "next_after": 0 }));

    let order = student.order(5000, "paid").await.body(201);
    let (heard, _) = tokio::join!(ask(&student, 0), world.pay_order(&order));
    let id = order["id"].as_str().unwrap();
    let item = &heard["items"][0];
    assert_eq!((&item["id"], &item["kind"]), (&json!(1), &json!("order_changed")));
    assert_eq!((&item["order_id"], &item["state"]), (&json!(id), &json!("fulfilled")));
    assert!(item["at"].as_str().unwrap().ends_with("+08:00"), "{heard}");
    assert_eq!(heard["next_after"], 1);
    assert_eq!(student.balances().await, [0, 0, 5000, 5000], "told after the commit");

    let other = student.order(100, "closed").await.body(201);
    let closed = student.give_up(&other).await;
    assert_eq!(closed["state"], "closed");
    let heard = ask(&student, 1).await;
    let item = &heard["items"][0];
    assert_eq!((&item["order_id"], &item["state"]), (&other["id"], &json!("closed")));
    let all = ask(&student, 0).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(all["next_after"], 2);
    let present = student.get("/api/v1/events").await.body(200);
    assert_eq!(present, json!({ "items": [], "next_after": 2 }));
}

async fn a_stream_tells_what_happens_and_goes_on_after_its_last_id(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    tell(&world, PEOPLE[0].0, 1).await;
    let mut stream = EventStream::open(&student, None).await;
    let hello = stream.next().await.unwrap();
    assert_eq!(hello, "retry: 500\nid: 1", "it begins now");
    let order = student.order(5000, "key").await.body(201);
    world.pay_order(&order).await;
    let (id, kind, data) = stream.event().await;
    assert_eq!((id, kind.as_str()), (2, "order_changed"));
    assert_eq!((&data["id"], &data["order_id"]), (&json!(2), &order["id"]));
    tell(&world, PEOPLE[0].0, 3).await;
    assert_eq!(stream.event().await.0, 3);
    drop(stream);

    let mut again = EventStream::open(&student, Some(1)).await;
    again.next().await.unwrap();
    assert_eq!([again.event().await.0, again.event().await.0], [2, 3]);
}

async fn what_another_server_wrote_is_told_and_nobody_else_hears_it(db: &TestDb) {
    let world = World::start(db).await;
    let (one, other) = (world.student(0).await, world.student(1).await);
    let portal = json!({ "school": "xnec", "id_value": PEOPLE[0].0,
                         "query_password": PEOPLE[0].1 });
    let portal = world.api().post("/api/v1/auth/portal/login", &portal).await.body(200);
    let portal = Student::of(&world.api(), &portal);
    let heard = async {
        tokio::join!(ask(&one, 0), ask(&portal, 0), async { tell(&world, PEOPLE[0].0, 1).await })
    };
    tokio::select! {
        (one, portal, ()) = heard => {
            assert_eq!(one["items"].as_array().unwrap().len(), 1);
            assert_eq!(one, portal);
        }
        stranger = ask(&other, 0) => panic!("somebody else heard {stranger}"),
    }
}

async fn a_position_of_somebody_else_begins_now(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    tell(&world, PEOPLE[0].0, 1).await;
    assert_eq!(ask(&student, 77).await, json!({ "items": [], "next_after": 1 }));
    assert_eq!(ask(&student, i64::MAX).await["next_after"], 1);
    assert_eq!(ask(&student, -1).await["items"].as_array().unwrap().len(), 1);
    let bad = student.get("/api/v1/events?after=x").await;
    bad.problem("no number", 422, "request_invalid");
}

async fn whoever_signs_out_or_unbinds_hears_no_more(db: &TestDb) {
    let world = World::start(db).await;
    let (one, other) = (world.student(0).await, world.student(1).await);
    let mut stream = EventStream::open(&one, None).await;
    stream.next().await.unwrap();
    let sign_out = async {
        let token = json!({ "refresh_token": one.refresh_token });
        assert_eq!(world.api().post("/api/v1/auth/logout", &token).await.status, 204);
        // Its stream ends by itself; nothing was told.
        within(SOON, stream.next()).await
    };
    let (polled, streamed) = tokio::join!(one.get("/api/v1/events?after=0"), sign_out);
    polled.problem("signed out", 401, "unauthenticated");
    assert_eq!(streamed, None);

    let mut stream = EventStream::open(&other, None).await;
    stream.next().await.unwrap();
    let unbind = json!({ "query_password": PEOPLE[1].1 });
    assert_eq!(other.post("/api/v1/bindings/current/unbind", &unbind).await.status, 204);
    assert_eq!(within(SOON, stream.next()).await, None);
}

async fn a_session_has_four_connections(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let _waiting: Vec<_> = join_all((0..4).map(|_| EventStream::open(&student, None))).await;
    let fifth = student.get("/api/v1/events?after=0").await;
    fifth.problem("a fifth", 429, "rate_limited");
    assert_eq!(fifth.header("retry-after"), Some("5"));
    world.student(1).await.get("/api/v1/events").await.body(200);
}

async fn a_server_that_stops_keeps_nobody_waiting(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    program.start().await;
    let student = program.api().login(&world.login_code(0)).await;
    student.bind("xnec", PEOPLE[0]).await.body(201);
    let mut streams = join_all((0..3).map(|_| EventStream::open(&student, None))).await;
    let stop = async {
        eventually("the fourth waits too", async || {
            (student.get("/api/v1/events").await.status == 429).then_some(())
        })
        .await;
        program.terminate();
        for stream in &mut streams {
            stream.next().await.unwrap();
            assert_eq!(within(SOON, stream.next()).await, None);
        }
    };
    let (heard, ()) = tokio::join!(ask(&student, 0), stop);
    assert_eq!(heard, json!({ "items": [], "next_after": 0 }));
    let program = RefCell::new(program);
    let ended = async || program.borrow_mut().death();
    assert_eq!(eventually_within(SOON, "the server ends", ended).await, 0);
}
