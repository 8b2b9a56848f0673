//! Rights and the log of doors at a browser.

use super::browser::Browser;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    a_right_is_given_found_and_ended,
    the_log_asks_why,
    a_number_that_nobody_has_loses_nothing,
);

async fn a_right_is_given_found_and_ended(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let empty = office.get("/staff/doors").await.with(200);
    assert!(empty.says("还没有权限"), "{}", empty.html);
    let give = async |student_no: &str, hours: &str, until: &str| {
        let form = [
            ("student_no", student_no),
            ("group", "西门"),
            ("until", until),
            ("hours", hours),
            ("reason", "实习"),
        ];
        office.submit(&empty, "/staff/doors/rights", &form).await
    };
    let cases = [
        ("2301001", "25:00-26:00", "", 422, "须为 06:00-23:30 一类的时段"),
        ("2301001", "", "2020-01-01", 422, "须晚于开始时间和现在"),
        ("2301001", "", "soon", 422, "到期日须为日期"),
        ("9999999", "", "", 422, "没有这个人"),
        ("1001", "", "", 403, "本人"),
    ];
    for (student_no, hours, until, status, text) in cases {
        let refused = give(student_no, hours, until).await.with(status);
        assert!(refused.says(text), "{text}: {}", refused.html);
    }
    let given = give("2301001", "06:00-23:30", "").await.with(303);
    assert!(!given.location.contains("2301001"), "no address names a person: {}", given.location);
    let list = office.follow(&given).await.with(200);
    for word in ["权限已授予", "2301001", "西门", "06:00-23:30", "人工"] {
        assert!(list.says(word), "{word}: {}", list.html);
    }
    give("2301002", "", "").await.with(303);
    let find = [("student_no", "2301002"), ("group", "")];
    let found = office.submit(&list, "/staff/doors/search", &find).await.with(303);
    let found = office.follow(&found).await.with(200);
    assert!(
        !found.says("<td role=\"cell\" data-head=\"学号\">2301001") && found.says("2301002"),
        "{}",
        found.html
    );
    let end = found.between("/staff/doors/rights/", "/end");
    let path = format!("/staff/doors/rights/{end}/end");
    let ended = office.submit(&found, &path, &[("reason", "离校")]).await.with(303);
    assert!(office.follow(&ended).await.says("权限已结束"));
    // The network centre reads and changes nothing.
    let (network, _) = Browser::of(&world, "net", "1003", &["network_center"]).await;
    let list = network.get("/staff/doors").await.with(200);
    assert!(!list.says("授予权限") && !list.says("/end\""), "{}", list.html);
    network.submit(&list, &path, &[("reason", "x")]).await.with(403);
}

async fn the_log_asks_why(db: &TestDb) {
    let world = World::start(db).await;
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let form = auditor.get("/staff/doors/log").await.with(200);
    assert!(form.says("请先填写查阅原因"), "{}", form.html);
    auditor.submit(&form, "/staff/doors/log", &[("reason", " ")]).await.with(422);
    let read = auditor.submit(&form, "/staff/doors/log", &[("reason", "失物")]).await.with(200);
    assert!(read.says("没有符合条件的记录"), "{}", read.html);
    let why = "SELECT why FROM audit_entry WHERE act = 'access_log.read'";
    assert_eq!(world.rows.texts(why).await, ["失物"]);
}

async fn a_number_that_nobody_has_loses_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let list = office.get("/staff/doors").await.with(200);
    let grant = [
        ("student_no", "2309999"),
        ("group", "一号楼"),
        ("until", ""),
        ("hours", ""),
        ("reason", "搬入一号楼"),
    ];
    let again = office.submit(&list, "/staff/doors/rights", &grant).await.with(422);
    for text in ["没有这个人", "href=\"#g-no\"", "value=\"2309999\"", "value=\"搬入一号楼\""]
    {
        assert!(again.says(text), "{text}: {}", again.html);
    }
    let find = [("student_no", "2309999"), ("group", "")];
    let sent = office.submit(&list, "/staff/doors/search", &find).await.with(303);
    let found = office.follow(&sent).await.with(200);
    assert!(found.says("没有符合条件的权限。"), "{}", found.html);
    let log = office.get("/staff/doors/log").await.with(200);
    for wrong in [("student_no", "2309999"), ("day", "2026-13-01")] {
        let read = [("reason", "失物招领"), ("group", "校门"), wrong];
        let again = office.submit(&log, "/staff/doors/log", &read).await.with(422);
        let said = format!("value=\"{}\"", wrong.1);
        for text in ["value=\"失物招领\"", "value=\"校门\"", &*said] {
            assert!(again.says(text), "{text}: {}", again.html);
        }
    }
    assert_eq!(world.rows.count("audit_entry WHERE act = 'access_log.read'").await, 0);
}
