//! Arrows between rooms go down.

use crate::{
    exceptions::{Exception, Exceptions, except},
    source::Source,
};
use std::collections::BTreeSet;

/// Rooms by floor; a room may use those of lower floors.
pub const FLOORS: [&[&str]; 7] = [
    &["base"],
    &[
        "approvals",
        "audit",
        "cases",
        "events",
        "ledger",
        "orders",
        "passcode",
        "sessions",
        "stored_files",
    ],
    &["cards", "messages", "passwords", "schools", "staff_accounts", "terminals"],
    &["adjustments", "key_trials", "payments", "policies", "reconciliation", "work_login"],
    &[
        "access",
        "cardlife",
        "devices",
        "exports",
        "feed",
        "identity",
        "join",
        "keyring",
        "overview",
        "roster_imports",
        "spend",
        "topup",
        "utilities",
        "wallet",
    ],
    &["config", "providers"],
    &["app", "cli", "console", "health", "main", "routes", "staff", "wiring"],
];

/// Rooms that have a floor and are not built yet.
const PLANNED: &[&str] = &["join", "utilities", "wallet"];

/// Arrows within a floor.
const SIDEWAYS: &[Exception] = &[
    except("cards", &["schools"], "how much may be spent is the policy's; ADR 0005"),
    except("passwords", &["schools"], "whose password it is, and by which rule; ADR 0008"),
    except("terminals", &["schools"], "a terminal's configuration is made of the policy; ADR 0005"),
    except(
        "messages",
        &["schools"],
        "a message bears the school's name, and goes by its app; ADR 0037",
    ),
    except(
        "sessions",
        &["audit"],
        "a phone number and its consent are entries of the log; ADR 0037",
    ),
    except("reconciliation", &["payments"], "a missing credit settles as any payment does"),
    except("passcode", &["sessions"], "a device belongs to a platform; ADR 0011"),
    except("approvals", &["audit"], "a request and its decision are entries of the log; ADR 0030"),
    except(
        "staff_accounts",
        &["passwords", "schools"],
        "attempts are counted by one rule in one table, and a sign-in names its school; ADR 0030",
    ),
    except("keyring", &["access"], "who may pass a door is decided in one place; ADR 0039"),
    except("providers", &["config"], "each provider describes its own settings"),
    except("app", &["wiring"], "the application holds the journeys that the wiring builds"),
    except("cli", &["app", "health", "routes", "wiring"], "`serve` starts the application"),
    except("health", &["app"], "readiness asks what the application stands on"),
    except("main", &["cli"], "the program is its command line"),
    except("console", &["staff"], "pages do what the JSON of staff does, by the same functions"),
    except("wiring", &["console", "staff"], "it builds what handlers of staff ask for"),
    except(
        "routes",
        &["app", "console", "health", "staff"],
        "paths answer with what the application holds",
    ),
];

/// Macros that stand at the crate's root.
const MACROS: [&str; 2] = ["name_type", "uuid_id"];

/// Rooms that may use but a few of the rooms below.
const NARROW: &[(&str, &[&str])] = &[("config", &["base"])];

/// Complaints about arrows that go up, or sideways without an exception.
fn complaints(
    sources: &[&Source],
    sideways: &[Exception],
    narrow: &[(&str, &[&str])],
) -> Vec<String> {
    let mut sideways = Exceptions::new(sideways);
    let mut complaints = BTreeSet::new();
    for source in sources {
        let Some(room) = source.room() else { continue };
        // Under another name for the crate, arrows would not be seen.
        for mention in source.mentions.iter().filter(|mention| mention.path == ["crate"]) {
            let place = format!("{}:{}", source.path, mention.line);
            complaints.insert(format!("{place}: {room} imports the crate's root"));
        }
        for (used, line) in used(source).filter(|(used, _)| *used != room) {
            let place = format!("{}:{line}", source.path);
            let few = narrow.iter().find(|(narrow, _)| *narrow == room).map(|(_, few)| *few);
            let complaint = match (floor_of(room), floor_of(used)) {
                (None, _) => format!("{place}: {room} has no floor"),
                (_, None) => format!("{place}: crate::{used} is no room"),
                (Some(from), Some(to)) if to > from => {
                    format!("{place}: {room} uses {used} above it")
                }
                (Some(from), Some(to)) if to == from && !sideways.allow(room, used) => {
                    format!("{place}: {room} uses {used} beside it")
                }
                _ if few.is_some_and(|few| !few.contains(&used)) => {
                    format!("{place}: {room} must not know {used}")
                }
                _ => continue,
            };
            complaints.insert(complaint);
        }
    }
    complaints.into_iter().chain(sideways.complaints()).collect()
}

/// The rooms that a file names, and where.
pub fn used(source: &Source) -> impl Iterator<Item = (&str, usize)> {
    source.mentions.iter().filter_map(|mention| match mention.path.as_slice() {
        [first, room, ..] if first == "crate" && !MACROS.contains(&room.as_str()) => {
            Some((room.as_str(), mention.line))
        }
        _ => None,
    })
}

