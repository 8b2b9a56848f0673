//! Paid by Alipay, and one order tried by both providers.

use futures_util::future::join;
use onecard::ledger::account::{Name, SchoolAccount};
use sandbox::wechat_pay::MAX_SPEED;
use serde_json::{Value, json};
use testkit::{
    AlipayForge, Forge, Student, TestDb, Trade, World, eventually, on_each_database, wish_by,
};

on_each_database!(
    a_student_tops_up_by_alipay,
    an_order_is_tried_by_the_other_provider,
    closed_here_and_paid_there_is_credited,
    both_providers_tell_at_the_same_moment,
    the_later_payment_goes_back_by_alipay,
    the_later_payment_goes_back_by_wechat_pay,
    who_is_not_bound_there_cannot_pay_there,
    a_lost_notification_is_a_delay,
    a_notification_that_cannot_be_committed_comes_again,
);

async fn ordered(student: &Student, funding: &str) -> Value {
    student.order_with(&wish_by(funding, 5000), "order").await.unwrap().body(201)
}

/// The number of a payment at the provider.
fn number(payment: &Value) -> String {
    payment["payment_id"].as_str().unwrap().replace('-', "")
}

async fn received(world: &World, provider: &str) -> i64 {
    let clearing = SchoolAccount::Clearing(Name::parse(provider).unwrap());
    -world.school_balance("xnec", clearing).await
}

async fn fulfilled(student: &Student, order: &Value) -> Value {
    eventually("the order is fulfilled", async || {
        let now = student.order_again(order).await;
        (now["state"] == "fulfilled").then_some(now)
    })
    .await
}

async fn a_student_tops_up_by_alipay(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.alipay_student(0).await;
    let order = ordered(&student, "alipay").await;
    let number = world.out_trade_no(&order).await;
    let trade = world.alipay().payment(&number).unwrap();
    assert_eq!(order["pay"], json!({ "provider": "alipay", "trade_no": trade.trade_no }));
    assert_eq!(order["payments"][0]["funding"], "alipay");
    let again = ordered(&student, "alipay").await;
    assert_eq!((&again["id"], &again["pay"]), (&order["id"], &order["pay"]), "the same trade");

    world.alipay().pay(&number).unwrap();
    world.alipay().until(&number, |trade| trade.accepted == 1).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    let lines = student.get("/api/v1/card/statement").await.body(200);
    assert_eq!(lines["items"][0]["title"], "支付宝充值");
    assert_eq!(world.rows.texts("SELECT verdict FROM notification").await, ["settled"]);
    world.assert_books_of("alipay", 5000).await;
}

async fn an_order_is_tried_by_the_other_provider(db: &TestDb) {
    let world = World::start(db).await;
    let (in_wechat, in_alipay) = (world.student(0).await, world.alipay_student(0).await);
    let order = ordered(&in_wechat, "wechat_pay").await;
    // The order is the person's, wherever it is looked at; so is the payer.
    for (student, key) in [(&in_alipay, "from-alipay"), (&in_wechat, "from-wechat")] {
        let second = student.try_again_by("alipay", &order, key).await.body(201);
        assert_eq!(second["pay"]["provider"], "alipay", "{key}");
    }
    let payments = in_alipay.order_again(&order).await["payments"].clone();
    let paid = number(&payments[1]);
    world.alipay().pay(&paid).unwrap();
    world.alipay().until(&paid, |trade| trade.accepted == 1).await;
    assert_eq!(in_wechat.order_again(&order).await["state"], "fulfilled");
    // What the order no longer wants is closed, at either provider.
    let (wechat, other) = (number(&payments[0]), number(&payments[2]));
    world.until(&wechat, |payment| payment.trade_state == "CLOSED").await;
    world.alipay().until(&other, |trade| trade.trade_status == "TRADE_CLOSED").await;
    assert_eq!(in_wechat.balances().await, [0, 0, 5000, 5000]);
    assert_eq!((received(&world, "wechat_pay").await, received(&world, "alipay").await), (0, 5000));
}

async fn closed_here_and_paid_there_is_credited(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.alipay_student(0).await;
    let order = ordered(&student, "alipay").await;
    let number = world.out_trade_no(&order).await;
    let trade = world.alipay().payment(&number).unwrap();
    assert_eq!(student.give_up(&order).await["state"], "closed");
    let forge = AlipayForge::with_sandbox_keys();
    let told = Trade {
        out_trade_no: &number,
        trade_no: &trade.trade_no,
        buyer_open_id: &trade.open_id,
        total_fen: 5000,
    };
    let answer = forge.signed(&forge.paid("late", told)).send(&world.api(), "xnec").await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, b"success".as_slice()));
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books_of("alipay", 5000).await;
}

