//! A session ends while somebody types: the form comes back to who typed it, and nothing is done.

use super::browser::{Browser, Page};
use crate::staff::support::{PASSWORD, code, secret_of};
use onecard::base::crypto::totp::TotpSecret;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    what_was_typed_comes_back,
    what_was_typed_waits_for_the_factor,
    it_is_for_nobody_else,
    a_form_of_an_earlier_session_comes_back,
    it_waits_while_a_lost_phone_is_replaced,
    a_form_sent_an_hour_later_comes_back,
);

/// Ends the sessions of a login.
pub async fn end(world: &World, login: &str) {
    let sql = "UPDATE staff_session SET ended_at = created_at WHERE member_id = \
               (SELECT id FROM staff_member WHERE login = $1)";
    assert!(world.rows.change(sql, [login.into()]).await > 0);
}

async fn sign_in(
    browser: &Browser,
    page: &Page,
    login: &str,
    secret: &TotpSecret,
    step: i64,
) -> Page {
    let form = [
        ("school", "xnec".to_owned()),
        ("login", login.to_owned()),
        ("password", PASSWORD.to_owned()),
        ("totp", code(secret, step)),
        ("next", page.field("next")),
        ("kept", page.field("kept")),
    ];
    browser.send("/staff/sign-in", &form).await
}

async fn what_was_typed_comes_back(db: &TestDb) {
    let world = World::start(db).await;
    let (office, secret) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/password-reset");
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    let typed = [("form_id", id.as_str()), ("reason", "忘记密码<b>"), ("back", "/staff/people")];
    end(&world, "office").await;
    let asked = office.submit(&form, &path, &typed).await.with(401);
    assert!(asked.says("登录已失效") && !asked.says("忘记密码"), "{}", asked.html);
    assert_eq!(office.cookie("__Host-onecard-staff"), None);
    // A wrong code first: what was typed stays.
    let wrong = [
        ("school", "xnec".to_owned()),
        ("login", "office".to_owned()),
        ("password", "no".to_owned()),
        ("totp", "000000".to_owned()),
        ("kept", asked.field("kept")),
    ];
    let wrong = office.send("/staff/sign-in", &wrong).await.with(401);
    assert!(!wrong.field("kept").is_empty());
    let back = sign_in(&office, &asked, "office", &secret, 0).await.with(200);
    // The page that the form stood on, with its way back.
    assert!(back.says("href=\"/staff/doors?back=/staff/people\""), "{}", back.html);
    assert!(back.says("什么都没有办理") && back.says("忘记密码&#60;b&#62;"), "{}", back.html);
    assert!(back.says(&format!("action=\"{path}\"")), "{}", back.html);
    assert_eq!(world.rows.count("approval").await, 0, "nothing is done");
    let typed = [("form_id", &*back.field("form_id")), ("reason", "忘记密码"), ("back", "")];
    office.submit(&back, &path, &typed).await.with(303);
    assert_eq!(world.rows.count("approval").await, 1);
}

async fn what_was_typed_waits_for_the_factor(db: &TestDb) {
    let world = World::start(db).await;
    let (office, secret) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/password-reset");
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    let typed = [("form_id", id.as_str()), ("reason", "忘记密码"), ("back", "/staff/people")];
    let ago = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(ago, [(11 * 60_000_000_i64).into()]).await;
    testkit::eventually("the copy of the session is old", async || {
        (office.get(&path).await.status == 303).then_some(())
    })
    .await;
    let asked = office.submit(&form, &path, &typed).await;
    assert_eq!((asked.status, &*asked.location), (403, ""), "{}", asked.html);
    assert!(asked.says("还没有提交") && !asked.says("忘记密码"), "{}", asked.html);
    let with = |totp: String| {
        let [csrf, next, kept] = ["csrf", "next", "kept"].map(|name| (name, asked.field(name)));
        [csrf, next, kept, ("totp", totp)]
    };
    let wrong = office.send("/staff/second-factor", &with("000000".to_owned())).await.with(401);
    assert_eq!(wrong.field("kept"), asked.field("kept"), "a wrong code loses nothing");
    let back = office.send("/staff/second-factor", &with(code(&secret, 0))).await.with(200);
    assert!(back.says("忘记密码") && back.says(&format!("action=\"{path}\"")), "{}", back.html);
    assert_eq!(world.rows.count("approval").await, 0, "nothing is done");
    let typed = [("form_id", &*back.field("form_id")), ("reason", "忘记密码"), ("back", "")];
    office.submit(&back, &path, &typed).await.with(303);
    assert_eq!(world.rows.count("approval").await, 1);
}

