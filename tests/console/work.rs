//! Signing in by WeCom: there, back, and the second factor.

use super::{
    browser::{Browser, Page},
    kept::end,
};
use crate::staff::{
    support::{Member, PASSWORD, code},
    whole_way::staff,
};
use onecard::base::crypto::totp::TotpSecret;
use reqwest::Url;
use sandbox::{
    faults::{RequestFault as Fault, RequestRule},
    wecom::{MEMBER, OUTSIDER, TOKEN},
};
use serde_json::json;
use std::collections::BTreeMap;
use testkit::{TestDb, World, http_client, on_each_database};
use uuid::Uuid;

on_each_database!(
    a_linked_member_signs_in_with_the_second_factor,
    what_comes_back_is_refused_unless_it_is_this_browsers,
    only_linked_members_who_work_here_come_in,
    a_messenger_that_fails_lets_nobody_in,
    links_are_the_admins_and_one_each,
    what_was_typed_comes_back,
);

const BEGIN: &str = "/staff/auth/wecom?school=xnec&next=/staff/account";
const FACTOR: &str = "/staff/auth/wecom/second-factor";
const SESSION: &str = "__Host-onecard-staff";
const CARRIED: &str = "__Host-onecard-staff-work";
const KEPT: &str = "__Host-onecard-staff-kept";

/// An admin, and somebody whose login is linked with `LiNa`.
struct School {
    world: World,
    admin: Member,
    finance: TotpSecret,
    finance_id: Uuid,
}

impl School {
    async fn open(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let admin = staff(&world, "root", "1000", "admin").await;
        let (_, finance) = Browser::of(&world, "li", "1001", &["finance"]).await;
        let listed = admin.get("/api/v1/staff/staff").await.body(200);
        let mut items = listed["items"].as_array().unwrap().iter();
        let li = items.find(|one| one["login"] == "li").unwrap();
        let finance_id = li["id"].as_str().unwrap().parse().unwrap();
        let school = Self { world, admin, finance, finance_id };
        school.link("LiNa").await.body(200);
        school
    }

    async fn link(&self, userid: &str) -> testkit::Answer {
        let path = format!("/api/v1/staff/staff/{}/link-wecom", self.finance_id);
        self.admin.post(&path, &json!({ "userid": userid, "reason": "入职" })).await
    }

    async fn act(&self, act: &str) {
        let path = format!("/api/v1/staff/staff/{}/{act}", self.finance_id);
        let answer = self.admin.post(&path, &json!({ "reason": "test" })).await;
        assert_eq!(answer.status, 204, "{act}");
    }

    /// The pairs of the address that the browser is sent to.
    async fn sent(&self, browser: &Browser) -> (Url, BTreeMap<String, String>) {
        let away = browser.get(BEGIN).await;
        assert_eq!(away.status, 303, "{}", away.html);
        let address = Url::parse(&away.location).unwrap();
        let pairs = address.query_pairs().into_owned().collect();
        (address, pairs)
    }

    /// The browser comes back with a code of this member.
    async fn back(&self, browser: &Browser, userid: &str) -> Page {
        let (_, pairs) = self.sent(browser).await;
        let code = self.world.sandbox().wecom.issue_code(userid);
        browser.get(&callback(&code, &pairs["state"])).await
    }

    async fn confirm(&self, browser: &Browser, totp: &str) -> Page {
        browser.send(FACTOR, &[("totp", totp.to_owned())]).await
    }

    /// A code that was not used, whatever was before.
    async fn fresh_code(&self) -> String {
        let unused = "UPDATE staff_member SET factor_step = 0 WHERE login = 'li'";
        self.world.rows.change(unused, []).await;
        code(&self.finance, 0)
    }
}

fn callback(code: &str, state: &str) -> String {
    format!("/staff/auth/wecom/callback?code={code}&state={state}")
}

