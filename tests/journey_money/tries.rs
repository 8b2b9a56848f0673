//! Further tries of an order, its list, and giving it up.

use futures_util::future::join_all;
use onecard::{ledger::account::SchoolAccount, orders::order::PaymentId};
use serde_json::{Value, json};
use std::time::Instant;
use testkit::{Fault, Student, TestDb, World, eventually, on_each_database};

on_each_database!(
    the_first_success_pays_and_a_further_one_goes_back,
    what_an_order_no_longer_wants_is_closed_at_the_provider_at_once,
    fifty_equal_tries_at_once_are_one_payment,
    what_can_no_longer_be_paid_is_not_tried,
    a_try_needs_its_key_and_its_owner,
    orders_are_listed_newest_first_in_pages,
    an_order_outlives_one_of_its_payments,
    giving_up_closes_at_the_provider_first,
    giving_up_an_order_that_was_paid_settles_it,
    giving_up_again_and_again_asks_the_provider_once_in_two_seconds,
    five_orders_may_wait_for_their_payment,
    a_card_that_cannot_be_used_is_not_topped_up,
    keys_are_forgotten_after_a_day,
);

/// The number of a payment at the provider.
fn number(payment: &Value) -> String {
    payment["payment_id"].as_str().unwrap().replace('-', "")
}

async fn ordered(world: &World) -> (Student, Value) {
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    (student, order)
}

async fn the_first_success_pays_and_a_further_one_goes_back(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let student = world.student(0).await;
    for (round, first_pays_first) in [(1, true), (2, false)] {
        let order = student.order(5000, &format!("order-{round}")).await.body(201);
        let second = student.try_again(&order, "again").await.body(201);
        assert_eq!(
            (&second["state"], &second["pay"]["provider"]),
            (&json!("open"), &json!("wechat_pay"))
        );
        let mut numbers = [number(&order["payments"][0]), number(&second)];
        if !first_pays_first {
            numbers.reverse();
        }
        // The provider does not take our word that it should close the other.
        gate.meets(&numbers[1], Fault::Says(500, "{}"));
        for number in &numbers {
            world.pay().pay(number).unwrap();
            world.until(number, |payment| payment.accepted == 1).await;
        }
        let paid = eventually("the later payment is given back", async || {
            let order = student.order_again(&order).await;
            (order["refunds"][0]["state"] == "done").then_some(order)
        })
        .await;
        assert_eq!(paid["state"], "fulfilled");
        assert_eq!(paid["refunds"].as_array().unwrap().len(), 1);
        assert_eq!(paid["refunds"][0]["amount_fen"], 5000);
        assert_eq!(paid["refunds"][0]["funding"], "wechat_pay");
        assert_eq!(paid["refunds"][0]["surplus"], true);
        assert!(paid["refunds"][0]["done_at"].is_string());
        let back = world.pay().refunds_of(&numbers[1]);
        assert!(back.len() == 1 && back[0].status == "SUCCESS" && back[0].amount_fen == 5000);
        assert!(world.pay().refunds_of(&numbers[0]).is_empty());
        let states: Vec<_> =
            paid["payments"].as_array().unwrap().iter().map(|p| &p["state"]).collect();
        assert_eq!(states, ["paid", "paid"]);
        assert_eq!(student.balances().await, [0, 0, 5000 * round, 5000 * round]);
        let suspense = world.school_balance("xnec", SchoolAccount::Suspense).await;
        assert_eq!(suspense, 0, "{first_pays_first}");
        assert_eq!(world.rows.count("review_case WHERE closed_at IS NOT NULL").await, round);
        assert_eq!(world.rows.count("review_case").await, round);
        world.assert_books(5000 * round).await;
    }
    let cases = world.rows.texts("SELECT subject FROM review_case").await;
    assert!(cases.iter().all(|case| case.starts_with("second_payment:wechat_pay:")), "{cases:?}");
}

/// Long before the first planned look at it.
async fn what_an_order_no_longer_wants_is_closed_at_the_provider_at_once(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    let second = student.try_again(&order, "again").await.body(201);
    world.pay().pay(&number(&second)).unwrap();
    let first = number(&order["payments"][0]);
    world.until(&first, |payment| payment.trade_state == "CLOSED").await;
    assert!(world.pay().pay(&first).is_err());
    eventually("it is closed here", async || {
        let paid = student.order_again(&order).await;
        let states = [&paid["payments"][0]["state"], &paid["payments"][1]["state"]];
        (states == ["closed", "paid"]).then_some(())
    })
    .await;
    assert_eq!(world.rows.count("review_case").await, 0);
    world.assert_books(5000).await;
}

