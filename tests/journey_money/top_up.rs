//! The journey itself.

use sandbox::wechat_pay::NotPayable;
use serde_json::{Value, json};
use testkit::{PEOPLE, TestDb, World, eventually, on_each_database};

on_each_database!(
    a_student_tops_up_fifty_yuan_and_sees_it,
    a_payment_that_fails_leaves_the_order_open,
    top_ups_of_one_student_add_up,
);

async fn a_student_tops_up_fifty_yuan_and_sees_it(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.login(0).await;
    assert_eq!(student.binding, Value::Null);
    let bound = student.bind("xnec", PEOPLE[0]).await.body(201);
    let cardholder = json!({ "name_masked": "**雨", "student_no": "2301001", "kind": "student" });
    assert_eq!(bound["cardholder"], cardholder);
    assert_eq!(student.balances().await, [0; 4]);

    let order = student.order(5000, "first").await.body(201);
    assert_eq!(order["state"], "awaiting_payment");
    assert_eq!(order["amount_fen"], 5000);
    assert_eq!(order["pay"]["provider"], "wechat_pay");
    assert_eq!(student.me().await.body(200)["pending"]["orders"], 1);
    assert_eq!(student.balances().await, [0; 4], "an order is no money");

    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let paid = student.order_again(&order).await;
    assert_eq!(paid["state"], "fulfilled");
    assert!(paid["paid_at"].is_string() && paid["pay"].is_null(), "{paid}");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    assert_eq!(student.me().await.body(200)["pending"]["orders"], 0);
    assert_eq!(world.rows.texts("SELECT verdict FROM notification").await, ["settled"]);
    assert_eq!(world.rows.count("review_case").await, 0);
    world.assert_books(5000).await;
    world.at_rest().await;
    world.assert_books(5000).await;
}

async fn a_payment_that_fails_leaves_the_order_open(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let number = world.out_trade_no(&order).await;
    world.pay().fail(&number).unwrap();
    assert_eq!(student.order_again(&order).await["state"], "awaiting_payment");
    world.pay().pay(&number).unwrap();
    world.until(&number, |payment| payment.accepted == 1).await;
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    let again = world.pay().pay(&number).unwrap_err();
    assert_eq!(again.to_string(), NotPayable::Paid.to_string(), "paid once");
    world.assert_books(5000).await;
}

async fn top_ups_of_one_student_add_up(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let amounts = [1, 4999, 50_000];
    for (i, amount) in amounts.into_iter().enumerate() {
        let order = student.order(amount, &format!("key-{i}")).await.body(201);
        world.pay_order(&order).await;
    }
    let total = amounts.iter().sum();
    eventually("all three arrive", async || {
        (student.balances().await == [0, 0, total, total]).then_some(())
    })
    .await;
    world.assert_books(total).await;
}
