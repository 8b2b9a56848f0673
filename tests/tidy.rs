//! The house keeps its shape: arrows between rooms go down, and files and functions stay readable.
//!
//! A limit may be broken only by an entry in `RATCHET`, which may shrink and never grow.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 50;
const HANDLER_LINES: usize = 20;
const MOD_PUBLIC_FUNCTIONS: usize = 10;

/// Files or functions over a limit, with the size they must not outgrow.
const RATCHET: &[(&str, usize)] = &[];

/// Rooms by floor; a room may use those of lower floors.
const FLOORS: [&[&str]; 5] = [
    &["base"],
    &[
        "cards",
        "events",
        "ledger",
        "orders",
        "passcode",
        "passwords",
        "schools",
        "sessions",
        "terminals",
    ],
    &["devices", "feed", "identity", "overview", "spend", "topup"],
    &["config", "providers"],
    &["app", "cli", "health", "main", "routes", "wiring"],
];

/// Arrows within a floor, each decided in docs/adr.
const SIDEWAYS: &[(&str, &str)] = &[
    // ADR 0008: whose password it is, by which school's rule, and who tries it.
    ("passwords", "schools"),
    ("passwords", "sessions"),
    // ADR 0005: what is on a card, and how much its school lets be spent.
    ("cards", "ledger"),
    ("cards", "schools"),
    // ADR 0005: what a terminal must know of its school's rules.
    ("terminals", "schools"),
    // ADR 0011: what a policy says of codes is checked by those who know them.
    ("schools", "passcode"),
    // ADR 0011: the platforms on which a device can be.
    ("passcode", "sessions"),
    // Each provider reads its own section with the tools of the configuration.
    ("providers", "config"),
    // The composition root and what it composes.
    ("app", "wiring"),
    ("cli", "app"),
    ("cli", "health"),
    ("cli", "routes"),
    ("cli", "wiring"),
    ("routes", "app"),
    ("routes", "health"),
    ("health", "app"),
    ("main", "cli"),
];

/// What a room must not touch although it lies below.
const FORBIDDEN: &[(&str, &str)] =
    &[("config", "ledger"), ("config", "orders"), ("config", "topup"), ("config", "identity")];

