//! The own login: its sessions and its recovery codes.

use super::browser::{Browser, Page};
use crate::staff::support::{Member, PASSWORD, code, secret_of};
use serde_json::json;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    a_lost_phone_is_replaced_by_a_recovery_code_once,
    new_codes_replace_the_old_ones,
    sessions_of_the_own_login_are_seen_and_ended,
    a_new_phone_replaces_the_old_one,
    a_slip_is_good_for_a_day,
);

/// The recovery codes of a page.
fn codes_of(page: &Page) -> Vec<String> {
    let list = page.between("<ol class=\"codes\">", "</ol>");
    let codes = list.split("<code>").skip(1);
    codes.map(|rest| rest.split("</code>").next().unwrap().to_owned()).collect()
}

async fn a_lost_phone_is_replaced_by_a_recovery_code_once(db: &TestDb) {
    let world = World::start(db).await;
    let (at_desk, lost) = Browser::of(&world, "li", "1001", &["card_office"]).await;
    let older = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(older, [(11 * 60_000_000_i64).into()]).await;
    let away = at_desk.get("/staff/account/recovery-codes").await.with(303);
    assert_eq!(away.location, "/staff/second-factor?next=/staff/account/recovery-codes");
    world.change(older, [(-11 * 60_000_000_i64).into()]).await;
    let asked = at_desk.get("/staff/account/recovery-codes").await.with(200);
    let made = at_desk.submit(&asked, "/staff/account/recovery-codes", &[]).await.with(200);
    let codes = codes_of(&made);
    assert_eq!(codes.len(), 10);

    let browser = Browser::at(&world);
    let recover = async |code: &str, password: &str| {
        let form = [
            ("school", "xnec"),
            ("login", "li"),
            ("password", password),
            ("totp", ""),
            ("recovery_code", code),
        ];
        let form = form.map(|(name, value)| (name, value.to_owned()));
        browser.send("/staff/sign-in", &form).await
    };
    recover(&codes[0], "not this").await.with(401);
    recover("AAAA-AAAA-AAAA-AAAA", PASSWORD).await.with(401);
    recover("123456", PASSWORD).await.with(401);
    assert!(recover("", PASSWORD).await.with(401).says("动态验证码"));
    let offered = recover(&codes[0].to_lowercase(), PASSWORD).await.with(200);
    assert!(offered.says("设置您自己的验证器") && !offered.says("新密码"), "{}", offered.html);
    assert!(browser.get("/staff").await.with(303).location.starts_with("/staff/sign-in"));
    recover(&codes[0], PASSWORD).await.with(401);
    at_desk.get("/staff").await.with(200);

    let offered = recover(&codes[1], PASSWORD).await.with(200);
    let own = secret_of(&offered.between("<code>", "</code>"));
    let form = [("sealed", offered.field("sealed")), ("totp", code(&own, 0))];
    let entered = browser.send("/staff/sign-in/first", &form).await.with(200);
    assert_eq!(codes_of(&entered).len(), 10);
    assert!(browser.get("/staff/account").await.with(200).says("还剩 10 个"));
    at_desk.get("/staff").await.with(303);
    let old = at_desk.sign_in("li", PASSWORD, &code(&lost, 1)).await;
    assert_eq!(old.status, 401, "the lost secret signs nobody in");
    recover(&codes[2], PASSWORD).await.with(401);
    let acts = "SELECT act FROM audit_entry WHERE act LIKE 'staff.recovery%' ORDER BY position";
    let used = "staff.recovery_used";
    assert_eq!(world.rows.texts(acts).await, ["staff.recovery_renewed", used, used]);
    assert!(world.report().await.is_clean());
}

