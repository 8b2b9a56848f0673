//! Binding: who may become whom, how often one may try, and what the answers give away.

use crate::{
    common::TestDb,
    server::{Answer, ELSEWHERE, PEOPLE, World, claim},
};
use serde_json::{Value, json};

on_each_database!(
    a_refusal_does_not_say_which_factor_was_wrong,
    each_side_is_bound_once,
    the_terms_must_be_agreed_to,
    tries_are_limited,
    a_binding_is_seen_at_the_next_login,
    who_is_not_bound_has_no_card,
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
    for consent in [
        json!({ "version": "2025-09", "items": ["terms", "id_number"] }),
        json!({ "version": "2026-11", "items": ["terms"] }),
        json!({ "version": "2026-11", "items": ["id_number", "id_number"] }),
    ] {
        let mut claim = claim("xnec", PEOPLE[0].0, PEOPLE[0].1);
        claim["consent"] = consent;
        let refused = student.bind_with(&claim).await;
        let problem = refused.problem(&claim.to_string(), 422, "consent_missing");
        assert_eq!(problem["errors"][0]["pointer"], "/consent");
    }
    assert_eq!(world.rows.count("binding").await, 0);
    student.bind("xnec", PEOPLE[0]).await.body(201);
    let kept = "SELECT consent_version || ' ' || consent_items FROM binding";
    assert_eq!(world.rows.texts(kept).await, ["2026-11 terms,id_number"]);
}

async fn tries_are_limited(db: &TestDb) {
    let world = World::start(db).await;
    let wrong = (PEOPLE[0].0, "000000");
    for user in 0..2 {
        let stranger = world.login(user).await;
        for _ in 0..10 {
            stranger.bind("xnec", wrong).await.problem("wrong", 422, "binding_refused");
        }
        for claimed in [wrong, PEOPLE[0], PEOPLE[1], ("2309999", "000000")] {
            let refused = stranger.bind("xnec", claimed).await;
            refused.problem("the eleventh try of one user", 429, "rate_limited");
            let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=3600).contains(&wait), "{wait}");
        }
    }
    // Twenty tries at one person have been made, by whomever.
    let other = world.login(2).await;
    let refused = other.bind("xnec", PEOPLE[0]).await;
    refused.problem("the 21st try at one person", 429, "rate_limited");
    other.bind("xnec", PEOPLE[1]).await.body(201);
    assert_eq!(world.rows.count("binding").await, 1);
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
