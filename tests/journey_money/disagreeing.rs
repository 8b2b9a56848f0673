//! Messages with a good signature that do not fit our orders: nothing is posted on their word, they
//! are kept with a case for staff, and the provider is asked. What they post is also in the table
//! of traps.

use onecard::ledger::account::{Name, SchoolAccount};
use sandbox::wechat_pay::PaymentView;
use serde_json::{Value, json};
use testkit::{Fault, Forge, TestDb, World, eventually, on_each_database};

on_each_database!(
    a_message_that_does_not_fit_a_paid_order_has_the_provider_asked,
    a_message_about_an_order_of_another_school_posts_nothing_there,
    an_order_that_we_lack_and_the_provider_knows_goes_to_suspense,
    an_answer_that_names_another_amount_goes_to_suspense_and_ends_the_payment,
    what_was_given_back_at_the_provider_goes_to_suspense_and_not_to_the_card,
    what_was_given_back_after_it_was_credited_is_a_case_for_staff,
);

type Change = fn(&Forge, &PaymentView) -> Value;

/// What is told instead of the truth, and the case that this opens.
const LIES: [(&str, Change); 3] = [("amount", less), ("amount", more), ("payer", somebody_else)];

fn less(forge: &Forge, payment: &PaymentView) -> Value {
    with_amount(forge, payment, 1)
}

fn more(forge: &Forge, payment: &PaymentView) -> Value {
    with_amount(forge, payment, 9_999_999)
}

fn with_amount(forge: &Forge, payment: &PaymentView, fen: i64) -> Value {
    let mut transaction = forge.transaction(payment);
    transaction["amount"]["total"] = fen.into();
    transaction
}

fn somebody_else(forge: &Forge, payment: &PaymentView) -> Value {
    let mut transaction = forge.transaction(payment);
    transaction["payer"] = json!({ "openid": "oAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
    transaction
}

async fn cases(world: &World, school: &str) -> Vec<String> {
    let school = world.rows.school(school).await;
    let sql =
        format!("SELECT subject FROM review_case WHERE school_id = {school} ORDER BY subject");
    world.rows.texts(&sql).await
}

async fn a_message_that_does_not_fit_a_paid_order_has_the_provider_asked(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::new());
    for (i, (why, lie)) in LIES.into_iter().enumerate() {
        let order = student.order(100, &format!("order-{i}")).await.body(201);
        let payment = world.pay_untold(&order).await;
        let message = forge.message(&format!("message-{i}"), &lie(&forge, &payment));
        assert_eq!(message.send(&world.api(), "xnec").await.status, 204, "{why}");
        // Nobody returns to the page: only the provider's own answer can settle this.
        let expected = 100 * i64::try_from(i + 1).unwrap();
        eventually(why, async || (student.balances().await[2] == expected).then_some(())).await;
        world.assert_books(expected).await;
    }
    let verdicts = world.rows.texts("SELECT verdict FROM notification").await;
    assert_eq!(verdicts, ["disagrees"; 3]);
    assert_eq!(cases(&world, "xnec").await.len(), 3, "kept for staff all the same");
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
}

/// Both schools share one merchant here, so the signature is as good for the one as for the other.
async fn a_message_about_an_order_of_another_school_posts_nothing_there(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::new());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    let message = forge.message("lost its way", &forge.transaction(&payment));
    assert_eq!(message.send(&world.api(), "hbkj").await.status, 204);
    let kept = cases(&world, "hbkj").await;
    assert!(kept.len() == 1 && kept[0].starts_with("other_school:wechat_pay:"), "{kept:?}");
    // The provider is asked, and what it says belongs to the school of the order.
    eventually("the provider's answer is settled", async || {
        (student.balances().await == [0, 0, 5000, 5000]).then_some(())
    })
    .await;
    world.pay().deliver(&payment.out_trade_no).unwrap();
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    let clearing = SchoolAccount::Clearing(Name::parse("wechat_pay").unwrap());
    for account in [clearing, SchoolAccount::Suspense] {
        assert_eq!(world.school_balance("hbkj", account).await, 0);
    }
    assert_eq!(cases(&world, "xnec").await, Vec::<String>::new());
    world.assert_books(5000).await;
}

/// As after a backup was put back: the provider's books know more than ours.
async fn an_order_that_we_lack_and_the_provider_knows_goes_to_suspense(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    for table in ["payment", "orders"] {
        assert_eq!(world.rows.change(&format!("DELETE FROM {table}"), []).await, 1);
    }
    world.pay().deliver(&payment.out_trade_no).unwrap();
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    eventually("the provider's answer is settled", async || {
        let suspense = world.school_balance("xnec", SchoolAccount::Suspense).await;
        (suspense == 5000).then_some(())
    })
    .await;
    let kept = cases(&world, "xnec").await;
    assert!(kept.len() == 1 && kept[0].starts_with("no_order:wechat_pay:"), "{kept:?}");
    assert_eq!(student.balances().await, [0; 4]);
    world.assert_books(5000).await;
}

/// The provider's own answer is the last word: the money is real, and fits no order. Asking again
/// would change nothing, so the payment is over, and its order with it.
async fn an_answer_that_names_another_amount_goes_to_suspense_and_ends_the_payment(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    world.pay_untold(&order).await;
    for table in ["payment", "orders"] {
        let less = format!("UPDATE {table} SET amount_fen = 4999");
        assert_eq!(world.rows.change(&less, []).await, 1);
    }
    let returned = student.order_again(&order).await;
    assert_eq!(
        (&returned["state"], &returned["payments"][0]["state"]),
        (&json!("closed"), &json!("closed"))
    );
    for door in ["again", "and again"] {
        assert_eq!(student.order_again(&order).await["state"], "closed", "{door}");
        assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 5000);
    }
    let kept = cases(&world, "xnec").await;
    assert!(kept.len() == 1 && kept[0].starts_with("amount:wechat_pay:"), "{kept:?}");
    assert_eq!(student.balances().await, [0; 4]);
    world.assert_books(5000).await;
}

/// Somebody gave the money back in the provider's console: the student has it, and gets no balance
/// besides. What the provider wrote before that, and tells later, changes nothing.
async fn what_was_given_back_at_the_provider_goes_to_suspense_and_not_to_the_card(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, forge) = (world.student(0).await, Forge::new());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    gate.meets(&payment.out_trade_no, Fault::Refunds);
    let returned = student.order_again(&order).await;
    assert_eq!(
        (&returned["state"], &returned["payments"][0]["state"]),
        (&json!("closed"), &json!("closed"))
    );
    let message = forge.message("late", &forge.transaction(&payment));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    assert_eq!(student.order_again(&order).await, returned);
    assert_eq!(student.balances().await, [0; 4]);
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 5000);
    let kept = cases(&world, "xnec").await;
    let refunded = |case: &String| case.starts_with("refunded_at_provider:wechat_pay:");
    assert!(kept.len() == 1 && kept.iter().all(refunded), "{kept:?}");
    world.assert_books(5000).await;
}

/// A message that lies has the provider asked about what was credited before.
async fn what_was_given_back_after_it_was_credited_is_a_case_for_staff(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, forge) = (world.student(0).await, Forge::new());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    gate.meets(&payment.out_trade_no, Fault::Refunds);
    let lie = forge.message("lie", &less(&forge, &payment));
    assert_eq!(lie.send(&world.api(), "xnec").await.status, 204);
    let kept = eventually("both are kept", async || {
        let kept = cases(&world, "xnec").await;
        (kept.len() == 2).then_some(kept)
    })
    .await;
    assert!(kept[1].starts_with("refunded_at_provider:wechat_pay:"), "{kept:?}");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}
