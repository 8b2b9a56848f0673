//! The credentials of a mini-program.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chance;

#[derive(Clone, Serialize, Deserialize)]
pub struct WechatCredentials {
    pub app_id: String,
    pub app_secret: String,
}

impl WechatCredentials {
    pub(crate) fn generate() -> Self {
        Self {
            app_id: format!("wx{}", chance::hex_digits(16)),
            app_secret: format!("sandbox{}", chance::hex_digits(25)),
        }
    }
}

impl fmt::Debug for WechatCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WechatCredentials").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}
