//! Sign-in of members of staff: each way that it is refused, and what ends a session.

use super::support::{
    FIRST_PASSWORD, Member, PASSWORD, add, code, first_body, login_body, registry, role, secret_of,
    sign_in,
};
use onecard::base::{
    crypto::{password, totp::TotpSecret},
    ids::SchoolId,
};
use onecard::staff_accounts::{NewStaff, StaffRoles};
use sea_orm::Value as SqlValue;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Answer, TestDb, World, assert_authentic, eventually, on_each_database};

on_each_database!(
    the_first_sign_in_replaces_the_printed_secret,
    a_sign_in_is_refused_alike_whatever_is_wrong,
    each_code_is_good_once,
    a_session_is_refreshed_and_ends,
    tokens_of_students_and_staff_do_not_mix,
    strangers_keep_nobody_out_of_a_known_client,
    strangers_keep_nobody_out_of_the_first_sign_in,
    a_second_factor_is_asked_for_again,
    a_session_has_an_end,
);

const REFUSED: &str = "staff_sign_in_refused";

async fn xnec(world: &World) -> i64 {
    world.rows.school("xnec").await
}

async fn member(world: &World, login: &str, roles: &[&str]) -> Member {
    let staff_no = format!("1{}", login.to_uppercase());
    let printed = add(&world.db, xnec(world).await, (login, &staff_no, roles)).await;
    Member::enrol(world, login, &printed).await
}

