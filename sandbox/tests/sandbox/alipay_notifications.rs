//! Notifications: what they say, what ends them, the schedule, and every fault.

use std::time::Duration;

use encoding_rs::GBK;
use sandbox::callbacks::{CallbackMode, CallbackState, MAX_SPEED, Repeat};
use sandbox::faults::{CallbackFault, CallbackRule};
use serde_json::json;

use crate::support::{AlipayWorld, Received, Receiver, Shop, decoded, field};

const NUMBER: &str = "NOTIFIED1";
/// 4m, 10m, 10m, 1h, 2h, 6h, 15h.
const WAITS: [u64; 7] = [240, 600, 600, 3600, 7200, 21_600, 54_000];

/// What the signature is over, built from the raw body by other means than the sandbox's.
fn signed_part(body: &str) -> Vec<u8> {
    let mut pairs = decoded(body);
    pairs.retain(|(key, _)| key != "sign" && key != "sign_type");
    pairs.sort();
    let parts = pairs.into_iter().map(|(key, value)| [key.as_bytes(), b"=", &value].concat());
    parts.collect::<Vec<_>>().join(&b'&')
}

fn believes(shop: &Shop, body: &str) -> bool {
    shop.believes(&signed_part(body), &field_lossy(body, "sign"))
}

fn field_lossy(body: &str, name: &str) -> String {
    let found = decoded(body).into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default()
}

/// A paid trade of which nobody was told.
async fn untold(receiver: &Receiver) -> AlipayWorld {
    let world = AlipayWorld::start().await;
    world.trade(NUMBER, &receiver.notify_url).await;
    world.alipay().drop_callbacks(NUMBER).unwrap();
    world.alipay().pay(NUMBER).unwrap();
    world
}

#[tokio::test]
async fn a_payment_is_notified_in_a_signed_form() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = AlipayWorld::start().await;
    let (shop, alipay) = (world.shop(), world.alipay());
    let made = world.trade(NUMBER, &receiver.notify_url).await;
    alipay.pay(NUMBER).unwrap();
    alipay.until(NUMBER, |trade| trade.accepted == 1).await;
    let letters = receiver.received();
    assert_eq!(letters.len(), 1);
    let Received { query, headers, body } = &letters[0];
    assert!(query.is_empty());
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
    assert!(believes(&shop, body), "{body}");
    let user = world.user(&shop);
    let expected = [
        ("notify_type", "trade_status_sync"),
        ("notify_time", "2026-01-01 10:00:00"),
        ("app_id", shop.credentials.app_id.as_str()),
        ("auth_app_id", &shop.credentials.app_id),
        ("seller_id", &shop.credentials.seller_id),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("sign_type", "RSA2"),
        ("trade_no", made["trade_no"].as_str().unwrap()),
        ("out_trade_no", NUMBER),
        ("buyer_id", &user.user_id),
        ("buyer_open_id", &user.open_id),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "20.00"),
        ("receipt_amount", "20.00"),
        ("buyer_pay_amount", "20.00"),
        ("subject", "校园卡充值"),
        ("gmt_create", "2026-01-01 10:00:00"),
        ("gmt_payment", "2026-01-01 10:00:00"),
        ("fund_bill_list", r#"[{"amount":"20.00","fundChannel":"ALIPAYACCOUNT"}]"#),
        ("refund_fee", ""),
        ("gmt_refund", ""),
    ];
    for (name, value) in expected {
        assert_eq!(field(body, name), value, "{name}");
    }
    assert_eq!(field(body, "notify_id").len(), 34);
}

