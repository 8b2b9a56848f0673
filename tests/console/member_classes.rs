//! Whom counsellors see: the people of the classes that an admin gave them, and nobody else anywhere.

use super::browser::Browser;
use crate::staff::{support::Member, whole_way::staff};
use serde_json::{Value, json};
use testkit::{TestDb, World, assert_authentic, eventually, on_each_database};

on_each_database!(a_counsellor_sees_the_own_classes_alone, an_admin_gives_classes_at_a_browser);

const ROOM: &str = "/api/v1/staff/people";

/// Four of the school's people are of three classes.
async fn campus(world: &World) {
    for (class, numbers) in
        [("一班", "'2301001', '2301002'"), ("二班", "'2301003'"), ("三班", "'2301004'")]
    {
        let sql =
            format!("UPDATE person SET class_name = '{class}' WHERE student_no IN ({numbers})");
        world.rows.change(&sql, []).await;
    }
}

async fn found(member: &Member, search: &Value) -> Vec<String> {
    let list = member.post(&format!("{ROOM}/search"), search).await.body(200);
    let people = list["items"].as_array().unwrap().iter();
    people.map(|one| one["person_no"].as_str().unwrap().to_owned()).collect()
}

async fn login_id(world: &World, login: &str) -> String {
    let sql = format!("SELECT id FROM staff_member WHERE login = '{login}'");
    world.rows.id(&sql).await.to_string()
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_counsellor_sees_the_own_classes_alone(db: &TestDb) {
    let world = World::start(db).await;
    campus(&world).await;
    let teacher = staff(&world, "teacher", "1001", "counsellor").await;
    let admin = staff(&world, "admin", "1002", "admin").await;
    let path = format!("/api/v1/staff/staff/{}/classes", login_id(&world, "teacher").await);
    let give = |classes: Value, before: Value| {
        let body = json!({ "classes": classes, "classes_before": before, "reason": "本学期" });
        let (admin, path) = (admin.clone(), path.clone());
        async move { admin.post(&path, &body).await }
    };
    assert!(found(&teacher, &json!({})).await.is_empty(), "no classes, nobody");
    let unknown =
        give(json!(["一班", "四班"]), json!([])).await.problem("typo", 422, "request_invalid");
    assert!(unknown.to_string().contains("花名册里没有这个班级：四班"), "{unknown}");
    let given = give(json!(["一班", "二班"]), json!([])).await.body(200);
    assert_eq!(given["classes"], json!(["一班", "二班"]));
    give(json!(["三班"]), json!([])).await.problem("given meanwhile", 409, "login_changed");
    // A session is read from a copy that is up to a second old.
    eventually("the classes are in force", async || {
        (found(&teacher, &json!({})).await.len() == 3).then_some(())
    })
    .await;
    for (search, numbers) in [
        (json!({}), vec!["2301001", "2301002", "2301003"]),
        (json!({ "class_name": "一班" }), vec!["2301001", "2301002"]),
        (json!({ "class_name": "三班" }), vec![]),
        (json!({ "text": "23010" }), vec!["2301001", "2301002", "2301003"]),
        (json!({ "text": "2301004" }), vec![]),
        (json!({ "text": "赵一鸣" }), vec![]),
    ] {
        assert_eq!(found(&teacher, &search).await, numbers, "{search}");
    }
    for (number, status) in [("2301001", 200), ("2301003", 200), ("2301004", 404)] {
        let id = world.rows.person("xnec", number).await;
        assert_eq!(teacher.get(&format!("{ROOM}/{id}")).await.status, status, "{number}");
    }
    let office = staff(&world, "office", "1003", "card_office").await;
    assert!(found(&office, &json!({})).await.contains(&"2301004".to_owned()), "others see all");
    // Nobody gives them to themselves, under any login.
    let same = staff(&world, "teacher.too", "1002", "counsellor").await;
    let own = format!("/api/v1/staff/staff/{}/classes", login_id(&world, "teacher.too").await);
    let body = json!({ "classes": ["一班"], "reason": "r" });
    admin.post(&own, &body).await.problem("the own login", 403, "own_login");
    same.post(&own, &body).await.problem("no admin", 403, "staff_right_missing");
    let acts = "SELECT detail FROM audit_entry WHERE act = 'staff.classes_changed'";
    assert_eq!(world.rows.texts(acts).await, ["classes 一班、二班, before "]);
    // Whoever writes the row past the program gives nobody another class.
    assert_authentic(&world.db).await;
    world.rows.change("UPDATE staff_member SET classes = '三班' WHERE login = 'teacher'", []).await;
    eventually("a forged row signs nobody in", async || {
        (teacher.post(&format!("{ROOM}/search"), &json!({})).await.status >= 400).then_some(())
    })
    .await;
}

async fn an_admin_gives_classes_at_a_browser(db: &TestDb) {
    let world = World::start(db).await;
    campus(&world).await;
    let (teacher, _) = Browser::of(&world, "teacher", "1001", &["counsellor"]).await;
    let (admin, _) = Browser::of(&world, "admin", "1002", &["admin"]).await;
    let people = teacher.get("/staff/people").await.with(200);
    assert!(people.says("管理员还没有给您分配班级"), "{}", people.html);
    let one = format!("/staff/staff/{}", login_id(&world, "teacher").await);
    let page = admin.get(&one).await.with(200);
    let path = format!("{one}/classes");
    let before = page.field("classes_before");
    let fields = |classes: &'static str, reason: &'static str| {
        [("classes_before", before.as_str()), ("classes", classes), ("reason", reason)]
    };
    for (classes, reason, wrong) in
        [("一班", " ", "请填写原因"), ("一班\r\n五班", "本学期", "没有这个班级：五班")]
    {
        let kept = admin.submit(&page, &path, &fields(classes, reason)).await.with(422);
        assert!(kept.says(wrong) && kept.says("一班"), "{}", kept.html);
    }
    let done = admin.submit(&page, &path, &fields("一班\r\n\r\n 二班 ", "本学期")).await.with(303);
    assert!(admin.follow(&done).await.says("班级已更改"));
    let stale = admin.submit(&page, &path, &fields("三班", "又改")).await.with(409);
    assert!(stale.says("value=\"又改\"") && stale.says(">三班</textarea>"), "{}", stale.html);
    eventually("the classes are in force", async || {
        teacher.get("/staff/people").await.says("2301001").then_some(())
    })
    .await;
    let people = teacher.get("/staff/people").await.with(200);
    assert!(people.says("2301003") && !people.says("2301004"), "{}", people.html);
    let other = format!("/staff/people/{}", world.rows.person("xnec", "2301004").await);
    teacher.get(&other).await.with(404);
    let office = admin.get("/staff/audit?kind=staff").await.with(200);
    assert!(office.says("班级 一班、二班，原为 没有"), "{}", office.html);
}
