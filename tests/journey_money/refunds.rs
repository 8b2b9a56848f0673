//! Money that goes back: by itself, by staff, and in the provider's console; what the provider says and
//! does not say; and that every law holds after each.

use futures_util::future::join_all;
use onecard::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        account::{Account, CardAccount, CardId, Name, PersonAccount, SchoolAccount},
        post_all,
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::{order::PaymentId, refund::RefundId},
    payments::refunds::{self, AskedRefund, RefundError},
};
use sandbox::wechat_pay::{RefundEnd, RefundMode};
use serde_json::{Value, json};
use testkit::{
    Fault, Forge, PATIENCE, Student, TestDb, ToldRefund, World, eventually, on_each_database,
    within,
};

on_each_database!(
    staff_give_back_what_is_left_of_a_top_up,
    of_sixteen_refunds_at_once_no_more_is_given_back_than_was_paid,
    a_refund_is_held_only_while_the_money_is_there,
    what_is_on_the_chip_is_not_held,
    a_refund_that_is_closed_returns_the_money,
    an_abnormal_refund_stays_until_it_is_decided,
    a_lost_answer_is_asked_for_under_the_same_number,
    a_message_before_the_answer_ends_the_refund,
    a_refund_that_is_refused_stays_with_a_case_and_goes_on,
    a_refund_in_the_console_posts_and_may_leave_a_debt,
    paid_and_refunded_heard_of_at_once_is_both,
    a_message_that_does_not_fit_posts_nothing,
    the_second_refund_of_a_payment_waits_for_the_first,
    a_declined_refund_costs_nothing,
);

pub fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

/// A top-up of 5,000 fen that was paid.
pub async fn topped_up(world: &World) -> (Student, Value, PaymentId) {
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    (student, order, PaymentId::from_out_trade_no(&payment.out_trade_no).unwrap())
}

pub fn now() -> Timestamp {
    testkit::now()
}

pub async fn ask(world: &World, payment: PaymentId, amount: i64) -> Result<RefundId, RefundError> {
    let asked = AskedRefund { payment, amount: fen(amount), approval: uuid::Uuid::new_v4() };
    let asking = world.db.in_tx(async |tx| refunds::ask(tx, asked, now()).await).await;
    asking.map(|refund| refund.id)
}

pub async fn approve(world: &World, id: RefundId) -> Result<(), RefundError> {
    world.db.in_tx(async |tx| refunds::approve(tx, id, now()).await).await.map(|_| ())
}

pub async fn approved(world: &World, payment: PaymentId, amount: i64) -> RefundId {
    let id = ask(world, payment, amount).await.unwrap();
    approve(world, id).await.unwrap();
    id
}

pub fn told<'a>(number: &'a str, status: &'a str, amount_fen: i64) -> ToldRefund<'a> {
    ToldRefund { number, status, amount_fen }
}

/// The student spends so much, or gets it back.
pub async fn spend(world: &World, amount: i64) {
    let till = Account::School(SchoolAccount::Merchant(Name::parse("till").unwrap()));
    let mine = Account::Person(PersonAccount::EAccount);
    let (from, to) = if amount < 0 { (till, mine) } else { (mine, till) };
    post(world, &format!("spent {amount}"), Leg { from, to, amount: fen(amount.abs()) }).await;
}

async fn post(world: &World, reference: &str, leg: Leg) {
    let transfer = Transfer {
        school: SchoolId::from_number(world.rows.school("xnec").await),
        person: Some(PersonId::from_uuid(world.rows.id("SELECT person_id FROM orders").await)),
        kind: Kind::new("test"),
        reference: reference.to_owned(),
        nature: Nature::Fact,
        value_day: now().day(),
        legs: vec![leg],
    };
    let transfers = std::slice::from_ref(&transfer);
    let posted = world.db.in_tx(async |tx| post_all(tx, now(), transfers).await);
    assert!(posted.await.unwrap()[0].is_ok());
}

