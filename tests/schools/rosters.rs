//! `roster import`: who is taken, who is refused, and what is left on the disk.

use crate::schools::{NOW, repository};
use encoding_rs::GBK;
use onecard::base::clock::ManualClock;
use onecard::{
    base::{
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            seal::SealError,
        },
        csv_file::CsvSurvey,
        ids::SchoolId,
    },
    policies::import_schools,
    schools::{
        DefaultRule, People, Person, PersonKeys, PersonKind, PersonStatus, Schools,
        roster::{RosterError, RosterImport, RosterReport},
    },
};
use secrecy::ExposeSecret;
use std::{
    fmt::Write as _,
    fs,
    io::Cursor,
    sync::{Arc, Mutex},
};
use testkit::{Rows, TestDb, on_each_empty_database};

on_each_empty_database!(
    the_demo_roster_is_imported_once,
    every_encoding_says_the_same,
    refused_rows_are_named,
    a_changed_row_is_written_again,
    nobody_becomes_somebody_else,
    nothing_is_written_under_an_old_key,
    a_file_that_is_no_roster_is_refused,
    many_rows_are_committed_in_chunks,
    two_imports_at_once_agree,
    a_large_roster_is_named_row_by_row,
    schools_do_not_mix,
    a_check_decides_and_writes_nothing,
    an_import_is_gone_on_with,
);

const HEADER: &str = "student_no,name,id_number,phone,kind,department,class_name,valid_until";

fn named(id: &str, byte: u8) -> NamedKey {
    NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap()
}

pub(crate) fn keys() -> PersonKeys {
    PersonKeys::new(KeyRing::single(named("d1", 1)), KeyRing::single(named("i1", 2)))
}

async fn school(db: &TestDb, code: &str) -> SchoolId {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join(format!("{code}.toml"));
    fs::write(&path, crate::schools::xnec().replace("\"xnec\"", &format!("\"{code}\""))).unwrap();
    import_schools(&db.db, &[path], false, NOW).await.unwrap();
    let schools = Schools::new(db.db.clone(), Arc::new(ManualClock::new(NOW)));
    schools.by_code(code).await.unwrap().unwrap().id
}

async fn import(
    db: &TestDb,
    school: SchoolId,
    file: impl AsRef<[u8]>,
) -> Result<RosterReport, RosterError> {
    let import = RosterImport { db: &db.db, keys: &keys(), school, now: NOW };
    let report = import.run(Cursor::new(file), |_, _| {}).await?;
    let sum = report.added + report.changed + report.unchanged;
    assert_eq!(report.read, sum + u64::try_from(report.refused.len()).unwrap());
    Ok(report)
}

/// Rows added, changed, unchanged and refused.
fn counts(report: &RosterReport) -> [u64; 4] {
    let refused = u64::try_from(report.refused.len()).unwrap();
    [report.added, report.changed, report.unchanged, refused]
}

async fn person(db: &TestDb, school: SchoolId, student_no: &str) -> Person {
    let people = People::new(db.db.clone(), keys().index);
    people.find_by_student_no(school, student_no).await.unwrap().unwrap()
}

fn name_of(person: &Person) -> String {
    person.name(&keys().sealer).unwrap().expose_secret().to_owned()
}

fn demo() -> String {
    fs::read_to_string(repository("schools/demo/xnec-roster.csv")).unwrap()
}

