//! WeChat Pay's keys, by the serials that messages refer to.

use super::certificate::PlatformCertificate;
use crate::base::{clock::Timestamp, crypto::rsa::PublicKey};
use std::collections::BTreeMap;

/// The trusted keys: public keys under `PUB_KEY_ID_` and digits, and platform certificates under
/// their hex serials. Serials are compared case-insensitively.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(BTreeMap<String, Key>);

#[derive(Clone, Debug)]
enum Key {
    /// A public key, which does not expire.
    Public(PublicKey),
    Certificate(PlatformCertificate),
}

impl Key {
    fn valid(&self, now: Timestamp) -> Option<&PublicKey> {
        match self {
            Self::Public(key) => Some(key),
            Self::Certificate(certificate) => certificate.is_valid(now).then(|| certificate.key()),
        }
    }
}

impl TrustedKeys {
    /// Adds a public key.
    #[must_use]
    pub fn with_public_key(mut self, id: &str, key: PublicKey) -> Self {
        self.0.insert(id.to_ascii_lowercase(), Key::Public(key));
        self
    }

    /// Adds certificates. They never replace an existing key.
    #[must_use]
    pub fn with_certificates(
        mut self,
        certificates: impl IntoIterator<Item = PlatformCertificate>,
    ) -> Self {
        for certificate in certificates {
            let serial = certificate.serial().to_ascii_lowercase();
            self.0.entry(serial).or_insert(Key::Certificate(certificate));
        }
        self
    }

    /// The key with this serial, if it exists and is valid now.
    pub fn get(&self, serial: &str, now: Timestamp) -> Option<&PublicKey> {
        self.0.get(&serial.to_ascii_lowercase())?.valid(now)
    }

    /// True if no key is valid now.
    pub fn is_blind(&self, now: Timestamp) -> bool {
        self.0.values().all(|key| key.valid(now).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::wechat_pay::testing::{self, NOW, keys};

    fn certificate(name: &str) -> PlatformCertificate {
        PlatformCertificate::from_pem(testing::certificate(name).as_bytes()).unwrap()
    }

    fn public_key() -> PublicKey {
        PublicKey::from_spki_pem(&keys().wechat_public_pem).unwrap()
    }

    #[test]
    fn serials_are_found_whatever_their_case() {
        let ring = TrustedKeys::default().with_public_key("PUB_KEY_ID_01", public_key());
        assert!(ring.get("pub_key_id_01", NOW).is_some());
        assert!(ring.get("PUB_KEY_ID_01", NOW).is_some());
        assert!(ring.get("PUB_KEY_ID_02", NOW).is_none());
        assert!(ring.get("", NOW).is_none());
    }

    #[test]
    fn a_certificate_counts_from_its_first_to_its_last_day_only() {
        let expired = certificate("expired");
        let serial = expired.serial().to_owned();
        let ring = TrustedKeys::default().with_certificates([expired]);
        let before = Timestamp::parse_rfc3339("2021-01-01T00:00:00Z").unwrap();
        assert!(ring.get(&serial, before).is_some() && !ring.is_blind(before));
        assert!(ring.get(&serial, NOW).is_none() && ring.is_blind(NOW));
        assert!(TrustedKeys::default().is_blind(NOW));
        assert!(!ring.with_certificates([certificate("rotated")]).is_blind(NOW));
    }

    #[test]
    fn no_certificate_takes_the_place_of_a_key() {
        let rotated = certificate("rotated");
        let serial = rotated.serial().to_owned();
        let ring = TrustedKeys::default().with_public_key(&serial, public_key());
        let ring = ring.with_certificates([rotated]);
        assert!(matches!(ring.0.values().next(), Some(Key::Public(_))));
        assert_eq!(ring.0.len(), 1);
    }
}
