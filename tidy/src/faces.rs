//! What a room makes public is small enough to know.

use crate::source::{Item, Kind, Source, Visibility};
use std::collections::{BTreeMap, BTreeSet};

/// What a room may show to others: functions, types, constants and re-exported names, wherever
/// they stand in modules that others see.
const ROOM: usize = 40;
/// The functions among what a room's first file declares or re-exports.
const FUNCTIONS: usize = 10;

/// Rooms that show more, with how much; a number may shrink and never grow.
const LARGER: &[(&str, usize)] = &[
    ("ledger", 71),
    ("orders", 89),
    ("passcode", 60),
    ("payments", 69),
    ("schools", 48),
    ("staff", 63),
    ("terminals", 64),
];

/// Modules that show more functions, likewise.
const MORE_FUNCTIONS: &[(&str, usize)] = &[("orders/refunds", 11), ("sessions", 12)];

/// The modules of the server and what they declare.
struct Modules<'a> {
    items: BTreeMap<&'a [String], Vec<&'a Item>>,
}

impl<'a> Modules<'a> {
    fn of(sources: &[&'a Source]) -> Self {
        let mut items: BTreeMap<&[String], Vec<&Item>> = BTreeMap::new();
        for source in sources {
            items.entry(&source.module).or_default();
            for item in &source.items {
                items.entry(&item.module).or_default().push(item);
            }
        }
        Self { items }
    }

    /// What others see of a module: the items, each once, that can be named from outside.
    fn face(&self, module: &[String], seen: &mut BTreeSet<Vec<String>>) {
        for item in self.items.get(module).into_iter().flatten() {
            if item.visibility == Visibility::Rooms {
                self.show(item, seen);
            }
        }
    }

    fn show(&self, item: &Item, seen: &mut BTreeSet<Vec<String>>) {
        let own = [item.module.clone(), vec![item.name.clone()]].concat();
        match &item.kind {
            Kind::Function | Kind::Type | Kind::Value => {
                seen.insert(own);
            }
            Kind::Module => self.face(&own, seen),
            Kind::ReExport(path) => {
                let path = Self::absolute(&item.module, path);
                if self.items.contains_key(path.as_slice()) {
                    self.face(&path, seen);
                } else if let Some(("*", module)) = path.split_last().map(|(l, m)| (l.as_str(), m))
                {
                    self.face(module, seen);
                } else {
                    seen.insert(path);
                }
            }
        }
    }

    /// The path from the crate's root that an import names.
    fn absolute(module: &[String], path: &[String]) -> Vec<String> {
        match path {
            [root, rest @ ..] if root == "crate" => rest.to_vec(),
            _ => [module, path].concat(),
        }
    }

    /// True for a path at which a function is declared.
    fn is_function(&self, path: &[String]) -> bool {
        let Some((name, module)) = path.split_last() else { return false };
        let items = self.items.get(module).into_iter().flatten();
        items.filter(|item| item.name == *name).any(|item| match &item.kind {
            Kind::Function => true,
            Kind::ReExport(from) => {
                let from = Self::absolute(module, from);
                // A macro is shown by a re-export of itself.
                from != path && self.is_function(&from)
            }
            Kind::Type | Kind::Value | Kind::Module => false,
        })
    }

    /// The functions that a module shows without its own public modules.
    fn functions(&self, module: &[String]) -> usize {
        let mut seen = BTreeSet::new();
        for item in self.items.get(module).into_iter().flatten() {
            if item.visibility == Visibility::Rooms && item.kind != Kind::Module {
                self.show(item, &mut seen);
            }
        }
        seen.iter().filter(|path| self.is_function(path)).count()
    }
}

/// Complaints about rooms that show too much.
fn complaints(
    sources: &[&Source],
    larger: &[(&str, usize)],
    more_functions: &[(&str, usize)],
) -> Vec<String> {
    let modules = Modules::of(sources);
    let rooms: BTreeSet<_> = sources.iter().filter_map(|source| face_of(source)).collect();
    let names = rooms.iter().map(|room| {
        let mut seen = BTreeSet::new();
        modules.face(room, &mut seen);
        (room.join("/"), seen.len())
    });
    let functions =
        modules.items.keys().map(|module| (module.join("/"), modules.functions(module)));
    let mut complaints = over(names.collect(), "names", ROOM, larger);
    complaints.extend(over(functions.collect(), "functions", FUNCTIONS, more_functions));
    complaints
}

/// Complaints about what shows more than `most` or its own limit, and about limits that are not
/// needed.
fn over(
    shown: BTreeMap<String, usize>,
    what: &str,
    most: usize,
    limits: &[(&str, usize)],
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, limit) in limits {
        match shown.get(*name) {
            None => complaints.push(format!("{name} does not exist: take its limit of {what} out")),
            Some(count) if *count <= most => {
                complaints
                    .push(format!("{name} shows {count} {what}: it needs no limit of its own"));
            }
            Some(count) if count < limit => {
                complaints.push(format!("{name} shows {count} {what}: lower its limit of {limit}"));
            }
            Some(_) => {}
        }
    }
    for (name, count) in shown {
        let limit = limits.iter().find(|(limited, _)| *limited == name).map_or(most, |(_, l)| *l);
        if count > limit {
            complaints.push(format!("{name} shows {count} {what}, at most {limit}"));
        }
    }
    complaints
}

