//! SIGKILL between any two writes of an opening: the lock is asked once at most, and the attempt comes
//! to the end that the lock knows. And of an import of locks, of which each part is there or not.

use super::support::{Dorm, LOCK, said};
use std::{cell::RefCell, fmt::Write as _, fs};
use testkit::{Killing, Made, Program, TestDb, World, eventually, on_each_database};

on_each_database!(
    a_server_that_is_killed_opens_a_door_once_at_most,
    an_import_of_locks_that_is_killed_goes_on_where_it_was,
);

const DIE_AT: &str = "ONECARD_DIE_AT";
const OPEN: &str = "POST /api/v1/me/doors/{door}/open";

/// Where it dies, and what the attempt comes to: `None` if there is none until the phone asks again.
const POINTS: [(&str, Option<&str>); 6] = [
    ("tx:commit|1", None),
    ("tx:committed|1", Some("refused not_received")),
    ("provider:call|1", Some("refused not_received")),
    ("provider:answered|1", Some("opened")),
    ("tx:commit|2", Some("opened")),
    ("tx:committed|2", Some("opened")),
];

async fn a_server_that_is_killed_opens_a_door_once_at_most(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let dorm = Dorm::served_by(world, &mut program).await;
    let student = &dorm.student;
    let door = dorm.door(LOCK).await;
    for (n, (point, expected)) in POINTS.into_iter().enumerate() {
        dorm.world.rows.change("UPDATE door_opening SET created_at = 1", []).await;
        let before = dorm.opened(LOCK);
        program.start_told(DIE_AT, &format!("{OPEN}|{point}")).await;
        let line = format!("POST /api/v1/me/doors/{door}/open");
        let key = format!("k{n}");
        let lost = student.api.try_ask(&student.access_token, (&line, &key), None).await;
        assert!(lost.is_err(), "{point}");
        let running = RefCell::new(&mut program);
        eventually("it is dead", async || running.borrow_mut().death()).await;
        program.start().await;
        // As after the seconds in which the lock may open.
        let due = "UPDATE door_opening SET open_until = 1, ask_at = 1 WHERE state = 'unknown'";
        dorm.world.rows.change(due, []).await;
        if let Some(expected) = expected {
            let ended = eventually("the attempt ends", async || {
                let again = student.open_door(&door, &key).await.body(200);
                (again["state"] != "unknown").then_some(again)
            })
            .await;
            assert_eq!(said(&ended), expected, "{point}");
            assert_eq!(dorm.opened(LOCK) - before, u64::from(expected == "opened"), "{point}");
        } else {
            assert_eq!(said(&student.open_door(&door, &key).await.body(200)), "opened");
            assert_eq!(dorm.opened(LOCK) - before, 1, "{point}");
        }
        program.kill();
    }
    let log = dorm.log().await;
    assert_eq!(log.len(), POINTS.len());
    let opened = log.iter().filter(|line| line.ends_with(" open ")).count();
    assert_eq!(u64::try_from(opened).unwrap(), dorm.opened(LOCK));
}

/// How many locks there are, in which house, and how many parts were recorded.
type State = (i64, i64, i64);

/// The first part of a list is in force before the second, and a repeat takes up the rest.
async fn an_import_of_locks_that_is_killed_goes_on_where_it_was(db: &TestDb) {
    const PART: i64 = 500;
    let world = World::unserved(db).await;
    let program = Program::of(&world, crate::ONECARD);
    let file = world.path("locks.csv");
    let look = async |round: usize| -> State {
        let moved = format!("door_lock WHERE door_group LIKE '{round}号楼%'");
        let recorded = "audit_entry WHERE act = 'locks.imported'";
        let rows = &world.rows;
        (rows.count("door_lock").await, rows.count(&moved).await, rows.count(recorded).await)
    };
    let turn = std::cell::Cell::new(0);
    let make = async |round: usize| {
        let mut list = "lock_id,door_group,name\n".to_owned();
        for lock in 0..=PART {
            writeln!(list, "L{lock},{round}号楼{lock},{lock} 室").unwrap();
        }
        fs::write(&file, list).unwrap();
        turn.set(round);
        let (known, _, recorded) = look(round).await;
        let first = if known == 0 { PART } else { known };
        let half = (first, PART, recorded + 1);
        let states = vec![(known, 0, recorded), half, (PART + 1, PART + 1, recorded + 2)];
        let command = ["door", "locks", "import", "--school", "xnec", &file];
        Made { wish: command.map(str::to_owned).to_vec(), states }
    };
    let killing = Killing { world: &world, what: "command", one_of: 4 };
    killing.command(&program, make, async || look(turn.get()).await).await;
    testkit::assert_authentic(&world.db).await;
}
