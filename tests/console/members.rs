//! Logins of members of staff at a browser.

use super::browser::{Browser, Page};
use crate::staff::support::{PASSWORD, add, code, secret_of};
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    a_login_is_added_and_another_admin_approves_its_role,
    who_is_switched_off_is_out_with_the_form_that_is_open,
    a_lost_phone_is_replaced_by_a_slip,
    a_password_is_changed_at_a_browser,
    what_is_wrong_leads_to_its_field,
);

const NEW: [(&str, &str); 5] = [
    ("login", "zhao"),
    ("staff_no", "1005"),
    ("card_office", "on"),
    ("finance", "on"),
    ("reason", "<b>入职</b>"),
];

fn form_id(page: &Page) -> String {
    page.field("form_id")
}

async fn a_login_is_added_and_another_admin_approves_its_role(db: &TestDb) {
    let world = World::start(db).await;
    let (first, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let (second, _) = Browser::of(&world, "a2", "1002", &["admin"]).await;
    let form = first.get("/staff/staff/add").await.with(200);
    let id = form_id(&form);
    let send = async |fields: &[(&str, &str)]| {
        let fields = [fields, &[("form_id", id.as_str())]].concat();
        first.submit(&form, "/staff/staff/add", &fields).await
    };
    let wrong = send(&[("login", "Zhao"), ("staff_no", "1005"), ("reason", "x")]).await.with(422);
    assert!(wrong.says("value=\"Zhao\"") && wrong.says("错误："), "{}", wrong.html);
    let wrong = send(&[("login", "zhao"), ("staff_no", "1005"), ("reason", "x")]).await.with(422);
    assert!(wrong.says("至少选择一个角色"), "{}", wrong.html);
    let slip = send(&NEW).await.with(200);
    assert!(slip.says("初始密码") && slip.says("另一位管理员"), "{}", slip.html);
    assert_eq!(slip.headers["cache-control"], "no-store");
    // The form again, as after a double click or the back button.
    let again = send(&NEW).await.with(409);
    assert!(again.says("该账号名已被使用"), "{}", again.html);

    let today = second.get("/staff").await.with(200);
    assert!(today.says("账号申请待复核") && today.says("<strong>1</strong>"), "{}", today.html);
    assert!(!first.get("/staff").await.says("账号申请待复核"), "not for who asked");
    let list = second.get("/staff/staff").await.with(200);
    assert!(list.says("待复核的申请") && list.says("&#60;b&#62;入职"), "{}", list.html);
    assert!(!list.says("<b>入职"), "{}", list.html);
    let request =
        format!("/staff/staff-requests/{}", list.between("/staff/staff-requests/", "?back="));
    let asked = first.get(&request).await.with(200);
    assert!(asked.says("撤回申请") && !asked.says("/approve"), "{}", asked.html);
    let one = second.get(&request).await.with(200);
    assert!(one.says("zhao 的角色改为 一卡通中心、财务？"), "{}", one.html);
    let approved = second.submit(&one, &format!("{request}/approve"), &[]).await.with(303);
    assert!(second.follow(&approved).await.says("role=\"status\">已通过"));
    let list = second.get("/staff/staff").await.with(200);
    assert!(list.says("一卡通中心、财务") && !list.says("待复核的申请"), "{}", list.html);

    // Switched off and on.
    let zhao = "SELECT id FROM staff_member WHERE login = 'zhao'";
    let page = format!("/staff/staff/{}", world.rows.id(zhao).await);
    let shown = second.get(&page).await.with(200);
    second.submit(&shown, &format!("{page}/disable"), &[("reason", " ")]).await.with(422);
    let off =
        second.submit(&shown, &format!("{page}/disable"), &[("reason", "离职")]).await.with(303);
    let off = second.follow(&off).await.with(200);
    assert!(off.says("账号已停用") && off.says("启用 zhao"), "{}", off.html);
    second.submit(&shown, &format!("{page}/disable"), &[("reason", "离职")]).await.with(409);
    assert!(world.report().await.is_clean());
}

async fn who_is_switched_off_is_out_with_the_form_that_is_open(db: &TestDb) {
    let world = World::start(db).await;
    let (second, _) = Browser::of(&world, "a2", "1002", &["admin"]).await;
    let (gone, _) = Browser::of(&world, "gone", "1006", &["admin"]).await;
    let open = gone.get("/staff/staff/add").await.with(200);
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'gone'").await;
    let page = second.get(&format!("/staff/staff/{id}")).await.with(200);
    let off = [("reason", "离职")];
    second.submit(&page, &format!("/staff/staff/{id}/disable"), &off).await.with(303);
    let away = gone.submit(&open, "/staff/staff/add", &NEW).await.with(401);
    assert!(away.says("登录已失效"), "{}", away.html);
    gone.get("/staff").await.with(303);
    // The own login has no forms, and an old second factor is asked for again.
    let own = "SELECT id FROM staff_member WHERE login = 'a2'";
    let own = second.get(&format!("/staff/staff/{}", world.rows.id(own).await)).await.with(200);
    assert!(own.says("须由其他管理员办理") && !own.says("/disable"), "{}", own.html);
    let older = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(older, [(11 * 60_000_000_i64).into()]).await;
    let away = second.submit(&own, &format!("/staff/staff/{id}/enable"), &off).await.with(403);
    assert!(away.says("action=\"/staff/second-factor\""), "{}", away.html);
}

async fn a_lost_phone_is_replaced_by_a_slip(db: &TestDb) {
    let world = World::start(db).await;
    let (first, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let (second, _) = Browser::of(&world, "a2", "1002", &["admin"]).await;
    let (li, _) = Browser::of(&world, "li", "1003", &["card_office"]).await;
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'li'").await;
    let page = format!("/staff/staff/{id}");
    let shown = first.get(&page).await.with(200);
    let id = form_id(&shown);
    let fields = [("form_id", id.as_str()), ("reason", "手机丢失")];
    let asked = first.submit(&shown, &format!("{page}/reset-factor"), &fields).await.with(303);
    let twice = first.submit(&shown, &format!("{page}/reset-factor"), &fields).await.with(303);
    assert_eq!(asked.location, twice.location);
    let one = second.get(&asked.location).await.with(200);
    assert!(one.says("当面核对本人"), "{}", one.html);
    let approve = format!("{}/approve", asked.location);
    let back = "/staff/staff?state=on#s1";
    let slip = second.submit(&one, &approve, &[("back", back)]).await.with(200);
    assert!(slip.says(&format!("href=\"{back}\"")), "{}", slip.html);
    assert!(!slip.says("初始密码") && slip.says("首次登录码"), "{}", slip.html);
    // Once: a repeated form shows the request and no slip.
    let again = second.submit(&one, &approve, &[]).await.with(303);
    assert!(!second.follow(&again).await.says("首次登录码"));
    li.get("/staff").await.with(303);
    let secret = secret_of(slip.html.rsplit_once("<code>").unwrap().1.split_once('<').unwrap().0);
    let offered = Browser::at(&world).sign_in("li", PASSWORD, &code(&secret, 0)).await.with(200);
    assert!(offered.says("设置您自己的验证器"), "{}", offered.html);
}

async fn a_password_is_changed_at_a_browser(db: &TestDb) {
    let world = World::start(db).await;
    let (li, secret) = Browser::of(&world, "li", "1001", &["auditor"]).await;
    let elsewhere = Browser::at(&world);
    elsewhere.steal(&li);
    elsewhere.get("/staff").await.with(200);
    let form = li.get("/staff/account/password").await.with(200);
    let send = async |password: &str, new: &str, repeated: &str| {
        let fields = [("password", password), ("new_password", new), ("repeated", repeated)];
        li.submit(&form, "/staff/account/password", &fields).await
    };
    let (old, new) = (PASSWORD, "another horse 2");
    assert!(send(old, new, "another horse 3").await.with(422).says("两次输入的新密码不同"));
    assert!(send("not this one", new, new).await.with(401).says("账号、密码或动态验证码有误"));
    let changed = send(old, new, new).await.with(303);
    assert!(li.follow(&changed).await.with(200).says("密码已更改"));
    li.get("/staff").await.with(303);
    let away = elsewhere.get("/staff").await.with(303);
    assert!(away.location.starts_with("/staff/sign-in"), "{}", away.location);
    li.sign_in("li", old, &code(&secret, 1)).await.with(401);
    li.sign_in("li", new, &code(&secret, 1)).await.with(303);
}

async fn what_is_wrong_leads_to_its_field(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let school = world.rows.school("xnec").await;
    add(&world.db, school, ("li", "1003", &["counsellor"])).await;
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'li'").await;
    let page = format!("/staff/staff/{id}");
    let shown = admin.get(&page).await.with(200);
    let id = form_id(&shown);
    let roles = [("form_id", id.as_str()), ("before", "counsellor"), ("reason", "x")];
    let classes = [("classes_before", ""), ("classes", "一班"), ("reason", " ")];
    let new = [("form_id", id.as_str()), ("login", "zhao"), ("staff_no", "1005"), ("reason", "x")];
    for (path, fields, field) in [
        (format!("{page}/roles"), &roles[..], "roles"),
        (format!("{page}/classes"), &classes[..], "classes-why"),
        ("/staff/staff/add".to_owned(), &new[..], "roles"),
    ] {
        let wrong = admin.submit(&shown, &path, fields).await.with(422);
        assert!(wrong.says(&format!("href=\"#{field}\"")), "{path}: {}", wrong.html);
        assert!(wrong.leads_to_its_fields(), "{path}: {}", wrong.html);
    }
}
