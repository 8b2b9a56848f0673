//! The schedule of retries, and the clock, both moved by hand.

use std::time::Duration;

use chrono::TimeDelta;
use sandbox::callbacks::CallbackState;
use serde_json::{Value, json};

use crate::support::{Receiver, World};

const NUMBER: &str = "SCHEDULE0001";

/// As documented: 15 s, 15 s, 30 s, 3 min, 10 min, 20 min, 3 × 30 min, 1 h, 3 × 3 h, 2 × 6 h.
const WAITS: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600];

async fn paid(answers: &[u16]) -> (World, Receiver) {
    let receiver = Receiver::start(answers);
    // The schedule stands still but for what the tests do.
    let world = World::start_with(|options| options.speed = 0).await;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    world.sandbox().wechat_pay.pay(NUMBER).unwrap();
    (world, receiver)
}

/// Fifteen retries, each when its time has come and not one second before.
#[tokio::test]
async fn every_retry_waits_for_its_time() {
    let (world, _receiver) = paid(&[500; 16]).await;
    let (pay, callbacks) = (&world.sandbox().wechat_pay, &world.sandbox().callbacks);
    for (tried, wait) in (1..).zip(WAITS) {
        pay.until(NUMBER, |payment| payment.attempts == tried).await;
        callbacks.advance(Duration::from_secs(wait - 1));
        tokio::task::yield_now().await;
        assert_eq!(pay.payment(NUMBER).unwrap().attempts, tried);
        callbacks.advance(Duration::from_secs(1));
    }
    let last = pay.until(NUMBER, |payment| payment.attempts == 16).await;
    assert!(matches!(last.callback, CallbackState::Underway | CallbackState::GivenUp));
    pay.until(NUMBER, |payment| payment.callback == CallbackState::GivenUp).await;
}

#[tokio::test]
async fn a_leap_over_the_whole_schedule_makes_all_retries() {
    let (world, receiver) = paid(&[500; 15]).await;
    let pay = &world.sandbox().wechat_pay;
    pay.until(NUMBER, |payment| payment.attempts == 1).await;
    let day = json!({ "seconds": WAITS.iter().sum::<u64>() });
    assert_eq!(world.post_json("/sandbox/api/advance", &day).await.status(), 204);
    pay.until(NUMBER, |payment| payment.accepted == 1).await;
    assert_eq!(receiver.received().len(), 16);
    assert_eq!(world.post_form("/sandbox/advance", &[("seconds", "1")]).await.status(), 303);
}

/// The sandbox's clock is another matter: it dates signatures and ends orders.
#[tokio::test]
async fn the_clock_can_be_wrong() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    let sandbox = world.sandbox();
    let mut order = world.order(NUMBER, &receiver.notify_url);
    order["time_expire"] = json!("2026-01-01T10:15:00+08:00");
    world.prepay(&order).await;
    let wrong = json!({ "clock_offset_seconds": -301 });
    let kept: Value = world.post_json("/sandbox/api/settings", &wrong).await.json().await.unwrap();
    assert_eq!((&kept["clock_offset_seconds"], &kept["speed"]), (&json!(-301), &json!(1)));
    assert_eq!(world.merchant.query(NUMBER, world.now()).await.status, 401, "ours is ahead");

    sandbox.clock.set_offset(TimeDelta::minutes(16));
    let refused = sandbox.wechat_pay.pay(NUMBER).unwrap_err();
    assert_eq!(refused.to_string(), "已超过订单的支付期限");
    let then = sandbox.clock.now().timestamp();
    assert_eq!(world.merchant.query(NUMBER, then).await.json()["trade_state"], "NOTPAY");
    assert_eq!(sandbox.wechat_pay.summary().expired, 1);
    assert!(world.get("/").await.text().await.unwrap().contains("已过期"));
    assert_eq!(world.merchant.close(NUMBER, then).await.status, 204);

    sandbox.clock.set_offset(TimeDelta::zero());
    assert_eq!(world.merchant.query(NUMBER, world.now()).await.json()["trade_state"], "CLOSED");
}
