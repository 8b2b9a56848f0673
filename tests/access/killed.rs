//! SIGKILL between any two writes of an import and of what staff change: rights are those of before or
//! those of after, never some of each. `ONECARD_LONG=1` dies at all points.

use crate::staff::support::{Member, add};
use onecard::{
    access::listing::DoorFilter,
    base::{
        db::{Keyset, Source},
        ids::SchoolId,
    },
};
use serde_json::{Value, json};
use std::{cell::Cell, collections::BTreeSet, fmt::Write as _, fs};
use testkit::{Api, Killing, Made, PEOPLE, Program, TestDb, World, on_each_database};

on_each_database!(
    an_import_that_is_killed_replaces_all_or_nothing,
    a_server_that_is_killed_gives_a_right_once,
    a_server_that_is_killed_ends_a_right_once,
);

const ONE_OF: usize = 6;
const RIGHTS: &str = "/api/v1/staff/door-rights";

/// The rights in force as `person group hours`, and the entries of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    rights: BTreeSet<String>,
    entries: i64,
}

async fn look(world: &World) -> State {
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let page = Keyset { beyond: None, descending: true, most: 2_000 };
    let source = Source::Db(&world.db);
    let rights = DoorFilter::list(source, school, &DoorFilter::default(), page).await.unwrap();
    let now = testkit::now();
    let in_force = rights.iter().filter(|right| right.times.until.is_none_or(|until| until > now));
    let rights =
        in_force.map(|right| format!("{} {} {}", right.person, right.group, right.times.window));
    let entries = world.rows.count("audit_entry WHERE act LIKE 'door%'").await;
    State { rights: rights.collect(), entries }
}

/// More lines than one commit takes, of two houses that change their people at each import.
async fn an_import_that_is_killed_replaces_all_or_nothing(db: &TestDb) {
    let world = World::unserved(db).await;
    let program = Program::of(&world, crate::ONECARD);
    let mut people = Vec::new();
    for (number, _) in PEOPLE {
        people.push(world.rows.person("xnec", number).await.to_string());
    }
    let file = world.path("rights.csv");
    // An import that is done again after its last commit is told once more.
    let told_at_most = Cell::new(0);
    let look_at_import = async || {
        let seen = look(&world).await;
        State { entries: seen.entries.min(told_at_most.get()), ..seen }
    };
    let make = async |round: usize| {
        let before = look(&world).await;
        told_at_most.set(before.entries + 1);
        let (mut lines, mut rights) = ("student_no,door_group,hours\n".to_owned(), BTreeSet::new());
        for (person, (number, _)) in people.iter().zip(PEOPLE) {
            for n in 0..100 {
                let (house, minute) = ((n + round) % 6, n / 6);
                let hours = format!("00:{minute:02}-12:{:02}", round % 60);
                writeln!(lines, "{number},{house}号楼,{hours}").unwrap();
                rights.insert(format!("{person} {house}号楼 {hours}"));
            }
        }
        fs::write(&file, lines).unwrap();
        let after = State { rights, entries: before.entries + 1 };
        let command = ["door", "rights", "import", "--school", "xnec", &file];
        Made { wish: command.map(str::to_owned).to_vec(), states: vec![before, after] }
    };
    let killing = Killing { world: &world, what: "command", one_of: ONE_OF };
    killing.command(&program, make, look_at_import).await;
    testkit::assert_authentic(&world.db).await;
}

/// A member of staff who gives and ends rights.
async fn office(world: &World, program: &mut Program) -> Member {
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, ("li", "1001", &["card_office"])).await;
    program.start().await;
    let api = program.api();
    let office = Member::enrol_at((&api, world), "li", &printed).await;
    program.kill();
    office
}

async fn ask(
    api: &Api,
    member: &Member,
    (path, body): &(String, Value),
) -> Option<testkit::Answer> {
    let line = format!("POST {path}");
    api.try_ask(&member.access_token, (&line, "k"), Some(body)).await.ok()
}

/// A right of nobody yet: of another house each time.
fn grant(round: usize) -> (String, Value) {
    let body = json!({ "student_no": PEOPLE[0].0, "door_group": format!("{round}号楼"),
        "reason": "搬入" });
    (RIGHTS.to_owned(), body)
}

async fn a_server_that_is_killed_gives_a_right_once(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let office = office(&world, &mut program).await;
    let person = world.rows.person("xnec", PEOPLE[0].0).await;
    let make = async |round: usize| {
        let before = look(&world).await;
        let mut after = before.clone();
        after.rights.insert(format!("{person} {round}号楼 00:00-24:00"));
        after.entries += 1;
        Made { wish: grant(round), states: vec![before, after] }
    };
    let what = format!("POST {RIGHTS}");
    let killing = Killing { world: &world, what: &what, one_of: ONE_OF };
    let ask = async |api: &Api, wish: &_| ask(api, &office, wish).await;
    killing.server(&mut program, make, ask, async || look(&world).await).await;
    testkit::assert_authentic(&world.db).await;
}

async fn a_server_that_is_killed_ends_a_right_once(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let office = office(&world, &mut program).await;
    // All that are ended later.
    program.start().await;
    let mut given = Vec::new();
    for round in 0..40 {
        let answer = ask(&program.api(), &office, &grant(round)).await.unwrap();
        given.push(answer.body(201)["id"].as_str().unwrap().to_owned());
    }
    program.kill();
    let person = world.rows.person("xnec", PEOPLE[0].0).await;
    let make = async |round: usize| {
        let before = look(&world).await;
        let mut after = before.clone();
        assert!(after.rights.remove(&format!("{person} {round}号楼 00:00-24:00")));
        after.entries += 1;
        let path = format!("{RIGHTS}/{}/end", given[round]);
        Made { wish: (path, json!({ "reason": "搬出" })), states: vec![before, after] }
    };
    let what = format!("POST {RIGHTS}/{{id}}/end");
    let killing = Killing { world: &world, what: &what, one_of: ONE_OF };
    let ask = async |api: &Api, wish: &_| ask(api, &office, wish).await;
    killing.server(&mut program, make, ask, async || look(&world).await).await;
    testkit::assert_authentic(&world.db).await;
}
