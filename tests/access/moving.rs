//! A dormitory moves while people stand at its gates: each decision is by the old list or by the new one,
//! and after the first by the new one there is none by the old one.

use crate::access::yard::{DOORS, Yard};
use futures_util::future::{join, join_all};
use std::{
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};
use testkit::{TestDb, on_each_database};

on_each_database!(each_decision_is_by_the_old_list_or_by_the_new_one);

/// Who stands at which gate, and whether the person lives there by either list. Nobody who lives in one
/// house by both is ever kept out of it.
const PLACES: [(usize, &str, [bool; 2]); 8] = [
    (0, "D1", [true, true]),
    (1, "D1", [true, false]),
    (1, "D2", [false, true]),
    (2, "D1", [false, true]),
    (2, "D2", [true, false]),
    (3, "D1", [false, true]),
    (4, "D2", [true, false]),
    (5, "D1", [false, false]),
];
const HOUSES: [(&str, &str); 2] = [("D1", "一号楼"), ("D2", "二号楼")];
/// Rights elsewhere, so that an import takes as long as some decisions.
const ELSEWHERE: usize = 1_200;

/// The lists are put in force one after the other; a decision is at one of them.
struct Gates {
    yard: Yard,
    /// The newest list that was put in force for certain.
    imported: AtomicUsize,
    /// The newest list that a decision was by.
    seen: AtomicUsize,
}

/// The list with this number: they alternate.
fn list(number: usize) -> String {
    let mut lines = "student_no,door_group,hours\n".to_owned();
    for (nth, door, lives) in PLACES.iter().filter(|(_, _, lives)| lives[number % 2]) {
        assert!(lives[number % 2]);
        let house = HOUSES.iter().find(|(gate, _)| gate == door).unwrap().1;
        writeln!(lines, "{},{house},", testkit::PEOPLE[*nth].0).unwrap();
    }
    for n in 0..ELSEWHERE {
        writeln!(lines, "{},别处{},00:{:02}-12:00", testkit::PEOPLE[n % 6].0, n / 60, n / 6 % 10)
            .unwrap();
    }
    lines
}

impl Gates {
    /// One decision; `false` where the code was not good any more.
    async fn decide(&self, (nth, door, lives): (usize, &str, [bool; 2]), code: &str) -> bool {
        let oldest = self.seen.load(Ordering::SeqCst).max(self.imported.load(Ordering::SeqCst));
        let said = self.yard.ask(door, code).await;
        // The next list may be in force before its import has said so.
        let newest = self.imported.load(Ordering::SeqCst) + 1;
        let is_open = match said.as_str() {
            "open" => true,
            "right_missing" => false,
            "code_used" | "code_clock_skew" => return false,
            other => panic!("{nth} at {door}: {other}"),
        };
        let by = (oldest..=newest).find(|number| lives[number % 2] == is_open);
        let by =
            by.unwrap_or_else(|| panic!("{nth} at {door}: {said} by neither {oldest} to {newest}"));
        self.seen.fetch_max(by, Ordering::SeqCst);
        true
    }

    /// Shows codes at one gate until all lists are in force.
    async fn stand(&self, place: (usize, &str, [bool; 2]), lists: usize) -> usize {
        let (mut code, mut decisions) = (self.yard.identity(place.0), 0);
        loop {
            let is_last = self.imported.load(Ordering::SeqCst) == lists;
            if self.decide(place, &code).await {
                decisions += 1;
                if is_last {
                    return decisions;
                }
            } else {
                code = self.yard.identity(place.0);
            }
        }
    }
}

async fn each_decision_is_by_the_old_list_or_by_the_new_one(db: &TestDb) {
    let lists = if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") { 12 } else { 4 };
    let doors = DOORS.replace("[doors]\n", "[doors]\ndouble_read_seconds = 10\n");
    let yard = Yard::open(db, &doors).await;
    yard.import(list(0), &[]).await.unwrap();
    let gates = Gates { yard, imported: AtomicUsize::new(0), seen: AtomicUsize::new(0) };
    let import = async {
        for number in 1..=lists {
            gates.yard.import(list(number), &[]).await.unwrap();
            gates.imported.store(number, Ordering::SeqCst);
        }
    };
    let stand = join_all(PLACES.map(|place| gates.stand(place, lists)));
    let ((), decisions) = join(import, stand).await;
    let seen = gates.seen.load(Ordering::SeqCst);
    println!("{} decisions while {lists} lists were put in force", decisions.iter().sum::<usize>());
    assert!(seen >= lists - 1, "decisions were by list {seen} at last");
}
