//! Mini-program platforms: what one must be able to do, and which are configured.

use crate::sessions::{Platform, PlatformUser, phones::PlatformPhone};
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

/// A phone number that a platform told.
#[derive(Debug)]
pub struct ToldPhone {
    /// The number.
    pub number: PlatformPhone,
    /// A digest of what the platform gave to the client for it.
    pub proof: [u8; 32],
}

/// Why the platform did not tell a user's phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// What the client handed over is invalid, expired or used: the user taps again.
    #[error("proof of a phone number refused")]
    ProofRefused,
    /// The user has no phone number at the platform.
    #[error("no phone number")]
    NoNumber,
    /// The platform tells this app no phone numbers.
    #[error("the platform tells no phone number")]
    Denied,
    /// Too many calls.
    #[error("too many calls")]
    Throttled,
    /// No usable answer. What was handed over may be spent, so it is never sent twice.
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

    /// The phone number of the user who tapped the platform's button, from what the client got by it.
    async fn phone(&self, proof: &str) -> Result<ToldPhone, PhoneError>;
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
