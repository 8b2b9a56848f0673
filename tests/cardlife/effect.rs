//! What a report stops, whom it is told, and what the counter does.

use crate::{
    cardlife::races::refused,
    spend::{phone::Phone, shop::Shop},
};
use futures_util::future::join;
use serde_json::{Value, json};
use testkit::{Answer, PEOPLE, Program, Student, TestDb, on_each_database};

on_each_database!(
    a_report_is_in_force_for_every_scan_after_its_answer,
    a_report_twice_is_one_report,
    a_cancel_without_a_report_changes_nothing,
    codes_go_on_where_the_school_stops_the_card_alone,
    the_phone_enrols_again_after_the_card_was_found,
    others_are_told,
    the_portal_reports_and_does_not_take_back,
    the_counter_reports_and_takes_back,
);

const REPORTS: &str = "/api/v1/card/loss-reports";
const CANCEL: &str = "/api/v1/card/loss-reports/cancel";

fn done(answer: &Answer) {
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

async fn shop(db: &TestDb, tables: &str) -> (Shop, Student) {
    let shop = Shop::open(db, tables).await;
    let student = shop.world.student(0).await;
    (shop, student)
}

fn password() -> Value {
    json!({ "query_password": PEOPLE[0].1 })
}

/// At the server that took the report, once it has also read that the phone has ended, and at one that
/// has never heard of the person.
async fn a_report_is_in_force_for_every_scan_after_its_answer(db: &TestDb) {
    let (mut shop, student) = shop(db, "").await;
    assert_eq!(shop.charge(&shop.phones[0].code(), 100).await.status, 200);
    student.post(REPORTS, &password()).await.body(201);
    let nobody = "80000000010000000002";
    shop.charge(nobody, 100).await.problem("reads what has changed", 422, "code_invalid");
    refused(&shop.charge(&shop.phones[0].code(), 100).await);
    shop.world.stop_first();
    shop.world.serve_first();
    refused(&shop.charge(&shop.phones[0].code(), 100).await);
    let phone = &shop.phones[0];
    assert_eq!(shop.total(phone.person).await, 9_900);
    shop.is_sound().await;
}

/// From two phones at once, and once more.
async fn a_report_twice_is_one_report(db: &TestDb) {
    let (shop, student) = shop(db, "").await;
    let (other, body) = (shop.world.alipay_student(0).await, password());
    let (one, two) = join(student.post(REPORTS, &body), other.post(REPORTS, &body)).await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "{} {}", one.text(), two.text());
    let again = student.post(REPORTS, &body).await.body(200);
    assert_eq!(again["reported_at"], one.json()["reported_at"], "as it was reported first");
    assert_eq!(told(&shop).await, ["loss.reported"]);
    refused(&shop.charge(&shop.phones[0].code(), 100).await);
    shop.is_sound().await;
}

async fn a_cancel_without_a_report_changes_nothing(db: &TestDb) {
    let (shop, student) = shop(db, "").await;
    let cancel = async || student.post(CANCEL, &password()).await;
    cancel().await.problem("never reported", 409, "loss_not_reported");
    assert!(told(&shop).await.is_empty());
    assert_eq!(shop.charge(&shop.phones[0].code(), 100).await.status, 200, "its codes go on");
    student.post(REPORTS, &password()).await.body(201);
    cancel().await.body(200);
    cancel().await.problem("taken back before", 409, "loss_not_reported");
    assert_eq!(told(&shop).await, ["loss.reported", "loss.cancelled"]);
    shop.is_sound().await;
}

/// What was recorded; clients are told of the same.
async fn told(shop: &Shop) -> Vec<String> {
    let rows = &shop.world.rows;
    let acts = "SELECT act FROM audit_entry WHERE act LIKE 'loss.%' ORDER BY position";
    let acts = rows.texts(acts).await;
    for (kind, act) in [("loss_reported", "loss.reported"), ("loss_cancelled", "loss.cancelled")] {
        let events = rows.count(&format!("event WHERE content LIKE '%{kind}%'")).await;
        let recorded = acts.iter().filter(|done| *done == act).count();
        assert_eq!(usize::try_from(events).unwrap(), recorded, "{kind}");
    }
    acts
}

async fn codes_go_on_where_the_school_stops_the_card_alone(db: &TestDb) {
    let (shop, student) = shop(db, "[loss]\nstops = \"card\"\n").await;
    student.post(REPORTS, &password()).await.body(201);
    assert_eq!(student.get("/api/v1/card").await.body(200)["status"], "lost");
    assert_eq!(shop.charge(&shop.phones[0].code(), 100).await.status, 200);
    shop.is_sound().await;
}

