//! What admins do to the logins of others: in the transaction of whoever lets them act.
//!
//! Invariant: nobody changes the own login. So the last admin stays: who acts is one.
//! Invariant: who made or changed a login is in `staff_change`: neither approves what the other asks for.

use super::{
    Account, StaffAccounts, StaffAct, StaffClasses, StaffId, StaffLogin, StaffMember, StaffNo,
    StaffRefusal, StaffRoles, counts_of, hold,
    registry::{Slip, entry},
    store::{
        self,
        changes::{Change, ChangeKind},
        sessions,
    },
};
use crate::{
    audit::{self, AuditAct},
    base::{
        clock::Timestamp,
        crypto::{
            hasher::HasherError,
            seal::SealError,
            totp::{NoSecret, TotpSecret},
        },
        db::{DbError, Tx, TxError},
        ids::SchoolId,
    },
    passwords::TryCounts,
};
use secrecy::SecretString;
use std::time::Duration;
use uuid::Uuid;

/// How long who made or changed a login is taken to have a say in what it approves.
const BOUND_FOR: Duration = Duration::from_hours(7 * 24);
/// How long a login with a factor that was reset approves nothing.
const NO_APPROVAL_AFTER_RESET: Duration = Duration::from_hours(24);

/// A login to be added.
#[derive(Clone, Debug)]
pub struct AddedStaff {
    /// The name under which somebody will sign in.
    pub login: StaffLogin,
    /// Who it is.
    pub staff_no: StaffNo,
    /// What they may do. Roles that two persons grant are not given at once.
    pub roles: StaffRoles,
}

/// What a second person must approve before it is done to a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaffChange {
    /// It gets these roles.
    Roles(StaffRoles),
    /// Its second factor is replaced by one on a slip.
    Factor,
}

/// Whose say may be behind an approval by a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaffBonds {
    /// The staff numbers of who made the login, or changed it, in the last seven days.
    pub to: Vec<String>,
    /// Of who made or changed the login that asked, since seven days before it did.
    pub of_other: Vec<String>,
    /// Its factor was reset in the last 24 hours.
    pub factor_is_new: bool,
    /// The login that asked is switched off, or there is none.
    pub other_is_off: bool,
}

/// Why a login was not changed.
#[derive(Debug, thiserror::Error)]
pub enum StaffChangeError {
    /// No such login at the school.
    #[error("no such login")]
    NoLogin,
    /// The login is taken.
    #[error("the login is taken")]
    Exists,
    /// Another login of the school is linked with the userid.
    #[error("another login is linked with the userid")]
    Linked,
    /// Nobody changes the own login.
    #[error("it is the own login")]
    Own,
    /// It is so already, or was changed meanwhile.
    #[error("nothing is left to change")]
    Unchanged,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// The password could not be hashed.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The system provides no randomness.
    #[error(transparent)]
    NoSecret(#[from] NoSecret),
    /// The secret could not be sealed.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffChangeError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NoLogin
            | Self::Exists
            | Self::Linked
            | Self::Own
            | Self::Unchanged
            | Self::Right(_)
            | Self::Hasher(_)
            | Self::NoSecret(_)
            | Self::Sealed(_) => None,
        }
    }
}

/// Changes of logins by an admin in one transaction.
#[derive(Debug)]
pub struct StaffChanges<'a> {
    accounts: &'a StaffAccounts,
    pub(super) tx: &'a Tx,
    by: &'a StaffMember,
    pub(super) now: Timestamp,
}

impl StaffAccounts {
    /// A slip for a login that is to be added, with a password, and the hash of that. A login that is taken
    /// is refused here already: a form may be sent twice.
    pub async fn slip(
        &self,
        school: SchoolId,
        login: &StaffLogin,
    ) -> Result<(Slip, String), StaffChangeError> {
        if store::find(&self.db, school, login).await?.is_some() {
            return Err(StaffChangeError::Exists);
        }
        let slip = Slip::with_password(login)?;
        let password = SecretString::from(slip.password().to_string());
        let hash = self.for_clients.hash(password).await?;
        Ok((slip, hash))
    }

    /// A slip for the new factor of a login.
    pub fn factor_slip(&self, login: &StaffLogin) -> Result<Slip, StaffChangeError> {
        Ok(Slip::new(login)?)
    }

    /// What a request asks for.
    pub async fn asked_change(&self, approval: Uuid) -> Result<Option<StaffChange>, DbError> {
        let found = store::changes::asked(&self.db, approval).await?;
        Ok(found.map(|change| change.roles.map_or(StaffChange::Factor, StaffChange::Roles)))
    }

