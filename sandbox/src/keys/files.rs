//! Files that only their owner may read, written atomically.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::KeyError;
use crate::chance;

pub(super) fn create_folder(dir: &Path) -> Result<(), KeyError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at(dir))
}

/// The text of the file; first written from `make` if it is missing.
pub(super) fn read_or_create(
    path: &Path,
    make: impl FnOnce() -> Result<String, KeyError>,
) -> Result<String, KeyError> {
    match fs::read_to_string(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => write_new(path, &make()?)?,
        Err(other) => return Err(at(path)(other)),
        Ok(text) => return Ok(text),
    }
    // Read back: another process may have written the file first, and then its text counts.
    fs::read_to_string(path).map_err(at(path))
}

/// Writes the file with mode 0600, unless it is already there.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), KeyError> {
    let draft = path.with_extension(format!("draft-{}", chance::hex_digits(16)));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(at(&draft))?;
    file.write_all(text.as_bytes()).map_err(at(&draft))?;
    // Unlike a rename, a hard link never replaces an existing file.
    let linked = match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    fs::remove_file(&draft).map_err(at(&draft))?;
    linked.map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path, source }
}
