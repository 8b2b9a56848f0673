//! Refunds that were made past us, and refunds that cannot be made: what the provider says went back,
//! beside the refunds that are known here.

use super::refunds::{approve, approved, ask, fen, held, now, open_cases, told, topped_up, until};
use onecard::{
    base::{clock::Timestamp, db::Authority},
    ledger::account::SchoolAccount,
    orders::order::{Order, PaymentId},
    orders::refund::RefundId,
    payments::{
        Payments,
        refunds::{AskedRefund, RefundEnding, RefundError},
    },
};
use sandbox::{
    alipay::{NewAppSettings, TradeView},
    wechat_pay::{CallbackMode, RefundEnd, RefundMode, endpoints::QUERY},
};
use serde_json::{Value, json};
use testkit::{
    AlipayForge, Fault, Faults, Forge, Student, TestDb, Trade, World, eventually, on_each_database,
    wish_by, yuan,
};

on_each_database!(
    a_partial_refund_in_alipays_console_posts,
    what_alipay_says_went_back_without_a_number_is_a_case,
    the_lost_message_of_two_stays_a_case_until_it_comes,
    of_paid_by_both_and_given_back_in_the_console_nothing_stays,
    of_paid_by_both_and_partly_given_back_the_rest_goes_back,
    a_console_refund_before_ours_is_sent_ends_ours,
    a_refund_of_ours_does_not_explain_one_in_the_console,
    refunds_of_two_trades_may_have_one_number,
    a_refund_heard_of_before_its_payment_is_kept,
    a_refund_that_alipay_tells_of_before_its_payment_is_kept,
    an_approval_allows_one_refund,
    what_was_sent_again_meanwhile_is_not_ended,
    where_the_money_is_the_posting_says,
    an_ended_refund_is_authentic_too,
    the_payer_is_known_by_either_id,
    a_refund_of_a_payment_that_is_not_that_merchants_posts_nothing,
    another_merchants_message_gives_nothing_of_ours_back,
);

/// Not signed.
const TRADE_NOT_EXIST: &str = r#"{"alipay_trade_query_response":{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"x"}}"#;

async fn topped_up_by_alipay(world: &World) -> (Student, Value, TradeView) {
    let student = world.alipay_student(0).await;
    let order = student.order_with(&wish_by("alipay", 5000), "order").await.unwrap().body(201);
    let number = world.out_trade_no(&order).await;
    world.alipay().pay(&number).unwrap();
    let trade = world.alipay().until(&number, |trade| trade.accepted == 1).await;
    (student, order, trade)
}

/// Whether Alipay sends messages about refunds from now on.
fn tell_refunds(world: &World, notify_refunds: bool) {
    let new = NewAppSettings { notify_refunds: Some(notify_refunds), ..Default::default() };
    world.alipay().set(&AlipayForge::with_sandbox_keys().app_id, new).unwrap();
}

async fn suspense(world: &World) -> i64 {
    world.school_balance("xnec", SchoolAccount::Suspense).await
}

async fn balance(student: &Student, fen: i64) {
    eventually("the balance", async || (student.balances().await[3] == fen).then_some(())).await;
}

/// Alipay's answer about the payment does not say that any of it went back.
async fn a_partial_refund_in_alipays_console_posts(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, trade) = topped_up_by_alipay(&world).await;
    let refunded = world.alipay().refund(&trade.out_trade_no, 1800).unwrap();
    balance(&student, 3200).await;
    let shown = student.order_again(&order).await;
    assert_eq!(shown["refunds"][0]["amount_fen"], 1800);
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    world.alipay().refund(&trade.out_trade_no, 3200).unwrap();
    balance(&student, 0).await;
    assert_eq!(student.order_again(&order).await["state"], "refunded");
    eventually("what went back in all is kept", async || {
        (world.rows.number("SELECT given_back_fen FROM payment").await == 5000).then_some(())
    })
    .await;
    // An older message that comes late says less.
    let message = AlipayForge::with_sandbox_keys().paid("late", trade_of(&trade));
    let number = refunded.refunds[0].out_request_no.clone();
    let message = message.with("refund_fee", yuan(1800)).with("out_biz_no", number);
    let letter = AlipayForge::with_sandbox_keys().signed(&message);
    assert_eq!(letter.send(&world.api(), "xnec").await.text(), "success");
    eventually("it is asked about", async || {
        world.change("UPDATE notification SET ask_at = 1 WHERE ask_at > 0", []).await;
        (world.rows.count("notification WHERE ask_at > 0").await == 0).then_some(())
    })
    .await;
    assert_eq!(world.rows.number("SELECT given_back_fen FROM payment").await, 5000);
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    world.assert_books_of("alipay", 0).await;
}