async fn a_linked_member_signs_in_with_the_second_factor(db: &TestDb) {
    let school = School::open(db).await;
    let browser = Browser::at(&school.world);
    let page = browser.get("/staff/sign-in?next=/staff/account").await.with(200);
    assert!(page.says("用企业微信登录") && page.html.contains("/staff/auth/wecom?school=xnec"));
    let (address, pairs) = school.sent(&browser).await;
    assert_eq!(address.path(), "/wwlogin/sso/login");
    let back = format!("http://{}/staff/auth/wecom/callback", school.world.api().address());
    assert_eq!(pairs["redirect_uri"], back);
    assert_eq!((pairs["login_type"].as_str(), pairs["state"].len()), ("CorpApp", 32));
    // On the page of the sandbox LiNa agrees.
    let shown = http_client().get(address.clone()).send().await.unwrap();
    assert!(shown.status().is_success() && shown.text().await.unwrap().contains("LiNa"));
    let agreed = address.join("/sandbox/wecom/agree").unwrap();
    let form =
        [("redirect_uri", &back), ("state", &pairs["state"]), ("userid", &"LiNa".to_owned())];
    let sent = http_client().post(agreed).form(&form).send().await.unwrap();
    let location = sent.headers()["location"].to_str().unwrap().to_owned();
    let path = location.strip_prefix(&format!("http://{}", school.world.api().address())).unwrap();
    let before = browser.cookie(CARRIED);
    let known = browser.get(path).await;
    assert_eq!((known.status, known.location.as_str()), (303, FACTOR));
    assert_ne!(browser.cookie(CARRIED), before);
    assert!(browser.cookie(SESSION).is_none(), "not yet");
    let asked = browser.get(FACTOR).await.with(200);
    assert!(asked.says("企业微信已确认您的身份") && !asked.says("lina"));
    let wrong = school.confirm(&browser, "000000").await.with(401);
    assert!(wrong.says("动态验证码不对") && !wrong.says("密码有误"), "{}", wrong.html);
    let entered = school.confirm(&browser, &school.fresh_code().await).await;
    assert_eq!((entered.status, entered.location.as_str()), (303, "/staff/account"));
    assert!(browser.cookie(CARRIED).is_none());
    let first = browser.cookie(SESSION).unwrap();
    browser.follow(&entered).await.with(200);
    // Again: another session, whatever cookie was there before.
    school.back(&browser, "LINA").await;
    let again = school.confirm(&browser, &school.fresh_code().await).await;
    assert_eq!(again.status, 303, "{}", again.html);
    assert_ne!(browser.cookie(SESSION).unwrap(), first);
    let auditor = staff(&school.world, "aud", "1005", "auditor").await;
    let log = auditor.get("/api/v1/staff/audit?kind=staff").await.body(200);
    let acts: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|one| one["act"].as_str().unwrap()).collect();
    assert_eq!(acts.iter().filter(|act| **act == "staff.signed_in_at_work").count(), 2, "{acts:?}");
    assert!(acts.contains(&"staff.linked"), "{acts:?}");
}

async fn what_comes_back_is_refused_unless_it_is_this_browsers(db: &TestDb) {
    let school = School::open(db).await;
    let (browser, other) = (Browser::at(&school.world), Browser::at(&school.world));
    let issue = || school.world.sandbox().wecom.issue_code("LiNa");
    let stale = |page: Page, what: &str| assert_eq!(page.status, 400, "{what}: {}", page.html);
    stale(browser.get(&callback(&issue(), "s")).await, "nothing was begun");
    let (_, ours) = school.sent(&browser).await;
    let (_, theirs) = school.sent(&other).await;
    stale(browser.get(&callback(&issue(), &theirs["state"])).await, "another browser's state");
    stale(browser.get(&callback(&issue(), "")).await, "no state");
    browser.get(FACTOR).await.with(303);
    stale(school.confirm(&browser, "123456").await, "a code before anything came back");
    let code = issue();
    other.steal(&browser);
    browser.get(&callback(&code, &ours["state"])).await.with(303);
    stale(other.get(&callback(&issue(), &ours["state"])).await, "a state that came back");
    let (_, next) = school.sent(&other).await;
    let used = other.get(&callback(&code, &next["state"])).await;
    assert!(used.status == 403 && used.says("登录凭证无效或已用过"), "{}", used.html);
    // Elsewhere is nowhere else.
    let away = browser.get("/staff/auth/wecom?school=xnec&next=https://evil.example/").await;
    let location = &away.location;
    assert!(location.contains("/wwlogin/sso/login?") && !location.contains("evil"), "{location}");
    school.back(&browser, "LiNa").await.with(303);
    let foreign = browser.send_from("https://evil.example", FACTOR, &[("totp", "1".into())]).await;
    assert_eq!(foreign.status, 403, "a form of another site");
    let entered = school.confirm(&browser, &school.fresh_code().await).await;
    assert_eq!((entered.status, entered.location.as_str()), (303, "/staff/account"));
    browser.get("/staff/auth/wecom?school=nowhere").await.with(404);
}

