//! 调账 at browsers: the figures stand before the eyes of both.

use super::browser::Browser;
use crate::{journey_money::refunds::spend, staff::whole_way::topped_up};
use testkit::{TestDb, World, on_each_database};

on_each_database!(two_persons_adjust_a_balance, figures_that_changed_are_shown_again);

async fn two_persons_adjust_a_balance(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _) = topped_up(&world).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    assert!(office.get(&person).await.with(200).says("申请调账"));
    let path = format!("{person}/adjust");
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    let fields = |way: &'static str, amount: &'static str, reason: &'static str| {
        [("form_id", id.as_str()), ("way", way), ("amount", amount), ("reason", reason)]
    };
    for (amount, reason, wrong) in [
        ("1000.01", "多扣", "一次最多 ¥1000.00"),
        ("x", "多扣", "请填写金额"),
        ("12", " ", "请填写理由"),
    ] {
        let page = office.submit(&form, &path, &fields("up", amount, reason)).await.with(422);
        assert!(page.says("错误：申请调账") && page.says(wrong), "{}", page.html);
        assert!(page.says(&format!("value=\"{amount}\"")), "kept: {}", page.html);
    }
    let asks = office.submit(&form, &path, &fields("up", "12", "多扣<b>")).await.with(200);
    assert!(asks.says("给 **雨（2301001） 加 ¥12.00？现有 ¥50.00，之后 ¥62.00。"), "{}", asks.html);
    assert!(!asks.says("<b>"), "{}", asks.html);
    assert_eq!(world.rows.count("approval").await, 0, "nothing is asked for yet");
    let seen = asks.field("seen");
    let sure = [&fields("up", "12", "多扣<b>")[..], &[("seen", seen.as_str())]].concat();
    let asked = office.submit(&asks, &path, &sure).await.with(303);
    office.submit(&asks, &path, &sure).await.with(303);
    assert!(office.follow(&asked).await.says("由另一人复核后生效"));
    assert_eq!(world.rows.count("approval").await, 1, "a double click is one request");
    let today = finance.get("/staff").await.with(200);
    assert!(today.says("调账待复核"), "{}", today.html);
    let list = finance.get("/staff/adjustments").await.with(200);
    let one = format!("/staff/adjustments/{}", list.between("href=\"/staff/adjustments/", "?"));
    let page = finance.get(&one).await.with(200);
    assert!(page.says("给 **雨（2301001） 加 ¥12.00？现有 ¥50.00，之后 ¥62.00。"), "{}", page.html);
    let own = office.get(&one).await.with(200);
    assert!(!own.says("/approve\"") && own.says("/withdraw\""), "{}", own.html);
    let seen = page.field("seen");
    let approve = format!("{one}/approve");
    let done = finance.submit(&page, &approve, &[("seen", &*seen), ("reason", "")]).await.with(303);
    finance.submit(&page, &approve, &[("seen", &*seen)]).await.with(303);
    assert!(finance.follow(&done).await.says("已通过"));
    assert_eq!(student.balances().await[3], 6200);
    let log = finance.get("/staff/audit").await.with(200);
    assert!(log.says("调账 加 ¥12.00"), "{}", log.html);
}

async fn figures_that_changed_are_shown_again(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _) = topped_up(&world).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/adjust");
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    let fields = [("form_id", id.as_str()), ("way", "down"), ("amount", "40"), ("reason", "多给")];
    let page = office.submit(&form, &path, &fields).await.with(200);
    spend(&world, 500).await;
    let seen = page.field("seen");
    let stale = [&fields[..], &[("seen", seen.as_str())]].concat();
    let again = office.submit(&page, &path, &stale).await.with(409);
    assert!(again.says("余额刚有变化") && again.says("现有 ¥45.00，之后 ¥5.00"), "{}", again.html);
    assert!(again.says("value=\"多给\""), "the text stays: {}", again.html);
    let seen = again.field("seen");
    let sure = [&fields[..], &[("seen", seen.as_str())]].concat();
    office.submit(&again, &path, &sure).await.with(303);
    let list = finance.get("/staff/adjustments").await.with(200);
    let one = format!("/staff/adjustments/{}", list.between("href=\"/staff/adjustments/", "?"));
    let page = finance.get(&one).await.with(200);
    spend(&world, 1000).await;
    let approve = format!("{one}/approve");
    for unseen in ["", "x"] {
        let page = finance.submit(&page, &approve, &[("seen", unseen)]).await.with(409);
        assert!(page.says("余额刚有变化"), "{unseen}: {}", page.html);
    }
    let stale = [("seen", &*page.field("seen")), ("reason", "核对过")];
    let page = finance.submit(&page, &approve, &stale).await.with(409);
    assert!(page.says("余额刚有变化") && page.says("value=\"核对过\""), "{}", page.html);
    let seen = page.field("seen");
    let short = finance.submit(&page, &approve, &[("seen", &*seen)]).await.with(409);
    assert!(short.says("余额不足，差 ¥5.00"), "{}", short.html);
    assert!(finance.get(&one).await.says("待复核"), "the request stays open");
    assert_eq!(student.balances().await[3], 3500);
}