async fn a_new_phone_replaces_the_old_one(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, old) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let elsewhere = Browser::at(&world);
    elsewhere.sign_in("li", PASSWORD, &code(&old, 1)).await.with(303);
    let asked = browser.get("/staff/account/factor").await.with(200);
    let offered = browser.submit(&asked, "/staff/account/factor", &[]).await.with(200);
    let own = secret_of(&offered.between("<code>", "</code>"));
    let confirm = "/staff/account/factor/confirm";
    for wrong in ["000000", &*code(&old, 2)] {
        let page = browser.submit(&offered, confirm, &[("totp", wrong)]).await.with(401);
        assert!(page.says("验证码不是新验证器的"), "{}", page.html);
        assert_eq!(secret_of(&page.between("<code>", "</code>")).expose(), own.expose());
    }
    elsewhere.get("/staff").await.with(200);
    let given = code(&own, 0);
    let replaced = browser.submit(&offered, confirm, &[("totp", &given)]).await.with(200);
    let codes = codes_of(&replaced);
    assert_eq!(codes.len(), 10);
    assert!(elsewhere.get("/staff").await.with(303).location.starts_with("/staff/sign-in"));
    let again = browser.submit(&offered, confirm, &[("totp", &given)]).await.with(409);
    assert!(again.says("没有看到恢复码的"), "a second click: {}", again.html);
    browser.sign_in("li", PASSWORD, &code(&old, 2)).await.with(401);
    browser.sign_in("li", PASSWORD, &given).await.with(401);
    browser.sign_in("li", PASSWORD, &code(&own, 1)).await.with(303);
    let acts = "SELECT detail FROM audit_entry WHERE act = 'staff.factor_replaced'";
    assert_eq!(world.rows.texts(acts).await, ["no. 1001, finance"]);
    assert!(world.report().await.is_clean());
}

async fn a_slip_is_good_for_a_day(db: &TestDb) {
    let world = World::start(db).await;
    let school = world.rows.school("xnec").await;
    let slip = crate::staff::support::add(&world.db, school, ("li", "1001", &["admin"])).await;
    let first = format!("{} of a slip", "first password");
    let try_it =
        async |password: &str| Browser::at(&world).sign_in("li", password, &code(&slip, 0)).await;
    let old = "UPDATE staff_member SET slip_until = slip_until - $1";
    world.change(old, [(24 * 3_600_000_000_i64).into()]).await;
    assert!(
        try_it(&first).await.with(401).says("账号、密码或动态验证码有误"),
        "nothing else is told"
    );
    let late = try_it(crate::staff::support::FIRST_PASSWORD).await.with(401);
    assert!(late.says("首次登录单已超过 24 小时"), "{}", late.html);
    world.change(old, [(-24 * 3_600_000_000_i64).into()]).await;
    let again = try_it(crate::staff::support::FIRST_PASSWORD).await.with(200);
    assert!(again.says("设置您自己的验证器"), "{}", again.html);
}

async fn new_codes_replace_the_old_ones(db: &TestDb) {
    let world = World::start(db).await;
    let school = world.rows.school("xnec").await;
    let printed = crate::staff::support::add(&world.db, school, ("li", "1001", &["admin"])).await;
    let member = Member::enrol(&world, "li", &printed).await;
    let left =
        async || member.get("/api/v1/staff/account").await.body(200)["recovery_codes_left"].clone();
    assert_eq!(left().await, 10);
    let renewed = member.post("/api/v1/staff/account/recovery-codes", &json!({})).await.body(200);
    let sign_in = async |code: &str| {
        let body = json!({ "school": "xnec", "login": "li", "password": PASSWORD,
            "recovery_code": code });
        world.api().post("/api/v1/staff/auth/login", &body).await
    };
    let offered = sign_in(renewed["recovery_codes"][9].as_str().unwrap()).await.body(200);
    assert_eq!((&offered["must_enrol_factor"], left().await), (&json!(true), json!(9)));
}

async fn sessions_of_the_own_login_are_seen_and_ended(db: &TestDb) {
    let world = World::start(db).await;
    let (first, secret) = Browser::of(&world, "li", "1001", &["card_office"]).await;
    let (other, _) = Browser::of(&world, "wang", "1002", &["card_office"]).await;
    let second = Browser::at(&world);
    second.sign_in("li", PASSWORD, &code(&secret, 0)).await.with(303);
    let page = first.get("/staff/account").await.with(200);
    assert_eq!(page.html.matches("本次登录").count(), 1, "{}", page.html);
    let end =
        format!("/staff/account/sessions/{}/end", page.between("/staff/account/sessions/", "/end"));
    let foreign = other.get("/staff/account").await.with(200);
    other.submit(&foreign, &end, &[]).await.with(404);
    second.get("/staff").await.with(200);
    let ended = first.submit(&page, &end, &[]).await.with(303);
    assert!(first.follow(&ended).await.says("已结束那次登录"));
    first.submit(&page, &end, &[]).await.with(404);
    second.get("/staff").await.with(303);
    let acts = "SELECT COUNT(*) FROM audit_entry WHERE act = 'staff.session_ended'";
    assert_eq!(world.rows.number(acts).await, 1);
}
