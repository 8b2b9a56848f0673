//! The pages that take the place of the phone, and the control page and API.

use serde_json::{Value, json};

use crate::support::{AlipayWorld, Receiver, location};

const BACK: &str = "http://127.0.0.1:8080/#/pages/login";
const NOTIFY: &str = "https://card.example.edu.cn/x";

#[tokio::test]
async fn a_browser_signs_in_as_a_demo_user() {
    let world = AlipayWorld::start().await;
    let page = world
        .get(&format!("/sandbox/alipay/sign-in?redirect_uri={}", BACK.replace('#', "%23")))
        .await;
    let text = page.text().await.unwrap();
    assert!(text.contains("林晓雨") && text.contains(&world.alipay().user(0).unwrap().user_id));
    let form = [("redirect_uri", BACK), ("user", "0")];
    let answer = world.post_form("/sandbox/alipay/sign-in", &form).await;
    let target = location(&answer);
    assert_eq!(answer.status(), 303);
    assert!(
        target.starts_with("http://127.0.0.1:8080/?code=") && target.ends_with("#/pages/login")
    );
    let app_id = world.shop_at("ynart").credentials.app_id;
    let form = [("redirect_uri", BACK), ("user", "0"), ("app_id", app_id.as_str())];
    assert!(location(&world.post_form("/sandbox/alipay/sign-in", &form).await).contains(&app_id));

    for (uri, app_id) in [("https://example.com/", ""), (BACK, "2021000000000000")] {
        let uri = uri.replace('#', "%23");
        let path = format!("/sandbox/alipay/sign-in?redirect_uri={uri}&app_id={app_id}");
        assert_eq!(world.get(&path).await.status(), 400, "{path}");
        let form = [("redirect_uri", uri.as_str()), ("user", "0"), ("app_id", app_id)];
        assert_eq!(world.post_form("/sandbox/alipay/sign-in", &form).await.status(), 400);
    }
    let form = [("redirect_uri", BACK), ("user", "100000")];
    assert_eq!(world.post_form("/sandbox/alipay/sign-in", &form).await.status(), 400);
}

#[tokio::test]
async fn codes_are_made_without_a_page() {
    let world = AlipayWorld::start().await;
    let user = world.alipay().user(4).unwrap();
    for wanted in [json!(4), json!(user.user_id), json!(user.open_id)] {
        let body = json!({ "user": wanted, "app_id": "" });
        let (status, made) = world.post_json("/sandbox/alipay/codes", &body).await;
        assert_eq!((status, &made["user"]["name"]), (201, &json!("周书瑶")), "{wanted}");
        assert_eq!(made["code"].as_str().unwrap().len(), 32);
    }
    let none = json!({ "user": "2088000000000000" });
    assert_eq!(world.post_json("/sandbox/alipay/codes", &none).await.0, 404);
}

#[tokio::test]
async fn the_cashier_pays_fails_or_cancels_and_leads_back() {
    let world = AlipayWorld::start().await;
    let made = world.trade("CASHIER1", NOTIFY).await;
    let trade_no = made["trade_no"].as_str().unwrap();
    let app_id = world.shop().credentials.app_id;
    let path = format!(
        "/sandbox/alipay/cashier?app_id={app_id}&trade_no={trade_no}&redirect_uri=http://localhost/"
    );
    let page = world.get(&path).await.text().await.unwrap();
    assert!(page.contains("20.00") && page.contains("林晓雨") && page.contains("CASHIER1"));
    for (act, result, status) in [
        ("cancel", "cancel", "WAIT_BUYER_PAY"),
        ("fail", "fail", "WAIT_BUYER_PAY"),
        ("pay", "ok", "TRADE_SUCCESS"),
    ] {
        let form = [("trade_no", trade_no), ("redirect_uri", "http://localhost/"), ("act", act)];
        let target = location(&world.post_form("/sandbox/alipay/cashier", &form).await);
        assert_eq!(target, format!("http://localhost/?pay_result={result}"));
        assert_eq!(world.alipay().payment("CASHIER1").unwrap().trade_status, status, "{act}");
    }
    assert_eq!(world.alipay().payment("CASHIER1").unwrap().failures, 1);
    let refused = world.get(&path).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("交易已支付"));
    let unknown =
        world.get("/sandbox/alipay/cashier?trade_no=1&redirect_uri=http://localhost/").await;
    assert!(unknown.text().await.unwrap().contains("没有这笔交易"));
    let elsewhere =
        format!("/sandbox/alipay/cashier?trade_no={trade_no}&redirect_uri=http://a.example/");
    assert_eq!(world.get(&elsewhere).await.status(), 400);
}

