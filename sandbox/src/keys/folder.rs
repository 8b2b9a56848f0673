//! A folder of keys and credentials, filled where something is missing.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::files::{self, read_or_create, write_new};
use super::{KeyError, THROWAWAY_MARK};
use crate::crypto::SignatureKey;

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: PathBuf) -> Result<Self, KeyError> {
        files::create_folder(&path)?;
        Ok(Self(path))
    }

    /// The credentials in a JSON file; first written from `generate` if the file is missing.
    pub(crate) fn credentials<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        generate: impl FnOnce() -> T,
    ) -> Result<T, KeyError> {
        let path = self.at(name);
        let text = read_or_create(&path, || Ok(format!("{:#}\n", serde_json::json!(generate()))))?;
        serde_json::from_str(&text).map_err(|source| KeyError::Json { path, source })
    }

    /// An RSA key; first generated if the file is missing.
    pub(crate) fn private_key(&self, name: &str) -> Result<SignatureKey, KeyError> {
        let text = self.read_or_generate(name, || Ok(SignatureKey::generate()?.private_pem()?))?;
        Ok(SignatureKey::from_pem(&text)?)
    }

    /// The PEM text of a file; first written from `generate` if the file is missing.
    pub(crate) fn read_or_generate(
        &self,
        name: &str,
        generate: impl FnOnce() -> Result<String, KeyError>,
    ) -> Result<String, KeyError> {
        read_or_create(&self.at(name), || Ok(marked(&generate()?)))
    }

    /// Writes a PEM text, unless the file is already there.
    pub(crate) fn write(&self, name: &str, pem: &str) -> Result<(), KeyError> {
        write_new(&self.at(name), &marked(pem))
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::join(&self.0, name)
    }
}

/// RFC 7468 allows text before the first boundary line; parsers skip it.
fn marked(pem: &str) -> String {
    format!("{THROWAWAY_MARK}\n{pem}")
}
