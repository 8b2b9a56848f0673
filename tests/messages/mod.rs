//! What students hear of their payments in their app, and what WeChat hears of delivered orders.

mod jobs;

use onecard::{
    base::money::Fen,
    orders::{order::PaymentId, refund::RefundId},
    payments::refunds::{self, AskedRefund},
};
use sandbox::{
    faults::{RequestFault, RequestRule},
    wechat::{Consents, MESSAGE, SHIPPING},
};
use serde_json::{Value, json};
use testkit::{Student, TestDb, World, eventually, now, on_each_database, wish_by};

on_each_database!(
    what_is_credited_and_given_back_is_told_once,
    nothing_is_told_unless_it_is_turned_on,
    a_refusal_by_the_platform_is_no_error,
    what_nobody_knows_is_tried_again,
    a_token_that_ended_is_fetched_again,
    a_payer_in_alipay_is_told_there,
    a_client_asks_about_the_templates_of_its_school,
);

const CREDITED: &str = "sandbox-credited-template";
const REFUNDED: &str = "sandbox-refunded-template";
const FIELDS: &str = "amount1=amount,time2=time,thing3=what,character_string4=number";
/// The first delay of the outbox is short, so that what is tried again is seen.
const SWIFT: (&str, &str) = ("PAYMENTS__FIRST_LOOK_MS", "50");

const TOLD: [(&str, &str); 5] = [
    ("WECHAT__CREDITED_TEMPLATE_ID", CREDITED),
    ("WECHAT__CREDITED_FIELDS", FIELDS),
    ("WECHAT__REFUNDED_TEMPLATE_ID", REFUNDED),
    ("WECHAT__REFUNDED_FIELDS", FIELDS),
    ("WECHAT__SHIPPING_INFORMATION", "true"),
];

async fn telling(db: &TestDb) -> World {
    World::start_with(db, &[&TOLD[..], &[SWIFT]].concat()).await
}

/// A top-up of 5,000 fen that was paid and credited.
async fn topped_up(world: &World) -> (Student, Value, PaymentId) {
    let student = world.student(0).await;
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    (student, order, PaymentId::from_out_trade_no(&payment.out_trade_no).unwrap())
}

async fn given_back(world: &World, payment: PaymentId, fen: i64) -> RefundId {
    let asked =
        AskedRefund { payment, amount: Fen::new(fen).unwrap(), approval: uuid::Uuid::new_v4() };
    let approving = world.db.in_tx(async |tx| {
        let refund = refunds::ask(tx, asked, now()).await?;
        refunds::approve(tx, refund.id, now()).await
    });
    approving.await.unwrap().id
}

/// Waits until a job of a kind has this state, and asserts that it is the only one of its kind.
async fn until_jobs(world: &World, kind: &str, state: &str) {
    let of_kind = format!("outbox WHERE kind = '{kind}'");
    let in_state = format!("{of_kind} AND state = '{state}'");
    eventually(&format!("{kind} {state}"), async || {
        (world.rows.count(&in_state).await == 1).then_some(())
    })
    .await;
    assert_eq!(world.rows.count(&of_kind).await, 1, "{kind}");
}

fn openid(world: &World) -> String {
    world.wechat().user(0).unwrap().openid
}

