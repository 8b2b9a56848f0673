//! What onecard asks of a mini-program platform: who is behind a login code.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A mini-program platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// WeChat.
    Wechat,
}

impl Platform {
    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
        }
    }
}

/// A user as the platform names it. The platform's session key is dropped on arrival: nothing here
/// needs it, and what is not kept cannot leak.
#[derive(Clone, PartialEq, Eq)]
pub struct PlatformUser {
    /// The platform.
    pub platform: Platform,
    /// The mini-program the user came through; `openid` is valid for this app id only.
    pub app_id: String,
    /// The platform's id of the user within the app.
    pub openid: String,
}

/// An openid is personal data: it does not print.
impl std::fmt::Debug for PlatformUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlatformUser")
            .field("platform", &self.platform)
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// Why a login code led to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Unknown, used or expired: the client gets a new one and tries again.
    #[error("login code refused")]
    CodeRefused,
    /// The platform blocks this user. Final.
    #[error("user blocked by the platform")]
    Blocked,
    /// Too many logins of this user.
    #[error("too many logins")]
    Throttled,
    /// No usable answer. The code may be spent: it is never sent twice.
    #[error("platform not reachable or not understood")]
    Unavailable,
}

/// A platform's login.
#[async_trait]
pub trait MiniProgramLogin: Send + Sync + std::fmt::Debug {
    /// Exchanges a single-use code for the user behind it.
    async fn exchange(&self, code: &str) -> Result<PlatformUser, LoginError>;
}
