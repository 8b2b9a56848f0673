//! What leads on from a person: all orders, the statement, and the log beside the thing.

use super::{browser::Browser, people::PEOPLE};
use crate::staff::whole_way::{staff, topped_up};
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    all_orders_of_a_person,
    a_statement_is_as_the_holder_has_it,
    a_statement_is_taken_away_and_read_as_json,
    the_log_is_beside,
);

async fn all_orders_of_a_person(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let id = world.rows.id("SELECT person_id FROM orders").await;
    let other = world.rows.person("xnec", "2301006");
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let page = finance.get(&format!("{PEOPLE}/{id}")).await.with(200);
    let of = page.between("<a href=\"/staff/orders?of=", "\"");
    let path = format!("/staff/orders?of={of}");
    let list = finance.get(&path).await.with(200);
    let of_order = "SELECT p.student_no FROM person p JOIN orders o ON o.person_id = p.id";
    let number = world.rows.texts(of_order);
    let number = number.await.remove(0);
    let end = &number[number.len() - 4..];
    let there = format!("href=\"/staff/orders/{}", order["id"].as_str().unwrap());
    assert!(list.says(&there) && list.says("1 笔"), "{}", list.html);
    assert!(list.says("人：**") && list.says(&format!("尾号 {end}")), "{}", list.html);
    assert!(list.says("移除") && !list.says(&number), "{}", list.html);
    assert!(list.field("of") == of, "a filter keeps whose they are: {}", list.html);
    let none = finance.get(&format!("{path}&day=2020-01-01")).await.with(200);
    assert!(none.says("没有符合条件的订单。") && none.says("日期：2020-01-01"), "{}", none.html);
    let export = format!("/staff/orders/export?of={of}");
    let file = finance.submit(&list, &export, &[("format", "csv")]).await.with(200);
    assert!(file.says("校园卡充值"), "{}", file.html);
    let subjects = "SELECT subject FROM audit_entry WHERE act = 'orders.exported'";
    assert_eq!(world.rows.texts(subjects).await, [format!("orders of person {id}")]);
    let log = finance.get("/staff/audit").await.with(200);
    assert!(log.says("CSV 文件，1 笔订单"), "{}", log.html);
    // Of somebody without orders; and a token of another's says nothing.
    let page = finance.get(&format!("{PEOPLE}/{}", other.await)).await.with(200);
    let empty = page.between("<a href=\"/staff/orders?of=", "\"");
    let empty = finance.get(&format!("/staff/orders?of={empty}")).await.with(200);
    assert!(empty.says("没有符合条件的订单。"), "{}", empty.html);
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    assert!(!auditor.get(&path).await.with(200).says("人：**"));
}

async fn a_statement_is_as_the_holder_has_it(db: &TestDb) {
    let world = World::start(db).await;
    topped_up(&world).await;
    let id = world.rows.id("SELECT person_id FROM orders").await;
    let path = format!("{PEOPLE}/{id}/statement");
    for (nth, (role, status)) in [
        ("card_office", 200),
        ("finance", 200),
        ("auditor", 200),
        ("network_center", 403),
        ("admin", 403),
    ]
    .into_iter()
    .enumerate()
    {
        let (login, no) = (format!("m{nth}"), format!("20{nth}"));
        let (browser, _) = Browser::of(&world, &login, &no, &[role]).await;
        let page = browser.get(&path).await.with(status);
        let opened =
            format!("audit_entry WHERE act = 'person.opened' AND who LIKE 'staff {login},%'");
        assert_eq!(world.rows.count(&opened).await, i64::from(status == 200), "{role}");
        if status == 200 {
            assert!(page.says("微信充值") && page.says("+¥50.00"), "{}", page.html);
            assert!(page.says("<h1") && page.says("**") && !page.says("更早的"), "{}", page.html);
        }
    }
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let nil = uuid::Uuid::nil();
    let below = office.get(&format!("{path}?after={nil}")).await.with(200);
    assert!(below.says("还没有账目。") && below.says("最新的"), "{}", below.html);
    let elsewhere = world.rows.person("hbkj", "3301001").await;
    office.get(&format!("{PEOPLE}/{elsewhere}/statement")).await.with(404);
}

