//! The record itself.

use crate::events::support::{self, add};
use futures_util::future::join_all;
use onecard::{
    base::{
        clock::Timestamp,
        db::{Db, counting_statements},
        ids::{PersonId, SchoolId},
        money::{Balance, Fen},
    },
    events::{self, CodeRefused, CodeUsed, Event, Happening, NewEvent, Position},
};
use std::{collections::HashMap, time::Duration};
use testkit::{TestDb, on_each_empty_database};
use uuid::Uuid;

on_each_empty_database!(
    a_batch_is_one_statement_and_numbers_each_person,
    a_reader_misses_nothing_while_many_write,
    old_events_are_forgotten_and_numbers_go_on,
);

const NOW: Timestamp = Timestamp::from_seconds(1_795_233_600);
/// A reader who missed something would wait for it for ever.
const PATIENCE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(n))
}

fn order_changed(of: u128, order: u128, at: Timestamp) -> NewEvent {
    support::order_changed(person(of), order, at)
}

fn code_used(of: u128) -> NewEvent {
    let what = Happening::CodeUsed(CodeUsed {
        charge_id: Uuid::from_u128(7),
        amount_fen: Fen::new(1250).unwrap(),
        merchant_name: "一食堂".to_owned(),
        balance_fen: Balance::new(-1),
        purpose: "pay".to_owned(),
        generation: 2,
        tick: 119_682_240,
        sub: 3,
    });
    NewEvent { school: SchoolId::from_number(1), person: person(of), what, at: NOW }
}

fn code_refused(of: u128) -> NewEvent {
    let what = Happening::CodeRefused(CodeRefused {
        reason: "limit_meal".to_owned(),
        amount_fen: Fen::new(3100).unwrap(),
        merchant_name: "一食堂".to_owned(),
        purpose: "pay".to_owned(),
        generation: 2,
        tick: 119_682_240,
        sub: 3,
    });
    NewEvent { what, ..code_used(of) }
}

async fn all(db: &Db, of: u128) -> Vec<Event> {
    events::after(db, person(of), Position::START, 10_000).await.unwrap()
}

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.number.number()).collect()
}

async fn a_batch_is_one_statement_and_numbers_each_person(test: &TestDb) {
    let db = &test.db;
    let batch = [order_changed(1, 1, NOW), code_used(2), code_used(1), order_changed(1, 2, NOW)];
    let (added, statements) = counting_statements(add(db, &batch)).await;
    added.unwrap();
    assert_eq!(statements, 1);
    add(db, &[order_changed(1, 3, NOW)]).await.unwrap();
    add(db, &[]).await.unwrap();

    let of_one = all(db, 1).await;
    assert_eq!(numbers(&of_one), [1, 2, 3, 4]);
    let told: Vec<_> = of_one.iter().map(|event| event.what.clone()).collect();
    let fifth = order_changed(1, 3, NOW).what;
    let wanted = [&batch[0].what, &batch[2].what, &batch[3].what, &fifth].map(Clone::clone);
    assert_eq!(told, wanted);
    assert!(of_one.iter().all(|event| event.at == NOW));
    assert_eq!(numbers(&all(db, 2).await), [1]);
    assert_eq!(numbers(&all(db, 3).await), Vec::<i64>::new());
    add(db, &[code_refused(4)]).await.unwrap();
    assert_eq!(all(db, 4).await[0].what, code_refused(4).what);

    let page = events::after(db, person(1), Position::new(1), 2).await.unwrap();
    assert_eq!(numbers(&page), [2, 3]);
    let ends = events::ends(db, &[person(3), person(1), person(2)]).await.unwrap();
    let ends: HashMap<_, _> = ends.into_iter().collect();
    let wanted = [(person(1), Position::new(4)), (person(2), Position::new(1))];
    assert_eq!(ends, HashMap::from(wanted));
}

/// Nobody holds a lock here: the key alone keeps the numbers in the order of the commits.
async fn a_reader_misses_nothing_while_many_write(test: &TestDb) {
    const WRITERS: u128 = 6;
    const EACH: u128 = 25;
    let db = &test.db;
    let write = async |writer: u128| {
        for n in 0..EACH {
            let order = writer * EACH + n;
            let batch = [order_changed(1, order, NOW), order_changed(2, order, NOW)];
            while let Err(error) = add(db, &batch).await {
                assert!(error.is_transient(), "{error}");
            }
        }
    };
    let read = async {
        let (mut heard, mut position) = (Vec::new(), Position::START);
        while heard.len() < usize::try_from(WRITERS * EACH).unwrap() {
            let new = events::after(db, person(1), position, 7).await.unwrap();
            position = new.last().map_or(position, |event| event.number);
            heard.extend(new);
        }
        heard
    };
    let both = async { tokio::join!(read, join_all((0..WRITERS).map(write))) };
    let both = tokio::time::timeout(PATIENCE, both).await;
    let (heard, _) = both.expect("everything was written and something was missed");
    assert_eq!(heard, all(db, 1).await);
    let count = i64::try_from(WRITERS * EACH).unwrap();
    assert_eq!(numbers(&heard), (1..=count).collect::<Vec<_>>());
    let mut orders: Vec<_> = heard.iter().map(|event| format!("{:?}", event.what)).collect();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), heard.len(), "each once");
}

async fn old_events_are_forgotten_and_numbers_go_on(test: &TestDb) {
    let db = &test.db;
    let old: Vec<_> = (0..2100).map(|n| order_changed(1, n, NOW)).collect();
    assert!(add(db, &old).await.is_err(), "too many at once");
    for part in old.chunks(1000) {
        add(db, part).await.unwrap();
    }
    add(db, &[order_changed(2, 1, NOW), order_changed(2, 2, NOW.plus(3 * DAY))]).await.unwrap();
    add(db, &[order_changed(3, 1, NOW.plus(3 * DAY))]).await.unwrap();

    events::delete_old_now(db, NOW.plus(30 * DAY)).await.unwrap();
    assert_eq!(all(db, 1).await.len(), 2100, "not old yet");
    events::delete_old_now(db, NOW.plus(31 * DAY)).await.unwrap();
    assert_eq!(numbers(&all(db, 1).await), [2100], "the newest stays, for its number");
    assert_eq!(numbers(&all(db, 2).await), [2]);
    assert_eq!(numbers(&all(db, 3).await), [1]);

    add(db, &[order_changed(1, 9000, NOW.plus(40 * DAY))]).await.unwrap();
    assert_eq!(numbers(&all(db, 1).await), [2100, 2101]);
    events::delete_old_now(db, NOW.plus(61 * DAY)).await.unwrap();
    assert_eq!(numbers(&all(db, 1).await), [2100, 2101], "looked at again after a month");
    events::delete_old_now(db, NOW.plus(62 * DAY)).await.unwrap();
    assert_eq!(numbers(&all(db, 1).await), [2101]);
}
