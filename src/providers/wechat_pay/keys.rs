//! WeChat Pay's keys, by the serials that messages name them with.

use crate::base::crypto::rsa::PublicKey;
use std::collections::BTreeMap;

/// WeChat's keys by the serial that messages name them with: `PUB_KEY_ID_` and digits, or the hex
/// serial of a platform certificate. Serials are compared as texts, whatever their case.
#[derive(Debug)]
pub struct KeyRing(BTreeMap<String, PublicKey>);

impl KeyRing {
    /// A ring of these serials and keys.
    pub fn new(keys: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        let keys = keys.into_iter();
        Self(keys.map(|(serial, key)| (serial.to_ascii_lowercase(), key)).collect())
    }

    /// The key of `serial`, if there is one.
    pub fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.0.get(&serial.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::wechat_pay::testing::keys;

    #[test]
    fn serials_are_found_whatever_their_case() {
        let key = PublicKey::from_spki_pem(&keys().wechat_public_pem).unwrap();
        let ring = KeyRing::new([("5A0B02".to_owned(), key)]);
        assert!(ring.get("5a0b02").is_some());
        assert!(ring.get("5A0B02").is_some());
        assert!(ring.get("5A0B03").is_none());
        assert!(ring.get("").is_none());
    }
}
