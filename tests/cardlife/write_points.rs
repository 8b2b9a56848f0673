//! SIGKILL between any two writes of a loss report and of its cancel: the card is reported, its codes
//! stop, and everybody is told, or nothing of it. `ONECARD_LONG=1` dies at all points.

use crate::spend::phone::Phone;
use onecard::base::ids::{PersonId, SchoolId};
use serde_json::json;
use testkit::{Killing, Made, PEOPLE, Program, TestDb, World, on_each_database};

on_each_database!(
    a_server_that_is_killed_reports_a_loss_once,
    a_server_that_is_killed_takes_a_report_back_once,
    a_counter_that_is_killed_reports_and_takes_back_once,
);

const REPORTS: &str = "/api/v1/card/loss-reports";
const ONE_OF: usize = 6;

/// A student with a second platform, and the deployment's program.
struct Holder {
    world: World,
    school: SchoolId,
    person: PersonId,
    token: String,
}

/// Cards that are lost, phones that show codes, what others were told, what the person was told, and what
/// was recorded.
type State = [i64; 5];

impl Holder {
    async fn of(db: &TestDb) -> (Self, Program) {
        let world = World::unserved(db).await;
        let mut program = Program::of(&world, crate::ONECARD);
        program.start().await;
        let student = program.api().login(&world.login_code(0)).await;
        student.bind("xnec", PEOPLE[0]).await.body(201);
        let other = program.api().login_by("alipay", &world.alipay_code(0)).await;
        other.bind("xnec", PEOPLE[0]).await.body(201);
        program.kill();
        let school = SchoolId::from_number(world.rows.school("xnec").await);
        let person = PersonId::from_uuid(world.rows.person("xnec", PEOPLE[0].0).await);
        (Self { world, school, person, token: student.access_token }, program)
    }

    async fn look(&self) -> State {
        let rows = &self.world.rows;
        [
            rows.count("person WHERE lost_at IS NOT NULL").await,
            rows.count("device WHERE ended_at IS NULL").await,
            rows.count("notice WHERE kind LIKE 'loss%'").await,
            rows.count("event").await,
            rows.count("audit_entry WHERE act LIKE 'loss.%'").await,
        ]
    }

    /// The card is not reported, and a phone shows its codes.
    async fn is_normal(&self, program: &Program) {
        self.counter(program, "found").await;
        Phone::of(&self.world.db, (self.school, "xnec"), self.person).await;
    }

    async fn counter(&self, program: &Program, what: &str) {
        let (code, out, err) = program.run(&command(what).each_ref().map(String::as_str)).await;
        assert_eq!(code, 0, "{out}{err}");
    }

    /// What is asked for, with what it changes.
    async fn made<T>(&self, wish: T, change: State) -> Made<T, State> {
        let before = self.look().await;
        let mut after = before;
        after.iter_mut().zip(change).for_each(|(count, change)| *count += change);
        Made { wish, states: vec![before, after] }
    }
}

fn command(what: &str) -> [String; 6] {
    ["card", what, "--school", "xnec", "--student-no", PEOPLE[0].0].map(str::to_owned)
}

async fn kill(db: &TestDb, path: &str, (before, change): (&str, State)) {
    let (holder, mut program) = Holder::of(db).await;
    let commands = Program::of(&holder.world, crate::ONECARD);
    let what = format!("POST {path}");
    let killing = Killing { world: &holder.world, what: &what, one_of: ONE_OF };
    let make = async |_: usize| {
        holder.is_normal(&commands).await;
        if before == "lost" {
            holder.counter(&commands, "lost").await;
        }
        holder.made((), change).await
    };
    let password = json!({ "query_password": PEOPLE[0].1 });
    let ask = async |api: &testkit::Api, (): &()| {
        api.try_ask(&holder.token, (&format!("POST {path}"), "k"), Some(&password)).await.ok()
    };
    killing.server(&mut program, make, ask, async || holder.look().await).await;
    testkit::assert_authentic(&holder.world.db).await;
}

async fn a_server_that_is_killed_reports_a_loss_once(db: &TestDb) {
    kill(db, REPORTS, ("found", [1, -1, 1, 1, 1])).await;
}

async fn a_server_that_is_killed_takes_a_report_back_once(db: &TestDb) {
    kill(db, &format!("{REPORTS}/cancel"), ("lost", [-1, 0, 1, 1, 1])).await;
}

async fn a_counter_that_is_killed_reports_and_takes_back_once(db: &TestDb) {
    let (holder, program) = Holder::of(db).await;
    let killing = Killing { world: &holder.world, what: "command", one_of: ONE_OF };
    for (what, change) in [("lost", [1, -1, 0, 1, 1]), ("found", [-1, 0, 0, 1, 1])] {
        let make = async |_: usize| {
            holder.is_normal(&program).await;
            if what == "found" {
                holder.counter(&program, "lost").await;
            }
            holder.made(command(what).to_vec(), change).await
        };
        killing.command(&program, make, async || holder.look().await).await;
    }
    testkit::assert_authentic(&holder.world.db).await;
}