async fn it_is_for_nobody_else(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (_, secret) = Browser::of(&world, "other", "1002", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/password-reset");
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    let password = office.get("/staff/account/password").await.with(200);
    end(&world, "office").await;
    let typed = [("form_id", id.as_str()), ("reason", "忘记密码")];
    let asked = office.submit(&form, &path, &typed).await.with(401);
    let other = sign_in(&office, &asked, "other", &secret, 0).await.with(303);
    assert!(other.location.starts_with("/staff") && !other.says("忘记密码"));
    // Too much, a secret, another site, and who never was signed in: the sign-in alone.
    let (typist, _) = Browser::of(&world, "third", "1003", &["card_office"]).await;
    end(&world, "third").await;
    let long = "长".repeat(2800);
    for (path, name, value) in [
        (&*path, "reason", &*long),
        (&*path, "totp", "123456"),
        ("/staff/account/password", "new_password", "x"),
    ] {
        let sent = [("csrf", password.field("csrf")), (name, value.to_owned())];
        // Each time with the cookie of the ended session.
        let again = Browser::at(&world);
        again.steal(&typist);
        let away = again.send(path, &sent).await.with(303);
        assert!(away.location.starts_with("/staff/sign-in"), "{name}: {}", away.location);
    }
    // A decision is not kept; the way back that its form carries is.
    let decides = Browser::at(&world);
    decides.steal(&typist);
    let back = "/staff/approvals?state=open".to_owned();
    let sent = [("csrf", form.field("csrf")), ("reason", "x".to_owned()), ("back", back)];
    let approve = format!("/staff/password-resets/{}/approve", uuid::Uuid::nil());
    let away = decides.send(&approve, &sent).await.with(303);
    let next = "/staff/doors%3Fback%3D/staff/approvals%253Fstate%253Dopen";
    assert_eq!(away.location, format!("/staff/sign-in?next={next}"));
    let foreign = Browser::at(&world);
    foreign.steal(&typist);
    let sent = [("csrf", form.field("csrf")), ("reason", "x".to_owned())];
    foreign.send_from("https://evil.example", &path, &sent).await.with(403);
    let nobody = Browser::at(&world);
    nobody.send(&path, &sent).await.with(303);
}

async fn a_form_of_an_earlier_session_comes_back(db: &TestDb) {
    let world = World::start(db).await;
    let (office, secret) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/password-reset");
    let form = office.get(&path).await.with(200);
    let typed = [("form_id", &*form.field("form_id")), ("reason", "忘记密码"), ("back", "")];
    // In another tab of the same browser.
    office.sign_in("office", PASSWORD, &code(&secret, 1)).await.with(303);
    let back = office.submit(&form, &path, &typed).await.with(403);
    assert!(back.says("还没有提交") && back.says("忘记密码"), "{}", back.html);
    assert_ne!(back.field("csrf"), form.field("csrf"));
    assert_eq!(world.rows.count("approval").await, 0, "nothing is done");
    office.submit(&back, &path, &typed).await.with(303);
    assert_eq!(world.rows.count("approval").await, 1);
    // What has nothing typed in it, or decides, is refused.
    let sent = [("csrf", form.field("csrf")), ("reason", "x".to_owned())];
    let refused = office.send("/staff/password-resets/x/approve", &sent).await;
    assert!(refused.status >= 400 && !refused.says("还没有提交"), "{}", refused.html);
    let bare = [("csrf", form.field("csrf"))];
    assert!(office.send(&path, &bare).await.with(403).says("登录状态已变化"));
}

/// Somebody signs in again by a recovery code: the form comes with the new ones.
async fn it_waits_while_a_lost_phone_is_replaced(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/password-reset");
    let asked = office.get("/staff/account/recovery-codes").await.with(200);
    let made = office.submit(&asked, "/staff/account/recovery-codes", &[]).await.with(200);
    let recovery = made.between("<li><code>", "</code>");
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    end(&world, "office").await;
    let typed = [("form_id", id.as_str()), ("reason", "忘记密码"), ("back", "/staff/people")];
    let asked = office.submit(&form, &path, &typed).await.with(401);
    let signs_in = [
        ("school", "xnec".to_owned()),
        ("login", "office".to_owned()),
        ("password", PASSWORD.to_owned()),
        ("totp", String::new()),
        ("recovery_code", recovery),
        ("kept", asked.field("kept")),
    ];
    let offered = office.send("/staff/sign-in", &signs_in).await.with(200);
    assert!(offered.says("设置您自己的验证器") && !offered.says("忘记密码"), "{}", offered.html);
    let own = secret_of(&offered.between("<code>", "</code>"));
    let enrol = |page: &Page, totp: String| {
        let [sealed, kept] = ["sealed", "kept"].map(|name| (name, page.field(name)));
        [sealed, kept, ("totp", totp)]
    };
    let wrong = office.send("/staff/sign-in/first", &enrol(&offered, "000000".to_owned())).await;
    let wrong = wrong.with(401);
    assert_eq!(wrong.field("kept"), offered.field("kept"), "a wrong code loses nothing");
    let entered = office.send("/staff/sign-in/first", &enrol(&wrong, code(&own, 0))).await;
    let entered = entered.with(200);
    assert!(entered.says("请保存您的恢复码") && entered.says("什么都没有办理"), "{}", entered.html);
    assert!(entered.says("忘记密码") && entered.says(&format!("action=\"{path}\"")));
    assert_eq!(world.rows.count("approval").await, 0, "nothing is done");
    let typed = [("form_id", &*entered.field("form_id")), ("reason", "忘记密码"), ("back", "")];
    office.submit(&entered, &path, &typed).await.with(303);
    assert_eq!(world.rows.count("approval").await, 1);
}

/// The page stood open for an hour, and its session ended by itself; or it was used in another tab, and the
/// second factor is an hour old.
async fn a_form_sent_an_hour_later_comes_back(db: &TestDb) {
    let world = World::start(db).await;
    let (office, secret) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let path = format!("{person}/password-reset");
    let hour = || [3_600_000_000_i64.into()];
    let form = office.get(&path).await.with(200);
    let id = form.field("form_id");
    let typed = [("form_id", id.as_str()), ("reason", "忘记密码"), ("back", "")];
    world.change("UPDATE staff_session SET factor_at = factor_at - $1", hour()).await;
    testkit::eventually("the copy of the session is old", async || {
        (office.get(&path).await.status == 303).then_some(())
    })
    .await;
    let asked = office.submit(&form, &path, &typed).await.with(403);
    assert!(asked.says("还没有提交") && !asked.field("kept").is_empty(), "{}", asked.html);
    world.change("UPDATE staff_session SET expires_at = expires_at - $1", hour()).await;
    testkit::eventually("the session has ended", async || {
        (office.get("/staff").await.status == 303).then_some(())
    })
    .await;
    // A browser drops the cookie with the answer that sends it to the sign-in.
    let again = Browser::at(&world);
    let gone = again.send(&path, &[("csrf", form.field("csrf")), ("reason", "x".into())]).await;
    assert!(gone.with(303).location.starts_with("/staff/sign-in"));
    let back = sign_in(&office, &asked, "office", &secret, 0).await.with(200);
    assert!(back.says("忘记密码") && back.says("什么都没有办理"), "{}", back.html);
    assert_eq!(world.rows.count("approval").await, 0, "nothing is done");
}