/// The buttons of the page and the control API do the same.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn everything_on_the_control_page_works() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = AlipayWorld::start().await;
    let alipay = world.alipay();
    for number in ["BUTTON1", "BUTTON2"] {
        world.trade(number, &receiver.notify_url).await;
    }
    let press = async |path: &str, fields: &[(&str, &str)]| {
        world.post_form(&format!("/sandbox/alipay/{path}"), fields).await.status().as_u16()
    };
    assert_eq!(press("payments/BUTTON1/fail", &[]).await, 303);
    assert_eq!(press("payments/BUTTON1/pay", &[]).await, 303);
    assert_eq!(press("payments/BUTTON1/pay", &[]).await, 409);
    assert_eq!(press("payments/NONE/pay", &[]).await, 404);
    alipay.until("BUTTON1", |trade| trade.accepted == 1).await;
    assert_eq!(press("payments/BUTTON1/deliver", &[]).await, 303);
    alipay.until("BUTTON1", |trade| trade.accepted == 2).await;
    assert_eq!(press("payments/BUTTON1/repeat", &[("times", "2"), ("parallel", "2")]).await, 303);
    assert_eq!(alipay.payment("BUTTON1").unwrap().accepted, 4);
    assert_eq!(press("payments/BUTTON1/refund", &[("amount", "1.5")]).await, 303);
    assert_eq!(press("payments/BUTTON1/refund", &[("amount", "x")]).await, 409);
    assert_eq!(press("payments/BUTTON2/time-out", &[]).await, 303);
    let app_id = world.shop().credentials.app_id;
    let settings = [("identities", "both"), ("refunds", "pending"), ("notify_closed", "on")];
    assert_eq!(press(&format!("apps/{app_id}"), &settings).await, 303);
    let app = &alipay.apps()[0];
    assert!(app.settings.notify_closed && !app.settings.notify_refunds);

    let page = world.get("/sandbox").await.text().await.unwrap();
    for part in [
        "支付宝交易",
        "BUTTON1",
        "部分退款",
        "已退 ¥1.50",
        "已关闭",
        "支付宝应用",
        "演示支付宝用户",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let list: Value = world.get("/sandbox/api/alipay/payments?limit=1").await.json().await.unwrap();
    assert_eq!((&list["total"], &list["next_cursor"]), (&json!(2), &json!(1)));
    assert_eq!(list["items"][0]["out_trade_no"], "BUTTON2");
    let one: Value = world.get("/sandbox/api/alipay/payments/BUTTON1").await.json().await.unwrap();
    assert_eq!(
        (&one["refunded_fen"], &one["trade_status"]),
        (&json!(150), &json!("TRADE_SUCCESS"))
    );
    assert_eq!(world.get("/sandbox/api/alipay/payments/NONE").await.status(), 404);
    let users: Value = world.get("/sandbox/api/alipay/users").await.json().await.unwrap();
    assert_eq!(users["items"].as_array().unwrap().len(), 20);
    let (status, _) = world
        .post_json("/sandbox/api/alipay/payments/BUTTON1/repeat", &json!({ "times": 0 }))
        .await;
    assert_eq!(status, 400);
}