async fn fifty_equal_tries_at_once_are_one_payment(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    let answers = join_all((0..50).map(|_| student.try_again(&order, "one-key"))).await;
    let mut payments = answers.iter().map(|answer| {
        let mut payment = answer.body(201);
        assert!(payment.as_object_mut().unwrap().remove("pay").unwrap()["pay_sign"].is_string());
        payment
    });
    let first = payments.next().unwrap();
    assert!(payments.all(|payment| payment == first));
    assert_eq!(world.rows.count("payment").await, 2);
    assert_eq!(world.rows.count("idempotency_key").await, 2);

    // The key belongs to this path: elsewhere it means something else, and here another body is refused.
    let other = student.order(5000, "one-key").await.body(201);
    let theirs = student.try_again(&other, "one-key").await.body(201);
    assert_ne!(theirs["payment_id"], first["payment_id"]);
    let altered = "UPDATE idempotency_key SET request_hash = $1 WHERE scope LIKE '%/payments'";
    assert_eq!(world.rows.change(altered, [vec![0_u8; 32].into()]).await, 2);
    let reused = student.try_again(&order, "one-key").await;
    reused.problem("another body", 422, "idempotency_key_reused");
}

async fn what_can_no_longer_be_paid_is_not_tried(db: &TestDb) {
    const CODE: &str = "order_not_payable";
    let world = World::start(db).await;
    let (student, paid) = ordered(&world).await;
    let payment = world.pay_order(&paid).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    student.try_again(&paid, "late").await.problem("paid", 409, CODE);

    let closed = student.order(100, "closed").await.body(201);
    let kept = student.try_again(&closed, "kept").await.body(201);
    assert_eq!(student.give_up(&closed).await["state"], "closed");
    student.try_again(&closed, "late").await.problem("closed", 409, CODE);
    // A key answers with what it made, as that stands now.
    let again = student.try_again(&closed, "kept").await.body(201);
    assert_eq!((&again["payment_id"], &again["state"]), (&kept["payment_id"], &json!("closed")));
    assert_eq!(again["pay"], Value::Null);

    let expired = student.order(100, "expired").await.body(201);
    world.rows.expire(expired["id"].as_str().unwrap()).await;
    student.try_again(&expired, "late").await.problem("expired", 409, CODE);
    let again = student.order(100, "expired").await.body(201);
    assert_eq!((&again["state"], &again["pay"]), (&json!("awaiting_payment"), &Value::Null));

    let often = student.order(100, "often").await.body(201);
    let keys: Vec<_> = (0..9).map(|n| format!("try-{n}")).collect();
    let tries = join_all(keys.iter().map(|key| student.try_again(&often, key))).await;
    let (made, refused): (Vec<_>, Vec<_>) = tries.iter().partition(|answer| answer.status == 201);
    for answer in refused {
        answer.problem("tried often", 409, CODE);
    }
    assert_eq!(made.len(), 4, "five payments in all");
}

async fn a_try_needs_its_key_and_its_owner(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    student.try_again(&order, "").await.problem("no key", 400, "idempotency_key_missing");
    let stranger = world.student(1).await;
    stranger.try_again(&order, "mine").await.problem("another's", 404, "not_found");
    let path = format!("/api/v1/orders/{}/close", order["id"].as_str().unwrap());
    let bearer = format!("Bearer {}", stranger.access_token);
    let headers = [("Authorization".to_owned(), bearer)];
    let answer = world.api().raw(&format!("POST {path}"), &headers, b"").await;
    answer.problem("another's", 404, "not_found");
    assert_eq!(world.rows.count("payment").await, 1);
    assert_eq!(student.order_again(&order).await["state"], "awaiting_payment");
}

async fn orders_are_listed_newest_first_in_pages(db: &TestDb) {
    let world = World::start(db).await;
    let (student, other) = (world.student(0).await, world.student(1).await);
    let mut made = Vec::new();
    for n in 0..5 {
        let order = student.order(100 + n, &format!("key-{n}")).await.body(201);
        made.insert(0, order["id"].clone());
        other.order(1, &format!("key-{n}")).await.body(201);
    }
    student.try_again(&json!({ "id": made[0] }), "again").await.body(201);

    let all = student.get("/api/v1/orders").await.body(200);
    let ids = |page: &Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|order| order["id"].clone()).collect()
    };
    assert_eq!((ids(&all), &all["next_cursor"]), (made.clone(), &Value::Null));
    let tried: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["payments"].as_array().unwrap().len())
        .collect();
    assert_eq!(tried, [2, 1, 1, 1, 1]);

    let (mut paged, mut path) = (Vec::new(), "/api/v1/orders?limit=2".to_owned());
    for pages in 1.. {
        let page = student.get(&path).await.body(200);
        paged.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(pages, 3);
            break;
        };
        path = format!("/api/v1/orders?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, made);
}

