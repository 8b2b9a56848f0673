//! Refunds in bills: those that we made, those that were made in the provider's console, and those that
//! no bill has.

use super::office::{next_noon, paid};
use async_trait::async_trait;
use onecard::{
    base::{
        clock::{Day, SystemClock, Timestamp},
        money::Fen,
    },
    ledger::seal,
    orders::{fact::Provider, order::PaymentId},
    payments::refunds::{self, AskedRefund},
    reconciliation::{Bill, BillError, BillSource, Differs, FoundState},
};
use sandbox::{alipay::TradeView, callbacks::CallbackMode};
use std::{sync::Arc, time::Duration};
use testkit::{Student, TestDb, World, eventually, now, on_each_database, wish_by};

on_each_database!(
    a_refund_of_ours_is_equal_and_its_fee_comes_back_by_wechat_pay,
    a_refund_of_ours_is_equal_and_its_fee_comes_back_by_alipay,
    a_refund_in_the_console_is_settled_by_the_answer_of_wechat_pay,
    a_refund_in_the_console_is_settled_by_the_answer_of_alipay,
    console_refunds_of_two_trades_may_have_one_number,
    console_refunds_of_one_number_in_no_bill_are_two_differences,
    a_refund_in_no_bill_is_a_difference,
);

/// Gives ¥12 of the payment back, as staff do, and waits for its end.
async fn give_back(world: &World, number: &str) {
    let payment = PaymentId::from_out_trade_no(number).unwrap();
    let asked =
        AskedRefund { payment, amount: Fen::new(1200).unwrap(), approval: uuid::Uuid::new_v4() };
    let approving = world.db.in_tx(async |tx| {
        let refund = refunds::ask(tx, asked, now()).await?;
        refunds::approve(tx, refund.id, now()).await
    });
    approving.await.unwrap();
    eventually("it is done", async || {
        let states = world.rows.texts("SELECT state FROM refund").await;
        (states == ["done"]).then_some(())
    })
    .await;
}

async fn a_refund_of_ours_is_equal_and_its_fee_comes_back_by_wechat_pay(db: &TestDb) {
    Box::pin(a_refund_of_ours_is_equal(db, Provider::WechatPay)).await;
}

async fn a_refund_of_ours_is_equal_and_its_fee_comes_back_by_alipay(db: &TestDb) {
    Box::pin(a_refund_of_ours_is_equal(db, Provider::Alipay)).await;
}

async fn a_refund_of_ours_is_equal(db: &TestDb, provider: Provider) {
    let world = World::start(db).await;
    let (_, number) = paid(&world, provider, true).await;
    give_back(&world, &number).await;
    let (office, day) = next_noon(&world, provider).await;
    for _ in 0..2 {
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!(totals.open_differences, 0, "{:?}", office.found("xnec", day).await);
        assert_eq!((totals.our_rows, totals.refunded_fen, totals.fee_fen), (2, 1200, 23));
        assert_eq!((totals.back_count, totals.back_fen), (1, 1200));
        assert_eq!(world.rows.count("bill_difference").await, 0, "equal, with nothing to repair");
    }
    assert_eq!(world.rows.texts("SELECT state FROM bill_day").await, ["closed"]);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    world.assert_books_of(provider.code(), 5000 - 1200 - 23).await;
}

async fn a_refund_in_the_console_is_settled_by_the_answer_of_wechat_pay(db: &TestDb) {
    Box::pin(a_refund_in_the_console_is_settled(db, Provider::WechatPay)).await;
}

async fn a_refund_in_the_console_is_settled_by_the_answer_of_alipay(db: &TestDb) {
    Box::pin(a_refund_in_the_console_is_settled(db, Provider::Alipay)).await;
}

/// Its message never comes; the bill tells of it.
async fn a_refund_in_the_console_is_settled(db: &TestDb, provider: Provider) {
    let world = World::start(db).await;
    let (student, number) = paid(&world, provider, true).await;
    world.sandbox().callbacks.set_mode(CallbackMode::Manual);
    match provider {
        Provider::WechatPay => drop(world.pay().refund_in_console(&number, 1800).unwrap()),
        Provider::Alipay => drop(world.alipay().refund(&number, 1800).unwrap()),
    }
    assert_eq!(world.rows.count("refund").await, 0);
    let (office, day) = next_noon(&world, provider).await;
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.repaired, totals.open_differences), (1, 0));
    assert_eq!((totals.back_count, totals.back_fen, totals.refunded_fen), (1, 1800, 1800));
    let fields = world.rows.texts("SELECT field FROM bill_difference").await;
    assert_eq!(fields, ["theirs_only"]);
    assert_eq!(student.balances().await, [0, 0, 3200, 3200]);
    // Again: it is a refund of ours now.
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 0);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
}

