//! Reversals: within the window and once; before its charge; of what was never charged; in races.

use crate::spend::shop::{CHARGES, D0, MONEY, Shop};
use serde_json::json;
use testkit::{TestDb, eventually, on_each_database};

on_each_database!(
    a_charge_is_taken_back_once,
    not_too_late_and_from_whom_it_was_paid_to,
    a_reversal_overtakes_its_charge,
    a_charge_and_its_reversal_race,
);

async fn a_charge_is_taken_back_once(db: &TestDb) {
    let shop = Shop::open(db, D0).await;
    let phone = &shop.phones[0];
    let seq = shop.seq();
    let body = json!({ "seq": seq, "code": phone.code(), "amount_fen": 3000 });
    let charged = shop.send(0, CHARGES, &body).await.body(200);
    let full = shop.charge(&phone.code(), 1).await;
    full.problem("the meal is full", 422, "limit_meal");
    let back = shop.take_back(0, seq).await;
    let told = back.body(200);
    assert_eq!((&told["charge_id"], &told["amount_fen"]), (&charged["charge_id"], &json!(3000)));
    assert_eq!(shop.total(phone.person).await, MONEY);
    assert_eq!(shop.balances(phone.person).await.e_account.get(), MONEY);
    assert_eq!(shop.earned().await, 0);
    for _ in 0..3 {
        let again = shop.take_back(0, seq).await;
        assert_eq!((again.status, &again.bytes), (200, &back.bytes), "a repeat");
    }
    // The charge is told as it was; the limit counts what is left of it.
    assert_eq!(shop.send(0, CHARGES, &body).await.body(200), charged);
    shop.charge(&phone.code(), 3000).await.body(200);
    // Another till's number of the same value is another act.
    let other = shop.take_back(1, seq).await.body(200);
    assert_eq!((&other["charge_id"], &other["amount_fen"]), (&json!(null), &json!(0)));
    // What was refused had no money to give back.
    let refused = shop.seq();
    let body = json!({ "seq": refused, "code": "1", "amount_fen": 1 });
    shop.send(0, CHARGES, &body).await.problem("rubbish", 422, "code_invalid");
    assert_eq!(shop.take_back(0, refused).await.body(200)["amount_fen"], 0);
    // Both stand in the statement.
    let student = shop.world.student(0).await;
    let items = student.get("/api/v1/card/statement").await.body(200)["items"].clone();
    let titles: Vec<_> = items.as_array().unwrap().iter().map(|item| &item["title"]).collect();
    assert!(titles.contains(&&json!("消费退回：第一食堂")), "{items}");
    shop.is_sound().await;
}

async fn not_too_late_and_from_whom_it_was_paid_to(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    // What was paid to one merchant comes from that one, whoever sells at the till by now.
    let seq = shop.seq();
    let body = json!({ "seq": seq, "code": shop.phones[2].code(), "amount_fen": 70 });
    shop.send(0, CHARGES, &body).await.body(200);
    shop.world.change("UPDATE terminal SET merchant_id = NULL", []).await;
    let earned = shop.earned().await;
    shop.take_back(0, seq).await.body(200);
    assert_eq!(shop.earned().await, earned - 70);
    let again = "UPDATE terminal SET merchant_id = (SELECT id FROM merchant)";
    shop.world.change(again, []).await;
    eventually("it sells again", async || {
        let config = shop.tills[0].ask(&shop.world.api(), "GET /terminal/v1/config").await;
        (!config.body(200)["till"]["merchant"].is_null()).then_some(())
    })
    .await;
    // Too late.
    let seq = shop.seq();
    let late = &shop.phones[1];
    let body = json!({ "seq": seq, "code": late.code(), "amount_fen": 100 });
    shop.send(0, CHARGES, &body).await.body(200);
    let minutes = 5 * 60 * 1_000_000 + 1;
    let age = format!("UPDATE charge SET at = at - {minutes} WHERE amount_fen = 100");
    assert_eq!(shop.world.rows.change(&age, []).await, 1);
    let refused = shop.take_back(0, seq).await;
    refused.problem("after five minutes", 422, "reversal_too_late");
    assert_eq!(shop.take_back(0, seq).await.bytes, refused.bytes);
    assert_eq!(shop.total(late.person).await, MONEY - 100);
    shop.is_sound().await;
}

async fn a_reversal_overtakes_its_charge(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let phone = &shop.phones[0];
    let seq = shop.seq();
    let back = shop.take_back(0, seq).await;
    let told = back.body(200);
    assert_eq!((&told["charge_id"], &told["amount_fen"]), (&json!(null), &json!(0)));
    let code = phone.code();
    let body = json!({ "seq": seq, "code": code, "amount_fen": 1250 });
    for _ in 0..2 {
        let late = shop.send(0, CHARGES, &body).await;
        assert_eq!((late.status, &late.json()["code"]), (422, &json!("charge_reversed")));
    }
    assert_eq!(shop.take_back(0, seq).await.bytes, back.bytes);
    // The code was not shown to anybody who charged.
    let anew = json!({ "seq": shop.seq(), "code": code, "amount_fen": 1250 });
    shop.send(0, CHARGES, &anew).await.body(200);
    assert_eq!(shop.total(phone.person).await, MONEY - 1250);
    shop.is_sound().await;
}

async fn a_charge_and_its_reversal_race(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    for phone in &shop.phones {
        let seq = shop.seq();
        let body = json!({ "seq": seq, "code": phone.code(), "amount_fen": 500 });
        let (charged, back) = tokio::join!(shop.send(0, CHARGES, &body), shop.take_back(0, seq));
        let told = back.body(200);
        match charged.status {
            200 => assert_eq!(told["charge_id"], charged.json()["charge_id"]),
            _ => assert_eq!(charged.json()["code"], "charge_reversed"),
        }
        assert_eq!(shop.total(phone.person).await, MONEY, "{}", charged.text());
    }
    assert_eq!(shop.earned().await, 0);
    shop.is_sound().await;
}
