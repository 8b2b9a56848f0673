//! WeChat's server API: tokens, phone numbers, subscribe messages, delivered orders.

use chrono::TimeDelta;
use reqwest::Response;
use sandbox::faults::{RequestFault, RequestRule};
use sandbox::wechat::{MESSAGE, TOKEN};
use serde_json::{Value, json};

use crate::support::{Receiver, World};

const TEMPLATE: &str = "sandbox-credited-template";

async fn json_of(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

async fn call(world: &World, path: &str, token: &str, body: &Value) -> Value {
    let path = format!("{path}?access_token={token}");
    json_of(world.post_json(&path, body).await).await
}

fn wanted(world: &World) -> Value {
    let app = &world.merchant.credentials.wechat;
    json!({
        "grant_type": "client_credential", "appid": app.app_id, "secret": app.app_secret,
        "force_refresh": false,
    })
}

async fn ask_token(world: &World, body: &Value) -> Value {
    json_of(world.post_json("/cgi-bin/stable_token", body).await).await
}

async fn token(world: &World) -> String {
    let told = ask_token(world, &wanted(world)).await;
    told["access_token"].as_str().unwrap().to_owned()
}

fn message(world: &World) -> Value {
    json!({
        "touser": world.openid(), "template_id": TEMPLATE, "page": "pages/order/index?id=1",
        "data": {
            "amount1": { "value": "¥50.00" }, "time2": { "value": "2026年1月1日 10:00" },
            "thing3": { "value": "电子账户充值" }, "character_string4": { "value": "1" },
        },
        "miniprogram_state": "formal", "lang": "zh_CN",
    })
}

async fn send(world: &World, token: &str, body: &Value) -> i64 {
    let told = call(world, "/cgi-bin/message/subscribe/send", token, body).await;
    told["errcode"].as_i64().unwrap()
}

fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name)
    } else {
        parent.insert(name.to_owned(), value)
    };
    body
}

