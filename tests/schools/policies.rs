//! Policy files: bad ones are refused with line and reason. Stored policies: what a newer release
//! wrote is kept and ignored.

use crate::schools::{NOW, xnec};
use onecard::{
    base::clock::ManualClock,
    policies::{ImportError, ImportOutcome, import_schools},
    schools::{
        School, Schools,
        policy::{Policy, StoredPolicy},
    },
};
use serde_json::{Value, json};
use std::{fs, sync::Arc};
use tempfile::TempDir;
use testkit::{Rows, TestDb, on_each_empty_database};

on_each_empty_database!(
    a_policy_of_a_newer_release_is_read,
    what_a_newer_release_stored_is_dropped_only_when_told_to,
);

/// The first line of the file.
const FILE: &str = "#";

/// What replaces what in a good file, the line of the result that must be named, and a part of the
/// reason. What is missing, or wrong only together, is told at its table.
const BAD: [(&str, &str, &str, &str); 40] = [
    ("version = 5", "version = 0", "version", "nonzero"),
    ("version = 5", "version = \"1\"", "version", "invalid type: string"),
    ("version = 5", "version = ", "version", "string"),
    ("version = 5", "version = 5\nversions = 2", "versions", "unknown field `versions`"),
    ("code = \"xnec\"", "code = \"XNEC\"", "code", "1 to 32 of the characters a-z"),
    ("name = \"咸宁职业技术学院\"", "name = \"  \"", "name", "1 to 40 characters"),
    ("portal = true", "", FILE, "missing field `portal`"),
    ("portal = true", "portal = \"yes\"", "portal", "invalid type: string"),
    ("[\"student_no\"]", "[]", "id_kinds", "at least one"),
    ("[\"student_no\"]", "[\"phone\"]", "id_kinds", "unknown variant `phone`"),
    ("[\"student_no\"]", "[\"student_no\", \"student_no\"]", "id_kinds", "nothing twice"),
    ("\"^[0-9]{7}$\"", "\"[0-9\"", "id_pattern", "plain pattern"),
    ("name_required = false", "name_required = 0", "name_required", "invalid type: integer"),
    ("name_required = false", "", "[binding]", "missing field `name_required`"),
    ("\"drop_letter_shift\"", "\"last_six\"", "default", "unknown variant `last_six`"),
    ("must_change = false", "", "[password]", "missing field `must_change`"),
    ("rule = \"six_digits\"", "", "[password]", "missing field `rule`"),
    ("\"six_digits\"", "\"eight_letters\"", "rule", "unknown variant `eight_letters`"),
    ("hint = \"新查询密码为 6 位数字\"", "hint = \"\"", "hint", "1 to 100 characters"),
    (
        "must_change = false\nchange_online = true",
        "must_change = true\nchange_online = false",
        "[password]",
        "must_change needs change_online",
    ),
    ("[consent]", "[limits]\nover_limit = \"refuse\"\n[consent]", "[limits]", "or day_fen"),
    ("[consent]", "[limits]\nday_fen = 1\n[consent]", "[limits]", "missing field `over_limit`"),
    ("[consent]", "[limit]\nday_fen = 1\n[consent]", "[limit]", "unknown field `limit`"),
    ("[consent]", "[passcode]\nsteps = 15\n[consent]", "steps", "unknown field `steps`"),
    ("[consent]", "[passcode]\nstep_seconds = 4\n[consent]", "[passcode]", "must be 5 to 60"),
    ("[consent]", "[passcode]\nstep_seconds = 1.5\n[consent]", "step_seconds", "invalid type"),
    ("[consent]", "[passcode]\ndevice_days = 0\n[consent]", "[passcode]", "must be 1 to 366"),
    ("[consent]", "[passcode]\nunseen_days = 31\n[consent]", "[passcode]", "at most device_days"),
    (
        "[consent]",
        "[passcode]\nprefixes = { pay = 28, id = 81, receipt = 82 }\n[consent]",
        "[passcode]",
        "codes that begin with 28 are those of 支付宝",
    ),
    (
        "[consent]",
        "[passcode]\nprefixes = { pay = 81, id = 81, receipt = 82 }\n[consent]",
        "[passcode]",
        "prefix 81 stands for two kinds of code",
    ),
    (
        "[consent]",
        "[passcode]\nprefixes = { pay = 81 }\n[consent]",
        "prefixes",
        "missing field `id`",
    ),
    ("card_balance = true", "card_balance = 1", "card_balance", "invalid type: integer"),
    ("card_balance = true", "reversal_minutes = 0", "[spend]", "must be 1 to 1440"),
    ("min_fen = 1", "min_fen = 0", "[top_up]", "at least 1"),
    ("min_fen = 1", "min_fen = 1.5", "min_fen", "invalid type: floating point"),
    ("max_fen = 50_000", "max_fen = 99999999999999999999", "max_fen", "i64"),
    ("max_fen = 50_000", "max_fen = 20_000", "[top_up]", "between min_fen and max_fen"),
    ("5_000, 10_000", "10_000, 5_000", "[top_up]", "must rise"),
    ("items = [\"terms\", \"id_number\"]", "items = [\"all\"]", "items", "unknown variant `all`"),
    ("title = \"怎样充值\"", "headline = \"怎样充值\"", "headline", "unknown field `headline`"),
];

