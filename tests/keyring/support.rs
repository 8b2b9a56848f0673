//! A school with locks, and people with rights to them.

use onecard::{
    base::ids::SchoolId,
    keyring::import::{LockReport, import_locks},
};
use sandbox::{
    faults::{RequestFault, RequestRule},
    locks::LockBehaviour,
};
use serde_json::Value;
use testkit::{Answer, PEOPLE, Program, Student, TestDb, World, now, take_over};
use uuid::Uuid;

/// The lock that the tests open, and another one.
pub const LOCK: &str = "D3-402";
pub const OTHER: &str = "D3-403";
const LIST: &str = "lock_id,door_group,name,place\n\
    D3-402,东三-402,402 室,东区 3 栋\nD3-403,东三-403,403 室,东区 3 栋\n\
    GONE-1,东三-404,404 室,东区 3 栋\n";

/// A deployment whose school `xnec` has locks, and a student with a right to [`LOCK`].
pub struct Dorm {
    pub world: World,
    pub student: Student,
    pub school: i64,
    pub person: Uuid,
}

impl Dorm {
    pub async fn open(db: &TestDb) -> Self {
        Self::open_with(db, &[]).await
    }

    pub async fn open_with(db: &TestDb, settings: &[(&str, &str)]) -> Self {
        let dorm = Self::of(World::start_with(db, settings).await).await;
        dorm.grant("东三-402").await;
        dorm
    }

    /// The same, served by a program alone.
    pub async fn served_by(world: World, program: &mut Program) -> Self {
        program.start().await;
        let student = program.api().login(&world.login_code(0)).await;
        student.bind("xnec", PEOPLE[0]).await.body(201);
        let dorm = Self::with(world, student).await;
        dorm.grant("东三-402").await;
        program.kill();
        dorm
    }

    async fn of(world: World) -> Self {
        let student = world.student(0).await;
        Self::with(world, student).await
    }

    async fn with(world: World, student: Student) -> Self {
        let school = world.rows.school("xnec").await;
        let report = import(&world, school, LIST).await;
        assert_eq!((report.added, report.refused.len()), (3, 0));
        let person = world.rows.person("xnec", PEOPLE[0].0).await;
        Self { world, student, school, person }
    }

    /// The minute of the day in Shanghai.
    pub fn minute() -> i32 {
        i32::try_from((now().seconds() + 8 * 3600) % 86_400 / 60).unwrap()
    }

    /// Makes the next requests to the sandbox go wrong.
    pub fn break_request(&self, fault: RequestFault) {
        self.world.faults().on_requests(RequestRule::anywhere(fault), 1).unwrap();
    }

    /// A right of the person from now on, at every hour.
    pub async fn grant(&self, group: &str) {
        self.grant_within(group, (0, 1440)).await;
    }

    /// The same within these minutes of the day.
    pub async fn grant_within(&self, group: &str, (from, until): (i32, i32)) {
        let sql = "INSERT INTO door_right (id, school_id, person_id, door_group, from_at, until_at, \
                   window_from, window_until, source, allocation, created_at) \
                   VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 'staff', $8, 0)";
        let values = [
            Uuid::now_v7().into(),
            self.school.into(),
            self.person.into(),
            group.into(),
            i64::MAX.into(),
            from.into(),
            until.into(),
            Uuid::nil().into(),
        ];
        self.world.rows.change(sql, values).await;
        take_over(&self.world.db).await;
    }

    /// Takes every right away.
    pub async fn revoke(&self) {
        self.world.rows.change("DELETE FROM door_right", []).await;
    }

    /// Changes the person's row, as its own room does.
    pub async fn set_person(&self, set: &str) {
        let sql = format!("UPDATE person SET {set} WHERE id = $1");
        assert_eq!(self.world.rows.change(&sql, [self.person.into()]).await, 1);
        take_over(&self.world.db).await;
    }

    /// The id of the door with this lock.
    pub async fn door(&self, lock: &str) -> String {
        let sql = format!("SELECT id FROM door_lock WHERE lock_id = '{lock}'");
        self.world.rows.id(&sql).await.to_string()
    }

    pub async fn try_open(&self, lock: &str, key: &str) -> Answer {
        self.student.open_door(&self.door(lock).await, key).await
    }

    /// Opens a door; what the attempt came to.
    pub async fn want(&self, lock: &str, key: &str) -> Value {
        self.try_open(lock, key).await.body(200)
    }

    /// The attempt as it stands; the lock is asked again.
    pub async fn look(&self, opening: &Value) -> Value {
        self.world.rows.change("UPDATE door_opening SET looked_at = 0", []).await;
        let path = format!("/api/v1/me/doors/openings/{}", opening["id"].as_str().unwrap());
        self.student.get(&path).await.body(200)
    }

    /// Lets the time pass in which locks may still open.
    pub async fn pass_time(&self) {
        self.world.rows.change("UPDATE door_opening SET open_until = 1", []).await;
    }

    /// How often the bolt moved.
    pub fn opened(&self, lock: &str) -> u64 {
        self.world.locks().opened(lock)
    }

    pub fn behave(&self, lock: &str, behaviour: LockBehaviour) {
        assert!(self.world.locks().set(lock, behaviour));
    }

    /// The orders that reached the adapter.
    pub fn orders(&self) -> usize {
        self.world.locks().orders().len()
    }

    /// The access log: how, what came of it, and why not.
    pub async fn log(&self) -> Vec<String> {
        let sql = "SELECT way || ' ' || door_group || ' ' || decision || ' ' || reason \
                   FROM access_log ORDER BY id";
        self.world.rows.texts(sql).await
    }
}

/// State and reason of an attempt.
pub fn said(opening: &Value) -> String {
    let reason = opening["reason"]["code"].as_str().unwrap_or_default();
    format!("{} {reason}", opening["state"].as_str().unwrap()).trim_end().to_owned()
}

/// Imports a list of locks.
pub async fn import(world: &World, school: i64, list: &str) -> LockReport {
    let school = SchoolId::from_number(school);
    import_locks(&world.db, school, std::io::Cursor::new(list), now()).await.unwrap()
}
