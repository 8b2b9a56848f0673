//! Mini-program platforms: what one must be able to do, and which are configured.

use crate::sessions::{Platform, PlatformUser};
use async_trait::async_trait;
use std::{collections::HashMap, sync::Arc};

/// Why a login code could not be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Unknown, used or expired: the client gets a new code and tries again.
    #[error("login code refused")]
    CodeRefused,
    /// The platform blocks this user. Final.
    #[error("user blocked by the platform")]
    Blocked,
    /// Too many logins of this user.
    #[error("too many logins")]
    Throttled,
    /// No usable answer. The code may be spent, so it is never sent twice.
    #[error("platform not reachable or not understood")]
    Unavailable,
}

/// The login of one mini-program.
#[async_trait]
pub trait MiniProgramLogin: Send + Sync + std::fmt::Debug {
    /// The platform that it belongs to.
    fn platform(&self) -> Platform;

    /// The mini-program's app id.
    fn app_id(&self) -> &str;

    /// Exchanges a single-use code for the user who got it.
    async fn exchange(&self, code: &str) -> Result<PlatformUser, LoginError>;
}

/// The mini-programs of a deployment: for each platform one of all schools, and those of single
/// schools.
#[derive(Clone, Debug, Default)]
pub struct Apps {
    general: HashMap<Platform, Arc<dyn MiniProgramLogin>>,
    by_id: HashMap<(Platform, String), Arc<dyn MiniProgramLogin>>,
}

impl Apps {
    /// Adds the mini-program of all schools.
    pub fn add_general(&mut self, login: Arc<dyn MiniProgramLogin>) {
        self.general.insert(login.platform(), Arc::clone(&login));
        self.add(login);
    }

    /// Adds the mini-program of a single school.
    pub fn add(&mut self, login: Arc<dyn MiniProgramLogin>) {
        self.by_id.insert((login.platform(), login.app_id().to_owned()), login);
    }

    /// The mini-program of that app id, or the one of all schools.
    pub fn of(
        &self,
        platform: Platform,
        app_id: Option<&str>,
    ) -> Option<&Arc<dyn MiniProgramLogin>> {
        match app_id {
            Some(app_id) => self.by_id.get(&(platform, app_id.to_owned())),
            None => self.general.get(&platform),
        }
    }
}