#[test]
fn a_bad_policy_is_told_with_line_and_reason() {
    for (good, bad, at, reason) in BAD {
        let text = xnec();
        assert_eq!(text.matches(good).count(), 1, "{good}");
        let text = text.replace(good, bad);
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.reason.contains(reason), "{bad}: {error}");
        let line = text.lines().nth(error.line - 1).unwrap();
        assert!(line.starts_with(at), "{bad}: {error}, which reads {line}");
    }
}

/// Keys that this release does not know, in every kind of place, each with its dotted key.
const NEWER: [(&str, &str); 6] = [
    ("", "lockers"),
    ("/binding", "binding.face"),
    ("/password", "password.length"),
    ("/passcode/prefixes", "passcode.prefixes.door"),
    ("/spend", "spend.tips"),
    ("/help/0", "help.icon"),
];

/// A stored policy as a newer release would write it.
fn newer(stored: &str) -> String {
    let mut policy: Value = serde_json::from_str(stored).unwrap();
    for (place, key) in NEWER {
        let table = policy.pointer_mut(place).unwrap().as_object_mut().unwrap();
        let name = key.rsplit('.').next().unwrap().to_owned();
        table.insert(name, json!({ "groups": [{ "open": "06:00", "shut": null }] }));
    }
    policy.to_string()
}

async fn import(db: &TestDb, text: &str, replace: bool) -> Result<ImportOutcome, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("xnec.toml");
    fs::write(&path, text).unwrap();
    match import_schools(&db.db, &[path], replace, NOW).await {
        Ok(done) => Ok(done[0].outcome),
        Err(ImportError::Files(problems)) => Err(problems[0].reason.clone()),
        Err(ImportError::Db(error)) => panic!("{error}"),
    }
}

async fn stored(db: &TestDb) -> String {
    Rows::of(&db.url).await.texts("SELECT policy FROM school").await.remove(0)
}

async fn school(db: &TestDb) -> Option<Arc<School>> {
    let schools = Schools::new(db.db.clone(), Arc::new(ManualClock::new(NOW)));
    schools.by_code("xnec").await.unwrap()
}

/// Imports the policy, then rewrites its row as a newer release would; the row's text.
async fn upgraded(db: &TestDb) -> String {
    assert_eq!(import(db, &xnec(), false).await, Ok(ImportOutcome::Added));
    let row = newer(&stored(db).await);
    let update = format!("UPDATE school SET policy = '{}'", row.replace('\'', "''"));
    assert_eq!(Rows::of(&db.url).await.change(&update, []).await, 1);
    row
}

async fn a_policy_of_a_newer_release_is_read(db: &TestDb) {
    let row = upgraded(db).await;
    let school = school(db).await.unwrap();
    assert_eq!(school.policy, Policy::parse(&xnec()).unwrap());
    let mut ignored = StoredPolicy::parse(&row).unwrap().ignored;
    ignored.sort_unstable();
    let mut newer = NEWER.map(|(_, key)| key);
    newer.sort_unstable();
    assert_eq!(ignored, newer);
}

async fn what_a_newer_release_stored_is_dropped_only_when_told_to(db: &TestDb) {
    let row = upgraded(db).await;
    assert_eq!(import(db, &xnec(), false).await, Ok(ImportOutcome::Unchanged));
    let next = xnec().replace("version = 5", "version = 6");
    let told = import(db, &next, false).await.unwrap_err();
    assert!(told.contains("--replace"), "{told}");
    for (_, key) in NEWER {
        assert!(told.contains(key), "{key}: {told}");
    }
    assert_eq!(stored(db).await, row);
    assert_eq!(import(db, &next, true).await, Ok(ImportOutcome::Changed));
    assert_eq!(StoredPolicy::parse(&stored(db).await).unwrap().ignored, Vec::<String>::new());
}

#[test]
fn values_that_are_wrong_or_not_known_are_not_ignored() {
    let policy = serde_json::to_string(&Policy::parse(&xnec()).unwrap()).unwrap();
    for (good, bad, reason) in [
        ("\"six_digits\"", "\"eight_letters\"", "unknown variant `eight_letters`"),
        ("\"min_fen\":1", "\"min_fen\":0", "at least 1"),
        ("\"portal\":true,", "", "missing field `portal`"),
    ] {
        assert_eq!(policy.matches(good).count(), 1, "{good}");
        let error = StoredPolicy::parse(&policy.replace(good, bad)).unwrap_err();
        assert!(error.to_string().contains(reason), "{bad}: {error}");
    }
}
