//! Staying signed in, giving the second factor again, signing out.

use super::{
    StaffAccounts, StaffGrant, StaffId, StaffMember, StaffSessionId, StaffSignInError,
    TRIES_OF_FACTOR,
    factor::{GivenCode, Shown},
    refusals::Refusal,
    sign_in::totp_code,
    store::{self, sessions},
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        db::{DbError, Tx},
        tokens::{BadToken, RefreshSecret},
    },
    passwords::{PasswordFault, TryCounts},
    sessions::Refreshed,
};
use secrecy::SecretString;
use std::sync::Arc;

impl StaffAccounts {
    /// Exchanges a refresh token for a new pair. A token that was used before ends its session.
    pub async fn refresh(&self, token: &str) -> Result<StaffGrant, StaffSignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| StaffSignInError::BadToken)?;
        let session = StaffSessionId::from_uuid(session);
        let (next, now) = (RefreshSecret::random()?, self.clock.now());
        let (old, new) = (presented.hash(), next.hash());
        let refreshed = async |tx: &Tx| sessions::refresh(tx, session, &old, &new, now).await;
        match self.db.in_tx(refreshed).await? {
            Refreshed::Good => self.grant(session, &next).await,
            Refreshed::Reused => {
                tracing::warn!(%session, "a refresh token of staff was used twice: session ended");
                self.live.invalidate(&session).await;
                Err(StaffSignInError::BadToken)
            }
            Refreshed::Gone => Err(StaffSignInError::BadToken),
        }
    }

    /// The session of a browser, whose cookie holds the refresh token: it is not spent, and using it keeps
    /// the session alive. Two queries; a write once a minute.
    pub async fn resume(&self, token: &str) -> Result<StaffMember, StaffSignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| StaffSignInError::BadToken)?;
        let (session, now) = (StaffSessionId::from_uuid(session), self.clock.now());
        let found = sessions::resume(&self.db, session, &presented.hash(), now).await?;
        let (member, due) = found.ok_or(StaffSignInError::BadToken)?;
        if due {
            self.db.in_tx(async |tx| sessions::keep_alive(tx, session, now).await).await?;
        }
        Ok(member)
    }

    /// The login whose session a browser's cookie was, also where it has ended: what was typed there is this
    /// login's. It signs nobody in.
    pub async fn was_signed_in(&self, token: &str) -> Result<Option<StaffId>, StaffSignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| StaffSignInError::BadToken)?;
        let session = StaffSessionId::from_uuid(session);
        Ok(sessions::member_of_ended(&self.db, session, &presented.hash()).await?)
    }

    /// Ends the session of a refresh token. An invalid token ends nothing and is an error.
    pub async fn sign_out(&self, token: &str) -> Result<(), StaffSignInError> {
        let (session, presented) =
            RefreshSecret::parse(token).map_err(|BadToken| StaffSignInError::BadToken)?;
        let session = StaffSessionId::from_uuid(session);
        let (old, now) = (presented.hash(), self.clock.now());
        let member = sessions::find(&self.db, session, now).await?;
        let by = member.as_ref().map(|member| member.actor(""));
        let db = by.map_or_else(|| self.db.clone(), |by| self.db.clone().acting_as(by));
        let ended = db.in_tx(async |tx| {
            let ended = sessions::sign_out(tx, session, &old, now).await?;
            if let Some(member) = member.as_ref().filter(|_| ended == Refreshed::Good) {
                let subject = format!("staff {}", member.login);
                let (act, school) = (AuditAct::StaffSignedOut, Some(member.school));
                let entry = Entry { act, school, subject, detail: String::new() };
                audit::record(tx, &entry, now).await?;
            }
            Ok::<_, DbError>(ended)
        });
        let ended = ended.await?;
        self.live.invalidate(&session).await;
        if ended == Refreshed::Good { Ok(()) } else { Err(StaffSignInError::BadToken) }
    }

    /// The session of an access token, from a copy of its rows that is at most a second old.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<StaffMember>, StaffSignInError> {
        let now = self.clock.now();
        let id =
            self.tokens.session_of(token, now).map_err(|BadToken| StaffSignInError::BadToken)?;
        let id = StaffSessionId::from_uuid(id);
        if let Some(live) = self.live.get(&id).await {
            return Ok(live);
        }
        let found = sessions::find(&self.db, id, now).await?.ok_or(StaffSignInError::BadToken)?;
        let live = Arc::new(found);
        self.live.insert(id, Arc::clone(&live)).await;
        Ok(live)
    }

    /// Gives the second factor again, for acts that need a fresh one.
    pub async fn confirm_factor(
        &self,
        member: &StaffMember,
        totp: &SecretString,
    ) -> Result<(), StaffSignInError> {
        let code = totp_code(totp)?;
        let confirmed = self.confirm(member, &code).await;
        let too_often = |fault: &PasswordFault| matches!(fault, PasswordFault::TooManyTries { .. });
        match confirmed {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.not_confirmed(member);
                Err(StaffSignInError::Refused)
            }
            Err(StaffSignInError::Password(fault)) if too_often(&fault) => {
                self.not_confirmed(member);
                Err(fault.into())
            }
            Err(error) => Err(error),
        }
    }

    fn not_confirmed(&self, member: &StaffMember) {
        self.note_of(member, Refusal::NotConfirmed, String::new());
    }

    /// Whether the code is right. Refused where the session has ended, or the login is disabled.
    async fn confirm(
        &self,
        member: &StaffMember,
        code: &GivenCode,
    ) -> Result<bool, StaffSignInError> {
        let tries = self.counts.subject(member.school, TRIES_OF_FACTOR, &member.login);
        let now = self.clock.now();
        self.counts.count(&tries, now).await?;
        let is_right = self
            .db
            .in_tx(async |tx| {
                let found = store::lock(tx, member.id).await?;
                let account = found.filter(|account| account.enabled);
                let account = account.ok_or(StaffSignInError::Refused)?;
                let shown = self.keeper.judge(member.id, &account.factor, code, now)?;
                let Shown::Good { then, enrolled: false } = shown else {
                    return Ok(false);
                };
                store::set_factor(tx, member.id, &account.factor, then, now).await?;
                if !sessions::renew_factor(tx, member.session, now).await? {
                    return Err(StaffSignInError::Refused);
                }
                TryCounts::forget(tx, &tries).await?;
                Ok::<_, StaffSignInError>(true)
            })
            .await?;
        if is_right {
            self.live.invalidate(&member.session).await;
        }
        Ok(is_right)
    }
}
