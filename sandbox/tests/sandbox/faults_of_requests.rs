//! Requests that go wrong on demand: what arrives, and what was done all the same.

use std::collections::HashSet;
use std::time::Duration;

use sandbox::faults::{FaultRefusal, RequestFault, RequestRule};
use sandbox::wechat::LOGIN;
use sandbox::wechat_pay::endpoints::{CLOSE, PREPAY, QUERY};
use serde_json::{Value, json};

use crate::support::World;

const NUMBER: &str = "FAULTY000001";
const NOTIFY: &str = "https://card.example.edu.cn/x";

/// What a merchant can tell of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Status, and the code if there is one.
    Refused(u16, &'static str),
    /// A success that cannot be believed: the signature is wrong, old, strange, or missing.
    Doubtful,
    /// A believable success that is no JSON.
    Nonsense,
    /// No whole answer.
    Nothing,
}

/// Fault, what comes of a prepay, and whether the order was made.
const PREPAYS: [(RequestFault, Seen, bool); 15] = [
    (RequestFault::TooManyRequests, Seen::Refused(429, "FREQUENCY_LIMITED"), false),
    (RequestFault::SystemError, Seen::Refused(500, "SYSTEM_ERROR"), false),
    (RequestFault::BadGateway, Seen::Refused(502, ""), false),
    (RequestFault::Unavailable, Seen::Refused(503, ""), false),
    (RequestFault::Html, Seen::Doubtful, false),
    (RequestFault::Garbage, Seen::Doubtful, false),
    (RequestFault::AnswerLost, Seen::Nothing, true),
    (RequestFault::SignedGarbage, Seen::Nonsense, true),
    (RequestFault::Unsigned, Seen::Doubtful, true),
    (RequestFault::AlteredBody, Seen::Doubtful, true),
    (RequestFault::WrongSignature, Seen::Doubtful, true),
    (RequestFault::SignatureProbe, Seen::Doubtful, true),
    (RequestFault::UnknownSerial, Seen::Doubtful, true),
    (RequestFault::Stale, Seen::Doubtful, true),
    (RequestFault::Future, Seen::Doubtful, true),
];

async fn prepay(world: &World) -> Seen {
    let body = world.order(NUMBER, NOTIFY).to_string();
    let claim = world.merchant.claim(world.now());
    let url = "/v3/pay/transactions/jsapi";
    let parcel = world.merchant.parcel(&claim, "POST", url, body.as_bytes());
    let Some(answer) = world.merchant.try_send(parcel).await else { return Seen::Nothing };
    let codes = ["FREQUENCY_LIMITED", "SYSTEM_ERROR"];
    if answer.status >= 300 {
        let code = codes.into_iter().find(|code| answer.text.contains(code)).unwrap_or_default();
        return Seen::Refused(answer.status, code);
    }
    let timely = answer.headers.get("wechatpay-timestamp") == Some(&world.now().to_string());
    if !timely || !world.merchant.believes(&answer.headers, &answer.text) {
        return Seen::Doubtful;
    }
    assert!(serde_json::from_str::<Value>(&answer.text).is_err(), "{}", answer.text);
    Seen::Nonsense
}

