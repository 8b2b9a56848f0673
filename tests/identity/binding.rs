//! Binding: who may become whom, how often one may try, and what the answers give away.

use crate::identity::support::{self, NUMBERLESS, XIAOMEI, YUNFEI};
use serde_json::{Value, json};
use testkit::{Answer, ELSEWHERE, PEOPLE, TestDb, World, claim, on_each_database};

on_each_database!(
    a_refusal_does_not_say_which_factor_was_wrong,
    each_side_is_bound_once,
    the_terms_must_be_agreed_to,
    tries_are_limited,
    a_binding_is_seen_at_the_next_login,
    who_is_not_bound_has_no_card,
    each_school_has_its_fields,
);

/// The body of a problem without what differs from request to request.
fn without_id(answer: &Answer) -> Value {
    let mut problem = answer.problem("refused", 422, "binding_refused");
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

async fn a_refusal_does_not_say_which_factor_was_wrong(db: &TestDb) {
    let world = World::start(db).await;
    let stranger = world.login(0).await;
    let wrong_password = without_id(&stranger.bind("xnec", (PEOPLE[0].0, "000000")).await);
    for claimed in [
        ("xnec", ("2309999", PEOPLE[0].1)),
        ("xnec", ELSEWHERE),
        ("hbkj", PEOPLE[0]),
        ("xnec", ("9900001", "")),
        ("xnec", ("' OR 1=1 --", "1")),
    ] {
        let (school, (number, password)) = claimed;
        let password = if password.is_empty() { "170026" } else { password };
        let refused = without_id(&stranger.bind(school, (number, password)).await);
        assert_eq!(refused, wrong_password, "{claimed:?}");
    }
    let nowhere = stranger.bind("nowhere", PEOPLE[0]).await;
    nowhere.problem("no such school", 404, "school_not_found");
    let mut by_other_kind = claim("xnec", PEOPLE[0].0, PEOPLE[0].1);
    by_other_kind["id_kind"] = "id_number".into();
    let refused = stranger.bind_with(&by_other_kind).await;
    let problem = refused.problem("not offered", 422, "request_invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/id_kind");
    assert_eq!(world.rows.count("binding").await, 0);
    stranger.bind("xnec", PEOPLE[0]).await.body(201);
}

async fn each_side_is_bound_once(db: &TestDb) {
    let world = World::start(db).await;
    let bound = world.student(0).await;
    let again = bound.bind("xnec", PEOPLE[0]).await;
    again.problem("the same again", 409, "already_bound");
    let second = bound.bind("xnec", PEOPLE[1]).await;
    second.problem("a second person", 409, "already_bound");
    let rival = world.login(1).await;
    let taken = rival.bind("xnec", PEOPLE[0]).await;
    taken.problem("somebody who is bound", 409, "already_bound");
    assert_eq!(world.rows.count("binding").await, 1);

    // Many at once: the database decides.
    let rivals = [world.login(2).await, world.login(3).await, world.login(4).await];
    let binding = rivals.iter().map(|rival| rival.bind("xnec", PEOPLE[2]));
    let answers = futures_util::future::join_all(binding).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    assert_eq!(world.rows.count("binding").await, 2);
}

async fn the_terms_must_be_agreed_to(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.login(0).await;
    for (version, items, status, code, pointer) in [
        ("2025-09", vec!["terms", "id_number"], 409, "consent_outdated", "/consent/version"),
        ("2025-09", vec!["terms"], 409, "consent_outdated", "/consent/version"),
        ("2026-11", vec!["terms"], 422, "consent_missing", "/consent/items"),
        ("2026-11", vec!["id_number", "id_number"], 422, "consent_missing", "/consent/items"),
    ] {
        let mut claim = claim("xnec", PEOPLE[0].0, PEOPLE[0].1);
        claim["consent"] = json!({ "version": version, "items": items });
        let refused = student.bind_with(&claim).await;
        let problem = refused.problem(&claim.to_string(), status, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(world.rows.count("binding").await, 0);
    student.bind("xnec", PEOPLE[0]).await.body(201);
    let kept = "SELECT consent_version || ' ' || consent_items FROM binding";
    assert_eq!(world.rows.texts(kept).await, ["2026-11 terms,id_number"]);
}

/// The rules themselves are in `tries`; this is what is said of them.
async fn tries_are_limited(db: &TestDb) {
    let world = World::start(db).await;
    let stranger = world.login(1).await;
    for number in [PEOPLE[0].0, "2309999"] {
        for _ in 0..5 {
            stranger.bind("xnec", (number, "000000")).await.problem("5", 422, "binding_refused");
        }
        for password in ["000000", PEOPLE[0].1] {
            let slowed = stranger.bind("xnec", (number, password)).await;
            slowed.problem("the sixth", 429, "too_many_tries");
            let wait: u32 = slowed.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    stranger.bind("xnec", PEOPLE[1]).await.body(201);
    let another = world.login(2).await;
    for _ in 0..5 {
        another.bind("xnec", (PEOPLE[0].0, "000000")).await.problem("", 422, "binding_refused");
    }
    let slowed = world.login(5).await.bind("xnec", PEOPLE[0]).await;
    slowed.problem("the 11th at one person", 429, "too_many_tries");
    let wait: u32 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((86_000..=86_400).contains(&wait), "{wait}");
    assert_eq!(world.rows.count("binding").await, 1);
}

/// Each school's fields, as its guide names them.
async fn each_school_has_its_fields(db: &TestDb) {
    let world = World::start(db).await;
    for code in ["csmzxy", "hbgyzy", "ynart", "yncjxy"] {
        support::import(&world.db, code).await;
    }
    let no_name = Value::Null;
    let cases = [
        // 学号 + 密码 + 姓名; the X counts as 0.
        ("csmzxy", "student_no", "2024101001", json!("彭雅婷"), "120212", 201, ""),
        ("csmzxy", "student_no", "2024101002", json!("谭俊杰"), "250340", 201, ""),
        ("csmzxy", "student_no", "2024102015", json!("谭俊杰"), "300409", 422, "binding_refused"),
        ("csmzxy", "student_no", "2024102015", no_name.clone(), "300409", 422, "request_invalid"),
        // 学工号 or 身份证号; without the X, moved by one.
        ("ynart", "student_no", XIAOMEI.0, no_name.clone(), XIAOMEI.2, 201, ""),
        ("ynart", "id_number", YUNFEI.1, no_name.clone(), YUNFEI.2, 201, ""),
        ("ynart", "id_number", "20241003005", no_name.clone(), "805091", 422, "binding_refused"),
        ("ynart", "student_no", NUMBERLESS, no_name.clone(), "000000", 422, "binding_refused"),
        ("csmzxy", "id_number", "990101200703160000", no_name.clone(), "0", 422, "request_invalid"),
        // Together with the name it is accepted everywhere.
        ("csmzxy", "id_number", "990101200703160000", json!("罗宇轩"), "0", 422, "binding_refused"),
    ];
    for (user, (school, kind, number, name, password, status, code)) in (0..).zip(cases) {
        let mut claim = claim(school, number, password);
        claim["id_kind"] = kind.into();
        if !name.is_null() {
            claim["name"] = name;
        }
        let answer = world.login(user).await.bind_with(&claim).await;
        if status == 201 {
            answer.body(201);
        } else {
            answer.problem(&claim.to_string(), status, code);
        }
    }
}

async fn a_binding_is_seen_at_the_next_login(db: &TestDb) {
    let world = World::start(db).await;
    let bound = world.login(5).await;
    let answer = bound.bind("xnec", PEOPLE[5]).await.body(201);
    assert_eq!(answer["cardholder"]["name_masked"].as_str().unwrap().chars().last(), Some('提'));
    assert!(!answer.to_string().contains("阿依努尔"), "the name is masked: {answer}");
    assert_eq!(bound.me().await.body(200)["binding"], answer, "at once, without a new login");
    let again = world.login(5).await;
    assert_eq!(again.binding, answer);
    assert_eq!(again.me().await.body(200)["binding"], answer);
    assert_eq!(again.balances().await, [0; 4]);
    assert_eq!(world.rows.count("identity").await, 1, "one user, however often");
}

async fn who_is_not_bound_has_no_card(db: &TestDb) {
    let world = World::start(db).await;
    let stranger = world.login(0).await;
    let me = stranger.me().await.body(200);
    assert_eq!((&me["binding"], &me["pending"]["orders"]), (&Value::Null, &json!(0)));
    stranger.get("/api/v1/card").await.problem("card", 403, "not_bound");
    stranger.order(5000, "key").await.problem("order", 403, "not_bound");
    assert_eq!(world.rows.count("orders").await, 0);
}