/// Refunds of two trades of Alipay, under one number, told of or not.
async fn two_of_one_number(world: &World, are_told: bool) -> Student {
    let (student, first) = paid(world, Provider::Alipay, true).await;
    let wish = wish_by("alipay", 3000);
    let order = student.order_with(&wish, "second").await.unwrap().body(201);
    let second = world.out_trade_no(&order).await;
    world.alipay().pay(&second).unwrap();
    world.alipay().until(&second, |trade| trade.accepted == 1).await;
    if !are_told {
        world.sandbox().callbacks.set_mode(CallbackMode::Manual);
    }
    for (number, back) in [(&first, 1800), (&second, 700)] {
        world.alipay().refund_as(number, "1", back).unwrap();
        if are_told {
            let told = |trade: &TradeView| trade.refunds.iter().any(|refund| refund.accepted > 0);
            world.alipay().until(number, told).await;
        }
    }
    student
}

/// The bill has both; neither message comes.
async fn console_refunds_of_two_trades_may_have_one_number(db: &TestDb) {
    let world = World::start(db).await;
    let student = two_of_one_number(&world, false).await;
    let (office, day) = next_noon(&world, Provider::Alipay).await;
    let totals = office.compare("xnec", day).await.unwrap();
    assert_eq!((totals.repaired, totals.open_differences), (2, 0));
    assert_eq!((totals.back_count, totals.back_fen, totals.refunded_fen), (2, 2500, 2500));
    assert_eq!(student.balances().await[3], 5500);
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 0);
    seal::seal_all(&world.db, &SystemClock).await.unwrap();
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
}

/// A bill of Alipay without rows.
#[derive(Debug)]
struct NoRows(String);

#[async_trait]
impl BillSource for NoRows {
    fn provider(&self) -> Provider {
        Provider::Alipay
    }

    fn merchant(&self) -> &str {
        &self.0
    }

    async fn bill(&self, _: Day, _: Timestamp) -> Result<Bill, BillError> {
        Ok(Bill::empty())
    }
}

async fn console_refunds_of_one_number_in_no_bill_are_two_differences(db: &TestDb) {
    let world = World::start(db).await;
    two_of_one_number(&world, true).await;
    eventually("both are known", async || {
        (world.rows.count("refund WHERE state = 'done'").await == 2).then_some(())
    })
    .await;
    let (mut office, day) = next_noon(&world, Provider::Alipay).await;
    let merchant = world.rows.texts("SELECT merchant_number FROM refund").await.remove(0);
    office.take_bills_from(Arc::new(NoRows(merchant)));
    for _ in 0..2 {
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!(totals.open_differences, 4, "two payments and two refunds");
    }
    let found = office.found("xnec", day).await.into_iter().map(|found| found.difference);
    let refunds: Vec<_> = found.filter(|difference| difference.entry == "refund").collect();
    let mut amounts: Vec<_> = refunds.iter().map(|difference| difference.stake_fen).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [700, 1800]);
    assert!(refunds.iter().all(|refund| refund.number.ends_with(":1")), "{refunds:?}");
}

async fn a_refund_in_no_bill_is_a_difference(db: &TestDb) {
    let world = World::start(db).await;
    let (_, number) = paid(&world, Provider::WechatPay, true).await;
    give_back(&world, &number).await;
    let (office, day) = next_noon(&world, Provider::WechatPay).await;
    assert_eq!(office.compare("xnec", day).await.unwrap().open_differences, 0);
    // Forged: the provider never heard of this number. Near midnight the bill of the next day may have it.
    let far = "UPDATE refund SET refund_number = 'elsewhere', ended_at = $1";
    for (minutes, state) in [(12 * 60, FoundState::Open), (24 * 60 - 5, FoundState::Waiting)] {
        let at = day.start().plus(Duration::from_mins(minutes));
        world.rows.change(far, [at.micros().into()]).await;
        let totals = office.compare("xnec", day).await.unwrap();
        assert_eq!(totals.is_reopened, state == FoundState::Open, "a closed day");
        let found = office.found("xnec", day).await;
        let told: Vec<_> = found
            .iter()
            .map(|found| {
                let difference = &found.difference;
                (difference.entry, difference.differs, difference.number.as_str(), found.state)
            })
            .collect();
        assert!(told.contains(&("refund", Differs::OursOnly, "elsewhere", state)), "{told:?}");
    }
}
