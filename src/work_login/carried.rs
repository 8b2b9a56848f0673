//! What a browser carries between the messenger and the second factor, sealed.

use crate::base::{
    clock::Timestamp,
    crypto::seal::{Aad, Sealer},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const AAD: Aad = Aad { table: "work_login", column: "carried", row: Uuid::nil() };

/// Where somebody is on the way.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// At the messenger, which brings this back.
    Away { state: String },
    /// Back: the messenger has said who it is.
    Known { login: Uuid, work_id: String },
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Carried {
    pub(super) school: String,
    pub(super) next: String,
    /// In microseconds; good before.
    pub(super) until: i64,
    pub(super) stage: Stage,
}

impl Carried {
    pub(super) fn sealed(&self, sealer: &Sealer) -> Option<String> {
        let text = serde_json::to_vec(self).ok()?;
        Some(URL_SAFE_NO_PAD.encode(sealer.seal(&text, &AAD).ok()?))
    }

    /// `None` where it is not of ours, or too old.
    pub(super) fn opened(text: &str, sealer: &Sealer, now: Timestamp) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = sealer.open(&bytes, &AAD).ok()?;
        let carried: Self = serde_json::from_slice(&plain).ok()?;
        (now < Timestamp::from_micros(carried.until)).then_some(carried)
    }
}
