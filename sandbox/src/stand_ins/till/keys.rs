//! Keys of the demo schools' tills.

use std::fmt;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signer, SigningKey};
use rsa::rand_core::OsRng;

use crate::crypto::CryptoError;
use crate::keys::{Folder, KeyError};

/// Below the folder of the keys: `{school}.key` and, for its registration, `{school}.pem`.
pub const TILLS_FOLDER: &str = "tills";
/// The id of each school's till.
pub const TILL_ID: &str = "T1";

const SCHOOLS: [&str; 5] = ["csmzxy", "hbgyzy", "xnec", "ynart", "yncjxy"];

/// The key of a till, with its school and id.
#[derive(Clone)]
pub struct TillKey {
    pub school: String,
    pub id: String,
    key: SigningKey,
}

impl fmt::Debug for TillKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TillKey").field(&self.key_id()).finish()
    }
}

impl TillKey {
    /// From a PKCS#8 PEM.
    pub fn from_pem(school: &str, id: &str, pem: &str) -> Result<Self, CryptoError> {
        let key = SigningKey::from_pkcs8_pem(pem).map_err(CryptoError::TillKey)?;
        Ok(Self { school: school.to_owned(), id: id.to_owned(), key })
    }

    /// `SCHOOL/ID`.
    pub fn key_id(&self) -> String {
        format!("{}/{}", self.school, self.id)
    }

    /// The public half, SPKI in PEM.
    pub fn public_pem(&self) -> Result<String, CryptoError> {
        let public = self.key.verifying_key().to_public_key_pem(LineEnding::LF);
        public.map_err(rsa::pkcs8::Error::from).map_err(CryptoError::TillKey)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// Generates the keys of a terminal of each school that are missing, and reads all.
    pub(crate) fn generate_all(
        dir: &Path,
        (folder, id): (&str, &str),
    ) -> Result<Vec<Self>, KeyError> {
        let folder = Folder::open(dir.join(folder))?;
        let till = |school: &str| {
            let text = folder.read_or_generate(&format!("{school}.key"), || {
                let pem = SigningKey::generate(&mut OsRng).to_pkcs8_pem(LineEnding::LF);
                Ok(pem.map_err(CryptoError::TillKey)?.to_string())
            })?;
            let key = Self::from_pem(school, id, &text)?;
            folder.write(&format!("{school}.pem"), &key.public_pem()?)?;
            Ok(key)
        };
        SCHOOLS.into_iter().map(till).collect()
    }
}
