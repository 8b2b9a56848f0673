//! Logins that admins change: what one does alone, what needs two, and who is independent.

use super::support::{
    FIRST_PASSWORD, Member, PASSWORD, add, code, first_body, login_body, secret_of, sign_in,
};
use serde_json::{Value, json};
use testkit::{TestDb, World, assert_authentic, on_each_database, take_over};

on_each_database!(
    a_login_is_added_and_its_slip_signs_in_once,
    finance_and_admin_need_a_second_admin,
    who_may_change_whom,
    an_approver_is_independent_of_who_asked,
    a_lost_factor_is_replaced_by_two_admins,
    who_is_switched_off_is_out_and_their_requests_are_taken_back,
    a_password_is_changed_by_who_knows_it,
    logins_are_listed_by_name,
);

const STAFF: &str = "/api/v1/staff/staff";
const REQUESTS: &str = "/api/v1/staff/staff-requests";

/// Somebody with these roles, signed in.
async fn somebody(world: &World, login: &str, staff_no: &str, roles: &[&str]) -> Member {
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, (login, staff_no, roles)).await;
    Member::enrol(world, login, &printed).await
}

async fn two_admins(world: &World) -> (Member, Member) {
    (
        somebody(world, "a1", "1001", &["admin"]).await,
        somebody(world, "a2", "1002", &["admin"]).await,
    )
}

async fn new_login(by: &Member, login: &str, staff_no: &str, roles: &[&str]) -> Value {
    let new = json!({ "login": login, "staff_no": staff_no, "roles": roles, "reason": "入职" });
    by.ask(&format!("POST {STAFF}"), login, Some(&new)).await.body(201)
}

/// The slip's owner, signed in.
async fn enrolled(world: &World, added: &Value) -> Member {
    let slip = &added["slip"];
    let printed = secret_of(slip["secret"].as_str().unwrap());
    let login = added["staff"]["login"].as_str().unwrap();
    let with_password = |body: Value| {
        let mut body = body;
        body["password"] = slip["password"].clone();
        body
    };
    let api = world.api();
    let offered = sign_in(&api, &with_password(first_body(login, &code(&printed, 0)))).await;
    let own = secret_of(offered.body(200)["secret"].as_str().unwrap());
    let granted = sign_in(&api, &with_password(first_body(login, &code(&own, 0)))).await.body(200);
    let unused = "UPDATE staff_member SET factor_step = 0 WHERE login = $1";
    world.rows.change(unused, [login.into()]).await;
    Member::of(&api, &own, &granted)
}

async fn do_to(by: &Member, id: &Value, act: &str) -> testkit::Answer {
    let path = format!("POST {STAFF}/{}/{act}", id.as_str().unwrap());
    by.ask(&path, &format!("{act}-{id}"), Some(&json!({ "reason": "离职" }))).await
}

async fn decide(by: &Member, id: &Value, verdict: &str) -> testkit::Answer {
    let path = format!("{REQUESTS}/{}/{verdict}", id.as_str().unwrap());
    by.post(&path, &json!({ "reason": "已核对" })).await
}

async fn a_login_is_added_and_its_slip_signs_in_once(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = two_admins(&world).await;
    let added = new_login(&admin, "wang", "1005", &["card_office", "auditor"]).await;
    assert_eq!(added["staff"]["roles"], json!(["card_office", "auditor"]));
    assert_eq!((&added["request"], &added["staff"]["enrolled"]), (&Value::Null, &json!(false)));
    let wang = enrolled(&world, &added).await;
    wang.get("/api/v1/staff/orders").await.body(200);
    let table = [
        (
            json!({ "login": "wang", "staff_no": "1006", "roles": ["auditor"], "reason": "x" }),
            409,
            "login_taken",
        ),
        (
            json!({ "login": "Wang", "staff_no": "1006", "roles": ["auditor"], "reason": "x" }),
            422,
            "request_invalid",
        ),
        (
            json!({ "login": "w2", "staff_no": "10 06", "roles": ["auditor"], "reason": "x" }),
            422,
            "request_invalid",
        ),
        (
            json!({ "login": "w2", "staff_no": "1006", "roles": ["owner"], "reason": "x" }),
            422,
            "request_invalid",
        ),
        (
            json!({ "login": "w2", "staff_no": "1006", "roles": [], "reason": "x" }),
            422,
            "request_invalid",
        ),
        (
            json!({ "login": "w2", "staff_no": "1006", "roles": ["auditor"], "reason": " " }),
            422,
            "request_invalid",
        ),
    ];
    for (nth, (body, status, kind)) in table.into_iter().enumerate() {
        let asked = admin.ask(&format!("POST {STAFF}"), &format!("k{nth}"), Some(&body)).await;
        asked.problem(kind, status, kind);
    }
    assert_authentic(&world.db).await;
}