#[tokio::test]
async fn a_token_stays_the_same_until_its_last_minutes() {
    let world = World::start().await;
    let first = ask_token(&world, &wanted(&world)).await;
    assert_eq!(first["expires_in"], 7200);
    world.clock.advance(TimeDelta::seconds(6900));
    let same = ask_token(&world, &wanted(&world)).await;
    assert_eq!((&same["access_token"], &same["expires_in"]), (&first["access_token"], &json!(300)));
    world.clock.advance(TimeDelta::seconds(1));
    let second = ask_token(&world, &wanted(&world)).await;
    assert_ne!(second["access_token"], first["access_token"]);
    let good = |token: &Value| token["access_token"].as_str().unwrap().to_owned();
    world.sandbox().wechat.set_consents(sandbox::wechat::Consents::Always);
    for token in [&first, &second] {
        assert_eq!(send(&world, &good(token), &message(&world)).await, 0, "both are good");
    }
    world.clock.advance(TimeDelta::seconds(299));
    assert_eq!(send(&world, &good(&first), &message(&world)).await, 42001);
    let forced = with(&wanted(&world), "/force_refresh", json!(true));
    ask_token(&world, &forced).await;
    assert_eq!(send(&world, &good(&second), &message(&world)).await, 40001);
    assert_eq!(send(&world, "", &message(&world)).await, 41001);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_a_token_has_its_number() {
    let world = World::start().await;
    for (pointer, value, code) in [
        ("/grant_type", json!("authorization_code"), 40002),
        ("/appid", json!(""), 41002),
        ("/appid", json!("wx0"), 40013),
        ("/secret", json!(""), 41004),
        ("/secret", json!("wrong"), 40125),
        ("/extra", json!(1), 47001),
    ] {
        let told = ask_token(&world, &with(&wanted(&world), pointer, value)).await;
        assert_eq!(told["errcode"], code, "{pointer}");
    }
    let url = format!("{}/cgi-bin/stable_token", world.running.base_url());
    assert_eq!(json_of(world.http.get(url).send().await.unwrap()).await["errcode"], 43002);
}

#[tokio::test]
async fn a_phone_code_is_good_once_in_its_app_for_five_minutes() {
    const PATH: &str = "/wxa/business/getuserphonenumber";
    let world = World::start().await;
    let token = token(&world).await;
    let code = async || {
        let made = world.post_json("/sandbox/wechat/phone-codes", &json!({ "user": 3 })).await;
        assert_eq!(made.status(), 201);
        made.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned()
    };
    let first = code().await;
    let told = call(&world, PATH, &token, &json!({ "code": first })).await;
    assert_eq!(told["errcode"], 0);
    let info = &told["phone_info"];
    assert_eq!(info["purePhoneNumber"], "13900000003");
    assert_eq!(info["watermark"]["timestamp"], world.now());
    assert_eq!(info["watermark"]["appid"], world.merchant.credentials.wechat.app_id);
    let again = call(&world, PATH, &token, &json!({ "code": first })).await;
    assert_eq!(again["errcode"], 40029);
    let late = code().await;
    world.clock.advance(TimeDelta::seconds(301));
    assert_eq!(call(&world, PATH, &token, &json!({ "code": late })).await["errcode"], 40029);
    let login = world.post_json("/sandbox/wechat/codes", &json!({ "user": 3 })).await;
    let login = login.json::<Value>().await.unwrap();
    let told = call(&world, PATH, &token, &json!({ "code": login["code"] })).await;
    assert_eq!(told["errcode"], 40029, "a login's code is another");
    assert_eq!(call(&world, PATH, &token, &json!({})).await["errcode"], 47001);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_has_its_number() {
    let world = World::start().await;
    let (token, good) = (token(&world).await, message(&world));
    for (pointer, value, code) in [
        ("/touser", json!("o-unknown"), 40003),
        ("/touser", json!(""), 40003),
        ("/template_id", json!("unknown"), 40037),
        ("/page", json!("order"), 41030),
        ("/miniprogram_state", json!("released"), 47001),
        ("/miniprogram_state", Value::Null, 47001),
        ("/lang", Value::Null, 47001),
        ("/extra", json!(1), 47001),
        ("/data/thing3", Value::Null, 47003),
        ("/data/thing3/value", json!("二".repeat(21)), 47003),
        ("/data/thing3/value", json!(""), 47003),
        ("/data/amount1/value", json!("fifty"), 47003),
        ("/data/time2/value", json!("2026-01-01T10:00:00+08:00"), 47003),
        ("/data/character_string4/value", json!("订单"), 47003),
        ("/data/thing9", json!({ "value": "x" }), 47003),
    ] {
        assert_eq!(send(&world, &token, &with(&good, pointer, value)).await, code, "{pointer}");
    }
    assert_eq!(send(&world, &token, &good).await, 43101, "nobody agreed");
    let grant = json!({ "user": 0, "template_id": TEMPLATE, "times": 2 });
    assert_eq!(world.post_json("/sandbox/api/wechat/grants", &grant).await.status(), 201);
    for code in [0, 0, 43101] {
        assert_eq!(send(&world, &token, &good).await, code);
    }
    let settings = json!({ "consents": "always", "quota": 1 });
    let set = world.post_json("/sandbox/api/wechat/messages/settings", &settings).await;
    assert_eq!(set.json::<Value>().await.unwrap(), settings);
    for code in [0, 45009] {
        assert_eq!(send(&world, &token, &good).await, code);
    }
    let url = format!("{}/sandbox/api/wechat/messages", world.running.base_url());
    let shown: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown["items"].as_array().unwrap().len(), 3);
    assert_eq!(shown["items"][0]["data"]["amount1"], "¥50.00");
}

#[tokio::test]
async fn a_payment_is_told_to_be_delivered_and_once_more_at_most() {
    const PATH: &str = "/wxa/sec/order/upload_shipping_info";
    let (world, receiver) = (World::start().await, Receiver::start(&[]));
    world.prepay(&world.order("SHIPPED0001", &receiver.notify_url)).await;
    let token = token(&world).await;
    let mut body = json!({
        "order_key": { "order_number_type": 1, "out_trade_no": "SHIPPED0001",
            "mchid": world.merchant.credentials.wechat_pay.mch_id },
        "logistics_type": 3, "delivery_mode": 1,
        "shipping_list": [{ "item_desc": "校园卡电子账户充值" }],
        "upload_time": "2026-01-01T10:00:00.000+08:00",
        "payer": { "openid": world.openid() },
    });
    let told = async |body: &Value| call(&world, PATH, &token, body).await["errcode"].clone();
    assert_eq!(told(&body).await, 10_060_001, "not paid");
    let paid = world.sandbox().wechat_pay.pay("SHIPPED0001").unwrap();
    body["order_key"] =
        json!({ "order_number_type": 2, "transaction_id": paid.transaction_id.unwrap() });
    for (pointer, value, code) in [
        ("/order_key/order_number_type", json!(3), 47001),
        ("/order_key/transaction_id", json!("4200"), 10_060_001),
        ("/logistics_type", json!(5), 10_060_005),
        ("/delivery_mode", json!(2), 10_060_006),
        ("/shipping_list", json!([]), 10_060_006),
        ("/upload_time", json!("2026-01-01T10:00:00+08:00"), 268_485_216),
        ("/payer/openid", json!("o-other"), 10_060_031),
        ("/payer", Value::Null, 47001),
    ] {
        assert_eq!(told(&with(&body, pointer, value)).await, code, "{pointer}");
    }
    let changed = with(&body, "/shipping_list", json!([{ "item_desc": "充值" }]));
    assert_eq!(told(&body).await, 0);
    assert_eq!(told(&body).await, 10_060_023);
    assert_eq!(told(&changed).await, 0);
    assert_eq!(told(&body).await, 10_060_003);
    assert_eq!(world.sandbox().wechat.shipments()[0].times, 2);
}

#[tokio::test]
async fn what_goes_wrong_on_demand_has_wechats_form() {
    let world = World::start().await;
    let token = token(&world).await;
    for (fault, code) in [(RequestFault::TooManyRequests, 45011), (RequestFault::SystemError, -1)] {
        for endpoint in [MESSAGE, TOKEN] {
            let rule = RequestRule::new(endpoint, fault);
            world.sandbox().faults.on_requests(rule, 1).unwrap();
        }
        assert_eq!(send(&world, &token, &message(&world)).await, code);
        assert_eq!(ask_token(&world, &wanted(&world)).await["errcode"], code);
    }
    let unsigned = RequestRule::new(MESSAGE, RequestFault::WrongSignature);
    assert!(world.sandbox().faults.on_requests(unsigned, 1).is_err());
}