pub fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Complaints about rooms without a floor, and about planned rooms that are built or gone.
fn without_floor(sources: &[&Source], planned: &[&str]) -> Vec<String> {
    let rooms: BTreeSet<&str> = sources.iter().filter_map(|source| source.room()).collect();
    let mut complaints = Vec::new();
    for room in rooms.iter().filter(|room| floor_of(room).is_none()) {
        complaints.push(format!("{room} has no floor"));
    }
    for room in FLOORS.iter().copied().flatten() {
        match (rooms.contains(room), planned.contains(room)) {
            (true, true) => complaints.push(format!("{room} is built: take it off the planned")),
            (false, false) => complaints.push(format!("{room} has a floor and does not exist")),
            (true, false) | (false, true) => {}
        }
    }
    complaints
}

#[test]
fn arrows_go_down() {
    let complaints = complaints(&crate::tree::server(), SIDEWAYS, NARROW);
    assert!(complaints.is_empty(), "arrows:\n{}", complaints.join("\n"));
}

#[test]
fn every_room_has_a_floor() {
    let complaints = without_floor(&crate::tree::server(), PLANNED);
    assert!(complaints.is_empty(), "floors:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::{complaints, except, without_floor};
    use crate::{exceptions::Exception, parse::parse};

    fn said(path: &str, text: &str, sideways: &[Exception]) -> Vec<String> {
        complaints(&[&parse(path, text).unwrap()], sideways, &[("config", &["base"])])
    }

    #[test]
    fn on_an_arrow_up_however_it_is_written() {
        for text in [
            "use crate::topup::TopUps;",
            "use crate::{base::db::{Db, Tx}, topup::{self, x}};",
            "use crate::{base::{a::{b, c}, d}, topup};",
            "mod inner { use super::super::super::topup::TopUps; }",
            "pub use crate::topup::*;",
            "mod inner { pub(super) use crate::topup::x as y; }",
            "fn f() { use crate::topup::x; }",
            "fn f() { crate::topup::start() }",
            "fn f(x: &crate::topup::TopUps) {}",
            "fn f() { let _: Vec<crate::topup::X>; }",
            "impl crate::topup::Trait for X {}",
            "fn f() { match x { crate::topup::X::Y => {} } }",
            "use super::super::topup::x;",
            "fn f() { super::super::topup::x() }",
            "fn f() { println!(\"{}\", crate::topup::X) }",
            "fn f() { select! { x = async { crate::topup::start().await } => {} } }",
            "macro_rules! m { () => { $crate::topup::x() } }",
            "macro_rules! m { () => { use crate::{base, topup::x}; } }",
            "#[utoipa::path(request_body = crate::topup::X)] fn f() {}",
            "struct X { #[serde(with = \"crate::topup::x\")] y: u8 }",
            "crate::topup::declare! { X }",
        ] {
            let said = said("src/orders/store.rs", text, &[]);
            assert_eq!(said, ["src/orders/store.rs:1: orders uses topup above it"], "{text}");
        }
    }

    #[test]
    fn on_an_arrow_sideways_and_on_an_exception_that_nothing_needs() {
        let text = "use crate::sessions::Student;";
        let beside = "src/orders/mod.rs:1: orders uses sessions beside it";
        assert_eq!(said("src/orders/mod.rs", text, &[]), [beside]);
        let list = [except("orders", &["sessions"], "why")];
        assert_eq!(said("src/orders/mod.rs", text, &list), [""; 0]);
        assert_eq!(said("src/orders/mod.rs", "", &list), ["unused exception: orders, sessions"]);
    }

    #[test]
    fn on_another_name_for_the_crate() {
        let root = "src/orders/store.rs:1: orders imports the crate's root";
        for text in
            ["use crate as root;", "use crate::{self as root};", "use super::super as root;"]
        {
            assert_eq!(said("src/orders/store.rs", text, &[]), [root], "{text}");
        }
        let all = "src/orders/store.rs:1: crate::* is no room";
        assert_eq!(said("src/orders/store.rs", "use super::super::*;", &[]), [all]);
    }

    #[test]
    fn on_rooms_that_a_narrow_room_must_not_know() {
        let said = said("src/config/mod.rs", "use crate::{base::x, orders::y};", &[]);
        assert_eq!(said, ["src/config/mod.rs:1: config must not know orders"]);
    }

    #[test]
    fn on_a_path_that_is_no_room() {
        let said = said("src/orders/mod.rs", "use crate::{toopup::x, uuid_id};", &[]);
        assert_eq!(said, ["src/orders/mod.rs:1: crate::toopup is no room"]);
    }

    #[test]
    fn not_on_arrows_down_own_paths_comments_and_tests() {
        let text = "
            //! As [`crate::topup::x`] does.
            use crate::{base::db::Db, ledger::post, topup::own};
            use super::{start, x::y};
            /// See [`crate::wiring`].
            fn f() { self::g(); crate::topup::g(); \"crate\"; }
            #[cfg(test)] use crate::wiring::x;
            #[cfg(test)] mod tests { use crate::wiring::x; }
            impl X { #[cfg(test)] fn f() { crate::wiring::x() } }";
        assert_eq!(said("src/topup/http.rs", text, &[]), [""; 0]);
        assert_eq!(said("src/main.rs", "fn main() { onecard::base::x() }", &[]), [""; 0]);
    }

    #[test]
    fn on_a_room_without_a_floor() {
        let attic = parse("src/attic/mod.rs", "").unwrap();
        let complaints = without_floor(&[&attic], &[]);
        assert_eq!(complaints[0], "attic has no floor");
        assert_eq!(complaints[1], "base has a floor and does not exist");
    }
}
