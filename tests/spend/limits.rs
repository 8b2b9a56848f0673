//! Many charges at the same time against a limit: exactly as many as fit.
//!
//! `ONECARD_LONG=1` does it a hundred times.

use crate::spend::{
    counter::{Counter, code},
    shop::{CHARGES, D0, Shop, is_sound, total},
};
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use testkit::{TestDb, on_each_database};

on_each_database!(
    as_many_as_fit_into_a_limit,
    as_many_as_there_is_money_for,
    what_was_spent_is_shown,
);

const AT_ONCE: usize = 64;

fn rounds() -> usize {
    if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") { 100 } else { 3 }
}

async fn as_many_as_fit_into_a_limit(db: &TestDb) {
    let counter = Counter::open(db, D0, 10_000_000).await;
    let lanes = counter.lanes();
    let person = counter.person(0);
    let mut spent = 0;
    for round in 0..rounds() {
        // ¥30 for a meal at ¥1.25 each.
        let tills = 0..u128::try_from(AT_ONCE).unwrap();
        let tries = tills.map(|till| lanes.submit(counter.scan(0, till, 125)));
        let told = join_all(tries).await;
        let told: Vec<String> = told.iter().map(|told| code(told.as_ref().unwrap())).collect();
        let charged = told.iter().filter(|told| *told == "ok").count();
        let refused = told.iter().filter(|told| *told == "limit_meal").count();
        assert_eq!((charged, refused), (24, AT_ONCE - 24), "round {round}: {told:?}");
        spent += 24 * 125;
        assert_eq!(total(&counter.world, person).await, 10_000_000 - spent);
        counter.clock.advance(Duration::from_hours(24));
    }
    is_sound(&counter.world).await;
    println!("{} rounds of {AT_ONCE}: {spent} fen", rounds());
}

async fn as_many_as_there_is_money_for(db: &TestDb) {
    let counter = Counter::open(db, "", 3_100).await;
    let lanes = counter.lanes();
    let tills = 0..u128::try_from(AT_ONCE).unwrap();
    let told = join_all(tills.map(|till| lanes.submit(counter.scan(0, till, 100)))).await;
    let told: Vec<String> = told.iter().map(|told| code(told.as_ref().unwrap())).collect();
    let charged = told.iter().filter(|told| *told == "ok").count();
    let refused = told.iter().filter(|told| *told == "balance_insufficient").count();
    assert_eq!((charged, refused), (31, AT_ONCE - 31), "{told:?}");
    assert_eq!(total(&counter.world, counter.person(0)).await, 0);
    is_sound(&counter.world).await;
}

/// The card and the home page say the same: what was charged, less what was taken back, and not
/// what was refused.
async fn what_was_spent_is_shown(db: &TestDb) {
    let shop = Shop::open(db, D0).await;
    let student = shop.world.student(0).await;
    let shown = async |spent: i64| {
        let card = student.get("/api/v1/card").await.body(200);
        let limits = &card["limits"];
        assert_eq!(
            (&limits["meal_spent_fen"], &limits["day_spent_fen"]),
            (&json!(spent), &json!(spent))
        );
        assert_eq!(student.me().await.body(200)["card"], card, "the home page shows the same");
    };
    shown(0).await;
    for (seq, fen, status, spent) in
        [(1, 1250, 200, 1250), (2, 700, 200, 1950), (3, 2900, 422, 1950)]
    {
        let body = json!({ "seq": seq, "code": shop.phones[0].code(), "amount_fen": fen });
        shop.send(0, CHARGES, &body).await.body(status);
        shown(spent).await;
    }
    shop.take_back(0, 1).await.body(200);
    shown(700).await;
    shop.is_sound().await;
}