async fn a_statement_is_taken_away_and_read_as_json(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let id = world.rows.id("SELECT person_id FROM orders").await;
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let path = format!("{PEOPLE}/{id}/statement");
    let page = finance.get(&path).await.with(200);
    let export = format!("{path}/export");
    assert!(page.says(&format!("action=\"{export}\"")), "{}", page.html);
    let file = finance.submit(&page, &export, &[("format", "csv")]).await.with(200);
    let lines: Vec<&str> = file.html.trim_end().split("\r\n").collect();
    let number =
        world.rows.texts("SELECT student_no FROM person p JOIN orders o ON o.person_id = p.id");
    let number = number.await.remove(0);
    assert!(
        lines.len() == 2 && lines[0].ends_with("学号或工号,时间,账目,金额（元）,订单号"),
        "{lines:?}"
    );
    let own = order["id"].as_str().unwrap().replace('-', "");
    for word in [&*number, "微信充值", ",50.00,", &own] {
        assert!(lines[1].contains(word), "{word}: {lines:?}");
    }
    finance.submit(&page, &export, &[("format", "xlsx")]).await.with(200);
    let taken = "SELECT subject FROM audit_entry WHERE act = 'list.exported'";
    let subject = format!("statement of person {id}");
    assert_eq!(world.rows.texts(taken).await, [subject.clone(), subject]);
    // Somebody of another school has none here.
    let elsewhere = world.rows.person("hbkj", "3301001").await;
    let other = format!("{PEOPLE}/{elsewhere}/statement/export");
    assert_ne!(finance.submit(&page, &other, &[("format", "csv")]).await.status, 200);

    let json = staff(&world, "f2", "1003", "finance").await;
    let of = format!("/api/v1/staff/people/{id}");
    let statement = json.get(&format!("{of}/statement?limit=1")).await.body(200);
    assert_eq!(statement["student_no"], serde_json::json!(number), "{statement}");
    assert_eq!(statement["items"][0]["amount_fen"], 5000, "{statement}");
    assert_eq!(statement["items"][0]["order_id"], order["id"], "{statement}");
    assert!(statement["next_cursor"].is_null(), "{statement}");
    let orders = json.get(&format!("{of}/orders")).await.body(200);
    assert_eq!(orders["items"][0]["id"], order["id"], "{orders}");
    assert_eq!(orders["items"].as_array().unwrap().len(), 1, "{orders}");
    for what in ["statement", "orders"] {
        let there = format!("/api/v1/staff/people/{elsewhere}/{what}");
        json.get(&there).await.problem(what, 404, "not_found");
        let network = staff(&world, what, "1005", "network_center").await;
        network.get(&format!("{of}/{what}")).await.problem(what, 403, "staff_right_missing");
    }
}

async fn the_log_is_beside(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let id = world.rows.person("xnec", "2301001").await;
    let path = format!("{PEOPLE}/{id}");
    let page = office.get(&path).await.with(200);
    assert!(page.says("还没有记录。"), "{}", page.html);
    let form = office.get(&format!("{path}/loss")).await.with(200);
    office.submit(&form, &format!("{path}/loss"), &[("reason", "本人来电")]).await.with(303);
    let doors = office.get("/staff/doors").await.with(200);
    let given = [("student_no", "2301001"), ("group", "西门"), ("reason", "实习")];
    let given = [&given[..], &[("until", ""), ("hours", "")]].concat();
    let rights = office.submit(&doors, "/staff/doors/rights", &given).await.with(303);
    let rights = office.follow(&rights).await.with(200);
    let page = office.get(&path).await.with(200);
    let lost = "office（1001） 挂失，卡丢失，工作人员办理：本人来电";
    let right = "授予门禁权限，西门，";
    assert!(page.says(lost) && page.says(right) && page.says("没有期限，全天"), "{}", page.html);
    assert!(!page.says("打开人员"), "{}", page.html);
    assert!(rights.says(right) && !rights.says("office（1001） 挂失"), "{}", rights.html);
    assert!(!doors.says("<h2>记录"), "{}", doors.html);
}