/// Waits until the order's first refund has this state.
pub async fn until(student: &Student, order: &Value, state: &str) -> Value {
    eventually(state, async || {
        let order = student.order_again(order).await;
        (order["refunds"][0]["state"] == state).then_some(order)
    })
    .await
}

pub async fn open_cases(world: &World) -> Vec<String> {
    let cases = "SELECT subject FROM review_case WHERE closed_at IS NULL ORDER BY subject";
    let whys = world.rows.texts(cases).await;
    whys.iter().map(|case| case.split(':').next().unwrap().to_owned()).collect()
}

/// What is held and not given back yet.
pub async fn held(world: &World) -> i64 {
    let sql = "SELECT CAST(COALESCE(SUM(balance_fen), 0) AS BIGINT) FROM account \
               WHERE path LIKE 'person/%/refund'";
    world.rows.number(sql).await
}

async fn staff_give_back_what_is_left_of_a_top_up(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    for amount in [0, 5001] {
        let asked = ask(&world, payment, amount).await;
        assert!(matches!(asked, Err(RefundError::TooMuch { left }) if left == fen(5000)));
    }
    let id = ask(&world, payment, 2000).await.unwrap();
    assert_eq!(student.balances().await, [0, 0, 5000, 5000], "asking holds nothing");
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    approve(&world, id).await.unwrap();
    assert_eq!(student.balances().await, [0, 0, 3000, 3000], "approving holds it");
    assert!(matches!(approve(&world, id).await, Err(RefundError::Decided)));
    let shown = until(&student, &order, "done").await;
    assert_eq!(shown["state"], "fulfilled", "part of it is back");
    assert_eq!(shown["refunds"][0]["surplus"], false);
    assert_eq!(student.balances().await, [0, 0, 3000, 3000]);
    world.assert_books(3000).await;

    // The provider wants a minute between two of a payment.
    world.change("UPDATE refund SET sent_at = sent_at - 120000000", []).await;
    approved(&world, payment, 3000).await;
    let refused = "refund_refused";
    eventually("all of it is asked for", async || {
        let order = student.order_again(&order).await;
        (order["refunds"][1]["state"] == "sent").then_some(())
    })
    .await;
    // It is a minute early there, which passes.
    eventually("the provider has refused it", async || {
        let tries = "outbox WHERE state = 'waiting' AND tries > 0 AND leased_until = 0";
        (world.rows.count(tries).await == 1).then_some(())
    })
    .await;
    assert!(!open_cases(&world).await.contains(&refused.to_owned()), "a limit is no refusal");
    assert_eq!(held(&world).await, 3000);
    let entries = student.get("/api/v1/card/statement?kind=refund").await.body(200);
    let titles = ["充值退款", "充值退款"];
    for (entry, title) in entries["items"].as_array().unwrap().iter().zip(titles) {
        assert_eq!((&entry["title"], &entry["order_id"]), (&json!(title), &order["id"]));
    }
    assert_eq!(entries["items"].as_array().unwrap().len(), 2);
    assert_eq!(student.order_again(&order).await["state"], "refunding");
    world.assert_books(3000).await;
}

async fn of_sixteen_refunds_at_once_no_more_is_given_back_than_was_paid(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _, payment) = topped_up(&world).await;
    let asked = join_all((0..16).map(|_| ask(&world, payment, 1000))).await;
    let ids: Vec<_> = asked.into_iter().filter_map(Result::ok).collect();
    assert_eq!(ids.len(), 5);
    let both = ids.iter().chain(&ids).map(|id| approve(&world, *id));
    let approved = join_all(both).await;
    assert_eq!(approved.iter().filter(|done| done.is_ok()).count(), 5);
    assert_eq!(student.balances().await, [0; 4]);
    eventually("the first is done", async || {
        (world.rows.count("refund WHERE state = 'done'").await == 1).then_some(())
    })
    .await;
    assert_eq!(world.rows.count("refund WHERE state = 'requested'").await, 4);
    assert_eq!(held(&world).await, 4000);
    world.assert_books(4000).await;
}

