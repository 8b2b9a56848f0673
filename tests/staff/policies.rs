//! The school's policy: what one admin changes, what needs two, and what overtakes a proposal.

use super::support::{Member, add};
use serde_json::{Value, json};
use testkit::{Answer, TestDb, World, assert_authentic, on_each_database};

on_each_database!(
    money_and_passwords_need_a_second_admin,
    a_proposal_that_was_overtaken_is_refused_with_what_changed,
    what_is_wrong_is_told_at_its_field,
    who_may_read_and_who_may_change,
    a_change_is_made_once,
);

const POLICY: &str = "/api/v1/staff/policy";

async fn somebody(world: &World, login: &str, staff_no: &str, roles: &[&str]) -> Member {
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, (login, staff_no, roles)).await;
    Member::enrol(world, login, &printed).await
}

async fn propose(by: &Member, key: &str, change: &Value) -> Answer {
    let mut body = change.clone();
    body["reason"] = json!("学校通知");
    if body.get("base").is_none() {
        body["base"] = by.get(POLICY).await.body(200)["newest_seq"].clone();
    }
    by.ask(&format!("POST {POLICY}/propose"), key, Some(&body)).await
}

async fn decide(by: &Member, request: &Value, verdict: &str) -> Answer {
    let id = request["id"].as_str().unwrap();
    by.post(&format!("{POLICY}/requests/{id}/{verdict}"), &json!({ "reason": "已核对" })).await
}

fn limit(fen: i64) -> Value {
    json!({ "changes": { "limits.meal_fen": fen } })
}

async fn money_and_passwords_need_a_second_admin(db: &TestDb) {
    let world = World::start(db).await;
    let first = somebody(&world, "a1", "1001", &["admin"]).await;
    let second = somebody(&world, "a2", "1002", &["admin"]).await;
    let same = somebody(&world, "a3", "1001", &["admin"]).await;

    let one = propose(&first, "k1", &json!({ "changes": { "name": "新名学院" } })).await.body(200);
    assert_eq!((&one["request"], &one["version"]["version"]), (&Value::Null, &json!(6)));
    let asked = propose(&first, "k2", &limit(3_000)).await.body(200);
    let (request, none) = (&asked["request"], &asked["version"]);
    assert_eq!((&request["state"], none), (&json!("requested"), &Value::Null));
    assert_eq!(first.get(POLICY).await.body(200)["in_force"]["policy"]["limits"], Value::Null);
    propose(&second, "k3", &limit(4_000)).await.problem("one waits", 409, "approval_open");
    for who in [&first, &same] {
        decide(who, request, "approve").await.problem("own", 403, "second_person_needed");
    }
    let shown = format!("{POLICY}/requests/{}", request["id"].as_str().unwrap());
    let shown = second.get(&shown).await.body(200);
    assert_eq!(shown["differences"][0]["after"], json!("¥30.00"), "{shown}");
    decide(&second, request, "approve").await.body(200);
    decide(&second, request, "approve").await.body(200);
    let now = first.get(POLICY).await.body(200);
    assert_eq!(now["in_force"]["policy"]["limits"]["meal_fen"], json!(3_000));
    assert_eq!(now["in_force"]["approved_by"], json!("staff a2, no. 1002"));
    assert_eq!((&now["in_force"]["version"], &now["request"]), (&json!(7), &Value::Null));

    // Back to the first version: money again.
    let back = propose(&second, "k4", &json!({ "restore": 1 })).await.body(200);
    decide(&second, &back["request"], "withdraw").await.body(200);
    let back = propose(&second, "k5", &json!({ "restore": 1 })).await.body(200);
    decide(&first, &back["request"], "reject").await.body(200);
    let back = propose(&second, "k6", &json!({ "restore": 1 })).await.body(200);
    decide(&first, &back["request"], "approve").await.body(200);
    let now = first.get(POLICY).await.body(200);
    assert_eq!(now["in_force"]["policy"]["limits"], Value::Null);
    assert_eq!(now["in_force"]["policy"]["name"], json!("咸宁职业技术学院"));
    let kept = first.get(&format!("{POLICY}/versions?limit=2")).await.body(200);
    assert_eq!((&kept["items"][0]["seq"], &kept["next_cursor"]), (&json!(4), &json!("3")));
    let details = "SELECT detail FROM audit_entry WHERE act = 'policy.published' ORDER BY position";
    let details = world.rows.texts(details).await;
    assert!(details[1].ends_with("起：每餐限额 未设 → ¥30.00；超过限额时 未设 → 拒绝；用餐时段 未设 → 05:00-10:00、10:00-15:00、15:00-21:00"), "{details:?}");
    assert_authentic(&world.db).await;
}

async fn a_proposal_that_was_overtaken_is_refused_with_what_changed(db: &TestDb) {
    let world = World::start(db).await;
    let first = somebody(&world, "a1", "1001", &["admin"]).await;
    let second = somebody(&world, "a2", "1002", &["admin"]).await;
    let asked = propose(&first, "k1", &limit(3_000)).await.body(200);
    propose(&second, "k2", &json!({ "changes": { "name": "新名学院" } })).await.body(200);
    let late = decide(&second, &asked["request"], "approve").await;
    let late = late.problem("overtaken", 409, "policy_moved");
    let detail = late["detail"].as_str().unwrap();
    assert!(detail.contains("a2（工号 1002）已改为第 6 版：学校名称"), "{detail}");
    // It still waits, and can be taken back.
    decide(&first, &asked["request"], "withdraw").await.body(200);
    let stale = json!({ "base": 1, "changes": { "portal": false } });
    propose(&first, "k3", &stale).await.problem("stale", 409, "policy_moved");
    let preview = first.post(&format!("{POLICY}/preview"), &stale).await;
    preview.problem("stale", 409, "policy_moved");
    // What is stored under the request must be what was asked for.
    let asked = propose(&first, "k4", &limit(3_000)).await.body(200);
    let forged = "UPDATE policy_proposal SET policy = REPLACE(policy, ':3000', ':9000000')";
    assert!(world.rows.change(forged, []).await > 0);
    assert_eq!(decide(&second, &asked["request"], "approve").await.status, 500);
    assert_eq!(first.get(POLICY).await.body(200)["in_force"]["policy"]["limits"], Value::Null);
}

