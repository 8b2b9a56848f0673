//! The tests from outside, in one binary: each links the whole server, which takes longer than most
//! tests run. Only the crate `tidy` is apart: it links nothing of the server.
//!
//! `ONECARD_LONG=1` runs the random and fault tests as often as their bounds are stated for;
//! `ONECARD_SEED` repeats a run whose seed was printed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

mod access;
mod alipay_logs;
mod alipay_vectors;
mod authority;
mod cardlife;
mod codes;
mod config;
mod console;
mod demo;
mod events;
mod identity;
mod journey_money;
mod keyring;
mod kv_contract;
mod ledger;
mod messages;
mod outbox;
mod passcode;
mod reconciliation;
mod roster_imports;
mod schools;
mod shell_cli;
mod shell_http;
mod spend;
mod staff;
mod stored_files;
mod terminals;
mod wechat_logs;
mod wechat_pay_vectors;

use std::path::Path;

/// The program, as Cargo built it for these tests.
const ONECARD: &str = env!("CARGO_BIN_EXE_onecard");

/// A file that no `mod` line names would be left out silently.
#[test]
fn every_file_is_compiled() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let own_targets = ["main.rs"];
    assert_modules(&tests, "main.rs", &own_targets);
}

fn assert_modules(folder: &Path, root: &str, others: &[&str]) {
    let declared = std::fs::read_to_string(folder.join(root)).unwrap();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == root || others.contains(&name) {
            continue;
        }
        if path.is_dir() && name != "fixtures" {
            assert_modules(&path, "mod.rs", &[]);
        } else if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let line = format!("mod {};", name.trim_end_matches(".rs"));
        let is_declared =
            declared.lines().any(|declared| declared.trim_start_matches("pub ") == line);
        assert!(is_declared, "{line} is missing beside {}", path.display());
    }
}
