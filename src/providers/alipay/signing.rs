//! The exact text that a request's signature covers.
//!
//! All functions are pure: time is an argument.

use crate::base::{
    clock::Timestamp,
    crypto::rsa::{PrivateKey, SigningFailed},
};
use std::collections::BTreeMap;

/// Parameters as they are encoded.
type Pairs = Vec<(String, String)>;

/// The parameters of a request by their names, as they are sent: sorted, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Those that every request has.
    pub fn common(app_id: &str, method: &str, now: Timestamp) -> Self {
        let mut parameters = Self::default();
        parameters.set("app_id", app_id);
        parameters.set("method", method);
        parameters.set("format", "JSON");
        parameters.set("charset", "utf-8");
        parameters.set("sign_type", "RSA2");
        parameters.set("timestamp", &super::wire::beijing(now));
        parameters.set("version", "1.0");
        parameters
    }

    /// Sets a parameter. An empty value is left out: it is neither signed nor sent.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The text that is signed: all parameters in the order of their names, with raw values.
    /// Unlike in notifications, `sign_type` is one of them.
    pub fn string_to_sign(&self) -> String {
        let signed = self.0.iter().filter(|(name, _)| *name != "sign");
        let pairs: Vec<String> = signed.map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    /// Signs all parameters, and adds `sign`.
    pub fn sign(&mut self, key: &PrivateKey) -> Result<(), SigningFailed> {
        let signature = key.sign(self.string_to_sign().as_bytes())?;
        self.set("sign", &signature);
        Ok(())
    }

    /// Those with these names, and the rest: what goes into the body, and what into the query.
    pub(super) fn split(self, names: &[&str]) -> (Pairs, Pairs) {
        self.0.into_iter().partition(|(name, _)| names.contains(&name.as_str()))
    }
}
