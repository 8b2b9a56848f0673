//! `school import`: what it writes, and what it refuses.

use crate::schools::{NOW, repository, xnec};
use onecard::{
    base::clock::{Clock, ManualClock},
    policies::{ImportError, ImportOutcome, Imported, import_schools},
    schools::Schools,
};
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use testkit::{Rows, TestDb, on_each_empty_database};

on_each_empty_database!(
    importing_twice_changes_nothing,
    versions_only_go_up,
    one_bad_file_stops_all,
    a_server_sees_an_import_within_a_second,
    a_damaged_policy_hurts_no_other_school,
    imports_at_the_same_time_agree,
);

/// A folder of policies.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn paths(&self) -> [PathBuf; 1] {
        [self.0.path().to_owned()]
    }
}

fn of(code: &str) -> String {
    xnec().replace("code = \"xnec\"", &format!("code = \"{code}\""))
}

async fn outcomes(
    db: &TestDb,
    paths: &[PathBuf],
    replace: bool,
) -> Result<Vec<ImportOutcome>, String> {
    match import_schools(&db.db, paths, replace, NOW).await {
        Ok(imported) => Ok(imported.into_iter().map(|school| school.outcome).collect()),
        Err(ImportError::Files(problems)) => {
            let problems = problems.iter().map(ToString::to_string);
            Err(problems.collect::<Vec<_>>().join("\n"))
        }
        Err(ImportError::Db(error)) => panic!("{error}"),
    }
}

async fn importing_twice_changes_nothing(db: &TestDb) {
    let schools = [repository("schools")];
    let first = import_schools(&db.db, &schools, false, NOW).await.unwrap();
    let xnec = first.iter().find(|school| school.code == "xnec").unwrap();
    assert_eq!((xnec.outcome, xnec.version), (ImportOutcome::Added, 5));
    assert!(xnec.path.ends_with("schools/xnec.toml"));
    for replace in [false, true] {
        let again = outcomes(db, &schools, replace).await.unwrap();
        assert_eq!(again, vec![ImportOutcome::Unchanged; first.len()]);
    }
    // What only looks different is the same.
    let folder = Folder::new();
    let file =
        folder.write("xnec.toml", &crate::schools::xnec().replace("version", "# seen\nversion  "));
    assert_eq!(outcomes(db, &[file], false).await, Ok(vec![ImportOutcome::Unchanged]));
}

async fn versions_only_go_up(db: &TestDb) {
    let folder = Folder::new();
    let version = |n: u32| of("aa").replace("version = 5", &format!("version = {n}"));
    let steps = [
        (version(2), false, Ok(ImportOutcome::Added)),
        (version(3), false, Ok(ImportOutcome::Changed)),
        (version(2), false, Err("is version 2, and the database has the newer 3")),
        (
            version(3).replace("50_000", "60_000"),
            false,
            Err("is version 3 as in the database, with"),
        ),
        (version(3), false, Ok(ImportOutcome::Unchanged)),
        (version(3).replace("50_000", "60_000"), true, Ok(ImportOutcome::Changed)),
        (version(2), true, Ok(ImportOutcome::Changed)),
        (version(2), false, Ok(ImportOutcome::Unchanged)),
        (version(3), false, Ok(ImportOutcome::Changed)),
    ];
    for (n, (text, replace, expected)) in steps.into_iter().enumerate() {
        let file = folder.write("aa.toml", &text);
        match (outcomes(db, std::slice::from_ref(&file), replace).await, expected) {
            (Ok(done), Ok(expected)) => assert_eq!(done, [expected], "step {n}"),
            (Err(told), Err(expected)) => {
                let told = told.strip_prefix(&format!("{}: ", file.display())).unwrap();
                assert!(told.starts_with(expected), "step {n}: {told}");
                assert!(told.contains("--replace"), "step {n}: {told}");
            }
            (done, expected) => panic!("step {n}: {done:?}, not {expected:?}"),
        }
    }
}

