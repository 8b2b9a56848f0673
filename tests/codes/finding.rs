//! Whose code it is: with a table that is filled, filling, behind, or empty.

use crate::codes::support::{
    Phone, START, World, find, find_counting, owner, phone, school, terminal,
};
use futures_util::future::join_all;
use onecard::{
    base::db::counting_statements,
    passcode::{CodeUse, EndReason, Miss, ScanOutcome, Skew, end_devices, enrol},
};
use std::time::Duration;
use testkit::{TestDb, on_each_empty_database};

async fn a_device_is_found_wherever_it_was_enrolled(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let first = world.enrol(&phone(owner(school, 1), 1)).await;
    let (here, there) = (world.server(), world.server());
    let place = (school, terminal(1));
    let shows = |phone: &crate::codes::support::Phone, sub| phone.pays(&here, START, sub).digits();
    // The first code waits for the school's devices, the next does not.
    let (found, queries) = find_counting(&here, place, &shows(&first, 0), START).await;
    assert_eq!((found, queries), (ScanOutcome::Shown(first.shown(START, 0)), 2));
    let (found, queries) = find_counting(&here, place, &shows(&first, 1), START).await;
    assert_eq!((found, queries), (ScanOutcome::Shown(first.shown(START, 1)), 0));
    // One that another server enrolled works at once, for one query.
    let second = world.enrol(&phone(owner(school, 2), 1)).await;
    let (found, queries) = find_counting(&here, place, &shows(&second, 0), START).await;
    assert_eq!((found, queries), (ScanOutcome::Shown(second.shown(START, 0)), 1));
    let (_, queries) = find_counting(&here, place, &shows(&second, 0), START).await;
    assert_eq!(queries, 0);
    // Enrolled anew: the new code is found, the old one is found too and refused when used.
    let old = shows(&second, 1);
    let again = world.enrol(&phone(owner(school, 2), 1)).await;
    assert_eq!(again.enrolled.generation, 2);
    let found = find(&there, place, &shows(&again, 0), START).await.unwrap();
    assert_eq!(found, ScanOutcome::Shown(again.shown(START, 0)));
    let found = find(&here, place, &old, START).await.unwrap();
    assert_eq!(found, ScanOutcome::Shown(second.shown(START, 1)));
    // A code that is nobody's costs one query as well.
    let (found, queries) = find_counting(&here, place, "80000000010000000002", START).await;
    assert_eq!((found, queries), (ScanOutcome::Invalid(Miss::UnknownHandle), 1));
}

/// What the job does: devices of all schools are in before anybody asks, what another server did
/// comes in, and the hour turns.
async fn the_table_keeps_up(db: &TestDb) {
    let (world, one, two) = (World::of(db), school(db, 1).await, school(db, 2).await);
    let here = world.server();
    let (first, second) = (phone(owner(one, 1), 1), phone(owner(two, 2), 1));
    let (first, second) = (world.enrol(&first).await, world.enrol(&second).await);
    here.refresh().await.unwrap();
    for (phone, school) in [(&first, one), (&second, two)] {
        let code = phone.pays(&here, START, 0).digits();
        let found = find_counting(&here, (school, terminal(1)), &code, START).await;
        assert_eq!(found, (ScanOutcome::Shown(phone.shown(START, 0)), 0));
    }
    let third = world.enrol(&phone(owner(two, 3), 1)).await;
    let person = first.owner.person;
    let end = world.db.in_tx(async |tx| end_devices(tx, person, EndReason::Unbound, START).await);
    assert_eq!(end.await.unwrap(), 1);
    here.refresh().await.unwrap();
    let code = third.pays(&here, START, 0).digits();
    let found = find_counting(&here, (two, terminal(1)), &code, START).await;
    assert_eq!(found, (ScanOutcome::Shown(third.shown(START, 0)), 0));
    let gone = find(&here, (one, terminal(1)), &first.pays(&here, START, 1).digits(), START).await;
    assert_eq!(gone.unwrap(), ScanOutcome::Invalid(Miss::UnknownHandle));
    // Two hours later, in which nobody asked.
    world.clock.advance(Duration::from_hours(2));
    here.refresh().await.unwrap();
    let code = third.pays(&here, world.now(), 0).digits();
    let found = find_counting(&here, (two, terminal(1)), &code, world.now()).await;
    assert_eq!(found, (ScanOutcome::Shown(third.shown(world.now(), 0)), 0));
}

