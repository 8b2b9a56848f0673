//! Refunds whose provider does not answer, or answers what nothing can rest on: they stay as they are,
//! under one number, until a query tells; and many of one payment at once.

use super::sweep::FAULTS;
use futures_util::future::join_all;
use onecard::{
    base::money::Fen,
    ledger::account::SchoolAccount,
    orders::{order::PaymentId, refund::RefundId},
    payments::refunds::{self, AskedRefund, RefundError},
};
use sandbox::{alipay::RefundCourse, wechat_pay::CallbackMode};
use serde_json::{Value, json};
use testkit::{Fault, Faults, Student, TestDb, World, eventually, now, on_each_database, wish_by};

on_each_database!(
    faults_of_wechat_pay_leave_a_refund_unknown_until_it_answers,
    faults_of_alipay_leave_a_refund_unknown_until_it_answers,
    a_lost_answer_of_alipay_is_asked_for_under_the_same_number,
    a_message_of_alipay_before_its_answer_ends_the_refund,
    a_refund_that_no_longer_fits_is_not_sent_again,
    a_refund_that_alipay_refuses_stays_with_a_case_and_goes_on,
    of_sixteen_refunds_of_a_trade_at_once_no_more_is_given_back_than_was_paid,
);

/// Tries follow each other quickly.
const QUICK: [(&str, &str); 2] =
    [("PAYMENTS__FIRST_LOOK_MS", "50"), ("PAYMENTS__MOST_OPEN_ORDERS", "100")];

fn number(payment: PaymentId) -> String {
    payment.out_trade_no()
}

/// A top-up that was paid. No provider tells anything by itself.
async fn topped_up(world: &World, student: &Student, wish: (&str, i64), key: &str) -> Top {
    let (funding, amount) = wish;
    let order = student.order_with(&wish_by(funding, amount), key).await.unwrap().body(201);
    let number = world.out_trade_no(&order).await;
    if funding == "alipay" {
        world.alipay().pay(&number).unwrap();
        world.alipay().deliver(&number).unwrap();
    } else {
        world.pay().pay(&number).unwrap();
        world.pay().deliver(&number).unwrap();
    }
    eventually("it is credited", async || {
        (student.order_again(&order).await["state"] == "fulfilled").then_some(())
    })
    .await;
    Top { order, payment: PaymentId::from_out_trade_no(&number).unwrap() }
}

const TRIES: &str = "SELECT CAST(SUM(tries) AS BIGINT) FROM outbox";

struct Top {
    order: Value,
    payment: PaymentId,
}

async fn ask(world: &World, payment: PaymentId, amount: i64) -> Result<RefundId, RefundError> {
    let asked =
        AskedRefund { payment, amount: Fen::new(amount).unwrap(), approval: uuid::Uuid::new_v4() };
    let asking = world.db.in_tx(async |tx| refunds::ask(tx, asked, now()).await).await;
    asking.map(|refund| refund.id)
}

async fn approve(world: &World, id: RefundId) -> Result<(), RefundError> {
    world.db.in_tx(async |tx| refunds::approve(tx, id, now()).await).await.map(|_| ())
}

async fn approved(world: &World, payment: PaymentId, amount: i64) -> RefundId {
    let id = ask(world, payment, amount).await.unwrap();
    approve(world, id).await.unwrap();
    id
}

async fn first_refund(student: &Student, order: &Value) -> Value {
    student.order_again(order).await["refunds"][0]["state"].clone()
}

/// What waits is tried at once.
async fn due(world: &World) {
    let due = "UPDATE outbox SET due_at = 0 WHERE state = 'waiting' AND leased_until = 0";
    world.rows.change(due, []).await;
}

async fn until_done(world: &World, student: &Student, order: &Value) {
    eventually("the refund is done", async || {
        due(world).await;
        (first_refund(student, order).await == "done").then_some(())
    })
    .await;
}

async fn faults_of_wechat_pay_leave_a_refund_unknown_until_it_answers(db: &TestDb) {
    outlasts_faults(db, "wechat_pay").await;
}

async fn faults_of_alipay_leave_a_refund_unknown_until_it_answers(db: &TestDb) {
    outlasts_faults(db, "alipay").await;
}

/// Both the request and the queries after it meet each fault.
async fn outlasts_faults(db: &TestDb, funding: &str) {
    let (world, gate) = World::gated(db, &QUICK).await;
    let student = world.student(0).await;
    world.alipay_student(0).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let mut kept = 0;
    for (n, fault) in FAULTS.into_iter().chain([Fault::LosesAnswer]).enumerate() {
        let top = topped_up(&world, &student, (funding, 100), &format!("key-{n}")).await;
        refund_meets(&world, &gate, (&student, &top), fault).await;
        kept += 40;
        assert_eq!(student.balances().await, [0, 0, kept, kept], "{fault:?}");
        let made = match funding {
            "alipay" => world.alipay().payment(&number(top.payment)).unwrap().refunds.len(),
            _ => world.pay().refunds_of(&number(top.payment)).len(),
        };
        assert_eq!(made, 1, "{fault:?}");
        assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0, "{fault:?}");
        world.at_rest().await;
        world.assert_books_of(funding, kept).await;
    }
    assert_eq!(world.rows.count("review_case WHERE closed_at IS NULL").await, 0);
}

