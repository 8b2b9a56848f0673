//! Locks whose answer is lost: unknown is said, asked about, and never repeated.

use super::support::{Dorm, LOCK, OTHER, said};
use actix_web::{FromRequest, test::TestRequest};
use onecard::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        http::IdempotencyKey,
    },
    keyring::{DoorId, OpenError, OpeningState},
    wiring::Settings,
};
use sandbox::{faults::RequestFault, locks::LockBehaviour};
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, eventually, on_each_database};

on_each_database!(
    an_answer_that_cannot_be_used_is_unknown_until_the_lock_is_asked,
    a_lock_that_reports_late_is_found_by_the_phone,
    a_lock_that_reports_late_is_found_without_the_phone,
    a_silent_lock_stays_unknown,
    a_door_is_not_asked_for_again_while_it_may_open,
    a_request_that_waited_too_long_opens_nothing,
    a_question_comes_every_two_seconds_at_most,
);

/// What is done although no answer arrives that could be used, and what is not.
const DONE: [RequestFault; 6] = [
    RequestFault::AnswerLost,
    RequestFault::SignedGarbage,
    RequestFault::Unsigned,
    RequestFault::AlteredBody,
    RequestFault::WrongSignature,
    RequestFault::OtherOrder,
];
const UNDONE: [RequestFault; 7] = [
    RequestFault::TimeOut,
    RequestFault::TooManyRequests,
    RequestFault::SystemError,
    RequestFault::BadGateway,
    RequestFault::Unavailable,
    RequestFault::Html,
    RequestFault::Garbage,
];

async fn an_answer_that_cannot_be_used_is_unknown_until_the_lock_is_asked(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let mut opened = 0;
    for fault in DONE.into_iter().chain(UNDONE) {
        dorm.world.rows.change("UPDATE door_opening SET created_at = 1", []).await;
        dorm.break_request(fault);
        let key = format!("{fault:?}");
        let opening = dorm.want(LOCK, &key).await;
        assert_eq!(said(&opening), "unknown", "{fault:?}");
        assert_eq!(opening["title"], "门锁未答复，请看门是否已开");
        assert_eq!(said(&dorm.want(LOCK, &key).await), "unknown", "a repetition asks nobody");
        let done = DONE.contains(&fault);
        opened += u64::from(done);
        assert_eq!(dorm.opened(LOCK), opened, "{fault:?}");
        if !done {
            assert_eq!(said(&dorm.look(&opening).await), "unknown", "it may still arrive");
            dorm.pass_time().await;
        }
        let ended = dorm.look(&opening).await;
        assert_eq!(said(&ended), if done { "opened" } else { "refused not_received" }, "{fault:?}");
        assert_eq!(said(&dorm.want(LOCK, &key).await), said(&ended));
        let log = dorm.log().await;
        let last = log.last().unwrap();
        let expected = if done { "open " } else { "refuse not_received" };
        assert_eq!(*last, format!("phone 东三-402 {expected}"), "{fault:?}");
    }
    assert_eq!(dorm.orders(), DONE.len(), "each was sent once");
}

async fn a_lock_that_reports_late_is_found_by_the_phone(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.behave(LOCK, LockBehaviour::Late);
    let opening = dorm.want(LOCK, "k").await;
    assert_eq!(said(&opening), "unknown");
    assert_eq!(dorm.log().await, ["phone 东三-402 unknown "]);
    dorm.world.set_ahead(Duration::from_secs(4)).await;
    assert_eq!(said(&dorm.look(&opening).await), "opened");
    assert_eq!(dorm.log().await, ["phone 东三-402 open "]);
    assert_eq!((dorm.opened(LOCK), dorm.orders()), (1, 1));
}

/// Whoever closes the app leaves an attempt behind that still comes to its end.
async fn a_lock_that_reports_late_is_found_without_the_phone(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.behave(LOCK, LockBehaviour::Late);
    assert_eq!(said(&dorm.want(LOCK, "k").await), "unknown");
    dorm.world.set_ahead(Duration::from_secs(4)).await;
    dorm.world.rows.change("UPDATE door_opening SET ask_at = 1", []).await;
    eventually("the lock is asked", async || {
        (dorm.log().await == ["phone 东三-402 open "]).then_some(())
    })
    .await;
}