async fn finance_and_admin_need_a_second_admin(db: &TestDb) {
    let world = World::start(db).await;
    let (first, second) = two_admins(&world).await;
    let added = new_login(&first, "zhao", "1005", &["card_office", "finance"]).await;
    assert_eq!(added["staff"]["roles"], json!(["card_office"]));
    let zhao = enrolled(&world, &added).await;
    zhao.get("/api/v1/staff/health").await.problem("members", 403, "staff_right_missing");
    let request = &added["request"]["id"];
    decide(&first, request, "approve").await.problem("members", 403, "second_person_needed");
    let shown = second.get(&format!("{REQUESTS}/{}", request.as_str().unwrap())).await.body(200);
    assert_eq!(shown["roles"], json!(["card_office", "finance"]));
    let approved = decide(&second, request, "approve").await.body(200);
    assert_eq!((&approved["state"], &approved["slip"]), (&json!("approved"), &Value::Null));
    decide(&second, request, "approve").await.body(200);
    decide(&second, request, "reject").await.problem("members", 409, "approval_over");
    zhao.refresh().await.problem("members", 401, "unauthenticated");
    let listed = second.get(STAFF).await.body(200);
    let zhao =
        listed["items"].as_array().unwrap().iter().find(|one| one["login"] == "zhao").unwrap();
    assert_eq!(zhao["roles"], json!(["card_office", "finance"]));

    // Roles that changed since it was asked for are not put back.
    let of =
        |roles: &[&str]| json!({ "roles": roles, "reason": "转岗", "roles_before": ["finance"] });
    let id = zhao["id"].as_str().unwrap();
    let asked = new_login(&first, "sun", "1007", &["auditor", "finance"]).await;
    let sun = asked["staff"]["id"].as_str().unwrap();
    let fewer = json!({ "roles": ["counsellor"], "reason": "转岗" });
    first.ask(&format!("POST {STAFF}/{sun}/roles"), "s1", Some(&fewer)).await.body(200);
    let late = decide(&second, &asked["request"]["id"], "approve").await;
    late.problem("members", 409, "login_changed");
    let unseen =
        first.ask(&format!("POST {STAFF}/{id}/roles"), "s2", Some(&of(&["auditor"]))).await;
    unseen.problem("members", 409, "login_changed");

    // What takes a role away, or gives one that is not guarded, is done by one.
    let path = format!("POST {STAFF}/{}/roles", zhao["id"].as_str().unwrap());
    let fewer = json!({ "roles": ["card_office", "auditor"], "reason": "转岗" });
    let changed = first.ask(&path, "r1", Some(&fewer)).await.body(200);
    assert_eq!(changed["staff"]["roles"], json!(["card_office", "auditor"]));
    first.ask(&path, "r2", Some(&fewer)).await.problem("members", 409, "login_changed");
    let more = json!({ "roles": ["admin"], "reason": "转岗" });
    let asked = first.ask(&path, "r3", Some(&more)).await.body(200);
    let open = second.ask(&path, "r4", Some(&more)).await.problem("members", 409, "approval_open");
    assert_eq!(open["approval"], asked["request"]["id"]);
    decide(&first, &asked["request"]["id"], "withdraw").await.body(200);
    assert_authentic(&world.db).await;
}

