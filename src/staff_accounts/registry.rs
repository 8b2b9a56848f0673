//! Logins as an operator adds, lists and switches them.

use super::{
    Account, StaffClasses, StaffId, StaffLogin, StaffNo, StaffRoles, WorkId, counts_of,
    factor::{FactorKeeper, first_code},
    recovery::RecoveryCode,
    store::{self, sessions},
    work,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::{
            password::{self, PasswordError},
            seal::{SealError, Sealer},
            totp::{NoSecret, TotpSecret},
        },
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
    },
    passwords::TryCounts,
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The shortest password, in characters.
const SHORTEST_PASSWORD: usize = 10;

/// Logins of all schools, for commands.
#[derive(Debug)]
pub struct StaffRegistry {
    /// The database, which acts on behalf of the operator.
    pub db: Db,
    /// Seals second factors.
    pub sealer: Sealer,
    /// Counts attempts.
    pub counts: TryCounts,
}

/// A login to be added.
#[derive(Debug)]
pub struct NewStaff {
    /// The school.
    pub school: SchoolId,
    /// The name under which somebody will sign in.
    pub login: StaffLogin,
    /// Who it is.
    pub staff_no: StaffNo,
    /// What they may do.
    pub roles: StaffRoles,
    /// The first password.
    pub password: SecretString,
}

/// What a command prints once: the secret for the first sign-in. It is not printed by `Debug`.
#[derive(Debug)]
pub struct Slip {
    secret: TotpSecret,
    login: StaffLogin,
    /// For a login that the program makes a password for; 80 random bits.
    password: Option<Zeroizing<String>>,
}

/// A login as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedStaff {
    /// Its row.
    pub id: StaffId,
    /// The login.
    pub login: StaffLogin,
    /// Who it is.
    pub staff_no: StaffNo,
    /// What the login may do.
    pub roles: StaffRoles,
    /// The classes whose people a counsellor sees.
    pub classes: StaffClasses,
    /// Whether it is accepted.
    pub enabled: bool,
    /// Whether it has a second factor of its own.
    pub enrolled: bool,
    /// The last sign-in.
    pub signed_in_at: Option<Timestamp>,
    /// The userid of the school's enterprise messenger that it is linked with.
    pub work_id: Option<WorkId>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StaffRegistryError {
    /// The login is taken.
    #[error("there is a login {0} already")]
    Exists(StaffLogin),
    /// Another login is linked with the userid.
    #[error("another login of the school is linked with this userid")]
    Linked,
    /// No such login at the school.
    #[error("there is no login {0}: `onecard staff list` names those there are")]
    NoLogin(StaffLogin),
    /// A login without a role could do nothing.
    #[error("at least one role is needed")]
    NoRole,
    /// The password is too short, or the login itself.
    #[error("the password must have at least {SHORTEST_PASSWORD} characters, and not be the login")]
    WeakPassword,
    /// The password could not be hashed.
    #[error("the password: {0}")]
    Password(#[from] PasswordError),
    /// The system provides no randomness.
    #[error(transparent)]
    NoSecret(#[from] NoSecret),
    /// The secret could not be sealed.
    #[error("the second factor: {0}")]
    Sealed(#[from] SealError),
    /// The database.
    #[error("the database cannot be used: {0}")]
    Db(#[from] DbError),
}

impl TxError for StaffRegistryError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Exists(_)
            | Self::Linked
            | Self::NoLogin(_)
            | Self::NoRole
            | Self::WeakPassword
            | Self::Password(_)
            | Self::NoSecret(_)
            | Self::Sealed(_) => None,
        }
    }
}

impl Slip {
    pub(super) fn new(login: &StaffLogin) -> Result<Self, NoSecret> {
        Ok(Self { secret: TotpSecret::random()?, login: login.clone(), password: None })
    }

    /// With a first password too.
    pub(super) fn with_password(login: &StaffLogin) -> Result<Self, NoSecret> {
        Ok(Self { password: Some(RecoveryCode::random()?.shown()), ..Self::new(login)? })
    }

    /// The login that it is for.
    pub const fn login(&self) -> &StaffLogin {
        &self.login
    }

    pub(super) const fn totp(&self) -> &TotpSecret {
        &self.secret
    }

    /// The first password; empty where the slip replaces a second factor.
    pub fn password(&self) -> &str {
        self.password.as_ref().map_or("", |password| password)
    }

    /// The secret in base32, to be typed.
    pub fn secret(&self) -> Zeroizing<String> {
        self.secret.base32()
    }

    /// The address for a QR code, in which the account names the school too.
    pub fn otpauth_uri(&self, school_code: &str) -> Zeroizing<String> {
        self.secret.otpauth_uri(&format!("{}@{school_code}", self.login))
    }

    /// Twelve digits for the first sign-in: attempts with them are counted apart from those of strangers.
    pub fn first_code(&self) -> Zeroizing<String> {
        first_code(&self.secret)
    }

    /// The code that an authenticator app shows now.
    pub fn code(&self, now: Timestamp) -> Zeroizing<String> {
        self.secret.code(now)
    }
}

impl From<Account> for ListedStaff {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            login: account.login,
            staff_no: account.staff_no,
            roles: account.roles,
            classes: account.classes,
            enabled: account.enabled,
            enrolled: !account.factor.printed,
            signed_in_at: account.signed_in_at,
            work_id: account.work_id,
        }
    }
}

