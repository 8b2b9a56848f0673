//! Retries and the faults that callbacks can be given.

use std::collections::{HashMap, HashSet};

use sandbox::callbacks::{CallbackMode, CallbackState, MAX_SPEED, Outcome, Repeat};

use crate::support::{Receiver, World};

const NUMBER: &str = "CALLBACK000001";

async fn world(receiver: &Receiver, speed: u32, mode: CallbackMode) -> World {
    let world = World::start_with(|options| {
        options.speed = speed;
        options.callbacks = mode;
    })
    .await;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    world
}

#[tokio::test]
async fn a_callback_is_retried_until_it_is_accepted() {
    let receiver = Receiver::start(&[500, 404, 302, 401]);
    let world = world(&receiver, MAX_SPEED, CallbackMode::Auto).await;
    let pay = &world.sandbox().wechat_pay;
    pay.pay(NUMBER).unwrap();
    let told = pay.until(NUMBER, |payment| payment.accepted == 1).await;
    assert_eq!((told.attempts, told.callback), (5, CallbackState::Accepted));

    let statuses: Vec<u16> = pay
        .deliveries_of(NUMBER)
        .into_iter()
        .map(|delivery| match delivery.outcome {
            Outcome::Answered { status, .. } => status,
            Outcome::NoAnswer { reason } => panic!("no answer: {reason}"),
        })
        .collect();
    assert_eq!(statuses, [500, 404, 302, 401, 204]);
    assert!(pay.deliveries_of(NUMBER)[0].outcome.body().contains("FAIL"));

    let letters = receiver.received();
    let distinct = |name: &str| -> HashSet<&String> {
        letters.iter().map(|letter| &letter.headers[name]).collect()
    };
    assert!(letters.iter().all(|letter| letter.body == letters[0].body));
    assert_eq!(distinct("wechatpay-nonce").len(), 5, "every try is signed anew");
    assert!(letters.iter().all(|l| world.merchant.believes(&l.headers, &l.body)));
}

#[tokio::test]
async fn after_fifteen_retries_wechat_gives_up() {
    let receiver = Receiver::start(&[500; 16]);
    let world = world(&receiver, MAX_SPEED, CallbackMode::Auto).await;
    let pay = &world.sandbox().wechat_pay;
    pay.pay(NUMBER).unwrap();
    let last = pay.until(NUMBER, |payment| payment.callback == CallbackState::GivenUp).await;
    assert_eq!((last.attempts, last.accepted), (16, 0));
    pay.deliver(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.callback == CallbackState::Accepted).await;
}

#[tokio::test]
async fn a_closed_door_counts_as_a_try_and_speed_hurries_the_next() {
    let receiver = Receiver::start(&[500]);
    let world = world(&receiver, 1, CallbackMode::Auto).await;
    let pay = &world.sandbox().wechat_pay;
    pay.pay(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.attempts == 1).await;
    pay.set_speed(MAX_SPEED);
    pay.until(NUMBER, |payment| payment.accepted == 1).await;

    let nobody = World::start().await;
    nobody.prepay(&nobody.order(NUMBER, "http://127.0.0.1:9/notify")).await;
    let pay = &nobody.sandbox().wechat_pay;
    pay.pay(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.attempts == 1).await;
    let outcome = &pay.deliveries_of(NUMBER)[0].outcome;
    assert_eq!(*outcome, Outcome::NoAnswer { reason: "无法连接" });
}

#[tokio::test]
async fn sixty_four_copies_at_once() {
    let receiver = Receiver::start(&[]);
    let world = world(&receiver, 1, CallbackMode::Auto).await;
    let pay = &world.sandbox().wechat_pay;
    assert!(pay.repeat(NUMBER, Repeat::default()).await.is_err(), "nothing to tell yet");
    pay.pay(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.accepted == 1).await;

    let same = Repeat { times: 64, parallel: 64, fresh_id: false };
    let tally = pay.repeat(NUMBER, same).await.unwrap();
    assert_eq!((tally.sent, tally.accepted, tally.outcomes["204"]), (64, 64, 64));
    let ids = |receiver: &Receiver| -> HashMap<String, usize> {
        let mut ids = HashMap::new();
        for letter in receiver.received() {
            *ids.entry(letter.envelope()["id"].to_string()).or_default() += 1;
        }
        ids
    };
    assert_eq!(ids(&receiver).into_values().collect::<Vec<_>>(), [65]);

    let fresh = Repeat { times: 3, parallel: 1, fresh_id: true };
    assert_eq!(pay.repeat(NUMBER, fresh).await.unwrap().accepted, 3);
    assert_eq!(ids(&receiver).len(), 4, "each copy is a notification of its own");
    assert_eq!(pay.payment(NUMBER).unwrap().attempts, 68);
    for times in [0, 257] {
        assert!(pay.repeat(NUMBER, Repeat { times, ..same }).await.is_err());
    }
}

#[tokio::test]
async fn a_dropped_callback_never_comes_until_it_is_delivered() {
    let receiver = Receiver::start(&[]);
    let world = world(&receiver, MAX_SPEED, CallbackMode::Auto).await;
    let pay = &world.sandbox().wechat_pay;
    pay.drop_callbacks(NUMBER).unwrap();
    assert_eq!(pay.pay(NUMBER).unwrap().callback, CallbackState::Dropped);
    let state = world.merchant.query(NUMBER, world.now()).await.json();
    assert_eq!(state["trade_state"], "SUCCESS");
    assert!(receiver.received().is_empty());
    pay.deliver(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.accepted == 1).await;
}

#[tokio::test]
async fn dropping_ends_the_retries_that_wait() {
    let receiver = Receiver::start(&[500]);
    let world = world(&receiver, 1, CallbackMode::Auto).await;
    let pay = &world.sandbox().wechat_pay;
    pay.pay(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.attempts == 1).await;
    pay.drop_callbacks(NUMBER).unwrap();
    pay.set_speed(MAX_SPEED);
    // The old series, were it alive, would come before this new one or with it.
    pay.deliver(NUMBER).unwrap();
    let told = pay.until(NUMBER, |payment| payment.accepted == 1).await;
    assert_eq!(told.attempts, 2);
}

#[tokio::test]
async fn in_manual_mode_a_callback_waits_to_be_delivered() {
    let receiver = Receiver::start(&[]);
    let world = world(&receiver, 1, CallbackMode::Manual).await;
    let pay = &world.sandbox().wechat_pay;
    assert!(pay.deliver(NUMBER).is_err(), "nothing to tell yet");
    assert_eq!(pay.pay(NUMBER).unwrap().callback, CallbackState::Held);
    assert!(receiver.received().is_empty());
    pay.deliver(NUMBER).unwrap();
    pay.until(NUMBER, |payment| payment.callback == CallbackState::Accepted).await;
}
