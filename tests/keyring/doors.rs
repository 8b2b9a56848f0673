//! Which doors a person sees, which open, and what is said where one does not.

use super::support::{Dorm, LOCK, OTHER, said};
use crate::access::yard::set_doors;
use sandbox::locks::LockBehaviour;
use serde_json::{Value, json};
use testkit::{ELSEWHERE, TestDb, on_each_database};

on_each_database!(
    a_door_opens_for_who_may_pass_and_the_log_says_so,
    who_may_not_pass_is_told_why_and_the_lock_is_not_asked,
    a_lock_that_does_not_open_says_why,
    the_ring_has_the_doors_of_today,
    a_repeated_key_is_the_same_attempt,
    a_gate_that_asks_for_no_right_does_not_open_from_afar,
    a_person_may_try_ten_times_a_minute,
    strangers_find_nothing,
    a_school_without_an_adapter_offers_no_doors,
    an_adapter_that_is_not_there_has_opened_nothing,
);

const DOORS: &str = "/api/v1/me/doors";

async fn a_door_opens_for_who_may_pass_and_the_log_says_so(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let opening = dorm.want(LOCK, "k1").await;
    assert_eq!((said(&opening).as_str(), &opening["title"]), ("opened", &json!("门已打开")));
    assert_eq!(dorm.look(&opening).await, opening);
    assert_eq!((dorm.opened(LOCK), dorm.orders()), (1, 1));
    assert_eq!(dorm.log().await, ["phone 东三-402 open "]);
    let order = &dorm.world.locks().orders()[0];
    assert_eq!(Value::from(order.request_id.as_str()), opening["id"]);
}

/// Whoever stands at such a gate may pass. A phone may be anywhere.
async fn a_gate_that_asks_for_no_right_does_not_open_from_afar(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let doors = "[doors]\ngroups = [{ name = \"东三-403\", right_needed = false }]\n";
    set_doors(&dorm.world, doors).await;
    assert_eq!(said(&dorm.want(OTHER, "k").await), "refused right_missing");
    assert_eq!(said(&dorm.want(LOCK, "k").await), "opened");
    assert_eq!(dorm.opened(OTHER), 0);
}

/// The right and the person's standing as they are at that moment, whatever the list said before.
async fn who_may_not_pass_is_told_why_and_the_lock_is_not_asked(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let cases = [
        ("lost_at = 1", "lost_at = NULL", "account_lost"),
        ("dormant_at = 1", "dormant_at = NULL", "account_dormant"),
        ("valid_until = 1", "valid_until = NULL", "account_expired"),
        ("status = 'closed'", "status = 'active'", "account_closed"),
    ];
    for (n, (before, after, reason)) in cases.into_iter().enumerate() {
        dorm.set_person(before).await;
        let opening = dorm.want(LOCK, &format!("k{n}")).await;
        assert_eq!(said(&opening), format!("refused {reason}"));
        if reason != "account_closed" {
            let ring = dorm.student.get(DOORS).await.body(200);
            assert_eq!(ring["blocked"]["code"], reason);
        }
        dorm.set_person(after).await;
        assert_eq!(said(&dorm.want(LOCK, &format!("k{n}")).await), said(&opening), "decided once");
    }
    assert_eq!(said(&dorm.want(OTHER, "other").await), "refused right_missing");
    dorm.revoke().await;
    let opening = dorm.want(LOCK, "gone").await;
    assert_eq!(said(&opening), "refused right_missing");
    assert_eq!(opening["title"], "没有这扇门的权限，请联系辅导员");
    // A minute that is neither now nor soon.
    let minute = Dorm::minute();
    dorm.grant_within("东三-402", ((minute + 700) % 1440, (minute + 701) % 1440 + 1)).await;
    assert_eq!(said(&dorm.want(LOCK, "hours").await), "refused right_not_now");
    assert_eq!((dorm.opened(LOCK), dorm.orders()), (0, 0));
    let log = dorm.log().await;
    assert_eq!(log.len(), 7);
    assert_eq!(log[0], "phone 东三-402 refuse account_lost");
    assert_eq!(log[6], "phone 东三-402 refuse right_not_now");
}

async fn a_lock_that_does_not_open_says_why(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.grant("东三-404").await;
    for (behaviour, reason, title) in [
        (LockBehaviour::Blocked, "blocked", "门被反锁或卡住"),
        (LockBehaviour::Offline, "offline", "门锁不在线"),
        (LockBehaviour::Battery, "battery", "门锁电量不足"),
    ] {
        dorm.behave(LOCK, behaviour);
        let opening = dorm.want(LOCK, reason).await;
        assert_eq!(said(&opening), format!("refused {reason}"));
        assert_eq!(
            (&opening["title"], &opening["reason"]["title"]),
            (&json!(title), &json!(title))
        );
    }
    assert_eq!(said(&dorm.want("GONE-1", "k").await), "refused no_such_lock");
    assert_eq!(dorm.opened(LOCK), 0);
    assert_eq!(dorm.log().await[3], "phone 东三-404 refuse no_such_lock");
    // One that is refused may be tried again at once.
    dorm.behave(LOCK, LockBehaviour::Opens);
    assert_eq!(said(&dorm.want(LOCK, "again").await), "opened");
}

