//! Key and certificate files.

use super::{Environment, section::Section, source::read_bounded};
use std::path::Path;

const MAX_PEM_BYTES: u64 = 64 * 1024;
/// Stands in every key file that was made for the sandbox.
const THROWAWAY: &str = "THROWAWAY SANDBOX";
/// How the texts of throwaway secrets and the ids of throwaway keys begin.
const THROWAWAY_PREFIX: &str = "sandbox";
const REFUSED: &str = "is a sandbox key, refused in production";

/// What a PEM file must hold.
#[derive(Clone, Copy)]
pub(super) enum Pem {
    PrivateKey,
    PublicKey,
    Certificate,
}

impl Pem {
    const fn wanted(self) -> &'static str {
        match self {
            Self::PrivateKey => "the path of a PEM file with a private key",
            Self::PublicKey => "the path of a PEM file with a public key",
            Self::Certificate => "the path of a PEM file with a certificate",
        }
    }

    const fn marker(self) -> &'static str {
        match self {
            Self::PrivateKey => "PRIVATE KEY-----",
            Self::PublicKey => "-----BEGIN PUBLIC KEY-----",
            Self::Certificate => "-----BEGIN CERTIFICATE-----",
        }
    }

    fn read(self, path: &Path, environment: Environment) -> Result<String, String> {
        let text = read_bounded(path, MAX_PEM_BYTES)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        if !text.contains(self.marker()) {
            return Err(format!("must be {}", self.wanted()));
        }
        if environment == Environment::Production && text.contains(THROWAWAY) {
            return Err(REFUSED.to_owned());
        }
        Ok(text)
    }
}

/// The text of the PEM file that `name` points to, which must be there.
pub(super) fn pem(section: &mut Section<'_>, name: &str, kind: Pem) -> Option<String> {
    let (key, path) = section.required_text(name, kind.wanted())?;
    read(section, &key, kind, &path)
}

/// The texts of the PEM files that the list `name` points to.
pub(super) fn pems(section: &mut Section<'_>, name: &str, kind: Pem) -> Vec<String> {
    let paths = section.texts(name).unwrap_or_default();
    let texts = paths.into_iter();
    texts.filter_map(|(key, path)| read(section, &key, kind, &path)).collect()
}

fn read(section: &Section<'_>, key: &str, kind: Pem, path: &str) -> Option<String> {
    kind.read(Path::new(path), section.environment())
        .map_err(|message| section.report(key, message))
        .ok()
}

/// Reports a secret, or the id of a key, that was made for the sandbox.
pub(super) fn refuse_throwaway(section: &Section<'_>, key: &str, text: &str) {
    let production = section.environment() == Environment::Production;
    if production && text.starts_with(THROWAWAY_PREFIX) {
        section.report(key, REFUSED);
    }
}