async fn a_silent_lock_stays_unknown(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.behave(LOCK, LockBehaviour::Silent);
    let opening = dorm.want(LOCK, "k").await;
    dorm.pass_time().await;
    assert_eq!(said(&dorm.look(&opening).await), "unknown");
    // Asked for the last time.
    dorm.world.rows.change("UPDATE door_opening SET ask_at = 1, tries = 11", []).await;
    eventually("nobody asks any more", async || {
        let waiting = "door_opening WHERE ask_at IS NOT NULL";
        (dorm.world.rows.count(waiting).await == 0).then_some(())
    })
    .await;
    assert_eq!(said(&dorm.look(&opening).await), "unknown");
    assert_eq!(dorm.log().await, ["phone 东三-402 unknown "]);
    assert_eq!(dorm.orders(), 1);
}

async fn a_door_is_not_asked_for_again_while_it_may_open(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.behave(LOCK, LockBehaviour::Silent);
    dorm.want(LOCK, "k1").await;
    let again = dorm.try_open(LOCK, "k2").await;
    again.problem("under way", 409, "opening_under_way");
    let wait: u64 = again.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=15).contains(&wait), "{wait}");
    dorm.grant("东三-403").await;
    assert_eq!(said(&dorm.want(OTHER, "k3").await), "opened", "another door");
    dorm.pass_time().await;
    dorm.behave(LOCK, LockBehaviour::Opens);
    assert_eq!(said(&dorm.want(LOCK, "k2").await), "opened");
    assert_eq!(dorm.orders(), 3, "one for each attempt");
}

/// The phone has given up by then, and nobody stands at the door.
async fn a_request_that_waited_too_long_opens_nothing(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let settings = dorm.world.settings("http://127.0.0.1:1");
    let settings = Settings::load(None, settings.into_iter()).unwrap();
    let app = App::build(settings, Arc::new(SystemClock)).await.unwrap();
    let signed_in = app.journeys.identities.authenticate(&dorm.student.access_token).await;
    let student = signed_in.unwrap().student().unwrap();
    let door = DoorId::from_uuid(dorm.door(LOCK).await.parse().unwrap());
    let open = async |key: &str, seconds_ago: u64| {
        let asked_at = SystemClock.now().minus(Duration::from_secs(seconds_ago));
        let request = TestRequest::default().insert_header(("Idempotency-Key", key));
        let key = IdempotencyKey::extract(&request.to_http_request()).await.unwrap();
        app.journeys.door_keys.open(&student, door, (&key, asked_at)).await
    };
    assert!(matches!(open("k1", 11).await, Err(OpenError::Late)));
    assert_eq!((dorm.orders(), dorm.world.rows.count("door_opening").await), (0, 0));
    let opened = open("k1", 5).await.unwrap();
    assert_eq!((opened.state, dorm.orders()), (OpeningState::Opened, 1));
    let until = opened.open_until.distance(SystemClock.now());
    assert!(until <= Duration::from_secs(10), "from the request on: {until:?}");
}

async fn a_question_comes_every_two_seconds_at_most(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.behave(LOCK, LockBehaviour::Late);
    let opening = dorm.want(LOCK, "k").await;
    dorm.world.set_ahead(Duration::from_secs(4)).await;
    // As if it had been asked just now.
    let just_now = i64::MAX / 2;
    dorm.world.rows.change("UPDATE door_opening SET looked_at = $1", [just_now.into()]).await;
    let path = format!("/api/v1/me/doors/openings/{}", opening["id"].as_str().unwrap());
    for _ in 0..3 {
        assert_eq!(said(&dorm.student.get(&path).await.body(200)), "unknown");
    }
    for _ in 0..2 {
        assert_eq!(said(&dorm.look(&opening).await), "opened");
    }
    let unasked = dorm.world.rows.count("door_opening WHERE looked_at = 0").await;
    assert_eq!(unasked, 1, "nobody asks about one that has ended");
}
