//! Each table belongs to one room, whose store alone names it.

use crate::{
    exceptions::{Exception, Exceptions, except},
    source::{Literal, Mention, Role, Source},
    sql,
};
use std::collections::{BTreeMap, BTreeSet};

/// Which room owns which tables.
const OWNERS: &[(&str, &[&str])] = &[
    ("access", &["access_log", "door_allocation", "door_right", "library_reader"]),
    ("approvals", &["approval"]),
    ("audit", &["audit_entry", "audit_head"]),
    ("base", &["job_run", "outbox"]),
    ("cards", &["charge"]),
    ("cases", &["review_case"]),
    ("events", &["event"]),
    ("exports", &["export_job"]),
    ("key_trials", &["key_trial"]),
    ("keyring", &["door_lock", "door_opening"]),
    ("ledger", &["account", "leg", "seal", "seal_head", "tail", "transfer", "unsealed"]),
    (
        "orders",
        &[
            "evidence_start",
            "idempotency_key",
            "notification",
            "orders",
            "payment",
            "provider_answer",
            "refund",
            "refund_answer",
        ],
    ),
    ("passcode", &["code_use", "device"]),
    ("passwords", &["password_try"]),
    ("policies", &["policy_proposal", "policy_version"]),
    ("providers", &["platform_certificate"]),
    ("reconciliation", &["bill_day", "bill_difference", "bill_hold", "bill_repair", "bill_row"]),
    ("roster_imports", &["roster_job", "roster_refusal"]),
    ("schools", &["person", "school"]),
    ("sessions", &["binding", "identity", "identity_phone", "notice", "session"]),
    ("spend", &["charge_challenge"]),
    ("staff_accounts", &["staff_change", "staff_member", "staff_refusal", "staff_session"]),
    ("stored_files", &["stored_file", "stored_file_part"]),
    ("terminals", &["merchant", "terminal", "terminal_answer", "terminal_contact"]),
];

/// Rooms that read tables of others.
const READERS: &[Exception] = &[
    except("orders", &["merchant"], "a column of payments has the name of that table"),
    except(
        "identity",
        &["charge", "device", "notice", "orders", "person"],
        "the home page is one statement: each would cost a round trip on every start of the client",
    ),
    except(
        "policies",
        &["charge", "orders", "person", "staff_member", "terminal"],
        "what a change would have refused in a month, and what there is at a new school, is counted in one pass",
    ),
    except("passcode", &["school"], "keys are derived from a school's code; `schools` lies above"),
    except(
        "sessions",
        &["person"],
        "each request asks for its session and whether an own password is set in one statement",
    ),
    except(
        "reconciliation",
        &["orders", "payment", "refund"],
        "a day of 100,000 payments is compared in one pass",
    ),
    except(
        "staff",
        &["account", "binding", "person"],
        "a list of people is filtered by what they owe and in the order of their numbers at once: apart, \
         each table would be read whole",
    ),
    except("terminals", &["school"], "a terminal's key id is its school's code and its own"),
];

/// How the owners of tables are listed.
type Owners<'a> = &'a [(&'a str, &'a [&'a str])];

/// Complaints about tables without one owner and about rooms that name tables of others.
fn complaints(sources: &[&Source], owners: Owners<'_>, readers: &[Exception]) -> Vec<String> {
    let known = known(sources);
    let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
    let mut complaints = Vec::new();
    for (room, tables) in owners {
        for table in *tables {
            if let Some(other) = owner.insert(table, room) {
                complaints.push(format!("{table} has two owners: {other} and {room}"));
            }
            if !known.contains(*table) {
                complaints.push(format!("{room} owns {table}, which is no table"));
            }
        }
    }
    let unowned = known.iter().filter(|table| !owner.contains_key(table.as_str()));
    complaints.extend(unowned.map(|table| format!("{table} has no owner")));
    let mut readers = Exceptions::new(readers);
    for source in sources.iter().filter(|source| source.path.starts_with("src/")) {
        let room = source.room().unwrap_or_default();
        for line in imports_of_all(source) {
            complaints.push(format!("{}:{line}: entities are imported one by one", source.path));
        }
        for (table, line) in named(source, &known) {
            let place = format!("{}:{line}", source.path);
            let owner = owner.get(table).copied().unwrap_or_default();
            if owner != room && !readers.allow(room, table) {
                complaints.push(format!("{place}: {room} names {table}, a table of {owner}"));
            }
            if !source.is_store() {
                complaints.push(format!("{place}: {table} is named outside a store"));
            }
        }
    }
    complaints.extend(readers.complaints());
    complaints
}

/// The tables that migrations make and that entities describe.
fn known(sources: &[&Source]) -> BTreeSet<String> {
    let of = |folder: &'static str, role| {
        let files = sources.iter().filter(move |source| source.path.starts_with(folder));
        let literals = files.flat_map(|source| &source.literals);
        literals.filter(move |literal| literal.role == role).map(|literal| literal.text.clone())
    };
    of("migration/", Role::Table).chain(of("entity/", Role::Table)).collect()
}

/// The tables that a file names, and where.
fn named<'a>(source: &Source, known: &'a BTreeSet<String>) -> Vec<(&'a str, usize)> {
    let in_text = |literal: &Literal| -> BTreeSet<&'a str> {
        let exact = || known.get(&literal.text).map(String::as_str).into_iter().collect();
        match literal.role {
            Role::Table => exact(),
            Role::From => sql::tables(&format!("FROM {}", literal.text), known),
            Role::Label => BTreeSet::new(),
            // Helpers of stores take names of tables.
            Role::Other if source.is_store() && known.contains(&literal.text) => exact(),
            Role::Other => sql::tables(&literal.text, known),
        }
    };
    let row = |mention: &Mention| match mention.path.as_slice() {
        [first, table, ..] if first == "entity" => known.get(table).map(String::as_str),
        _ => None,
    };
    let texts =
        source.literals.iter().flat_map(|l| in_text(l).into_iter().map(move |t| (t, l.line)));
    let rows = source.mentions.iter().filter_map(|m| row(m).map(|table| (table, m.line)));
    texts.chain(rows).collect()
}

