//! More schools, and what this folder's tests ask of a server.

use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::keyring::{Key32, KeyRing, NamedKey},
        db::Db,
    },
    policies::import_schools,
    schools::{PersonKeys, Schools, roster::RosterImport},
};
use serde_json::{Value, json};
use std::{fs, io::Cursor, path::Path, sync::Arc};
use testkit::{Answer, KEY, Student, World, now};

/// Somebody at `ynart`, where the default must be changed: student number, ID number, default.
pub const XIAOMEI: (&str, &str, &str) = ("20241001001", "990101200506200622", "200622");
/// Somebody else there, whose ID number ends with X.
pub const YUNFEI: (&str, &str, &str) = ("20241001002", "99010120060129070X", "129070");
/// At `ynart`, without an ID number.
pub const NUMBERLESS: &str = "LS20260002";
/// A good new password by every school's rule.
pub const OWN: &str = "836194";

/// The keys that the servers under test seal and index with.
pub fn keys() -> PersonKeys {
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    PersonKeys::new(ring(), ring())
}

/// Imports a school's policy and its demo people.
pub async fn import(db: &Db, code: &str) -> Arc<onecard::schools::School> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schools");
    import_schools(db, &[folder.join(format!("{code}.toml"))], false, now()).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let school = Schools::new(db.clone(), clock).by_code(code).await.unwrap().unwrap();
    let roster = fs::read_to_string(folder.join(format!("demo/{code}-roster.csv"))).unwrap();
    let import = RosterImport { db, keys: &keys(), school: school.id, now: now() };
    let report = import.run(Cursor::new(roster), |_, _| ()).await.unwrap();
    assert_eq!(report.refused.len(), 0);
    school
}

/// Changes the query password.
pub async fn change(student: &Student, old: &str, new: &str) -> Answer {
    let body = json!({ "old_password": old, "new_password": new });
    student.post("/api/v1/me/query-password", &body).await
}

/// Ends the binding.
pub async fn unbind(student: &Student, password: &str) -> Answer {
    let body = json!({ "query_password": password });
    student.post("/api/v1/bindings/current/unbind", &body).await
}

/// Asks the portal in.
pub async fn portal(world: &World, school: &str, (number, password): (&str, &str)) -> Answer {
    let body = json!({ "school": school, "id_value": number, "query_password": password });
    world.api().post("/api/v1/auth/portal/login", &body).await
}

/// Somebody at the portal.
pub async fn visitor(world: &World, school: &str, who: (&str, &str)) -> Student {
    Student::of(&world.api(), &portal(world, school, who).await.body(200))
}

/// The notices of the home page, by kind, newest first.
pub async fn notices(student: &Student) -> Vec<String> {
    let me = student.me().await.body(200);
    let kind = |notice: &Value| notice["kind"].as_str().unwrap().to_owned();
    me["notices"].as_array().unwrap().iter().map(kind).collect()
}