async fn what_is_credited_and_given_back_is_told_once(db: &TestDb) {
    let world = telling(db).await;
    for template in [CREDITED, REFUNDED] {
        assert!(world.wechat().grant(&openid(&world), template, 1));
    }
    let (_, order, payment) = topped_up(&world).await;
    until_jobs(&world, "message_credited", "done").await;
    until_jobs(&world, "shipping", "done").await;
    let sent = &world.wechat().sent_messages()[0];
    assert_eq!((&sent.openid, sent.template_id.as_str()), (&openid(&world), CREDITED));
    assert_eq!(sent.page, format!("pages/order/index?id={}", order["id"].as_str().unwrap()));
    assert_eq!(sent.miniprogram_state, "formal");
    assert_eq!(sent.data["amount1"], "¥50.00");
    assert_eq!(sent.data["thing3"], "电子账户充值");
    assert_eq!(sent.data["character_string4"], payment.out_trade_no());
    assert_eq!(sent.data.len(), 4, "nothing else");
    let shipped = world.wechat().shipments();
    let paid = world.pay().payment(&payment.out_trade_no()).unwrap().transaction_id.unwrap();
    assert_eq!((shipped.len(), &shipped[0].transaction_id), (1, &paid));
    assert_eq!((shipped[0].logistics_type, shipped[0].times), (3, 1));

    let refund = given_back(&world, payment, 2000).await;
    until_jobs(&world, "message_refunded", "done").await;
    let sent = world.wechat().sent_messages();
    assert_eq!((sent.len(), sent[0].template_id.as_str()), (2, REFUNDED));
    assert_eq!(sent[0].data["amount1"], "¥20.00");
    assert_eq!(sent[0].data["thing3"], "充值退款");
    assert_eq!(sent[0].data["character_string4"], refund.number());

    // The same facts again tell nothing again.
    let number = payment.out_trade_no();
    let repeat = sandbox::wechat_pay::Repeat { times: 4, parallel: 4, fresh_id: true };
    world.pay().repeat(&number, repeat).await.unwrap();
    world.at_rest().await;
    assert_eq!(world.rows.count("outbox").await, 4);
    assert_eq!(world.wechat().sent_messages().len(), 2);
    assert_eq!(world.rows.count("review_case").await, 0);
    world.assert_books(3000).await;
}

async fn nothing_is_told_unless_it_is_turned_on(db: &TestDb) {
    // Nowhere; and at another school.
    let elsewhere = TOLD.map(|(name, value)| (format!("SCHOOL__YNART__{name}"), value));
    let elsewhere: Vec<_> = elsewhere.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let mut world = World::start_with(db, &[SWIFT]).await;
    let (_, _, payment) = topped_up(&world).await;
    world.at_rest().await;
    assert_eq!(world.rows.count("outbox").await, 0);
    for (name, value) in elsewhere {
        world.set(name, value);
    }
    let second = world.serve();
    let student = world.student(1).await.at(second.api());
    let order = student.order(2000, "second").await.body(201);
    world.pay_untold(&order).await;
    eventually("the second server finds it paid", async || {
        (student.order_again(&order).await["state"] == "fulfilled").then_some(())
    })
    .await;
    given_back(&world, payment, 1000).await;
    until_jobs(&world, "refund", "done").await;
    world.at_rest().await;
    let told = "outbox WHERE kind <> 'refund' AND state <> 'refused'";
    assert_eq!(world.rows.count(told).await, 0);
    assert_eq!(world.wechat().sent_messages(), []);
    assert_eq!(world.wechat().shipments(), []);
}

async fn a_refusal_by_the_platform_is_no_error(db: &TestDb) {
    let world = telling(db).await;
    // What WeChat knows of the template, and why it does not take the message.
    let cases: [(Option<&[&str]>, bool, &str); 4] = [
        (Some(&["amount1", "time2", "thing3", "character_string4"]), false, "43101"),
        (Some(&["amount1", "time2", "thing3"]), true, "47003-unknown-field"),
        (Some(&["amount1", "time2", "thing3", "character_string4", "thing5"]), true, "47003"),
        (None, true, "40037"),
    ];
    for (user, (keys, agreed, why)) in (0..).zip(cases) {
        world.wechat().set_template(CREDITED, keys);
        world.wechat().set_consents(if agreed { Consents::Always } else { Consents::Asked });
        let student = world.student(user).await;
        let order = student.order(1000, why).await.body(201);
        let number = world.pay_order(&order).await.out_trade_no;
        world.until(&number, |payment| payment.accepted == 1).await;
        let refused = format!(
            "outbox WHERE kind = 'message_credited' AND subject = '{number}' AND state = 'refused'"
        );
        eventually(why, async || (world.rows.count(&refused).await == 1).then_some(())).await;
        assert_eq!(student.order_again(&order).await["state"], "fulfilled", "{why}");
    }
    assert_eq!(world.wechat().sent_messages(), []);
    assert_eq!(world.rows.count("review_case").await, 0);
    world.assert_books(4000).await;
}

