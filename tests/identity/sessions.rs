//! Sessions: what a token is good for, and how it ends.

use futures_util::future::join_all;
use onecard::{sessions::upkeep, staff_accounts::StaffAccounts};
use serde_json::json;
use std::time::Duration;
use testkit::{Student, TestDb, World, eventually_within, on_each_database};

on_each_database!(
    a_login_code_is_good_once,
    a_refresh_token_is_good_once,
    a_refresh_token_that_comes_back_ends_its_session,
    many_refreshes_at_once_count_as_reuse,
    logout_ends_the_session_within_a_second,
    sessions_that_ended_long_ago_are_deleted,
);

/// A server may go on with a copy of a session for a second.
const COPY: Duration = Duration::from_millis(1500);

/// What a server may learn a second late.
pub async fn within_a_copy(what: &str, seen: impl AsyncFn() -> Option<()>) {
    eventually_within(COPY, what, seen).await;
}

/// The session ends, within the second.
pub async fn ends(student: &Student) {
    within_a_copy("the session ends", async || (student.me().await.status == 401).then_some(()))
        .await;
    student.me().await.problem("ended", 401, "unauthenticated");
}

async fn a_login_code_is_good_once(db: &TestDb) {
    let world = World::start(db).await;
    let code = world.login_code(0);
    world.api().login(&code).await;
    let again = world.api().post("/api/v1/auth/wechat/login", &json!({ "code": code })).await;
    again.problem("a spent code", 401, "login_code_refused");
    assert_eq!(world.rows.count("session").await, 1);
}

async fn a_refresh_token_is_good_once(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let next = student.refresh(&student.refresh_token).await.body(200);
    assert_ne!(next["refresh_token"], student.refresh_token.as_str());
    assert_eq!(next["binding"]["cardholder"]["student_no"], "2301001");
    assert_eq!(next["expires_in"], 900);
    let access_token = next["access_token"].as_str().unwrap().to_owned();
    let student = Student { access_token, ..student };
    assert_eq!(student.me().await.status, 200);
    let next = next["refresh_token"].as_str().unwrap();
    assert_eq!(student.refresh(next).await.status, 200);
}

async fn a_refresh_token_that_comes_back_ends_its_session(db: &TestDb) {
    let world = World::start(db).await;
    let (student, other) = (world.login(0).await, world.login(0).await);
    let next = student.refresh(&student.refresh_token).await.body(200);
    let reused = student.refresh(&student.refresh_token).await;
    reused.problem("a spent token", 401, "unauthenticated");
    let next = student.refresh(next["refresh_token"].as_str().unwrap()).await;
    next.problem("its successor", 401, "unauthenticated");
    ends(&student).await;
    assert_eq!(other.me().await.status, 200, "another session of the same user goes on");
}

async fn many_refreshes_at_once_count_as_reuse(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.login(0).await;
    let answers = join_all((0..16).map(|_| student.refresh(&student.refresh_token))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    // The winner's answer may come after a loser has ended the session.
    assert!(good <= 1, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem("a spent token", 401, "unauthenticated");
    }
    ends(&student).await;
}

async fn logout_ends_the_session_within_a_second(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    assert_eq!(student.me().await.status, 200);
    let body = json!({ "refresh_token": student.refresh_token });
    assert_eq!(student.api.post("/api/v1/auth/logout", &body).await.status, 204);
    ends(&student).await;
    student.get("/api/v1/card").await.problem("ended", 401, "unauthenticated");
    let refreshed = student.refresh(&student.refresh_token).await;
    refreshed.problem("ended", 401, "unauthenticated");
    let again = student.api.post("/api/v1/auth/logout", &body).await;
    again.problem("ended", 401, "unauthenticated");
}

/// Those that ended a month ago go, in the tables of students and of staff; the audit log stays.
async fn sessions_that_ended_long_ago_are_deleted(db: &TestDb) {
    const DAY: i64 = 86_400_000_000;
    let world = World::start(db).await;
    let student = world.student(0).await;
    let entries = world.rows.count("audit_entry").await;
    let now = testkit::now();
    for table in ["session", "staff_session"] {
        let columns = match table {
            "session" => "identity_id, refresh_hash, created_at",
            _ => "member_id, school_id, refresh_hash, factor_at, created_at",
        };
        let others = match table {
            "session" => "identity_id, refresh_hash, created_at",
            _ => "identity_id, 1, refresh_hash, 0, created_at",
        };
        for (expires, ended) in [(-31, None), (1, Some(-31)), (-29, None), (1, Some(-29))] {
            let ended = ended
                .map_or("NULL".to_owned(), |days: i64| (now.micros() + days * DAY).to_string());
            let expires = now.micros() + expires * DAY;
            let sql = format!(
                "INSERT INTO {table} (id, {columns}, expires_at, ended_at) \
                 SELECT $1, {others}, {expires}, {ended} FROM session WHERE ended_at IS NULL \
                 AND expires_at > {} LIMIT 1",
                now.micros() + 2 * DAY
            );
            let id = uuid::Uuid::new_v4();
            assert_eq!(world.rows.change(&sql, [id.into()]).await, 1, "{sql}");
        }
        let before = world.rows.count(table).await;
        if table == "session" {
            upkeep::delete_old_now(&world.db, now).await.unwrap();
        } else {
            StaffAccounts::delete_old_sessions_now(&world.db, now).await.unwrap();
        }
        assert_eq!(before - world.rows.count(table).await, 2, "{table}");
    }
    student.get("/api/v1/me").await.body(200);
    assert_eq!(world.rows.count("audit_entry").await, entries);
}