async fn refund_meets(
    world: &World,
    gate: &Faults,
    (student, top): (&Student, &Top),
    fault: Fault,
) {
    let before = gate.asked("");
    let id = ask(world, top.payment, 60).await.unwrap();
    gate.meets("", fault);
    gate.meets(&id.number(), fault);
    approve(world, id).await.unwrap();
    // One that hangs is not asked after before its call has timed out.
    let queries = if fault == Fault::Hangs { 0 } else { 2 };
    eventually(&format!("{fault:?} is met"), async || {
        due(world).await;
        (gate.asked("") > before && gate.asked(&id.number()) >= queries).then_some(())
    })
    .await;
    let shown = student.order_again(&top.order).await;
    let states = (&shown["state"], &shown["refunds"][0]["state"]);
    assert_eq!(states, (&json!("refunding"), &json!("sent")), "{fault:?}");
    let report = world.report().await;
    assert!(report.is_clean(), "{fault:?}, unknown: {report}");
    gate.heal();
    until_done(world, student, &top.order).await;
}

async fn a_lost_answer_of_alipay_is_asked_for_under_the_same_number(db: &TestDb) {
    let (world, gate) = World::gated(db, &QUICK).await;
    let student = world.alipay_student(0).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let top = topped_up(&world, &student, ("alipay", 5000), "first").await;
    gate.meets("", Fault::LosesAnswer);
    let id = approved(&world, top.payment, 5000).await;
    until_done(&world, &student, &top.order).await;
    assert_eq!(gate.asked(""), 1, "the second try asks and is told");
    let refunds = world.alipay().payment(&number(top.payment)).unwrap().refunds;
    let numbers: Vec<_> = refunds.iter().map(|refund| &refund.out_request_no).collect();
    assert_eq!(numbers, [&id.number()]);
    assert_eq!(student.order_again(&top.order).await["state"], "refunded");
    world.assert_books_of("alipay", 0).await;
}

/// Of the refund and of its end nothing was answered: the message has Alipay asked, which ends the refund
/// once, and the next try of the outbox sends nothing.
async fn a_message_of_alipay_before_its_answer_ends_the_refund(db: &TestDb) {
    let (world, gate) = World::gated(db, &QUICK).await;
    let student = world.alipay_student(0).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let top = topped_up(&world, &student, ("alipay", 5000), "first").await;
    gate.meets("", Fault::LosesAnswer);
    let id = ask(&world, top.payment, 5000).await.unwrap();
    gate.meets(&id.number(), Fault::Says(502, "<html></html>"));
    approve(&world, id).await.unwrap();
    // The next try is hours away: only the message can tell.
    let later = "UPDATE outbox SET due_at = due_at + 36000000000 \
                 WHERE state = 'waiting' AND leased_until = 0 AND tries > 0";
    eventually("it was sent, and its answer lost", async || {
        (world.rows.change(later, []).await == 1).then_some(())
    })
    .await;
    assert_eq!(first_refund(&student, &top.order).await, "sent");
    gate.heal();
    world.alipay().deliver_refund(&number(top.payment), &id.number()).unwrap();
    let asked = "UPDATE notification SET ask_at = 1 WHERE ask_at > 0";
    eventually("the message ends it", async || {
        world.rows.change(asked, []).await;
        (first_refund(&student, &top.order).await == "done").then_some(())
    })
    .await;
    let how = serde_json::from_value(json!({ "times": 3, "parallel": 3, "fresh_id": true }));
    let (trade, refund) = (number(top.payment), id.number());
    world.alipay().repeat_refund(&trade, &refund, how.unwrap()).await.unwrap();
    eventually("the job and all messages are done", async || {
        due(&world).await;
        world.rows.change(asked, []).await;
        let open = ["outbox WHERE state = 'waiting'", "notification WHERE ask_at > 0"];
        let counts = [world.rows.count(open[0]).await, world.rows.count(open[1]).await];
        (counts == [0, 0]).then_some(())
    })
    .await;
    assert_eq!(gate.asked(""), 1, "it is not sent again");
    assert_eq!(world.rows.count("transfer WHERE kind = 'refunded'").await, 1);
    assert_eq!(world.rows.count("review_case WHERE closed_at IS NULL").await, 0);
    assert_eq!(student.order_again(&top.order).await["state"], "refunded");
    world.assert_books_of("alipay", 0).await;
}