/// The room that a file belongs to; the parts of `base` and `providers` count by themselves.
fn face_of(source: &Source) -> Option<Vec<String>> {
    let room = source.room()?;
    let depth = if ["base", "providers"].contains(&room) { 2 } else { 1 };
    source.module.get(..depth).map(<[String]>::to_vec)
}

#[test]
fn rooms_show_little() {
    let complaints = complaints(&crate::tree::server(), LARGER, MORE_FUNCTIONS);
    assert!(complaints.is_empty(), "faces of rooms:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::{FUNCTIONS, ROOM, complaints};
    use crate::{parse::parse, source::Source};
    use std::fmt::Write;

    fn said(files: &[(&str, &str)], larger: &[(&str, usize)]) -> Vec<String> {
        let files: Vec<Source> =
            files.iter().map(|(path, text)| parse(path, text).unwrap()).collect();
        complaints(&files.iter().collect::<Vec<_>>(), larger, &[])
    }

    /// As many declarations, in which `#` stands for the number.
    fn many(declaration: &str, count: usize) -> String {
        (0..count).fold(String::new(), |mut text, n| {
            writeln!(text, "{}", declaration.replace('#', &n.to_string())).unwrap();
            text
        })
    }

    #[test]
    fn on_too_many_names_wherever_they_stand() {
        let (most, more) = (many("pub struct A#;", ROOM), many("pub struct A#;", ROOM + 1));
        assert_eq!(said(&[("src/a/mod.rs", &most)], &[]), [""; 0]);
        let too_many = format!("a shows {} names, at most {ROOM}", ROOM + 1);
        let names = many("A#,", ROOM + 1);
        for files in [
            [("src/a/mod.rs", more.as_str()), ("src/a/b.rs", "")],
            [("src/a/mod.rs", "pub mod b;"), ("src/a/b.rs", &more)],
            [("src/a/mod.rs", "mod b; pub use b::*;"), ("src/a/b.rs", &more)],
            [("src/a/mod.rs", &format!("mod b; pub use b::{{{names}}};")), ("src/a/b.rs", &more)],
            [
                ("src/a/mod.rs", &format!("mod b; pub use self::b::{{{names}}};")),
                ("src/a/b.rs", ""),
            ],
            [("src/a/mod.rs", "mod b; pub use crate::a::b as c;"), ("src/a/b.rs", &more)],
            [
                ("src/a/mod.rs", "mod b; pub use b::deep;"),
                ("src/a/b.rs", &format!("pub mod deep {{ {more} }}")),
            ],
            [("src/a/mod.rs", &format!("pub use crate::z::{{{names}}};")), ("src/a/b.rs", "")],
            [("src/a/mod.rs", &format!("pub struct B; {most}")), ("src/a/b.rs", "")],
            [("src/a.rs", &more), ("src/lib.rs", "pub mod a;")],
        ] {
            assert_eq!(said(&files, &[]), [too_many.as_str()], "{files:?}");
        }
    }

    #[test]
    fn not_on_names_that_others_do_not_see() {
        let more = many("pub struct A#;", ROOM + 1);
        for (root, inner) in [
            ("mod b;", more.clone()),
            ("pub(super) mod b;", more.clone()),
            ("mod b; use b::*;", more),
            ("pub mod b;", many("pub(in crate::a) struct A#; struct B#;", ROOM)),
        ] {
            assert_eq!(said(&[("src/a/mod.rs", root), ("src/a/b.rs", &inner)], &[]), [""; 0]);
        }
    }

    #[test]
    fn on_too_many_functions_reexported_ones_too() {
        let functions = many("pub fn f#() {}", FUNCTIONS);
        assert_eq!(said(&[("src/a/mod.rs", &functions)], &[]), [""; 0]);
        let too_many = format!("a shows {} functions, at most {FUNCTIONS}", FUNCTIONS + 1);
        for root in ["pub use b::g;", "pub use b::*;", "pub(crate) use b::g as h;"] {
            let root = format!("mod b; {root} {functions}");
            let files = [("src/a/mod.rs", root.as_str()), ("src/a/b.rs", "pub fn g() {}")];
            assert_eq!(said(&files, &[]), [too_many.as_str()], "{root}");
        }
    }

    #[test]
    fn on_a_limit_that_is_too_high_or_not_needed() {
        let more = many("pub struct A#;", ROOM + 2);
        let files = [("src/a/mod.rs", more.as_str())];
        let shows = format!("a shows {} names", ROOM + 2);
        assert_eq!(said(&files, &[("a", ROOM + 2)]), [""; 0]);
        let lower = format!("{shows}: lower its limit of {}", ROOM + 3);
        assert_eq!(said(&files, &[("a", ROOM + 3)]), [lower]);
        let over = format!("{shows}, at most {}", ROOM + 1);
        assert_eq!(said(&files, &[("a", ROOM + 1)]), [over]);
        let gone = "b does not exist: take its limit of names out";
        assert_eq!(said(&files, &[("a", ROOM + 2), ("b", 50)]), [gone]);
        let few = [("src/a/mod.rs", "pub struct A;")];
        let not_needed = "a shows 1 names: it needs no limit of its own";
        assert_eq!(said(&few, &[("a", 50)]), [not_needed]);
    }
}
