//! The sources of the repository, parsed once for all checks.

use crate::{parse::parse, source::Source};
use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Folders with production code, and the packages of the tests.
const FOLDERS: [&str; 6] =
    ["entity/src", "migration/src", "sandbox/src", "src", "testkit/src", "tidy/src"];

static TREE: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let sources = FOLDERS.iter().flat_map(|folder| files(&root().join(folder))).map(|file| {
        let path = file.strip_prefix(root()).unwrap().to_str().unwrap();
        parse(path, &fs::read_to_string(&file).unwrap()).unwrap_or_else(|e| panic!("{path}: {e}"))
    });
    without_test_modules(sources.collect())
});

/// Every source file that is not compiled for tests only.
pub fn tree() -> &'static [Source] {
    &TREE
}

/// The server's own sources.
pub fn server() -> Vec<&'static Source> {
    tree().iter().filter(|source| source.path.starts_with("src/")).collect()
}

pub fn root() -> PathBuf {
    Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Leaves out the files of modules that are declared under `#[cfg(test)]`.
fn without_test_modules(sources: Vec<Source>) -> Vec<Source> {
    let tests: Vec<String> = sources.iter().flat_map(test_files).collect();
    let is_test = |path: &str| {
        tests.iter().any(|test| {
            path.strip_prefix(test.as_str())
                .is_some_and(|rest| matches!(rest.chars().next(), Some('/' | '.')))
        })
    };
    sources.into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// Where the test modules of a file are: paths without the extension.
fn test_files(source: &Source) -> Vec<String> {
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let base = match source.stem() {
        "mod" | "lib" | "main" => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    };
    source.test_modules.iter().map(|module| format!("{base}/{}", module.join("/"))).collect()
}

#[test]
fn files_of_test_modules_are_left_out() {
    let parsed = |path, text| parse(path, text).unwrap();
    let sources = vec![
        parsed("src/orders/mod.rs", "mod order; #[cfg(test)] mod tests;"),
        parsed("src/orders/order.rs", "#[cfg(test)] mod tests;"),
        parsed("src/orders/tests.rs", ""),
        parsed("src/orders/order/tests.rs", ""),
        parsed("src/orders/order/tests/deep.rs", ""),
        parsed("src/orders/tests_of_terms.rs", ""),
    ];
    let left = without_test_modules(sources);
    let left: Vec<_> = left.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(left, ["src/orders/mod.rs", "src/orders/order.rs", "src/orders/tests_of_terms.rs"]);
}
