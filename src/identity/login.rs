//! What onecard asks of a mini-program platform: who is behind a login code.

use crate::sessions::PlatformUser;
use async_trait::async_trait;
use std::{collections::HashMap, sync::Arc};

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

/// The mini-programs of one platform: one for all schools, and those of single schools.
#[derive(Clone, Debug, Default)]
pub struct Apps {
    /// For who names none.
    pub general: Option<Arc<dyn MiniProgramLogin>>,
    /// By app id, the general one too.
    pub by_id: HashMap<String, Arc<dyn MiniProgramLogin>>,
}

impl Apps {
    /// The login of that app, or of the general one.
    pub fn of(&self, app_id: Option<&str>) -> Option<&Arc<dyn MiniProgramLogin>> {
        match app_id {
            Some(app_id) => self.by_id.get(app_id),
            None => self.general.as_ref(),
        }
    }
}
