//! Schools, policies and rosters, on both databases.

mod api;
mod imports;
mod manuals;
mod policies;
pub mod rosters;
mod versions;

use onecard::base::clock::Timestamp;
use std::path::{Path, PathBuf};

/// 2026-11-21, about noon.
const NOW: Timestamp = Timestamp::from_seconds(1_795_233_600);

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn xnec() -> String {
    std::fs::read_to_string(repository("schools/xnec.toml")).unwrap()
}
