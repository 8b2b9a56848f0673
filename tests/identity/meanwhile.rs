//! What changes between the check of a password and the act that it allows: the act is refused.
//!
//! On PostgreSQL. SQLite has one writer, so nobody can change anything while an act waits; that a
//! password is held in the transaction is tested there by `tries.rs`.

use crate::identity::support::{self, OWN, XIAOMEI, YUNFEI, change, portal, unbind};
use serde_json::json;
use testkit::{Answer, Student, TestDb, World, on_postgres, wish};

/// A hash of nobody's password.
const OTHER: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3RhbmQtaW4tZm9yLW5vYm9keQ\
                     $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn changed(number: &str) -> String {
    format!("UPDATE person SET password_hash = '{OTHER}' WHERE student_no = '{number}'")
}

fn restored(number: &str) -> String {
    format!("UPDATE person SET password_hash = NULL WHERE student_no = '{number}'")
}

async fn enrol(student: &Student) -> Answer {
    let body = json!({ "device_id": "a-phone-of-16-or-more", "query_password": "170026" });
    student.post("/api/v1/passcode/enrolments", &body).await
}

#[tokio::test]
async fn a_password_that_is_changed_meanwhile_allows_nothing() {
    on_postgres(nothing_is_allowed_by_the_old_password).await;
}

async fn nothing_is_allowed_by_the_old_password(db: &TestDb) {
    let world = World::start(db).await;
    let (number, password) = ("2301001", "170026");
    let (student, newcomer) = (world.student(0).await, world.login(1).await);
    let before = world.rows.everything().await;
    let rows = |table: &str| before[table].len();
    let meanwhile = async |act: &str| {
        let acts = async {
            match act {
                "enrolment" => enrol(&student).await,
                "unbinding" => unbind(&student, password).await,
                "change" => change(&student, password, OWN).await,
                "portal" => portal(&world, "xnec", (number, password)).await,
                "binding" => newcomer.bind("xnec", (number, password)).await,
                other => panic!("{other}"),
            }
        };
        let answer = world.rows.change_while(&changed(number), acts).await;
        world.change(&restored(number), []).await;
        answer
    };
    for (act, status, code) in [
        ("enrolment", 422, "password_wrong"),
        ("unbinding", 422, "password_wrong"),
        ("change", 422, "password_wrong"),
        ("portal", 401, "sign_in_refused"),
    ] {
        meanwhile(act).await.problem(act, status, code);
    }
    assert_eq!(unbind(&student, password).await.status, 204);
    meanwhile("binding").await.problem("binding", 422, "binding_refused");
    let after = world.rows.everything().await;
    for table in ["device", "session", "binding"] {
        assert_eq!(after[table].len(), rows(table), "{table}");
    }
    assert_eq!(world.rows.number("SELECT COUNT(*) FROM binding WHERE ended_at IS NULL").await, 0);
}

#[tokio::test]
async fn who_leaves_meanwhile_is_not_bound_and_pays_for_nothing() {
    on_postgres(who_leaves_meanwhile).await;
}

#[tokio::test]
async fn who_unbinds_while_the_platform_is_asked_leaves_no_number() {
    on_postgres(who_unbinds_while_the_platform_is_asked).await;
}

async fn who_unbinds_while_the_platform_is_asked(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let user = world.wechat().user(0).unwrap();
    let proof = world.wechat().issue_phone_code(&user, world.sandbox().clock.now());
    let body = json!({ "proof": proof, "consent_version": "1" });
    let handed_over = async || student.post("/api/v1/me/phone", &body).await;
    let ended = "UPDATE binding SET ended_at = 1 WHERE platform = 'wechat'";
    let refused = world.rows.change_while(ended, handed_over()).await;
    refused.problem("its binding", 403, "not_bound");
    assert_eq!(world.rows.count("identity_phone").await, 0);
}

async fn who_leaves_meanwhile(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let leaves = |number| {
        format!(
            "UPDATE person SET status = 'closed', closed_at = 1 \
             WHERE student_no = '{number}'"
        )
    };
    let newcomer = world.login(1).await;
    let bound = newcomer.bind("xnec", ("2301002", "102008"));
    let refused = world.rows.change_while(&leaves("2301002"), bound).await;
    refused.problem("binding", 422, "binding_refused");
    let visit = portal(&world, "xnec", ("2301001", "170026"));
    let refused = world.rows.change_while(&leaves("2301001"), visit).await;
    refused.problem("the portal", 401, "sign_in_refused");
    // A top-up: its binding, its password, and last who leaves.
    let student = world.login(0).await;
    student.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    assert_eq!(change(&student, XIAOMEI.2, OWN).await.status, 204);
    let mut wanted = wish(5000);
    wanted["query_password"] = OWN.into();
    let order = async || student.order_with(&wanted, "key").await.unwrap();
    let ended = "UPDATE binding SET ended_at = 1 WHERE platform = 'wechat'";
    let refused = world.rows.change_while(ended, order()).await;
    refused.problem("its binding", 403, "not_bound");
    let student = world.login(3).await;
    student.bind("ynart", (XIAOMEI.0, OWN)).await.body(201);
    let order = async || student.order_with(&wanted, "key").await.unwrap();
    let refused = world.rows.change_while(&changed(XIAOMEI.0), order()).await;
    refused.problem("its password", 422, "password_wrong");
    let other = world.login(2).await;
    other.bind("ynart", (YUNFEI.0, YUNFEI.2)).await.body(201);
    assert_eq!(change(&other, YUNFEI.2, OWN).await.status, 204);
    let order = async || other.order_with(&wanted, "key").await.unwrap();
    let refused = world.rows.change_while(&leaves(YUNFEI.0), order()).await;
    refused.problem("a top-up", 409, "card_not_usable");
    assert_eq!(world.rows.count("orders").await, 0);
}
