//! Signing in at a browser.

use super::browser::Browser;
use crate::staff::support::{FIRST_PASSWORD, PASSWORD, add, code, secret_of};
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    the_first_sign_in_sets_up_a_second_factor,
    a_session_is_one_browser_and_ends,
    forms_of_others_do_nothing,
    an_old_second_factor_is_asked_for_again,
);

const SESSION: &str = "__Host-onecard-staff";

async fn the_first_sign_in_sets_up_a_second_factor(db: &TestDb) {
    let world = World::start(db).await;
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, ("li", "1001", &["finance"])).await;
    let browser = Browser::at(&world);
    let form = browser.get("/staff/sign-in?next=/staff/approvals").await.with(200);
    assert!(form.says("value=\"/staff/approvals\""), "{}", form.html);
    assert!(
        form.headers["content-security-policy"].starts_with("default-src 'none'; style-src 'self'")
    );
    assert_eq!(form.headers["cache-control"], "no-store");
    let wrong = browser.sign_in("li", "not this", &code(&printed, 0)).await.with(401);
    assert!(
        wrong.says("账号、密码或动态验证码有误") && wrong.says("<title>错误："),
        "{}",
        wrong.html
    );
    assert!(wrong.says("value=\"li\"") && !wrong.says("not this"), "{}", wrong.html);
    let offered = browser.sign_in("li", FIRST_PASSWORD, &code(&printed, 0)).await.with(200);
    assert!(offered.says("data:image/svg+xml;base64,") && !offered.says(FIRST_PASSWORD));
    assert_eq!(browser.cookie(SESSION), None, "nobody is signed in yet");
    let own = secret_of(&offered.between("<code>", "</code>"));
    let enrol = async |totp: String, new: &str, repeated: &str| {
        let form = [
            ("sealed", offered.field("sealed")),
            ("totp", totp),
            ("new_password", new.to_owned()),
            ("repeated", repeated.to_owned()),
        ];
        browser.send("/staff/sign-in/first", &form).await
    };
    let differs = enrol(code(&own, 0), PASSWORD, "other horse 2").await.with(422);
    assert!(differs.says("两次输入的新密码不同") && differs.says("<code>"), "{}", differs.html);
    enrol(code(&own, 0), "short", "short").await.with(422);
    let entered = enrol(code(&own, 1), PASSWORD, PASSWORD).await.with(200);
    assert!(entered.says("请保存您的恢复码") && entered.says("href=\"/staff\""));
    let today = browser.get("/staff").await.with(200);
    assert!(today.says("现在没有等您处理的事") && today.says("财务"), "{}", today.html);
    assert!(!today.says("门禁记录"), "what one may not do is not shown: {}", today.html);
}

async fn a_session_is_one_browser_and_ends(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, _) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let other = Browser::at(&world);
    let away = other.get("/staff/approvals?desk=bill").await.with(303);
    assert_eq!(away.location, "/staff/sign-in?next=/staff/approvals%3Fdesk%3Dbill");
    let today = browser.get("/staff").await.with(200);
    other.steal(&browser);
    let out = browser.submit(&today, "/staff/sign-out", &[]).await.with(303);
    assert_eq!((&*out.location, browser.cookie(SESSION)), ("/staff/sign-in", None));
    assert!(browser.follow(&out).await.says("已退出登录"));
    assert!(!browser.get("/staff/sign-in").await.says("已退出登录"), "said once");
    other.get("/staff").await.with(303);
    // A session that is not used ends, one that is used is kept alive.
    let (browser, _) = Browser::of(&world, "wang", "1002", &["finance"]).await;
    let sooner = async |minutes: i64| {
        let sql = "UPDATE staff_session SET expires_at = expires_at - $1";
        world.change(sql, [(minutes * 60_000_000).into()]).await;
    };
    let ends = "SELECT expires_at FROM staff_session WHERE ended_at IS NULL";
    let before = world.rows.number(ends).await;
    sooner(5).await;
    browser.get("/staff").await.with(200);
    assert!(world.rows.number(ends).await > before - 60_000_000, "kept alive");
    sooner(31).await;
    browser.get("/staff").await.with(303);
}

async fn forms_of_others_do_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, _) = Browser::of(&world, "li", "1001", &["card_office"]).await;
    let page = browser.get("/staff/doors").await.with(200);
    let form = |csrf: String| {
        let fields = [("student_no", "2301001"), ("group", "西门"), ("until", ""), ("hours", "")];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        let mut form = vec![("csrf", csrf), ("reason", "test".to_owned())];
        form.extend(fields);
        form
    };
    let path = "/staff/doors/rights";
    let csrf = page.field("csrf");
    let foreign = browser.send_from("https://evil.example", path, &form(csrf.clone())).await;
    assert!(foreign.with(403).says("表单来自其他网站"));
    // What was typed is shown again, as for a page of an earlier session; nothing is done.
    assert!(browser.send(path, &form("x".to_owned())).await.with(403).says("还没有提交"));
    let bare = [("csrf", "x".to_owned())];
    assert!(browser.send("/staff/sign-out", &bare).await.with(403).says("登录状态已变化"));
    browser.send(path, &form(String::new())).await.with(403);
    let rights = "SELECT COUNT(*) FROM door_right";
    assert_eq!(world.rows.number(rights).await, 0);
    let given = browser.send(path, &form(csrf)).await.with(303);
    assert!(browser.follow(&given).await.says("权限已授予"));
    assert_eq!(world.rows.number(rights).await, 1);
    let huge = [("csrf", page.field("csrf")), ("reason", "很".repeat(20_000))];
    browser.send(path, &huge).await.with(422);
}

async fn an_old_second_factor_is_asked_for_again(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, secret) = Browser::of(&world, "li", "1001", &["card_office"]).await;
    let older = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(older, [(11 * 60_000_000_i64).into()]).await;
    let asked = browser.get("/staff/doors/log").await.with(303);
    assert_eq!(asked.location, "/staff/second-factor?next=/staff/doors/log");
    let form = browser.follow(&asked).await.with(200);
    let factor = [("totp", "000000"), ("next", "/staff/doors/log")];
    let wrong = browser.submit(&form, "/staff/second-factor", &factor).await.with(401);
    assert!(wrong.says("role=\"alert\""), "{}", wrong.html);
    let totp = code(&secret, 0);
    let factor = [("totp", &*totp), ("next", "/staff/doors/log")];
    let good = browser.submit(&form, "/staff/second-factor", &factor).await.with(303);
    assert_eq!(good.location, "/staff/doors/log");
    browser.follow(&good).await.with(200);
}
