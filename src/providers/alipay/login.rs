//! Sign-in: `alipay.system.oauth.token`, which exchanges a code for the user who got it.
//!
//! The access token in the answer is not read: nothing is done in the user's name.

use super::{
    answer::Failure,
    client::{OpenApi, Outcome},
    phone::{self, PhoneAnswer},
    wire,
};
use crate::{
    base::clock::Clock,
    identity::login::{LoginError, MiniProgramLogin, PhoneError, ToldPhone},
    payments::gateway::GatewayError,
    sessions::{Platform, PlatformUser, UserIds},
};
use async_trait::async_trait;
use serde::Deserialize;
use std::sync::Arc;

/// The longest id of a user, in characters.
const ID_MAX_CHARS: usize = 128;

/// Alipay's login for one mini-program.
#[derive(Debug)]
pub struct AlipayLogin {
    api: Arc<OpenApi>,
    clock: Arc<dyn Clock>,
}

/// The fields of the answer that are used. An application that was moved to open ids gets no user
/// id.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    open_id: String,
}

impl AlipayLogin {
    pub(super) fn new(api: Arc<OpenApi>, clock: Arc<dyn Clock>) -> Self {
        Self { api, clock }
    }

    fn user_of(&self, answer: &str) -> Option<PlatformUser> {
        let Token { user_id, open_id } = serde_json::from_str(answer).ok()?;
        let [open_id, user_id] = [open_id, user_id].map(|id| Some(id).filter(|id| !id.is_empty()));
        // A payer is named by the form of the id: neither may pass for the other.
        let fits = open_id.as_ref().is_none_or(|id| is_open_id(id))
            && user_id.as_ref().is_none_or(|id| wire::is_user_id(id));
        if !fits {
            return None;
        }
        Some(PlatformUser {
            platform: Platform::Alipay,
            app_id: self.api.app_id.clone(),
            ids: UserIds::new(open_id, user_id)?,
        })
    }
}

#[async_trait]
impl MiniProgramLogin for AlipayLogin {
    fn platform(&self) -> Platform {
        Platform::Alipay
    }

    fn app_id(&self) -> &str {
        &self.api.app_id
    }

    /// Never repeated: a code whose answer was lost may be used up.
    async fn exchange(&self, code: &str) -> Result<PlatformUser, LoginError> {
        match self.api.exchange_code(code, self.clock.now()).await {
            Ok(Outcome::Done(checked, _)) => self.user_of(checked.text()).ok_or_else(|| {
                tracing::warn!("Alipay login: success without a user");
                LoginError::Unavailable
            }),
            Ok(Outcome::Failed(failure)) => Err(refusal(failure)),
            Err(error) => Err(error_of(&error)),
        }
    }

    /// Nothing is asked: the client hands over what Alipay signed.
    async fn phone(&self, proof: &str) -> Result<ToldPhone, PhoneError> {
        match phone::read(proof, &self.api.trust, self.api.content_key.as_ref()) {
            Ok(PhoneAnswer::Number(number)) => phone::told(proof, &number),
            Ok(PhoneAnswer::NoNumber) => Err(PhoneError::NoNumber),
            Ok(PhoneAnswer::Refused { code }) => {
                tracing::error!(code, "Alipay: no phone number is given to this application");
                Err(PhoneError::Denied)
            }
            Err(reason) => {
                tracing::warn!(%reason, "Alipay: a phone number is not used");
                Err(PhoneError::ProofRefused)
            }
        }
    }
}

fn is_open_id(id: &str) -> bool {
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    plain && id.len() <= ID_MAX_CHARS && !wire::is_user_id(id)
}

/// Failures that neither the user nor the code causes count as unavailability.
fn refusal(failure: Failure) -> LoginError {
    let refused = ["isv.code-invalid", "isv.unmatched-app-id"].iter().any(|code| failure.is(code));
    if refused { LoginError::CodeRefused } else { error_of(&failure.into_error()) }
}

fn error_of(error: &GatewayError) -> LoginError {
    match error {
        GatewayError::Throttled { .. } => LoginError::Throttled,
        GatewayError::Refused { .. } | GatewayError::Unknown => LoginError::Unavailable,
    }
}