    /// Holds the login of `by`, which must have the right to change others now.
    pub async fn changes<'a>(
        &'a self,
        tx: &'a Tx,
        by: &'a StaffMember,
        now: Timestamp,
    ) -> Result<StaffChanges<'a>, StaffChangeError> {
        hold::<StaffChangeError>(tx, by, StaffAct::ChangeStaff, now).await?;
        Ok(StaffChanges { accounts: self, tx, by, now })
    }

    /// Whose say may be behind what this member approves, of what another login asked for then. That login is
    /// held.
    pub async fn bonds(
        tx: &Tx,
        member: &StaffMember,
        asker: Uuid,
        (asked_at, now): (Timestamp, Timestamp),
    ) -> Result<StaffBonds, DbError> {
        let asker = StaffId::from_uuid(asker);
        let changes = store::changes::done_since(tx, member.id, now.minus(BOUND_FOR)).await?;
        let of_other = store::changes::done_since(tx, asker, asked_at.minus(BOUND_FOR)).await?;
        let reset = now.minus(NO_APPROVAL_AFTER_RESET);
        let is_new = |change: &Change| {
            change.kind == ChangeKind::Factor && change.done_at.is_some_and(|done| done > reset)
        };
        let numbers =
            |changes: Vec<Change>| changes.into_iter().map(|change| change.by_no).collect();
        Ok(StaffBonds {
            factor_is_new: changes.iter().any(is_new),
            to: numbers(changes),
            of_other: numbers(of_other),
            other_is_off: !store::hold(tx, asker).await?.is_some_and(|account| account.enabled),
        })
    }
}

