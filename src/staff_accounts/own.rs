//! What a member of staff sees and does of the own login: its sessions and its recovery codes.

use super::{
    ListedStaff, StaffAccounts, StaffAct, StaffId, StaffMember, StaffSessionId, StaffSignInError,
    TRIES_OF_CLIENTS,
    recovery::RecoveryHashes,
    registry::{entry, is_weak},
    store::{self, sessions},
};
use crate::{
    audit::{self, AuditAct},
    base::{clock::Timestamp, db::DbError, ids::SchoolId},
    passwords::TryCounts,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The most sessions of a login that are listed, newest first.
const MOST_SESSIONS: u64 = 50;

/// The own login.
#[derive(Debug)]
pub struct OwnAccount {
    /// The live sessions, newest first.
    pub sessions: Vec<OwnSession>,
    /// How many recovery codes were not used.
    pub recovery_codes_left: usize,
}

/// A live session of the own login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSession {
    /// The id.
    pub id: StaffSessionId,
    /// When somebody signed in.
    pub created_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

impl StaffAccounts {
    /// The sessions and the recovery codes of the own login. Two queries.
    pub async fn own(&self, member: &StaffMember) -> Result<OwnAccount, StaffSignInError> {
        let now = self.clock.now();
        let live = sessions::live_of(&self.db, member.id, now, MOST_SESSIONS).await?;
        let sessions = live.into_iter().map(|(id, created_at, expires_at)| OwnSession {
            id,
            created_at,
            expires_at,
            is_this: id == member.session,
        });
        let account = store::by_id(&self.db, member.id).await?;
        let account = account.ok_or(StaffSignInError::BadToken)?;
        let recovery_codes_left = account.factor.recovery.count();
        Ok(OwnAccount { sessions: sessions.collect(), recovery_codes_left })
    }

    /// A login of a school.
    pub async fn member(
        &self,
        school: SchoolId,
        id: StaffId,
    ) -> Result<Option<ListedStaff>, DbError> {
        let found = store::by_id(&self.db, id).await?;
        Ok(found.filter(|account| account.school == school).map(ListedStaff::from))
    }

    /// How many sessions of a login are live, among the newest [`MOST_SESSIONS`].
    pub async fn count_sessions(&self, id: StaffId) -> Result<usize, DbError> {
        Ok(sessions::live_of(&self.db, id, self.clock.now(), MOST_SESSIONS).await?.len())
    }

    /// The member of an enabled login as it stands now, for work that goes on without a session: with a
    /// second factor of `factor_at`, when the work was asked for.
    pub async fn standing(
        &self,
        id: StaffId,
        factor_at: Timestamp,
    ) -> Result<Option<StaffMember>, DbError> {
        let found = store::by_id(&self.db, id).await?;
        Ok(found.filter(|account| account.enabled).map(|account| StaffMember {
            session: StaffSessionId::from_uuid(Uuid::nil()),
            id,
            school: account.school,
            login: account.login,
            staff_no: account.staff_no,
            roles: account.roles,
            classes: account.classes,
            factor_at,
        }))
    }

    /// Ends a session of the own login; false if there is no such live one.
    pub async fn end_session(
        &self,
        member: &StaffMember,
        session: StaffSessionId,
    ) -> Result<bool, StaffSignInError> {
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(""));
        let ending = db.in_tx(async |tx| {
            let account = store::hold(tx, member.id).await?.ok_or(StaffSignInError::BadToken)?;
            let ended = sessions::end_own(tx, member.id, session, now).await?;
            if ended {
                audit::record(tx, &entry(AuditAct::StaffSessionEnded, &account), now).await?;
            }
            Ok::<_, StaffSignInError>(ended)
        });
        let ended = ending.await?;
        self.live.invalidate(&session).await;
        Ok(ended)
    }

    /// Ten new recovery codes, which replace those there are. They are told once. Needs a second factor
    /// that was just given.
    pub async fn renew_recovery(
        &self,
        member: &StaffMember,
    ) -> Result<Vec<Zeroizing<String>>, StaffSignInError> {
        let now = self.clock.now();
        let (codes, recovery) = RecoveryHashes::issue(member.id)?;
        let db = self.db.clone().acting_as(member.actor(""));
        db.in_tx(async |tx| {
            let found = store::lock(tx, member.id).await?.filter(|account| account.enabled);
            let account = found.ok_or(StaffSignInError::BadToken)?;
            account.roles.allow(StaffAct::ChangeOwnFactor, member.factor_at, now)?;
            let mut factor = account.factor.clone();
            factor.recovery = recovery.clone();
            store::set_factor(tx, member.id, &account.factor, factor, now).await?;
            let renewed = entry(AuditAct::StaffRecoveryRenewed, &account);
            Ok::<_, StaffSignInError>(audit::record(tx, &renewed, now).await?)
        })
        .await?;
        Ok(codes)
    }

    /// Replaces the own password by one that is not weak, and ends all sessions of the login, this one
    /// too. Wrong passwords count as attempts to sign in. Needs a second factor that was just given.
    pub async fn change_password(
        &self,
        member: &StaffMember,
        current: SecretString,
        new: SecretString,
    ) -> Result<(), StaffSignInError> {
        let same = current.expose_secret() == new.expose_secret();
        if same || is_weak(&new, &member.login) {
            return Err(StaffSignInError::NewPasswordWeak);
        }
        let tries = self.counts.subject(member.school, TRIES_OF_CLIENTS, &member.login);
        let counted = self.counts.count(&tries, self.clock.now()).await?;
        let pool = &self.for_clients;
        let stored = store::by_id(&self.db, member.id).await?.map(|account| account.password_hash);
        let fits = self.hashed(pool.verify(current, stored.clone()).await, &counted).await?;
        if !fits {
            return Err(StaffSignInError::Refused);
        }
        let hash = self.hashed(pool.hash(new).await, &counted).await?;
        let (now, db) = (self.clock.now(), self.db.clone().acting_as(member.actor("")));
        db.in_tx(async |tx| {
            let found = store::lock(tx, member.id).await?.filter(|account| account.enabled);
            let account = found.ok_or(StaffSignInError::BadToken)?;
            account.roles.allow(StaffAct::ChangeOwnFactor, member.factor_at, now)?;
            if Some(&account.password_hash) != stored.as_ref() {
                return Err(StaffSignInError::Refused);
            }
            store::set_password(tx, member.id, &hash, now).await?;
            sessions::end_all(tx, member.id, now).await?;
            TryCounts::forget(tx, &tries).await?;
            let changed = entry(AuditAct::StaffPasswordChanged, &account);
            Ok::<_, StaffSignInError>(audit::record(tx, &changed, now).await?)
        })
        .await?;
        self.live.invalidate(&member.session).await;
        Ok(())
    }
}