#[test]
fn arrows_go_down() {
    let mut broken = Vec::new();
    for file in sources("src") {
        let room = room_of(&file);
        let text = code_of(&file);
        for used in crate_names(&text) {
            if used != room && !allowed(&room, &used) {
                broken.push(format!("{}: {room} uses {used}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "arrows that go up or sideways:\n{}", broken.join("\n"));
}

#[test]
fn rows_stay_in_stores_and_http_at_the_door() {
    let mut broken = Vec::new();
    for file in sources("src") {
        let (room, text) = (room_of(&file), code_of(&file));
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let in_store = name == "store" || file.components().any(|c| c.as_os_str() == "store");
        if text.contains("entity::") && text.contains("use entity") && !in_store {
            broken.push(format!("{}: only store.rs sees entity", file.display()));
        }
        let at_the_door = matches!(name.as_str(), "http" | "callback" | "guard")
            || file.components().any(|c| c.as_os_str() == "http")
            || floor_of(&room) == Some(4);
        if text.contains("actix_web") && !at_the_door {
            broken.push(format!("{}: only http.rs and callback.rs see actix", file.display()));
        }
        if room != "wiring" && room != "providers" && text.contains("crate::providers") {
            broken.push(format!("{}: providers are named in the wiring only", file.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn production_does_not_know_the_sandbox() {
    for file in sources("src") {
        assert!(!code_of(&file).contains("sandbox::"), "{}", file.display());
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    assert!(!dependencies.contains("sandbox"), "the sandbox is a dev-dependency only");
}

#[test]
fn files_and_functions_are_readable_at_a_sitting() {
    let mut long = Vec::new();
    for folder in ["src", "entity", "migration", "sandbox/src"] {
        for file in sources(folder) {
            let text = code_of(&file);
            let name = file.strip_prefix(root()).unwrap().display().to_string();
            check(&mut long, &name, text.lines().count(), FILE_LINES);
            for function in functions(&text) {
                let limit = if function.handler { HANDLER_LINES } else { FUNCTION_LINES };
                check(&mut long, &format!("{name} {}", function.name), function.lines, limit);
            }
            if file.ends_with("mod.rs") {
                let public = text
                    .lines()
                    .filter(|l| l.starts_with("pub fn") || l.starts_with("pub async fn"));
                check(&mut long, &format!("{name} pub fn"), public.count(), MOD_PUBLIC_FUNCTIONS);
            }
        }
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

#[test]
fn the_ratchet_holds_nothing_that_has_become_short() {
    let names: BTreeSet<_> = RATCHET.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), RATCHET.len());
    for (name, _) in RATCHET {
        let file = root().join(name.split(' ').next().unwrap());
        assert!(file.exists(), "{name} is gone: take it off the ratchet");
    }
}

fn check(long: &mut Vec<String>, name: &str, size: usize, limit: usize) {
    let limit = RATCHET.iter().find(|(known, _)| *known == name).map_or(limit, |(_, size)| *size);
    if size > limit {
        long.push(format!("{name}: {size} > {limit}"));
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !is_test(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    name == "tests" || name.starts_with("test_") || name.ends_with("_tests")
}

/// The file without its unit tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_owned()
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn allowed(room: &str, used: &str) -> bool {
    if room == "lib" || FORBIDDEN.contains(&(room, used)) {
        return room == "lib";
    }
    if SIDEWAYS.contains(&(room, used)) {
        return true;
    }
    // A macro, a type or an unknown room is no arrow, or is found by `every_room_has_a_floor`.
    let (Some(from), Some(to)) = (floor_of(room), floor_of(used)) else { return true };
    to < from
}

#[test]
fn every_room_has_a_floor() {
    let rooms: BTreeSet<String> = sources("src").iter().map(|file| room_of(file)).collect();
    for room in rooms.iter().filter(|room| *room != "lib") {
        assert!(floor_of(room).is_some(), "{room} has no floor");
    }
}

/// The names right after `crate::` or, in a list, at its first level.
fn crate_names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        if let Some(list) = part.strip_prefix('{') {
            let (mut depth, mut name, mut fresh) = (0_usize, String::new(), true);
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.extend(Some(std::mem::take(&mut name)).filter(|n| !n.is_empty()));
                        fresh = true;
                    }
                    c if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => name.push(c),
                    _ if !name.is_empty() => {
                        names.insert(std::mem::take(&mut name));
                        fresh = false;
                    }
                    _ => {}
                }
            }
            names.extend(Some(name).filter(|name| !name.is_empty()));
        } else {
            names.insert(part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

struct Function {
    name: String,
    lines: usize,
    handler: bool,
}

/// Functions as rustfmt writes them: from `fn` to the closing brace of the same indent.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_fn = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(super) fn ",
            "pub(super) async fn ",
            "pub(crate) fn ",
            "pub(crate) async fn ",
            "const fn ",
            "pub const fn ",
        ]
        .iter()
        .any(|start| code.starts_with(start));
        if !is_fn {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let end = format!("{indent}}}");
        let Some(body) = lines[n..].iter().position(|l| **l == end) else { continue };
        let name = code.split("fn ").nth(1).unwrap();
        let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let handler =
            n > 0 && ["#[get(", "#[post("].iter().any(|a| lines[n - 1].trim_start().starts_with(a));
        found.push(Function { name, lines: body + 1, handler });
    }
    found
}

#[test]
fn names_are_read_out_of_nested_lists() {
    let text = "use crate::{\n    base::{db::Db, ids::{A, B}},\n    orders,\n    ledger::x,\n};\ncrate::topup::y";
    let names: Vec<_> = crate_names(text).into_iter().collect();
    assert_eq!(names, ["base", "ledger", "orders", "topup"]);
}