async fn both_providers_tell_at_the_same_moment(db: &TestDb) {
    let world = World::start(db).await;
    let (in_wechat, _) = (world.student(0).await, world.alipay_student(0).await);
    let (wechat, alipay) = (Forge::with_sandbox_keys(), AlipayForge::with_sandbox_keys());
    let order = ordered(&in_wechat, "wechat_pay").await;
    let second = in_wechat.try_again_by("alipay", &order, "second").await.body(201);
    let payment = world.pay().payment(&world.out_trade_no(&order).await).unwrap();
    let trade = world.alipay().payment(&number(&second)).unwrap();
    let told = Trade {
        out_trade_no: &trade.out_trade_no,
        trade_no: &trade.trade_no,
        buyer_open_id: &trade.open_id,
        total_fen: 5000,
    };
    let by_wechat = wechat.message("both", &wechat.transaction(&payment));
    let by_alipay = alipay.signed(&alipay.paid("both", told));
    let api = world.api();
    let (one, other) = join(by_wechat.send(&api, "xnec"), by_alipay.send(&api, "xnec")).await;
    assert_eq!((one.status, other.status), (204, 200));
    // The later one is to go back; neither was made in the sandbox, which refuses it.
    let shown = in_wechat.order_again(&order).await;
    assert_eq!(
        (&shown["state"], &shown["payments"][1]["state"]),
        (&json!("refunding"), &json!("paid"))
    );
    assert_eq!(in_wechat.balances().await, [0, 0, 5000, 5000], "one credit");
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
}

async fn the_later_payment_goes_back_by_alipay(db: &TestDb) {
    the_later_payment_goes_back(db, "wechat_pay", "alipay").await;
}

async fn the_later_payment_goes_back_by_wechat_pay(db: &TestDb) {
    the_later_payment_goes_back(db, "alipay", "wechat_pay").await;
}

/// Both are made before either is heard of.
async fn the_later_payment_goes_back(db: &TestDb, first: &str, second: &str) {
    let world = World::start(db).await;
    let (in_wechat, _) = (world.student(0).await, world.alipay_student(0).await);
    let order = ordered(&in_wechat, first).await;
    let again = in_wechat.try_again_by(second, &order, "again").await.body(201);
    for (funding, payment) in [(first, &order["payments"][0]), (second, &again)] {
        let number = number(payment);
        if funding == "alipay" {
            world.alipay().drop_callbacks(&number).unwrap();
            world.alipay().pay(&number).unwrap();
        } else {
            world.pay().drop_callbacks(&number).unwrap();
            world.pay().pay(&number).unwrap();
        }
    }
    let shown = eventually("the later one is given back", async || {
        let shown = in_wechat.order_again(&order).await;
        (shown["refunds"][0]["state"] == "done").then_some(shown)
    })
    .await;
    assert_eq!(shown["state"], "fulfilled");
    assert_eq!(shown["refunds"].as_array().unwrap().len(), 1);
    assert_eq!(in_wechat.balances().await, [0, 0, 5000, 5000], "one credit");
    assert_eq!((received(&world, first).await, received(&world, second).await), (5000, 0));
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    assert_eq!(world.rows.count("review_case WHERE closed_at IS NULL").await, 0);
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
}

async fn who_is_not_bound_there_cannot_pay_there(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let wish = wish_by("alipay", 5000);
    let refused = student.order_with(&wish, "first").await.unwrap();
    refused.problem("not bound in Alipay", 409, "payer_not_bound");
    let order = ordered(&student, "wechat_pay").await;
    let refused = student.try_again_by("alipay", &order, "second").await;
    refused.problem("not bound in Alipay", 409, "payer_not_bound");
    assert_eq!(world.rows.count("payment").await, 1);
}

/// No notification comes: the student's return to the page asks, and so does the sweep.
async fn a_lost_notification_is_a_delay(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.alipay_student(0).await;
    let order = ordered(&student, "alipay").await;
    let number = world.out_trade_no(&order).await;
    world.alipay().drop_callbacks(&number).unwrap();
    world.alipay().pay(&number).unwrap();
    fulfilled(&student, &order).await;
    assert_eq!(world.rows.count("notification").await, 0);
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    // `verify` checks the signature of Alipay's answer again.
    world.assert_books_of("alipay", 5000).await;
}

/// Alipay takes any 200 but `success` for a failure; the body alone says which it is.
async fn a_notification_that_cannot_be_committed_comes_again(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.alipay_student(0).await;
    let order = ordered(&student, "alipay").await;
    let number = world.out_trade_no(&order).await;
    world.rows.change("ALTER TABLE transfer RENAME TO elsewhere", []).await;
    let before = world.rows.everything().await;
    world.alipay().pay(&number).unwrap();
    world.alipay().until(&number, |trade| trade.attempts == 1).await;
    let told = world.alipay().deliveries_of(&number);
    assert_eq!(told[0].outcome.to_string(), "200");
    assert_eq!(told[0].outcome.body(), "fail");
    assert_eq!(world.rows.everything().await, before, "half of it was committed");

    world.rows.change("ALTER TABLE elsewhere RENAME TO transfer", []).await;
    world.pay().set_speed(MAX_SPEED);
    world.alipay().until(&number, |trade| trade.accepted == 1).await;
    assert_eq!(student.order_again(&order).await["state"], "fulfilled");
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books_of("alipay", 5000).await;
}
