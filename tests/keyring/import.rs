//! `onecard door locks import`.

use super::support::{Dorm, LOCK, said};
use std::fs;
use testkit::{Program, TestDb, on_each_database};

on_each_database!(a_list_of_locks_is_imported_beside_a_running_server);

async fn a_list_of_locks_is_imported_beside_a_running_server(db: &TestDb) {
    let dorm = Dorm::open(db).await;
    let program = Program::of(&dorm.world, crate::ONECARD);
    let file = dorm.world.path("locks.csv");
    let import = async |list: &str| {
        fs::write(&file, list).unwrap();
        program.run(&["door", "locks", "import", "--school", "xnec", &file]).await
    };
    let list = "lock_id,door_group,name\nD3-402,东三-402,402 室\nD5-201,东五-201,201 室\n";
    let (code, out, err) = import(list).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "2 rows read: 1 added, 1 changed, 0 unchanged, 0 refused\n");
    let (_, out, _) = import(list).await;
    assert_eq!(out, "2 rows read: 0 added, 0 changed, 2 unchanged, 0 refused\n");
    // The lock of another group is another's door from now on.
    let moved = "lock_id,door_group,name\nD3-402,东三-499,499 室\n";
    let (code, out, _) = import(&format!("{moved},x,y\n")).await;
    assert_eq!(code, 1);
    let refused = "line 3: refused: lock_id: must be 1 to 64 of the characters";
    assert!(out.starts_with(refused), "{out}");
    let nothing = "nothing was imported\n2 rows read: 0 added, 0 changed, 0 unchanged, 1 refused\n";
    assert!(out.ends_with(nothing), "{out}");
    let (code, out, _) = import(moved).await;
    assert_eq!((code, &*out), (0, "1 rows read: 0 added, 1 changed, 0 unchanged, 0 refused\n"));
    assert_eq!(said(&dorm.want(LOCK, "k").await), "refused right_missing");
    let details = "SELECT detail FROM audit_entry WHERE act = 'locks.imported' ORDER BY position";
    let expected = ["3 added, 0 changed", "1 added, 1 changed", "0 added, 1 changed"];
    assert_eq!(dorm.world.rows.texts(details).await, expected);
    let (code, _, err) = import("lock,group\n").await;
    assert_eq!(code, 1);
    assert!(err.contains("line 1: the header must be"), "{err}");
    let (_, _, err) = program.run(&["door", "locks", "import", "--school", "nowhere", &file]).await;
    assert!(err.contains("there is no school nowhere"), "{err}");
    // A row that was altered past the program opens nothing.
    dorm.world.rows.change("UPDATE door_lock SET door_group = '东三-402'", []).await;
    dorm.try_open(LOCK, "forged").await.problem("forged", 500, "internal");
    assert_eq!(dorm.opened(LOCK), 0);
    // The next import writes it again, though it says the same.
    let (_, out, _) = import("lock_id,door_group,name\nD3-402,东三-402,499 室\n").await;
    assert_eq!(out, "1 rows read: 0 added, 1 changed, 0 unchanged, 0 refused\n");
    assert_eq!(said(&dorm.want(LOCK, "k2").await), "opened");
}
