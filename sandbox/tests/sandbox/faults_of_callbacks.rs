//! Callbacks that go wrong on demand: what arrives at the merchant's door.

use std::collections::HashMap;

use sandbox::callbacks::{
    CallbackMode, CallbackState, MAX_SPEED, Outcome, Release, ReleaseOrder, Repeat,
};
use sandbox::faults::{CallbackFault, CallbackRule};
use serde_json::{Value, json};

use crate::support::{Receiver, World};

const NUMBER: &str = "SPOILT000001";

/// A paid order of which nobody was told.
async fn untold(receiver: &Receiver) -> World {
    let world = World::start().await;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    let pay = &world.sandbox().wechat_pay;
    pay.drop_callbacks(NUMBER).unwrap();
    pay.pay(NUMBER).unwrap();
    world
}

/// What is wrong with a letter, as a merchant finds out.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    Signature,
    Time(i64),
    Seal,
    /// A field of the transaction and what it says.
    Content(&'static str, Value),
}

fn flaw(world: &World, headers: &HashMap<String, String>, body: &str) -> Flaw {
    if !world.merchant.believes(headers, body) {
        return Flaw::Signature;
    }
    let at: i64 = headers["wechatpay-timestamp"].parse().unwrap();
    if at != world.now() {
        return Flaw::Time(at - world.now());
    }
    let query = String::new();
    let letter =
        crate::support::Received { query, headers: headers.clone(), body: body.to_owned() };
    let key = &world.merchant.credentials.wechat_pay.api_v3_key;
    let Some(told) = letter.try_open(key) else { return Flaw::Seal };
    let truth = [
        ("/amount/total", json!(5000)),
        ("/amount/currency", json!("CNY")),
        ("/mchid", json!(world.merchant.credentials.wechat_pay.mch_id)),
        ("/appid", json!(world.merchant.credentials.wechat.app_id)),
        ("/payer/openid", json!(world.openid())),
        ("/out_trade_no", json!(NUMBER)),
        ("/trade_state", json!("SUCCESS")),
    ];
    let mut lies = truth.into_iter().filter(|(place, truth)| told.pointer(place) != Some(truth));
    let (place, _) = lies.next().unwrap();
    assert!(lies.next().is_none(), "one thing is wrong, not more");
    Flaw::Content(place, told.pointer(place).unwrap().clone())
}

#[tokio::test]
async fn every_fault_of_a_letter() {
    let table = [
        (CallbackFault::Unsigned, Flaw::Signature),
        (CallbackFault::AlteredBody, Flaw::Signature),
        (CallbackFault::WrongSignature, Flaw::Signature),
        (CallbackFault::SignatureProbe, Flaw::Signature),
        (CallbackFault::UnknownSerial, Flaw::Signature),
        (CallbackFault::Stale, Flaw::Time(-600)),
        (CallbackFault::Future, Flaw::Time(600)),
        (CallbackFault::OtherSealingKey, Flaw::Seal),
        (CallbackFault::OtherAmount, Flaw::Content("/amount/total", json!(4999))),
        (CallbackFault::OtherCurrency, Flaw::Content("/amount/currency", json!("USD"))),
        (CallbackFault::OtherMerchant, Flaw::Content("/mchid", json!("1900000000"))),
        (CallbackFault::OtherApp, Flaw::Content("/appid", json!("wx0000000000000000"))),
        (
            CallbackFault::OtherPayer,
            Flaw::Content("/payer/openid", json!("oSomebodyElse000000000000000")),
        ),
        (
            CallbackFault::OtherOrder,
            Flaw::Content("/out_trade_no", json!("NEVERMADE0000000000000000000000")),
        ),
        (CallbackFault::NotPaid, Flaw::Content("/trade_state", json!("NOTPAY"))),
    ];
    let receiver = Receiver::start(&[]);
    let world = untold(&receiver).await;
    let sandbox = world.sandbox();
    for (place, (fault, expected)) in table.into_iter().enumerate() {
        sandbox.faults.on_callbacks(CallbackRule::new(NUMBER, fault), 1).unwrap();
        sandbox.wechat_pay.repeat(NUMBER, Repeat::default()).await.unwrap();
        let letter = &receiver.received()[place];
        assert_eq!(flaw(&world, &letter.headers, &letter.body), expected, "{fault:?}");
        assert_eq!(sandbox.wechat_pay.deliveries()[0].fault, Some(fault));
    }
    sandbox.wechat_pay.repeat(NUMBER, Repeat::default()).await.unwrap();
    let last = receiver.received().pop().unwrap();
    assert!(world.merchant.believes(&last.headers, &last.body), "the faults are used up");
    let probe = &receiver.received()[3].headers["wechatpay-signature"];
    assert!(probe.starts_with("WECHATPAY/SIGNTEST/"));
}

