//! Signs by a library of another language: the Python package http-message-signatures, which
//! `scripts/install.sh test` installs beside the build.

use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The interpreter that has the package; `None`, said loudly, where it is not installed.
pub fn python() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = beside.join("test-python/bin/python");
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing: run scripts/install.sh test", python.display());
    eprintln!("SKIPPED: {} is missing: scripts/install.sh test", python.display());
    None
}

/// The header fields of each job.
pub fn sign(python: &Path, jobs: &[Value]) -> Vec<Vec<(String, String)>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminals/sign.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for job in jobs {
        writeln!(input, "{job}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let fields = |line: &str| {
        let fields: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        let fields = fields.into_iter();
        fields.map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect()
    };
    String::from_utf8(output.stdout).unwrap().lines().map(fields).collect()
}
