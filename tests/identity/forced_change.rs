//! Where the default password must be changed first.

use crate::identity::support::{self, OWN, XIAOMEI, change, unbind};
use testkit::{TestDb, World, on_each_database};

on_each_database!(nothing_goes_before_the_change, unbinding_goes_before_the_change);

async fn nothing_goes_before_the_change(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let student = world.login(0).await;
    let bound = student.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    assert_eq!(bound["must_change_password"], true);
    let me = student.me().await.body(200);
    assert_eq!(
        (&me["binding"]["must_change_password"], me["card"].is_null()),
        (&true.into(), true)
    );
    student.get("/api/v1/card").await.problem("card", 403, "pin_default_must_change");
    student.order(5000, "key").await.problem("order", 403, "pin_default_must_change");
    let other = student.bind("xnec", ("2301001", "170026")).await;
    other.problem("another binding", 403, "pin_default_must_change");
    assert_eq!(world.login(0).await.binding["must_change_password"], true, "after a new login");

    let again = change(&student, XIAOMEI.2, XIAOMEI.2).await;
    again.problem("the default is no change", 422, "pin_weak");
    student.get("/api/v1/card").await.problem("card", 403, "pin_default_must_change");
    assert_eq!(change(&student, XIAOMEI.2, OWN).await.status, 204);
    assert_eq!(student.get("/api/v1/card").await.status, 200, "at once");
    let me = student.me().await.body(200);
    assert_eq!(me["binding"]["must_change_password"], false);
    assert_eq!(me["card"]["total_fen"], 0);
}

async fn unbinding_goes_before_the_change(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let student = world.login(0).await;
    student.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    assert_eq!(unbind(&student, XIAOMEI.2).await.status, 204);
    assert!(student.me().await.body(200)["binding"].is_null());
    student.get("/api/v1/card").await.problem("card", 403, "not_bound");
}