async fn the_demo_roster_is_imported_once(db: &TestDb) {
    let school = school(db, "xnec").await;
    assert_eq!(counts(&import(db, school, demo()).await.unwrap()), [8, 0, 0, 0]);
    assert_eq!(counts(&import(db, school, demo()).await.unwrap()), [0, 0, 8, 0]);

    let people = People::new(db.db.clone(), keys().index);
    let lin = people.find_by_student_no(school, " 2301001 ").await.unwrap().unwrap();
    assert_eq!((lin.kind, lin.status), (PersonKind::Student, PersonStatus::Active));
    assert_eq!(
        (lin.department.as_str(), lin.class_name.as_str()),
        ("信息工程学院", "软件技术2301")
    );
    assert_eq!(lin.valid_until.unwrap().to_string(), "2030-07-31");
    assert_eq!(lin.password_hash, None);
    let sealer = keys().sealer;
    assert_eq!(name_of(&lin), "林晓雨");
    assert_eq!(lin.masked_name(&sealer).unwrap(), "**雨");
    assert_eq!(lin.phone(&sealer).unwrap().unwrap().expose_secret(), "12000000001");
    let default = lin.default_password(DefaultRule::DropLetterShift, &sealer).unwrap().unwrap();
    assert_eq!(default.expose_secret(), "170026");
    assert_eq!(people.get(lin.id).await.unwrap().unwrap().student_no, "2301001");

    let found = people.find_by_id_number(school, "99010120041102008x").await.unwrap();
    assert_eq!(found.iter().map(|p| p.student_no.as_str()).collect::<Vec<_>>(), ["2301002"]);
    assert!(people.find_by_id_number(school, "990101200503170034").await.unwrap().is_empty());
    for nobody in ["2309999", "", "2301001\0", "二三〇一〇〇一", &"2".repeat(10_000)] {
        assert!(people.find_by_student_no(school, nobody).await.unwrap().is_none());
    }

    let zheng = person(db, school, "9900001").await;
    assert_eq!(zheng.kind, PersonKind::Temporary);
    assert!(zheng.id_number(&sealer).unwrap().is_none());
    assert!(zheng.default_password(DefaultRule::LastSixKeepX, &sealer).unwrap().is_none());
}

async fn every_encoding_says_the_same(db: &TestDb) {
    let school = school(db, "xnec").await;
    import(db, school, demo()).await.unwrap();
    let crlf = demo().replace('\n', "\r\n");
    let files: [(&str, Vec<u8>); 5] = [
        ("with BOM", ["\u{feff}", &demo()].concat().into()),
        ("with CRLF", crlf.clone().into()),
        ("GBK", GBK.encode(&demo()).0.into_owned()),
        ("GBK with CRLF", GBK.encode(&crlf).0.into_owned()),
        ("no end of the last line", demo().trim_end().into()),
    ];
    for (what, file) in files {
        assert_eq!(counts(&import(db, school, file).await.unwrap()), [0, 0, 8, 0], "{what}");
    }
}

async fn refused_rows_are_named(db: &TestDb) {
    let school = school(db, "xnec").await;
    let file = fs::read(repository("tests/fixtures/rosters/refused.csv")).unwrap();
    let report = import(db, school, &file).await.unwrap();
    let refused: Vec<_> =
        report.refused.iter().map(|row| (row.line, row.reason.as_str())).collect();
    let expected = [
        (4, "id_number: the check digit does not fit"),
        (5, "phone: must be 11 digits, the first of them 1"),
        (6, "student_no: stands on line 2 already"),
        (7, "a quotation mark is not closed"),
        (8, "has 3 fields instead of 8"),
        (
            9,
            "name: is missing; kind: must be student, staff or temporary; \
             valid_until: must be a day, as in 2028-07-31",
        ),
    ];
    assert_eq!(refused, expected);
    assert_eq!((report.read, report.added), (8, 2));
    assert_eq!(name_of(&person(db, school, "9001001").await), "何,文博");
    assert_eq!(name_of(&person(db, school, "2301001").await), "林晓雨");

    // Broken bytes spoil their own row only, and a line without an end does not fill the memory.
    let row =
        |no: u32, name: &[u8]| [format!("{no},").as_bytes(), name, b",,,student,,,\n"].concat();
    let utf8 = [
        format!("{HEADER}\n").into_bytes(),
        row(1, "林晓雨".as_bytes()),
        row(2, b"\xE6\x9E"),
        row(3, &[b'x'; 10_000]),
        row(4, "陈思远".as_bytes()),
    ];
    let report = import(db, school, utf8.concat()).await.unwrap();
    let refused: Vec<_> =
        report.refused.iter().map(|row| (row.line, row.reason.as_str())).collect();
    assert_eq!(refused, [(3, "is not valid UTF-8"), (4, "the line is longer than 4096 bytes")]);
    let gbk = |name: &str| GBK.encode(name).0.into_owned();
    let file =
        [format!("{HEADER}\n").into_bytes(), row(5, &gbk("周若彤")), row(6, b"\xFF\xFF")].concat();
    let report = import(db, school, file).await.unwrap();
    assert_eq!(
        (report.refused[0].line, report.refused[0].reason.as_str()),
        (3, "is not valid GBK")
    );
    assert_eq!(name_of(&person(db, school, "5").await), "周若彤");
}

