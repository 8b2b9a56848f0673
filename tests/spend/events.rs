//! What the phone hears of a code that was used.

use crate::{common::TestDb, shop::Shop};
use serde_json::{Value, json};

on_each_database!(a_phone_hears_what_its_code_paid_and_of_no_refusal);

async fn a_phone_hears_what_its_code_paid_and_of_no_refusal(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let student = shop.world.student(0).await;
    let events =
        async |after: &Value| student.get(&format!("/api/v1/events?after={after}")).await.body(200);
    let present = student.get("/api/v1/events").await.body(200)["next_after"].clone();
    let code = shop.phones[0].code();
    let (heard, answer) = tokio::join!(events(&present), shop.charge(&code, 1250));
    let charge = answer.body(200);
    let item = &heard["items"][0];
    let told = [
        ("kind", json!("code_used")),
        ("charge_id", charge["charge_id"].clone()),
        ("amount_fen", json!(1250)),
        ("merchant_name", json!("第一食堂")),
        ("balance_fen", json!(10_000 - 1250)),
        ("purpose", json!("pay")),
        ("generation", json!(1)),
    ];
    for (name, value) in told {
        assert_eq!(item[name], value, "{name}: {heard}");
    }
    assert!(item["tick"].is_u64() && item["sub"].is_u64(), "{heard}");

    shop.charge(&code, 1250).await.problem("again", 409, "code_used");
    shop.charge(&shop.phones[0].code(), 1_000_000).await.problem(
        "much",
        422,
        "balance_insufficient",
    );
    shop.charge(&shop.phones[0].code(), 1).await.body(200);
    let next = events(&heard["next_after"]).await;
    assert_eq!(next["items"].as_array().unwrap().len(), 1, "{next}");
    assert_eq!(next["items"][0]["amount_fen"], 1);
}
