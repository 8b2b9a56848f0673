//! A code is good once, and only while its device is.

use crate::{
    common::TestDb,
    support::{START, World, owner, phone, school},
};
use onecard::passcode::{Ended, Purpose, Shown, Use, end_devices, use_up};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

async fn a_code_is_used_once_for_each_scope(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let pay = phone.shown(START, 0);
    let id = Shown { purpose: Purpose::Id, ..pay };
    let again = Shown { generation: 2, ..pay };
    let later = phone.shown(START.plus(Duration::from_secs(15)), 0);
    let steps = vec![
        (vec![(pay, "")], vec![Use::Fresh]),
        (vec![(pay, "")], vec![Use::UsedBefore]),
        (vec![(phone.shown(START, 1), ""), (pay, "")], vec![Use::Fresh, Use::UsedBefore]),
        (vec![(later, ""), (later, "")], vec![Use::Fresh, Use::UsedBefore]),
        (vec![(id, "library"), (id, "gate")], vec![Use::Fresh, Use::Fresh]),
        (vec![(id, "gate"), (id, "north")], vec![Use::UsedBefore, Use::Fresh]),
        (vec![(again, "")], vec![Use::DeviceEnded]),
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
    let use_one = async |phone: &crate::support::Phone, sub| {
        world.use_up(&[phone.shown(world.now(), sub)]).await.remove(0)
    };
    assert_eq!(use_one(&lost, 0).await, Use::Fresh);
    let (person, now) = (lost.owner.person, world.now());
    let end = async || {
        let end = world.db.in_tx(async |tx| end_devices(tx, person, Ended::Lost, now).await);
        end.await.unwrap()
    };
    assert_eq!((end().await, end().await), (1, 0));
    assert_eq!(use_one(&lost, 1).await, Use::DeviceEnded);
    assert_eq!(use_one(&kept, 0).await, Use::Fresh);
    world.clock.advance(DAY * 6);
    assert_eq!(use_one(&kept, 1).await, Use::Fresh);
    world.clock.advance(DAY);
    assert_eq!(use_one(&kept, 2).await, Use::DeviceEnded, "not seen for a week");
}

on_each_database!(a_code_is_used_once_for_each_scope, a_device_ends);
