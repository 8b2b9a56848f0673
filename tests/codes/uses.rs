//! A code is good once, and only while its device is.

use crate::codes::support::{START, World, owner, phone, school};
use onecard::base::db::counting_statements;
use onecard::passcode::{CodePurpose, CodeUse, EndReason, ShownCode, end_devices, use_up};
use std::time::Duration;
use testkit::{Rows, TestDb, on_each_empty_database};

const DAY: Duration = Duration::from_hours(24);

async fn a_code_is_used_once_for_each_scope(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let pay = phone.shown(START, 0);
    let id = ShownCode { purpose: CodePurpose::Id, ..pay };
    let again = ShownCode { generation: 2, ..pay };
    let later = phone.shown(START.plus(Duration::from_secs(15)), 0);
    let steps = vec![
        (vec![(pay, "")], vec![CodeUse::Fresh]),
        (vec![(pay, "")], vec![CodeUse::UsedBefore]),
        (vec![(phone.shown(START, 1), ""), (pay, "")], vec![CodeUse::Fresh, CodeUse::UsedBefore]),
        (vec![(later, ""), (later, "")], vec![CodeUse::Fresh, CodeUse::UsedBefore]),
        (vec![(id, "library"), (id, "gate")], vec![CodeUse::Fresh, CodeUse::Fresh]),
        (vec![(id, "gate"), (id, "north")], vec![CodeUse::UsedBefore, CodeUse::Fresh]),
        (vec![(again, "")], vec![CodeUse::DeviceEnded]),
    ];
    for (n, (uses, expected)) in steps.into_iter().enumerate() {
        let now = world.now();
        let came = world.db.in_tx(async |tx| use_up(tx, &uses, now).await).await.unwrap();
        assert_eq!(came, expected, "step {n}");
    }
}

async fn a_device_ends(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let (kept, lost) = (phone(owner(school, 1), 1), phone(owner(school, 2), 1));
    let (kept, lost) = (world.enrol(&kept).await, world.enrol(&lost).await);
    let use_one = async |phone: &crate::codes::support::Phone, sub| {
        world.use_up(&[phone.shown(world.now(), sub)]).await.remove(0)
    };
    assert_eq!(use_one(&lost, 0).await, CodeUse::Fresh);
    let (person, now) = (lost.owner.person, world.now());
    let end = async || {
        let end = world.db.in_tx(async |tx| end_devices(tx, person, EndReason::Lost, now).await);
        end.await.unwrap()
    };
    assert_eq!((end().await, end().await), (1, 0));
    assert_eq!(use_one(&lost, 1).await, CodeUse::DeviceEnded);
    assert_eq!(use_one(&kept, 0).await, CodeUse::Fresh);
    world.clock.advance(DAY * 6);
    assert_eq!(use_one(&kept, 1).await, CodeUse::Fresh);
    world.clock.advance(DAY);
    assert_eq!(use_one(&kept, 2).await, CodeUse::DeviceEnded, "not seen for a week");
}

async fn what_is_too_old_is_removed(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let server = world.server();
    let old = world.enrol(&phone(owner(school, 1), 1)).await;
    assert_eq!(world.use_up(&[old.shown(START, 0)]).await, [CodeUse::Fresh]);
    let (devices, uses) = ("SELECT COUNT(*) FROM device WHERE ended_why = 'expired'", "code_use");
    let rows = Rows::of(&db.url).await;
    world.clock.advance(DAY);
    server.clean(world.now()).await.unwrap();
    assert_eq!((rows.number(devices).await, rows.count(uses).await), (0, 1));
    world.clock.advance(DAY * 29);
    let young = world.enrol(&phone(owner(school, 2), 1)).await;
    assert_eq!(world.use_up(&[young.shown(world.now(), 0)]).await, [CodeUse::Fresh]);
    server.clean(world.now()).await.unwrap();
    assert_eq!((rows.number(devices).await, rows.count(uses).await), (1, 1));
    // Enrolling again is all it takes.
    let again = world.enrol(&phone(owner(school, 1), 1)).await;
    assert_eq!(again.enrolled.generation, 2);
    assert_eq!(world.use_up(&[again.shown(world.now(), 0)]).await, [CodeUse::Fresh]);
}

/// Many in one transaction: one statement, and each its own answer.
async fn a_batch_is_one_statement(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let mut shown = Vec::new();
    for number in 0..30 {
        let phone = world.enrol(&phone(owner(school, number + 1), 1)).await;
        shown.extend([phone.shown(START, 0), phone.shown(START, 1)]);
    }
    let uses: Vec<_> = shown.iter().map(|shown| (*shown, "")).collect();
    let now = world.now();
    for expected in [CodeUse::Fresh, CodeUse::UsedBefore] {
        let work = world.db.in_tx(async |tx| {
            let (came, statements) = counting_statements(use_up(tx, &uses, now)).await;
            assert_eq!(statements, 1);
            came
        });
        assert_eq!(work.await.unwrap(), vec![expected; 60]);
    }
}

on_each_empty_database!(
    a_code_is_used_once_for_each_scope,
    a_device_ends,
    what_is_too_old_is_removed,
    a_batch_is_one_statement,
);