/// Where a file imports all entities, by a glob or under another name.
fn imports_of_all(source: &Source) -> impl Iterator<Item = usize> {
    let all = source.mentions.iter().filter(|mention| match mention.path.as_slice() {
        [first] => first == "entity",
        [first, second, ..] => first == "entity" && second == "*",
        [] => false,
    });
    all.map(|mention| mention.line)
}

#[test]
fn tables_are_named_by_their_owners() {
    let sources: Vec<&Source> = crate::tree::tree().iter().collect();
    let complaints = complaints(&sources, OWNERS, READERS);
    assert!(complaints.is_empty(), "tables:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::{Exception, complaints, except};
    use crate::parse::parse;

    /// Complaints about one file, where `spend` owns `charge` and `ledger` owns `leg`.
    fn said(path: &str, text: &str, readers: &[Exception]) -> Vec<String> {
        let migration = r#"fn up() { Table::create().table(Alias::new("charge")); Table::create().table(Alias::new("leg")); }"#;
        let migration = parse("migration/src/m1.rs", migration).unwrap();
        let file = parse(path, text).unwrap();
        complaints(&[&migration, &file], &[("spend", &["charge"]), ("ledger", &["leg"])], readers)
    }

    #[test]
    fn on_sql_over_a_table_of_another_room() {
        for sql in [
            r#"const A: &str = "SELECT 1 FROM charge c JOIN leg l ON true";"#,
            r#"fn f(x: &str) { let sql = format!("SELECT 1 FROM leg WHERE {x}"); }"#,
            r#"fn f() { Write::Insert { table: "leg", rows, suffix: "" } }"#,
            r#"fn f() { tx.update_rows("leg", rows, "") }"#,
            r#"fn f() { Question { from: "leg l WHERE l.id {keys1}", keys } }"#,
            r#"fn f() { helper("leg") }"#,
            "use entity::{charge, leg};",
            "fn f() { entity::leg::Entity::find(); }",
        ] {
            let said = said("src/spend/store.rs", sql, &[]);
            let expected = "src/spend/store.rs:1: spend names leg, a table of ledger";
            assert_eq!(said, [expected], "{sql}");
        }
    }

    #[test]
    fn on_an_import_of_all_entities() {
        for text in ["use entity as rows;", "use entity::*;", "use entity::{self as rows};"] {
            let said = said("src/spend/store.rs", text, &[]);
            assert_eq!(said, ["src/spend/store.rs:1: entities are imported one by one"], "{text}");
        }
    }

    #[test]
    fn on_sql_outside_a_store() {
        let text = r#"const A: &str = "DELETE FROM charge";"#;
        let said = said("src/spend/mod.rs", text, &[]);
        assert_eq!(said, ["src/spend/mod.rs:1: charge is named outside a store"]);
    }

    #[test]
    fn not_on_own_tables_labels_and_tests() {
        let text = r#"
            const A: &str = "SELECT 1 FROM charge";
            fn f() { Err(DbError::Raced { table: "leg" }) }
            fn g() { row.try_get("", "leg") }
            #[cfg(test)] mod tests { const B: &str = "SELECT 1 FROM leg"; }"#;
        assert_eq!(said("src/spend/store.rs", text, &[]), [""; 0]);
    }

    #[test]
    fn on_an_exception_that_nothing_needs() {
        let list = [except("spend", &["leg"], "the audit")];
        let reads = said("src/spend/store.rs", r#"const A: &str = "SELECT 1 FROM leg";"#, &list);
        assert_eq!(reads, [""; 0]);
        assert_eq!(said("src/spend/store.rs", "", &list), ["unused exception: spend, leg"]);
    }

    #[test]
    fn on_a_table_without_an_owner_or_with_two() {
        let text = r#"fn f() { Table::create().table(Alias::new("leg")); Table::create().table(Alias::new("x")); }"#;
        let migration = parse("migration/src/m1.rs", text).unwrap();
        let owners: super::Owners<'_> = &[("a", &["leg", "gone"]), ("b", &["leg"])];
        assert_eq!(
            complaints(&[&migration], owners, &[]),
            ["a owns gone, which is no table", "leg has two owners: a and b", "x has no owner"]
        );
    }
}
