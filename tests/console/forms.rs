//! What is wrong with a form: a summary that leads to the fields, which say so themselves.

use super::browser::Browser;
use testkit::{TestDb, World, on_each_database};

on_each_database!(a_wrong_field_is_named_linked_and_marked);

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
