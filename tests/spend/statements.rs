//! What a batch costs: the same few statements, however many charges it holds; and that one that is
//! broken does not disturb its neighbours.

use crate::spend::{
    counter::{Counter, code},
    shop::{D0, is_sound, total},
};
use onecard::{
    base::{db::counting_statements, lane::Batch},
    passcode::Scan,
};
use testkit::{TestDb, on_each_database};

on_each_database!(
    a_batch_costs_the_same_few_statements,
    limits_cost_no_more,
    one_that_is_broken_fails_alone,
);

async fn a_batch_costs_the_same_few_statements(db: &TestDb) {
    costs(db, "").await;
}

async fn limits_cost_no_more(db: &TestDb) {
    costs(db, D0).await;
}

async fn costs(db: &TestDb, tables: &str) {
    let counter = Counter::open(db, tables, 10_000_000).await;
    let charging = counter.charging();
    // The first opens the merchant's account.
    charging.run(&[counter.scan(0, 1, 1)]).await.unwrap();
    let mut costs = Vec::new();
    for batch in [1, 8, 64] {
        let scan = |n: usize| counter.scan(n % 6, u128::try_from(n).unwrap(), 1);
        let batch: Vec<_> = (0..batch).map(scan).collect();
        let (told, sent) = counting_statements(charging.run(&batch)).await;
        assert!(told.unwrap().iter().all(|told| code(told) == "ok"));
        costs.push(sent);
    }
    // On SQLite, beside them, BEGIN and COMMIT.
    let few = if db.url.starts_with("sqlite") { 13 } else { 2 };
    assert_eq!(costs, [few; 3]);
    is_sound(&counter.world).await;
}

async fn one_that_is_broken_fails_alone(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    // Whose name does not open cannot be charged: the till could not show whose money it is.
    let broken = "UPDATE person SET name_sealed = id_number_sealed WHERE id = $1";
    let (_, person) = counter.person(1);
    assert_eq!(counter.world.rows.change(broken, [person.uuid().into()]).await, 1);
    let lanes = counter.lanes();
    let rubbish = counter.asking(Scan::Invalid, (9, 999), 100);
    let asked = [
        counter.scan(0, 1, 100),
        counter.scan(1, 2, 100),
        counter.scan(2, 3, 100),
        rubbish,
        counter.scan(0, 4, 100),
    ];
    let told = futures_util::future::join_all(asked.map(|asking| lanes.submit(asking))).await;
    let told: Vec<String> =
        told.iter().map(|told| told.as_ref().map_or_else(|_| "failed".to_owned(), code)).collect();
    assert_eq!(told, ["ok", "failed", "ok", "code_invalid", "ok"]);
    for (phone, left) in [(0, 9_800), (1, 10_000), (2, 9_900)] {
        assert_eq!(total(&counter.world, counter.person(phone)).await, left);
    }
    is_sound(&counter.world).await;
}
