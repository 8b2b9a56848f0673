//! SIGKILL in the middle of a check or an import: another process goes on, and counts no row twice.

use crate::staff::{
    rosters::try_send,
    support::{Member, add},
};
use serde_json::json;
use std::{cell::RefCell, fmt::Write as _};
use testkit::{Program, TestDb, World, assert_authentic, eventually, on_each_database};

on_each_database!(a_roster_whose_server_is_killed_is_gone_on_with);

const DIE_AT: &str = "ONECARD_DIE_AT";
const ROSTERS: &str = "/api/v1/staff/roster-imports";

/// Between which writes it dies.
const POINTS: [&str; 6] = [
    "roster: take|tx:committed|1",
    "roster: check|tx:committed|2",
    "roster: end|tx:commit|1",
    "roster: import|tx:commit|2",
    "roster: import|tx:committed|2",
    "roster: end|tx:commit|2",
];

/// So many people of a round, of whom every hundredth has no name.
fn many(round: usize) -> String {
    let header = "student_no,name,id_number,phone,kind,department,class_name,valid_until\n";
    (0..1203).fold(header.to_owned(), |mut file, n| {
        let name = if n % 100 == 7 { "" } else { "学生" };
        writeln!(file, "K{round}-{n},{name},,,student,学院,班级,").unwrap();
        file
    })
}

async fn a_roster_whose_server_is_killed_is_gone_on_with(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    program.start().await;
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, ("li", "G-1", &["card_office"])).await;
    let office = Member::enrol_at((&program.api(), &world), "li", &printed).await;
    program.kill();
    for (round, point) in POINTS.into_iter().enumerate() {
        program.start_told(DIE_AT, point).await;
        // The answers may be lost with the server.
        let _ = try_send(&office, "text/csv", many(round).into_bytes()).await;
        let mut deaths = reached(&world, &mut program, "checked").await;
        let id = world.rows.id("SELECT id FROM roster_job ORDER BY id DESC LIMIT 1").await;
        let start = format!("POST {ROSTERS}/{id}/start");
        let _ = office.api.try_ask(&office.access_token, (&start, "k"), Some(&json!({}))).await;
        deaths += reached(&world, &mut program, "done").await;
        assert_eq!(deaths, 1, "{point}");
        let counted = "SELECT 'rows ' || rows_done || ' check ' || to_add || '+' || to_refuse \
                       || ' import ' || added || '+' || unchanged || '+' || refused \
                       FROM roster_job ORDER BY id DESC LIMIT 1";
        let counted = world.rows.texts(counted).await;
        assert_eq!(counted, ["rows 1203 check 1191+12 import 1191+0+12"], "{point}");
        let people = format!("person WHERE student_no LIKE 'K{round}-%'");
        assert_eq!(world.rows.count(&people).await, 1191, "{point}");
        let refused = format!("{ROSTERS}/{id}/refused");
        assert_eq!(office.get(&refused).await.text().lines().count(), 13, "{point}");
        program.kill();
    }
    assert_authentic(&world.db).await;
}

/// Waits until the newest roster is in this state. A server that died is started again, as after the lease of
/// whom it was; returns how often.
async fn reached(world: &World, program: &mut Program, state: &str) -> u32 {
    let now = async || {
        let newest = "SELECT state FROM roster_job ORDER BY id DESC LIMIT 1";
        world.rows.texts(newest).await.pop().is_some_and(|now| now == state)
    };
    let running = RefCell::new(&mut *program);
    let is_there = eventually("it is there, or dead", async || {
        let is_dead = running.borrow_mut().death().is_some();
        if is_dead { Some(false) } else { now().await.then_some(true) }
    })
    .await;
    if is_there {
        return 0;
    }
    program.start().await;
    world.rows.change("UPDATE roster_job SET leased_until = 0", []).await;
    eventually(state, async || now().await.then_some(())).await;
    1
}
