//! Strangers use up the attempts: owners have a way in that strangers cannot spend, and all together
//! have no more attempts than before.

use crate::identity::support::{self, OWN, XIAOMEI, change, portal};
use serde_json::{Value, json};
use testkit::{Answer, Student, TestDb, World, claim, on_each_database};

on_each_database!(
    a_first_binding_goes_on_by_name_and_id_number,
    attempts_by_name_are_counted_for_the_pair,
    a_bound_phone_opens_the_portal,
    a_code_opens_nothing_by_itself,
    a_change_of_the_password_ends_the_lock_of_the_portal,
    strangers_together_have_twenty_attempts,
);

/// Somebody at xnec, which finds people by their student number alone.
const NUMBER: &str = "2301001";
const ID_NUMBER: &str = "990101200503170026";
const PASSWORD: &str = "170026";

fn by_name(school: &str, name: &str, id_number: &str, password: &str) -> Value {
    let mut claim = claim(school, id_number, password);
    claim["id_kind"] = "id_number".into();
    claim["name"] = name.into();
    claim
}

/// Strangers, two accounts, use up the attempts at a number.
async fn use_up(world: &World, school: &str, number: &str) -> usize {
    let mut refused = 0;
    for user in 10..13 {
        let stranger = world.login(user).await;
        for _ in 0..6 {
            let answer = stranger.bind(school, (number, "000000")).await;
            refused += usize::from(answer.status == 422);
        }
    }
    refused
}

async fn lock_portal(world: &World, school: &str, number: &str) -> usize {
    let mut refused = 0;
    for _ in 0..12 {
        let answer = portal(world, school, (number, "000000")).await;
        refused += usize::from(answer.status == 401);
    }
    refused
}

async fn name_of(world: &World, school: &str, number: &str) -> String {
    let school = onecard::base::ids::SchoolId::from_number(world.rows.school(school).await);
    let people = onecard::schools::People::new(world.db.clone(), support::keys().index);
    let person = people.find_by_student_no(school, number).await.unwrap().unwrap();
    let name = person.name(&support::keys().sealer).unwrap();
    secrecy::ExposeSecret::expose_secret(&name).to_owned()
}

async fn a_first_binding_goes_on_by_name_and_id_number(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    for (user, school, number, id_number, password) in
        [(0, "xnec", NUMBER, ID_NUMBER, PASSWORD), (1, "ynart", XIAOMEI.0, XIAOMEI.1, XIAOMEI.2)]
    {
        let name = name_of(&world, school, number).await;
        use_up(&world, school, number).await;
        let owner = world.login(user).await;
        let refused = owner.bind(school, (number, password)).await;
        let problem = refused.problem("the number is used up", 429, "too_many_tries");
        assert!(problem["detail"].as_str().unwrap().contains("身份证号"), "{problem}");
        let claim = by_name(school, &name, id_number, password);
        let bound = owner.bind_with(&claim).await.body(201);
        assert_eq!(bound["cardholder"]["student_no"], number, "{school}");
    }
    // Without the name, the school's kinds of numbers are what they were.
    let other = world.login(2).await;
    let mut nameless = by_name("xnec", "", ID_NUMBER, PASSWORD);
    nameless.as_object_mut().unwrap().remove("name");
    other.bind_with(&nameless).await.problem("without the name", 422, "request_invalid");
}

async fn attempts_by_name_are_counted_for_the_pair(db: &TestDb) {
    let world = World::start(db).await;
    let name = name_of(&world, "xnec", NUMBER).await;
    let attempt = async |user, name: &str, password: &str| {
        let stranger: Student = world.login(user).await;
        stranger.bind_with(&by_name("xnec", name, ID_NUMBER, password)).await
    };
    // Strangers who know the ID number, and not the name, spend nothing of the owner's.
    for n in 0..12_u32 {
        let answer = attempt(20 + n, &format!("某人{n}"), PASSWORD).await;
        answer.problem("a wrong name", 422, "binding_refused");
    }
    for n in 0..6 {
        let answer = attempt(10 + n, "某人", "000000").await;
        assert_eq!(answer.status, if n < 4 { 422 } else { 429 }, "a wrong name again, {n}");
    }
    // With both, four attempts at the password, whoever makes them and however the name is written.
    for (n, written) in ["", " ", "", " "].into_iter().enumerate() {
        let user = 40 + u32::try_from(n).unwrap();
        let answer = attempt(user, &format!("{written}{name}"), "000000").await;
        answer.problem("a wrong password", 422, "binding_refused");
    }
    attempt(50, &name, PASSWORD).await.problem("the fifth", 429, "too_many_tries");
    // The attempts by the number are others.
    attempt(51, &name, PASSWORD).await.problem("the sixth", 429, "too_many_tries");
    world.login(51).await.bind("xnec", (NUMBER, PASSWORD)).await.body(201);
}

