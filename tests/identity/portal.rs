//! The web portal: number and query password, to look only.

use crate::identity::support::{
    self, NUMBERLESS, OWN, XIAOMEI, YUNFEI, change, notices, portal, unbind, visitor,
};
use serde_json::json;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    who_may_look,
    who_looks_changes_nothing,
    a_default_that_must_be_changed_shows_nothing,
    who_looks_is_told_of_a_new_binding,
    notices_are_for_the_other_identity_and_for_ninety_days,
);

async fn who_may_look(db: &TestDb) {
    let world = World::start(db).await;
    for code in ["ynart", "csmzxy"] {
        support::import(&world.db, code).await;
    }
    for (school, number, password, status, code) in [
        ("xnec", "2301001", "170026", 200, ""),
        ("xnec", " 2301002 ", "102008", 200, ""),
        ("ynart", XIAOMEI.0, XIAOMEI.2, 200, ""),
        ("ynart", YUNFEI.1, YUNFEI.2, 200, ""),
        ("xnec", "2301001", "170027", 401, "sign_in_refused"),
        ("xnec", "2309999", "170026", 401, "sign_in_refused"),
        // This school finds nobody by an ID number.
        ("xnec", "990101200503170026", "170026", 401, "sign_in_refused"),
        ("ynart", NUMBERLESS, "000000", 401, "sign_in_refused"),
        ("csmzxy", "2024101001", "120212", 403, "portal_unavailable"),
        ("nowhere", "2301001", "170026", 404, "school_not_found"),
    ] {
        let answer = portal(&world, school, (number, password)).await;
        if status == 200 {
            let granted = answer.body(200);
            assert_eq!(granted["binding"]["school"]["code"], school);
        } else {
            answer.problem(&format!("{school} {number}"), status, code);
        }
    }
    let wrong = [
        json!({ "school": "xnec", "id_value": "2301001" }),
        json!({ "school": "xnec", "id_value": "", "query_password": "170026" }),
        json!({ "school": "学校", "id_value": "2301001", "query_password": "170026" }),
        json!({ "school": "xnec", "id_value": "7".repeat(33), "query_password": "170026" }),
        json!({ "school": "xnec", "id_value": "2301001", "query_password": "7".repeat(65) }),
        json!({ "school": "xnec", "id_value": 2_301_001, "query_password": "170026" }),
    ];
    let before = world.rows.everything().await;
    for body in wrong {
        let answer = world.api().post("/api/v1/auth/portal/login", &body).await;
        answer.problem(&body.to_string(), 422, "request_invalid");
    }
    assert_eq!(world.rows.everything().await, before);
}

async fn who_looks_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let who = ("2301001", "170026");
    let (visitor, student) = (visitor(&world, "xnec", who).await, world.student(0).await);
    let again = support::visitor(&world, "xnec", who).await;
    assert_eq!(world.rows.count("identity").await, 2, "one identity for all visits");
    let before = world.rows.everything().await;
    for visitor in [&visitor, &again] {
        let me = visitor.me().await.body(200);
        assert_eq!(me["identity"]["platform"], "portal");
        assert_eq!(me["binding"], student.me().await.body(200)["binding"]);
        assert_eq!(visitor.balances().await, [0; 4]);
        for answer in [
            visitor.order(5000, "key").await,
            change(visitor, who.1, OWN).await,
            unbind(visitor, who.1).await,
            visitor.bind("xnec", ("2301002", "102008")).await,
        ] {
            answer.problem("an act", 403, "portal_read_only");
        }
    }
    assert_eq!(world.rows.everything().await, before);
    let next = visitor.refresh(&visitor.refresh_token).await.body(200);
    assert_eq!(next["binding"]["cardholder"]["student_no"], who.0);
    let body = json!({ "refresh_token": next["refresh_token"] });
    assert_eq!(world.api().post("/api/v1/auth/logout", &body).await.status, 204);
    super::sessions::ends(&visitor).await;
    assert_eq!(again.me().await.status, 200, "each visit is a session of its own");
}

async fn a_default_that_must_be_changed_shows_nothing(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let visitor = visitor(&world, "ynart", (XIAOMEI.0, XIAOMEI.2)).await;
    assert_eq!(visitor.binding["must_change_password"], true);
    assert!(visitor.me().await.body(200)["card"].is_null());
    visitor.get("/api/v1/card").await.problem("card", 403, "pin_default_must_change");
    let refused = change(&visitor, XIAOMEI.2, OWN).await;
    refused.problem("not at the portal", 403, "portal_read_only");
}

async fn who_looks_is_told_of_a_new_binding(db: &TestDb) {
    let world = World::start(db).await;
    let visitor = visitor(&world, "xnec", ("2301001", "170026")).await;
    assert_eq!(notices(&visitor).await, Vec::<String>::new());
    let student = world.student(0).await;
    let me = visitor.me().await.body(200);
    let notice = &me["notices"][0];
    assert_eq!(notice["kind"], "bound");
    assert!(notice["text"].as_str().unwrap().contains("微信"), "{notice}");
    assert!(notice["at"].as_str().unwrap().ends_with("+08:00"), "{notice}");
    assert_eq!(notices(&student).await, Vec::<String>::new(), "who did it knows");
    assert_eq!(unbind(&student, "170026").await.status, 204);
    student.bind("xnec", ("2301001", "170026")).await.body(201);
    assert_eq!(notices(&visitor).await, ["bound", "bound"]);
}

async fn notices_are_for_the_other_identity_and_for_ninety_days(db: &TestDb) {
    let world = World::start(db).await;
    let who = ("2301001", "170026");
    let visitor = visitor(&world, "xnec", who).await;
    let student = world.student(0).await;
    let aged = "UPDATE notice SET at = at - 90 * 86400000000 - 1";
    assert_eq!(world.rows.change(aged, []).await, 1);
    assert_eq!(notices(&visitor).await, Vec::<String>::new());
    for _ in 0..25 {
        assert_eq!(unbind(&student, who.1).await.status, 204);
        student.bind("xnec", who).await.body(201);
    }
    assert_eq!(notices(&visitor).await.len(), 20, "the newest");
    assert_eq!(world.rows.count("notice").await, 25, "the old one is gone");
}
