//! Who sees rows, the web framework, providers and the sandbox.

use crate::{
    arrows::{floor_of, used},
    exceptions::{Exception, Exceptions},
    source::Source,
};
use std::{collections::BTreeSet, fs};

/// The floor of the rooms that put everything together.
const WIRING: usize = 6;

/// What other places may name.
const OTHERS: &[Exception] = &[];

/// Complaints about names that only stores, HTTP files or the wiring may use.
fn complaints(sources: &[&Source], others: &[Exception]) -> Vec<String> {
    let mut others = Exceptions::new(others);
    let mut complaints = BTreeSet::new();
    let mut complain = |source: &Source, line: usize, what: &str, rule: &str| {
        if !others.allow(&source.path, what) {
            complaints.insert(format!("{}:{line}: {what}: {rule}", source.path));
        }
    };
    for source in sources {
        let Some(room) = source.room() else { continue };
        let stores = source.is_store() || source.path.starts_with("src/base/db/");
        let door = ["http", "callback", "guard"].contains(&source.stem())
            || source.is_in("http")
            || source.is_in("callback")
            || floor_of(room) == Some(WIRING);
        for mention in &source.mentions {
            match mention.path[0].as_str() {
                rows @ ("entity" | "sea_orm") if !stores => {
                    complain(source, mention.line, rows, "only stores see rows");
                }
                web if web.starts_with("actix") && !door => {
                    complain(source, mention.line, web, "only http.rs and callback.rs see actix");
                }
                "sandbox" => {
                    complain(source, mention.line, "sandbox", "production does not know it");
                }
                _ => {}
            }
        }
        for (_, line) in used(source).filter(|(used, _)| *used == "providers") {
            if !["providers", "wiring"].contains(&room) {
                complain(source, line, "providers", "only the wiring names providers");
            }
        }
    }
    complaints.into_iter().chain(others.complaints()).collect()
}

#[test]
fn rows_actix_and_providers_stay_where_they_belong() {
    let complaints = complaints(&crate::tree::server(), OTHERS);
    assert!(complaints.is_empty(), "seams:\n{}", complaints.join("\n"));
}

#[test]
fn the_sandbox_is_no_dependency_of_production() {
    let manifest = fs::read_to_string(crate::tree::root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("\n[dependencies]").nth(1).unwrap();
    assert!(!dependencies.split("\n[").next().unwrap().contains("sandbox"));
}

#[cfg(test)]
mod fails {
    use super::complaints;
    use crate::{exceptions::except, parse::parse};

    #[test]
    fn on_names_in_the_wrong_place() {
        let cases = [
            ("src/spend/rules.rs", "use entity::{charge, person};", "entity: only stores see rows"),
            (
                "src/spend/rules.rs",
                "fn f(x: entity::charge::Model) {}",
                "entity: only stores see rows",
            ),
            ("src/spend/http.rs", "mod a { use sea_orm::Value; }", "sea_orm: only stores see rows"),
            (
                "src/spend/store.rs",
                "use {std::fmt, actix_web::{get, web}};",
                "actix_web: only http.rs and callback.rs see actix",
            ),
            (
                "src/spend/mod.rs",
                "#[actix_web::get(\"/x\")] async fn f() {}",
                "actix_web: only http.rs and callback.rs see actix",
            ),
            (
                "src/cli/mod.rs",
                "use crate::{app, providers::wechat_pay::X};",
                "providers: only the wiring names providers",
            ),
            ("src/wiring/mod.rs", "use sandbox::App;", "sandbox: production does not know it"),
        ];
        for (path, text, expected) in cases {
            let said = complaints(&[&parse(path, text).unwrap()], &[]);
            assert_eq!(said, [format!("{path}:1: {expected}")], "{text}");
        }
    }

    #[test]
    fn not_on_names_in_their_place() {
        let cases = [
            ("src/spend/store.rs", "use entity::charge; use sea_orm::Value;"),
            ("src/ledger/store/read.rs", "use sea_orm::Value;"),
            ("src/base/db/mod.rs", "use sea_orm::Value;"),
            ("src/identity/http/me.rs", "use actix_web::get;"),
            ("src/terminals/guard.rs", "use actix_web::web;"),
            ("src/routes/docs.rs", "use actix_web::web;"),
            ("src/wiring/mod.rs", "use crate::providers::wechat_pay::X;"),
        ];
        for (path, text) in cases {
            assert_eq!(complaints(&[&parse(path, text).unwrap()], &[]), [""; 0], "{path}");
        }
    }

    #[test]
    fn on_an_exception_that_nothing_needs() {
        let list = [except("src/app.rs", &["providers"], "why")];
        let needed = parse("src/app.rs", "use crate::providers::X;").unwrap();
        assert_eq!(complaints(&[&needed], &list), [""; 0]);
        let not = parse("src/app.rs", "").unwrap();
        assert_eq!(complaints(&[&not], &list), ["unused exception: src/app.rs, providers"]);
    }
}