#[tokio::test]
async fn every_fault_of_a_prepay() {
    for (fault, seen, made) in PREPAYS {
        let world = World::start().await;
        let sandbox = world.sandbox();
        sandbox.faults.on_requests(RequestRule::new(PREPAY, fault), 1).unwrap();
        assert_eq!(prepay(&world).await, seen, "{fault:?}");
        assert_eq!(sandbox.wechat_pay.payment(NUMBER).is_some(), made, "{fault:?}");
        // The fault is used up, and asking again is harmless.
        world.prepay(&world.order(NUMBER, NOTIFY)).await;
        assert_eq!(sandbox.wechat_pay.payments(0, 9).1, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_time_out_does_nothing_and_says_nothing() {
    let world = World::start().await;
    let sandbox = world.sandbox();
    let rule = RequestRule::new(PREPAY, RequestFault::TimeOut);
    sandbox.faults.on_requests(rule, 1).unwrap();
    let mut prepay = Box::pin(prepay(&world));
    tokio::select! {
        seen = &mut prepay => panic!("answered: {seen:?}"),
        () = sandbox.requests.until(PREPAY, 1) => {}
    }
    let patience = Duration::from_millis(200);
    assert!(tokio::time::timeout(patience, prepay).await.is_err());
    assert!(sandbox.wechat_pay.payment(NUMBER).is_none());
    let asked = &sandbox.requests.log()[0];
    assert_eq!((asked.fault, asked.status), (Some(RequestFault::TimeOut), None));
}

#[tokio::test]
async fn faults_of_the_login_are_told_in_its_own_way() {
    let world = World::start().await;
    let sandbox = world.sandbox();
    let table = [
        (RequestFault::TooManyRequests, 200, json!(45011)),
        (RequestFault::SystemError, 200, json!(-1)),
        (RequestFault::BadGateway, 502, Value::Null),
        (RequestFault::Html, 200, Value::Null),
    ];
    for (fault, status, code) in table {
        sandbox.faults.on_requests(RequestRule::anywhere(fault), 1).unwrap();
        let answer = world.get("/sns/jscode2session").await;
        assert_eq!(answer.status(), status, "{fault:?}");
        let body = serde_json::from_str::<Value>(&answer.text().await.unwrap());
        assert_eq!(body.unwrap_or_default()["errcode"], code, "{fault:?}");
    }
    let unsigned = RequestRule::new(LOGIN, RequestFault::Unsigned);
    assert_eq!(sandbox.faults.on_requests(unsigned, 1), Err(FaultRefusal::Nowhere));
    // Nor is it taken by a login when it may happen anywhere.
    sandbox.faults.on_requests(RequestRule::anywhere(RequestFault::Unsigned), 1).unwrap();
    world.get("/sns/jscode2session").await;
    assert_eq!(prepay(&world).await, Seen::Doubtful);
}

/// Close and query, whose answers a merchant believes least of all.
#[tokio::test]
async fn a_close_is_done_though_its_answer_is_lost() {
    let world = World::start().await;
    let sandbox = world.sandbox();
    world.prepay(&world.order(NUMBER, NOTIFY)).await;
    let lost = RequestRule::new(CLOSE, RequestFault::AnswerLost);
    sandbox.faults.on_requests(lost, 1).unwrap();
    let url = format!("/v3/pay/transactions/out-trade-no/{NUMBER}/close");
    let body = json!({ "mchid": world.merchant.credentials.wechat_pay.mch_id }).to_string();
    let claim = world.merchant.claim(world.now());
    let parcel = world.merchant.parcel(&claim, "POST", &url, body.as_bytes());
    assert!(world.merchant.try_send(parcel).await.is_none());
    let stale = RequestRule::new(QUERY, RequestFault::Stale);
    sandbox.faults.on_requests(stale, 2).unwrap();
    let old = (world.now() - 600).to_string();
    for _ in 0..2 {
        let answer = world.merchant.query(NUMBER, world.now()).await;
        assert_eq!(answer.headers["wechatpay-timestamp"], old);
        assert!(world.merchant.believes(&answer.headers, &answer.text), "truly signed");
    }
    let answer = world.merchant.query(NUMBER, world.now()).await;
    assert_eq!(answer.headers["wechatpay-timestamp"], world.now().to_string());
    assert_eq!(answer.json()["trade_state"], "CLOSED");
}

#[tokio::test]
async fn endpoints_are_known_by_method_and_path() {
    let world = World::start().await;
    let requests = &world.sandbox().requests;
    let table = [
        ("GET", "/sns/jscode2session", Some("login")),
        ("POST", "/v3/pay/transactions/jsapi", Some("prepay")),
        ("GET", "/v3/pay/transactions/out-trade-no/1", Some("query")),
        ("GET", "/v3/pay/transactions/id/1", Some("query")),
        ("POST", "/v3/pay/transactions/out-trade-no/1/close", Some("close")),
        ("GET", "/v3/certificates", Some("certificates")),
        ("POST", "/v3/certificates", Some("other")),
        ("GET", "/v3/pay/transactions/jsapi", Some("other")),
        ("GET", "/sandbox/api/payments", None),
        ("GET", "/", None),
    ];
    for (method, path, name) in table {
        requests.forget();
        let url = format!("{}{path}", world.running.base_url());
        world.http.request(method.parse().unwrap(), url).send().await.unwrap();
        let asked = requests.log().pop().map(|asked| asked.endpoint.name());
        assert_eq!(asked, name, "{method} {path}");
    }
    let names: HashSet<_> = world.sandbox().endpoints().map(|endpoint| endpoint.name()).collect();
    assert_eq!(names.len(), world.sandbox().endpoints().count(), "two endpoints have one name");
}

#[tokio::test]
async fn what_was_asked_is_counted_and_written_down() {
    let world = World::start().await;
    let requests = &world.sandbox().requests;
    world.prepay(&world.order(NUMBER, NOTIFY)).await;
    world.merchant.query(NUMBER, world.now()).await;
    world.merchant.query("NEVERMADE001", world.now()).await;
    world.merchant.close(NUMBER, world.now()).await;
    world.get("/sandbox/api/payments").await;
    requests.until(QUERY, 2).await;
    let counts: Vec<_> = requests.counts().into_iter().collect();
    let expected = [(CLOSE, 1), (PREPAY, 1), (QUERY, 2)];
    assert_eq!(counts, expected);
    let about: Vec<_> =
        requests.about(NUMBER).into_iter().map(|asked| (asked.endpoint, asked.status)).collect();
    let expected = [(PREPAY, Some(200)), (QUERY, Some(200)), (CLOSE, Some(204))];
    assert_eq!(about, expected);
    let path = format!("/sandbox/api/requests?out_trade_no={NUMBER}");
    let told: Value = world.get(&path).await.json().await.unwrap();
    assert_eq!(
        (&told["counts"]["query"], &told["items"][0]["endpoint"]),
        (&json!(2), &json!("prepay"))
    );
    let url = format!("{}/sandbox/api/requests", world.running.base_url());
    assert_eq!(world.http.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(requests.count(QUERY), 0);
}

/// Over JSON and from the page's forms.
#[tokio::test]
async fn faults_are_ordered_from_outside() {
    let world = World::start().await;
    let api = "/sandbox/api/faults";
    let table = [
        ("requests", json!({ "on": "prepay", "fault": "system_error", "times": 2 }), 201),
        ("requests", json!({ "fault": "time_out" }), 201),
        ("requests", json!({ "on": "login", "fault": "unsigned" }), 400),
        ("requests", json!({ "fault": "system_error", "times": 0 }), 400),
        ("requests", json!({ "fault": "fire" }), 400),
        ("requests", json!({ "on": "gift", "fault": "system_error" }), 400),
        ("callbacks", json!({ "out_trade_no": NUMBER, "fault": "delay", "delay_ms": 500 }), 201),
        ("callbacks", json!({ "fault": "drop", "often": 2 }), 400),
    ];
    for (of, wanted, status) in table {
        let answer = world.post_json(&format!("{api}/{of}"), &wanted).await;
        assert_eq!(answer.status(), status, "{wanted}");
    }
    let form = [("on", "query"), ("fault", "html"), ("times", "3")];
    assert_eq!(world.post_form("/sandbox/faults/requests", &form).await.status(), 303);
    let form = [("out_trade_no", ""), ("fault", "twice"), ("delay_ms", "0"), ("times", "4")];
    assert_eq!(world.post_form("/sandbox/faults/callbacks", &form).await.status(), 303);
    let none = [("on", ""), ("fault", "html"), ("times", "0")];
    assert_eq!(world.post_form("/sandbox/faults/requests", &none).await.status(), 400);
    let active: Value = world.get(api).await.json().await.unwrap();
    let expected = json!({
        "requests": [
            { "id": 1, "on": "prepay", "fault": "system_error", "left": 2 },
            { "id": 2, "fault": "time_out", "left": 1 },
            { "id": 3, "on": "query", "fault": "html", "left": 3 },
        ],
        "callbacks": [
            { "id": 1, "out_trade_no": NUMBER, "fault": "delay", "delay_ms": 500, "left": 1 },
            { "id": 2, "fault": "twice", "delay_ms": 0, "left": 4 },
        ],
        "seeded": null,
    });
    assert_eq!(active, expected);
    let page = world.get("/sandbox").await.text().await.unwrap();
    for part in ["未处理，500 系统错误", "同时投递两次", "任何接口", "还剩"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(world.post_form("/sandbox/faults/clear", &[]).await.status(), 303);
    let active: Value = world.get(api).await.json().await.unwrap();
    assert_eq!(active, json!({ "requests": [], "callbacks": [], "seeded": null }));
}

/// What the first requests for a bill meet under a seed.
async fn drawn(world: &World, seed: u64) -> Vec<Value> {
    let url = |path| format!("{}{path}", world.running.base_url());
    world.http.delete(url("/sandbox/api/requests")).send().await.unwrap();
    let wanted = json!({ "seed": seed, "one_in": 2, "on": ["bill"] });
    let set = world.post_json("/sandbox/api/faults/seed", &wanted).await;
    assert_eq!(set.status(), 201);
    assert_eq!(set.json::<Value>().await.unwrap()["seeded"], wanted);
    for _ in 0..8 {
        // An answer that is lost is one, too.
        let _ = world.http.get(url("/v3/bill/tradebill")).send().await;
    }
    let log = world.get("/sandbox/api/requests").await.json::<Value>().await.unwrap();
    log["items"].as_array().unwrap().iter().map(|asked| asked["fault"].clone()).collect()
}

/// With seeds whose first faults are quick.
#[tokio::test]
async fn a_seed_draws_the_same_faults_again() {
    let world = World::start().await;
    let first = drawn(&world, 3).await;
    assert!(first.iter().any(Value::is_string) && first.iter().any(Value::is_null), "{first:?}");
    assert_eq!(drawn(&world, 3).await, first);
    assert_ne!(drawn(&world, 6).await, first);
    let faults = format!("{}/sandbox/api/faults", world.running.base_url());
    let cleared = world.http.delete(faults).send().await.unwrap();
    assert_eq!(cleared.json::<Value>().await.unwrap()["seeded"], Value::Null);
    for wrong in [json!({ "seed": 1, "one_in": 0 }), json!({ "seed": 1, "one_in": 1, "on": ["x"] })]
    {
        assert_eq!(world.post_json("/sandbox/api/faults/seed", &wrong).await.status(), 400);
    }
    let form = [("seed", "5"), ("one_in", "7")];
    assert_eq!(world.post_form("/sandbox/faults/seed", &form).await.status(), 303);
    let page = world.get("/sandbox").await.text().await.unwrap();
    assert!(page.contains("按种子 5 抽取") && page.contains("每 7 条一次"));
}