async fn what_nobody_knows_is_tried_again(db: &TestDb) {
    let world = telling(db).await;
    world.wechat().set_consents(Consents::Always);
    let faults = [
        RequestFault::SystemError,
        RequestFault::BadGateway,
        RequestFault::Unavailable,
        RequestFault::Html,
        RequestFault::Garbage,
        RequestFault::AnswerLost,
    ];
    for on in [MESSAGE, SHIPPING] {
        for fault in faults {
            world.faults().on_requests(RequestRule::new(on, fault), 1).unwrap();
        }
    }
    topped_up(&world).await;
    until_jobs(&world, "message_credited", "done").await;
    until_jobs(&world, "shipping", "done").await;
    let tries = "SELECT CAST(tries AS BIGINT) FROM outbox WHERE kind = 'message_credited'";
    assert_eq!(world.rows.number(tries).await, 7);
    // The lost answer was to a message that arrived.
    assert_eq!(world.wechat().sent_messages().len(), 2);
    let shipped = world.wechat().shipments();
    assert_eq!((shipped.len(), shipped[0].times), (1, 1), "what is told again changes nothing");
    assert_eq!(world.rows.count("review_case WHERE closed_at IS NULL").await, 0);
}

async fn a_token_that_ended_is_fetched_again(db: &TestDb) {
    let world = telling(db).await;
    world.wechat().set_consents(Consents::Always);
    let (student, ..) = topped_up(&world).await;
    until_jobs(&world, "message_credited", "done").await;
    assert!(world.wechat().end_tokens() >= 1);
    let order = student.order(1000, "second").await.body(201);
    world.pay_order(&order).await;
    eventually("told with a new token", async || {
        (world.wechat().sent_messages().len() == 2).then_some(())
    })
    .await;
    let most = "SELECT CAST(MAX(tries) AS BIGINT) FROM outbox";
    assert_eq!(world.rows.number(most).await, 1, "in the same try");
}

async fn a_payer_in_alipay_is_told_there(db: &TestDb) {
    let settings = [
        ("ALIPAY__CREDITED_TEMPLATE_ID", "MDI4YzIxMDE2M2I5YTQzYjUxNWE4MjA4NmU1MTIyYmM="),
        ("ALIPAY__CREDITED_FIELDS", "keyword1=amount,keyword2=state,keyword3=school"),
        SWIFT,
    ];
    let world = World::start_with(db, &settings).await;
    let student = world.alipay_student(0).await;
    let pay = async |key: &str| {
        let order = student.order_with(&wish_by("alipay", 5000), key).await.unwrap().body(201);
        let number = world.out_trade_no(&order).await;
        world.alipay().pay(&number).unwrap();
        world.alipay().until(&number, |trade| trade.accepted == 1).await;
    };
    let fault = RequestRule::new(sandbox::alipay::endpoints::MESSAGE, RequestFault::SystemError);
    world.faults().on_requests(fault, 1).unwrap();
    pay("first").await;
    until_jobs(&world, "message_credited", "done").await;
    let sent = &world.alipay().template_messages()[0];
    assert_eq!(sent.to, world.alipay().user(0).unwrap().open_id);
    assert_eq!(
        (sent.data["keyword1"].as_str(), sent.data["keyword2"].as_str()),
        ("¥50.00", "已到账")
    );
    world.alipay().refuse_messages(true);
    pay("second").await;
    let refused = "outbox WHERE kind = 'message_credited' AND state = 'refused'";
    eventually("refused", async || (world.rows.count(refused).await == 1).then_some(())).await;
    assert_eq!(world.alipay().template_messages().len(), 1);
    assert_eq!(world.rows.count("review_case").await, 0);
    world.assert_books_of("alipay", 10_000).await;
}

async fn a_client_asks_about_the_templates_of_its_school(db: &TestDb) {
    let settings = [
        ("WECHAT__CREDITED_TEMPLATE_ID", CREDITED),
        ("WECHAT__CREDITED_FIELDS", FIELDS),
        ("SCHOOL__XNEC__WECHAT__REFUNDED_TEMPLATE_ID", REFUNDED),
        ("SCHOOL__XNEC__WECHAT__REFUNDED_FIELDS", FIELDS),
        ("ALIPAY__REFUNDED_TEMPLATE_ID", "t1"),
        ("ALIPAY__REFUNDED_FIELDS", "keyword1=amount"),
    ];
    let world = World::start_with(db, &settings).await;
    let asked = world.student(0).await.get("/api/v1/messages/templates").await.body(200);
    let expected = json!({ "items": [
        { "funding": "wechat_pay", "template_ids": [CREDITED, REFUNDED] },
        { "funding": "alipay", "template_ids": ["t1"] },
    ] });
    assert_eq!(asked, expected);
}
