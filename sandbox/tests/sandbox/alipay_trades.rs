//! Codes, trades, queries and closes.

use chrono::TimeDelta;
use sandbox::alipay::Identities;
use serde_json::{Value, json};

use crate::support::{AlipayWorld, Receiver};

const TOKEN: &str = "alipay.system.oauth.token";
const CREATE: &str = "alipay.trade.create";
const QUERY: &str = "alipay.trade.query";
const CLOSE: &str = "alipay.trade.close";
const NOTIFY: &str = "https://card.example.edu.cn/callbacks/csmzxy/alipay";

async fn exchange(world: &AlipayWorld, code: &str) -> Value {
    let shop = world.shop();
    let mut parameters = shop.parameters(world, TOKEN, &Value::Null);
    parameters.insert("grant_type".to_owned(), "authorization_code".to_owned());
    parameters.insert("code".to_owned(), code.to_owned());
    shop.send(shop.signed(parameters)).await.json()
}

#[tokio::test]
async fn a_code_is_good_once_for_three_minutes_in_its_app() {
    let world = AlipayWorld::start().await;
    let alipay = world.alipay();
    let user = alipay.user(7).unwrap();
    let now = world.running.sandbox().clock.now();
    let code = alipay.issue_code(&user, now);
    assert_eq!(code.len(), 32);
    let told = exchange(&world, &code).await;
    let node = &told["alipay_system_oauth_token_response"];
    assert!(node.get("code").is_none(), "a token's answer has no code: {node}");
    assert_eq!((&node["user_id"], &node["open_id"]), (&json!(user.user_id), &json!(user.open_id)));
    assert_eq!(node["expires_in"], "1296000");

    let sub_code = |told: Value| told["error_response"]["sub_code"].as_str().unwrap().to_owned();
    assert_eq!(sub_code(exchange(&world, &code).await), "isv.code-invalid", "again");
    assert_eq!(sub_code(exchange(&world, "").await), "isv.code-invalid");
    let elsewhere = world.shop_at("ynart").credentials.app_id;
    let other = alipay.issue_code(&alipay.user_of(&elsewhere, 7).unwrap(), now);
    assert_eq!(sub_code(exchange(&world, &other).await), "isv.unmatched-app-id");
    let late = alipay.issue_code(&user, now);
    world.clock.advance(TimeDelta::seconds(181));
    let told = exchange(&world, &late).await;
    assert!(told.get("sign").is_some(), "a refused code is answered with a signature");
    assert_eq!(sub_code(told), "isv.code-invalid");
}

/// Which ids an app is told, and which it may name a buyer by.
#[tokio::test]
async fn apps_know_user_ids_open_ids_or_both() {
    let world = AlipayWorld::start().await;
    let (alipay, shop) = (world.alipay(), world.shop());
    let app_id = &shop.credentials.app_id;
    let user = alipay.user(0).unwrap();
    let table = [
        (Identities::Both, true, true),
        (Identities::OpenId, false, true),
        (Identities::UserId, true, false),
    ];
    for (place, (identities, by_user_id, by_open_id)) in table.into_iter().enumerate() {
        alipay.set_identities(app_id, identities).unwrap();
        let code = alipay.issue_code(&user, world.running.sandbox().clock.now());
        let told = exchange(&world, &code).await;
        let node = &told["alipay_system_oauth_token_response"];
        assert_eq!(node.get("user_id").is_some(), by_user_id, "{identities:?}");
        assert_eq!(node.get("open_id").is_some(), by_open_id, "{identities:?}");
        let ways =
            [("buyer_id", &user.user_id, by_user_id), ("buyer_open_id", &user.open_id, by_open_id)];
        for (name, id, good) in ways {
            let number = format!("IDS{place}{name}");
            let mut order = world.order(&shop, &number);
            order.as_object_mut().unwrap().remove("buyer_id");
            order[name] = json!(id);
            let told = shop.call(&world, CREATE, &order).await.node(&shop, CREATE);
            let expected = if good { "10000" } else { "40004" };
            assert_eq!(told["code"], expected, "{identities:?} {name}");
        }
        let shown = world
            .done(
                QUERY,
                &json!({ "out_trade_no": format!("IDS{place}{}",
            if by_user_id { "buyer_id" } else { "buyer_open_id" }) }),
            )
            .await;
        assert_eq!(shown.get("buyer_user_id").is_some(), by_user_id, "{identities:?}");
        assert_eq!(shown.get("buyer_open_id").is_some(), by_open_id, "{identities:?}");
    }
}