async fn a_refund_is_held_only_while_the_money_is_there(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    let ids =
        [ask(&world, payment, 3000).await.unwrap(), ask(&world, payment, 2000).await.unwrap()];
    // In the console somebody was quicker.
    world.pay().refund_in_console(&payment.out_trade_no(), 2500).unwrap();
    eventually("it is posted", async || {
        (student.balances().await == [0, 0, 2500, 2500]).then_some(())
    })
    .await;
    let approved = approve(&world, ids[0]).await;
    assert!(matches!(approved, Err(RefundError::TooMuch { left }) if left == fen(2500)));
    assert_eq!(student.balances().await, [0, 0, 2500, 2500]);
    spend(&world, 501).await;
    assert!(
        matches!(approve(&world, ids[1]).await, Err(RefundError::Spent { short: Some(short) }) if short == fen(1))
    );
    spend(&world, -501).await;
    approve(&world, ids[1]).await.unwrap();
    assert_eq!(student.balances().await, [0, 0, 500, 500]);
    assert_eq!(student.order_again(&order).await["state"], "refunding");
    world.at_rest().await;
    world.assert_books(2500).await;
}

/// It goes back at the counter, where the chip can be written.
async fn what_is_on_the_chip_is_not_held(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _, payment) = topped_up(&world).await;
    let card = CardId::from_uuid(uuid::Uuid::from_u128(7));
    let (from, to) =
        (Account::School(SchoolAccount::Opening), Account::Card(card, CardAccount::Card));
    post(&world, "written", Leg { from, to, amount: fen(5000) }).await;
    spend(&world, 4000).await;
    let id = ask(&world, payment, 3000).await.unwrap();
    assert!(matches!(approve(&world, id).await, Err(RefundError::Spent { .. })));
    assert_eq!((student.balances().await, held(&world).await), ([5000, 0, 1000, 6000], 0));
}

async fn a_refund_that_is_closed_returns_the_money(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    let id = approved(&world, payment, 5000).await;
    until(&student, &order, "sent").await;
    let refund = within(PATIENCE, world.pay().until_refund(&id.number(), |_| true)).await;
    assert_eq!(refund.status, "PROCESSING");
    assert_eq!((student.balances().await, held(&world).await), ([0; 4], 5000));
    world.pay().end_refund(&id.number(), RefundEnd::Close).unwrap();
    let shown = until(&student, &order, "failed").await;
    assert_eq!(shown["state"], "fulfilled");
    assert_eq!((student.balances().await[2], held(&world).await), (5000, 0));
    assert_eq!(open_cases(&world).await, ["refund_closed"]);
    world.assert_books(5000).await;
    // A new refund has a new number.
    world.change("UPDATE refund SET sent_at = sent_at - 120000000", []).await;
    assert_ne!(ask(&world, payment, 5000).await.unwrap(), id);
}

async fn an_abnormal_refund_stays_until_it_is_decided(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    let id = approved(&world, payment, 5000).await;
    within(PATIENCE, world.pay().until_refund(&id.number(), |_| true)).await;
    world.pay().end_refund(&id.number(), RefundEnd::Abnormal).unwrap();
    within(PATIENCE, world.pay().until_refund(&id.number(), |refund| refund.accepted == 1)).await;
    assert_eq!(open_cases(&world).await, ["refund_abnormal"]);
    let shown = student.order_again(&order).await;
    assert_eq!(
        (&shown["state"], &shown["refunds"][0]["state"]),
        (&json!("refunding"), &json!("sent"))
    );
    assert_eq!(held(&world).await, 5000);
    world.assert_books(5000).await;
    world.pay().end_refund(&id.number(), RefundEnd::Succeed).unwrap();
    assert_eq!(until(&student, &order, "done").await["state"], "refunded");
    assert_eq!((held(&world).await, open_cases(&world).await), (0, Vec::new()));
    world.assert_books(0).await;
}