impl StaffRegistry {
    /// Adds a login; returns what signs it in the first time.
    pub async fn add(&self, new: NewStaff, now: Timestamp) -> Result<Slip, StaffRegistryError> {
        let NewStaff { school, login, staff_no, roles, password } = new;
        if roles.codes().is_empty() {
            return Err(StaffRegistryError::NoRole);
        }
        if is_weak(&password, &login) {
            return Err(StaffRegistryError::WeakPassword);
        }
        let (slip, id) = (Slip::new(&login)?, StaffId::new(now));
        let account = Account {
            id,
            school,
            login,
            staff_no,
            roles,
            classes: StaffClasses::default(),
            password_hash: password::hash(&password)?,
            factor: self.keeper().printed(id, &slip.secret)?,
            enabled: true,
            signed_in_at: None,
            work_id: None,
        };
        self.db
            .in_tx(async |tx| {
                if store::lock_login(tx, school, &account.login).await?.is_some() {
                    return Err(StaffRegistryError::Exists(account.login.clone()));
                }
                store::insert(tx, &account, now).await?;
                record(tx, AuditAct::StaffAdded, &account, now).await
            })
            .await?;
        Ok(slip)
    }

    /// Replaces a lost second factor: ends the login's sessions and the waits after wrong attempts, and
    /// returns what signs it in the next time.
    pub async fn reset_factor(
        &self,
        school: SchoolId,
        login: &StaffLogin,
        now: Timestamp,
    ) -> Result<Slip, StaffRegistryError> {
        let slip = Slip::new(login)?;
        self.db
            .in_tx(async |tx| {
                let account = locked(tx, school, login).await?;
                let factor = self.keeper().printed(account.id, &slip.secret)?;
                store::set_factor(tx, account.id, &account.factor, factor, now).await?;
                sessions::end_all(tx, account.id, now).await?;
                for count in counts_of(&self.counts, school, login) {
                    TryCounts::forget(tx, &count).await?;
                }
                record(tx, AuditAct::StaffFactorReset, &account, now).await
            })
            .await?;
        Ok(slip)
    }

    /// Switches a login off, which ends its sessions, or on again; false if it was so already.
    pub async fn switch(
        &self,
        school: SchoolId,
        login: &StaffLogin,
        enabled: bool,
        now: Timestamp,
    ) -> Result<bool, StaffRegistryError> {
        self.db
            .in_tx(async |tx| {
                let account = locked(tx, school, login).await?;
                if account.enabled == enabled {
                    return Ok(false);
                }
                store::switch(tx, account.id, enabled, now).await?;
                if !enabled {
                    sessions::end_all(tx, account.id, now).await?;
                }
                let act = if enabled { AuditAct::StaffEnabled } else { AuditAct::StaffDisabled };
                record(tx, act, &account, now).await?;
                Ok(true)
            })
            .await
    }

