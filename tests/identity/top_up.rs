//! Topping up where the school asks for the query password.

use crate::identity::support::{self, OWN, XIAOMEI, change};
use testkit::{TestDb, World, on_each_database, wish};

on_each_database!(a_top_up_asks_for_the_password_where_the_school_does);

async fn a_top_up_asks_for_the_password_where_the_school_does(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let student = world.login(0).await;
    student.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    assert_eq!(change(&student, XIAOMEI.2, OWN).await.status, 204);

    let asked = student.order(5000, "key").await;
    let problem = asked.problem("without", 422, "password_required");
    assert_eq!(problem["errors"][0]["pointer"], "/query_password");
    let with = |password: &str| {
        let mut wish = wish(5000);
        wish["query_password"] = password.into();
        wish
    };
    let order = async |wish, key| student.order_with(&wish, key).await.unwrap();
    for wrong in [XIAOMEI.2, "000000", "83619"] {
        order(with(wrong), "key").await.problem(wrong, 422, "password_wrong");
    }
    assert_eq!(world.rows.count("orders").await, 0);
    let made = order(with(OWN), "key").await.body(201);
    assert_eq!(order(with(OWN), "key").await.body(201)["id"], made["id"]);
    order(with("000000"), "key").await.problem("a repeat asks too", 422, "password_wrong");
    for n in 0..4 {
        order(with("000000"), "key").await.problem(&n.to_string(), 422, "password_wrong");
    }
    order(with(OWN), "key").await.problem("the sixth", 429, "too_many_tries");
    assert_eq!(world.rows.count("orders").await, 1);

    // Elsewhere it is not asked for, and not looked at.
    let elsewhere = world.student(1).await;
    let answer = elsewhere.order_with(&with("000000"), "key").await.unwrap();
    answer.body(201);
}