/// The keys of before are gone: the phone may have been lost with the card.
async fn the_phone_enrols_again_after_the_card_was_found(db: &TestDb) {
    let (shop, student) = shop(db, "").await;
    let enrolments = "/api/v1/passcode/enrolments";
    let wish = |password: Option<&str>| json!({ "device_id": "0123456789abcdef", "query_password": password });
    done(&student.post(enrolments, &wish(Some(PEOPLE[0].1))).await);
    done(&student.post(enrolments, &wish(None)).await);
    student.post(REPORTS, &password()).await.body(201);
    for given in [None, Some(PEOPLE[0].1)] {
        student.post(enrolments, &wish(given)).await.problem("lost", 422, "account_lost");
    }
    student.post(CANCEL, &password()).await.body(200);
    let old = shop.charge(&shop.phones[0].code(), 100).await;
    old.problem("the keys of before", 422, "code_invalid");
    student.post(enrolments, &wish(None)).await.problem(
        "no longer known",
        422,
        "password_required",
    );
    done(&student.post(enrolments, &wish(Some(PEOPLE[0].1))).await);
    let phone = Phone::of(&shop.world.db, (shop.school, "xnec"), shop.phones[0].person).await;
    assert_eq!(shop.charge(&phone.code(), 100).await.status, 200);
    shop.is_sound().await;
}

async fn others_are_told(db: &TestDb) {
    let (shop, student) = shop(db, "").await;
    let other = shop.world.alipay_student(0).await;
    student.post(REPORTS, &password()).await.body(201);
    other.post(CANCEL, &password()).await.body(200);
    let notices = |me: Value| -> Vec<String> {
        let list = me["notices"].as_array().unwrap().clone();
        list.iter().map(|notice| notice["kind"].as_str().unwrap().to_owned()).collect()
    };
    let (mine, theirs) = (student.me().await.body(200), other.me().await.body(200));
    assert!(notices(mine.clone()).contains(&"loss_cancelled".to_owned()), "{mine}");
    assert!(notices(theirs.clone()).contains(&"loss_reported".to_owned()), "{theirs}");
    assert!(!notices(mine).contains(&"loss_reported".to_owned()));
    let events = student.get("/api/v1/events?after=0").await.body(200)["items"].clone();
    let kinds: Vec<_> = events.as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert!(kinds.contains(&json!("loss_reported")) && kinds.contains(&json!("loss_cancelled")));
    let said = "SELECT act || ' ' || detail FROM audit_entry WHERE act LIKE 'loss.%' \
                ORDER BY position";
    let said = shop.world.rows.texts(said).await;
    assert_eq!(said, ["loss.reported lost, at wechat", "loss.cancelled found, at alipay"]);
}

async fn the_portal_reports_and_does_not_take_back(db: &TestDb) {
    let (shop, _) = shop(db, "").await;
    let visit = json!({ "school": "xnec", "id_value": PEOPLE[0].0, "query_password": PEOPLE[0].1 });
    let granted = shop.world.api().post("/api/v1/auth/portal/login", &visit).await.body(200);
    let visitor = Student::of(&shop.world.api(), &granted);
    assert_eq!(visitor.post(REPORTS, &password()).await.body(201)["status"], "lost");
    visitor.post(CANCEL, &password()).await.problem("reads only", 403, "portal_read_only");
    assert_eq!(visitor.get(REPORTS).await.body(200)["status"], "lost");
}

/// By the commands, beside a running server.
async fn the_counter_reports_and_takes_back(db: &TestDb) {
    let (shop, _) = shop(db, "").await;
    let program = Program::of(&shop.world, crate::ONECARD);
    let run = async |what: &str, number: &str| {
        let arguments =
            ["card", what, "--school", "xnec", "--student-no", number, "--reason", "with ID card"];
        program.run(&arguments).await
    };
    let number = PEOPLE[0].0;
    let (code, out, err) = run("found", number).await;
    assert_eq!((code, out.as_str()), (0, "unchanged  xnec/2301001\n"), "{err}");
    let (code, out, err) = run("lost", number).await;
    assert_eq!((code, out.as_str()), (0, "lost       xnec/2301001\n"), "{err}");
    let phone = &shop.phones[0];
    refused(&shop.charge(&phone.code(), 100).await);
    let (_, out, _) = run("lost", number).await;
    assert_eq!(out, "unchanged  xnec/2301001\n");
    let (_, out, _) = run("found", number).await;
    assert_eq!(out, "found      xnec/2301001\n");
    let (code, _, err) = run("lost", "9999999").await;
    assert_eq!(code, 1);
    assert!(err.contains("no person with the number 9999999"), "{err}");
    let said = "SELECT act || ' ' || detail || ' ' || why FROM audit_entry \
                WHERE act LIKE 'loss.%' ORDER BY position";
    let expected = [
        "loss.reported lost, at the counter with ID card",
        "loss.cancelled found, at the counter with ID card",
    ];
    assert_eq!(shop.world.rows.texts(said).await, expected);
    shop.is_sound().await;
}

/// Between the proof of a cancel and its lock the card was found, and lost again: that report may be of
/// another card, of which nobody has said anything.
#[tokio::test]
async fn a_cancel_does_not_take_back_another_report() {
    testkit::on_postgres(async |db: &TestDb| {
        let (shop, student) = shop(db, "").await;
        student.post(REPORTS, &password()).await.body(201);
        let another = "UPDATE person SET lost_at = lost_at + 1 WHERE lost_at IS NOT NULL";
        let cancel = async || student.post(CANCEL, &password()).await;
        let refused = shop.world.rows.change_while(another, cancel()).await;
        refused.problem("another report", 422, "password_wrong");
        assert_eq!(student.get(REPORTS).await.body(200)["status"], "lost");
        assert_eq!(cancel().await.body(200)["status"], "normal");
    })
    .await;
}