async fn the_ring_has_the_doors_of_today(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let minute = Dorm::minute();
    if minute < 1430 {
        dorm.grant_within("东三-403", (minute + 5, 1440)).await;
    }
    // A right without a lock opens nothing from the phone.
    dorm.grant("图书馆").await;
    let ring = dorm.student.get(DOORS).await.body(200);
    assert_eq!(ring["blocked"], Value::Null);
    let doors = ring["doors"].as_array().unwrap();
    let first = &doors[0];
    assert_eq!((&first["name"], &first["place"]), (&json!("402 室"), &json!("东区 3 栋")));
    assert_eq!(
        (first["id"].as_str().unwrap(), &first["opens_at"]),
        (&*dorm.door(LOCK).await, &Value::Null)
    );
    if minute < 1430 {
        assert_eq!(doors.len(), 2);
        assert!(doors[1]["opens_at"].is_string(), "{ring}");
        assert_eq!(said(&dorm.want(OTHER, "k").await), "refused right_not_now");
    }
    dorm.revoke().await;
    assert_eq!(dorm.student.get(DOORS).await.body(200)["doors"], json!([]));
}

async fn a_repeated_key_is_the_same_attempt(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    dorm.grant("东三-403").await;
    let first = dorm.want(LOCK, "k").await;
    assert_eq!(dorm.want(LOCK, "k").await, first);
    // The key belongs to the door, as it does to the path.
    let other = dorm.want(OTHER, "k").await;
    assert_ne!(other["id"], first["id"]);
    assert_eq!((dorm.opened(LOCK), dorm.opened(OTHER), dorm.orders()), (1, 1, 2));
    let door = dorm.door(LOCK).await;
    let path = format!("/api/v1/me/doors/{door}/open");
    dorm.student.post(&path, &json!({})).await.problem("no key", 400, "idempotency_key_missing");
}

async fn a_person_may_try_ten_times_a_minute(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    for n in 0..10 {
        dorm.want(LOCK, &format!("k{n}")).await;
    }
    let door = dorm.door(LOCK).await;
    let slowed = dorm.student.open_door(&door, "k10").await;
    slowed.problem("too fast", 429, "too_many_openings");
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(said(&dorm.want(LOCK, "k9").await), "opened", "a repetition is none");
    assert_eq!(dorm.opened(LOCK), 10);
    dorm.world.rows.change("UPDATE door_opening SET created_at = 1", []).await;
    assert_eq!(said(&dorm.want(LOCK, "k10").await), "opened");
}

async fn strangers_find_nothing(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let opening = dorm.want(LOCK, "k").await;
    let other = dorm.world.student(1).await;
    let door = dorm.door(LOCK).await;
    assert_eq!(said(&other.open_door(&door, "k").await.body(200)), "refused right_missing");
    let path = format!("/api/v1/me/doors/openings/{}", opening["id"].as_str().unwrap());
    other.get(&path).await.problem("hers", 404, "opening_not_found");
    let visitor = dorm.world.login(9).await;
    visitor.bind("hbkj", ELSEWHERE).await.body(201);
    visitor.open_door(&door, "k").await.problem("another school", 404, "door_not_found");
    let nowhere = uuid::Uuid::now_v7().to_string();
    dorm.student.open_door(&nowhere, "k").await.problem("no door", 404, "door_not_found");
    assert_eq!(dorm.opened(LOCK), 1);
}

async fn a_school_without_an_adapter_offers_no_doors(db: &TestDb) {
    let none = [("LOCKS__BASE_URL", ""), ("LOCKS__KEY_ID", ""), ("LOCKS__KEY_SECRET", "")];
    let dorm = Dorm::open_with(db, &none).await;
    assert_eq!(dorm.student.get(DOORS).await.body(200)["doors"], json!([]));
    dorm.try_open(LOCK, "k").await.problem("none", 404, "doors_not_offered");
    assert_eq!(dorm.log().await, [""; 0]);
}

async fn an_adapter_that_is_not_there_has_opened_nothing(db: &TestDb) {
    let dorm = Dorm::open_with(db, &[("LOCKS__BASE_URL", "http://127.0.0.1:1")]).await;
    let opening = dorm.want(LOCK, "k").await;
    assert_eq!(said(&opening), "refused unreachable");
    assert_eq!(opening["title"], "门锁服务连不上，门没有打开");
}