async fn one_bad_file_stops_all(db: &TestDb) {
    let folder = Folder::new();
    folder.write("aa.toml", &of("aa"));
    folder.write("bb.toml", &of("bb").replace("name_required = false", "name_required = 7"));
    folder.write("cc.toml", &of("dd"));
    folder.write("notes.txt", "not a policy");
    let missing = folder.0.path().join("ee.toml");
    let again = Folder::new().0;
    let endless = folder.0.path().join("endless");
    fs::create_dir(&endless).unwrap();
    fs::write(endless.join("ff.toml"), "#".repeat(300_000)).unwrap();
    fs::write(endless.join("gg.toml"), b"version = 1 # \xC1\xD6").unwrap();
    fs::write(endless.join("aa.toml"), of("aa")).unwrap();
    let paths = [folder.0.path().to_owned(), missing, again.path().to_owned(), endless];
    let told = outcomes(db, &paths, true).await.unwrap_err();
    let told: Vec<&str> = told.lines().collect();
    let line = 1 + of("bb").split("name_required").next().unwrap().matches('\n').count();
    let expected = [
        format!("bb.toml:{line}: invalid type"),
        "cc.toml: is the policy of dd, and must be named dd.toml".to_owned(),
        "ee.toml: cannot be read".to_owned(),
        ": holds no *.toml file".to_owned(),
        "aa.toml: the school stands in".to_owned(),
        "ff.toml: is longer than".to_owned(),
        "gg.toml: cannot be read".to_owned(),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for expected in expected {
        assert!(told.iter().any(|told| told.contains(&expected)), "{expected}: {told:#?}");
    }
    let schools = Schools::new(db.db.clone(), Arc::new(ManualClock::new(NOW)));
    assert!(schools.list().await.unwrap().is_empty());
}

async fn a_server_sees_an_import_within_a_second(db: &TestDb) {
    let clock = Arc::new(ManualClock::new(NOW));
    let schools = Schools::new(db.db.clone(), clock.clone());
    assert!(schools.by_code("aa").await.unwrap().is_none());

    let folder = Folder::new();
    folder.write("aa.toml", &of("aa"));
    folder.write("bb.toml", &of("bb"));
    outcomes(db, &folder.paths(), false).await.unwrap();
    assert!(schools.by_code("aa").await.unwrap().is_none(), "remembered");
    clock.advance(Duration::from_secs(1));
    let aa = schools.by_code("aa").await.unwrap().unwrap();
    assert_eq!(schools.by_id(aa.id).await.unwrap().unwrap(), aa);
    let codes: Vec<_> =
        schools.list().await.unwrap().iter().map(|school| school.code.clone()).collect();
    assert_eq!(codes, ["aa", "bb"]);

    let newer = of("aa").replace("version = 5", "version = 6").replace("咸宁职业", "新的");
    folder.write("aa.toml", &newer);
    outcomes(db, &folder.paths(), false).await.unwrap();
    clock.advance(Duration::from_secs(1));
    let renamed = schools.by_code("aa").await.unwrap().unwrap();
    assert_eq!((renamed.id, renamed.name.as_str()), (aa.id, "新的技术学院"));
    assert!(clock.now() < NOW.plus(Duration::from_secs(3)));
}

async fn a_damaged_policy_hurts_no_other_school(db: &TestDb) {
    let folder = Folder::new();
    folder.write("aa.toml", &of("aa"));
    folder.write("bb.toml", &of("bb"));
    outcomes(db, &folder.paths(), false).await.unwrap();
    let damage = "UPDATE school SET policy = '{}' WHERE code = 'aa'";
    assert_eq!(Rows::of(&db.url).await.change(damage, []).await, 1);
    let schools = Schools::new(db.db.clone(), Arc::new(ManualClock::new(NOW)));
    assert!(schools.by_code("aa").await.unwrap().is_none());
    assert!(schools.by_code("bb").await.unwrap().is_some());
    let repaired = outcomes(db, &folder.paths(), true).await.unwrap();
    assert_eq!(repaired, [ImportOutcome::Changed, ImportOutcome::Unchanged]);
}

async fn imports_at_the_same_time_agree(db: &TestDb) {
    let folder = Folder::new();
    for n in 0..20 {
        let code = format!("s{n}");
        folder.write(&format!("{code}.toml"), &of(&code));
    }
    let paths = folder.paths();
    let import = || import_schools(&db.db, &paths, false, NOW);
    let (one, two) = tokio::join!(import(), import());
    let added = |done: &[Imported]| {
        done.iter().filter(|school| school.outcome == ImportOutcome::Added).count()
    };
    assert_eq!(added(&one.unwrap()) + added(&two.unwrap()), 20);
}
