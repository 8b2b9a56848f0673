//! True callbacks: copies, orders of events, losses, and commits that fail.

use onecard::ledger::account::SchoolAccount;
use sandbox::wechat_pay::{CallbackMode, MAX_SPEED, Repeat};
use testkit::{Forge, TestDb, World, eventually, on_each_database, transaction_id};

on_each_database!(
    sixty_four_copies_of_one_callback_post_once,
    sixty_four_callbacks_of_one_payment_post_once,
    whoever_tells_first_settles_and_the_other_changes_nothing,
    a_lost_callback_is_made_good_by_the_students_return,
    a_payment_after_the_local_close_counts_as_if_open,
    money_that_no_order_wants_goes_to_suspense,
    a_callback_that_cannot_be_committed_comes_again,
);

async fn sixty_four_copies_of_one_callback_post_once(db: &TestDb) {
    many_callbacks_post_once(db, false, 1).await;
}

async fn sixty_four_callbacks_of_one_payment_post_once(db: &TestDb) {
    many_callbacks_post_once(db, true, 64).await;
}

async fn many_callbacks_post_once(db: &TestDb, fresh_id: bool, messages: i64) {
    let world = World::start(db).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    let how = Repeat { times: 64, parallel: 64, fresh_id };
    let tally = world.pay().repeat(&payment.out_trade_no, how).await.unwrap();
    assert_eq!((tally.sent, tally.accepted), (64, 64), "{:?}", tally.outcomes);
    assert_eq!(world.rows.count("transfer").await, 1);
    assert_eq!(world.rows.count("notification").await, messages);
    assert_eq!(world.rows.count("review_case").await, 0);
    let settled = "SELECT COUNT(*) FROM notification WHERE verdict = 'settled'";
    assert_eq!(world.rows.number(settled).await, 1);
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}

async fn whoever_tells_first_settles_and_the_other_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let student = world.student(0).await;
    for callback_first in [true, false] {
        let order = student.order(100, &format!("{callback_first}")).await.body(201);
        let payment = world.pay_order(&order).await;
        let before = world.rows.count("transfer").await;
        for callback in [callback_first, !callback_first] {
            if callback {
                let told = world.pay().repeat(&payment.out_trade_no, Repeat::default()).await;
                assert_eq!(told.unwrap().accepted, 1);
            } else {
                assert_eq!(student.order_again(&order).await["state"], "fulfilled");
            }
            assert_eq!(world.rows.count("transfer").await, before + 1, "{callback_first}");
        }
    }
    assert_eq!(student.balances().await, [0, 0, 200, 200]);
    world.assert_books(200).await;
}

async fn a_lost_callback_is_made_good_by_the_students_return(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    assert_eq!(student.balances().await, [0; 4]);
    let returned = student.order_again(&order).await;
    assert_eq!(returned["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    assert!(world.pay().deliveries_of(&payment.out_trade_no).is_empty());
    assert_eq!(world.rows.count("notification").await, 0);
    world.assert_books(5000).await;
}

async fn a_payment_after_the_local_close_counts_as_if_open(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    for table in ["orders", "payment"] {
        let closed = format!("UPDATE {table} SET state = 'closed'");
        assert_eq!(world.rows.change(&closed, []).await, 1);
    }
    assert_eq!(student.order_again(&order).await["state"], "closed");
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    assert_eq!(world.rows.count("review_case").await, 0);
    world.assert_books(5000).await;
}

/// A second payment of a fulfilled order, and a second transaction of a paid payment: the money is
/// real, so it is posted, and no student gets it twice.
async fn money_that_no_order_wants_goes_to_suspense(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let forge = Forge::with_sandbox_keys();

    let second = uuid::Uuid::now_v7();
    let copy = "INSERT INTO payment (id, order_id, school_id, provider, merchant, app_id, payer, \
                amount_fen, state, created_at) SELECT $1, order_id, school_id, provider, merchant, \
                app_id, payer, amount_fen, 'open', created_at FROM payment";
    assert_eq!(world.change(copy, [second.into()]).await, 1);
    let mut second_payment = forge.transaction(&payment);
    second_payment["out_trade_no"] = second.simple().to_string().into();
    second_payment["transaction_id"] = transaction_id(&payment, 1).into();
    let mut second_transaction = forge.transaction(&payment);
    second_transaction["transaction_id"] = transaction_id(&payment, 2).into();

    for (why, transaction, suspense) in [
        ("second_payment", second_payment, 5000),
        ("second_transaction", second_transaction, 10_000),
    ] {
        for copy in ["one", "two"] {
            let message = forge.message(&format!("{why}-{copy}"), &transaction);
            assert_eq!(message.send(&world.api(), "xnec").await.status, 204, "{why}");
        }
        assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, suspense, "{why}");
        let cases = format!("SELECT detail FROM review_case WHERE subject LIKE '{why}:%'");
        assert_eq!(world.rows.texts(&cases).await.len(), 1, "{why}");
    }
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    // Both are to go back; the provider has no such transactions, so that staff hear of it.
    assert_eq!(student.order_again(&order).await["state"], "refunding");
    eventually("both refunds are refused", async || {
        let refused = "review_case WHERE subject LIKE 'refund_refused:%'";
        (world.rows.count(refused).await == 2).then_some(())
    })
    .await;
    assert_eq!(world.rows.count("refund WHERE state = 'sent'").await, 2);
    world.assert_books(15_000).await;
}

async fn a_callback_that_cannot_be_committed_comes_again(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    world.rows.change("ALTER TABLE transfer RENAME TO elsewhere", []).await;
    let before = world.rows.everything().await;
    let payment = world.pay_order(&order).await;
    let number = payment.out_trade_no;
    world.until(&number, |payment| payment.attempts == 1).await;
    let told = world.pay().deliveries_of(&number);
    assert_eq!(told[0].outcome.to_string(), "500");
    assert!(told[0].outcome.body().contains("\"FAIL\""), "{}", told[0].outcome.body());
    assert_eq!(world.rows.everything().await, before, "half of it was committed");

    world.rows.change("ALTER TABLE elsewhere RENAME TO transfer", []).await;
    world.pay().set_speed(MAX_SPEED);
    world.until(&number, |payment| payment.accepted == 1).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}
