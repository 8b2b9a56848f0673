//! Key and certificate files.

use super::{
    Environment,
    section::{Section, Setting},
    source::read_bounded,
};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt::Display, path::Path};

const MAX_PEM_BYTES: u64 = 64 * 1024;
/// Every key file that was made for the sandbox contains this text.
const THROWAWAY: &str = "THROWAWAY SANDBOX";
/// Secrets and key ids that were made for the sandbox begin with this text.
const THROWAWAY_PREFIX: &str = "sandbox";
const REFUSED: &str = "is a sandbox key, refused in production";

/// What a PEM file must hold.
#[derive(Clone, Copy, Debug)]
pub enum Pem {
    /// A private key, PKCS#8.
    PrivateKey,
    /// A public key, SPKI.
    PublicKey,
    /// A private key in any form, also without PEM's first and last line.
    AnyPrivateKey,
    /// A public key, also without PEM's first and last line.
    AnyPublicKey,
    /// An X.509 certificate.
    Certificate,
}

impl Pem {
    const fn wanted(self) -> &'static str {
        match self {
            Self::PrivateKey => "the path of a PEM file with a private key",
            Self::PublicKey => "the path of a PEM file with a public key",
            Self::AnyPrivateKey => "the path of a file with a private key, PEM or base64",
            Self::AnyPublicKey => "the path of a file with a public key, PEM or base64",
            Self::Certificate => "the path of a PEM file with a certificate",
        }
    }

    /// What the file contains in any case; nothing where PEM is not required.
    const fn marker(self) -> &'static str {
        match self {
            Self::PrivateKey => "PRIVATE KEY-----",
            Self::PublicKey => "-----BEGIN PUBLIC KEY-----",
            Self::AnyPrivateKey | Self::AnyPublicKey => "",
            Self::Certificate => "-----BEGIN CERTIFICATE-----",
        }
    }

    fn read(self, path: &Path, environment: Environment) -> Result<SecretString, String> {
        let text = read_bounded(path, MAX_PEM_BYTES)
            .map(SecretString::from)
            // Without the path: whoever pastes a key in its place would find it in the log.
            .map_err(|error| format!("the file cannot be read: {error}"))?;
        if !text.expose_secret().contains(self.marker()) {
            return Err(format!("must be {}", self.wanted()));
        }
        if environment == Environment::Production && text.expose_secret().contains(THROWAWAY) {
            return Err(REFUSED.to_owned());
        }
        Ok(text)
    }
}

/// What `parse` makes of the PEM file that `name` points to, which must be there.
pub fn pem<T, E: Display>(
    section: &mut Section<'_>,
    name: &str,
    kind: Pem,
    parse: impl Fn(&SecretString) -> Result<T, E>,
) -> Option<Setting<T>> {
    let path = section.required_text(name, kind.wanted())?;
    read(section, path, kind, parse)
}

/// What `parse` makes of each PEM file that the list `name` points to.
pub fn pems<T, E: Display>(
    section: &mut Section<'_>,
    name: &str,
    kind: Pem,
    parse: impl Fn(&SecretString) -> Result<T, E>,
) -> Vec<Setting<T>> {
    let paths = section.texts(name).unwrap_or_default().into_iter();
    paths.filter_map(|path| read(section, path, kind, &parse)).collect()
}

fn read<T, E: Display>(
    section: &Section<'_>,
    path: Setting<String>,
    kind: Pem,
    parse: impl Fn(&SecretString) -> Result<T, E>,
) -> Option<Setting<T>> {
    let Setting { key, value: path } = path;
    let text = kind.read(Path::new(&path), section.environment());
    let parsed = text.and_then(|text| parse(&text).map_err(|error| error.to_string()));
    match parsed {
        Ok(value) => Some(Setting { key, value }),
        Err(message) => {
            section.report(&key, message);
            None
        }
    }
}

/// The secret `name`, which must be there and, in production, not be one of the sandbox.
pub fn secret(
    section: &mut Section<'_>,
    name: &str,
    wanted: &str,
) -> Option<Setting<SecretString>> {
    let Setting { key, value } = section.required_text(name, wanted)?;
    refuse_throwaway(section, &key, &value);
    Some(Setting { key, value: value.into() })
}

/// Reports a secret, or the id of a key, that was made for the sandbox, in production.
pub(super) fn refuse_throwaway(section: &Section<'_>, key: &str, text: &str) {
    let production = section.environment() == Environment::Production;
    if production && text.starts_with(THROWAWAY_PREFIX) {
        section.report(key, REFUSED);
    }
}
