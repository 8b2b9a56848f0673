//! Whatever a holder says of the person is one attempt: a wrong chip number is counted like a wrong
//! password.

use crate::cardlife::schools::{CANCEL, REPORTS, member};
use serde_json::{Value, json};
use testkit::{Student, TestDb, World, claim, on_each_database};

on_each_database!(
    each_wrong_field_is_counted_as_a_try,
    wrong_fields_are_counted_together,
    what_is_missing_is_no_try,
);

/// The free attempts, after which there is a minute to wait.
const FREE: usize = 5;
const OWN: &str = "918273";

/// 云南城市建设职业学院 asks for three things both ways.
fn right() -> Value {
    json!({ "query_password": OWN, "id_number": "990101200603060318", "chip_number": "5A10C300" })
}

fn with(field: &str, value: &Value) -> Value {
    let mut body = right();
    body[field] = value.clone();
    body
}

async fn yncjxy(db: &TestDb) -> (World, Student) {
    let (world, student) = member(db, "yncjxy", &claim("yncjxy", "2405010101", "060318")).await;
    let change = json!({ "old_password": "060318", "new_password": OWN });
    let changed = student.post("/api/v1/me/query-password", &change).await;
    assert!((200..300).contains(&changed.status), "{}", changed.text());
    (world, student)
}

async fn is_wrong(student: &Student, path: &str, body: &Value) {
    student.post(path, body).await.problem("wrong", 422, "password_wrong");
}

/// Even what is right must wait, and is told how long.
async fn must_wait(student: &Student, path: &str, body: &Value) {
    let refused = student.post(path, body).await;
    refused.problem("after too many", 429, "too_many_tries");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

async fn pass_a_minute(world: &World) {
    let back = "UPDATE password_try SET last_at = last_at - 60000000 WHERE counted > 0";
    assert_eq!(world.rows.change(back, []).await, 1, "one count");
}

async fn each_wrong_field_is_counted_as_a_try(db: &TestDb) {
    let (world, student) = yncjxy(db).await;
    let wrong = [
        ("chip_number", json!("5A10C301")),
        ("id_number", json!("990101200603060319")),
        ("query_password", json!("060318")),
    ];
    for (field, value) in wrong {
        for (path, status, back) in [(REPORTS, 201, CANCEL), (CANCEL, 200, REPORTS)] {
            if path == CANCEL {
                student.post(REPORTS, &right()).await.body(201);
            }
            let before = student.get(REPORTS).await.body(200)["status"].clone();
            for _ in 0..FREE {
                is_wrong(&student, path, &with(field, &value)).await;
            }
            must_wait(&student, path, &with(field, &value)).await;
            must_wait(&student, path, &right()).await;
            assert_eq!(student.get(REPORTS).await.body(200)["status"], before, "{field}");
            pass_a_minute(&world).await;
            student.post(path, &right()).await.body(status);
            // All attempts are given back.
            for _ in 0..FREE {
                is_wrong(&student, back, &with(field, &value)).await;
            }
            pass_a_minute(&world).await;
            if path == REPORTS {
                student.post(CANCEL, &right()).await.body(200);
            }
            world.rows.change("DELETE FROM password_try", []).await;
        }
    }
}

/// Whoever guesses one after the other, at both acts, has no more attempts.
async fn wrong_fields_are_counted_together(db: &TestDb) {
    let (world, student) = yncjxy(db).await;
    for (path, field) in [
        (REPORTS, "chip_number"),
        (CANCEL, "chip_number"),
        (REPORTS, "query_password"),
        (CANCEL, "id_number"),
        (REPORTS, "id_number"),
    ] {
        is_wrong(&student, path, &with(field, &json!("000000"))).await;
    }
    must_wait(&student, REPORTS, &right()).await;
    must_wait(&student, CANCEL, &right()).await;
    assert_eq!(world.rows.count("person WHERE lost_at IS NOT NULL").await, 0);
}

async fn what_is_missing_is_no_try(db: &TestDb) {
    let (world, student) = yncjxy(db).await;
    for _ in 0..=FREE {
        for (path, field) in [(REPORTS, "chip_number"), (CANCEL, "id_number")] {
            let missing = student.post(path, &with(field, &Value::Null)).await;
            missing.problem("missing", 422, "field_missing");
        }
    }
    assert_eq!(world.rows.count("password_try WHERE counted > 0").await, 0);
    student.post(REPORTS, &right()).await.body(201);
}