async fn a_lost_answer_is_asked_for_under_the_same_number(db: &TestDb) {
    let (world, gate) = World::gated(db, &[("PAYMENTS__FIRST_LOOK_MS", "50")]).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    gate.meets("", Fault::LosesAnswer);
    let id = approved(&world, payment, 5000).await;
    within(PATIENCE, world.pay().until_refund(&id.number(), |_| true)).await;
    world.pay().drop_refund_callbacks(&id.number()).unwrap();
    assert_eq!(student.order_again(&order).await["state"], "refunding");
    world.pay().end_refund(&id.number(), RefundEnd::Succeed).unwrap();
    let shown = until(&student, &order, "done").await;
    assert_eq!(shown["state"], "refunded");
    assert_eq!(world.pay().refunds_of(&payment.out_trade_no()).len(), 1);
    world.assert_books(0).await;
}

async fn a_message_before_the_answer_ends_the_refund(db: &TestDb) {
    let (world, gate) = World::gated(db, &[]).await;
    let (student, order, payment) = topped_up(&world).await;
    // The next try is minutes away: only the message can tell.
    gate.meets("", Fault::LosesAnswer);
    let id = approved(&world, payment, 5000).await;
    assert_eq!(until(&student, &order, "done").await["state"], "refunded");
    for _ in 0..2 {
        let copies = json!({ "times": 3, "parallel": 3, "fresh_id": true });
        let how = serde_json::from_value(copies).unwrap();
        world.pay().repeat_refund(&id.number(), how).await.unwrap();
    }
    assert_eq!(world.rows.count("transfer WHERE kind = 'refunded'").await, 1);
    world.assert_books(0).await;
}

async fn a_refund_that_is_refused_stays_with_a_case_and_goes_on(db: &TestDb) {
    let (world, _gate) = World::gated(db, &[("PAYMENTS__FIRST_LOOK_MS", "50")]).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::NotEnough);
    approved(&world, payment, 5000).await;
    eventually("staff hear of it", async || {
        (open_cases(&world).await == ["refund_refused"]).then_some(())
    })
    .await;
    assert_eq!(student.order_again(&order).await["refunds"][0]["state"], "sent");
    assert_eq!(held(&world).await, 5000);
    world.pay().set_refund_mode(RefundMode::Succeed);
    assert_eq!(until(&student, &order, "done").await["state"], "refunded");
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    world.assert_books(0).await;
}

async fn a_refund_in_the_console_posts_and_may_leave_a_debt(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    // Held by a refund, as good as spent.
    world.pay().set_refund_mode(RefundMode::ByHand);
    let id = approved(&world, payment, 4000).await;
    until(&student, &order, "sent").await;
    within(PATIENCE, world.pay().until_refund(&id.number(), |_| true)).await;
    world.pay().end_refund(&id.number(), RefundEnd::Close).unwrap();
    until(&student, &order, "failed").await;
    for (amount, left) in [(1500, 3500), (3500, 0)] {
        world.pay().refund_in_console(&payment.out_trade_no(), amount).unwrap();
        eventually("it is posted", async || (student.balances().await[3] == left).then_some(()))
            .await;
        world.assert_books(left).await;
    }
    assert_eq!(student.order_again(&order).await["state"], "refunded");

    // Another top-up, whose money goes to a refund that stays under way: then it is a debt.
    let second = student.order(1000, "second").await.body(201);
    let paid = world.pay_order(&second).await;
    world.until(&paid.out_trade_no, |payment| payment.accepted == 1).await;
    let number = PaymentId::from_out_trade_no(&paid.out_trade_no).unwrap();
    let asked = ask(&world, number, 1000).await.unwrap();
    approve(&world, asked).await.unwrap();
    within(PATIENCE, world.pay().until_refund(&asked.number(), |_| true)).await;
    world.pay().end_refund(&asked.number(), RefundEnd::Abnormal).unwrap();
    assert_eq!(student.balances().await[3], 0);
    let forge = Forge::with_sandbox_keys();
    let message = forge.refund("debt", &paid, &told("elsewhere", "SUCCESS", 400));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    assert_eq!(student.balances().await[3], -400);
    assert_eq!(held(&world).await, 1000);
    world.assert_books(600).await;
}