/// Numbers of refunds are unique in a trade alone: a console may count them from one.
async fn refunds_of_two_trades_may_have_one_number(db: &TestDb) {
    let world = World::start(db).await;
    let (student, first, trade) = topped_up_by_alipay(&world).await;
    let second = student.order_with(&wish_by("alipay", 3000), "second").await.unwrap().body(201);
    let number = world.out_trade_no(&second).await;
    world.alipay().pay(&number).unwrap();
    world.alipay().until(&number, |trade| trade.accepted == 1).await;
    world.alipay().refund_as(&trade.out_trade_no, "1", 1800).unwrap();
    balance(&student, 6200).await;
    world.alipay().refund_as(&number, "1", 700).unwrap();
    balance(&student, 5500).await;
    // Each is told of again.
    for number in [&trade.out_trade_no, &number] {
        let how = serde_json::from_value(json!({ "times": 2, "fresh_id": true })).unwrap();
        world.alipay().repeat_refund(number, "1", how).await.unwrap();
    }
    eventually("all messages are asked about", async || {
        world.change("UPDATE notification SET ask_at = 1 WHERE ask_at > 0", []).await;
        (world.rows.count("notification WHERE ask_at > 0").await == 0).then_some(())
    })
    .await;
    assert_eq!(student.balances().await[3], 5500, "each once");
    for (order, amount) in [(&first, 1800), (&second, 700)] {
        let shown = student.order_again(order).await;
        assert_eq!(shown["refunds"].as_array().unwrap().len(), 1, "{shown}");
        assert_eq!(shown["refunds"][0]["amount_fen"], amount, "{shown}");
    }
    let lines = student.get("/api/v1/card/statement").await.body(200);
    let lines = lines["items"].as_array().unwrap();
    for (order, amount) in [(&first, -1800), (&second, -700)] {
        let back = |line: &&Value| line["order_id"] == order["id"] && line["amount_fen"] == amount;
        assert_eq!(lines.iter().filter(back).count(), 1, "{lines:?}");
    }
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    assert_eq!(world.rows.count("refund_answer").await, 2);
    world.assert_books_of("alipay", 5500).await;
}

async fn what_alipay_says_went_back_without_a_number_is_a_case(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _, trade) = topped_up_by_alipay(&world).await;
    let forge = AlipayForge::with_sandbox_keys();
    let paid = forge.paid("unnamed", trade_of(&trade));
    let message = paid.with("refund_fee", yuan(700)).with("gmt_refund", "2026-11-29 10:00:00.000");
    assert_eq!(forge.signed(&message).send(&world.api(), "xnec").await.text(), "success");
    eventually("staff hear of it", async || {
        (open_cases(&world).await == ["refunded_at_provider"]).then_some(())
    })
    .await;
    assert_eq!(student.balances().await[3], 5000, "nothing is posted");
    world.assert_books_of("alipay", 5000).await;
}

fn trade_of(trade: &TradeView) -> Trade<'_> {
    Trade {
        out_trade_no: &trade.out_trade_no,
        trade_no: &trade.trade_no,
        buyer_open_id: &trade.open_id,
        total_fen: trade.total_fen,
    }
}

async fn the_lost_message_of_two_stays_a_case_until_it_comes(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _, trade) = topped_up_by_alipay(&world).await;
    let number = &trade.out_trade_no;
    tell_refunds(&world, false);
    let lost = world.alipay().refund(number, 1000).unwrap().refunds.remove(0);
    tell_refunds(&world, true);
    world.alipay().refund(number, 500).unwrap();
    balance(&student, 4500).await;
    eventually("the rest is a case", async || {
        (open_cases(&world).await == ["refunded_at_provider"]).then_some(())
    })
    .await;
    // A message that names it comes after all.
    let forge = AlipayForge::with_sandbox_keys();
    let message = forge.paid("late", trade_of(&trade));
    let message = message.with("refund_fee", yuan(1000)).with("out_biz_no", lost.out_request_no);
    assert_eq!(forge.signed(&message).send(&world.api(), "xnec").await.text(), "success");
    balance(&student, 3500).await;
    eventually("it is explained", async || open_cases(&world).await.is_empty().then_some(())).await;
    world.assert_books_of("alipay", 3500).await;
}

