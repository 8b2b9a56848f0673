//! Lists that an operator takes up and gives out: allocations, locks, readers of a library.

use encoding_rs::GBK;
use std::{fs, os::unix::fs::PermissionsExt};
use testkit::{PEOPLE, Program, TestDb, World, on_each_database};

on_each_database!(
    an_allocation_is_imported_from_any_usual_file,
    a_bad_allocation_changes_nothing_and_names_its_lines,
    a_bad_list_of_locks_changes_nothing_and_names_its_lines,
    a_librarys_readers_are_written_to_a_new_file,
);

const RIGHTS: &str = "door rights import --school xnec";
const LOCKS: &str = "door locks import --school xnec";

/// A deployment without a server, and a file in its folder.
struct Desk {
    program: Program,
    world: World,
    file: String,
}

impl Desk {
    async fn of(db: &TestDb) -> Self {
        let world = World::unserved(db).await;
        let program = Program::of(&world, crate::ONECARD);
        let file = world.path("list.csv");
        Self { program, world, file }
    }

    async fn run(&self, command: &str, more: &[&str]) -> (i32, String, String) {
        let arguments: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
        self.program.run(&arguments).await
    }

    /// Imports a list; what the command printed, where it succeeded.
    async fn take(&self, command: &str, list: &[u8]) -> String {
        fs::write(&self.file, list).unwrap();
        let (code, out, err) = self.run(command, &[&self.file]).await;
        assert_eq!(code, 0, "{out}{err}");
        out
    }

    /// Imports a list that is refused: exit code 1, and each of these on a line of what it said.
    async fn refuse(&self, command: &str, list: &[u8], expected: &[&str]) {
        fs::write(&self.file, list).unwrap();
        let (code, out, err) = self.run(command, &[&self.file]).await;
        let said = format!("{out}{err}");
        assert_eq!(code, 1, "{expected:?}: {said}");
        for text in expected {
            assert!(said.lines().any(|line| line.contains(text)), "{text}: {said}");
        }
    }
}

async fn an_allocation_is_imported_from_any_usual_file(db: &TestDb) {
    let desk = Desk::of(db).await;
    let list = "student_no,door_group\n2301001,一号楼\n2301002,一号楼\n2301002,二号楼\n";
    let done = "3 rights of 2 people at 一号楼, 二号楼\n";
    let (gbk, _, _) = GBK.encode(list);
    let files: [(&str, Vec<u8>); 6] = [
        ("UTF-8", list.into()),
        ("with a byte order mark", format!("\u{feff}{list}").into()),
        ("GBK", gbk.to_vec()),
        ("with the line ends of Windows", list.replace('\n', "\r\n").into()),
        ("without a last line end, with empty lines", format!("{}\n\n\n", list.trim()).into()),
        ("of a spreadsheet", list.replace("2301001,一号楼", "\" 2301001\",\"一号楼 \"").into()),
    ];
    for (what, file) in &files {
        assert_eq!(desk.take(RIGHTS, file).await, done, "{what}");
    }
    let rows = &desk.world.rows;
    let recorded = rows.count("audit_entry WHERE act = 'doors.allocated'").await;
    assert_eq!(recorded, i64::try_from(files.len()).unwrap(), "each is an import");
    // A house that nobody lives in any more.
    fs::write(&desk.file, "student_no,door_group\n2301003,二号楼\n").unwrap();
    let empty = ["--group", "一号楼", "--reason", "autumn term", &desk.file];
    let (code, out, err) = desk.run(RIGHTS, &empty).await;
    assert_eq!((code, out.as_str()), (0, "1 rights of 1 people at 一号楼, 二号楼\n"), "{err}");
    let why = "SELECT why FROM audit_entry WHERE act = 'doors.allocated' ORDER BY position DESC";
    assert_eq!(rows.texts(why).await[0], "autumn term");
    testkit::assert_authentic(&desk.world.db).await;
}

async fn a_bad_allocation_changes_nothing_and_names_its_lines(db: &TestDb) {
    let desk = Desk::of(db).await;
    desk.take(RIGHTS, "student_no,door_group\n2301001,一号楼\n".as_bytes()).await;
    let before = desk.world.rows.everything().await;
    let head = "student_no,door_group\n";
    let good = "2301001,一号楼\n";
    let (gbk, _, _) = GBK.encode("2301002,二号楼\n2301003,二号楼\n2301004,二号楼\n");
    let bad_bytes = [head.as_bytes(), &gbk, b"2301005,\xff\xff\n"].concat();
    let long = format!("{head}2301001,{}\n", "x".repeat(5_000));
    let many = format!("{head}{}", good.repeat(500_001));
    let nothing = "1 lines are bad; nothing was imported";
    let lines: [(&[u8], &[&str]); 12] = [
        (b"", &["line 1: the header must be student_no,door_group", "the file is empty"]),
        (good.as_bytes(), &["line 1: the header must be student_no,door_group"]),
        (b"student_no,door\n", &["line 1: the header must be student_no,door_group"]),
        (head.as_bytes(), &["the file names no door group"]),
        (b"\xff\xfes\0t\0", &["UTF-16; save it as UTF-8 or GBK"]),
        (&bad_bytes, &["line 5: is not valid GBK", nothing]),
        (long.as_bytes(), &["line 2: the line is longer than 4096 bytes", nothing]),
        (many.as_bytes(), &["the file has more than 500000 lines"]),
        (
            b"student_no,door_group\n2301001,a\n2301002,a\n2301001,a\n",
            &["line 4: is the same as line 2", nothing],
        ),
        (
            b"student_no,door_group\n2301001,a\n9999999,a\n",
            &["line 3: student_no: nobody on the roster has this number", nothing],
        ),
        (b"student_no,door_group\n2301001,\"a\n", &["line 2: a quotation mark is not closed"]),
        (
            b"student_no,door_group,hours\n,a,\n2301001,a,6-12\n2301001,,\n",
            &["line 2: student_no:", "line 3: hours:", "line 4: door_group:", "3 lines are bad"],
        ),
    ];
    for (list, expected) in lines {
        desk.refuse(RIGHTS, list, expected).await;
    }
    let (code, _, err) = desk.run(RIGHTS, &["nowhere.csv"]).await;
    assert!(code == 1 && err.contains("nowhere.csv: "), "{err}");
    let elsewhere = "door rights import --school nowhere";
    desk.refuse(elsewhere, head.as_bytes(), &["there is no school nowhere"]).await;
    assert_eq!(desk.world.rows.everything().await, before);
}

