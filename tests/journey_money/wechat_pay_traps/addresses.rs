//! Addresses and methods that are no callback's.

use testkit::{Forge, TestDb, World, on_each_database};

on_each_database!(a_message_to_a_wrong_address_changes_nothing);

async fn a_message_to_a_wrong_address_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (student, forge) = (world.student(0).await, Forge::with_sandbox_keys());
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay().payment(&world.out_trade_no(&order).await).unwrap();
    let before = world.rows.everything().await;
    let path = "/callbacks/xnec/wechat-pay/transactions";
    let message = forge.message("refused", &forge.transaction(&payment));
    for (line, status, code) in [
        (format!("GET {path}"), 405, "method_not_allowed"),
        (format!("PUT {path}"), 405, "method_not_allowed"),
        ("POST /callbacks/xnec/wechat-pay".to_owned(), 404, "not_found"),
        ("POST /callbacks/xnec/nobody/transactions".to_owned(), 404, "not_found"),
        ("POST /callbacks/%00/wechat-pay/transactions".to_owned(), 400, "request_malformed"),
    ] {
        let answer = world.api().raw(&line, &message.headers, &message.body).await;
        answer.problem(&line, status, code);
    }
    let endless = message.send(&world.api(), &"a".repeat(300)).await;
    assert_eq!(endless.status, 404);
    // A good message at the address of refunds.
    let line = "POST /callbacks/xnec/wechat-pay/refunds";
    let astray = world.api().raw(line, &message.headers, &message.body).await;
    assert_eq!(astray.status, 401);
    assert_eq!(world.rows.everything().await, before);
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
}
