//! The card: its status and how much may be spent, by the school's policy and the roster.

use crate::identity::support;
use serde_json::{Value, json};
use testkit::{TestDb, World, claim, on_each_database};

on_each_database!(limits_are_the_schools, a_card_expires_after_its_last_day);

async fn limits_are_the_schools(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "csmzxy").await;
    let student = world.login(0).await;
    let mut named = claim("csmzxy", "2024101001", "120212");
    named["name"] = json!("彭雅婷");
    student.bind_with(&named).await.body(201);
    let card = student.get("/api/v1/card").await.body(200);
    let expected = json!({
        "status": "normal",
        "card_balance_fen": 0,
        "transition_balance_fen": 0,
        "e_account_balance_fen": 0,
        "total_fen": 0,
        "limits": {
            "meal_fen": 3000,
            "day_fen": 5000,
            "over_limit": "refuse",
            "meal_windows": ["05:00-10:00", "10:00-15:00", "15:00-21:00"],
            "meal_spent_fen": 0,
            "day_spent_fen": 0,
        },
    });
    assert_eq!(card, expected);
    assert_eq!(student.me().await.body(200)["card"], card, "the home page shows the same");

    let elsewhere = world.student(1).await.get("/api/v1/card").await.body(200);
    let none = json!({
        "meal_fen": null, "day_fen": null, "over_limit": null, "meal_windows": [],
        "meal_spent_fen": null, "day_spent_fen": null,
    });
    assert_eq!(elsewhere["limits"], none, "a school without limits");
}

async fn a_card_expires_after_its_last_day(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let today = testkit::now().day();
    let status = async |last: Option<i32>| -> Value {
        let sql = "UPDATE person SET valid_until = $1 WHERE student_no = '2301001'";
        assert_eq!(world.change(sql, [last.into()]).await, 1);
        let card = student.get("/api/v1/card").await.body(200);
        assert_eq!(student.me().await.body(200)["card"], card);
        card["status"].clone()
    };
    assert_eq!(status(None).await, "normal");
    // The day after tomorrow: midnight may pass meanwhile.
    assert_eq!(status(Some(today.number() + 2)).await, "normal");
    assert_eq!(status(Some(today.number() - 1)).await, "expired");
}
