//! Query passwords that two members of the card office reset: the slip is told once, good for a day and once.

use super::{support::Member, whole_way::staff};
use crate::identity::support::{OWN, change, notices, portal, unbind};
use onecard::passwords::TRIES_AT_BINDING;
use serde_json::{Value, json};
use testkit::{TestDb, World, assert_authentic, eventually, on_each_database};

on_each_database!(
    a_slip_replaces_the_password_and_must_be_changed,
    a_slip_binds_or_signs_in_once,
    a_slip_ends_after_a_day,
    who_may_reset_whose_password,
    sixteen_approvals_tell_one_slip,
    guesses_at_a_slip_are_bounded,
);

const LIST: &str = "/api/v1/staff/password-resets";
const NUMBER: &str = "2301001";
const DEFAULT: &str = "170026";

struct Office {
    world: World,
    asks: Member,
    approves: Member,
    path: String,
}

impl Office {
    async fn open(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let asks = staff(&world, "office", "1001", "card_office").await;
        let approves = staff(&world, "second", "1002", "card_office").await;
        let person = world.rows.person("xnec", NUMBER).await;
        Self {
            world,
            asks,
            approves,
            path: format!("/api/v1/staff/people/{person}/password-reset"),
        }
    }

    async fn asked(&self, key: &str) -> String {
        let body = json!({ "reason": "忘记密码，核对了学生证和卡" });
        let asked = self.asks.ask(&format!("POST {}", self.path), key, Some(&body)).await;
        format!("{LIST}/{}", asked.body(201)["id"].as_str().unwrap())
    }

    async fn slip(&self, key: &str) -> String {
        let approve = format!("{}/approve", self.asked(key).await);
        let approved = self.approves.post(&approve, &json!({})).await.body(200);
        let slip = approved["slip"]["query_password"].as_str().unwrap().to_owned();
        assert!(slip.len() == 8 && slip.bytes().all(|byte| byte.is_ascii_digit()), "{approved}");
        slip
    }
}

async fn a_slip_replaces_the_password_and_must_be_changed(db: &TestDb) {
    let office = Office::open(db).await;
    let world = &office.world;
    let (student, other) = (world.student(0).await, world.alipay_student(0).await);
    assert_eq!(portal(world, "xnec", (NUMBER, DEFAULT)).await.status, 200);
    let one = office.asked("a").await;
    assert_eq!(student.me().await.status, 200, "nothing happens yet");
    let approve = format!("{one}/approve");
    let approved = office.approves.post(&approve, &json!({})).await.body(200);
    let slip = approved["slip"]["query_password"].as_str().unwrap().to_owned();
    let again = office.approves.post(&approve, &json!({})).await.body(200);
    assert_eq!((&again["state"], &again["slip"]), (&json!("approved"), &Value::Null), "told once");
    assert_eq!(office.asks.get(&one).await.body(200)["slip"], Value::Null);
    // A session is read from a copy that is up to a second old.
    eventually("sessions end", async || (student.me().await.status == 401).then_some(())).await;
    for password in [DEFAULT, "00000000"] {
        assert_eq!(portal(world, "xnec", (NUMBER, password)).await.status, 401, "{password}");
    }
    // The binding stays, and the change is forced on both.
    let back = world.login(0).await;
    assert_eq!(back.binding["must_change_password"], true);
    assert_eq!(notices(&back).await[0], "password_reset");
    back.get("/api/v1/card").await.problem("card", 403, "pin_default_must_change");
    change(&back, DEFAULT, OWN).await.problem("the default", 422, "password_wrong");
    change(&back, &slip, &slip).await.problem("the slip again", 422, "pin_weak");
    assert_eq!(change(&back, &slip, OWN).await.status, 204);
    assert_eq!(back.get("/api/v1/card").await.status, 200);
    let there = world.api().login_by("alipay", &world.alipay_code(0)).await;
    assert_eq!(notices(&there).await[..2], ["password_changed", "password_reset"]);
    assert_eq!(portal(world, "xnec", (NUMBER, &slip)).await.status, 401, "used");
    assert_eq!(portal(world, "xnec", (NUMBER, OWN)).await.status, 200);
    let acts = world.rows.texts("SELECT act FROM audit_entry ORDER BY position").await;
    let acts: Vec<&str> =
        acts.iter().map(String::as_str).filter(|act| !act.contains("staff")).collect();
    let told: Vec<&str> = acts.into_iter().filter(|act| act.contains('.')).collect();
    for act in ["approval.asked", "password.reset", "approval.approved"] {
        assert_eq!(told.iter().filter(|told| **told == act).count(), 1, "{told:?}");
    }
    assert_eq!(other.me().await.status, 401);
    assert_authentic(&world.db).await;
}