async fn a_changed_row_is_written_again(db: &TestDb) {
    let school = school(db, "xnec").await;
    import(db, school, demo()).await.unwrap();
    let before = person(db, school, "2301001").await;
    let changes = [
        ("林晓雨", "林晓宇"),
        ("990101200503170026", "990101200503170034"),
        ("12000000001", ""),
        ("软件技术2301,2030-07-31\n2301002", "软件技术2302,2030-07-31\n2301002"),
        ("2030-07-31\n2301002", "\n2301002"),
        ("student,信息工程学院,软件技术2302", "temporary,信息工程学院,软件技术2302"),
    ];
    let mut file = demo();
    for (from, to) in changes {
        assert!(file.contains(from), "{from}");
        file = file.replace(from, to);
        assert_eq!(counts(&import(db, school, &file).await.unwrap()), [0, 1, 7, 0], "{to}");
        assert_eq!(counts(&import(db, school, &file).await.unwrap()), [0, 0, 8, 0], "{to}");
    }
    let after = person(db, school, "2301001").await;
    assert_eq!((after.id, name_of(&after).as_str()), (before.id, "林晓宇"));
    assert_eq!((after.kind, after.valid_until), (PersonKind::Temporary, None));
    // One of the changes was of the standing.
    let standings = "SELECT subject || ': ' || detail FROM audit_entry \
                     WHERE act = 'standing.changed' ORDER BY position";
    let told = format!("person {}: last day none, was 2030-07-31", before.id);
    assert_eq!(Rows::of(&db.url).await.texts(standings).await, [told]);
    assert!(after.phone(&keys().sealer).unwrap().is_none());
    let people = People::new(db.db.clone(), keys().index);
    assert!(people.find_by_id_number(school, "990101200503170026").await.unwrap().is_empty());
    let found = people.find_by_id_number(school, "990101200503170034").await.unwrap();
    assert_eq!(found.len(), 1);
    // Somebody who is missing from a roster stays.
    let only = file.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(counts(&import(db, school, only).await.unwrap()), [0, 0, 1, 0]);
    person(db, school, "2301002").await;
}

/// Numbers are given out again. Name and ID number: before, in the row, and whether it is taken.
async fn nobody_becomes_somebody_else(db: &TestDb) {
    const LIN: &str = "990101200503170026";
    const ZHAO: &str = "99010120050908003X";
    let school = school(db, "xnec").await;
    let file = |no: &str, name: &str, id_number: &str, class: &str| {
        let first = "1000,孙可,,,student,,,";
        format!("{HEADER}\n{first}\n{no},{name},{id_number},,temporary,,{class},\n")
    };
    let cases = [
        (("林晓雨", LIN), ("赵一鸣", LIN), true),
        (("林晓雨", LIN), ("林晓雨", ZHAO), true),
        (("林晓雨", LIN), ("林晓雨", ""), true),
        (("林晓雨", ""), ("林晓雨", LIN), true),
        (("林晓雨", ""), ("赵一鸣", ""), true),
        (("林晓雨", LIN), ("赵一鸣", ZHAO), false),
        (("林晓雨", LIN), ("赵一鸣", ""), false),
        (("林晓雨", ""), ("赵一鸣", LIN), false),
    ];
    for (no, (before, after, taken)) in (1001..).zip(cases) {
        let what = format!("{before:?} {after:?}");
        let no = no.to_string();
        let file = |name, id_number, class| file(&no, name, id_number, class);
        import(db, school, file(before.0, before.1, "甲")).await.unwrap();
        let stood = person(db, school, &no).await;
        let report = import(db, school, file(after.0, after.1, "乙")).await.unwrap();
        let stands = person(db, school, &no).await;
        assert_eq!(stands.id, stood.id, "{what}");
        if taken {
            assert_eq!(counts(&report), [0, 1, 1, 0], "{what}");
            assert_eq!((name_of(&stands).as_str(), &*stands.class_name), (after.0, "乙"), "{what}");
            continue;
        }
        assert_eq!(counts(&report), [0, 0, 1, 1], "{what}");
        let refused = &report.refused[0];
        let reason = "student_no: belongs to another person: name and id_number both differ";
        assert_eq!((refused.line, refused.reason.as_str()), (3, reason), "{what}");
        assert_eq!((name_of(&stands).as_str(), &*stands.class_name), (before.0, "甲"), "{what}");
        // What the last import said is still known: a row that says it again changes nothing.
        let again = import(db, school, file(before.0, before.1, "甲")).await.unwrap();
        assert_eq!(counts(&again), [0, 0, 2, 0], "{what}");
    }
}