async fn who_may_change_whom(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = two_admins(&world).await;
    let same_person = somebody(&world, "a1b", "1001", &["admin"]).await;
    let auditor = somebody(&world, "au", "1003", &["auditor"]).await;
    let listed = auditor.get(STAFF).await.body(200);
    let id = |login: &str| {
        let all = listed["items"].as_array().unwrap();
        all.iter().find(|one| one["login"] == login).unwrap()["id"].clone()
    };
    for act in ["disable", "enable", "end-sessions", "reset-factor"] {
        do_to(&auditor, &id("a1"), act).await.problem("members", 403, "staff_right_missing");
        do_to(&admin, &id("a1"), act).await.problem("members", 403, "own_login");
        do_to(&same_person, &id("a1"), act).await.problem("members", 403, "own_login");
        do_to(&admin, &json!("01931c7e-0000-7000-8000-000000000000"), act).await.problem(
            "members",
            404,
            "not_found",
        );
    }
    do_to(&admin, &id("au"), "enable").await.problem("members", 409, "login_changed");
    do_to(&admin, &id("au"), "end-sessions").await.body(204);
    auditor.refresh().await.problem("members", 401, "unauthenticated");
}

async fn an_approver_is_independent_of_who_asked(db: &TestDb) {
    let world = World::start(db).await;
    let (first, second) = two_admins(&world).await;
    // A third admin, whom the first has made.
    let added = new_login(&first, "a3", "1003", &["admin"]).await;
    decide(&second, &added["request"]["id"], "approve").await.body(200);
    let third = enrolled(&world, &added).await;
    let asked = new_login(&first, "zhao", "1005", &["finance"]).await["request"]["id"].clone();
    decide(&third, &asked, "approve").await.problem("members", 403, "not_independent");
    // Nor is who made or approved the login of who asks.
    let of_third = new_login(&third, "qian", "1006", &["finance"]).await["request"]["id"].clone();
    for by in [&first, &second] {
        decide(by, &of_third, "approve").await.problem("members", 403, "not_independent");
    }
    let own = json!({ "login": "a1c", "staff_no": "1001", "roles": ["auditor"], "reason": "x" });
    first.ask(&format!("POST {STAFF}"), "own", Some(&own)).await.problem(
        "members",
        403,
        "own_login",
    );
    // Seven days later they are as good as anybody.
    let older = "UPDATE staff_change SET done_at = done_at - $1 WHERE done_at IS NOT NULL";
    world.change(older, [(7 * 86_400_000_000_i64).into()]).await;
    take_over(&world.db).await;
    decide(&third, &asked, "approve").await.body(200);
}

async fn a_lost_factor_is_replaced_by_two_admins(db: &TestDb) {
    let world = World::start(db).await;
    let (first, second) = two_admins(&world).await;
    let finance = somebody(&world, "fi", "1003", &["finance", "admin"]).await;
    let listed = first.get(STAFF).await.body(200);
    let id = listed["items"][2]["id"].clone();
    assert_eq!(listed["items"][2]["login"], "fi");
    let asked = do_to(&first, &id, "reset-factor").await.body(201)["id"].clone();
    finance.get("/api/v1/staff/me").await.body(200);
    decide(&finance, &asked, "approve").await.problem("members", 403, "own_login");
    let approved = decide(&second, &asked, "approve").await.body(200);
    assert_eq!(approved["slip"]["password"], "", "the password stays");
    assert!(decide(&second, &asked, "approve").await.body(200)["slip"].is_null(), "told once");
    finance.refresh().await.problem("members", 401, "unauthenticated");
    let old = sign_in(&world.api(), &login_body("fi", &code(&finance.secret, 1))).await;
    old.problem("members", 401, "staff_sign_in_refused");
    let printed = secret_of(approved["slip"]["secret"].as_str().unwrap());
    let again = Member::enrol_as(&world, "fi", &printed, login_body).await;
    let other = new_login(&first, "li", "1009", &["finance"]).await["request"]["id"].clone();
    // The first admin asked for the factor, and so has a say in what this login approves.
    decide(&again, &other, "approve").await.problem("members", 403, "not_independent");
    let of_second = new_login(&second, "qi", "1010", &["finance"]).await["request"]["id"].clone();
    decide(&again, &of_second, "approve").await.problem("members", 403, "not_independent");
    let third = somebody(&world, "a3", "1004", &["admin"]).await;
    let of_third = new_login(&third, "ba", "1011", &["finance"]).await["request"]["id"].clone();
    decide(&again, &of_third, "approve").await.problem("members", 403, "factor_is_new");
    let older = "UPDATE staff_change SET done_at = done_at - $1 WHERE done_at IS NOT NULL";
    world.change(older, [86_400_000_000_i64.into()]).await;
    take_over(&world.db).await;
    decide(&again, &of_third, "approve").await.body(200);
}