async fn what_is_wrong_is_told_at_its_field(db: &TestDb) {
    let world = World::start(db).await;
    let first = somebody(&world, "a1", "1001", &["admin"]).await;
    for (change, pointer, said) in [
        (limit(0), "/changes/limits.meal_fen", "每餐限额：限额至少"),
        (
            json!({ "changes": { "top_up.min_fen": 60_000 } }),
            "/changes/top_up.max_fen",
            "上限不能低于下限",
        ),
        (json!({ "changes": { "code": "other" } }), "/changes/code", "没有这一项"),
        (json!({ "changes": { "portal": true }, "from": "2020-01-01" }), "/from", "今天到一年"),
        (json!({ "changes": {}, "restore": 1 }), "/changes", "只填一项"),
        (json!({ "changes": { "portal": true }, "from": "12-01" }), "/from", "2026-12-01"),
    ] {
        let refused = propose(&first, "k1", &change).await;
        let refused = refused.problem("wrong", 422, "request_invalid");
        let errors = refused["errors"].as_array().unwrap();
        let there = errors.iter().find(|error| error["pointer"] == json!(pointer));
        let there = there.unwrap_or_else(|| panic!("{pointer}: {refused}"));
        assert!(there["detail"].as_str().unwrap().contains(said), "{refused}");
    }
    let same = json!({ "changes": { "portal": true } });
    propose(&first, "k2", &same).await.problem("nothing", 409, "policy_unchanged");
    propose(&first, "k3", &json!({ "restore": 9 })).await.problem("no version", 404, "not_found");
    let preview = json!({ "base": 1, "changes": { "limits.meal_fen": 3_000 } });
    let preview = first.post(&format!("{POLICY}/preview"), &preview).await.body(200);
    assert_eq!(preview["two_persons"], json!(true));
    assert!(preview["impacts"][0].as_str().unwrap().contains("过去 30 天"), "{preview}");
}

async fn who_may_read_and_who_may_change(db: &TestDb) {
    let world = World::start(db).await;
    for (login, no, role, reads) in [
        ("c", "1", "card_office", true),
        ("f", "2", "finance", true),
        ("n", "3", "network_center", true),
        ("k", "4", "counsellor", false),
        ("a", "5", "auditor", true),
    ] {
        let member = somebody(&world, login, no, &[role]).await;
        let status = if reads { 200 } else { 403 };
        assert_eq!(member.get(POLICY).await.status, status, "{role}");
        let change = json!({ "base": 1, "changes": { "portal": false } });
        propose(&member, "k", &change).await.problem(role, 403, "staff_right_missing");
    }
    let admin = somebody(&world, "m", "6", &["admin"]).await;
    let older = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(older, [(11 * 60_000_000_i64).into()]).await;
    let change = json!({ "base": 1, "changes": { "portal": false } });
    propose(&admin, "k", &change).await.problem("late", 403, "second_factor_needed");
}

async fn a_change_is_made_once(db: &TestDb) {
    let world = World::start(db).await;
    let first = somebody(&world, "a1", "1001", &["admin"]).await;
    let change = json!({ "base": 1, "changes": { "name": "新名学院" } });
    let one = propose(&first, "k1", &change).await.body(200);
    let two = propose(&first, "k1", &change).await.body(200);
    assert_eq!(one["version"]["seq"], two["version"]["seq"]);
    assert_eq!(world.rows.number("SELECT MAX(seq) FROM policy_version").await, 2);
    let money = json!({ "base": 2, "changes": { "limits.meal_fen": 3_000 } });
    let one = propose(&first, "k2", &money).await.body(200);
    let two = propose(&first, "k2", &money).await.body(200);
    assert_eq!(one["request"]["id"], two["request"]["id"]);
    // Once it is decided the same key still tells what became of it.
    let second = somebody(&world, "a2", "1002", &["admin"]).await;
    decide(&second, &one["request"], "approve").await.body(200);
    let two = propose(&first, "k2", &money).await.body(200);
    assert_eq!(two["request"]["id"], one["request"]["id"]);
    assert_eq!(two["request"]["state"], json!("approved"), "{two}");
    // Another body under a key is refused, whichever of both needs two persons.
    let other_name = json!({ "base": 3, "changes": { "name": "又一学院" } });
    let other_money = json!({ "base": 3, "changes": { "limits.meal_fen": 4_000 } });
    let later = json!({ "base": 1, "from": "2027-01-01", "changes": { "name": "新名学院" } });
    for (key, body) in [
        ("k1", &other_name),
        ("k1", &other_money),
        ("k1", &later),
        ("k2", &other_name),
        ("k2", &other_money),
        ("k2", &json!({ "base": 3, "restore": 1 })),
    ] {
        let refused = propose(&first, key, body).await;
        refused.problem(&format!("{key} {body}"), 422, "idempotency_key_reused");
    }
    assert_eq!(world.rows.number("SELECT MAX(seq) FROM policy_version").await, 3);
    assert_eq!(world.rows.count("approval").await, 1);
    // A key belongs to its login.
    propose(&second, "k1", &other_name).await.body(200);
}
