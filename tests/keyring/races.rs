//! Two phones at one door, and reports of a loss beside openings.

use super::support::{Dorm, LOCK, said};
use futures_util::future::{join, join_all};
use sandbox::locks::LockBehaviour;
use serde_json::json;
use testkit::{PEOPLE, TestDb, on_each_database};

on_each_database!(
    two_phones_at_once_open_a_door_once,
    sixteen_repetitions_at_once_are_one_attempt,
    nothing_opens_after_a_report_was_answered,
    sixteen_readers_end_an_attempt_once,
);

async fn two_phones_at_once_open_a_door_once(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    // No answer: the door may be open for as long as the test runs.
    dorm.behave(LOCK, LockBehaviour::Silent);
    let other = dorm.world.alipay_student(0).await;
    let door = dorm.door(LOCK).await;
    let (one, two) = join(dorm.student.open_door(&door, "k1"), other.open_door(&door, "k2")).await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text(), two.text());
    assert_eq!((dorm.opened(LOCK), dorm.orders()), (1, 1));
}

async fn sixteen_repetitions_at_once_are_one_attempt(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let door = dorm.door(LOCK).await;
    let answers = join_all((0..16).map(|_| dorm.student.open_door(&door, "k"))).await;
    let ids: std::collections::BTreeSet<String> =
        answers.iter().map(|answer| answer.body(200)["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!((dorm.opened(LOCK), dorm.orders()), (1, 1));
    assert_eq!(dorm.log().await, ["phone 东三-402 open "]);
}

/// On two servers where the database allows two. `ONECARD_LONG=1` races 500 times.
async fn nothing_opens_after_a_report_was_answered(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let second = (!db.url.starts_with("sqlite")).then(|| dorm.world.serve());
    let elsewhere = second.as_ref().map_or(dorm.world.api(), testkit::Server::api);
    let other = dorm.student.at(elsewhere);
    let door = dorm.door(LOCK).await;
    let password = json!({ "query_password": PEOPLE[0].1 });
    for round in 0..if long { 500 } else { 10 } {
        dorm.world.rows.change("UPDATE door_opening SET created_at = 1", []).await;
        let report = async {
            dorm.student.post("/api/v1/card/loss-reports", &password).await.body(201);
            let before = dorm.opened(LOCK);
            let keys = [format!("a{round}"), format!("b{round}")];
            let after =
                join(dorm.student.open_door(&door, &keys[0]), other.open_door(&door, &keys[1]))
                    .await;
            (before, after)
        };
        let racing = format!("r{round}");
        let (raced, (_, after)) = join(other.open_door(&door, &racing), report).await;
        let raced = said(&raced.body(200));
        assert!(["opened", "refused account_lost"].contains(&raced.as_str()), "{raced}");
        for answer in [after.0, after.1] {
            assert_eq!(said(&answer.body(200)), "refused account_lost");
        }
        dorm.student.post("/api/v1/card/loss-reports/cancel", &password).await.body(200);
    }
    let entries = dorm.log().await;
    let opened = entries.iter().filter(|line| line.ends_with(" open ")).count();
    assert_eq!(u64::try_from(opened).unwrap(), dorm.opened(LOCK));
}

async fn sixteen_readers_end_an_attempt_once(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.break_request(sandbox::faults::RequestFault::AnswerLost);
    let opening = dorm.want(LOCK, "k").await;
    assert_eq!(said(&opening), "unknown");
    dorm.world.rows.change("UPDATE door_opening SET ask_at = 1, looked_at = 0", []).await;
    let path = format!("/api/v1/me/doors/openings/{}", opening["id"].as_str().unwrap());
    let answers = join_all((0..16).map(|_| dorm.student.get(&path))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(said(&dorm.look(&opening).await), "opened");
    assert_eq!(dorm.log().await, ["phone 东三-402 open "]);
    assert_eq!((dorm.opened(LOCK), dorm.orders()), (1, 1));
}
