//! What members of staff were refused is in the log: once an hour of a login and a reason, with how often.

use super::{
    support::{Member, PASSWORD, server},
    whole_way::staff,
};
use futures_util::FutureExt;
use onecard::{
    base::clock::{Clock, ManualClock},
    staff_accounts::{StaffAccounts, StaffMember, StaffSignIn, StaffSignInError},
};
use secrecy::SecretString;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, eventually, now, on_each_database};

on_each_database!(
    however_often_the_log_has_one_entry_an_hour,
    servers_that_write_at_once_write_one_entry,
    a_write_that_is_cut_off_loses_nothing,
    sign_ins_that_fail_are_told_of_known_logins,
    a_code_of_a_session_that_has_ended_is_not_told_as_wrong,
    what_is_refused_over_http_is_in_the_log,
);

const TOLD: &str = "SELECT who || ' | ' || subject || ' | ' || detail FROM audit_entry \
    WHERE act IN ('staff.refused', 'staff.sign_in_refused') ORDER BY position";
const HOUR: Duration = Duration::from_hours(1);
const ASKED: &str = "POST /staff/people/{id}/loss";

async fn li(world: &World) -> (Member, Arc<StaffMember>, Arc<ManualClock>) {
    let li = staff(world, "li", "1001", "finance").await;
    let clock = Arc::new(ManualClock::new(now()));
    let member = server(world, &clock).authenticate(&li.access_token).await.unwrap();
    (li, member, clock)
}

fn refuse(accounts: &StaffAccounts, member: &StaffMember, times: usize) {
    for _ in 0..times {
        accounts.refused(member, "own_card", ASKED.to_owned());
    }
}

async fn however_often_the_log_has_one_entry_an_hour(db: &TestDb) {
    let world = World::start(db).await;
    let (_, member, clock) = li(&world).await;
    let accounts = server(&world, &clock);
    let write = async || accounts.write_refusals(&world.db, clock.now()).await.unwrap();
    let entry = |detail: &str| format!("staff li, no. 1001 | {ASKED} | {detail}");
    refuse(&accounts, &member, 3);
    write().await;
    assert_eq!(world.rows.texts(TOLD).await, [entry("own_card, 3 times")]);
    for _ in 0..4 {
        refuse(&accounts, &member, 10);
        clock.advance(Duration::from_mins(14));
        write().await;
    }
    let untold = "SELECT untold FROM staff_refusal WHERE reason = 'own_card'";
    assert_eq!(world.rows.number(untold).await, 40);
    assert_eq!(world.rows.texts(TOLD).await.len(), 1, "within the hour");
    // Another reason is not held back.
    accounts.refused(&member, "staff_right_missing", "GET /staff/health".to_owned());
    // What is no refusal is not noted.
    for code in ["second_factor_needed", "not_found", "wrong_password"] {
        accounts.refused(&member, code, ASKED.to_owned());
    }
    write().await;
    let other = "staff li, no. 1001 | GET /staff/health | staff_right_missing".to_owned();
    assert_eq!(world.rows.texts(TOLD).await, [entry("own_card, 3 times"), other.clone()]);
    // Nobody comes again: after the hour the rest is told all the same, once.
    clock.advance(HOUR);
    for _ in 0..2 {
        write().await;
    }
    let told = [entry("own_card, 3 times"), other, entry("own_card, 40 times")];
    assert_eq!(world.rows.texts(TOLD).await, told);
    clock.advance(HOUR);
    refuse(&accounts, &member, 1);
    write().await;
    assert_eq!(world.rows.texts(TOLD).await[3..], [entry("own_card")]);
}

async fn servers_that_write_at_once_write_one_entry(db: &TestDb) {
    let world = World::start(db).await;
    let (_, member, clock) = li(&world).await;
    let servers: Vec<StaffAccounts> = (0..4).map(|_| server(&world, &clock)).collect();
    for hour in 1..=3 {
        for accounts in &servers {
            refuse(accounts, &member, 5);
        }
        let writes = servers.iter().map(|one| one.write_refusals(&world.db, clock.now()));
        for written in futures_util::future::join_all(writes).await {
            written.unwrap();
        }
        assert_eq!(world.rows.texts(TOLD).await.len(), hour);
        clock.advance(HOUR);
    }
    servers[0].write_refusals(&world.db, clock.now()).await.unwrap();
    // Each was told once.
    let told = world.rows.texts(TOLD).await;
    let times = |entry: &String| -> u32 {
        entry.rsplit_once("own_card, ").unwrap().1.strip_suffix(" times").unwrap().parse().unwrap()
    };
    assert_eq!(told.iter().map(times).sum::<u32>(), 60, "{told:?}");
    assert_eq!(told.len(), 4);
}

