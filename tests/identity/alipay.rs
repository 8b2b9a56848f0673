//! Students in Alipay: found by either id, and the same person in WeChat at once.

use onecard::{
    base::{clock::Timestamp, tokens::RefreshHash},
    sessions::{self, Platform, PlatformUser, UserIds},
};
use serde_json::json;
use testkit::{PEOPLE, TestDb, World, on_each_database};

on_each_database!(
    a_user_is_found_again_by_either_id,
    one_person_is_bound_in_both,
    a_code_is_good_on_its_platform_once,
);

const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

async fn a_user_is_found_again_by_either_id(db: &TestDb) {
    let sign_in = async |app_id: &str, openid: Option<&str>, user_id: Option<&str>| {
        let ids = UserIds::new(openid.map(str::to_owned), user_id.map(str::to_owned)).unwrap();
        let app_id = app_id.to_owned();
        let user = PlatformUser { platform: Platform::Alipay, app_id, ids };
        let session = sessions::open(&db.db, &user, &RefreshHash([7; 32]), NOW).await.unwrap();
        sessions::find(&db.db, session, NOW).await.unwrap().unwrap()
    };
    // Before the app moves to open ids, while it moves, and after.
    let first = sign_in("a", None, Some("2088000000000001")).await;
    assert_eq!(first.user.ids.payer(), "2088000000000001");
    let cases = [
        (Some("o-1"), Some("2088000000000001"), "o-1"),
        (Some("o-1"), None, "o-1"),
        (None, Some("2088000000000001"), "o-1"),
    ];
    for (openid, user_id, payer) in cases {
        let again = sign_in("a", openid, user_id).await;
        assert_eq!(again.identity, first.identity, "{openid:?} {user_id:?}");
        assert_eq!(again.user.ids.payer(), payer, "{openid:?} {user_id:?}");
    }
    // Another app, and another user.
    assert_ne!(sign_in("b", None, Some("2088000000000001")).await.identity, first.identity);
    let other = sign_in("a", Some("o-2"), None).await;
    assert_ne!(other.identity, first.identity);
    // Two identities that turn out to be one user stay two; the open id decides.
    assert_eq!(sign_in("a", Some("o-2"), Some("2088000000000001")).await.identity, other.identity);
    testkit::assert_authentic(&db.db).await;
}

async fn one_person_is_bound_in_both(db: &TestDb) {
    let world = World::start(db).await;
    let in_wechat = world.student(0).await;
    let in_alipay = world.alipay_student(0).await;
    assert_eq!(world.rows.count("binding").await, 2);
    let told = in_wechat.me().await.body(200);
    let text = told["notices"][0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("支付宝小程序") && text.contains("绑定"), "{told}");
    let twice = world.api().login_by("alipay", &world.alipay_code(1)).await;
    let twice = twice.bind("xnec", PEOPLE[0]).await;
    twice.problem("bound in Alipay already", 409, "already_bound");

    // Each has its own session and its own phone; the password is the person's.
    let device = |password: &str| json!({ "device_id": "phone-1-of-the-person", "query_password": password });
    for student in [&in_wechat, &in_alipay] {
        student.post("/api/v1/passcode/enrolments", &device(PEOPLE[0].1)).await.body(200);
    }
    assert_eq!(
        world.rows.texts("SELECT channel FROM device ORDER BY channel").await,
        ["alipay", "wechat"]
    );
    let unbound = json!({ "query_password": PEOPLE[0].1 });
    assert_eq!(in_alipay.post("/api/v1/bindings/current/unbind", &unbound).await.status, 204);
    assert_eq!(in_wechat.get("/api/v1/card").await.status, 200);
    assert_eq!(in_alipay.get("/api/v1/card").await.status, 403);
}

async fn a_code_is_good_on_its_platform_once(db: &TestDb) {
    let world = World::start(db).await;
    let login = async |platform: &str, code: &str| {
        let path = format!("/api/v1/auth/{platform}/login");
        world.api().post(&path, &json!({ "code": code })).await
    };
    let (wechat, alipay) = (world.login_code(0), world.alipay_code(0));
    login("alipay", &wechat).await.problem("WeChat's", 401, "login_code_refused");
    login("wechat", &alipay).await.problem("Alipay's", 401, "login_code_refused");
    login("alipay", &alipay).await.body(200);
    login("alipay", &alipay).await.problem("used", 401, "login_code_refused");
    assert_eq!(world.rows.count("identity").await, 1);
}