async fn an_order_outlives_one_of_its_payments(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    let second = student.try_again(&order, "again").await.body(201);
    let first = PaymentId::from_out_trade_no(&number(&order["payments"][0])).unwrap();
    for _ in 0..2 {
        world.db.in_tx(async |tx| onecard::orders::close(tx, first).await).await.unwrap();
        let left = student.order_again(&order).await;
        assert_eq!(left["state"], "awaiting_payment");
        let states = [&left["payments"][0]["state"], &left["payments"][1]["state"]];
        assert_eq!(states, ["closed", "open"]);
    }
    world.pay().pay(&number(&second)).unwrap();
    world.until(&number(&second), |payment| payment.accepted == 1).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}

async fn giving_up_closes_at_the_provider_first(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    let second = student.try_again(&order, "again").await.body(201);
    let closed = student.give_up(&order).await;
    assert_eq!(closed["state"], "closed");
    for number in [number(&order["payments"][0]), number(&second)] {
        assert_eq!(world.pay().payment(&number).unwrap().trade_state, "CLOSED");
        assert!(world.pay().pay(&number).is_err());
    }
    assert_eq!(student.give_up(&order).await, closed, "once more changes nothing");
    assert_eq!(student.me().await.body(200)["pending"]["orders"], 0);
    world.assert_books(0).await;
}

async fn giving_up_an_order_that_was_paid_settles_it(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    world.pay_untold(&order).await;
    assert_eq!(student.give_up(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}

/// The order's time is over with the first call, whether or not the provider may be asked.
async fn giving_up_again_and_again_asks_the_provider_once_in_two_seconds(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, order) = ordered(&world).await;
    gate.everywhere(Some(Fault::Says(500, "{}")));
    let begun = Instant::now();
    for _ in 0..20 {
        let given_up = student.give_up(&order).await;
        assert_eq!(given_up["state"], "awaiting_payment");
        student.try_again(&order, "late").await.problem("over", 409, "order_not_payable");
    }
    let most = usize::try_from(begun.elapsed().as_secs() / 2).unwrap() + 1;
    let asked = gate.asked(&number(&order["payments"][0]));
    assert!((1..=most).contains(&asked), "{asked} > {most}");
}

async fn five_orders_may_wait_for_their_payment(db: &TestDb) {
    let world = World::start(db).await;
    let (student, first) = ordered(&world).await;
    for n in 1..5 {
        student.order(100, &format!("key-{n}")).await.body(201);
    }
    student.order(100, "sixth").await.problem("sixth", 409, "too_many_open_orders");
    assert_eq!(student.order(5000, "first").await.body(201)["id"], first["id"], "a known key");
    world.student(1).await.order(100, "sixth").await.body(201);
    assert_eq!(student.give_up(&first).await["state"], "closed");
    student.order(100, "sixth").await.body(201);
    // Of many at once there are no more than in turn.
    let other = world.student(2).await;
    let keys: Vec<String> = (0..24).map(|n| format!("at-once-{n}")).collect();
    let made = join_all(keys.iter().map(|key| other.order(100, key))).await;
    assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 5);
    assert!(made.iter().all(|answer| [201, 409].contains(&answer.status)));
}

/// What was ordered before is posted all the same.
async fn a_card_that_cannot_be_used_is_not_topped_up(db: &TestDb) {
    const CODE: &str = "card_not_usable";
    let world = World::start(db).await;
    let (student, order) = ordered(&world).await;
    world.change("UPDATE person SET valid_until = 1", []).await;
    student.order(100, "late").await.problem("expired", 409, CODE);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.change("UPDATE person SET valid_until = NULL", []).await;
    student.order(100, "late").await.body(201);
}

async fn keys_are_forgotten_after_a_day(db: &TestDb) {
    const DAY: i64 = 86_400_000_000;
    let world = World::start(db).await;
    let student = world.student(0).await;
    for key in ["old", "young"] {
        student.order(5000, key).await.body(201);
    }
    for (key, age) in [("old", DAY + 60_000_000), ("young", DAY - 60_000_000)] {
        let older = format!(
            "UPDATE idempotency_key SET created_at = created_at - {age} WHERE key = '{key}'"
        );
        assert_eq!(world.rows.change(&older, []).await, 1);
    }
    // Every server deletes them as it starts, and then in turns.
    let _another = world.serve();
    eventually("the old one is deleted", async || {
        (world.rows.texts("SELECT key FROM idempotency_key").await == ["young"]).then_some(())
    })
    .await;
}