/// Paid by both providers, neither message delivered; then so much of the second is given back in
/// Alipay's console.
async fn paid_by_both(world: &World, given_back: i64) -> (Student, Value) {
    let (in_wechat, _) = (world.student(0).await, world.alipay_student(0).await);
    let order = in_wechat.order(5000, "first").await.body(201);
    let again = in_wechat.try_again_by("alipay", &order, "again").await.body(201);
    let second = again["payment_id"].as_str().unwrap().replace('-', "");
    world.alipay().drop_callbacks(&second).unwrap();
    world.alipay().pay(&second).unwrap();
    tell_refunds(world, false);
    let trade = world.alipay().refund(&second, given_back).unwrap();
    tell_refunds(world, true);
    let first = world.pay_order(&order).await;
    world.until(&first.out_trade_no, |payment| payment.accepted == 1).await;
    // The sweep finds it paid and given back.
    eventually("the second is known", async || {
        (world.rows.count("payment WHERE state = 'paid'").await == 2).then_some(())
    })
    .await;
    let forge = AlipayForge::with_sandbox_keys();
    let message = forge.paid("refund", trade_of(&trade));
    let message = message
        .with("refund_fee", yuan(given_back))
        .with("out_biz_no", trade.refunds[0].out_request_no.clone());
    assert_eq!(forge.signed(&message).send(&world.api(), "xnec").await.text(), "success");
    (in_wechat, order)
}