async fn a_bad_list_of_locks_changes_nothing_and_names_its_lines(db: &TestDb) {
    let desk = Desk::of(db).await;
    let head = "lock_id,door_group,name\n";
    let (gbk, _, _) = GBK.encode("place,name,lock_id,door_group\r\n东区,四零二室,L1,东三\r\n");
    let added = "1 rows read: 1 added, 0 changed, 0 unchanged, 0 refused\n";
    assert_eq!(desk.take(LOCKS, &gbk).await, added);
    let utf8 = "\u{feff}lock_id,door_group,name,place\nL1,东三,四零二室,东区\n";
    let same = "1 rows read: 0 added, 0 changed, 1 unchanged, 0 refused\n";
    assert_eq!(desk.take(LOCKS, utf8.as_bytes()).await, same, "the same in UTF-8");
    let before = desk.world.rows.everything().await;
    let many = format!("{head}{}", "L2,a,b\n".repeat(50_001));
    let nothing = "nothing was imported";
    let long = format!("{head}L2,a,{}\n", "x".repeat(5_000));
    let lines: [(&[u8], &[&str]); 8] = [
        (b"", &["line 1: the header must be lock_id,door_group,name"]),
        (b"L2,a,b\n", &["line 1: the header must be lock_id,door_group,name"]),
        (b"lock_id,door_group,name\nL2,\xff\xff,b\n", &["line 2: refused: is not valid", nothing]),
        (many.as_bytes(), &["the list of locks has more than 50000 rows"]),
        (long.as_bytes(), &["line 2: refused: the line is longer than 4096 bytes", nothing]),
        (
            b"lock_id,door_group,name\nL2,a,b\nL3,a,c\nL2,a,d\n",
            &[
                "line 4: refused: lock_id: stands on line 2 already",
                nothing,
                "3 rows read: 0 added, 0 changed, 0 unchanged, 1 refused",
            ],
        ),
        (
            b"lock_id,door_group,name\nL/2,a,b\nL3,,c\nL4,a,\nL5,a\n",
            &[
                "line 2: refused: lock_id:",
                "line 3: refused: door_group:",
                "line 4: refused: name:",
                "line 5: refused: has 2 fields instead of 3",
                nothing,
            ],
        ),
        (b"\xff\xfel\0o\0", &["UTF-16; save it as UTF-8 or GBK"]),
    ];
    for (list, expected) in lines {
        desk.refuse(LOCKS, list, expected).await;
    }
    let elsewhere = "door locks import --school nowhere";
    desk.refuse(elsewhere, head.as_bytes(), &["there is no school nowhere"]).await;
    assert_eq!(desk.world.rows.everything().await, before);
    testkit::assert_authentic(&desk.world.db).await;
}

async fn a_librarys_readers_are_written_to_a_new_file(db: &TestDb) {
    let desk = Desk::of(db).await;
    let readers = "library readers --school xnec --reason handed-over";
    let people = desk.world.rows.texts(
        "SELECT student_no FROM person JOIN school ON school.id = person.school_id \
         WHERE school.code = 'xnec' ORDER BY student_no",
    );
    let people = people.await;
    assert!(PEOPLE.iter().all(|(number, _)| people.contains(&(*number).to_owned())));
    let said = format!("{} readers\n", people.len());
    let (code, out, err) = desk.run(readers, &[&desk.file]).await;
    assert_eq!((code, out.as_str()), (0, said.as_str()), "{err}");
    let first = fs::read_to_string(&desk.file).unwrap();
    let rows: Vec<Vec<&str>> = first.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["reader", "student_no"]);
    let mut numbers: Vec<&str> = rows[1..].iter().map(|row| row[1]).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, people);
    let pseudonyms: std::collections::BTreeSet<&str> = rows[1..].iter().map(|row| row[0]).collect();
    assert_eq!(pseudonyms.len(), people.len(), "one for each");
    let mode = fs::metadata(&desk.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    // What is there is not overwritten, and what was not written is not recorded.
    let folder = desk.world.path("nowhere/readers.csv");
    for file in [desk.file.as_str(), folder.as_str()] {
        let (code, out, err) = desk.run(readers, &[file]).await;
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(&format!("{file}: ")), "{err}");
    }
    let other = desk.world.path("other.csv");
    let (code, _, err) = desk.run("library readers --school nowhere", &[&other]).await;
    assert!(code == 1 && err.contains("there is no school nowhere"), "{err}");
    assert!(!fs::exists(&other).unwrap());
    // Pseudonyms never change.
    assert_eq!(desk.run(readers, &[&other]).await.0, 0);
    assert_eq!(fs::read_to_string(&other).unwrap(), first);
    assert_eq!(fs::read_to_string(&desk.file).unwrap(), first);
    let why = "SELECT why FROM audit_entry WHERE act = 'readers.exported'";
    assert_eq!(desk.world.rows.texts(why).await, ["handed-over"; 2]);
}