async fn a_slip_binds_or_signs_in_once(db: &TestDb) {
    let office = Office::open(db).await;
    let world = &office.world;
    let slip = office.slip("a").await;
    let (first, second) = (world.login(5).await, world.login(6).await);
    let bound = first.bind("xnec", (NUMBER, &slip)).await.body(201);
    assert_eq!(bound["must_change_password"], true);
    let refused = second.bind("xnec", (NUMBER, &slip)).await;
    assert_eq!(refused.status, 422, "used: {}", refused.text());
    assert_eq!(portal(world, "xnec", (NUMBER, &slip)).await.status, 401);
    // Who bound with it may still leave, and a new slip is another.
    assert_eq!(unbind(&first, &slip).await.status, 204);
    let slip = office.slip("b").await;
    let visitor = portal(world, "xnec", (NUMBER, &slip)).await.body(200);
    assert_eq!(visitor["binding"]["must_change_password"], true, "{visitor}");
    assert_eq!(portal(world, "xnec", (NUMBER, &slip)).await.status, 401, "once");
}

async fn a_slip_ends_after_a_day(db: &TestDb) {
    let office = Office::open(db).await;
    let world = &office.world;
    let student = world.student(0).await;
    let slip = office.slip("a").await;
    let late = "UPDATE person SET password_slip_until = password_slip_until - 86400000000 \
                WHERE password_slip_until IS NOT NULL";
    assert_eq!(world.change(late, []).await, 1);
    assert_eq!(portal(world, "xnec", (NUMBER, &slip)).await.status, 401);
    let back = world.login(0).await;
    change(&back, &slip, OWN).await.problem("too late", 422, "password_wrong");
    change(&back, DEFAULT, OWN).await.problem("the default", 422, "password_wrong");
    drop(student);
    let slip = office.slip("b").await;
    assert_eq!(change(&world.login(0).await, &slip, OWN).await.status, 204);
}

async fn who_may_reset_whose_password(db: &TestDb) {
    let office = Office::open(db).await;
    let world = &office.world;
    let body = json!({ "reason": "r" });
    for (login, number, role) in [
        ("finance", "1003", "finance"),
        ("network", "1004", "network_center"),
        ("rules", "1005", "admin"),
        ("audits", "1006", "auditor"),
    ] {
        let member = staff(world, login, number, role).await;
        let asked = member.ask(&format!("POST {}", office.path), "k", Some(&body)).await;
        asked.problem(role, 403, "staff_right_missing");
        member.get(LIST).await.problem(role, 403, "staff_right_missing");
    }
    let owner = staff(world, "owner", NUMBER, "card_office").await;
    let own = owner.ask(&format!("POST {}", office.path), "k", Some(&body)).await;
    own.problem("the own card", 403, "own_card");
    let one = office.asked("a").await;
    let open = office.asks.ask(&format!("POST {}", office.path), "two", Some(&body)).await;
    open.problem("one at a time", 409, "approval_open");
    let same = staff(world, "office.too", "1001", "card_office").await;
    for (who, why) in [
        (&office.asks, "second_person_needed"),
        (&same, "second_person_needed"),
        (&owner, "own_card"),
    ] {
        let answer = who.post(&format!("{one}/approve"), &json!({})).await;
        answer.problem(why, 403, why);
    }
    assert_eq!(portal(world, "xnec", (NUMBER, DEFAULT)).await.status, 200, "nothing was reset");
    office.approves.post(&format!("{one}/reject"), &json!({ "reason": "卡不对" })).await.body(200);
    let late = office.approves.post(&format!("{one}/approve"), &json!({})).await;
    late.problem("rejected", 409, "approval_over");
}

async fn sixteen_approvals_tell_one_slip(db: &TestDb) {
    let office = Office::open(db).await;
    let (path, body) = (format!("{}/approve", office.asked("a").await), json!({}));
    let third = staff(&office.world, "third", "1003", "card_office").await;
    let all = (0..16).map(|nth| {
        let who = if nth % 2 == 0 { &office.approves } else { &third };
        who.post(&path, &body)
    });
    let answers = futures_util::future::join_all(all).await;
    let mut slips = Vec::new();
    for answer in answers {
        if answer.status == 200 {
            let told = answer.body(200)["slip"]["query_password"].as_str().map(ToOwned::to_owned);
            slips.extend(told);
        } else {
            assert!([409, 503].contains(&answer.status), "{}", answer.text());
        }
    }
    assert_eq!(slips.len(), 1);
    assert_eq!(portal(&office.world, "xnec", (NUMBER, &slips[0])).await.status, 200);
}

async fn guesses_at_a_slip_are_bounded(db: &TestDb) {
    let office = Office::open(db).await;
    let world = &office.world;
    // What was tried before the slip counts no more.
    for nth in 0..TRIES_AT_BINDING {
        let guesser = world.login(20 + u32::try_from(nth / 5).unwrap()).await;
        assert_eq!(guesser.bind("xnec", (NUMBER, "999999")).await.status, 422, "{nth}");
    }
    let slip = office.slip("a").await;
    let mut refused = 0;
    for nth in 0..2 * TRIES_AT_BINDING {
        let guesser = world.login(40 + u32::try_from(nth / 4).unwrap()).await;
        let answer = guesser.bind("xnec", (NUMBER, "00000000")).await;
        refused += i64::from(answer.status == 429);
    }
    assert_eq!(refused, TRIES_AT_BINDING, "a day's attempts by number");
    assert_eq!(portal(world, "xnec", (NUMBER, &slip)).await.status, 200, "another door is open");
}
