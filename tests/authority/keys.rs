//! Keys are replaced: everything comes under the new key, in steps, and the old one may go.

use crate::{
    authority::{named, reopened, ring},
    spend::shop::Shop,
};
use onecard::{
    base::{crypto::keyring::KeyRing, db::Db, ids::PersonId},
    schools::{People, PersonKeys, roster::RosterImport},
    terminals::switch_terminal,
    wiring::authority::{self, Signing},
};
use secrecy::ExposeSecret;
use std::{fs, io::Cursor, path::Path};
use testkit::{PATIENCE, Program, TestDb, World, assert_authentic, on_each_database, within};

on_each_database!(
    rows_come_under_a_new_key,
    a_forged_row_keeps_the_old_key,
    people_come_under_new_keys,
    the_command_says_when_the_old_key_may_go,
    a_server_does_not_start_with_another_key,
);

async fn rows_come_under_a_new_key(db: &TestDb) {
    let shop = Shop::closed(db, "").await;
    let (old, new) = (reopened(db, &["k1"]).await, reopened(db, &["k2", "k1"]).await);
    let only_new = reopened(db, &["k2"]).await;
    assert_authentic(&old).await;
    assert_authentic(&new).await;
    assert!(!authority::audit_rows(&only_new).await.unwrap().is_clean());
    assert!(!onecard::audit::audit(&only_new).await.unwrap().is_clean());
    // One row is under the new key already.
    let till = "T1".parse().unwrap();
    switch_terminal(&new, (shop.school, &till), false, testkit::now()).await.unwrap();
    let report = authority::sign(&new, Signing::Rekey, testkit::now()).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let terminals = u64::try_from(shop.world.rows.count("terminal").await).unwrap();
    assert!(report.counts.contains(&("terminal", terminals - 1)), "{report}");
    assert_authentic(&only_new).await;
    let again = authority::sign(&new, Signing::Rekey, testkit::now()).await.unwrap();
    assert_eq!(again.count(), 0, "nothing is left: {again}");
}

/// The new key never vouches for what the old one did not.
async fn a_forged_row_keeps_the_old_key(db: &TestDb) {
    let shop = Shop::closed(db, "").await;
    let new = reopened(db, &["k2", "k1"]).await;
    let forge = "UPDATE merchant SET code = 'mine'";
    assert_eq!(shop.world.rows.change(forge, []).await, 1);
    let report = authority::sign(&new, Signing::Rekey, testkit::now()).await.unwrap();
    assert_eq!(report.total, 1, "{report}");
    assert!(report.broken[0].starts_with("merchant "), "{report}");
    assert_eq!(authority::audit_rows(&new).await.unwrap().total, 1);
    // Once somebody has looked at it, and says so.
    let report = authority::sign(&new, Signing::TakeOver, testkit::now()).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let id = shop.world.rows.id("SELECT id FROM merchant").await;
    assert_eq!(report.taken_over, [format!("merchant {id}: it does not fit its MAC")]);
    assert_authentic(&reopened(db, &["k2"]).await).await;
    let taken = "SELECT subject FROM audit_entry WHERE act = 'rows.taken_over'";
    assert_eq!(shop.world.rows.texts(taken).await, [format!("merchant {id}")]);
}

fn keys(data: KeyRing, index: KeyRing) -> PersonKeys {
    PersonKeys::new(data, index)
}

async fn people_come_under_new_keys(db: &TestDb) {
    let world = World::unserved(db).await;
    let new = keys(ring(&["k2", "k1"]), ring(&["k2", "k1"]));
    let people = world.rows.count("person").await;
    for reseal in [true, false] {
        let step = async |after: Option<PersonId>| {
            let step = if reseal {
                new.reseal(&world.db, after, testkit::now()).await
            } else {
                new.reindex(&world.db, after, testkit::now()).await
            };
            step.unwrap()
        };
        let first = step(None).await;
        assert_eq!(i64::try_from(first.written).unwrap(), people);
        assert!(first.failed.is_empty());
        // The end; and from the start there is nothing left to do.
        assert_eq!(step(first.reached).await.reached, None);
        assert_eq!(step(None).await.written, 0);
    }
    only_new_finds_and_opens(&world.db, &world).await;
    assert_authentic(&world.db).await;
}

async fn only_new_finds_and_opens(db: &Db, world: &World) {
    let only = keys(KeyRing::single(named("k2")), KeyRing::single(named("k2")));
    let school = onecard::base::ids::SchoolId::from_number(world.rows.school("xnec").await);
    let people = People::new(db.clone(), only.index.clone());
    let found = people.find_by_id_number(school, "990101200503170026").await.unwrap();
    assert_eq!(found[0].name(&only.sealer).unwrap().expose_secret(), "林晓雨");
    // The digests of whole rows too: the same roster changes nothing.
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("schools/demo/xnec-roster.csv");
    let import = RosterImport { db, keys: &only, school, now: testkit::now() };
    let report = import.run(Cursor::new(fs::read(demo).unwrap()), |_, _| ()).await.unwrap();
    assert_eq!((report.unchanged, report.changed), (report.read, 0));
}

const OTHER: &str = "base64:CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
const FIRST: &str = "k1=base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

async fn the_command_says_when_the_old_key_may_go(db: &TestDb) {
    let world = World::start(db).await;
    world.student(0).await;
    let mut program = Program::of(&world, crate::ONECARD);
    for name in ["DATA", "INDEX", "MAC"] {
        let lower = name.to_lowercase();
        program.unset(&format!("KEYS__{name}"));
        program.set(&format!("KEYS__{name}__ID"), "k2");
        program.set(&format!("KEYS__{name}__KEY"), OTHER);
        program.set(&format!("KEYS__{name}__PREVIOUS"), FIRST);
        if name == "MAC" {
            let forge = "UPDATE person SET student_no = 'X' WHERE student_no = '2301006'";
            world.rows.change(forge, []).await;
            let (code, out, err) = program.run(&["rekey", "mac"]).await;
            assert_eq!(code, 1, "{out}{err}");
            assert!(out.contains("k1 must stay in keys.mac"), "{out}");
            let (code, out, _) = program.run(&["verify"]).await;
            assert_eq!(code, 1, "{out}");
            assert!(out.contains("it does not fit its MAC"), "{out}");
            let forge = "UPDATE person SET student_no = '2301006' WHERE student_no = 'X'";
            world.rows.change(forge, []).await;
        }
        for _ in 0..2 {
            let (code, out, err) = program.run(&["rekey", &lower]).await;
            assert_eq!(code, 0, "{out}{err}");
            let may_go = format!("may k1 leave keys.{lower}");
            assert!(out.contains(&may_go), "{out}");
        }
    }
    assert_authentic(&reopened(db, &["k2"]).await).await;
}

/// A key that is given alone has the id `k1`, as the one before had.
async fn a_server_does_not_start_with_another_key(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    program.set("KEYS__MAC", OTHER);
    let (code, out, err) = within(PATIENCE, program.run(&["serve"])).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("none is authentic: of the first, it does not fit its MAC"), "{err}");
}
