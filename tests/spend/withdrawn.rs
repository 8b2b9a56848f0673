//! A till that is withdrawn: what is under way is committed before, or refused.

use crate::spend::{
    counter::{Counter, NOW, code, till_key},
    shop::{is_sound, total},
};
use onecard::{
    base::{crypto::ed25519::NewEd25519Key, lane::Batch},
    passcode::{Scan, ShownCode},
    spend::{ChargeRequest, Proof},
    terminals::{
        Accepted, MerchantId, RegistryError, TerminalId,
        desk::{self, KeyChange},
    },
};
use std::time::Duration;
use testkit::{TestDb, on_each_database};
use tokio::sync::Mutex;
use uuid::Uuid;

on_each_database!(
    a_charge_waits_for_the_till_that_is_withdrawn,
    of_a_batch_those_of_other_tills_are_charged,
    a_till_that_was_withdrawn_and_came_back_is_another,
);

const TILL: u128 = 1;

fn till() -> TerminalId {
    TerminalId::from_uuid(Uuid::from_u128(TILL))
}

/// The copy that a server made before says that the till is good: the row decides, both ways.
async fn a_charge_waits_for_the_till_that_is_withdrawn(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    charging.run(&[counter.scan(0, TILL, 1)]).await.unwrap();
    let scan = [counter.scan(0, TILL, 100)];
    let charge = Mutex::new(Box::pin(charging.run(&scan)));
    let withdrawing = counter.world.db.in_tx(async |tx| {
        desk::stop_terminal(tx, (counter.school.id, till()), NOW).await?;
        let mut charge = charge.lock().await;
        let early = tokio::time::timeout(Duration::from_millis(200), &mut *charge).await;
        Ok::<_, RegistryError>(early.is_ok())
    });
    assert!(!withdrawing.await.unwrap(), "charged while the till was being withdrawn");
    let told = charge.into_inner().await.unwrap();
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["Withdrawn"]);
    assert_eq!(counter.world.rows.count("charge").await, 1);
    assert_eq!(total(&counter.world, counter.person(0)).await, 9_999);
    is_sound(&counter.world).await;
}

async fn of_a_batch_those_of_other_tills_are_charged(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    let before = counter.scan(0, TILL, 100);
    charging.run(std::slice::from_ref(&before)).await.unwrap();
    let stopping = counter
        .world
        .db
        .in_tx(async |tx| desk::stop_terminal(tx, (counter.school.id, till()), NOW).await);
    stopping.await.unwrap();
    let batch = [counter.scan(1, TILL, 100), counter.scan(2, TILL + 1, 100), before];
    let told = charging.run(&batch).await.unwrap();
    let told: Vec<String> = told.iter().map(code).collect();
    assert_eq!(told, ["Withdrawn", "ok", "Withdrawn"]);
    // Nothing is kept under its number, and its code is good elsewhere.
    let till = counter.world.rows.literal(&till().to_string());
    let answers = format!("SELECT COUNT(*) FROM terminal_answer WHERE terminal_id = {till}");
    assert_eq!(counter.world.rows.number(&answers).await, 1);
    let elsewhere = counter.asking(Scan::Good(shown(&batch[0])), (TILL + 2, 990), 100);
    assert_eq!(code(&charging.run(&[elsewhere]).await.unwrap()[0]), "ok");
    is_sound(&counter.world).await;
}

fn shown(request: &ChargeRequest) -> ShownCode {
    let Proof::Scan(Scan::Good(shown)) = &request.proof else { panic!("not a good scan") };
    *shown
}

/// Switched on again with another key, a request that was accepted by the old one is refused.
async fn a_till_that_was_withdrawn_and_came_back_is_another(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let (charging, school) = (counter.charging(), counter.school.id);
    let key = NewEd25519Key::random().unwrap().public;
    let known = till_key().fingerprint();
    let change = KeyChange { terminal: till(), known, key, keeps_old: true };
    let turning = counter.world.db.in_tx(async |tx| {
        desk::stop_terminal(tx, (school, till()), NOW).await?;
        desk::start_terminal(tx, school, &change, NOW).await
    });
    turning.await.unwrap();
    assert_eq!(code(&charging.run(&[counter.scan(0, TILL, 1)]).await.unwrap()[0]), "Withdrawn");
    let again = counter.scan(0, TILL, 1);
    let fresh = Accepted { withdrawals: 2, ..again.accepted };
    let again = ChargeRequest { accepted: fresh, ..again };
    assert_eq!(code(&charging.run(&[again]).await.unwrap()[0]), "ok");
    // In one batch: each by the copy that it was accepted by.
    let both =
        [counter.scan(2, TILL, 1), ChargeRequest { accepted: fresh, ..counter.scan(3, TILL, 1) }];
    let told = charging.run(&both).await.unwrap();
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["Withdrawn", "ok"]);
    // Nothing is sold for a merchant that is off.
    let merchant = counter.world.rows.id("SELECT id FROM merchant WHERE code = 'c1'").await;
    let of_merchant = "UPDATE terminal SET merchant_id = $1, mac = NULL";
    counter.world.rows.change(of_merchant, [merchant.into()]).await;
    let closing = counter.world.db.in_tx(async |tx| {
        desk::switch_merchant(tx, (school, MerchantId::from_uuid(merchant)), false, NOW).await
    });
    closing.await.unwrap();
    assert_eq!(code(&charging.run(&[counter.scan(1, 7, 1)]).await.unwrap()[0]), "Withdrawn");
}
