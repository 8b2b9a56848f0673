//! Keys of providers, tried against the sandbox with one thing wrong at a time.

use super::{support::Member, whole_way::staff};
use crate::console::browser::Browser;
use sandbox::{
    Endpoint, alipay,
    faults::{RequestFault as Fault, RequestRule},
    keys::Keys,
    wechat, wechat_pay, wecom,
};
use serde_json::{Value, json};
use std::net::TcpListener;
use testkit::{Api, Program, TestDb, World, on_each_database};

on_each_database!(
    each_fault_of_wechat_pay_is_named,
    each_fault_of_alipay_is_named,
    each_fault_of_a_mini_program_is_named,
    each_fault_of_wecom_is_named,
    a_try_is_kept_audited_and_not_repeated_at_once,
    the_console_tries_keys,
    a_provider_that_does_not_answer_holds_nothing,
    an_operator_tries_keys,
);

const HEALTH: &str = "/api/v1/staff/health";
/// Longer than either provider tolerates.
const FAR_SECONDS: i64 = 11 * 60;

/// What is wrong: settings, what the provider does with the next request, or its clock.
#[derive(Default)]
struct Wrong {
    settings: Vec<(&'static str, String)>,
    fault: Option<Fault>,
    ahead_seconds: i64,
}

fn set<const N: usize>(settings: [(&'static str, &str); N]) -> Wrong {
    let settings = settings.map(|(name, value)| (name, value.to_owned())).into();
    Wrong { settings, ..Wrong::default() }
}

fn meets(fault: Fault) -> Wrong {
    Wrong { fault: Some(fault), ..Wrong::default() }
}

fn clock(ahead_seconds: i64) -> Wrong {
    Wrong { ahead_seconds, ..Wrong::default() }
}

/// What is wrong, what is found, what that means, and words that are said of it.
type Case = (Wrong, &'static str, &'static str, &'static str);

struct Desk {
    world: World,
    member: Member,
    provider: &'static str,
}

impl Desk {
    async fn open(db: &TestDb, provider: &'static str) -> Self {
        let world = World::start(db).await;
        let member = staff(&world, "net", "1003", "network_center").await;
        Self { world, member, provider }
    }

    async fn asked(&self, api: &Api) -> testkit::Answer {
        let member = Member { api: api.clone(), ..self.member.clone() };
        member.post(&format!("{HEALTH}/providers/{}/try", self.provider), &json!({})).await
    }

    /// Lets the next try be made at once.
    async fn later(&self) {
        self.world.rows.change("UPDATE key_trial SET started_at = 0", []).await;
    }

    async fn finds(&mut self, on: Endpoint, cases: Vec<Case>) {
        for (wrong, finding, verdict, said) in cases {
            let settings: Vec<(&str, &str)> =
                wrong.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let server = self.world.serve_with(&settings);
            let sandbox = self.world.sandbox();
            sandbox.clock.set_offset(chrono::TimeDelta::seconds(wrong.ahead_seconds));
            if let Some(fault) = wrong.fault {
                sandbox.faults.on_requests(RequestRule::new(on, fault), 1).unwrap();
            }
            let told = self.asked(&server.api()).await.body(200);
            self.world.sandbox().faults.clear();
            self.later().await;
            let shown = format!("{:?} {:?}: {told}", wrong.settings, wrong.fault);
            assert_eq!(
                (&told["finding"], &told["verdict"]),
                (&json!(finding), &json!(verdict)),
                "{shown}"
            );
            let words = told["words"].as_str().unwrap();
            assert!(words.contains(said), "{said}: {shown}");
            assert_plain(&self.world.credentials(), words);
        }
    }
}

/// Neither secrets nor keys are told.
fn assert_plain(keys: &Keys, words: &str) {
    let credentials = &keys.credentials;
    for secret in [&credentials.wechat.app_secret, &credentials.wechat_pay.api_v3_key] {
        assert!(!words.contains(secret.as_str()), "{words}");
    }
    assert!(!words.contains("-----BEGIN"), "{words}");
}

#[expect(clippy::too_many_lines, reason = "a table")]
async fn each_fault_of_wechat_pay_is_named(db: &TestDb) {
    let mut desk = Desk::open(db, "wechat_pay").await;
    let file = |name: &str| desk.world.key_file(name);
    let keys = desk.world.credentials();
    let both = &keys.schools["hbgyzy"].wechat_pay;
    let by_certificate = set([
        ("WECHAT_PAY__PUBLIC_KEY_ID", ""),
        ("WECHAT_PAY__PUBLIC_KEY_FILE", ""),
        ("WECHAT_PAY__PLATFORM_CERTIFICATE_FILES", &file("yncjxy/platform_certificate.pem")),
        ("WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES", "false"),
    ]);
    let cases: Vec<Case> = vec![
        (Wrong::default(), "works", "good", "第一笔付款时才知道"),
        (
            set([(
                "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
                &file("ynart/merchant_private_key.pem"),
            )]),
            "wrong_key",
            "wrong",
            "apiclient_key.pem",
        ),
        (set([("WECHAT_PAY__MCH_ID", "1999999999")]), "wrong_number", "wrong", "mch_id"),
        (
            set([("WECHAT_PAY__MERCHANT_SERIAL_NO", &"5E".repeat(20))]),
            "wrong_serial",
            "wrong",
            "merchant_serial_no",
        ),
        (
            set([("WECHAT_PAY__PUBLIC_KEY_ID", &both.public_key_id)]),
            "wrong_key_id",
            "wrong",
            "public_key_id",
        ),
        (
            set([("WECHAT_PAY__PUBLIC_KEY_FILE", &file("ynart/wechat_pay_public_key.pem"))]),
            "answer_forged",
            "wrong",
            "pub_key.pem",
        ),
        (by_certificate, "another_key", "wrong", "用微信支付公钥签名"),
        (clock(FAR_SECONDS), "clock_off", "wrong", "本服务器的时钟比对方慢 1"),
        (clock(-FAR_SECONDS), "clock_off", "wrong", "本服务器的时钟比对方快 1"),
        (clock(120), "works", "good", "本服务器的时钟比对方慢"),
        (meets(Fault::AddressNotAllowed), "address_refused", "wrong", "IP 白名单"),
        (meets(Fault::WrongSignature), "answer_forged", "wrong", "也可能有人在中间改了回答"),
        (meets(Fault::UnknownSerial), "another_key", "wrong", "用平台证书签名"),
        (meets(Fault::Unsigned), "answer_unsigned", "unknown", "微信这次没有签名"),
        (meets(Fault::TooManyRequests), "throttled", "unknown", "还不知道"),
        (meets(Fault::SystemError), "not_understood", "unknown", "（500）"),
        (meets(Fault::BadGateway), "not_understood", "unknown", "（502）"),
        (meets(Fault::Html), "not_understood", "unknown", "base_url"),
        (meets(Fault::AnswerLost), "not_understood", "unknown", "还不知道"),
        (set([("WECHAT_PAY__BASE_URL", "http://127.0.0.1:1")]), "unreachable", "unknown", "连不上"),
    ];
    desk.finds(wechat_pay::endpoints::QUERY, cases).await;
}

#[expect(clippy::too_many_lines, reason = "a table")]
async fn each_fault_of_alipay_is_named(db: &TestDb) {
    let mut desk = Desk::open(db, "alipay").await;
    let file = |name: &str| desk.world.key_file(name);
    let keys = desk.world.credentials();
    let apps = keys.alipay.as_ref().unwrap();
    let certified = |app_id: &str| {
        set([
            ("ALIPAY__APP_ID", app_id),
            ("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", ""),
            ("ALIPAY__APP_PRIVATE_KEY_FILE", &file("yncjxy/alipay_app_private_key.pem")),
            ("ALIPAY__APP_CERT_FILE", &file("yncjxy/alipay_app_cert.crt")),
            ("ALIPAY__ALIPAY_CERT_FILE", &file("yncjxy/alipay_cert.crt")),
            ("ALIPAY__ALIPAY_ROOT_CERT_FILE", &file("yncjxy/alipay_root_cert.crt")),
        ])
    };
    let own = &apps.schools["yncjxy"].app_id;
    let renewed = Wrong { fault: Some(Fault::UnknownSerial), ..certified(own) };
    let encrypting = |key: &str| {
        set([
            ("ALIPAY__APP_ID", &apps.schools["hbgyzy"].app_id),
            ("ALIPAY__APP_PRIVATE_KEY_FILE", &file("hbgyzy/alipay_app_private_key.pem")),
            ("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", &file("hbgyzy/alipay_public_key.pem")),
            ("ALIPAY__ENCRYPT_KEY", key),
        ])
    };
    let cases: Vec<Case> = vec![
        (Wrong::default(), "works", "good", "应用编号、应用私钥和支付宝公钥都对"),
        (certified(own), "works", "good", "都对"),
        (encrypting(&apps.schools["hbgyzy"].encrypt_key), "works", "good", "都对"),
        (
            set([("ALIPAY__APP_PRIVATE_KEY_FILE", &file("ynart/alipay_app_private_key.pem"))]),
            "wrong_key",
            "wrong",
            "isv.invalid-signature",
        ),
        (set([("ALIPAY__APP_ID", "2021999999999999")]), "wrong_number", "wrong", "app_id"),
        (
            set([("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", &file("ynart/alipay_public_key.pem"))]),
            "answer_forged",
            "wrong",
            "开放平台显示的“支付宝公钥”",
        ),
        (certified(&apps.general.app_id), "wrong_serial", "wrong", "证书模式"),
        (renewed, "another_key", "wrong", "alipay_cert_file"),
        (encrypting("AAAAAAAAAAAAAAAAAAAAAA=="), "wrong_content_key", "wrong", "encrypt_key"),
        (clock(FAR_SECONDS), "clock_off", "wrong", "本服务器的时钟比对方慢 1"),
        (clock(-FAR_SECONDS), "clock_off", "wrong", "本服务器的时钟比对方快 1"),
        (meets(Fault::AddressNotAllowed), "address_refused", "wrong", "IP 白名单"),
        (meets(Fault::WrongSignature), "answer_forged", "wrong", "也可能有人在中间改了回答"),
        (meets(Fault::Unsigned), "answer_unsigned", "unknown", "支付宝这次没有签名"),
        (meets(Fault::TooManyRequests), "throttled", "unknown", "还不知道"),
        (meets(Fault::SystemError), "not_understood", "unknown", "aop.unknow-error"),
        (meets(Fault::GbkError), "not_understood", "unknown", "还不知道"),
        (meets(Fault::BadGateway), "not_understood", "unknown", "还不知道"),
        (meets(Fault::Html), "not_understood", "unknown", "gateway_url"),
        (
            set([("ALIPAY__GATEWAY_URL", "http://127.0.0.1:1/gateway.do")]),
            "unreachable",
            "unknown",
            "连不上",
        ),
    ];
    desk.finds(alipay::endpoints::QUERY, cases).await;
}

async fn each_fault_of_a_mini_program_is_named(db: &TestDb) {
    let mut desk = Desk::open(db, "wechat").await;
    let cases: Vec<Case> = vec![
        (Wrong::default(), "works", "good", "小程序编号和密钥都对"),
        (set([("WECHAT__APP_ID", "wx0000000000000000")]), "wrong_number", "wrong", "（40013）"),
        (set([("WECHAT__APP_SECRET", "sandbox-another")]), "wrong_secret", "wrong", "（40125）"),
        (meets(Fault::AddressNotAllowed), "address_refused", "wrong", "127.0.0.1"),
        (meets(Fault::TooManyRequests), "throttled", "unknown", "（45011）"),
        (meets(Fault::SystemError), "not_understood", "unknown", "（-1）"),
        (meets(Fault::Garbage), "not_understood", "unknown", "还不知道"),
        (meets(Fault::Unavailable), "not_understood", "unknown", "（503）"),
        (set([("WECHAT__API_BASE_URL", "http://127.0.0.1:1")]), "unreachable", "unknown", "连不上"),
    ];
    desk.finds(wechat::TOKEN, cases).await;
}

async fn each_fault_of_wecom_is_named(db: &TestDb) {
    let mut desk = Desk::open(db, "wecom").await;
    let cases: Vec<Case> = vec![
        (Wrong::default(), "works", "good", "企业编号和应用的 secret 都对"),
        (set([("WECOM__CORP_ID", "ww0000000000000000")]), "wrong_number", "wrong", "（40013）"),
        (set([("WECOM__SECRET", "sandbox-another")]), "wrong_secret", "wrong", "（40001）"),
        (meets(Fault::AddressNotAllowed), "address_refused", "wrong", "127.0.0.1"),
        (meets(Fault::TooManyRequests), "throttled", "unknown", "（45033）"),
        (meets(Fault::SystemError), "not_understood", "unknown", "（-1）"),
        (meets(Fault::Html), "not_understood", "unknown", "还不知道"),
        (set([("WECOM__BASE_URL", "http://127.0.0.1:1")]), "unreachable", "unknown", "连不上"),
    ];
    desk.finds(wecom::TOKEN, cases).await;
    // WeCom gives its token to any address.
    let asked = meets(Fault::AddressNotAllowed);
    let cases: Vec<Case> = vec![(asked, "address_refused", "wrong", "127.0.0.1")];
    desk.finds(wecom::MEMBER, cases).await;
}

async fn a_try_is_kept_audited_and_not_repeated_at_once(db: &TestDb) {
    let desk = Desk::open(db, "wechat_pay").await;
    let api = desk.world.api();
    let of = |health: &Value, provider: &str| {
        let keys = health["keys"].as_array().unwrap();
        keys.iter().find(|key| key["provider"] == provider).unwrap().clone()
    };
    let untried = of(&desk.member.get(HEALTH).await.body(200), "wechat_pay");
    assert_eq!((&untried["finding"], &untried["words"]), (&Value::Null, &json!("")));
    let both = tokio::join!(desk.asked(&api), desk.asked(&api));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
    let late = if both.0.status == 429 { both.0 } else { both.1 };
    late.problem("of two one is made", 429, "keys_tried_just_now");
    let finance = staff(&desk.world, "finance", "1002", "finance").await;
    let kept = of(&finance.get(HEALTH).await.body(200), "wechat_pay");
    assert_eq!(
        (&kept["finding"], &kept["tried_by"]),
        (&json!("works"), &json!("staff net, no. 1003"))
    );
    let path = format!("{HEALTH}/providers/wechat_pay/try");
    finance.post(&path, &json!({})).await.problem("finance reads", 403, "staff_right_missing");
    let path = format!("{HEALTH}/providers/nobody/try");
    desk.member.post(&path, &json!({})).await.problem("not configured", 404, "not_found");
    let auditor = staff(&desk.world, "audits", "1005", "auditor").await;
    let log = auditor.get("/api/v1/staff/audit?kind=policy").await.body(200);
    let entries: Vec<_> =
        log["items"].as_array().unwrap().iter().filter(|one| one["act"] == "keys.tried").collect();
    assert_eq!(entries.len(), 1, "{log}");
    assert_eq!(entries[0]["subject"], "keys wechat_pay");
    assert_eq!((&entries[0]["detail"], &entries[0]["who"]), (&json!("works"), &kept["tried_by"]));
}

async fn the_console_tries_keys(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, _) = Browser::of(&world, "net", "1003", &["network_center"]).await;
    let page = browser.get("/staff/health").await.with(200);
    for said in ["密钥试用", "没有试过", "微信登录", "试用微信支付", "试用支付宝"]
    {
        assert!(page.says(said), "{said}: {}", page.html);
    }
    let path = "/staff/health/providers/alipay/try";
    let sent = browser.submit(&page, path, &[]).await;
    let tried = browser.follow(&sent).await.with(200);
    for said in ["密钥已试用，结果见下", "通了", "net（1003）"] {
        assert!(tried.says(said), "{said}: {}", tried.html);
    }
    let again = browser.submit(&tried, path, &[]).await;
    assert!(browser.follow(&again).await.with(200).says("刚刚试过"));
    browser.submit(&tried, "/staff/health/providers/nobody/try", &[]).await.with(404);
    let (reader, _) = Browser::of(&world, "fin", "1002", &["finance"]).await;
    let read = reader.get("/staff/health").await.with(200);
    assert!(read.says("通了") && !read.says("/try"), "{}", read.html);
    let (auditor, _) = Browser::of(&world, "aud", "1004", &["auditor"]).await;
    let log = auditor.get("/staff/audit").await.with(200);
    assert!(log.says("试用密钥") && log.says("支付宝的密钥"), "{}", log.html);
}

async fn an_operator_tries_keys(db: &TestDb) {
    let world = World::start(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let (exit, out, err) = program.run(&["keys", "try", "--school", "xnec"]).await;
    assert_eq!(exit, 0, "{out}{err}");
    for said in [
        "alipay（支付宝）: 通了",
        "wechat（微信登录）: 通了",
        "wechat_pay（微信支付）: 通了",
        "wecom（企业微信）: 通了",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
    let (exit, _, err) = program.run(&["keys", "try", "--school", "xnec", "wechat"]).await;
    assert!(exit == 1 && err.contains("tried less than 10 s ago"), "{err}");
    world.rows.change("UPDATE key_trial SET started_at = 0", []).await;
    program.set("WECHAT__APP_SECRET", "sandbox-another");
    let (exit, out, _) = program.run(&["keys", "try", "--school", "xnec", "wechat"]).await;
    assert!(exit == 1 && out.contains("app_secret") && !out.contains("sandbox-another"), "{out}");
    let (exit, _, err) = program.run(&["keys", "try", "--school", "xnec", "nobody"]).await;
    assert!(exit == 1 && err.contains("no such provider is configured"), "{err}");
    let (exit, _, err) = program.run(&["keys", "try", "--school", "nowhere"]).await;
    assert!(exit == 1 && err.contains("there is no school nowhere"), "{err}");
}

/// It takes the connection and says nothing.
async fn a_provider_that_does_not_answer_holds_nothing(db: &TestDb) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let mut desk = Desk::open(db, "wechat_pay").await;
    let server = desk.world.serve_with(&[("WECHAT_PAY__BASE_URL", &base)]);
    let api = server.api();
    let tried = desk.asked(&api);
    let taken = tokio::task::spawn_blocking(move || (silent.accept().unwrap(), silent));
    let meanwhile = async {
        let held = taken.await.unwrap();
        // That it begins was committed before the provider was asked.
        assert_eq!(desk.world.rows.count("key_trial").await, 1);
        // Neither a transaction nor a lock waits with it: others read and write, and try another provider.
        let other = Member { api: api.clone(), ..desk.member.clone() };
        let path = format!("{HEALTH}/providers/wechat/try");
        let told = other.post(&path, &json!({})).await.body(200);
        let health = other.get(HEALTH).await.body(200);
        (told["finding"].clone(), health["keys"].clone(), held)
    };
    let (told, (other, keys, _held)) = tokio::join!(tried, meanwhile);
    assert_eq!(other, "works");
    let of = keys.as_array().unwrap().iter().find(|key| key["provider"] == "wechat_pay").unwrap();
    assert_eq!(of["finding"], Value::Null, "it is not known yet: {keys}");
    let told = told.body(200);
    assert_eq!((&told["finding"], &told["verdict"]), (&json!("timed_out"), &json!("unknown")));
    let words = told["words"].as_str().unwrap();
    assert!(words.contains("没有及时回答") && words.contains("还不知道"), "{words}");
    // Kept as it was found, and the next one is made.
    let (finance, _) = Browser::of(&desk.world, "fin", "1002", &["finance"]).await;
    let page = finance.get("/staff/health").await.with(200);
    assert!(page.says("没有及时回答"), "{}", page.html);
    desk.later().await;
    assert_eq!(desk.asked(&desk.world.api()).await.body(200)["finding"], "works");
}