/// The code that the phone shows.
async fn phone_code(student: &Student) -> String {
    let shown = student.post("/api/v1/me/portal-codes", &json!({})).await;
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let shown = shown.body(200);
    assert!(shown["valid_until"].is_string());
    let code = shown["code"].as_str().unwrap().to_owned();
    assert!(code.len() == 12 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    code
}

async fn with_code(world: &World, school: &str, who: (&str, &str), code: &str) -> Answer {
    let (number, password) = who;
    let body = json!({ "school": school, "id_value": number, "query_password": password,
                       "portal_code": code });
    world.api().post("/api/v1/auth/portal/login", &body).await
}

async fn a_bound_phone_opens_the_portal(db: &TestDb) {
    let world = World::start(db).await;
    let (owner, other) = (world.student(0).await, world.student(1).await);
    lock_portal(&world, "xnec", NUMBER).await;
    let locked = portal(&world, "xnec", (NUMBER, PASSWORD)).await;
    let problem = locked.problem("locked", 429, "too_many_tries");
    assert!(problem["detail"].as_str().unwrap().contains("网页登录码"), "{problem}");
    let code = phone_code(&owner).await;
    for (what, wrong) in
        [("another's", phone_code(&other).await), ("nobody's", "000000000000".to_owned())]
    {
        let answer = with_code(&world, "xnec", (NUMBER, PASSWORD), &wrong).await;
        answer.problem(what, 429, "too_many_tries");
    }
    let malformed = with_code(&world, "xnec", (NUMBER, PASSWORD), "12345").await;
    malformed.problem("malformed", 422, "request_invalid");
    let granted = with_code(&world, "xnec", (NUMBER, PASSWORD), &code).await.body(200);
    let visitor = Student::of(&world.api(), &granted);
    assert_eq!(visitor.me().await.body(200)["identity"]["platform"], "portal");
    let shown = visitor.post("/api/v1/me/portal-codes", &json!({})).await;
    shown.problem("the portal shows none", 403, "portal_read_only");
    portal(&world, "xnec", (NUMBER, PASSWORD)).await.problem("others", 429, "too_many_tries");
}

async fn a_code_opens_nothing_by_itself(db: &TestDb) {
    let world = World::start(db).await;
    let owner = world.student(0).await;
    let code = phone_code(&owner).await;
    for n in 0..5 {
        let wrong = with_code(&world, "xnec", (NUMBER, "000000"), &code).await;
        wrong.problem(&n.to_string(), 401, "sign_in_refused");
    }
    let slowed = with_code(&world, "xnec", (NUMBER, PASSWORD), &code).await;
    slowed.problem("the sixth", 429, "too_many_tries");
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!(wait <= 60, "the owner waits a minute, not a day: {wait}");
    // These were the owner's: strangers have theirs, and the portal is open without the code.
    portal(&world, "xnec", (NUMBER, PASSWORD)).await.body(200);
    support::import(&world.db, "csmzxy").await;
    let elsewhere = world.login(5).await;
    let mut claim = testkit::claim("csmzxy", "2024101001", "120212");
    claim["name"] = "彭雅婷".into();
    elsewhere.bind_with(&claim).await.body(201);
    let none = elsewhere.post("/api/v1/me/portal-codes", &json!({})).await;
    none.problem("a school without a portal", 403, "portal_unavailable");
}

async fn a_change_of_the_password_ends_the_lock_of_the_portal(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let student = world.student(0).await;
    let artist = world.login(9).await;
    artist.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    for (who, school, numbers, old) in [
        (&student, "xnec", vec![NUMBER], PASSWORD),
        (&artist, "ynart", vec![XIAOMEI.0, XIAOMEI.1], XIAOMEI.2),
    ] {
        for number in &numbers {
            lock_portal(&world, school, number).await;
            portal(&world, school, (number, old)).await.problem(number, 429, "too_many_tries");
        }
        assert_eq!(change(who, old, OWN).await.status, 204);
        for number in &numbers {
            portal(&world, school, (number, OWN)).await.body(200);
        }
    }
}

async fn strangers_together_have_twenty_attempts(db: &TestDb) {
    let world = World::start(db).await;
    let name = name_of(&world, "xnec", NUMBER).await;
    let mut made = use_up(&world, "xnec", NUMBER).await;
    made += lock_portal(&world, "xnec", NUMBER).await;
    for user in 30..40 {
        let stranger = world.login(user).await;
        let answer = stranger.bind_with(&by_name("xnec", &name, ID_NUMBER, "000000")).await;
        made += usize::from(answer.status == 422);
    }
    assert_eq!(made, 20);
}
