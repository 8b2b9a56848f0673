//! Signing in, staying signed in, signing out.

use super::{
    BindingView, Identities,
    login::LoginError,
    tokens::{ACCESS_LIFETIME, BadToken, NoToken, RefreshSecret},
};
use crate::{
    base::db::DbError,
    sessions::{self, Refreshed, SessionId, SignedIn},
};
use std::{sync::Arc, time::Duration};

/// What a client gets when it has signed in.
#[derive(Debug)]
pub struct Granted {
    /// For the `Authorization` header.
    pub access_token: String,
    /// How long that is good.
    pub expires_in: Duration,
    /// Good once, for the next pair.
    pub refresh_token: String,
    /// Who the identity is bound to.
    pub binding: Option<BindingView>,
}

/// Why nobody was signed in.
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
    /// The refresh token is not, or no longer, good.
    #[error("not a good token")]
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
    /// Signs in whoever is behind a login code that WeChat gave to that app, or to the general one.
    pub async fn sign_in_by_wechat(
        &self,
        app_id: Option<&str>,
        code: &str,
    ) -> Result<Granted, SignInError> {
        let nowhere =
            if app_id.is_some() { SignInError::NoSuchApp } else { SignInError::NoSuchLogin };
        let wechat = self.wechat.of(app_id).ok_or(nowhere)?;
        let user = wechat.exchange(code).await?;
        let secret = RefreshSecret::random()?;
        let now = self.clock.now();
        let session = sessions::open(&self.db, &user, &secret.hash(), now).await?;
        self.grant(session, &secret).await
    }

    /// Spends a refresh token for a new pair. A token that was spent before ends its session.
    pub async fn refresh(&self, token: &str) -> Result<Granted, SignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| SignInError::BadToken)?;
        let next = RefreshSecret::random()?;
        let now = self.clock.now();
        let refreshed =
            sessions::refresh(&self.db, session, &presented.hash(), &next.hash(), now).await?;
        match refreshed {
            Refreshed::Good => self.grant(session, &next).await,
            Refreshed::Reused => {
                tracing::warn!(%session, "a spent refresh token came back: session ended");
                self.live.invalidate(&session).await;
                Err(SignInError::BadToken)
            }
            Refreshed::Gone => Err(SignInError::BadToken),
        }
    }

    /// Ends the session of a refresh token. A token that is not good ends nothing, and says so.
    pub async fn sign_out(&self, token: &str) -> Result<(), SignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| SignInError::BadToken)?;
        let now = self.clock.now();
        let refreshed = sessions::end(&self.db, session, &presented.hash(), now).await?;
        self.live.invalidate(&session).await;
        if refreshed == Refreshed::Good { Ok(()) } else { Err(SignInError::BadToken) }
    }

    /// The live session that an access token claims, from a copy of its row at most a second old.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<SignedIn>, SignInError> {
        let now = self.clock.now();
        let id = self.tokens.session_of(token, now).map_err(|BadToken| SignInError::BadToken)?;
        if let Some(live) = self.live.get(&id).await {
            return Ok(live);
        }
        let found = sessions::find(&self.db, id, now).await?.ok_or(SignInError::BadToken)?;
        let live = Arc::new(found);
        self.live.insert(id, Arc::clone(&live)).await;
        Ok(live)
    }

    /// The tokens of a session that was just opened or prolonged.
    pub(super) async fn grant(
        &self,
        id: SessionId,
        secret: &RefreshSecret,
    ) -> Result<Granted, SignInError> {
        let now = self.clock.now();
        let signed_in = sessions::find(&self.db, id, now).await?.ok_or(SignInError::BadToken)?;
        let binding = self.home(&signed_in).await?.map(|home| home.binding);
        Ok(Granted {
            access_token: self.tokens.access(id, now)?,
            expires_in: ACCESS_LIFETIME,
            refresh_token: secret.token(id),
            binding,
        })
    }
}
