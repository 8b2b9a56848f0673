//! Merges the file and the variables of the environment into one table of raw values.

use super::{error::ConfigError, section::Table};
use ::config::{Config as Layers, Environment as Variables, File, FileFormat, Source};
use std::{io::Read, path::Path};

const PREFIX: &str = "ONECARD";
const SEPARATOR: &str = "__";
/// The origin that the `config` crate gives to values of variables.
const VARIABLES_ORIGIN: &str = "the environment";
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The variables of this process that begin with `ONECARD__`.
pub fn process_variables() -> impl Iterator<Item = (String, String)> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(move |(name, value)| (text(name), text(value)))
        .filter(|(name, _)| is_ours(name))
}

/// The file's values with those of the variables laid over them.
pub(super) fn table(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Table, ConfigError> {
    let mut layers = Layers::builder();
    if let Some(path) = file {
        layers = layers.add_source(File::from_str(&read_toml(path)?, FileFormat::Toml));
    }
    let variables = Variables::with_prefix(PREFIX)
        .separator(SEPARATOR)
        .source(Some(env.filter(|(name, _)| is_ours(name)).collect()));
    layers
        .add_source(variables)
        .build()
        .and_then(|merged| merged.collect())
        .map_err(|_| ConfigError::one(PREFIX, "file and variables do not fit together"))
}

/// True for a value from a variable. All of these are texts.
pub(super) fn is_from_variable(value: &::config::Value) -> bool {
    value.origin() == Some(VARIABLES_ORIGIN)
}

fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

/// Reads a file and checks that it is TOML. The message names the line without its text, which may
/// be a secret.
fn read_toml(path: &Path) -> Result<String, ConfigError> {
    let name = path.display().to_string();
    let text = read_bounded(path, MAX_FILE_BYTES)
        .map_err(|error| ConfigError::one(&name, format!("cannot be read: {error}")))?;
    if let Err(error) = toml::from_str::<toml::Table>(&text) {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        let message = format!("is not valid TOML at line {line}: {}", error.message());
        return Err(ConfigError::one(name, message));
    }
    Ok(text)
}

/// The text of a file of at most `limit` bytes.
pub(super) fn read_bounded(path: &Path, limit: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(limit.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= limit) {
        Ok(text)
    } else {
        Err(std::io::Error::other(format!("longer than {limit} bytes")))
    }
}