async fn a_write_that_is_cut_off_loses_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (_, member, clock) = li(&world).await;
    let accounts = server(&world, &clock);
    refuse(&accounts, &member, 3);
    // Dropped where it waits first, as when its job is stopped.
    let cut_off = Box::pin(accounts.write_refusals(&world.db, clock.now())).now_or_never();
    assert!(cut_off.is_none(), "{cut_off:?}");
    // The server stops, and writes what is left.
    accounts.write_refusals(&world.db, clock.now()).await.unwrap();
    let told = format!("staff li, no. 1001 | {ASKED} | own_card, 3 times");
    assert_eq!(world.rows.texts(TOLD).await, [told]);
}

fn attempt(login: &str, password: &str, totp: &str) -> StaffSignIn {
    StaffSignIn {
        school: "xnec".to_owned(),
        login: login.to_owned(),
        password: password.into(),
        totp: Some(SecretString::from(totp)),
        recovery_code: None,
        client_token: None,
        first_code: None,
        new_password: None,
    }
}

async fn sign_ins_that_fail_are_told_of_known_logins(db: &TestDb) {
    let world = World::start(db).await;
    let (li, member, clock) = li(&world).await;
    let accounts = server(&world, &clock);
    let write = async || accounts.write_refusals(&world.db, clock.now()).await.unwrap();
    let right = li.secret.code(clock.now()).to_string();
    let wrong = if right == "000000" { "111111" } else { "000000" };
    for login in ["nobody", "1001"] {
        accounts.sign_in(attempt(login, "guess", &right)).await.unwrap_err();
    }
    write().await;
    assert_eq!(world.rows.count("staff_refusal").await, 0, "nobody by that name");
    accounts.sign_in(attempt("li", "guess of a password", &right)).await.unwrap_err();
    for _ in 0..4 {
        accounts.sign_in(attempt("li", PASSWORD, wrong)).await.unwrap_err();
    }
    accounts.sign_in(attempt("li", PASSWORD, &right)).await.unwrap_err();
    accounts.confirm_factor(&member, &SecretString::from(wrong)).await.unwrap_err();
    let off = "UPDATE staff_member SET enabled = $1 WHERE login = 'li'";
    world.rows.change(off, [false.into()]).await;
    write().await;
    let told = world.rows.texts(TOLD).await;
    let entry = |detail: &str| format!("onecard | staff li | {detail}");
    let own = "staff li, no. 1001 | staff li | factor_not_confirmed".to_owned();
    let expected =
        [entry("too_many_tries"), entry("wrong_factor, 4 times"), entry("wrong_password"), own];
    let mut sorted = told.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    assert!(told.iter().all(|one| !one.contains("guess") && !one.contains(PASSWORD)));
}

async fn a_code_of_a_session_that_has_ended_is_not_told_as_wrong(db: &TestDb) {
    let world = World::start(db).await;
    let (li, member, clock) = li(&world).await;
    let accounts = server(&world, &clock);
    accounts.sign_out(&li.refresh_token).await.unwrap();
    clock.advance(Duration::from_mins(1));
    let right = SecretString::from(li.secret.code(clock.now()).to_string());
    let refused = accounts.confirm_factor(&member, &right).await;
    assert!(matches!(refused, Err(StaffSignInError::Refused)), "{refused:?}");
    accounts.write_refusals(&world.db, clock.now()).await.unwrap();
    assert_eq!(world.rows.texts(TOLD).await, [""; 0]);
}

async fn what_is_refused_over_http_is_in_the_log(db: &TestDb) {
    let world = World::start(db).await;
    let person = world.rows.person("xnec", "2301001").await;
    let office = staff(&world, "office", "2301001", "card_office").await;
    let loss = format!("POST /api/v1/staff/people/{person}/loss");
    let body = json!({ "reason": "x" });
    for _ in 0..2 {
        office.ask(&loss, "", Some(&body)).await.problem("own card", 403, "own_card");
    }
    office.get("/api/v1/staff/health").await.problem("no right", 403, "staff_right_missing");
    let nobody = office.api.get("/api/v1/staff/health").await;
    assert_eq!(nobody.status, 401, "nobody is refused nothing");
    let who = "staff office, no. 2301001";
    let expected = |told: &[String]| {
        let has = |text: &str| told.iter().any(|one| one.starts_with(text));
        has(&format!("{who} | POST /api/v1/staff/people/{{id}}/loss | own_card"))
            && has(&format!("{who} | GET /api/v1/staff/health | staff_right_missing"))
    };
    let told = eventually("the refusals are told", async || {
        Some(world.rows.texts(TOLD).await).filter(|told| expected(told))
    });
    let told = told.await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|one| !one.contains(&person.to_string())), "{told:?}");
    // The owner reads it, as everything that is their own.
    let log = office.get("/api/v1/staff/audit?kind=refusals").await.body(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 2, "{log}");
    let day = now().day();
    for (since, entries) in [(day, 2), (day.next(), 0)] {
        let since = format!("/api/v1/staff/audit?kind=refusals&since={since}");
        let log = office.get(&since).await.body(200);
        assert_eq!(log["items"].as_array().unwrap().len(), entries, "{since}: {log}");
    }
}