async fn of_paid_by_both_and_given_back_in_the_console_nothing_stays(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = paid_by_both(&world, 5000).await;
    eventually("nothing is left", async || {
        (suspense(&world).await == 0 && open_cases(&world).await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(student.balances().await[3], 5000);
    eventually("nothing is under way", async || {
        (student.order_again(&order).await["state"] == "fulfilled").then_some(())
    })
    .await;
    world.assert_books(5000).await;
}

/// The second is WeChat Pay's, whose answer says that some of it went back; the message says how much.
async fn of_paid_by_both_and_partly_given_back_the_rest_goes_back(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _) = (world.student(0).await, world.alipay_student(0).await);
    let order = student.order(5000, "first").await.body(201);
    let second = world.pay_untold(&order).await;
    world.callbacks().set_mode(CallbackMode::Manual);
    let made = world.pay().refund_in_console(&second.out_trade_no, 2000).unwrap();
    world.pay().drop_refund_callbacks(&made.out_refund_no).unwrap();
    world.callbacks().set_mode(CallbackMode::Auto);
    let again = student.try_again_by("alipay", &order, "again").await.body(201);
    world.alipay().pay(&again["payment_id"].as_str().unwrap().replace('-', "")).unwrap();
    eventually("the second is known", async || {
        (world.rows.count("payment WHERE state = 'paid'").await == 2).then_some(())
    })
    .await;
    assert_eq!(suspense(&world).await, 5000);
    world.pay().set_refund_mode(RefundMode::ByHand);
    let forge = Forge::with_sandbox_keys();
    let message = forge.refund("late", &second, &told(&made.out_refund_no, "SUCCESS", 2000));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    let shown = student.order_again(&order).await;
    let refunds = shown["refunds"].as_array().unwrap();
    let mut amounts: Vec<_> = refunds.iter().map(|one| one["amount_fen"].as_i64()).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [Some(2000), Some(3000)], "{shown}");
    assert_eq!(shown["state"], "refunding");
    assert_eq!((suspense(&world).await, student.balances().await[3]), (3000, 5000));
    assert_eq!(open_cases(&world).await, ["second_payment"]);
}

async fn a_console_refund_before_ours_is_sent_ends_ours(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    let first = approved(&world, payment, 1000).await;
    until(&student, &order, "sent").await;
    // It waits for the first, and its money is held.
    approved(&world, payment, 4000).await;
    world.pay().set_refund_mode(RefundMode::Succeed);
    world.pay().refund_in_console(&payment.out_trade_no(), 500).unwrap();
    balance(&student, -500).await;
    world.pay().end_refund(&first.number(), RefundEnd::Succeed).unwrap();
    until(&student, &order, "done").await;
    world.change("UPDATE outbox SET due_at = 1 WHERE state = 'waiting'", []).await;
    eventually("the second ends unsent", async || {
        let order = student.order_again(&order).await;
        (order["refunds"][1]["state"] == "failed").then_some(())
    })
    .await;
    assert_eq!((student.balances().await[3], held(&world).await), (3500, 0));
    assert_eq!(open_cases(&world).await, ["refund_over"]);
    world.assert_books(3500).await;
}

/// WeChat Pay's answer says only that some went back: the case waits for the console's refund.
async fn a_refund_of_ours_does_not_explain_one_in_the_console(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    world.callbacks().set_mode(CallbackMode::Manual);
    let made = world.pay().refund_in_console(&payment.out_trade_no, 1800).unwrap();
    world.pay().drop_refund_callbacks(&made.out_refund_no).unwrap();
    world.callbacks().set_mode(CallbackMode::Auto);
    eventually("the student looks, and the order is credited", async || {
        student.order_again(&order).await;
        (student.balances().await[3] == 5000).then_some(())
    })
    .await;
    assert_eq!(open_cases(&world).await, ["refunded_at_provider"]);
    let id = PaymentId::from_out_trade_no(&payment.out_trade_no).unwrap();
    world.pay().set_refund_mode(RefundMode::ByHand);
    let ours = approved(&world, id, 100).await;
    until(&student, &order, "sent").await;
    let forge = Forge::with_sandbox_keys();
    let message = forge.refund("ours", &payment, &told(&ours.number(), "SUCCESS", 100));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    until(&student, &order, "done").await;
    assert_eq!(open_cases(&world).await, ["refunded_at_provider"], "it says nothing of the other");
    let message = forge.refund("late", &payment, &told(&made.out_refund_no, "SUCCESS", 1800));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    world.assert_books(3100).await;
}

/// The sweep has asked about the order once more: what it asked before was answered.
async fn asked_again(world: &World, gate: &Faults, order: &Value) {
    let number = world.out_trade_no(order).await;
    let before = gate.asked(&number);
    eventually("it is asked about again", async || {
        world.rows.due(order["id"].as_str().unwrap()).await;
        (gate.asked(&number) > before).then_some(())
    })
    .await;
}

async fn a_refund_heard_of_before_its_payment_is_kept(db: &TestDb) {
    let (world, gate) = World::gated(db, &[("PAYMENTS__FIRST_LOOK_MS", "50")]).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let number = world.out_trade_no(&order).await;
    let unknown = r#"{"code":"ORDERNOTEXIST","message":"not yet"}"#;
    gate.meets(&number, Fault::Says(404, unknown));
    asked_again(&world, &gate, &order).await;
    let payment = world.pay_untold(&order).await;
    let forge = Forge::with_sandbox_keys();
    let message = forge.refund("early", &payment, &told("elsewhere", "SUCCESS", 1800));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    let before = gate.asked(&number);
    let due = "UPDATE notification SET ask_at = 1 WHERE ask_at > 0";
    eventually("it was asked about", async || {
        world.rows.change(due, []).await;
        (gate.asked(&number) > before + 5).then_some(())
    })
    .await;
    assert_eq!(world.rows.count("notification WHERE ask_at > 0").await, 1, "it is still asked");
    gate.heal();
    eventually("the balance", async || {
        world.rows.change(due, []).await;
        (student.balances().await[3] == 3200).then_some(())
    })
    .await;
    world.assert_books(3200).await;
}

/// Alipay's message about a refund looks like one of a payment, and credits nothing while Alipay does
/// not say that the payment was made.
async fn a_refund_that_alipay_tells_of_before_its_payment_is_kept(db: &TestDb) {
    let (world, gate) = World::gated(db, &[("PAYMENTS__FIRST_LOOK_MS", "50")]).await;
    let student = world.alipay_student(0).await;
    let order = student.order_with(&wish_by("alipay", 5000), "first").await.unwrap().body(201);
    let number = world.out_trade_no(&order).await;
    gate.meets(&number, Fault::Says(200, TRADE_NOT_EXIST));
    asked_again(&world, &gate, &order).await;
    world.alipay().drop_callbacks(&number).unwrap();
    world.alipay().pay(&number).unwrap();
    let request = world.alipay().refund(&number, 1800).unwrap().refunds.remove(0).out_request_no;
    let told = |trade: &TradeView| trade.refunds.iter().any(|refund| refund.accepted > 0);
    world.alipay().until(&number, told).await;
    let before = gate.asked(&number);
    let due = "UPDATE notification SET ask_at = 1 WHERE ask_at > 0";
    eventually("it was asked about", async || {
        world.rows.change(due, []).await;
        (gate.asked(&number) > before + 5).then_some(())
    })
    .await;
    assert_eq!(world.rows.count("notification WHERE ask_at > 0").await, 1, "it is still asked");
    assert_eq!((world.rows.count("transfer").await, student.balances().await[3]), (0, 0));
    assert_eq!(student.order_again(&order).await["state"], "awaiting_payment");
    gate.heal();
    eventually("the balance", async || {
        world.rows.change(due, []).await;
        (student.balances().await[3] == 3200).then_some(())
    })
    .await;
    assert_eq!(world.rows.texts("SELECT refund_number FROM refund").await, [request]);
    world.assert_books_of("alipay", 3200).await;
}

async fn an_approval_allows_one_refund(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _, payment) = topped_up(&world).await;
    let id = ask(&world, payment, 100).await.unwrap();
    let approval = world.rows.id("SELECT approval_id FROM refund").await;
    let again = AskedRefund { payment, amount: fen(100), approval };
    let asking = async |tx: &_| onecard::payments::refunds::ask(tx, again, now()).await;
    let refused = world.db.in_tx_once(asking).await;
    assert!(matches!(refused, Err(RefundError::Db(error)) if error.is_unique_violation()));
    let other = "UPDATE refund SET approval_id = $1";
    world.rows.change(other, [uuid::Uuid::new_v4().into()]).await;
    let refused = approve(&world, id).await;
    assert!(matches!(refused, Err(RefundError::Db(_))), "{refused:?}");
    assert_eq!(student.balances().await[3], 5000);
}