/// Fault of the first try, how many letters arrive, and how many tries are counted.
#[tokio::test]
async fn what_goes_wrong_on_the_way_is_made_good_by_the_schedule() {
    let table = [
        (CallbackFault::Drop, 1, vec!["途中丢失", "204"]),
        (CallbackFault::AnswerLost, 2, vec!["应答丢失", "204"]),
        (CallbackFault::Twice, 2, vec!["204", "204"]),
        (CallbackFault::Delay, 1, vec!["204"]),
    ];
    for (fault, arrive, outcomes) in table {
        let receiver = Receiver::start(&[]);
        let world = untold(&receiver).await;
        let sandbox = world.sandbox();
        let pay = &sandbox.wechat_pay;
        pay.set_speed(MAX_SPEED);
        let rule = CallbackRule { delay_ms: 3_600_000, ..CallbackRule::any(fault) };
        sandbox.faults.on_callbacks(rule, 1).unwrap();
        pay.deliver(NUMBER).unwrap();
        let wanted = u32::try_from(outcomes.len()).unwrap();
        let told = pay.until(NUMBER, |payment| payment.attempts == wanted).await;
        assert_eq!(told.callback, CallbackState::Accepted, "{fault:?}");
        assert_eq!(receiver.received().len(), arrive, "{fault:?}");
        let tries = pay.deliveries_of(NUMBER).into_iter();
        let seen: Vec<_> = tries.map(|delivery| delivery.outcome.to_string()).collect();
        assert_eq!(seen, outcomes, "{fault:?}");
    }
}

#[tokio::test]
async fn a_delayed_callback_is_overtaken() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    let (faults, pay) = (&world.sandbox().faults, &world.sandbox().wechat_pay);
    let late = CallbackRule {
        delay_ms: 30_000,
        ..CallbackRule::new("FIRST0000001", CallbackFault::Delay)
    };
    faults.on_callbacks(late, 1).unwrap();
    for number in ["FIRST0000001", "SECOND000001"] {
        world.prepay(&world.order(number, &receiver.notify_url)).await;
        pay.pay(number).unwrap();
    }
    pay.until("SECOND000001", |payment| payment.accepted == 1).await;
    assert_eq!(pay.payment("FIRST0000001").unwrap().attempts, 0);
    world.sandbox().callbacks.advance(std::time::Duration::from_secs(30));
    pay.until("FIRST0000001", |payment| payment.accepted == 1).await;
}

/// Held callbacks leave in the order that was asked for.
#[tokio::test]
async fn held_callbacks_are_released_in_any_order() {
    let arrived = async |order: ReleaseOrder, seed: u64| {
        let receiver = Receiver::start(&[]);
        let world = World::start_with(|options| options.callbacks = CallbackMode::Manual).await;
        let pay = &world.sandbox().wechat_pay;
        for number in 0..8 {
            let number = format!("RELEASED{number:04}");
            world.prepay(&world.order(&number, &receiver.notify_url)).await;
            pay.pay(&number).unwrap();
        }
        let release = Release { order, seed, ..Release::default() };
        let tally = world.sandbox().callbacks.release(release).await.unwrap();
        assert_eq!((tally.sent, tally.accepted), (8, 8));
        assert_eq!(
            world.sandbox().callbacks.release(release).await.unwrap().sent,
            0,
            "nothing is held any more"
        );
        let key = &world.merchant.credentials.wechat_pay.api_v3_key;
        let numbers = receiver.received().into_iter();
        let numbers = numbers.map(|letter| letter.open(key)["out_trade_no"].to_string());
        numbers.map(|number| number.chars().nth(12).unwrap()).collect::<String>()
    };
    assert_eq!(arrived(ReleaseOrder::OldestFirst, 0).await, "01234567");
    assert_eq!(arrived(ReleaseOrder::NewestFirst, 0).await, "76543210");
    let shuffled = arrived(ReleaseOrder::Shuffled, 7).await;
    assert_eq!(arrived(ReleaseOrder::Shuffled, 7).await, shuffled, "the same seed");
    assert!(arrived(ReleaseOrder::Shuffled, 8).await != shuffled && shuffled != "01234567");
}

#[tokio::test]
async fn what_is_refused_stays_held() {
    let receiver = Receiver::start(&[500, 500]);
    let world = World::start_with(|options| options.callbacks = CallbackMode::Manual).await;
    let pay = &world.sandbox().wechat_pay;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    pay.pay(NUMBER).unwrap();
    let twice = json!({ "order": "shuffled", "seed": 1, "times": 2, "parallel": 2 });
    let tally: Value = world.post_json("/sandbox/api/release", &twice).await.json().await.unwrap();
    assert_eq!(tally["outcomes"], json!({ "500": 2 }));
    assert_eq!(pay.payment(NUMBER).unwrap().callback, CallbackState::Held);
    let form = [("order", "oldest_first"), ("seed", "0"), ("times", "1"), ("parallel", "1")];
    assert_eq!(world.post_form("/sandbox/release", &form).await.status(), 303);
    assert_eq!(pay.payment(NUMBER).unwrap().callback, CallbackState::Accepted);
    let last = &pay.deliveries()[0];
    assert!(matches!(last.outcome, Outcome::Answered { status: 204, .. }));
    let none = json!({ "times": 0 });
    assert_eq!(world.post_json("/sandbox/api/release", &none).await.status(), 400);
}