async fn paid_and_refunded_heard_of_at_once_is_both(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_untold(&order).await;
    world.pay().refund_in_console(&payment.out_trade_no, 1800).unwrap();
    eventually("it is credited and given back", async || {
        (student.balances().await == [0, 0, 3200, 3200]).then_some(())
    })
    .await;
    let shown = student.order_again(&order).await;
    assert_eq!(shown["state"], "fulfilled");
    assert_eq!(shown["refunds"][0]["amount_fen"], 1800);
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    assert_eq!(open_cases(&world).await, Vec::<String>::new());
    let commits = "SELECT COUNT(DISTINCT at) FROM transfer";
    assert_eq!(world.rows.number(commits).await, 1, "in one commit");
    world.assert_books(3200).await;
}

async fn a_message_that_does_not_fit_posts_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    let view = world.pay().payment(&payment.out_trade_no()).unwrap();
    world.pay().set_refund_mode(RefundMode::ByHand);
    let id = approved(&world, payment, 1000).await;
    until(&student, &order, "sent").await;
    let forge = Forge::with_sandbox_keys();
    let number = id.number();
    for (name, refund, verdict) in [
        ("less", told(&number, "SUCCESS", 999), "refund_disagrees"),
        ("more than was paid", told("elsewhere", "SUCCESS", 5001), "refund_disagrees"),
        ("closed elsewhere", told("elsewhere", "CLOSED", 100), "refund_known"),
        ("under way", told(&number, "PROCESSING", 1000), "refund_known"),
    ] {
        let message = forge.refund(name, &view, &refund);
        assert_eq!(message.send(&world.api(), "xnec").await.status, 204, "{name}");
        let newest = "SELECT verdict FROM notification ORDER BY received_at DESC LIMIT 1";
        assert_eq!(world.rows.texts(newest).await, [verdict], "{name}");
        assert_eq!(student.balances().await[3], 4000, "{name}");
    }
    assert_eq!(open_cases(&world).await, ["refund_disagrees", "refund_disagrees"]);
    assert_eq!(world.rows.count("refund").await, 1);
    world.assert_books(5000).await;
}

async fn the_second_refund_of_a_payment_waits_for_the_first(db: &TestDb) {
    let world = World::start_with(db, &[("PAYMENTS__FIRST_LOOK_MS", "50")]).await;
    let (student, order, payment) = topped_up(&world).await;
    world.pay().set_refund_mode(RefundMode::ByHand);
    let first = approved(&world, payment, 1000).await;
    until(&student, &order, "sent").await;
    let ids = [first, approved(&world, payment, 2000).await];
    eventually("the second has had its turn", async || {
        let waits = "outbox WHERE state = 'waiting' AND due_at > created_at + 50000000";
        (world.rows.count(waits).await >= 1).then_some(())
    })
    .await;
    assert!(world.pay().refund_view(&ids[1].number()).is_none());
    assert_eq!(student.order_again(&order).await["refunds"][1]["state"], "requested");
    world.pay().end_refund(&ids[0].number(), RefundEnd::Succeed).unwrap();
    until(&student, &order, "done").await;
    assert!(world.pay().refund_view(&ids[1].number()).is_none(), "within the minute");
    assert_eq!(held(&world).await, 2000);
    world.assert_books(4000).await;
}

async fn a_declined_refund_costs_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order, payment) = topped_up(&world).await;
    let id = ask(&world, payment, 5000).await.unwrap();
    let decline = async || world.db.in_tx(async |tx| refunds::decline(tx, id, now()).await).await;
    decline().await.unwrap();
    assert!(matches!(decline().await, Err(RefundError::Decided)));
    assert!(matches!(approve(&world, id).await, Err(RefundError::Decided)));
    let shown = student.order_again(&order).await;
    assert_eq!(
        (&shown["state"], &shown["refunds"][0]["state"]),
        (&json!("fulfilled"), &json!("failed"))
    );
    assert_eq!(student.balances().await[3], 5000);
    world.assert_books(5000).await;
    // What was declined may be asked for again.
    ask(&world, payment, 5000).await.unwrap();
}