/// The provider was asked about the refund as it was sent before.
async fn what_was_sent_again_meanwhile_is_not_ended(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::NotEnough);
    let refund = approved(&world, payment, 1000).await;
    until(&student, &order, "sent").await;
    let sent_at = world.rows.number("SELECT sent_at FROM refund").await;
    let end = async |sent_at: i64| {
        let sent_at = Some(Timestamp::from_micros(sent_at));
        let ending = RefundEnding { refund, approval: uuid::Uuid::new_v4(), sent_at };
        world.db.in_tx(async |tx| Payments::end_refund(tx, ending, now()).await).await
    };
    assert!(matches!(end(sent_at - 1).await, Err(RefundError::JustSent)));
    assert_eq!(held(&world).await, 1000);
    end(sent_at).await.unwrap();
    assert!(matches!(end(sent_at).await, Err(RefundError::Decided)));
    assert_eq!((held(&world).await, student.balances().await[3]), (0, 5000));
    world.assert_books(5000).await;
}

/// A case is no reason to take the money elsewhere: whoever can write one could have a refund of a
/// credited payment taken from suspense.
async fn where_the_money_is_the_posting_says(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    let forged = "INSERT INTO review_case (id, school_id, kind, subject, detail, opened_at) \
        SELECT $1, school_id, 'payment', 'second_payment:' || reference, '', 0 FROM transfer";
    world.rows.change(forged, [uuid::Uuid::new_v4().into()]).await;
    approved(&world, payment, 1000).await;
    until(&student, &order, "done").await;
    assert_eq!(student.balances().await[3], 4000);
    assert_eq!((suspense(&world).await, held(&world).await), (0, 0));
}

/// A refund that was made to look failed would keep what it holds.
async fn an_ended_refund_is_authentic_too(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    let id = approved(&world, payment, 1000).await;
    until(&student, &order, "sent").await;
    let failed = "UPDATE refund SET state = 'failed', ended_at = created_at";
    world.rows.change(failed, []).await;
    let refused = ask(&world, payment, 1000).await;
    assert!(matches!(refused, Err(RefundError::Db(_))), "{refused:?}");
    let refund: &Authority =
        Order::AUTHORITY.iter().find(|authority| authority.table == "refund").unwrap();
    let rows = refund.page((&world.db).into(), None).await.unwrap();
    let broken = rows.iter().filter(|row| !row.verdict(refund, world.db.macs()).fits());
    let broken: Vec<_> = broken.map(|row| RefundId::from_uuid(row.id)).collect();
    assert_eq!(broken, [id]);
}