#[tokio::test]
async fn a_trade_is_made_once_paid_once_and_answers_to_queries() {
    let world = AlipayWorld::start().await;
    let receiver = Receiver::saying([], (200, "success"));
    let made = world.trade("JOURNEY1", &receiver.notify_url).await;
    let again = world.trade("JOURNEY1", &receiver.notify_url).await;
    assert_eq!(made["trade_no"], again["trade_no"], "the same content is the same trade");
    assert_eq!(made["trade_no"].as_str().unwrap().len(), 28);
    let shown = world.done(QUERY, &json!({ "out_trade_no": "JOURNEY1" })).await;
    assert_eq!(shown["trade_status"], "WAIT_BUYER_PAY");
    assert_eq!(
        (&shown["total_amount"], &shown["receipt_amount"]),
        (&json!("20.00"), &json!("0.00"))
    );
    assert!(shown.get("send_pay_date").is_none());

    let mut other = world.order(&world.shop(), "JOURNEY1");
    other["total_amount"] = json!("20.01");
    assert_eq!(world.refused(CREATE, &other).await, "ACQ.CONTEXT_INCONSISTENT");

    let alipay = world.alipay();
    assert_eq!(alipay.fail("JOURNEY1").unwrap().failures, 1);
    assert_eq!(alipay.pay("JOURNEY1").unwrap().trade_status, "TRADE_SUCCESS");
    assert!(alipay.pay("JOURNEY1").is_err() && alipay.fail("JOURNEY1").is_err());
    alipay.until("JOURNEY1", |trade| trade.accepted == 1).await;
    assert_eq!(receiver.received().len(), 1);
    let by_number = json!({ "trade_no": made["trade_no"], "query_options": ["fund_bill_list"] });
    let shown = world.done(QUERY, &by_number).await;
    assert_eq!(shown["trade_status"], "TRADE_SUCCESS");
    assert_eq!(shown["send_pay_date"], "2026-01-01 10:00:00");
    assert_eq!(shown["fund_bill_list"][0]["fund_channel"], "ALIPAYACCOUNT");
    assert_eq!(shown["receipt_amount"], "20.00");
    let order = world.order(&world.shop(), "JOURNEY1");
    assert_eq!(world.refused(CREATE, &order).await, "ACQ.TRADE_HAS_SUCCESS");
    let number = json!({ "out_trade_no": "JOURNEY1" });
    assert_eq!(world.refused(CLOSE, &number).await, "ACQ.TRADE_STATUS_ERROR");
    assert_eq!(world.refused("alipay.trade.cancel", &number).await, "ACQ.CANCEL_NOT_ALLOWED");
}

#[tokio::test]
async fn a_closed_or_expired_trade_is_paid_no_more() {
    let world = AlipayWorld::start().await;
    let alipay = world.alipay();
    world.trade("CLOSED1", NOTIFY).await;
    let number = json!({ "out_trade_no": "CLOSED1" });
    assert!(world.done(CLOSE, &number).await["trade_no"].is_string());
    assert_eq!(world.refused(CLOSE, &number).await, "ACQ.REASON_TRADE_STATUS_INVALID");
    assert_eq!(alipay.pay("CLOSED1").unwrap_err().to_string(), "交易已关闭");
    let order = world.order(&world.shop(), "CLOSED1");
    assert_eq!(world.refused(CREATE, &order).await, "ACQ.TRADE_HAS_CLOSE");
    assert_eq!(
        world.refused(QUERY, &json!({ "out_trade_no": "NONE" })).await,
        "ACQ.TRADE_NOT_EXIST"
    );
    assert_eq!(
        world.refused(CLOSE, &json!({ "out_trade_no": "NONE" })).await,
        "ACQ.TRADE_NOT_EXIST"
    );
    assert_eq!(world.refused(QUERY, &json!({})).await, "ACQ.INVALID_PARAMETER");

    let table = [
        ("EXPIRES1", json!({ "timeout_express": "15m" }), 15 * 60),
        ("EXPIRES2", json!({ "time_expire": "2026-01-01 10:05:00", "timeout_express": "1d" }), 300),
        ("EXPIRES3", json!({}), 3 * 3600),
    ];
    for (number, limits, seconds) in table {
        let mut order = world.order(&world.shop(), number);
        order.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        world.done(CREATE, &order).await;
        let trade = alipay.payment(number).unwrap();
        assert_eq!((trade.pay_by - trade.created_at).num_seconds(), seconds, "{number}");
    }
    world.clock.advance(TimeDelta::seconds(15 * 60 + 1));
    assert_eq!(alipay.pay("EXPIRES1").unwrap_err().to_string(), "已超过交易的支付期限");
    let shown = world.done(QUERY, &json!({ "out_trade_no": "EXPIRES1" })).await;
    assert_eq!(shown["trade_status"], "TRADE_CLOSED");
    assert!(shown.get("send_pay_date").is_none(), "never paid");
    alipay.pay("EXPIRES3").unwrap();
}

