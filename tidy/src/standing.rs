//! Whoever changes a person's standing holds the person, so that no charge is decided on the standing
//! before.

use crate::{
    exceptions::{Exception, Exceptions, except},
    source::Source,
};

/// The table and the columns of a person's standing.
const TABLE: &str = "person";
const COLUMNS: [&str; 4] = ["dormant_at", "lost_at", "status", "valid_until"];
/// What proves that persons are held: `HeldPersons::hold` alone makes it.
const HELD: &str = "HeldPersons";

/// Functions that set them without, by file and name.
const OTHERS: &[Exception] = &[except(
    "src/schools/store.rs",
    &["insert_people"],
    "nobody has charged a person who is only now added",
)];

/// Complaints about functions that set a column of a standing and are not given held persons.
fn complaints(sources: &[&Source], others: &[Exception]) -> Vec<String> {
    let mut others = Exceptions::new(others);
    let mut complaints = Vec::new();
    for source in sources {
        for function in &source.functions {
            let standing = |(table, column): &&(String, String)| {
                table == TABLE && COLUMNS.contains(&column.as_str())
            };
            let Some((_, column)) = function.sets.iter().find(standing) else { continue };
            if !function.takes.contains(HELD) && !others.allow(&source.path, &function.name) {
                let (path, name) = (&source.path, &function.name);
                complaints
                    .push(format!("{path}: {name} sets {column} of persons it does not hold"));
            }
        }
    }
    complaints.extend(others.complaints());
    complaints
}

#[test]
fn standings_are_set_of_held_persons() {
    let complaints = complaints(&crate::tree::server(), OTHERS);
    assert!(complaints.is_empty(), "standings:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::complaints;
    use crate::{exceptions::except, parse::parse};

    #[test]
    fn on_a_standing_that_is_set_without() {
        let bad = [
            "person::ActiveModel { status: Set(s), ..row }",
            "entity::person::ActiveModel { lost_at: Set(None), ..row }",
            "person::Entity::update_many().col_expr(person::Column::DormantAt, Expr::value(1))",
            "tx.update_rows(\"person\", rows, \"valid_until = r.day\")",
            "Write::Update { table: \"person\", rows, set: \"name = r.n, status = r.s\", guard: \"true\" }",
            "run(\"UPDATE person SET updated_at = $1, lost_at = $2 WHERE id = $3\")",
            "run(format!(\"update person set lost_at = {now}\"))",
        ];
        let good = [
            "person::ActiveModel { department: Set(s), ..row }",
            "payment::ActiveModel { status: Set(s), ..row }",
            "person::Entity::find().filter(person::Column::Status.eq(1))",
            "tx.update_rows(\"terminal\", rows, \"status = r.s\")",
            "run(\"UPDATE person SET updated_at = $1 WHERE status = $2\")",
            "run(\"SELECT status FROM person\")",
        ];
        let said = |arguments: &str, body: &str| {
            let text = format!("async fn f({arguments}) {{ {body} }}");
            complaints(&[&parse("src/schools/store.rs", &text).unwrap()], &[])
        };
        for body in bad {
            let complaints = said("tx: &Tx", body);
            assert_eq!(complaints.len(), 1, "{body}: {complaints:?}");
            assert!(complaints[0].contains("f sets"), "{body}: {complaints:?}");
            assert_eq!(said("tx: &Tx, held: &HeldPersons", body), [""; 0], "{body}");
        }
        for body in good {
            assert_eq!(said("tx: &Tx", body), [""; 0], "{body}");
        }
    }

    #[test]
    fn on_methods_and_on_an_exception_that_nothing_needs() {
        let text = "impl A { fn f(&self) { person::ActiveModel { status: 1 } } fn g() {} }";
        let source = parse("src/a/store.rs", text).unwrap();
        let list = [except("src/a/store.rs", &["f", "g"], "why")];
        assert_eq!(complaints(&[&source], &list), ["unused exception: src/a/store.rs, g"]);
    }
}
