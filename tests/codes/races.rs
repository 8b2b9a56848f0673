//! Many at once: replays, two tills with one code, a device that ends while it pays, phones that
//! enrol together.

use crate::codes::support::{START, World, find, owner, phone, school, terminal, times};
use futures_util::future::{join, join_all};
use onecard::{
    base::{clock::Clock, db::DbError},
    passcode::{CodeUse, EndReason, ScanOutcome, ShownCode, end_devices, enrol, use_up},
};
use std::time::Duration;
use testkit::{TestDb, on_each_empty_database};

const TERMINALS: u128 = 8;

/// A code is shown at eight tills at once, on two servers, over and over, while what the key-value
/// store remembers is thrown away.
async fn replays_are_never_paid(db: &TestDb) {
    let world = World::with_redis(db);
    let school = school(db, 1).await;
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let mut servers = [world.server(), world.server()];
    let (rounds, mut paid, mut refused) = (times(60, 12_500), 0, 0);
    for round in 0..rounds {
        if round % 4 == 0 {
            world.clock.advance(Duration::from_secs(15));
        }
        let now = world.now();
        let sub = usize::try_from(round % 4).unwrap();
        let code = phone.pays(&servers[0], now, sub).digits();
        if round % 8 == 0 {
            // One remembers nothing of what went before, one has a store that is gone.
            servers = [world.forgetful_server(db), world.storeless_server()];
        }
        let scans = (0..TERMINALS).map(|till| {
            let server = &servers[usize::try_from(till % 2).unwrap()];
            let (world, code) = (&world, &code);
            async move {
                let found = find(server, (school, terminal(till)), code, now).await.unwrap();
                let ScanOutcome::Shown(shown) = found else {
                    assert!(matches!(found, ScanOutcome::UsedBefore(_)), "{found:?}");
                    return false;
                };
                let used = world.use_up(&[shown]).await.remove(0);
                server.remember_used(&[shown]);
                used == CodeUse::Fresh
            }
        });
        let charged = join_all(scans).await.into_iter().filter(|charged| *charged).count();
        assert_eq!(charged, 1, "round {round}");
        paid += charged;
        refused += 8 - charged;
    }
    println!("{rounds} codes at {TERMINALS} tills: {paid} paid once, {refused} replays refused");
}

/// Once the end of a device has committed, nothing of it is used up as good, however far a scan
/// had come.
async fn no_code_is_taken_after_its_device_ended(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let rounds = times(40, 10_000);
    let (mut before, mut after) = (0, 0);
    for round in 0..rounds {
        let phone = world.enrol(&phone(owner(school, u128::from(round) + 1), 1)).await;
        let (now, person) = (world.now(), phone.owner.person);
        let ended = std::sync::atomic::AtomicBool::new(false);
        let ends = async {
            let end =
                world.db.in_tx(async |tx| end_devices(tx, person, EndReason::Lost, now).await);
            assert_eq!(end.await.unwrap(), 1);
            ended.store(true, std::sync::atomic::Ordering::SeqCst);
        };
        let scans = join_all((0..4).map(|sub| {
            let (world, ended, shown) = (&world, &ended, phone.shown(START, sub));
            async move {
                let was_over = ended.load(std::sync::atomic::Ordering::SeqCst);
                let used = world.use_up(&[shown]).await.remove(0);
                assert!(!(was_over && used == CodeUse::Fresh), "taken after the end");
                used
            }
        }));
        let ((), uses) = if round % 2 == 0 {
            join(ends, scans).await
        } else {
            let (uses, ()) = join(scans, ends).await;
            ((), uses)
        };
        before += uses.iter().filter(|one| **one == CodeUse::Fresh).count();
        after += uses.iter().filter(|one| **one == CodeUse::DeviceEnded).count();
        assert_eq!(world.use_up(&[later(&phone)]).await, [CodeUse::DeviceEnded]);
    }
    println!("{rounds} ends against 4 scans each: {before} before, {after} refused, 0 taken after");
}

fn later(phone: &crate::codes::support::Phone) -> ShownCode {
    phone.shown(START.plus(Duration::from_secs(15)), 0)
}

/// Whoever ends a device waits for a payment that is being decided, so that the payment is before.
async fn an_end_waits_for_who_is_paying(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let (now, person, shown) = (world.now(), phone.owner.person, phone.shown(START, 0));
    let end = async || {
        let end = world.db.in_tx(async |tx| end_devices(tx, person, EndReason::Lost, now).await);
        end.await.unwrap()
    };
    let paying = world.db.in_tx(async |tx| {
        assert_eq!(use_up(tx, &[(shown, "")], now).await?, [CodeUse::Fresh]);
        let ended = tokio::time::timeout(Duration::from_millis(200), end()).await;
        assert!(ended.is_err(), "ended while a payment was being decided");
        Ok::<_, DbError>(())
    });
    paying.await.unwrap();
    assert_eq!(end().await, 1);
    assert_eq!(world.use_up(&[phone.shown(START, 1)]).await, [CodeUse::DeviceEnded]);
}

async fn of_phones_that_enrol_together_one_is_live(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let rounds = times(10, 500);
    for round in 0..rounds {
        let owner = owner(school, u128::from(round) + 1);
        let phones = [phone(owner, 1), phone(owner, 2), phone(owner, 1)];
        let now = world.clock.now();
        let all = phones.iter().map(|new| world.db.in_tx(async |tx| enrol(tx, new, now).await));
        let done = join_all(all).await;
        let done: Vec<_> = done.into_iter().map(|done| done.unwrap().unwrap().enrolled).collect();
        let mut live = 0;
        for enrolled in done {
            let phone = crate::codes::support::Phone { owner, enrolled };
            let used = world.use_up(&[phone.shown(START, 0)]).await.remove(0);
            live += usize::from(used == CodeUse::Fresh);
        }
        assert_eq!(live, 1, "round {round}");
    }
    println!("{rounds} times three phones enrolled together: one live each time");
}

on_each_empty_database!(
    replays_are_never_paid,
    no_code_is_taken_after_its_device_ended,
    an_end_waits_for_who_is_paying,
    of_phones_that_enrol_together_one_is_live,
);