async fn nothing_is_written_under_an_old_key(db: &TestDb) {
    let school = school(db, "xnec").await;
    import(db, school, demo()).await.unwrap();
    let ring = |old: &str, new: &str, byte| {
        KeyRing::new(named(new, byte), vec![named(old, byte - 10)]).unwrap()
    };
    let rotated = PersonKeys::new(ring("d1", "d2", 11), ring("i1", "i2", 12));
    let import = RosterImport { db: &db.db, keys: &rotated, school, now: NOW };
    let report = import.run(Cursor::new(demo()), |_, _| {}).await.unwrap();
    assert_eq!(counts(&report), [0, 0, 8, 0]);
    // The old keys can go: the import wrote every row under the new ones.
    let only_new =
        PersonKeys::new(KeyRing::single(named("d2", 11)), KeyRing::single(named("i2", 12)));
    let people = People::new(db.db.clone(), only_new.index.clone());
    let found = people.find_by_id_number(school, "990101200503170026").await.unwrap();
    assert_eq!(found[0].name(&only_new.sealer).unwrap().expose_secret(), "林晓雨");
    assert_eq!(found[0].name(&keys().sealer).err(), Some(SealError::UnknownKey));
}

async fn a_file_that_is_no_roster_is_refused(db: &TestDb) {
    let school = school(db, "xnec").await;
    let without_header = demo().split_once('\n').unwrap().1.to_owned();
    let cases = [
        (Vec::new(), "the file is empty"),
        (b"\n\r\n".to_vec(), "the file is empty"),
        (demo().replace(",phone", ",mobile").into_bytes(), "missing: phone; unknown: mobile"),
        (without_header.clone().into_bytes(), "missing: student_no"),
        (GBK.encode(&without_header).0.into_owned(), "it holds other characters"),
        (vec![b'x'; 10_000], "it is too long"),
        (b"\xFF\xFEs\0t\0".to_vec(), "UTF-16"),
    ];
    for (file, expected) in cases {
        let told = import(db, school, &file).await.unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("2301001"), "{told}");
    }
    assert_eq!(counts(&import(db, school, HEADER).await.unwrap()), [0, 0, 0, 0]);
}

fn many(rows: u32) -> String {
    let mut file = format!("{HEADER}\n");
    for n in 0..rows {
        writeln!(file, "{n},学生{n},,{},student,学院,班级,", 12_000_000_000_u64 + u64::from(n))
            .unwrap();
    }
    file
}

async fn many_rows_are_committed_in_chunks(db: &TestDb) {
    let school = school(db, "xnec").await;
    let mut seen = Vec::new();
    let import = RosterImport { db: &db.db, keys: &keys(), school, now: NOW };
    let file = many(1203).replace("\n7,", "\n7,,");
    let report =
        import.run(Cursor::new(&file), |done, total| seen.push((done, total))).await.unwrap();
    assert_eq!(counts(&report), [1202, 0, 0, 1]);
    let at = |done| (done, 1203);
    assert_eq!(seen, [at(500), at(1000), at(1203)]);
    let report = import.run(Cursor::new(&file), |_, _| {}).await.unwrap();
    assert_eq!(counts(&report), [0, 0, 1202, 1]);
}

/// A person of a generated roster, with an ID number whose check digit fits.
fn generated(n: u32) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = format!("990101{}{:02}15{:03}", 1990 + n % 20, 1 + n % 12, n / 240 % 1000);
    let sum: u32 = digits.chars().zip(weights).map(|(d, w)| d.to_digit(10).unwrap() * w).sum();
    let check = "10X98765432".chars().nth(usize::try_from(sum % 11).unwrap()).unwrap();
    let phone = 12_000_000_000_u64 + u64::from(n);
    format!("{n:07},学生{n},{digits}{check},{phone},student,学院{n},班级{n},2030-07-31")
}