/// A field that is changed, and the refusal.
#[tokio::test]
async fn every_rule_of_a_trade() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    let stranger = format!("2088{}", "9".repeat(12));
    let long = "x".repeat(65);
    let table = [
        ("out_trade_no", json!(long), "ACQ.INVALID_PARAMETER"),
        ("out_trade_no", json!("with-dash"), "ACQ.INVALID_PARAMETER"),
        ("out_trade_no", Value::Null, "ACQ.INVALID_PARAMETER"),
        ("total_amount", json!("20"), "ACQ.INVALID_PARAMETER"),
        ("total_amount", json!("0.00"), "ACQ.INVALID_PARAMETER"),
        ("total_amount", json!("100000000.01"), "ACQ.INVALID_PARAMETER"),
        ("total_amount", json!(20), "ACQ.INVALID_PARAMETER"),
        ("subject", json!("a=b&c"), "ACQ.INVALID_PARAMETER"),
        ("subject", json!(""), "ACQ.INVALID_PARAMETER"),
        ("subject", json!("x".repeat(257)), "ACQ.INVALID_PARAMETER"),
        ("passback_params", json!("x".repeat(513)), "ACQ.INVALID_PARAMETER"),
        ("product_code", json!("QUICK_MSECURITY_PAY"), "ACQ.INVALID_PARAMETER"),
        ("timeout_express", json!("1.5h"), "ACQ.INVALID_PARAMETER"),
        ("time_expire", json!("2026-01-01T10:05:00"), "ACQ.INVALID_PARAMETER"),
        ("time_expire", json!("2026-01-01 10:00:00"), "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
        ("buyer_id", json!(stranger), "ACQ.INVALID_PARAMETER"),
        ("buyer_id", json!(shop.credentials.seller_id), "ACQ.BUYER_SELLER_EQUAL"),
        ("buyer_id", json!(world.user(&shop).open_id), "ACQ.INVALID_PARAMETER"),
        ("buyer_open_id", json!(world.user(&shop).open_id), "ACQ.INVALID_PARAMETER"),
        ("seller_id", json!("2088000000000000"), "ACQ.INVALID_RECEIVE_ACCOUNT"),
        ("op_app_id", json!("2021000000000000"), "ACQ.UNBOUND_APPLICATION"),
        ("unknown", json!("x"), "ACQ.INVALID_PARAMETER"),
    ];
    for (name, value, sub_code) in table {
        let mut order = world.order(&shop, "RULES1");
        order[name] = value.clone();
        assert_eq!(world.refused(CREATE, &order).await, sub_code, "{name}: {value}");
    }
    let mut both = world.order(&shop, "RULES1");
    both["enable_pay_channels"] = json!("balance");
    both["disable_pay_channels"] = json!("credit_group");
    assert_eq!(world.refused(CREATE, &both).await, "ACQ.INVALID_PARAMETER");
    assert!(world.alipay().payment("RULES1").is_none());
}

/// Another app neither sees nor closes the trade, and may use its number again.
#[tokio::test]
async fn a_trade_belongs_to_one_app() {
    let world = AlipayWorld::start().await;
    let made = world.trade("SHARED1", NOTIFY).await;
    let other = world.shop_at("hbgyzy");
    for content in [json!({ "out_trade_no": "SHARED1" }), json!({ "trade_no": made["trade_no"] })] {
        for method in [QUERY, CLOSE] {
            let node = other.call(&world, method, &content).await.node(&other, method);
            assert_eq!(node["sub_code"], "ACQ.TRADE_NOT_EXIST");
        }
    }
    let order = world.order(&other, "SHARED1");
    let node = other.call(&world, CREATE, &order).await.node(&other, CREATE);
    assert_ne!(node["trade_no"], made["trade_no"]);
}