/// So that its codes are refused as those of a lost card, not as unknown ones: at every server, until the
/// phone has no keys any more. One that was enrolled again has new keys by then.
async fn a_phone_of_a_lost_card_is_found_while_it_has_keys(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let here = world.server();
    let mut phones = Vec::new();
    for number in [1, 2] {
        let phone = world.enrol(&phone(owner(school, number), 1)).await;
        here.refresh().await.unwrap();
        let person = phone.owner.person;
        let end = world.db.in_tx(async |tx| end_devices(tx, person, EndReason::Lost, START).await);
        assert_eq!(end.await.unwrap(), 1);
        phones.push(phone);
    }
    let [lost, found] = phones.try_into().unwrap();
    let there = world.server();
    let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
    here.refresh().await.unwrap();
    assert_eq!(world.use_up(&[lost.shown(START, 0)]).await, [CodeUse::DeviceEnded]);
    world.clock.advance(hour);
    let again = world.enrol(&phone(found.owner, 1)).await;
    assert_eq!((again.enrolled.device, again.enrolled.generation), (found.enrolled.device, 2));
    let until = lost.enrolled.expires_at;
    for (at, keys) in [(START.plus(hour), true), (until.minus(second), true), (until, false)] {
        world.clock.advance(world.now().distance(at));
        for server in [&here, &there, &world.server()] {
            server.refresh().await.unwrap();
            for (phone, is_found) in [(&lost, keys), (&again, true)] {
                let code = phone.pays(server, at, 0).digits();
                let outcome = find(server, (school, terminal(1)), &code, at).await.unwrap();
                let shown = ScanOutcome::Shown(phone.shown(at, 0));
                let unknown = ScanOutcome::Invalid(Miss::UnknownHandle);
                assert_eq!(outcome, if is_found { shown } else { unknown }, "{at:?}");
            }
        }
    }
}

/// A crowd at a server that has just started reads its school once.
async fn a_crowd_reads_once(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let mut phones = Vec::new();
    for number in 0..20 {
        phones.push(world.enrol(&phone(owner(school, number + 1), 1)).await);
    }
    let server = world.server();
    let scans = phones.iter().enumerate().map(|(n, phone)| {
        let (server, code) = (&server, phone.pays(&server, START, 0).digits());
        async move { find(server, (school, terminal(n.try_into().unwrap())), &code, START).await }
    });
    let (found, statements) = counting_statements(join_all(scans)).await;
    for (phone, found) in phones.iter().zip(found) {
        assert_eq!(found.unwrap(), ScanOutcome::Shown(phone.shown(START, 0)));
    }
    assert_eq!(statements, 2);
}

async fn clocks_that_are_wrong_are_told(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let phone = world.enrol(&phone(owner(school, 1), 1)).await;
    let server = world.server();
    for offset in -60_i64..=60 {
        let theirs = onecard::base::clock::Timestamp::from_seconds(START.seconds() + offset);
        let code = phone.pays(&server, theirs, 0).digits();
        let found = find(&server, (school, terminal(1)), &code, START).await.unwrap();
        let (shown, steps) = (phone.shown(theirs, 0), offset.div_euclid(15));
        let expected = match steps {
            -1..=1 => ScanOutcome::Shown(shown),
            _ if steps < 0 => ScanOutcome::ClockSkew(shown, Skew::Behind(steps.unsigned_abs())),
            _ => ScanOutcome::ClockSkew(shown, Skew::Ahead(steps.unsigned_abs())),
        };
        assert_eq!(found, expected, "{offset}");
    }
}

/// Another server's clock, ahead or behind, hides no device from this one.
async fn clocks_of_servers_may_differ(db: &TestDb) {
    let (world, school) = (World::of(db), school(db, 1).await);
    let server = world.server();
    server.refresh().await.unwrap();
    let enrolled = async |number, at| {
        let new = phone(owner(school, number), 1);
        let done = world.db.in_tx(async |tx| enrol(tx, &new, at).await).await.unwrap().unwrap();
        Phone { owner: new.owner, enrolled: done.enrolled }
    };
    let minutes = |n| Duration::from_mins(n);
    let finds = async |phone: &Phone, sub| {
        let (now, till) = (world.now(), (school, terminal(1)));
        let code = phone.pays(&server, now, sub).digits();
        (find(&server, till, &code, now).await.unwrap(), ScanOutcome::Shown(phone.shown(now, sub)))
    };
    let ahead = enrolled(1, world.now().plus(minutes(10))).await;
    let (found, expected) = finds(&ahead, 0).await;
    assert_eq!(found, expected, "of a server whose clock is ahead");
    let punctual = enrolled(2, world.now()).await;
    let (found, expected) = finds(&punctual, 0).await;
    assert_eq!(found, expected, "of another, after it");
    let behind = enrolled(3, world.now().minus(minutes(10))).await;
    world.clock.advance(minutes(60));
    server.refresh().await.unwrap();
    let (found, expected) = finds(&behind, 0).await;
    assert_eq!(found, expected, "of a server whose clock is behind");
}

on_each_empty_database!(
    a_device_is_found_wherever_it_was_enrolled,
    the_table_keeps_up,
    a_phone_of_a_lost_card_is_found_while_it_has_keys,
    a_crowd_reads_once,
    clocks_that_are_wrong_are_told,
    clocks_of_servers_may_differ,
);