/// 2,000 rows; 50,000 in a long run.
async fn a_large_roster_is_named_row_by_row(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|value| value == "1");
    let rows: u32 = if long { 50_000 } else { 2_000 };
    let school = school(db, "xnec").await;
    let bad = |n: u32| n % 997 == 3;
    let row =
        |n| if bad(n) { generated(n).replacen(",990101", ",99010x", 1) } else { generated(n) };
    let file: String = std::iter::once(HEADER.to_owned())
        .chain((0..rows).map(row))
        .fold(String::new(), |file, line| file + &line + "\n");
    let refused: Vec<u64> = (0..rows).filter(|n| bad(*n)).map(|n| u64::from(n) + 2).collect();
    let good = u64::from(rows) - u64::try_from(refused.len()).unwrap();
    let report = import(db, school, &file).await.unwrap();
    assert_eq!(counts(&report), [good, 0, 0, refused.len().try_into().unwrap()]);
    assert_eq!(report.refused.iter().map(|row| row.line).collect::<Vec<_>>(), refused);
    assert!(report.refused.iter().all(|row| row.reason.starts_with("id_number: must be 17")));
    // Again, and in the other encoding: nothing changes.
    let database = Rows::of(&db.url).await;
    let all = "SELECT student_no || updated_at FROM person ORDER BY 1";
    let stored = database.texts(all).await;
    let gbk = GBK.encode(&file).0.into_owned();
    for again in [file.as_bytes(), &gbk] {
        let report = import(db, school, again).await.unwrap();
        assert_eq!(counts(&report), [0, 0, good, refused.len().try_into().unwrap()]);
    }
    assert_eq!(database.texts(all).await, stored);
    // Everybody moves to another class.
    let moved = file.replace("班级", "新班级");
    let report = import(db, school, &moved).await.unwrap();
    assert_eq!(counts(&report), [0, good, 0, refused.len().try_into().unwrap()]);
    let last = person(db, school, &format!("{:07}", rows - 1)).await;
    assert_eq!(last.class_name, format!("新班级{}", rows - 1));
}

async fn two_imports_at_once_agree(db: &TestDb) {
    let school = school(db, "xnec").await;
    let file = many(600);
    let (one, two) = tokio::join!(import(db, school, &file), import(db, school, &file));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.added + two.added, 600);
    assert_eq!(one.unchanged + two.unchanged, 600);
}

async fn schools_do_not_mix(db: &TestDb) {
    let (aa, bb) = (school(db, "aa").await, school(db, "bb").await);
    for school in [aa, bb] {
        assert_eq!(counts(&import(db, school, demo()).await.unwrap()), [8, 0, 0, 0]);
    }
    let people = People::new(db.db.clone(), keys().index);
    let found = people.find_by_id_number(bb, "990101200503170026").await.unwrap();
    assert_eq!(found.iter().map(|person| person.school).collect::<Vec<_>>(), [bb]);
    assert_ne!(person(db, aa, "2301001").await.id, person(db, bb, "2301001").await.id);
}

#[tokio::test]
async fn no_personal_data_is_readable_on_the_disk() {
    let db = TestDb::sqlite().await;
    let school = school(&db, "xnec").await;
    import(&db, school, demo()).await.unwrap();
    let stored: Vec<u8> = db.files().iter().flat_map(|file| fs::read(file).unwrap()).collect();
    let holds = |text: &str| {
        let encodings = [text.as_bytes().to_vec(), GBK.encode(text).0.into_owned()];
        encodings.iter().any(|bytes| stored.windows(bytes.len()).any(|window| window == bytes))
    };
    assert!(holds("2301001") && holds("信息工程学院"), "the rows are in these files");
    for line in demo().lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        for secret in &fields[1..4] {
            assert!(secret.is_empty() || !holds(secret), "{secret} stands on the disk");
        }
        assert!(fields[2].is_empty() || !holds(&fields[2][12..17]), "part of an ID number");
    }
}