/// Alipay names the payer by open id, user id, or both; the student's identity has both.
async fn the_payer_is_known_by_either_id(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.alipay_student(0).await;
    let forge = AlipayForge::with_sandbox_keys();
    for (key, user_id, verdict) in
        [("mine", None, "settled"), ("another's", Some("2088000000000000"), "disagrees")]
    {
        let order = student.order_with(&wish_by("alipay", 100), key).await.unwrap().body(201);
        let number = world.out_trade_no(&order).await;
        assert_eq!(order["pay"]["provider"], "alipay");
        let trade = world.alipay().payment(&number).unwrap();
        let notice = forge.paid(key, trade_of(&trade)).without("buyer_open_id");
        let letter = forge.signed(&notice.with("buyer_id", user_id.unwrap_or(&trade.user_id)));
        assert_eq!(letter.send(&world.api(), "xnec").await.text(), "success", "{key}");
        let newest = "SELECT verdict FROM notification ORDER BY received_at DESC LIMIT 1";
        assert_eq!(world.rows.texts(newest).await, [verdict], "{key}");
    }
}

/// A payment of ours is one of another merchant, or of another provider, as far as its row says: neither
/// the message of its refund nor what is answered about it ends anything, and it goes on to be asked.
async fn a_refund_of_a_payment_that_is_not_that_merchants_posts_nothing(db: &TestDb) {
    let world = World::start_with(db, &[("PAYMENTS__FIRST_LOOK_MS", "50")]).await;
    let student = world.student(0).await;
    let others = ["merchant = '1900009999'", "provider = 'alipay'"];
    for (n, other) in (1..).zip(others) {
        let key = format!("order-{n}");
        let order = student.order(5000, &key).await.body(201);
        let number = world.pay_order(&order).await.out_trade_no;
        let paid = world.until(&number, |payment| payment.accepted == 1).await;
        world.callbacks().set_mode(CallbackMode::Manual);
        let made = world.pay().refund_in_console(&number, 1800).unwrap();
        world.pay().drop_refund_callbacks(&made.out_refund_no).unwrap();
        world.callbacks().set_mode(CallbackMode::Auto);
        let id = PaymentId::from_out_trade_no(&number).unwrap().uuid();
        let becomes = format!("UPDATE payment SET {other} WHERE id = $1");
        assert_eq!(world.change(&becomes, [id.into()]).await, 1);

        let forge = Forge::with_sandbox_keys();
        let message = forge.refund(&key, &paid, &told(&made.out_refund_no, "SUCCESS", 1800));
        assert_eq!(message.send(&world.api(), "xnec").await.status, 204, "{other}");
        let newest = "SELECT verdict FROM notification ORDER BY received_at DESC LIMIT 1";
        assert_eq!(world.rows.texts(newest).await, ["refunded"], "{other}");
        let before = world.sandbox().requests.count(QUERY);
        eventually("it was asked about", async || {
            world.rows.change("UPDATE notification SET ask_at = 1 WHERE ask_at > 0", []).await;
            (world.sandbox().requests.count(QUERY) > before + 5).then_some(())
        })
        .await;
        assert_eq!(world.rows.count("notification WHERE ask_at > 0").await, n, "{other}");
        assert_eq!(world.rows.count("refund").await, 0, "{other}");
        assert_eq!(student.balances().await[3], 5000 * n, "{other}");
    }
}

/// The other merchant is real, its message is validly signed, and it names a payment that is not its own.
async fn another_merchants_message_gives_nothing_of_ours_back(db: &TestDb) {
    let mut world = World::unserved(db).await;
    world.use_own_app("ynart");
    world.serve_first();
    let (student, _, payment) = topped_up(&world).await;
    let paid = world.pay().payment(&payment.out_trade_no()).unwrap();
    let held_back = ask(&world, payment, 1000).await.unwrap().number();
    let theirs = Forge::of_school("ynart");
    for (id, refund) in [("made-there", "elsewhere"), ("made-here", &held_back)] {
        let message = theirs.refund(id, &paid, &told(refund, "SUCCESS", 1000));
        assert_eq!(message.send(&world.api(), "ynart").await.status, 204, "{id}");
        let newest = "SELECT verdict FROM notification ORDER BY received_at DESC LIMIT 1";
        assert_eq!(world.rows.texts(newest).await, ["refunded"], "{id}");
        assert_eq!(world.rows.count("refund WHERE state = 'done'").await, 0, "{id}");
        assert_eq!(student.balances().await[3], 5000, "{id}");
    }
    world.at_rest().await;
    world.assert_books(5000).await;
}
