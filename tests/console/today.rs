//! 今日待办: what waits and how the day goes, for whom it is open, as a page and as JSON.

use super::browser::Browser;
use crate::staff::whole_way::{staff, topped_up};
use serde_json::{Value, json};
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(each_role_sees_the_numbers_whose_lists_are_open);

const TODAY: &str = "/api/v1/staff/today";

async fn refused_message(world: &World) {
    let school = world.rows.school("xnec").await;
    let id = world.rows.literal(&onecard::base::ids::uuid_at(now()).to_string());
    let at = now().micros();
    let sql = format!(
        "INSERT INTO outbox (id, school_id, kind, subject, day, created_at, due_at, leased_until, \
         tries, state, reason) VALUES ({id}, {school}, 'message_credited', 'x', 0, {at}, {at}, 0, 1, \
         'refused', '43101')"
    );
    world.rows.change(&sql, []).await;
}

fn of<'a>(today: &'a Value, list: &str) -> Option<&'a Value> {
    let mut all =
        today["waiting"].as_array().unwrap().iter().chain(today["noted"].as_array().unwrap());
    all.find(|one| one["list"] == list).map(|one| &one["count"])
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn each_role_sees_the_numbers_whose_lists_are_open(db: &TestDb) {
    let world = World::start(db).await;
    let (finance, _) = Browser::of(&world, "f1", "2001", &["finance"]).await;
    let empty = finance.get("/staff").await.with(200);
    for word in
        ["现在没有等您处理的事。", "收 <strong>¥0.00", "今天还没有收款和退款", "还没有核验过"]
    {
        assert!(empty.says(word), "{word}: {}", empty.html);
    }
    assert!(!empty.says("<svg"), "{}", empty.html);

    topped_up(&world).await;
    refused_message(&world).await;
    let checked = onecard::audit::Entry {
        act: onecard::audit::AuditAct::LedgerProven,
        school: None,
        subject: "ledger".into(),
        detail: String::new(),
    };
    world.db.in_tx(async |tx| onecard::audit::record(tx, &checked, now()).await).await.unwrap();

    let page = finance.get("/staff").await.with(200);
    let hour = now().minute_of_day() / 60;
    let row = format!("{hour:02}:00–{:02}:00", hour + 1);
    for word in [
        "收 <strong>¥50.00",
        "退 <strong>¥0.00",
        "<svg",
        "class=\"paid\"",
        &row,
        "微信支付回调",
        "通过，封存至",
        "href=\"/staff/messages\"",
        "消息发送失败",
    ] {
        assert!(page.says(word), "{word}: {}", page.html);
    }
    assert!(!page.says("style="), "{}", page.html);

    let auditor = staff(&world, "au", "2002", "auditor").await;
    let today = auditor.get(TODAY).await.body(200);
    assert_eq!(today["money"]["paid_fen"], json!(5000), "{today}");
    assert_eq!(today["money"]["hours"][usize::from(hour)]["paid_fen"], json!(5000), "{today}");
    assert_eq!(today["money"]["hours"].as_array().unwrap().len(), 24);
    assert_eq!(today["ledger_check"]["holds"], json!(true), "{today}");
    assert_eq!(of(&today, "failed_messages"), Some(&json!(1)), "{today}");
    assert_eq!(of(&today, "terminals_off"), None, "{today}");
    assert_eq!(of(&today, "refund_requests"), None, "auditors decide nothing: {today}");

    // The network centre has no money, the card office no health, a counsellor neither.
    let network = staff(&world, "net", "2003", "network_center").await;
    let today = network.get(TODAY).await.body(200);
    assert!(today["money"].is_null() && today["providers"].is_array(), "{today}");
    let office = staff(&world, "co", "2004", "card_office").await;
    let today = office.get(TODAY).await.body(200);
    assert!(today["money"].is_object() && today["providers"].is_null(), "{today}");
    assert!(today["ledger_check"].is_null(), "{today}");
    let (counsellor, _) = Browser::of(&world, "k1", "2005", &["counsellor"]).await;
    let page = counsellor.get("/staff").await.with(200);
    assert!(page.says("现在没有等您处理的事。"), "{}", page.html);
    for hidden in ["¥", "回调", "核验", "停用", "发送失败"] {
        assert!(!page.between("<main", "</main>").contains(hidden), "{hidden}: {}", page.html);
    }
    world.api().get(TODAY).await.problem("nobody", 401, "unauthenticated");
}