async fn only_linked_members_who_work_here_come_in(db: &TestDb) {
    let school = School::open(db).await;
    let browser = Browser::at(&school.world);
    for (userid, what) in
        [("ZhangWei", "no link"), (OUTSIDER, "no member"), ("root", "an equal name")]
    {
        let refused = school.back(&browser, userid).await.with(403);
        assert!(refused.says("没有可用的工作人员账号"), "{what}: {}", refused.html);
    }
    school.act("disable").await;
    let off = school.back(&browser, "LiNa").await.with(403);
    assert!(off.says("没有可用的工作人员账号"), "the same words: {}", off.html);
    school.act("enable").await;
    // Switched off, or unlinked, while the second factor is asked for.
    for (act, back) in [("disable", "enable"), ("unlink-wecom", "")] {
        school.back(&browser, "LiNa").await.with(303);
        school.act(act).await;
        school.confirm(&browser, &school.fresh_code().await).await.with(401);
        if !back.is_empty() {
            school.act(back).await;
        }
    }
    school.back(&browser, "LiNa").await.with(403);
    // Guesses are slowed down.
    school.link("LiNa").await.body(200);
    school.back(&browser, "LiNa").await.with(303);
    let mut last = 0;
    for _ in 0..30 {
        last = school.confirm(&browser, "000000").await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
}

async fn a_messenger_that_fails_lets_nobody_in(db: &TestDb) {
    let school = School::open(db).await;
    let browser = Browser::at(&school.world);
    let cases = [
        (MEMBER, Fault::SystemError),
        (MEMBER, Fault::Html),
        (MEMBER, Fault::AnswerLost),
        // A token that WeCom has ended is fetched anew, once.
        (TOKEN, Fault::AddressNotAllowed),
    ];
    for (on, fault) in cases {
        if on == TOKEN {
            school.back(&browser, "LiNa").await.with(303);
            school.world.sandbox().wecom.end_tokens();
            school.back(&browser, "LiNa").await.with(303);
            school.world.sandbox().wecom.end_tokens();
        }
        school.world.sandbox().faults.on_requests(RequestRule::new(on, fault), 1).unwrap();
        let failed = school.back(&browser, "LiNa").await;
        assert_eq!(failed.status, 503, "{fault:?}: {}", failed.html);
    }
}

async fn links_are_the_admins_and_one_each(db: &TestDb) {
    let school = School::open(db).await;
    school.link("lina").await.problem("it is so", 409, "login_changed");
    school.link("_x").await.problem("no userid", 422, "request_invalid");
    let (browser, _) = Browser::of(&school.world, "boss", "1009", &["admin"]).await;
    let listed = browser.get("/staff/staff").await.with(200);
    assert!(listed.says("lina") && listed.says("未关联"), "{}", listed.html);
    let path = format!("/staff/staff/{}", school.finance_id);
    let page = browser.get(&path).await.with(200);
    let link = |userid: &'static str| [("userid", userid), ("reason", "换号")];
    let wrong = browser.submit(&page, &format!("{path}/link-wecom"), &link("a b")).await.with(422);
    assert!(wrong.says("userid 由字母") && wrong.html.contains("value=\"a b\""), "{}", wrong.html);
    let sent = browser.submit(&page, &format!("{path}/link-wecom"), &link("wang.fang")).await;
    assert!(browser.follow(&sent).await.with(200).says("wang.fang"));
    let all = school.admin.get("/api/v1/staff/staff").await.body(200);
    let of = |login: &str| {
        let mut items = all["items"].as_array().unwrap().iter();
        items.find(|one| one["login"] == login).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let body = json!({ "userid": "WANG.FANG", "reason": "x" });
    let boss = format!("/api/v1/staff/staff/{}/link-wecom", of("boss"));
    school.admin.post(&boss, &body).await.problem("it is another's", 409, "work_id_taken");
    let own = format!("/api/v1/staff/staff/{}/link-wecom", of("root"));
    school.admin.post(&own, &json!({ "userid": "me", "reason": "x" })).await.problem(
        "nobody links himself",
        403,
        "own_login",
    );
    let unlink = format!("{path}/unlink-wecom");
    let sent = browser.submit(&page, &unlink, &[("reason", "离职")]).await;
    assert!(browser.follow(&sent).await.with(200).says("未关联"));
    let bonds = "SELECT COUNT(*) FROM staff_change WHERE act = 'linked'";
    assert_eq!(school.world.rows.number(bonds).await, 2, "who links has a say in the login");
    testkit::assert_authentic(&school.world.db).await;
}

/// The session ends while somebody types, who then signs in by the messenger.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn what_was_typed_comes_back(db: &TestDb) {
    let school = School::open(db).await;
    let (world, browser) = (&school.world, Browser::at(&school.world));
    let path = format!("/staff/people/{}/adjust", world.rows.person("xnec", "2301001").await);
    let typed = async |reason: &str| {
        browser.sign_in("li", PASSWORD, &school.fresh_code().await).await.with(303);
        let form = browser.get(&path).await.with(200);
        let id = form.field("form_id");
        end(world, "li").await;
        let fields = [("form_id", &*id), ("way", "up"), ("amount", "12"), ("reason", reason)];
        browser.submit(&form, &path, &fields).await.with(401)
    };
    let asked = typed("多扣<b>").await;
    assert!(asked.says("用企业微信登录，也会带回"), "{}", asked.html);
    let kept = browser.cookie(KEPT).unwrap();
    assert!(kept.len() <= 3000 && !kept.contains("多扣"));
    school.back(&browser, "LiNa").await.with(303);
    school.confirm(&browser, "000000").await.with(401);
    assert_eq!(browser.cookie(KEPT).as_ref(), Some(&kept), "a wrong code loses nothing");
    let back = school.confirm(&browser, &school.fresh_code().await).await.with(200);
    assert!(back.says("什么都没有办理") && back.says("多扣&#60;b&#62;"), "{}", back.html);
    assert!(back.says(&format!("action=\"{path}\"")), "{}", back.html);
    assert!(browser.cookie(SESSION).is_some() && browser.cookie(CARRIED).is_none());
    assert!(browser.cookie(KEPT).is_none(), "shown once");
    assert_eq!(world.rows.count("approval").await, 0, "nothing is done");
    let id = back.field("form_id");
    let fields = [("form_id", &*id), ("way", "up"), ("amount", "12"), ("reason", "多扣")];
    let sure = browser.submit(&back, &path, &fields).await.with(200);
    assert!(sure.says("之后 ¥12.00"), "{}", sure.html);

    // What is too long for that way is said before one goes, and comes back by the other one.
    let long = typed(&"长".repeat(1000)).await;
    assert!(long.says("用企业微信登录不能带回") && !long.field("kept").is_empty(), "{}", long.html);
    assert!(browser.cookie(KEPT).is_none());
    school.back(&browser, "LiNa").await.with(303);
    let entered = school.confirm(&browser, &school.fresh_code().await).await.with(303);
    assert!(!entered.says("长长"), "{}", entered.html);

    // What somebody else typed at this browser is not for who comes from the messenger.
    let (other, _) = Browser::of(world, "wang", "1003", &["finance"]).await;
    let form = other.get(&path).await.with(200);
    let id = form.field("form_id");
    end(world, "wang").await;
    let fields = [("form_id", &*id), ("way", "up"), ("amount", "12"), ("reason", "别人的")];
    other.submit(&form, &path, &fields).await.with(401);
    assert!(other.cookie(KEPT).is_some());
    school.back(&other, "LiNa").await.with(303);
    let entered = school.confirm(&other, &school.fresh_code().await).await.with(303);
    assert!(!entered.says("别人的") && other.cookie(KEPT).is_none(), "{}", entered.html);
    // Who gave up that way signs in by password at a page of its own, and has it as well.
    typed("多扣").await;
    assert!(browser.cookie(KEPT).is_some());
    browser.sign_in("li", "not this", "000000").await.with(401);
    let back = browser.sign_in("li", PASSWORD, &school.fresh_code().await).await.with(200);
    assert!(back.says("什么都没有办理") && back.says("多扣"), "{}", back.html);
    assert!(browser.cookie(KEPT).is_none(), "shown once");
}
