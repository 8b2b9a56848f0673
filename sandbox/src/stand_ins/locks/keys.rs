//! The key that onecard shares with the adapter.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chance;
use crate::keys::THROWAWAY_MARK;

/// Beside `credentials.json`.
pub const LOCKS_FILE: &str = "locks.json";

/// The content of `locks.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LocksFile {
    /// Always the mark of throwaway keys.
    pub throwaway: String,
    pub locks: LockCredentials,
}

/// Under onecard's own configuration names.
#[derive(Clone, Serialize, Deserialize)]
pub struct LockCredentials {
    pub key_id: String,
    pub key_secret: String,
}

impl LocksFile {
    pub(crate) fn generate() -> Self {
        let locks = LockCredentials {
            key_id: format!("sandbox-{}", chance::hex_digits(8)),
            key_secret: format!("sandbox{}", chance::hex_digits(57)),
        };
        Self { throwaway: THROWAWAY_MARK.to_owned(), locks }
    }
}

impl fmt::Debug for LockCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockCredentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
