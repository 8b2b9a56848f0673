//! 重置查询密码 at browsers: the slip is shown to who approves, once.

use super::browser::Browser;
use crate::identity::support::portal;
use testkit::{TestDb, World, on_each_database};

on_each_database!(the_slip_is_shown_once);

async fn the_slip_is_shown_once(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (second, _) = Browser::of(&world, "second", "1002", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    assert!(office.get(&person).await.with(200).says("申请重置查询密码"));
    let path = format!("{person}/password-reset");
    let form = office.get(&path).await.with(200);
    assert!(form.says("申请重置 **雨（2301001） 的查询密码？另一人复核后生效。"), "{}", form.html);
    let id = form.field("form_id");
    let empty = office.submit(&form, &path, &[("form_id", &*id), ("reason", " ")]).await.with(422);
    assert!(empty.says("错误：申请重置查询密码"), "{}", empty.html);
    let fields = [("form_id", id.as_str()), ("reason", "忘记密码")];
    let asked = office.submit(&form, &path, &fields).await.with(303);
    office.submit(&form, &path, &fields).await.with(303);
    assert!(office.follow(&asked).await.says("由另一人复核后生效"));
    let other = office.get(&path).await.with(200);
    let fields = [("form_id", &*other.field("form_id")), ("reason", "又一次")];
    let open = office.submit(&other, &path, &fields).await.with(409);
    assert!(open.says("value=\"又一次\""), "the text stays: {}", open.html);
    assert!(second.get("/staff").await.says("重置密码待复核"));
    let list = second.get("/staff/password-resets").await.with(200);
    let one =
        format!("/staff/password-resets/{}", list.between("href=\"/staff/password-resets/", "?"));
    let own = office.get(&one).await.with(200);
    assert!(!own.says("/approve\"") && own.says("/withdraw\""), "{}", own.html);
    let page = second.get(&one).await.with(200);
    let shown = second.submit(&page, &format!("{one}/approve"), &[]).await.with(200);
    assert_eq!(shown.headers["cache-control"], "no-store");
    let slip = shown.between("<code>", "</code>");
    let again = second.submit(&page, &format!("{one}/approve"), &[]).await.with(303);
    let after = second.follow(&again).await.with(200);
    assert!(after.says("只显示一次") && !after.says(&slip), "{}", after.html);
    assert_eq!(portal(&world, "xnec", ("2301001", &slip)).await.status, 200);
    let log = second.get("/staff/audit").await.with(200);
    assert!(log.says("重置查询密码") && !log.says(&slip), "{}", log.html);
}
