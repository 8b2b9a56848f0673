//! The traps of Alipay's notifications, one row each: how the message is made, how it is answered,
//! and what it does. Every row meets a real server over a real connection, on both databases, and
//! about an order of its own; afterwards the true message about that order is taken, so that what
//! was refused was refused for what was wrong with it.

mod arrival;
mod contents;
mod signatures;
mod trap;

use std::collections::BTreeSet;
use testkit::{TestDb, on_each_database};
use trap::{Course, Trap};

const TABLE: [&[Trap]; 3] = [signatures::TRAPS, contents::TRAPS, arrival::TRAPS];

on_each_database!(every_trap);

async fn every_trap(db: &TestDb) {
    let mut course = Course::start(db).await;
    for trap in TABLE.into_iter().flatten() {
        course.run(trap).await;
    }
    course.end().await;
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let names: Vec<&str> = TABLE.into_iter().flatten().map(|trap| trap.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.len() >= 60, "{}", names.len());
}