async fn who_is_switched_off_is_out_and_their_requests_are_taken_back(db: &TestDb) {
    let world = World::start(db).await;
    let (first, second) = two_admins(&world).await;
    let asked = new_login(&second, "zhao", "1005", &["finance"]).await["request"]["id"].clone();
    let listed = first.get(STAFF).await.body(200);
    let id = listed["items"][1]["id"].clone();
    do_to(&first, &id, "disable").await.body(204);
    second.refresh().await.problem("members", 401, "unauthenticated");
    let body = login_body("a2", &code(&second.secret, 1));
    sign_in(&world.api(), &body).await.problem("members", 401, "staff_sign_in_refused");
    let shown = first.get(&format!("{REQUESTS}/{}", asked.as_str().unwrap())).await.body(200);
    assert_eq!(
        (&shown["state"], &shown["decision"]["by"]["login"]),
        (&json!("withdrawn"), &json!("a1"))
    );
    do_to(&first, &id, "disable").await.problem("members", 409, "login_changed");
    // What somebody asked for who was switched off at the server is not approved either.
    let third = somebody(&world, "a3", "1003", &["admin"]).await;
    let of_third = new_login(&third, "qian", "1006", &["finance"]).await["request"]["id"].clone();
    let school = onecard::base::ids::SchoolId::from_number(world.rows.school("xnec").await);
    let third = "a3".parse().unwrap();
    assert!(
        super::support::registry(&world.db)
            .switch(school, &third, false, testkit::now())
            .await
            .unwrap()
    );
    decide(&first, &of_third, "approve").await.problem("members", 409, "asker_is_off");
    do_to(&first, &id, "enable").await.body(204);
    sign_in(&world.api(), &login_body("a2", &code(&second.secret, 1))).await.body(200);
    let acts = "SELECT act FROM audit_entry WHERE act LIKE 'staff.%abled' ORDER BY position";
    let told = ["staff.disabled", "staff.disabled", "staff.enabled"];
    assert_eq!(world.rows.texts(acts).await, told);
    assert!(world.report().await.is_clean());
}

async fn a_password_is_changed_by_who_knows_it(db: &TestDb) {
    let world = World::start(db).await;
    let li = somebody(&world, "li", "1001", &["auditor"]).await;
    let change = async |password: &str, new: &str| {
        let body = json!({ "password": password, "new_password": new });
        li.post("/api/v1/staff/account/password", &body).await
    };
    change("not this one", "another horse 2").await.problem(
        "members",
        401,
        "staff_sign_in_refused",
    );
    for weak in ["short", PASSWORD] {
        change(PASSWORD, weak).await.problem("members", 422, "request_invalid");
    }
    change(PASSWORD, "another horse 2").await.body(204);
    li.refresh().await.problem("members", 401, "unauthenticated");
    let mut body = login_body("li", &code(&li.secret, 1));
    sign_in(&world.api(), &body).await.problem("members", 401, "staff_sign_in_refused");
    body["password"] = "another horse 2".into();
    sign_in(&world.api(), &body).await.body(200);
    assert_ne!(FIRST_PASSWORD, PASSWORD);
    assert_authentic(&world.db).await;
}

async fn logins_are_listed_by_name(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = two_admins(&world).await;
    let school = world.rows.school("xnec").await;
    for n in 0..5 {
        add(&world.db, school, (&format!("m{n}"), &format!("20{n}"), &["auditor"])).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{STAFF}?limit=3{cursor}")).await.body(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|one| one["login"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["a1", "a2", "m0", "m1", "m2", "m3", "m4"]);
}
