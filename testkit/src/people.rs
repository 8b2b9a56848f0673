//! Two schools and their people.

use crate::now;
use onecard::{
    base::{
        clock::SystemClock,
        crypto::keyring::{Key32, KeyRing, NamedKey},
        db::Db,
    },
    policies::import_schools,
    schools::{PersonKeys, Schools, roster::RosterImport},
};
use std::{fs, io::Cursor, path::Path, sync::Arc};
use tempfile::TempDir;

/// The demo people of the school `xnec` and their default passwords.
pub const PEOPLE: [(&str, &str); 6] = [
    ("2301001", "170026"),
    ("2301002", "102008"),
    ("2301003", "290022"),
    ("2301004", "908003"),
    ("2301005", "250039"),
    ("2301006", "140023"),
];
/// A student of the school `hbkj`.
pub const ELSEWHERE: (&str, &str) = ("3301001", "170026");
const ELSEWHERE_ROSTER: &str = "\
student_no,name,id_number,phone,kind,department,class_name,valid_until
3301001,孙可,990101200503170026,12000000009,student,信息工程学院,软件技术2301,2030-07-31
";

/// A throwaway key.
pub const KEY: [u8; 32] = [7; 32];

/// The folder of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Imports all schools of the repository, `hbkj` as a copy of `xnec`, and the people of both.
pub(crate) async fn import_people(db: &Db) {
    let repository = repository();
    let policy = fs::read_to_string(repository.join("schools/xnec.toml")).unwrap();
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("hbkj.toml");
    fs::write(&other, policy.replace("\"xnec\"", "\"hbkj\"")).unwrap();
    let now = now();
    // All schools are added before the server starts: it reloads the list only periodically.
    let paths = [repository.join("schools"), other];
    import_schools(db, &paths, false, now).await.unwrap();
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let demo = fs::read_to_string(repository.join("schools/demo/xnec-roster.csv")).unwrap();
    let schools = Schools::new(db.clone(), Arc::new(SystemClock));
    for (code, roster) in [("xnec", demo.as_str()), ("hbkj", ELSEWHERE_ROSTER)] {
        let school = schools.by_code(code).await.unwrap().unwrap().id;
        let import = RosterImport { db, keys: &keys, school, now };
        let report = import.run(Cursor::new(roster), |_, _| ()).await.unwrap();
        assert_eq!((report.added, report.refused.len()), (report.read, 0));
    }
}