    /// Links a login with a userid of the school's enterprise messenger, or with none, which ends its
    /// sessions; false if it was so already.
    pub async fn link(
        &self,
        (school, login): (SchoolId, &StaffLogin),
        work_id: Option<&WorkId>,
        now: Timestamp,
    ) -> Result<bool, StaffRegistryError> {
        self.db
            .in_tx(async |tx| {
                let account = locked(tx, school, login).await?;
                if account.work_id.as_ref() == work_id {
                    return Ok(false);
                }
                if work::is_taken(tx, school, work_id).await? {
                    return Err(StaffRegistryError::Linked);
                }
                Ok(work::put(tx, account, work_id, now).await.map(|()| true)?)
            })
            .await
    }

    /// The logins of a school, by name.
    pub async fn list(&self, school: SchoolId) -> Result<Vec<ListedStaff>, DbError> {
        let accounts = store::list(&self.db, school).await?;
        Ok(accounts.into_iter().map(ListedStaff::from).collect())
    }

    /// Seals the second factors of all logins under the current key of `keys.data`, in commits of
    /// bounded size; returns how many were written, and which logins could not be.
    pub async fn reseal(
        &self,
        now: Timestamp,
    ) -> Result<(u64, Vec<(StaffId, SealError)>), DbError> {
        let (mut after, mut written, mut failed) = (None, 0, Vec::new());
        loop {
            let step = self.db.in_tx(async |tx| self.reseal_page(tx, after, now).await).await?;
            let Some((reached, count, broken)) = step else { return Ok((written, failed)) };
            after = Some(reached);
            written += count;
            failed.extend(broken);
        }
    }

    async fn reseal_page(
        &self,
        tx: &Tx,
        after: Option<StaffId>,
        now: Timestamp,
    ) -> Result<Option<ResealedPage>, DbError> {
        let page = store::lock_page(tx, after).await?;
        let Some(last) = page.last().map(|account| account.id) else { return Ok(None) };
        let (mut written, mut failed) = (0, Vec::new());
        for Account { id, factor, .. } in &page {
            match self.keeper().resealed(*id, factor) {
                Ok(Some(again)) => {
                    store::set_factor(tx, *id, factor, again, now).await?;
                    written += 1;
                }
                Ok(None) => {}
                Err(error) => failed.push((*id, error)),
            }
        }
        if written > 0 {
            let (subject, detail) = ("data of staff".to_owned(), format!("{written} logins"));
            let entry = Entry { act: AuditAct::Rekeyed, school: None, subject, detail };
            audit::record(tx, &entry, now).await?;
        }
        Ok(Some((last, written, failed)))
    }

    fn keeper(&self) -> FactorKeeper {
        FactorKeeper::new(self.sealer.clone())
    }
}

/// Whether a password is too short, or the login itself.
pub(super) fn is_weak(password: &SecretString, login: &str) -> bool {
    let text = password.expose_secret();
    text.chars().count() < SHORTEST_PASSWORD || text == login
}

/// The last login, how many were written, and those that cannot be opened.
type ResealedPage = (StaffId, u64, Vec<(StaffId, SealError)>);

pub(super) async fn locked(
    tx: &Tx,
    school: SchoolId,
    login: &StaffLogin,
) -> Result<Account, StaffRegistryError> {
    let found = store::lock_login(tx, school, login).await?;
    found.ok_or_else(|| StaffRegistryError::NoLogin(login.clone()))
}

async fn record(
    tx: &Tx,
    act: AuditAct,
    account: &Account,
    now: Timestamp,
) -> Result<(), StaffRegistryError> {
    Ok(audit::record(tx, &entry(act, account), now).await?)
}

/// An entry of the audit log about a login.
pub(super) fn entry(act: AuditAct, account: &Account) -> Entry {
    let Account { school, login, staff_no, roles, .. } = account;
    Entry {
        act,
        school: Some(*school),
        subject: format!("staff {login}"),
        detail: format!("no. {staff_no}, {roles}"),
    }
}
