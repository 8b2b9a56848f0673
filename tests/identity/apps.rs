//! One mini-program for all schools, and a school's own: each user is known by the app they came
//! through, and pays through it.

use crate::identity::support::{self, OWN, XIAOMEI, YUNFEI, change};
use serde_json::json;
use testkit::{Student, TestDb, World, on_each_database, wish};

on_each_database!(a_school_may_have_an_app_of_its_own);

async fn a_school_may_have_an_app_of_its_own(db: &TestDb) {
    let mut world = World::unserved(db).await;
    let own = world.use_own_app("ynart");
    world.serve_first();
    support::import(&world.db, "ynart").await;
    let login = async |code: &str, app_id: &str| {
        let body = json!({ "code": code, "app_id": app_id });
        world.api().post("/api/v1/auth/wechat/login", &body).await
    };
    // A code is good in its own app only.
    login(&world.login_code(0), &own).await.problem("another's code", 401, "login_code_refused");
    let code = world.login_code_in(&own, 0);
    let general = world.api().post("/api/v1/auth/wechat/login", &json!({ "code": code })).await;
    general.problem("another's code", 401, "login_code_refused");
    let unknown = login(&world.login_code(0), "wx0000000000000000").await;
    let problem = unknown.problem("no such app", 422, "request_invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/app_id");

    // The same user of WeChat is another identity in each app.
    let answer = login(&world.login_code_in(&own, 0), &own).await.body(200);
    let (there, here) = (Student::of(&world.api(), &answer), world.login(0).await);
    assert_eq!(world.rows.count("identity").await, 2);
    let wish = |student: &Student| {
        let (student, mut wish) = (student.clone(), wish(5000));
        wish["query_password"] = OWN.into();
        async move { student.order_with(&wish, "key").await.unwrap() }
    };
    for (student, (number, _, default)) in [(&there, XIAOMEI), (&here, YUNFEI)] {
        student.bind("ynart", (number, default)).await.body(201);
        assert_eq!(change(student, default, OWN).await.status, 204);
    }
    let order = wish(&there).await.body(201);
    assert_eq!(order["pay"]["provider"], "wechat_pay");
    let paid_by = "SELECT app_id FROM payment";
    assert_eq!(world.rows.texts(paid_by).await, [own]);
    wish(&here).await.problem("the school's merchant", 409, "payer_of_other_app");
    assert_eq!(world.student(1).await.order(5000, "key").await.status, 201, "another school");
}