impl StaffChanges<'_> {
    /// Adds a login with the hash of its first password.
    pub async fn add(
        &self,
        (id, new): (StaffId, &AddedStaff),
        (slip, password_hash): (&Slip, &str),
    ) -> Result<(), StaffChangeError> {
        let school = self.by.school;
        if new.staff_no == self.by.staff_no {
            return Err(StaffChangeError::Own);
        }
        if store::lock_login(self.tx, school, &new.login).await?.is_some() {
            return Err(StaffChangeError::Exists);
        }
        let account = Account {
            id,
            school,
            login: new.login.clone(),
            staff_no: new.staff_no.clone(),
            roles: new.roles.without_guarded(),
            classes: StaffClasses::default(),
            password_hash: password_hash.to_owned(),
            factor: self.accounts.keeper.printed(id, slip.totp(), self.now)?,
            enabled: true,
            signed_in_at: None,
            work_id: None,
        };
        store::insert(self.tx, &account, self.now).await?;
        self.done(&account, ChangeKind::Added, AuditAct::StaffAdded).await
    }

    /// Switches a login off, which ends its sessions, or on again.
    pub async fn switch(&self, id: StaffId, enabled: bool) -> Result<(), StaffChangeError> {
        let account = self.lock(id).await?;
        if account.enabled == enabled {
            return Err(StaffChangeError::Unchanged);
        }
        store::switch(self.tx, id, enabled, self.now).await?;
        if enabled {
            return self.done(&account, ChangeKind::Enabled, AuditAct::StaffEnabled).await;
        }
        sessions::end_all(self.tx, id, self.now).await?;
        Ok(audit::record(self.tx, &entry(AuditAct::StaffDisabled, &account), self.now).await?)
    }

    /// Ends all sessions of a login.
    pub async fn end_sessions(&self, id: StaffId) -> Result<(), StaffChangeError> {
        let account = self.lock(id).await?;
        sessions::end_all(self.tx, id, self.now).await?;
        let ended = entry(AuditAct::StaffSessionsEnded, &account);
        Ok(audit::record(self.tx, &ended, self.now).await?)
    }

    /// Gives a login, which has the roles `before`, other ones; that ends its sessions.
    pub async fn set_roles(
        &self,
        id: StaffId,
        (before, roles): (&StaffRoles, &StaffRoles),
    ) -> Result<(), StaffChangeError> {
        let account = self.lock(id).await?;
        if account.roles == *roles || account.roles != *before {
            return Err(StaffChangeError::Unchanged);
        }
        if roles.need_two(&account.roles) {
            return Err(StaffRefusal::NoRight.into());
        }
        self.put_roles(account, roles, None).await
    }

    /// Notes what a request asks for; nothing is done.
    pub async fn ask(
        &self,
        id: StaffId,
        change: &StaffChange,
        approval: Uuid,
    ) -> Result<(), StaffChangeError> {
        let account = self.lock(id).await?;
        let (kind, roles) = match change {
            StaffChange::Roles(roles) if account.roles == *roles => {
                return Err(StaffChangeError::Unchanged);
            }
            StaffChange::Roles(roles) => (ChangeKind::Roles, Some(roles.clone())),
            StaffChange::Factor => (ChangeKind::Factor, None),
        };
        let before = roles.as_ref().map(|_| account.roles);
        let change = self.change(id, kind, None);
        let asked = Change { before, roles, approval: Some(approval), ..change };
        Ok(store::changes::insert(self.tx, &asked).await?)
    }

    /// Does what a request asked for, now that a second person approves it. The factor becomes that of
    /// the slip.
    pub async fn make(&self, approval: Uuid, slip: Option<&Slip>) -> Result<(), StaffChangeError> {
        let asked = store::changes::of_approval(self.tx, approval).await?;
        let asked = asked.ok_or(StaffChangeError::NoLogin)?;
        let account = self.lock(asked.member).await?;
        if asked.before.as_ref().is_some_and(|before| *before != account.roles) {
            return Err(StaffChangeError::Unchanged);
        }
        // Whoever approves has a say in the login as well.
        let approved = self.change(asked.member, asked.kind, Some(self.now));
        store::changes::insert(self.tx, &approved).await?;
        match (&asked.roles, slip) {
            (Some(roles), _) => self.put_roles(account, &roles.clone(), Some(asked)).await,
            (None, Some(slip)) => self.put_factor(account, slip.totp(), asked).await,
            (None, None) => Err(StaffChangeError::Unchanged),
        }
    }

    async fn put_roles(
        &self,
        account: Account,
        roles: &StaffRoles,
        asked: Option<Change>,
    ) -> Result<(), StaffChangeError> {
        store::set_roles(self.tx, account.id, roles, self.now).await?;
        sessions::end_all(self.tx, account.id, self.now).await?;
        if let Some(asked) = asked {
            store::changes::finish(self.tx, asked, self.now).await?;
        } else {
            let change = self.change(account.id, ChangeKind::Roles, Some(self.now));
            store::changes::insert(self.tx, &change).await?;
        }
        let before = account.roles.clone();
        let account = Account { roles: roles.clone(), ..account };
        let mut changed = entry(AuditAct::StaffRolesChanged, &account);
        changed.detail = format!("{}, before {before}", changed.detail);
        Ok(audit::record(self.tx, &changed, self.now).await?)
    }

    async fn put_factor(
        &self,
        account: Account,
        secret: &TotpSecret,
        asked: Change,
    ) -> Result<(), StaffChangeError> {
        let factor = self.accounts.keeper.printed(account.id, secret, self.now)?;
        store::set_factor(self.tx, account.id, &account.factor, factor, self.now).await?;
        sessions::end_all(self.tx, account.id, self.now).await?;
        for count in counts_of(&self.accounts.counts, account.school, &account.login) {
            TryCounts::forget(self.tx, &count).await?;
        }
        store::changes::finish(self.tx, asked, self.now).await?;
        let reset = entry(AuditAct::StaffFactorReset, &account);
        Ok(audit::record(self.tx, &reset, self.now).await?)
    }

    /// Locks a login of the admin's school that is not the own one, under any name of that person.
    pub(super) async fn lock(&self, id: StaffId) -> Result<Account, StaffChangeError> {
        let found = store::lock(self.tx, id).await?;
        let found = found.filter(|account| account.school == self.by.school);
        let account = found.ok_or(StaffChangeError::NoLogin)?;
        if account.id == self.by.id || account.staff_no == self.by.staff_no {
            return Err(StaffChangeError::Own);
        }
        Ok(account)
    }

    async fn done(
        &self,
        account: &Account,
        kind: ChangeKind,
        act: AuditAct,
    ) -> Result<(), StaffChangeError> {
        let change = self.change(account.id, kind, Some(self.now));
        store::changes::insert(self.tx, &change).await?;
        Ok(audit::record(self.tx, &entry(act, account), self.now).await?)
    }

    pub(super) fn change(
        &self,
        member: StaffId,
        kind: ChangeKind,
        done_at: Option<Timestamp>,
    ) -> Change {
        Change {
            id: Uuid::now_v7(),
            member,
            kind,
            before: None,
            roles: None,
            by: self.by.id,
            by_no: self.by.staff_no.to_string(),
            approval: None,
            asked_at: self.now,
            done_at,
        }
    }
}
