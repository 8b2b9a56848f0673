//! What is wrong with a form: a summary that leads to the fields, which say so themselves.

use super::browser::Browser;
use std::time::Duration;
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(a_wrong_field_is_named_linked_and_marked, who_is_bound_is_not_offered_to_approve);

async fn a_wrong_field_is_named_linked_and_marked(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let path = format!("/staff/people/{}/adjust", world.rows.person("xnec", "2301001").await);
    let form = office.get(&path).await.with(200);
    assert!(!form.says("aria-invalid") && !form.says("错误："), "{}", form.html);
    assert!(form.says("没有别人能复核"), "nobody else decides: {}", form.html);
    let id = form.field("form_id");
    let cases = [
        ([("way", "up"), ("amount", "很多"), ("reason", "多扣")], "amount"),
        ([("way", "up"), ("amount", "1.00"), ("reason", "")], "reason"),
    ];
    for (fields, wrong) in cases {
        let fields = fields.into_iter().chain([("form_id", id.as_str())]).collect::<Vec<_>>();
        let page = office.submit(&form, &path, &fields).await.with(422);
        for said in [
            "<title>错误：".to_owned(),
            "role=\"alert\"".to_owned(),
            format!("<li id=\"wrong-{wrong}\"><a href=\"#{wrong}\">"),
            format!("id=\"{wrong}\" aria-invalid=\"true\" aria-describedby=\"wrong-{wrong}\""),
        ] {
            assert!(page.says(&said), "{wrong}: {said}: {}", page.html);
        }
        assert_eq!(page.html.matches("aria-invalid").count(), 1, "{}", page.html);
    }
    // With one other person, that one is meant; another login of the same person is nobody else.
    for login in ["f1", "f2"] {
        Browser::of(&world, login, "2001", &["finance"]).await;
        assert!(office.get(&path).await.says("本校只有一人能复核"), "{login}");
    }
    Browser::of(&world, "f3", "2003", &["finance"]).await;
    let page = office.get(&path).await.with(200);
    assert!(!page.says("能复核"), "{}", page.html);
}

async fn who_is_bound_is_not_offered_to_approve(db: &TestDb) {
    let world = World::start(db).await;
    let (asker, _) = Browser::of(&world, "c1", "1001", &["card_office"]).await;
    let (other, _) = Browser::of(&world, "c2", "1002", &["card_office"]).await;
    let path =
        format!("/staff/people/{}/password-reset", world.rows.person("xnec", "2301001").await);
    let form = asker.get(&path).await.with(200);
    let id = form.field("form_id");
    asker.submit(&form, &path, &[("form_id", &id), ("reason", "忘记密码")]).await.with(303);
    let request = world.rows.id("SELECT id FROM approval").await;
    let request = format!("/staff/password-resets/{request}");
    let page = other.get(&request).await.with(200);
    assert!(page.says("/approve") && !page.says("不能由您通过"), "{}", page.html);
    // The first made the login of the other three days ago.
    let id = world.rows.literal(&uuid::Uuid::from_u128(1).to_string());
    let at = now().minus(Duration::from_hours(72)).micros();
    let made = format!(
        "INSERT INTO staff_change (id, member_id, act, by_id, by_no, asked_at, done_at) \
         SELECT {id}, m.id, 'added', b.id, b.staff_no, {at}, {at} FROM staff_member m \
         JOIN staff_member b ON b.login = 'c1' WHERE m.login = 'c2'"
    );
    assert_eq!(world.change(&made, []).await, 1);
    let page = other.get(&request).await.with(200);
    for said in ["不能由您通过", "近 7 天内有一方办理过另一方的账号", "/reject"]
    {
        assert!(page.says(said), "{said}: {}", page.html);
    }
    assert!(!page.says("/approve"), "{}", page.html);
    // Whoever sends the form all the same is refused by the same rule.
    other.submit(&page, &format!("{request}/approve"), &[("reason", "")]).await.with(403);
    // After seven days they are independent.
    let older = "UPDATE staff_change SET done_at = done_at - $1, asked_at = asked_at - $1";
    world.change(older, [(5 * 86_400_000_000_i64).into()]).await;
    assert!(other.get(&request).await.with(200).says("/approve"));
}
