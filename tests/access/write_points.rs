//! SIGKILL between any two writes of a decision: a door that asks again under the same number gets one
//! decision, and the code is used once. `ONECARD_LONG=1` dies at all points, otherwise at every third.

use crate::{
    access::yard::{ACCESS, DOORS, Yard, said},
    spend::shop::signed,
};
use serde_json::json;
use std::cell::RefCell;
use testkit::{PATIENCE, Program, TestDb, eventually, eventually_within, on_each_database};

on_each_database!(a_server_that_is_killed_between_any_two_writes_decides_once);

const DIE_AT: &str = "ONECARD_DIE_AT";
const SIGKILL: i32 = 9;
const LOCKED: &str = "POST /terminal/v1/access";
/// Those of a decision without locks, which is on PostgreSQL and in a lane.
const AT_ONCE: [(&str, &str, usize); 2] =
    [("access", "tx:statement", 1), ("access", "tx:committed", 1)];
/// Those of one under the person's lock, with how often it gets there: the stored answers, the person,
/// the code, the rights with the log, and what is written.
const UNDER_LOCK: [(&str, &str, usize); 4] = [
    (LOCKED, "tx:begun", 1),
    (LOCKED, "tx:statement", 5),
    (LOCKED, "tx:commit", 1),
    (LOCKED, "tx:committed", 1),
];

async fn a_server_that_is_killed_between_any_two_writes_decides_once(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let yard = Yard::closed(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    let mut program = Program::of(&yard.shop.world, crate::ONECARD);
    let at_once = if db.url.starts_with("sqlite") { &[][..] } else { &AT_ONCE };
    let points = at_once.iter().chain(&UNDER_LOCK).flat_map(|(what, name, times)| {
        // Whoever has no right is decided under the lock.
        let decided = if *what == LOCKED { (1, "right_missing") } else { (0, "open") };
        (1..=*times).map(move |n| (format!("{what}|{name}|{n}"), decided))
    });
    let points: Vec<_> = points.step_by(if long { 1 } else { 3 }).collect();
    for (n, (point, (person, decided))) in points.iter().enumerate() {
        println!("{point}");
        program.start_told(DIE_AT, point).await;
        let api = program.api();
        let body = json!({ "seq": yard.shop.seq(), "code": yard.identity(*person) });
        let ask = async || {
            let (headers, bytes) = signed(&api, yard.signer("D1"), ACCESS, &body);
            let answer = api.deliver(ACCESS, &headers, &bytes).await.ok();
            answer.filter(|answer| answer.status < 500)
        };
        assert!(ask().await.is_none(), "{point}: it died before it answered");
        let death = {
            let running = RefCell::new(&mut program);
            let death = async || running.borrow_mut().death();
            eventually_within(PATIENCE, "the server dies", death).await
        };
        assert_eq!(death, SIGKILL, "{point}: {}", program.log());
        program.start().await;
        let answer = eventually("an answer", async || ask().await).await;
        assert_eq!(said(&answer), *decided, "{point}");
        let rows = &yard.shop.world.rows;
        let done = i64::try_from(n + 1).unwrap();
        for table in ["access_log", "code_use", "terminal_answer", "event"] {
            assert_eq!(rows.count(table).await, done, "{point}: {table}");
        }
        program.kill();
    }
}