/// It was sent, and did not arrive; meanwhile somebody gave most of the payment back in the console.
async fn a_refund_that_no_longer_fits_is_not_sent_again(db: &TestDb) {
    let (world, gate) = World::gated(db, &QUICK).await;
    let student = world.student(0).await;
    world.pay().set_callback_mode(CallbackMode::Manual);
    let top = topped_up(&world, &student, ("wechat_pay", 5000), "first").await;
    gate.meets("", Fault::Says(502, "<html></html>"));
    approved(&world, top.payment, 3000).await;
    eventually("it is sent", async || (gate.asked("") > 0).then_some(())).await;
    let console = world.pay().refund_in_console(&number(top.payment), 2500).unwrap();
    world.pay().deliver_refund(&console.out_refund_no).unwrap();
    let over = "review_case WHERE closed_at IS NULL AND subject LIKE 'refund_over:%'";
    eventually("staff hear of it", async || {
        due(&world).await;
        (world.rows.count(over).await == 1).then_some(())
    })
    .await;
    let (sent, tries) = (gate.asked(""), world.rows.number(TRIES).await);
    gate.heal();
    eventually("it is asked about", async || {
        due(&world).await;
        (world.rows.number(TRIES).await > tries + 1).then_some(())
    })
    .await;
    assert_eq!(gate.asked(""), sent);
    assert_eq!(first_refund(&student, &top.order).await, "sent");
    assert_eq!(world.pay().refunds_of(&number(top.payment)).len(), 1);
    assert_eq!(student.balances().await[3], -500);
    world.at_rest().await;
    world.assert_books(2500).await;
}

async fn a_refund_that_alipay_refuses_stays_with_a_case_and_goes_on(db: &TestDb) {
    let world = World::start_with(db, &QUICK).await;
    let student = world.alipay_student(0).await;
    let top = topped_up(&world, &student, ("alipay", 5000), "first").await;
    let alipay = world.alipay();
    let app = alipay.apps()[0].app_id.clone();
    alipay.set_refunds(&app, RefundCourse::NoBalance).unwrap();
    let id = approved(&world, top.payment, 2000).await;
    let open = "review_case WHERE closed_at IS NULL AND subject LIKE 'refund_refused:%'";
    eventually("staff hear of it", async || (world.rows.count(open).await == 1).then_some(()))
        .await;
    assert_eq!(first_refund(&student, &top.order).await, "sent");
    assert_eq!(student.balances().await[3], 3000, "held");

    // Accepted, and nothing is said of it until its money has moved; then it fails, and is tried again.
    alipay.set_refunds(&app, RefundCourse::Pending).unwrap();
    let trade = number(top.payment);
    let is = async |state: &str| {
        eventually(state, async || {
            due(&world).await;
            let refunds = alipay.payment(&trade).unwrap().refunds;
            refunds.iter().any(|refund| refund.state == state).then_some(())
        })
        .await;
    };
    is("pending").await;
    alipay.fail_refund(&trade, &id.number()).unwrap();
    is("pending").await;
    assert_eq!(first_refund(&student, &top.order).await, "sent");
    alipay.complete_refund(&trade, &id.number()).unwrap();
    until_done(&world, &student, &top.order).await;
    assert_eq!(world.rows.count("review_case WHERE closed_at IS NULL").await, 0);
    world.assert_books_of("alipay", 3000).await;
}

async fn of_sixteen_refunds_of_a_trade_at_once_no_more_is_given_back_than_was_paid(db: &TestDb) {
    let world = World::start_with(db, &QUICK).await;
    let student = world.alipay_student(0).await;
    let top = topped_up(&world, &student, ("alipay", 5000), "first").await;
    let asked = join_all((0..16).map(|_| ask(&world, top.payment, 1000))).await;
    let ids: Vec<_> = asked.into_iter().filter_map(Result::ok).collect();
    assert_eq!(ids.len(), 5);
    let both = ids.iter().chain(&ids).map(|id| approve(&world, *id));
    let approved = join_all(both).await;
    assert_eq!(approved.iter().filter(|done| done.is_ok()).count(), 5);
    assert_eq!(student.balances().await, [0; 4]);
    // One after the other, some seconds apart: as if they had passed.
    eventually("all are done", async || {
        let earlier = "UPDATE refund SET sent_at = sent_at - 60000000 WHERE sent_at > 0";
        world.rows.change(earlier, []).await;
        due(&world).await;
        (world.rows.count("refund WHERE state = 'done'").await == 5).then_some(())
    })
    .await;
    assert_eq!(student.order_again(&top.order).await["state"], "refunded");
    assert_eq!(world.alipay().payment(&number(top.payment)).unwrap().refunded_fen, 5000);
    world.assert_books_of("alipay", 0).await;
}
