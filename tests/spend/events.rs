//! What the phone hears of a code that was used.

use crate::spend::shop::{CHARGES, D0, D3, Shop};
use onecard::{
    base::clock::{Clock, SystemClock},
    passcode::CodePurpose,
};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{PEOPLE, TestDb, on_each_database};

on_each_database!(
    a_phone_hears_what_its_code_paid,
    a_phone_hears_what_came_back,
    a_phone_hears_why_its_code_paid_nothing,
    a_phone_hears_of_the_password_and_of_what_became_of_it,
);

async fn a_phone_hears_what_its_code_paid(db: &TestDb) {
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
    let kinds: Vec<_> =
        next["items"].as_array().unwrap().iter().map(|item| &item["kind"]).collect();
    assert_eq!(kinds, ["code_refused", "code_used"], "of the replay it hears nothing");
    assert_eq!(next["items"][1]["amount_fen"], 1);
}

/// Once, however often the till asks; and nothing of a reversal that found no charge.
async fn a_phone_hears_what_came_back(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    shop.take_back(0, shop.seq()).await.body(200);
    let seq = shop.seq();
    let scan = json!({ "seq": seq, "code": shop.phones[0].code(), "amount_fen": 1250 });
    let charge = shop.send(0, CHARGES, &scan).await.body(200);
    for _ in 0..2 {
        shop.take_back(0, seq).await.body(200);
    }
    let told = heard(&shop).await;
    let kinds: Vec<_> = told.iter().map(|item| &item["kind"]).collect();
    assert_eq!(kinds, ["code_used", "charge_reversed"]);
    let wanted = [
        ("charge_id", charge["charge_id"].clone()),
        ("amount_fen", json!(1250)),
        ("merchant_name", json!("第一食堂")),
        ("balance_fen", json!(10_000)),
    ];
    for (name, value) in wanted {
        assert_eq!(told[1][name], value, "{name}: {told:?}");
    }
}

/// What the first phone was told, by kind and reason.
async fn heard(shop: &Shop) -> Vec<Value> {
    let student = shop.world.student(0).await;
    let all = student.get("/api/v1/events?after=0").await.body(200);
    all["items"].as_array().unwrap().clone()
}

async fn a_phone_hears_why_its_code_paid_nothing(db: &TestDb) {
    let shop = Shop::open(db, D0).await;
    let phone = &shop.phones[0];
    let at = SystemClock.now();
    let code = phone.digits(CodePurpose::Pay, at, 0);
    shop.charge(&code, 3100).await.problem("much", 422, "limit_meal");
    shop.charge(&code, 2900).await.problem("the same screen", 409, "code_used");
    let old = phone.digits(CodePurpose::Pay, at.minus(Duration::from_secs(75)), 2);
    for _ in 0..2 {
        shop.charge(&old, 1).await.problem("a clock that is wrong", 422, "code_clock_skew");
    }
    let told = heard(&shop).await;
    assert_eq!(told.len(), 2, "one for each use: {told:?}");
    let tick = u64::try_from(at.seconds() / 15).unwrap();
    let fields = |reason: &str, fen: i64, tick: u64, sub: u64| {
        [
            ("kind", json!("code_refused")),
            ("reason", json!(reason)),
            ("amount_fen", json!(fen)),
            ("merchant_name", json!("第一食堂")),
            ("purpose", json!("pay")),
            ("generation", json!(1)),
            ("tick", json!(tick)),
            ("sub", json!(sub)),
        ]
    };
    let wanted = [fields("limit_meal", 3100, tick, 0), fields("code_clock_skew", 1, tick - 5, 2)];
    for (item, wanted) in told.iter().zip(wanted) {
        for (name, value) in wanted {
            assert_eq!(item[name], value, "{name}: {item}");
        }
        assert!(item["id"].is_i64() && item["at"].is_string(), "{item}");
    }
}

async fn a_phone_hears_of_the_password_and_of_what_became_of_it(db: &TestDb) {
    let shop = Shop::open(db, D3).await;
    for password in ["000000", PEOPLE[0].1] {
        let seq = shop.seq();
        let scan = json!({ "seq": seq, "code": shop.phones[0].code(), "amount_fen": 1250 });
        let asked = shop.send(0, CHARGES, &scan).await.body(409)["challenge"].clone();
        let given =
            json!({ "seq": seq, "challenge": asked, "amount_fen": 1250, "password": password });
        shop.send(0, CHARGES, &given).await;
    }
    let told = heard(&shop).await;
    let of = |item: &Value| (item["kind"].clone(), item["reason"].clone());
    let wanted = [
        (json!("code_refused"), json!("password_required")),
        (json!("code_refused"), json!("password_wrong")),
        (json!("code_refused"), json!("password_required")),
        (json!("code_used"), json!(null)),
    ];
    assert_eq!(told.iter().map(of).collect::<Vec<_>>(), wanted);
    for pair in told.chunks(2) {
        for mark in ["generation", "tick", "sub"] {
            assert_eq!(pair[0][mark], pair[1][mark], "{mark} of one code");
        }
    }
}
