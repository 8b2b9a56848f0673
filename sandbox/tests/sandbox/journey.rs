//! From prepay to an opened callback.

use serde_json::json;

use crate::support::{Received, Receiver, World};

#[tokio::test]
async fn a_paid_order_is_notified_and_answers_alike_to_queries() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    let mut order = world.order("JOURNEY000001", &receiver.notify_url);
    order["attach"] = json!("card=1");
    assert_eq!(world.prepay(&order).await.len(), 36);
    let pay = &world.sandbox().wechat_pay;
    assert_eq!(pay.pay("JOURNEY000001").unwrap().trade_state, "SUCCESS");
    let told = pay.until("JOURNEY000001", |payment| payment.accepted == 1).await;
    assert_eq!(told.attempts, 1);

    let letters = receiver.received();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    check_envelope(&world, letter);

    let transaction = letter.open(&world.merchant.credentials.wechat_pay.api_v3_key);
    let credentials = &world.merchant.credentials;
    assert_eq!(transaction["appid"], credentials.wechat.app_id);
    assert_eq!(transaction["mchid"], credentials.wechat_pay.mch_id);
    assert_eq!(transaction["out_trade_no"], "JOURNEY000001");
    assert_eq!(transaction["trade_state"], "SUCCESS");
    assert_eq!(transaction["attach"], "card=1");
    assert_eq!(transaction["success_time"], "2026-01-01T10:00:00+08:00");
    assert_eq!(transaction["payer"]["openid"], world.openid());
    let amount = json!({
        "total": 5000, "payer_total": 5000, "currency": "CNY", "payer_currency": "CNY",
    });
    assert_eq!(transaction["amount"], amount);

    let answer = world.merchant.query("JOURNEY000001", world.now()).await;
    assert!(world.merchant.believes(&answer.headers, &answer.text));
    assert_eq!(answer.json(), transaction);
    let id = transaction["transaction_id"].as_str().unwrap();
    assert_eq!(id.len(), 28);
    let mchid = &credentials.wechat_pay.mch_id;
    let url = format!("/v3/pay/transactions/id/{id}?mchid={mchid}");
    assert_eq!(world.merchant.get(&url, world.now()).await.json(), transaction);
}

#[tokio::test]
async fn a_failed_attempt_leaves_the_order_unpaid_and_tells_nobody() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    world.prepay(&world.order("FAILED000001", &receiver.notify_url)).await;
    let pay = &world.sandbox().wechat_pay;
    assert_eq!(pay.fail("FAILED000001").unwrap().failures, 1);
    let state = world.merchant.query("FAILED000001", world.now()).await.json();
    assert_eq!(state["trade_state"], "NOTPAY");
    pay.pay("FAILED000001").unwrap();
    pay.until("FAILED000001", |payment| payment.accepted == 1).await;
    assert!(pay.pay("FAILED000001").is_err());
    assert!(pay.fail("FAILED000001").is_err());
    assert_eq!(receiver.received().len(), 1);
}

fn check_envelope(world: &World, letter: &Received) {
    assert!(world.merchant.believes(&letter.headers, &letter.body));
    assert_eq!(letter.headers["wechatpay-timestamp"], world.now().to_string());
    assert_eq!(letter.headers["content-type"], "application/json");
    let envelope = letter.envelope();
    assert_eq!(envelope["id"].as_str().unwrap().len(), 36);
    assert_eq!(envelope["event_type"], "TRANSACTION.SUCCESS");
    assert_eq!(envelope["resource_type"], "encrypt-resource");
    assert_eq!(envelope["resource"]["algorithm"], "AEAD_AES_256_GCM");
    assert_eq!(envelope["resource"]["original_type"], "transaction");
    assert_eq!(envelope["create_time"], "2026-01-01T10:00:00+08:00");
}
