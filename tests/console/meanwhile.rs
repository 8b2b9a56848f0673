//! What a browser has open while its owner is removed, changes the password elsewhere, or another person
//! decides the same thing.

use super::browser::{Browser, Page};
use crate::staff::{
    cases,
    support::{PASSWORD, code, registry},
    whole_way::{staff, topped_up},
};
use futures_util::future::join;
use onecard::base::ids::SchoolId;
use serde_json::json;
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(
    who_is_removed_is_out_at_every_form,
    a_changed_password_ends_the_other_browsers,
    two_people_decide_one_request,
    two_people_end_one_case,
);

/// The door right form of a signed-in member of the card office.
fn right(page: &Page) -> Vec<(&'static str, String)> {
    let fields = [("student_no", "2301001"), ("group", "西门"), ("until", ""), ("hours", "")];
    let fields = fields.map(|(name, value)| (name, value.to_owned()));
    let mut form = vec![("csrf", page.field("csrf")), ("reason", "实习".to_owned())];
    form.extend(fields);
    form
}

async fn who_is_removed_is_out_at_every_form(db: &TestDb) {
    let world = World::start(db).await;
    let (office, secret) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let page = office.get("/staff/doors").await.with(200);
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let login = "office".parse().unwrap();
    assert!(registry(&world.db).switch(school, &login, false, now()).await.unwrap());
    // A page reads the row of its session.
    let refused = office.send("/staff/doors/rights", &right(&page)).await;
    assert!([303, 401, 403].contains(&refused.status), "{}", refused.html);
    assert!(!refused.location.starts_with("/staff/doors"), "{}", refused.location);
    // JSON has a copy of the session, which lives a second: what acts asks the row of the login where it acts.
    let member = staff(&world, "json", "1002", "card_office").await;
    member.get("/api/v1/staff/me").await.body(200);
    assert!(
        registry(&world.db).switch(school, &"json".parse().unwrap(), false, now()).await.unwrap()
    );
    let body = json!({ "student_no": "2301001", "door_group": "西门", "reason": "实习" });
    let refused = member.post("/api/v1/staff/door-rights", &body).await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    assert_eq!(world.rows.count("door_right").await, 0);
    testkit::eventually("the session has ended", async || {
        let away = office.get("/staff").await;
        (away.status == 303 && away.location.starts_with("/staff/sign-in")).then_some(())
    })
    .await;
    office.sign_in("office", PASSWORD, &code(&secret, 1)).await.with(401);
}

async fn a_changed_password_ends_the_other_browsers(db: &TestDb) {
    let world = World::start(db).await;
    let (own, secret) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (other, copy) = (Browser::at(&world), Browser::at(&world));
    other.sign_in("office", PASSWORD, &code(&secret, 0)).await.with(303);
    copy.steal(&own);
    let open = other.get("/staff/doors").await.with(200);
    let form = own.get("/staff/account/password").await.with(200);
    let fields = [
        ("password", PASSWORD),
        ("new_password", "another horse 2"),
        ("repeated", "another horse 2"),
    ];
    own.submit(&form, "/staff/account/password", &fields).await.with(303);
    for (who, browser) in [("another browser", &other), ("a copy of this one's cookie", &copy)] {
        let away = browser.get("/staff/doors").await;
        let out = away.status == 303 && away.location.starts_with("/staff/sign-in");
        assert!(out, "{who}: {} {}", away.status, away.location);
        let refused = browser.send("/staff/doors/rights", &right(&open)).await;
        assert!([303, 401, 403].contains(&refused.status), "{who}: {}", refused.html);
    }
    assert_eq!(world.rows.count("door_right").await, 0);
    other.sign_in("office", PASSWORD, &code(&secret, 1)).await.with(401);
    other.sign_in("office", "another horse 2", &code(&secret, 1)).await.with(303);
}

/// One approves while the other rejects what both have before them: one is told that it is over.
async fn two_people_decide_one_request(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let (first, _) = Browser::of(&world, "f1", "1002", &["finance"]).await;
    let (second, _) = Browser::of(&world, "f2", "1003", &["finance"]).await;
    for nth in 0..4 {
        let body = json!({ "order_id": order["id"], "amount_fen": 100, "reason": "误充" });
        let asked = office.ask("POST /api/v1/staff/refunds", &nth.to_string(), Some(&body)).await;
        let asked = asked.body(201);
        let one = format!("/staff/approvals/refund/{}", asked["id"].as_str().unwrap());
        let pages = join(first.get(&one), second.get(&one)).await;
        let (approve, reject) = (format!("{one}/approve"), format!("{one}/reject"));
        let reason = [("reason", "与收据不符")];
        let (yes, no) =
            join(first.submit(&pages.0, &approve, &[]), second.submit(&pages.1, &reject, &reason))
                .await;
        let mut statuses = [yes.status, no.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} {}", yes.html, no.html);
        let late = if yes.status == 409 { &yes } else { &no };
        assert!(late.says("该申请已处理或已过期"), "{}", late.html);
        let who = if yes.status == 409 {
            "f2（工号 1003）已驳回，"
        } else {
            "f1（工号 1002）已通过，"
        };
        assert!(late.says(who) && late.says("<h1>退款"), "{who}: {}", late.html);
    }
    let decided = "audit_entry WHERE act IN ('approval.approved', 'approval.rejected')";
    let approved = "approval WHERE state = 'approved'";
    assert_eq!(world.rows.count(decided).await, 4);
    assert_eq!(world.rows.count("refund").await, world.rows.count(approved).await);
}

/// Two who both had the case when their forms were made: one ends it.
async fn two_people_end_one_case(db: &TestDb) {
    let world = World::start(db).await;
    let [_, id] = cases::two(&world).await;
    let (first, _) = Browser::of(&world, "f1", "1002", &["card_office"]).await;
    let (second, _) = Browser::of(&world, "f2", "1003", &["card_office"]).await;
    let one = format!("/staff/cases/{id}");
    let page = first.get(&one).await.with(200);
    let taken = [("version", page.field("version"))];
    let taken = taken.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    let (mine, theirs) =
        join(first.submit(&page, &format!("{one}/take"), &taken), second.get(&one)).await;
    mine.with(303);
    let theirs = theirs.with(200);
    let own = first.get(&one).await.with(200);
    let version = own.field("version");
    let text = [("version", version.as_str()), ("text", "已补送")];
    let over = [("version", version.as_str()), ("reason", "李娜请假")];
    let (ended, taken_over) = join(
        first.submit(&own, &format!("{one}/resolve"), &text),
        second.submit(&theirs, &format!("{one}/take-over"), &over),
    )
    .await;
    let mut statuses = [ended.status, taken_over.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409], "{} {}", ended.html, taken_over.html);
    let late = if ended.status == 409 { &ended } else { &taken_over };
    assert!(late.says("已补送") || late.says("李娜请假"), "kept: {}", late.html);
    let closed = world.rows.count("review_case WHERE closed_at IS NOT NULL").await;
    assert_eq!(closed == 1, ended.status == 303);
}