async fn the_first_sign_in_replaces_the_printed_secret(db: &TestDb) {
    let world = World::start(db).await;
    let (api, school) = (world.api(), xnec(&world).await);
    let printed = add(&world.db, school, ("li", "1001", &["finance", "auditor"])).await;
    let body = first_body("li", &code(&printed, 0));
    let offered = sign_in(&api, &body).await.body(200);
    assert_eq!(offered["must_enrol_factor"], true);
    assert!(offered.get("access_token").is_none(), "nobody is signed in: {offered}");
    let uri = offered["otpauth_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/onecard:li@xnec?secret="), "{uri}");
    sign_in(&api, &body).await.problem("the same code again", 401, REFUSED);
    let own = secret_of(offered["secret"].as_str().unwrap());
    assert_eq!(offered["must_change_password"], true);
    let mut first = first_body("li", &code(&own, 0));
    for (chosen, status, problem) in [
        (Value::Null, 403, "new_password_needed"),
        (json!("too short"), 422, "request_invalid"),
        (json!(FIRST_PASSWORD), 422, "request_invalid"),
    ] {
        first["new_password"] = chosen;
        sign_in(&api, &first).await.problem("a bad choice", status, problem);
    }
    let granted = sign_in(&api, &first_body("li", &code(&own, 0))).await.body(200);
    assert_eq!(granted["staff"]["login"], "li");
    assert_eq!(granted["staff"]["staff_no"], "1001");
    assert_eq!(granted["staff"]["roles"], json!(["finance", "auditor"]));
    assert_eq!(granted["expires_in"], 600);
    let slip = sign_in(&api, &first_body("li", &code(&printed, 0))).await;
    slip.problem("the slip", 401, REFUSED);
    let me = Member::of(&api, &own, &granted).get("/api/v1/staff/me").await.body(200);
    assert_eq!(me["login"], "li");
    // What was refused meanwhile is told by a job.
    let acts = "SELECT act || ' ' || who FROM audit_entry WHERE act LIKE 'staff.%' \
                AND act NOT LIKE '%refused' ORDER BY position";
    let told = [
        "staff.added onecard",
        "staff.factor_enrolled staff li, no. 1001",
        "staff.signed_in staff li, no. 1001",
    ];
    assert_eq!(world.rows.texts(acts).await, told);
    assert_authentic(&world.db).await;
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_sign_in_is_refused_alike_whatever_is_wrong(db: &TestDb) {
    let world = World::start(db).await;
    let (api, school) = (world.api(), xnec(&world).await);
    let member = member(&world, "li", &["finance"]).await;
    let off = self::member(&world, "wang", &["finance"]).await;
    let logins = registry(&world.db);
    let xnec = SchoolId::from_number(school);
    logins.switch(xnec, &"wang".parse().unwrap(), false, testkit::now()).await.unwrap();
    let right = code(&member.secret, 0);
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let with = |field: &str, value: &str| {
        let mut body = login_body("li", &right);
        body[field] = json!(value);
        body
    };
    let disabled = login_body("wang", &code(&off.secret, 0));
    let cases = [
        ("a wrong password", with("password", "correct horse 2")),
        ("a wrong code", with("totp", wrong)),
        ("an unknown login", with("login", "nobody")),
        ("another school", with("school", "hbkj")),
        ("a school that does not exist", with("school", "nowhere")),
        ("a disabled login", disabled),
    ];
    let mut answers = Vec::new();
    for (what, body) in &cases {
        let answer = sign_in(&api, body).await;
        let mut problem = answer.problem(what, 401, REFUSED);
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    for mut body in [login_body("li", ""), login_body("nobody", "")] {
        body.as_object_mut().unwrap().remove("totp");
        let wrong = json!("wrong password");
        for password in [json!(PASSWORD), wrong] {
            body["password"] = password;
            sign_in(&api, &body).await.problem("no code", 401, "totp_required");
        }
    }
    for (field, value) in [("totp", "12345a"), ("totp", "1234567"), ("login", ""), ("password", "")]
    {
        sign_in(&api, &with(field, value)).await.problem(field, 422, "request_invalid");
    }
    let granted = sign_in(&api, &login_body("li", &right)).await.body(200);
    let failed = "SELECT who || ': ' || detail FROM audit_entry WHERE act = 'staff.tries_failed'";
    assert_eq!(world.rows.texts(failed).await, ["staff li, no. 1LI: failed 2"]);
    let out = json!({ "refresh_token": granted["refresh_token"] });
    assert_eq!(api.post("/api/v1/staff/auth/logout", &out).await.status, 204);
    let left = "SELECT who FROM audit_entry WHERE act = 'staff.signed_out'";
    assert_eq!(world.rows.texts(left).await, ["staff li, no. 1LI"]);
}

async fn each_code_is_good_once(db: &TestDb) {
    let world = World::start(db).await;
    let member = member(&world, "li", &["finance"]).await;
    let body = login_body("li", &code(&member.secret, 0));
    let both = futures_util::future::join_all(
        (0..8).map(|_| async { sign_in(&world.api(), &body).await.status }),
    );
    let statuses = both.await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let sessions = "SELECT COUNT(*) FROM staff_session";
    assert_eq!(world.rows.number(sessions).await, 2, "the first sign-in's and one more");
    let used_before = login_body("li", &code(&member.secret, -1));
    sign_in(&world.api(), &used_before).await.problem("an earlier step", 401, REFUSED);
}

async fn a_session_is_refreshed_and_ends(db: &TestDb) {
    let world = World::start(db).await;
    let (api, school) = (world.api(), xnec(&world).await);
    let first = member(&world, "li", &["finance"]).await;
    let second = Member::of(&api, &first.secret, &first.refresh().await.body(200));
    second.get("/api/v1/staff/me").await.body(200);
    first.refresh().await.problem("spent before", 401, "unauthenticated");
    second.refresh().await.problem("its family has ended", 401, "unauthenticated");
    gone(&second).await;
    let again = sign_in(&api, &login_body("li", &code(&first.secret, 0))).await.body(200);
    let again = Member::of(&api, &first.secret, &again);
    let out = json!({ "refresh_token": again.refresh_token });
    assert_eq!(api.post("/api/v1/staff/auth/logout", &out).await.status, 204);
    assert_eq!(again.get("/api/v1/staff/me").await.status, 401, "at this server at once");
    let last = sign_in(&api, &login_body("li", &code(&first.secret, 1))).await.body(200);
    let last = Member::of(&api, &first.secret, &last);
    let (xnec, li) = (SchoolId::from_number(school), "li".parse().unwrap());
    registry(&world.db).switch(xnec, &li, false, testkit::now()).await.unwrap();
    gone(&last).await;
    last.refresh().await.problem("disabled", 401, "unauthenticated");
    assert_authentic(&world.db).await;
}

/// The copy of a session is at most a second old.
async fn gone(member: &Member) {
    let refused = async || {
        let answer = member.get("/api/v1/staff/me").await;
        (answer.status == 401).then_some(())
    };
    eventually("the session has ended", refused).await;
}

async fn tokens_of_students_and_staff_do_not_mix(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let member = member(&world, "li", &["finance"]).await;
    let as_staff = student.get("/api/v1/staff/me").await;
    as_staff.problem("a student at a path of staff", 401, "unauthenticated");
    for path in ["/api/v1/me", "/api/v1/card", "/api/v1/orders"] {
        member.get(path).await.problem(path, 401, "unauthenticated");
    }
    let (api, client) =
        (world.api(), Member { access_token: member.client_token.clone(), ..member.clone() });
    client.get("/api/v1/staff/me").await.problem("a client's token", 401, "unauthenticated");
    let swapped = json!({ "refresh_token": member.refresh_token });
    let answer = api.post("/api/v1/auth/refresh", &swapped).await;
    answer.problem("a token of staff where students refresh", 401, "unauthenticated");
    let swapped = json!({ "refresh_token": student.refresh_token });
    let answer = api.post("/api/v1/staff/auth/refresh", &swapped).await;
    answer.problem("a student's where staff refresh", 401, "unauthenticated");
    member.get("/api/v1/staff/me").await.body(200);
}

/// They have no client yet, and what was printed for them in its place.
async fn strangers_keep_nobody_out_of_the_first_sign_in(db: &TestDb) {
    let world = World::start(db).await;
    let (api, school) = (world.api(), xnec(&world).await);
    let slip = registry(&world.db).add(new_login(school, "li"), testkit::now()).await.unwrap();
    let mut guess = login_body("li", "123456");
    for first_code in [Value::Null, json!("000000000000"), json!("123")] {
        guess["first_code"] = first_code;
        for _ in 0..2 {
            sign_in(&api, &guess).await;
        }
    }
    sign_in(&api, &guess).await.problem("a stranger", 429, "too_many_tries");
    let printed = secret_of(&slip.secret());
    let mut first = first_body("li", &code(&printed, 0));
    sign_in(&api, &first).await.problem("without the slip's code", 429, "too_many_tries");
    first["first_code"] = json!(slip.first_code().as_str());
    let offered = sign_in(&api, &first).await.body(200);
    let own = secret_of(offered["secret"].as_str().unwrap());
    first["totp"] = json!(code(&own, 0));
    let granted = sign_in(&api, &first).await.body(200);
    // From now on the client's token counts, and the slip is worth nothing.
    let mut again = login_body("li", &code(&own, 1));
    again["first_code"] = json!(slip.first_code().as_str());
    sign_in(&api, &again).await.problem("the slip again", 429, "too_many_tries");
    again["client_token"] = granted["client_token"].clone();
    sign_in(&api, &again).await.body(200);
}

fn new_login(school: i64, login: &str) -> NewStaff {
    NewStaff {
        school: SchoolId::from_number(school),
        login: login.parse().unwrap(),
        staff_no: "1001".parse().unwrap(),
        roles: StaffRoles::new([role("finance")]),
        password: FIRST_PASSWORD.into(),
    }
}

async fn strangers_keep_nobody_out_of_a_known_client(db: &TestDb) {
    let world = World::start(db).await;
    let api = world.api();
    let member = member(&world, "li", &["finance"]).await;
    let stranger = |login: &str, token: Option<&str>| {
        let mut body = login_body(login, "123456");
        body["password"] = json!("a guess of a stranger");
        if let Some(token) = token {
            body["client_token"] = json!(token);
        }
        body
    };
    let student = world.student(0).await;
    for login in ["li", "nobody"] {
        for _ in 0..5 {
            let guess = stranger(login, Some(&student.access_token));
            sign_in(&api, &guess).await.problem(login, 401, REFUSED);
        }
        let answer = sign_in(&api, &stranger(login, None)).await;
        answer.problem("the sixth", 429, "too_many_tries");
        assert_eq!(answer.header("retry-after"), Some("60"), "{login}");
    }
    let mut known = login_body("li", &code(&member.secret, 0));
    let elsewhere = sign_in(&api, &known).await;
    elsewhere.problem("a client that is not known", 429, "too_many_tries");
    known["client_token"] = json!(member.client_token);
    sign_in(&api, &known).await.body(200);
    for _ in 0..5 {
        let guess = stranger("li", Some(&member.client_token));
        sign_in(&api, &guess).await.problem("the known client", 401, REFUSED);
    }
    let guess = stranger("li", Some(&member.client_token));
    sign_in(&api, &guess).await.problem("the known client", 429, "too_many_tries");
    let (xnec, li) = (SchoolId::from_number(xnec(&world).await), "li".parse().unwrap());
    let slip = registry(&world.db).reset_factor(xnec, &li, testkit::now()).await.unwrap();
    let printed = secret_of(&slip.secret());
    Member::enrol_as(&world, "li", &printed, login_body).await;
}

async fn a_second_factor_is_asked_for_again(db: &TestDb) {
    let world = World::start(db).await;
    let member = member(&world, "li", &["finance"]).await;
    let ask = json!({ "payment_id": uuid::Uuid::nil(), "amount_fen": 1, "reason": "误充" });
    let fresh = member.post("/api/v1/staff/refunds", &ask).await;
    assert_ne!(fresh.status, 403, "{}", fresh.text());
    let ten_minutes = SqlValue::from(600_000_000_i64);
    world.change("UPDATE staff_session SET factor_at = factor_at - $1", [ten_minutes]).await;
    let stale = async || {
        let answer = member.post("/api/v1/staff/refunds", &ask).await;
        (answer.status == 403).then_some(answer)
    };
    let stale: Answer = eventually("the copy of the session is old", stale).await;
    stale.problem("stale", 403, "second_factor_needed");
    member.get("/api/v1/staff/refunds").await.body(200);
    let give = async |totp: &str| {
        member.post("/api/v1/staff/auth/second-factor", &json!({ "totp": totp })).await
    };
    let right = code(&member.secret, 0);
    let wrong = if right == "000000" { "111111" } else { "000000" };
    give(wrong).await.problem("a wrong code", 401, REFUSED);
    assert_eq!(give(&right).await.status, 204);
    give(&right).await.problem("the same again", 401, REFUSED);
    let answer = member.post("/api/v1/staff/refunds", &ask).await;
    assert_ne!(answer.status, 403, "{}", answer.text());
    for _ in 0..4 {
        give(wrong).await.problem("a wrong code", 401, REFUSED);
    }
    give(wrong).await.problem("the sixth", 429, "too_many_tries");
    assert_authentic(&world.db).await;
}

async fn a_session_has_an_end(db: &TestDb) {
    let world = World::start(db).await;
    let member = member(&world, "li", &["finance"]).await;
    let left = "SELECT expires_at - created_at FROM staff_session";
    let (idle, longest) = (Duration::from_mins(30), Duration::from_hours(12));
    assert_eq!(world.rows.number(left).await, i64::try_from(idle.as_micros()).unwrap());
    let nearly =
        SqlValue::from(i64::try_from(longest.saturating_sub(idle / 2).as_micros()).unwrap());
    world.change("UPDATE staff_session SET created_at = created_at - $1", [nearly]).await;
    member.refresh().await.body(200);
    assert_eq!(world.rows.number(left).await, i64::try_from(longest.as_micros()).unwrap());
    let second = SqlValue::from(1_i64);
    world.change("UPDATE staff_session SET expires_at = $1", [second]).await;
    gone(&member).await;
}

/// A password that was replaced while it was compared opens no session. The hash is made as
/// `staff add` makes it.
#[test]
fn the_test_password_is_long_enough() {
    let secret: TotpSecret = TotpSecret::random().unwrap();
    assert_eq!(secret_of(&secret.base32()).expose(), secret.expose());
    assert!(password::hash(&PASSWORD.into()).is_ok() && PASSWORD.len() >= 10);
}
