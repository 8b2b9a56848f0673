//! Signing in, staying signed in, signing out.

use super::{BindingView, Identities, login::LoginError};
use crate::{
    base::{
        db::DbError,
        tokens::{BadToken, NoToken, RefreshSecret},
    },
    sessions::{self, Platform, Refreshed, SessionId, SignedIn},
};
use std::{sync::Arc, time::Duration};

/// The lifetime of an access token.
pub const ACCESS_LIFETIME: Duration = Duration::from_mins(15);

/// The tokens that a client gets when it signs in.
#[derive(Debug)]
pub struct Granted {
    /// For the `Authorization` header.
    pub access_token: String,
    /// How long it is valid.
    pub expires_in: Duration,
    /// Valid once, for the next pair.
    pub refresh_token: String,
    /// The binding of the identity.
    pub binding: Option<BindingView>,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// This deployment has no such login.
    #[error("no such login here")]
    NoSuchLogin,
    /// No mini-program of that app id.
    #[error("no such app here")]
    NoSuchApp,
    /// The platform.
    #[error(transparent)]
    Platform(#[from] LoginError),
    /// The token is invalid or no longer valid.
    #[error("invalid token")]
    BadToken,
    /// A token could not be made.
    #[error(transparent)]
    NoToken(#[from] NoToken),
    /// What is stored of the person could not be opened.
    #[error("personal data could not be opened")]
    Sealed,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Identities {
    /// Signs in the user who got this login code in that mini-program, or in the one of all schools.
    pub async fn sign_in_by_code(
        &self,
        platform: Platform,
        app_id: Option<&str>,
        code: &str,
    ) -> Result<Granted, SignInError> {
        let nowhere =
            if app_id.is_some() { SignInError::NoSuchApp } else { SignInError::NoSuchLogin };
        let app = self.apps.of(platform, app_id).ok_or(nowhere)?;
        let user = app.exchange(code).await?;
        let secret = RefreshSecret::random()?;
        let now = self.clock.now();
        let session = sessions::open(&self.db, &user, &secret.hash(), now).await?;
        self.grant(session, &secret).await
    }

    /// Exchanges a refresh token for a new pair. A token that was used before ends its session.
    pub async fn refresh(&self, token: &str) -> Result<Granted, SignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| SignInError::BadToken)?;
        let session = SessionId::from_uuid(session);
        let next = RefreshSecret::random()?;
        let now = self.clock.now();
        let refreshed =
            sessions::refresh(&self.db, session, &presented.hash(), &next.hash(), now).await?;
        match refreshed {
            Refreshed::Good => self.grant(session, &next).await,
            Refreshed::Reused => {
                tracing::warn!(%session, "a refresh token was used twice: session ended");
                self.live.invalidate(&session).await;
                Err(SignInError::BadToken)
            }
            Refreshed::Gone => Err(SignInError::BadToken),
        }
    }

    /// Ends the session of a refresh token. An invalid token ends nothing and is an error.
    pub async fn sign_out(&self, token: &str) -> Result<(), SignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| SignInError::BadToken)?;
        let session = SessionId::from_uuid(session);
        let now = self.clock.now();
        let refreshed = sessions::end(&self.db, session, &presented.hash(), now).await?;
        self.live.invalidate(&session).await;
        if refreshed == Refreshed::Good { Ok(()) } else { Err(SignInError::BadToken) }
    }

    /// The session of an access token, from a copy of its row that is at most a second old.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<SignedIn>, SignInError> {
        let now = self.clock.now();
        let id = self.tokens.session_of(token, now).map_err(|BadToken| SignInError::BadToken)?;
        let id = SessionId::from_uuid(id);
        if let Some(live) = self.live.get(&id).await {
            return Ok(live);
        }
        let found = sessions::find(&self.db, id, now).await?.ok_or(SignInError::BadToken)?;
        let live = Arc::new(found);
        self.live.insert(id, Arc::clone(&live)).await;
        Ok(live)
    }

    /// The tokens of a session that was just opened or renewed.
    pub(super) async fn grant(
        &self,
        id: SessionId,
        secret: &RefreshSecret,
    ) -> Result<Granted, SignInError> {
        let now = self.clock.now();
        let signed_in = sessions::find(&self.db, id, now).await?.ok_or(SignInError::BadToken)?;
        let binding = self.home(&signed_in).await?.map(|home| home.binding);
        Ok(Granted {
            access_token: self.tokens.access(id.uuid(), ACCESS_LIFETIME, now)?,
            expires_in: ACCESS_LIFETIME,
            refresh_token: secret.token(id.uuid()),
            binding,
        })
    }
}