#[tokio::test]
async fn a_person_prints_nothing_personal() {
    let db = TestDb::sqlite().await;
    let school = school(&db, "xnec").await;
    import(&db, school, demo()).await.unwrap();
    let lin = person(&db, school, "2301001").await;
    let printed = format!("{lin:?} {:#?}", keys());
    for secret in ["2301001", "林", "170026", "1200000", "信息", "[1, 1", "sealed"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// What a check says, an import does, to the row; and the check leaves nothing behind.
async fn a_check_decides_and_writes_nothing(db: &TestDb) {
    let school = school(db, "xnec").await;
    import(db, school, demo()).await.unwrap();
    let rows = Rows::of(&db.url).await;
    let file = demo()
        .replace("软件技术2301,2030-07-31\n2301002", "软件技术2302,2030-08-01\n2301002")
        .replace("12000000002", "12000000009")
        .replace("12000000003", "1200000000");
    let file = format!("{file}2309001,=王·小 明,,,student,,,\n2309001,王,,,student,,,\n");
    let everything = "SELECT student_no || ' ' || updated_at FROM person ORDER BY 1";
    let before = rows.texts(everything).await;
    let entries = rows.count("audit_entry").await;
    let checking = RosterImport { db: &db.db, keys: &keys(), school, now: NOW };
    let checked = checking.check(Cursor::new(&file), |_, _| {}).await.unwrap();
    assert_eq!(counts(&checked), [1, 2, 5, 2]);
    assert_eq!(rows.texts(everything).await, before);
    assert_eq!(rows.count("audit_entry").await, entries);
    let refused: Vec<_> = checked.refused.iter().map(|row| (row.line, &*row.student_no)).collect();
    assert_eq!(refused, [(4, "2301003"), (11, "2309001")]);
    let examples: Vec<_> = checked
        .examples
        .iter()
        .map(|one| (one.line, &*one.student_no, &*one.name, one.changes.clone()))
        .collect();
    let change = |column: &str, before: &str, after: &str| {
        [column.to_owned(), before.to_owned(), after.to_owned()]
    };
    let moved = vec![
        change("class_name", "软件技术2301", "软件技术2302"),
        change("valid_until", "2030-07-31", "2030-08-01"),
    ];
    let called = vec![change("phone", "0002", "0009")];
    assert_eq!(examples, [(2, "2301001", "**雨", moved), (3, "2301002", "**远", called)]);
    let done = import(db, school, &file).await.unwrap();
    assert_eq!((counts(&done), &done.refused), (counts(&checked), &checked.refused));
    assert!(done.examples.is_empty());
    assert_eq!(name_of(&person(db, school, "2309001").await), "=王·小 明");
}

/// An import that ended in the middle is gone on with: what is done is not done again, and a number that
/// occurred before the break is still one that occurred.
async fn an_import_is_gone_on_with(db: &TestDb) {
    let school = school(db, "xnec").await;
    let file = many(1203).replace("\n1100,", "\n7,");
    let survey = CsvSurvey::of(Cursor::new(&file)).unwrap();
    let rosters = RosterImport { db: &db.db, keys: &keys(), school, now: NOW };
    let kept = Mutex::new(RosterReport::default());
    let keep = |most: usize| {
        let kept = &kept;
        move |part: &RosterReport| {
            let mut kept = kept.lock().unwrap();
            if kept.read >= u64::try_from(most).unwrap() {
                return Err(RosterError::Stopped);
            }
            kept.read += part.read;
            kept.added += part.added;
            kept.refused.extend(part.refused.iter().cloned());
            Ok(())
        }
    };
    let first = keep(500);
    let stopped =
        rosters.go_on_writing(Cursor::new(&file), (&survey, 0), async |_, part| first(part)).await;
    assert!(matches!(stopped, Err(RosterError::Stopped)), "{stopped:?}");
    let people = Rows::of(&db.url).await;
    assert_eq!(people.count("person").await, 500, "the part that nobody kept is undone");
    let rest = keep(usize::MAX);
    let done = kept.lock().unwrap().read;
    rosters
        .go_on_writing(Cursor::new(&file), (&survey, done), async |_, part| rest(part))
        .await
        .unwrap();
    assert_eq!(people.count("person").await, 1202);
    let kept = kept.into_inner().unwrap();
    assert_eq!((kept.read, kept.added), (1203, 1202));
    assert_eq!(kept.refused.iter().map(|row| row.line).collect::<Vec<_>>(), [1102]);
}
