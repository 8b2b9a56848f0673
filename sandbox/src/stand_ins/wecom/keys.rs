//! The application that onecard signs members of staff in by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chance;
use crate::keys::THROWAWAY_MARK;

/// Beside `credentials.json`.
pub const WECOM_FILE: &str = "wecom.json";

/// The content of `wecom.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WecomFile {
    /// Always the mark of throwaway keys.
    pub throwaway: String,
    pub wecom: WecomCredentials,
}

/// Under onecard's own configuration names.
#[derive(Clone, Serialize, Deserialize)]
pub struct WecomCredentials {
    pub corp_id: String,
    pub agent_id: String,
    pub secret: String,
}

impl WecomFile {
    pub(crate) fn generate() -> Self {
        let wecom = WecomCredentials {
            corp_id: format!("ww{}", chance::hex_digits(16)),
            agent_id: format!("1{}", chance::digits(6)),
            secret: format!("sandbox{}", chance::alphanumeric(36)),
        };
        Self { throwaway: THROWAWAY_MARK.to_owned(), wecom }
    }
}

impl fmt::Debug for WecomCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WecomCredentials").field("corp_id", &self.corp_id).finish_non_exhaustive()
    }
}
