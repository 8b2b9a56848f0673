//! Messages that could not be delivered, at a browser and as JSON.

use super::browser::Browser;
use crate::staff::support::{Member, add};
use serde_json::json;
use testkit::{TestDb, World, on_each_database};
use uuid::Uuid;

on_each_database!(a_failed_message_is_sent_again_once);

async fn fail(world: &World, n: u128, (kind, reason, at): (&str, Option<&str>, i64)) -> Uuid {
    let (id, school) = (Uuid::from_u128(n), world.rows.school("xnec").await);
    let sql = "INSERT INTO outbox (id, school_id, kind, subject, day, created_at, due_at, \
               leased_until, tries, state, reason) \
               VALUES ($1, $2, $3, $4, 0, $5, $6, 0, 1, 'refused', $7)";
    let subject = format!("<b>{n}</b>");
    let values: [sea_orm::Value; 7] = [
        id.into(),
        school.into(),
        kind.into(),
        subject.into(),
        at.into(),
        at.into(),
        reason.into(),
    ];
    world.rows.change(sql, values).await;
    id
}

async fn a_failed_message_is_sent_again_once(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "c1", "1001", &["card_office"]).await;
    let empty = office.get("/staff/messages").await.with(200);
    assert!(empty.says("没有未送达的消息"), "{}", empty.html);
    let at = 1_767_240_000_000_000;
    let first = fail(&world, 1, ("message_credited", Some("43101"), at)).await;
    fail(&world, 2, ("message_credited", Some("43101"), at + 60_000_000)).await;
    fail(&world, 3, ("shipping", None, at)).await;
    fail(&world, 4, ("refund", Some("x"), at)).await;

    let page = office.get("/staff/messages").await.with(200);
    assert!(page.says("付款人没有同意接收（43101）") && page.says("发货信息"), "{}", page.html);
    assert!(
        page.says("data-head=\"条数\">2</td>") && page.says("2026-01-01 12:01"),
        "{}",
        page.html
    );
    assert!(!page.says("refund"), "money is not sent again here: {}", page.html);
    office.get("/staff/messages/failed?kind=refund&reason=x").await.with(404);
    let path = "/staff/messages/failed?kind=message_credited&reason=43101";
    let rows = office.get(path).await.with(200);
    assert!(rows.says("&#60;b&#62;1") && !rows.says("<b>1</b>"), "{}", rows.html);
    let seen = at.to_string();
    let form = [("seen", seen.as_str()), ("kind", "message_credited"), ("reason", "43101")];
    let retry = format!("/staff/messages/{first}/retry");
    let sent = office.submit(&rows, &retry, &form).await.with(303);
    assert_eq!(sent.location, path);
    assert!(office.follow(&sent).await.with(200).says("已重发"));
    let twice = office.submit(&rows, &retry, &form).await.with(303);
    assert!(office.follow(&twice).await.with(200).says("已经重发，没有再发"));
    let acts = "SELECT detail FROM audit_entry WHERE act = 'message.resent'";
    assert_eq!(world.rows.texts(acts).await, ["message_credited"]);

    let (auditor, _) = Browser::of(&world, "au", "1002", &["auditor"]).await;
    let read = auditor.get(path).await.with(200);
    assert!(!read.says("/retry"), "{}", read.html);
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, ("f1", "1003", &["finance"])).await;
    let finance = Member::enrol(&world, "f1", &printed).await;
    let groups = finance.get("/api/v1/staff/messages").await.body(200);
    let shipping = groups["items"].as_array().unwrap().iter().find(|one| one["kind"] == "shipping");
    assert_eq!(shipping.unwrap()["count"], json!(1));
    let list = "/api/v1/staff/messages/failed?kind=shipping";
    let list = finance.get(list).await.body(200);
    let (id, failed_at) = (&list["items"][0]["id"], &list["items"][0]["failed_at"]);
    let path = format!("/api/v1/staff/messages/{}/retry", id.as_str().unwrap());
    let body = json!({ "failed_at": failed_at });
    assert_eq!(finance.post(&path, &body).await.status, 204);
    finance.post(&path, &body).await.problem("twice", 409, "message_resent");
}
