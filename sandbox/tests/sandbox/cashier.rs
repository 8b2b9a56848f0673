use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Receiver, World, location};

const PATH: &str = "/sandbox/wechat-pay/cashier";
const NOTIFY: &str = "https://card.example.edu.cn/callbacks/wechat-pay";
const BACK: &str = "http://127.0.0.1:8080/#/pages/order";

type Call = Vec<(&'static str, String)>;

fn with(mut call: Call, name: &'static str, value: &str) -> Call {
    call.retain(|(known, _)| *known != name);
    call.push((name, value.to_owned()));
    call
}

async fn show(world: &World, call: &Call) -> (u16, String) {
    let url = format!("{}{PATH}", world.running.base_url());
    let response = world.http.get(url).query(call).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn act(world: &World, call: &Call, act: &'static str) -> reqwest::Response {
    let call = with(call.clone(), "act", act);
    let fields: Vec<_> = call.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.post_form(PATH, &fields).await
}

async fn call(world: &World, number: &str, notify_url: &str) -> Call {
    let prepay_id = world.prepay(&world.order(number, notify_url)).await;
    with(world.merchant.payment_call(&prepay_id, world.now()), "redirect_uri", BACK)
}

#[tokio::test]
async fn the_payer_sees_the_order_and_pays() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    let call = call(&world, "CASHIER000001", &receiver.notify_url).await;
    let (status, page) = show(&world, &call).await;
    assert_eq!(status, 200);
    for text in ["校园卡充值", "50.00", "林晓雨", "确认支付", "支付失败", "取消"]
    {
        assert!(page.contains(text), "{text}");
    }
    let pay = &world.sandbox().wechat_pay;
    for (button, result) in [("cancel", "cancel"), ("fail", "fail"), ("pay", "ok")] {
        let answer = act(&world, &call, button).await;
        assert_eq!(answer.status(), 303);
        let back = format!("http://127.0.0.1:8080/?pay_result={result}#/pages/order");
        assert_eq!(location(&answer), back);
    }
    let paid = pay.until("CASHIER000001", |payment| payment.accepted == 1).await;
    assert_eq!((paid.trade_state, paid.failures), ("SUCCESS", 1));
    let again = act(&world, &call, "pay").await;
    assert_eq!(again.status(), 400);
    assert!(again.text().await.unwrap().contains("已支付"));
}

#[tokio::test]
async fn what_wechat_would_refuse_opens_no_cashier() {
    let world = World::start().await;
    let good = call(&world, "CASHIER000002", NOTIFY).await;
    let unknown = world.merchant.payment_call("wx20260101100000unknown", world.now());
    let prepay_id = good.iter().find(|(name, _)| *name == "package").unwrap().1.clone();
    let bare = prepay_id.strip_prefix("prepay_id=").unwrap();
    let table = [
        (with(good.clone(), "pay_sign", "AAAA"), "签名"),
        (with(good.clone(), "nonce_str", "other"), "签名"),
        (with(good.clone(), "app_id", "wx0"), "签名"),
        (with(good.clone(), "time_stamp", "1767232801"), "签名"),
        (with(good.clone(), "time_stamp", "now"), "time_stamp"),
        (with(good.clone(), "sign_type", "MD5"), "sign_type"),
        (with(good.clone(), "package", bare), "package"),
        (with(unknown, "redirect_uri", BACK), "没有这个预支付单"),
        (with(good.clone(), "redirect_uri", "https://example.com/"), "redirect_uri"),
    ];
    for (call, reason) in table {
        let (status, page) = show(&world, &call).await;
        assert_eq!(status, 400, "{call:?}");
        assert!(page.contains(reason), "{reason}");
        assert_eq!(act(&world, &call, "pay").await.status(), 400, "{call:?}");
    }
    assert_eq!(world.sandbox().wechat_pay.payment("CASHIER000002").unwrap().trade_state, "NOTPAY");
}

#[tokio::test]
async fn a_prepay_id_opens_the_cashier_for_two_hours() {
    let world = World::start().await;
    let good = call(&world, "CASHIER000003", NOTIFY).await;
    world.clock.advance(TimeDelta::hours(2));
    assert_eq!(show(&world, &good).await.0, 200);
    world.clock.advance(TimeDelta::seconds(1));
    let (status, page) = show(&world, &good).await;
    assert_eq!(status, 400);
    assert!(page.contains("2 小时"));
    let fresh = call(&world, "CASHIER000003", NOTIFY).await;
    assert_eq!(show(&world, &fresh).await.0, 200);
}

#[tokio::test]
async fn nobody_pays_after_time_expire_or_close() {
    let world = World::start().await;
    let mut order = world.order("CASHIER000004", NOTIFY);
    order["time_expire"] = json!("2026-01-01T10:30:00+08:00");
    let prepay_id = world.prepay(&order).await;
    let late = world.merchant.payment_call(&prepay_id, world.now());
    let late = with(late, "redirect_uri", BACK);
    world.clock.advance(TimeDelta::minutes(30));
    assert_eq!(show(&world, &late).await.0, 200);
    world.clock.advance(TimeDelta::seconds(1));
    assert!(show(&world, &late).await.1.contains("期限"));

    let closed = call(&world, "CASHIER000005", NOTIFY).await;
    world.merchant.close("CASHIER000005", world.now()).await;
    assert!(show(&world, &closed).await.1.contains("已关闭"));
}
