//! Idempotency keys, and whose an order is.

use futures_util::future::join_all;
use serde_json::Value;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    fifty_equal_orders_at_once_are_one_order,
    fifty_unequal_orders_under_one_key_are_one_order,
    a_key_means_one_wish_of_one_person,
    an_order_that_was_paid_answers_its_key_as_it_stands,
    an_order_is_shown_to_its_owner_only,
);

/// An answer of an order without what is made anew for each: the arguments of the payment call.
fn without_pay(mut order: Value) -> Value {
    let pay = order.as_object_mut().unwrap().remove("pay");
    assert!(pay.is_some_and(|pay| pay["pay_sign"].is_string()), "{order}");
    order
}

async fn assert_one_order(world: &World) {
    for table in ["orders", "payment", "idempotency_key"] {
        assert_eq!(world.rows.count(table).await, 1, "{table}");
    }
    assert_eq!(world.pay().payments(0, 9).1, 1, "known to the provider");
}

async fn fifty_equal_orders_at_once_are_one_order(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let answers = join_all((0..50).map(|_| student.order(5000, "one-key"))).await;
    let mut orders = answers.iter().map(|answer| without_pay(answer.body(201)));
    let first = orders.next().unwrap();
    assert!(orders.all(|order| order == first));
    assert_one_order(&world).await;

    let payment = world.pay_order(&first).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}

async fn fifty_unequal_orders_under_one_key_are_one_order(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let answers = join_all((1..=50).map(|amount| student.order(amount, "one-key"))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 49));
    for answer in refused {
        answer.problem("another amount", 422, "idempotency_key_reused");
    }
    assert_one_order(&world).await;
}

async fn a_key_means_one_wish_of_one_person(db: &TestDb) {
    let world = World::start(db).await;
    let (one, other) = (world.student(0).await, world.student(1).await);
    let order = without_pay(one.order(5000, "key").await.body(201));
    let reused = one.order(5001, "key").await;
    reused.problem("another amount", 422, "idempotency_key_reused");
    assert_eq!(without_pay(one.order(5000, "key").await.body(201)), order);
    let theirs = without_pay(other.order(5001, "key").await.body(201));
    assert_ne!(theirs["id"], order["id"]);
    let next = without_pay(one.order(5000, "KEY").await.body(201));
    assert_ne!(next["id"], order["id"], "keys are told apart by case");
    assert_eq!(world.rows.count("orders").await, 3);
}

async fn an_order_that_was_paid_answers_its_key_as_it_stands(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "key").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let again = student.order(5000, "key").await.body(201);
    assert_eq!((&again["id"], &again["state"]), (&order["id"], &"fulfilled".into()));
    assert!(again["pay"].is_null(), "nobody pays twice: {again}");
    assert_one_order(&world).await;
}

async fn an_order_is_shown_to_its_owner_only(db: &TestDb) {
    let world = World::start(db).await;
    let (owner, other) = (world.student(0).await, world.student(1).await);
    let order = owner.order(5000, "key").await.body(201);
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.body(200)["id"], order["id"]);
    other.get(&path).await.problem("another student", 404, "not_found");
    world.login(7).await.get(&path).await.problem("nobody", 403, "not_bound");
    world.api().get(&path).await.problem("no token", 401, "unauthenticated");
}