/// Only the seven letters count, with status 200.
#[tokio::test]
async fn anything_but_success_is_tried_again_with_the_same_id() {
    let answers = [
        (200, "fail"),
        (200, "SUCCESS"),
        (200, "success\n"),
        (200, "\"success\""),
        (200, ""),
        (500, "success"),
        (302, "success"),
    ];
    let receiver = Receiver::saying(answers, (200, "success"));
    let world = AlipayWorld::start_with(|options| options.speed = MAX_SPEED).await;
    let alipay = world.alipay();
    world.trade(NUMBER, &receiver.notify_url).await;
    alipay.pay(NUMBER).unwrap();
    let told = alipay.until(NUMBER, |trade| trade.attempts == 8).await;
    assert_eq!((told.accepted, told.callback), (1, CallbackState::Accepted));
    let letters = receiver.received();
    let ids: Vec<_> = letters.iter().map(|letter| field(&letter.body, "notify_id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

/// Seven retries, each when its time has come and not one second before; then it is given up.
#[tokio::test]
async fn every_retry_waits_for_its_time() {
    let receiver = Receiver::saying([], (200, "fail"));
    let world = AlipayWorld::start_with(|options| options.speed = 0).await;
    let (alipay, callbacks) = (world.alipay(), &world.running.sandbox().callbacks);
    world.trade(NUMBER, &receiver.notify_url).await;
    alipay.pay(NUMBER).unwrap();
    for (tried, wait) in (1..).zip(WAITS) {
        alipay.until(NUMBER, |trade| trade.attempts == tried).await;
        callbacks.advance(Duration::from_secs(wait - 1));
        tokio::task::yield_now().await;
        assert_eq!(alipay.payment(NUMBER).unwrap().attempts, tried);
        callbacks.advance(Duration::from_secs(1));
    }
    alipay.until(NUMBER, |trade| trade.callback == CallbackState::GivenUp).await;
    assert_eq!(receiver.received().len(), 8);
}

#[tokio::test]
async fn a_trade_without_an_address_is_not_notified() {
    let world = AlipayWorld::start().await;
    let order = world.order(&world.shop(), "SILENT1");
    world.done("alipay.trade.create", &order).await;
    let trade = world.alipay().pay("SILENT1").unwrap();
    assert_eq!((trade.callback, trade.notify_url), (CallbackState::Waiting, None));
    assert!(world.alipay().deliver("SILENT1").is_err());
}

/// The gateway knows the encoding by the query and by the content type; otherwise it takes GBK.
#[tokio::test]
async fn a_request_that_hides_its_encoding_is_notified_in_gbk() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = AlipayWorld::start().await;
    let (shop, alipay) = (world.shop(), world.alipay());
    for (number, kind, expected) in [
        ("HIDDEN1", "application/x-www-form-urlencoded", "GBK"),
        ("HIDDEN2", "application/x-www-form-urlencoded; charset=utf-8", "utf-8"),
    ] {
        let order = world.order(&shop, number);
        let mut parameters = shop.parameters(&world, "alipay.trade.create", &order);
        parameters.insert("notify_url".to_owned(), receiver.notify_url.clone());
        let body = reqwest::Url::parse_with_params("http://x/", &shop.signed(parameters)).unwrap();
        let url = format!("{}/gateway.do", world.running.base_url());
        let body = body.query().unwrap().to_owned();
        world.http.post(url).header("Content-Type", kind).body(body).send().await.unwrap();
        alipay.pay(number).unwrap();
        alipay.until(number, |trade| trade.accepted == 1).await;
        let body = receiver.received().pop().unwrap().body;
        assert!(believes(&shop, &body));
        assert_eq!(field_lossy(&body, "charset"), expected);
    }
}

/// What a merchant finds out about a letter.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    /// The signature does not fit.
    Signature,
    /// It fits; these parameters say something else than the truth.
    Content(Vec<(&'static str, &'static str)>),
    /// A parameter comes twice.
    Repeated,
    /// Nothing is wrong with it.
    None,
}

fn flaw(shop: &Shop, truth: &str, body: &str) -> Flaw {
    let keys: Vec<_> = decoded(body).into_iter().map(|(key, _)| key).collect();
    if keys.iter().any(|key| keys.iter().filter(|other| *other == key).count() > 1) {
        return Flaw::Repeated;
    }
    if !believes(shop, body) {
        return Flaw::Signature;
    }
    let names = [
        "total_amount",
        "app_id",
        "seller_id",
        "buyer_id",
        "out_trade_no",
        "trade_no",
        "trade_status",
        "sign_type",
        "charset",
    ];
    let wrong = names.into_iter().filter(|name| field_lossy(body, name) != field(truth, name));
    let wrong: Vec<_> =
        wrong.map(|name| (name, &*Box::leak(field_lossy(body, name).into_boxed_str()))).collect();
    if wrong.is_empty() { Flaw::None } else { Flaw::Content(wrong) }
}

#[tokio::test]
async fn every_fault_of_a_letter() {
    let content = |name, value| Flaw::Content(vec![(name, value)]);
    let table = [
        (CallbackFault::Unsigned, Flaw::Signature),
        (CallbackFault::AlteredBody, Flaw::Signature),
        (CallbackFault::WrongSignature, Flaw::Signature),
        (CallbackFault::OtherKey, Flaw::Signature),
        (CallbackFault::ExtraParameter, Flaw::Signature),
        (CallbackFault::HtmlEscaped, Flaw::Signature),
        (CallbackFault::RepeatedParameter, Flaw::Repeated),
        (CallbackFault::SignTypeRsa, content("sign_type", "RSA")),
        (CallbackFault::OtherAmount, content("total_amount", "19.99")),
        (CallbackFault::OtherApp, content("app_id", "2021000000000000")),
        (CallbackFault::OtherSeller, content("seller_id", "2088000000000000")),
        (CallbackFault::OtherPayer, content("buyer_id", "2088000000000009")),
        (CallbackFault::OtherOrder, content("out_trade_no", "NEVERMADE0000000000000000000000")),
        (CallbackFault::OtherTransaction, content("trade_no", "2026010122001000000000000000")),
        (CallbackFault::NotPaid, content("trade_status", "WAIT_BUYER_PAY")),
        (CallbackFault::Gbk, content("charset", "GBK")),
        (CallbackFault::EmptyValue, Flaw::None),
        (CallbackFault::ExtraQuery, Flaw::None),
    ];
    let receiver = Receiver::saying([], (200, "success"));
    let world = untold(&receiver).await;
    let (shop, faults) = (world.shop(), &world.running.sandbox().faults);
    let repeat = async || world.alipay().repeat(NUMBER, Repeat::default()).await.unwrap();
    repeat().await;
    let truth = receiver.received()[0].body.clone();
    for (fault, expected) in table {
        faults.on_callbacks(CallbackRule::new(NUMBER, fault), 1).unwrap();
        repeat().await;
        let letter = receiver.received().pop().unwrap();
        assert_eq!(flaw(&shop, &truth, &letter.body), expected, "{fault:?}");
        assert_eq!(letter.query.is_empty(), fault != CallbackFault::ExtraQuery, "{fault:?}");
        let empty = letter.body.contains("voucher_detail_list=&")
            || letter.body.ends_with("voucher_detail_list=");
        assert_eq!(empty, fault == CallbackFault::EmptyValue, "{fault:?}");
        if fault == CallbackFault::Gbk {
            let (_, subject) =
                decoded(&letter.body).into_iter().find(|(key, _)| key == "subject").unwrap();
            assert_eq!(GBK.decode(&subject).0, "校园卡充值");
            assert!(letter.headers["content-type"].ends_with("charset=gbk"));
        }
    }
    assert!(faults.active_on_callbacks().is_empty());
}

/// How many letters arrive, and how many tries are counted.
#[tokio::test]
async fn what_goes_wrong_on_the_way_is_made_good_by_the_schedule() {
    let table = [
        (CallbackFault::Drop, 1, vec!["途中丢失", "200"]),
        (CallbackFault::AnswerLost, 2, vec!["应答丢失", "200"]),
        (CallbackFault::Twice, 2, vec!["200", "200"]),
        (CallbackFault::Delay, 1, vec!["200"]),
    ];
    for (fault, arrive, outcomes) in table {
        let receiver = Receiver::saying([], (200, "success"));
        let world = untold(&receiver).await;
        let sandbox = world.running.sandbox();
        sandbox.callbacks.set_speed(MAX_SPEED);
        let rule = CallbackRule { delay_ms: 3_600_000, ..CallbackRule::any(fault) };
        sandbox.faults.on_callbacks(rule, 1).unwrap();
        world.alipay().deliver(NUMBER).unwrap();
        let wanted = u32::try_from(outcomes.len()).unwrap();
        world.alipay().until(NUMBER, |trade| trade.attempts == wanted).await;
        assert_eq!(receiver.received().len(), arrive, "{fault:?}");
        let tries = world.alipay().deliveries_of(NUMBER).into_iter();
        let seen: Vec<_> = tries.map(|delivery| delivery.outcome.to_string()).collect();
        assert_eq!(seen, outcomes, "{fault:?}");
    }
}

/// Faults of WeChat Pay do not happen here.
#[tokio::test]
async fn faults_of_other_providers_stay_with_them() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = untold(&receiver).await;
    let faults = &world.running.sandbox().faults;
    for fault in [CallbackFault::SignatureProbe, CallbackFault::Stale, CallbackFault::OtherCurrency]
    {
        faults.on_callbacks(CallbackRule::any(fault), 1).unwrap();
    }
    world.alipay().repeat(NUMBER, Repeat::default()).await.unwrap();
    assert!(believes(&world.shop(), &receiver.received()[0].body));
    assert_eq!(faults.active_on_callbacks().len(), 3);
}

#[tokio::test]
async fn copies_have_ids_of_their_own_on_demand_and_held_ones_are_released() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = AlipayWorld::start_with(|options| options.callbacks = CallbackMode::Manual).await;
    let alipay = world.alipay();
    world.trade(NUMBER, &receiver.notify_url).await;
    assert_eq!(alipay.pay(NUMBER).unwrap().callback, CallbackState::Held);
    let path = format!("/sandbox/api/alipay/payments/{NUMBER}/repeat");
    let how = json!({ "times": 4, "parallel": 4, "fresh_id": true });
    let (status, tally) = world.post_json(&path, &how).await;
    assert_eq!((status, &tally["accepted"]), (200, &json!(4)));
    let letters = receiver.received();
    let ids: std::collections::HashSet<_> =
        letters.iter().map(|letter| field(&letter.body, "notify_id")).collect();
    assert_eq!(ids.len(), 4);
    assert!(letters.iter().all(|letter| believes(&world.shop(), &letter.body)));
}
