//! Messages with a good signature that do not fit our orders: nothing is posted on their word, they
//! are kept with a case for staff, and the provider is asked. What they post is also in the table
//! of traps.

use futures_util::future::join_all;
use onecard::ledger::account::{Name, SchoolAccount};
use sandbox::wechat_pay::PaymentView;
use serde_json::{Value, json};
use testkit::{ELSEWHERE, Fault, Forge, TestDb, ToldRefund, World, eventually, on_each_database};

on_each_database!(
    a_message_that_does_not_fit_a_paid_order_has_the_provider_asked,
    a_message_about_an_order_of_another_school_posts_nothing_there,
    an_order_that_we_lack_and_the_provider_knows_goes_to_suspense,
    an_answer_that_names_another_amount_goes_to_suspense_and_ends_the_payment,
    what_was_given_back_at_the_provider_is_credited_with_a_case_until_the_amount_is_known,
    what_was_given_back_after_it_was_credited_is_a_case_for_staff,
    a_refund_message_has_the_provider_asked,
    a_transaction_of_another_payment_posts_nothing,
    a_transaction_of_another_schools_payment_posts_nothing,
    a_second_transaction_that_paid_another_payment_is_not_posted_again,
    two_messages_of_one_batch_cannot_share_a_transaction,
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
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
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
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
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
        assert_eq!(world.change(&less, []).await, 1);
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

/// Somebody gave money back in the provider's console, and the provider's answer does not tell how much:
/// the receipt is credited, with a case until a message about the refund tells it.
async fn what_was_given_back_at_the_provider_is_credited_with_a_case_until_the_amount_is_known(
    db: &TestDb,
) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    gate.meets(&payment.out_trade_no, Fault::Refunds);
    let returned = student.order_again(&order).await;
    assert_eq!(
        (&returned["state"], &returned["payments"][0]["state"]),
        (&json!("fulfilled"), &json!("paid"))
    );
    let message = forge.message("late", &forge.transaction(&payment));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    assert_eq!(student.order_again(&order).await, returned);
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    let kept = cases(&world, "xnec").await;
    let refunded = |case: &String| case.starts_with("refunded_at_provider:wechat_pay:");
    assert!(kept.len() == 1 && kept.iter().all(refunded), "{kept:?}");
    world.assert_books(5000).await;
    let whole = ToldRefund { number: "console", status: "SUCCESS", amount_fen: 5000 };
    let told = forge.refund("refund", &payment, &whole);
    assert_eq!(told.send(&world.api(), "xnec").await.status, 204);
    assert_eq!(student.balances().await, [0; 4]);
    assert_eq!(student.order_again(&order).await["state"], "refunded");
    let open = "review_case WHERE closed_at IS NULL";
    assert_eq!(world.rows.count(open).await, 0);
    world.assert_books(0).await;
}

/// A message that lies has the provider asked about what was credited before.
async fn what_was_given_back_after_it_was_credited_is_a_case_for_staff(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
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

/// Made in the provider's console: the message is recorded, and the provider's answer opens a case.
async fn a_refund_message_has_the_provider_asked(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    gate.meets(&payment.out_trade_no, Fault::Refunds);
    let told = forge.message("refund", &with(&forge, &payment, "/trade_state", "REFUND"));
    assert_eq!(told.send(&world.api(), "xnec").await.status, 204);
    let kept = eventually("the provider's answer is kept", async || {
        let kept = cases(&world, "xnec").await;
        (kept.len() == 1).then_some(kept)
    })
    .await;
    assert!(kept[0].starts_with("refunded_at_provider:wechat_pay:"), "{kept:?}");
    world.assert_books(5000).await;
}

fn with(forge: &Forge, payment: &PaymentView, pointer: &str, value: &str) -> Value {
    let mut transaction = forge.transaction(payment);
    *transaction.pointer_mut(pointer).unwrap() = value.into();
    transaction
}

/// A checked message about one payment names the transaction that paid another: acknowledged, kept
/// with a case, and the payment is settled by its own transaction afterwards.
async fn a_transaction_of_another_payment_posts_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let first = student.order(5000, "first").await.body(201);
    let paid = world.pay_order(&first).await;
    world.until(&paid.out_trade_no, |payment| payment.accepted == 1).await;
    let taken = paid.transaction_id.unwrap();
    // Another amount, so that the posting would differ, and the same, so that it would not.
    for (n, amount) in [100, 5000].into_iter().enumerate() {
        let order = student.order(amount, &format!("second-{n}")).await.body(201);
        let number = world.out_trade_no(&order).await;
        let payment = world.pay().payment(&number).unwrap();
        let wrong = with(&forge, &payment, "/transaction_id", &taken);
        for attempt in 0..2 {
            let message = forge.message(&format!("wrong-{n}-{attempt}"), &wrong);
            assert_eq!(message.send(&world.api(), "xnec").await.status, 204, "{amount}");
        }
        assert_eq!(student.order_again(&order).await["state"], "awaiting_payment", "{amount}");
        world.pay_order(&order).await;
        world.until(&number, |payment| payment.accepted == 1).await;
        assert_eq!(student.order_again(&order).await["state"], "fulfilled", "{amount}");
    }
    let kept = cases(&world, "xnec").await;
    assert_eq!(kept, [format!("transaction_taken:wechat_pay:{}:{taken}", merchant(&forge))]);
    assert_eq!(student.balances().await[2], 10_100);
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    world.assert_books(10_100).await;
}

