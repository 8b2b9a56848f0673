//! What else happens while a batch is decided, or happened before: whatever a batch without locks
//! takes for granted must not be so once, and nothing may be paid by it.

use crate::spend::{
    counter::{Counter, NOW, code},
    phone::Phone,
    shop::{is_sound, opening, total},
};
use futures_util::future::join;
use onecard::{
    base::{clock::Clock, db::counting_statements, lane::Batch},
    ledger::{LedgerError, post_all},
    passcode::{EndReason, Scan, end_devices},
    spend::ChargeRequest,
    terminals::{
        keep,
        seq::{AnsweredRequest, NumberedRequest, SeqStep, StoredResponse},
    },
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use testkit::{TestDb, on_each_database};
use tokio::sync::Mutex;

on_each_database!(
    of_a_batch_with_all_sorts_each_is_told_its_own,
    a_posting_to_the_person_has_a_charge_without_locks_decided_again,
    nothing_is_paid_once_a_device_has_ended,
);

const TILL: u128 = 1;

/// Whatever is unusual among them, each is told what it would be alone, and told it again.
async fn of_a_batch_with_all_sorts_each_is_told_its_own(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    let before = counter.scan(0, TILL, 100);
    assert_eq!(code(&charging.run(std::slice::from_ref(&before)).await.unwrap()[0]), "ok");
    let answered = counter.asking(Scan::Invalid, (TILL, 900), 1);
    let asked = NumberedRequest {
        step: SeqStep::Password,
        nonce: "p".to_owned(),
        ..answered.asked.clone()
    };
    let kept =
        AnsweredRequest { asked, answer: StoredResponse { status: 422, body: b"{}".to_vec() } };
    let keeping =
        counter.world.db.in_tx(async |tx| keep(tx, std::slice::from_ref(&kept), NOW).await);
    keeping.await.unwrap();
    let fresh = || counter.scan(1, TILL, 100);
    let nonce = |asking: ChargeRequest| {
        let asked = NumberedRequest { nonce: before.asked.nonce.clone(), ..asking.asked };
        ChargeRequest { asked, ..asking }
    };
    let twice = counter.scan(2, TILL, 100);
    let proof = twice.proof.clone();
    let cases = [
        ("a repeat", vec![before.clone(), fresh()], vec!["ok", "ok"]),
        ("under a password's number", vec![answered, fresh()], vec!["Conflict", "ok"]),
        ("with a nonce that was used", vec![fresh(), nonce(fresh())], vec!["ok", "NonceReused"]),
        (
            "one code at two tills",
            vec![twice, ChargeRequest { proof, ..counter.asking(Scan::Used, (2, 901), 100) }],
            vec!["ok", "code_used"],
        ),
        ("a used code", vec![used_again(&counter, &before), fresh()], vec!["code_used", "ok"]),
        (
            "nobody's and too much",
            vec![counter.asking(Scan::Invalid, (2, 903), 1), counter.scan(3, 2, 20_000), fresh()],
            vec!["code_invalid", "balance_insufficient", "ok"],
        ),
    ];
    for (what, batch, expected) in cases {
        let told = charging.run(&batch).await.unwrap();
        assert_eq!(told.iter().map(code).collect::<Vec<_>>(), expected, "{what}");
        let again = charging.run(&batch).await.unwrap();
        assert_eq!(again, told, "{what}: the same again");
    }
    is_sound(&counter.world).await;
}

/// The code of another scan, under a number of its own.
fn used_again(counter: &Counter, of: &ChargeRequest) -> ChargeRequest {
    ChargeRequest { proof: of.proof.clone(), ..counter.asking(Scan::Used, (2, 902), 100) }
}

/// Money arrives while a charge is decided: the charge waits for that commit, and is decided again.
async fn a_posting_to_the_person_has_a_charge_without_locks_decided_again(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    charging.run(&[counter.scan(0, TILL, 1)]).await.unwrap();
    let scan = [counter.scan(0, TILL, 100)];
    let charge = Mutex::new(Box::pin(counting_statements(charging.run(&scan))));
    let arriving = [opening(counter.person(0), 1)];
    let waiting = counter.world.db.in_tx(async |tx| {
        post_all(tx, NOW, &arriving).await?;
        let mut charge = charge.lock().await;
        let early = tokio::time::timeout(Duration::from_millis(200), &mut *charge).await;
        Ok::<_, LedgerError>(early.is_ok())
    });
    assert!(!waiting.await.unwrap(), "charged while somebody else had locked the person");
    let (told, statements) = charge.into_inner().await;
    assert_eq!(told.unwrap().iter().map(code).collect::<Vec<_>>(), ["ok"]);
    let both_ways = if db.url.starts_with("sqlite") { 13 } else { 2 + 7 };
    assert_eq!(statements, both_ways, "what was read is read again");
    assert_eq!(total(&counter.world, counter.person(0)).await, 9_900);
    is_sound(&counter.world).await;
}

/// Charges race the end of their device: each is before it, or is refused.
async fn nothing_is_paid_once_a_device_has_ended(db: &TestDb) {
    let counter = Counter::open(db, "", 1_000_000).await;
    let charging = counter.charging();
    let (school, person) = counter.person(0);
    let long = std::env::var_os("ONECARD_LONG").is_some();
    let rounds = if long { 2_000 } else { 30 };
    let (mut paid, mut refused) = (0, 0);
    for round in 0..rounds {
        let phone = Phone::of(&counter.world.db, (school, "xnec"), person).await;
        let scan = |sub| {
            let scan = Scan::Good(phone.shown(sub));
            counter.asking(scan, (TILL, 10 + 4 * round + i64::try_from(sub).unwrap()), 1)
        };
        let (first, second) = ([scan(0)], [scan(1), scan(2)]);
        let ended = AtomicBool::new(false);
        let end = async {
            let now = counter.clock.now();
            let end = async |tx: &_| end_devices(tx, person, EndReason::Lost, now).await;
            assert_eq!(counter.world.db.in_tx(end).await.unwrap(), 1);
            ended.store(true, Ordering::SeqCst);
        };
        let charge = async |batch: &[ChargeRequest]| {
            let was_over = ended.load(Ordering::SeqCst);
            let told = charging.run(batch).await.unwrap();
            let codes: Vec<String> = told.iter().map(code).collect();
            assert!(!was_over || codes.iter().all(|code| code != "ok"), "paid after the end");
            codes
        };
        let charges = join(charge(&first), charge(&second));
        let ((one, two), ()) = if round % 2 == 0 {
            join(charges, end).await
        } else {
            let ((), charges) = join(end, charges).await;
            (charges, ())
        };
        for code in one.iter().chain(&two) {
            match code.as_str() {
                "ok" => paid += 1,
                "code_invalid" => refused += 1,
                other => panic!("{other}"),
            }
        }
        let late = charging.run(&[scan(3)]).await.unwrap();
        assert_eq!(code(&late[0]), "code_invalid", "after the end");
    }
    println!("{rounds} ends against 3 charges each: {paid} paid before, {refused} refused");
    assert_eq!(total(&counter.world, (school, person)).await, 1_000_000 - paid);
    is_sound(&counter.world).await;
}
