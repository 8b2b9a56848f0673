//! A type's name stands for one thing.

use crate::{
    exceptions::{Exception, Exceptions},
    source::{Kind, Source, Visibility},
};
use std::collections::{BTreeMap, BTreeSet};

/// Names that types of several rooms have.
const SHARED: &[Exception] = &[];

/// Complaints about names under which several rooms declare types for other rooms.
fn complaints(sources: &[&Source], shared: &[Exception]) -> Vec<String> {
    let mut rooms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        for item in &source.items {
            if item.kind == Kind::Type && item.visibility == Visibility::Rooms {
                rooms.entry(&item.name).or_default().insert(source.room().unwrap_or_default());
            }
        }
    }
    let mut shared = Exceptions::new(shared);
    let mut complaints = Vec::new();
    for (name, rooms) in rooms.iter().filter(|(_, rooms)| rooms.len() > 1) {
        // Not `any`: each room's exception counts as needed.
        let unlisted = rooms.iter().filter(|room| !shared.allow(name, room)).count();
        if unlisted > 0 {
            let rooms: Vec<_> = rooms.iter().copied().collect();
            complaints.push(format!("{name} is a type of {}", rooms.join(", ")));
        }
    }
    complaints.into_iter().chain(shared.complaints()).collect()
}

#[test]
fn a_name_stands_for_one_type() {
    let complaints = complaints(&crate::tree::server(), SHARED);
    assert!(complaints.is_empty(), "names of types:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::complaints;
    use crate::{exceptions::except, parse::parse};

    #[test]
    fn on_a_name_of_two_types() {
        let spend = parse("src/spend/rules.rs", "pub struct Case;").unwrap();
        for text in [
            "pub enum Case {}",
            "pub trait Case {}",
            "pub type Case = u8;",
            "pub(crate) union Case { a: u8 }",
            "mod inner { pub struct Case; }",
            "crate::uuid_id! {\n /// A case.\n Case }",
        ] {
            let orders = parse("src/orders/mod.rs", text).unwrap();
            let said = complaints(&[&spend, &orders], &[]);
            assert_eq!(said, ["Case is a type of orders, spend"], "{text}");
        }
    }

    #[test]
    fn not_on_private_names_reexports_and_one_room() {
        let spend = parse("src/spend/rules.rs", "pub struct Case;").unwrap();
        for text in
            ["struct Case;", "pub use crate::spend::rules::Case;", "fn f() { struct Case; }"]
        {
            let other = parse("src/orders/mod.rs", text).unwrap();
            assert_eq!(complaints(&[&spend, &other], &[]), [""; 0], "{text}");
        }
        let same = parse("src/spend/desk.rs", "pub struct Case;").unwrap();
        assert_eq!(complaints(&[&spend, &same], &[]), [""; 0]);
    }

    #[test]
    fn on_an_exception_that_nothing_needs() {
        let list = [except("Case", &["orders", "spend"], "why")];
        let sources = ["src/orders/mod.rs", "src/spend/mod.rs"]
            .map(|path| parse(path, "pub struct Case;").unwrap());
        assert_eq!(complaints(&[&sources[0], &sources[1]], &list), [""; 0]);
        assert_eq!(
            complaints(&[&sources[0]], &list),
            ["unused exception: Case, orders", "unused exception: Case, spend"]
        );
        let other = parse("src/topup/mod.rs", "pub struct Case;").unwrap();
        let said = complaints(&[&sources[0], &sources[1], &other], &list);
        assert_eq!(said, ["Case is a type of orders, spend, topup"]);
    }
}