fn merchant(forge: &Forge) -> String {
    let transaction = forge.transaction_of("0123456789abcdef0123456789abcdef", 1);
    transaction["mchid"].as_str().unwrap().to_owned()
}

/// Schools that share a merchant have ledgers of their own, so only the key of payments tells.
async fn a_transaction_of_another_schools_payment_posts_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let elsewhere = world.login(1).await;
    elsewhere.bind("hbkj", ELSEWHERE).await.body(201);
    let first = student.order(5000, "first").await.body(201);
    let paid = world.pay_order(&first).await;
    world.until(&paid.out_trade_no, |payment| payment.accepted == 1).await;
    let order = elsewhere.order(5000, "elsewhere").await.body(201);
    let number = world.out_trade_no(&order).await;
    let payment = world.pay().payment(&number).unwrap();
    let taken = paid.transaction_id.unwrap();
    let message = forge.message("wrong", &with(&forge, &payment, "/transaction_id", &taken));
    assert_eq!(message.send(&world.api(), "hbkj").await.status, 204);
    let kept = cases(&world, "hbkj").await;
    assert!(kept.len() == 1 && kept[0].starts_with("transaction_taken:"), "{kept:?}");
    assert_eq!(elsewhere.order_again(&order).await["state"], "awaiting_payment");
    assert_eq!(elsewhere.balances().await, [0; 4]);
    world.assert_books(5000).await;
}

/// The same where the payment is paid already, so that it does not move: at its own school the
/// posting would be a repeat, at another school a second one.
async fn a_second_transaction_that_paid_another_payment_is_not_posted_again(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let elsewhere = world.login(1).await;
    elsewhere.bind("hbkj", ELSEWHERE).await.body(201);
    let mut paid = Vec::new();
    for (who, key) in [(&student, "first"), (&student, "second"), (&elsewhere, "elsewhere")] {
        let payment = world.pay_order(&who.order(5000, key).await.body(201)).await;
        world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
        paid.push(payment);
    }
    let taken = paid[0].transaction_id.clone().unwrap();
    for (payment, school) in [(&paid[1], "xnec"), (&paid[2], "hbkj")] {
        let wrong = with(&forge, payment, "/transaction_id", &taken);
        let message = forge.message(&format!("wrong-{school}"), &wrong);
        assert_eq!(message.send(&world.api(), school).await.status, 204);
        let kept = cases(&world, school).await;
        assert_eq!(kept, [format!("transaction_taken:wechat_pay:{}:{taken}", merchant(&forge))]);
        let suspense = world.school_balance(school, SchoolAccount::Suspense).await;
        assert_eq!(suspense, 0, "{school}");
    }
    world.assert_books(10_000).await;
}

/// Whichever of the two settles first, the other is kept, whether or not they share a commit.
async fn two_messages_of_one_batch_cannot_share_a_transaction(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let mut messages = Vec::new();
    for n in 0..4 {
        let order = student.order(100, &format!("order-{n}")).await.body(201);
        let number = world.out_trade_no(&order).await;
        let payment = world.pay().payment(&number).unwrap();
        let one = with(&forge, &payment, "/transaction_id", "4200000000000000000000000001");
        messages.push(forge.message(&format!("message-{n}"), &one));
    }
    let api = world.api();
    let answers = join_all(messages.iter().map(|message| message.send(&api, "xnec"))).await;
    assert!(answers.iter().all(|answer| answer.status == 204));
    assert_eq!(student.balances().await[2], 100);
    let verdicts = "SELECT verdict FROM notification ORDER BY verdict";
    assert_eq!(
        world.rows.texts(verdicts).await,
        ["disagrees", "disagrees", "disagrees", "settled"]
    );
    world.assert_books(100).await;
}
