//! Signing in to the console by the school's enterprise messenger: it says who somebody is by a userid, which
//! an admin has linked with a login.
//!
//! Invariant: what comes back is believed only at the browser that was sent: its `state` is sealed in a
//! cookie, compared in constant time, good once, and for ten minutes.
//! Invariant: a userid signs nobody in by itself: the same second factor as after a password follows. Nobody is
//! found by an equal name.
//! Invariant: who has no link hears the same, whatever logins there are.
//! Absent on purpose: logins that are made by a first visit; profiles; the userid in any address of ours.

mod carried;
mod turns;

pub use turns::WorkTurns;

use crate::{
    base::{clock::Clock, crypto::seal::Sealer, db::DbError, ids::SchoolId, kv::Kv},
    schools::{School, Schools},
    staff_accounts::{StaffAccounts, StaffGrant, StaffSignInError, WorkId, WorkSignIn},
};
use async_trait::async_trait;
use carried::{Carried, Stage};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use subtle::ConstantTimeEq;

/// How long somebody may take at the messenger.
const AWAY_FOR: Duration = Duration::from_mins(10);
/// How long somebody may take to give the second factor then.
const FACTOR_WITHIN: Duration = Duration::from_mins(5);
/// The longest address that is gone back to: browsers drop a cookie of more than 4096 bytes.
const LONGEST_NEXT: usize = 2048;
/// The longest code that is asked about.
const LONGEST_CODE: usize = 512;

/// How a code was not exchanged for a userid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The code is wrong, used, or too old.
    #[error("the code is not good")]
    CodeRefused,
    /// Of somebody who is no member of the organisation.
    #[error("no member of the organisation")]
    NotMember,
    /// Nobody knows: the messenger did not answer, or not about the code.
    #[error("the messenger cannot be asked")]
    Unavailable,
}

/// The messenger of an organisation.
#[async_trait]
pub trait WorkDirectory: fmt::Debug + Send + Sync {
    /// Where a browser is sent: the messenger's own one, or any other.
    fn authorize_url(&self, redirect_uri: &str, state: &str, within: bool) -> String;

    /// Whether a browser with this `User-Agent` is the messenger's own.
    fn is_within(&self, user_agent: &str) -> bool;

    /// The member that a code is of. Each code is asked about once.
    async fn member_of(&self, code: &str) -> Result<WorkId, DirectoryError>;
}

/// The messengers: of all schools, and of single ones in its place.
#[derive(Debug, Default)]
pub struct WorkDirectories {
    /// Of schools that have none of their own.
    pub general: Option<Arc<dyn WorkDirectory>>,
    /// By a school's code.
    pub own: HashMap<String, Arc<dyn WorkDirectory>>,
}

/// Sign-ins by messengers.
#[derive(Clone, Debug)]
pub struct WorkLogins {
    /// Logins and sessions.
    pub accounts: StaffAccounts,
    /// The schools.
    pub schools: Arc<Schools>,
    /// The messengers.
    pub directories: Arc<WorkDirectories>,
    /// Seals what a browser carries.
    pub sealer: Sealer,
    /// Remembers states that came back.
    pub kv: Arc<dyn Kv>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The address that the messenger sends browsers back to.
    pub redirect_uri: String,
    /// Who may ask the messenger now.
    pub turns: WorkTurns,
}

/// Somebody who goes to the messenger.
#[derive(Debug)]
pub struct WorkVisit<'a> {
    /// The school's code.
    pub school: &'a str,
    /// The page of the console where they wanted to go; a very long address is not kept.
    pub next: &'a str,
    /// The browser's `User-Agent`.
    pub user_agent: &'a str,
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum WorkLoginError {
    /// The school has no messenger.
    #[error("the school has no messenger")]
    NotConfigured,
    /// What came back is not of this browser, was used, or is too old.
    #[error("not begun at this browser, used, or too late")]
    Stale,
    /// The messenger's word.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// No login that is enabled is linked with the userid.
    #[error("no login is linked")]
    NotLinked,
    /// The second factor.
    #[error(transparent)]
    SignIn(#[from] StaffSignInError),
    /// What a browser is to carry could not be sealed.
    #[error("the cookie could not be made")]
    Unsealed,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl WorkLogins {
    /// The schools that offer it.
    pub async fn offered(&self) -> Result<Vec<Arc<School>>, DbError> {
        let mut schools = self.schools.list().await?;
        schools.retain(|school| self.directory(&school.code).is_some());
        Ok(schools)
    }

    /// Sends a browser to the messenger: where, and what it carries.
    pub async fn begin(&self, visit: &WorkVisit<'_>) -> Result<(String, String), WorkLoginError> {
        let directory = self.directory(visit.school).ok_or(WorkLoginError::NotConfigured)?;
        let school = self.schools.by_code(visit.school).await?;
        let school = school.ok_or(WorkLoginError::NotConfigured)?;
        let state = hex::encode(rand::random::<[u8; 16]>());
        let within = directory.is_within(visit.user_agent);
        let address = directory.authorize_url(&self.redirect_uri, &state, within);
        let next = if visit.next.len() <= LONGEST_NEXT { visit.next } else { "" };
        let carried = Carried {
            school: school.code.clone(),
            next: next.to_owned(),
            until: self.clock.now().plus(AWAY_FOR).micros(),
            stage: Stage::Away { state },
        };
        Ok((address, self.seal(&carried)?))
    }

    /// Takes back who was sent: what the browser carries from here on, for the second factor.
    pub async fn came_back(
        &self,
        cookie: Option<&str>,
        (code, state): (&str, &str),
    ) -> Result<String, WorkLoginError> {
        let carried = self.open(cookie).ok_or(WorkLoginError::Stale)?;
        let Stage::Away { state: ours } = &carried.stage else { return Err(WorkLoginError::Stale) };
        if !bool::from(ours.as_bytes().ct_eq(state.as_bytes())) || !self.is_first(state).await {
            return Err(WorkLoginError::Stale);
        }
        if code.is_empty() || code.len() > LONGEST_CODE {
            return Err(DirectoryError::CodeRefused.into());
        }
        let directory = self.directory(&carried.school).ok_or(WorkLoginError::NotConfigured)?;
        let work_id = self.turns.ask(directory.as_ref(), code).await?;
        let school = self.school(&carried.school).await?;
        let login = self.accounts.linked(school, &work_id).await?;
        let login = login.ok_or(WorkLoginError::NotLinked)?;
        self.seal(&Carried {
            until: self.clock.now().plus(FACTOR_WITHIN).micros(),
            stage: Stage::Known { login: login.uuid(), work_id: work_id.to_string() },
            ..carried
        })
    }

    /// Whether the browser carries who somebody is, and waits for the second factor.
    pub fn waits_for_factor(&self, cookie: Option<&str>) -> bool {
        self.open(cookie).is_some_and(|carried| matches!(carried.stage, Stage::Known { .. }))
    }

    /// Signs in with a code of the second factor: the session, and where to go.
    pub async fn finish(
        &self,
        cookie: Option<&str>,
        totp: SecretString,
    ) -> Result<(StaffGrant, String), WorkLoginError> {
        let carried = self.open(cookie).ok_or(WorkLoginError::Stale)?;
        let Stage::Known { login, work_id } = carried.stage else {
            return Err(WorkLoginError::Stale);
        };
        let attempt = WorkSignIn {
            school: self.school(&carried.school).await?,
            login: crate::staff_accounts::StaffId::from_uuid(login),
            work_id: work_id.parse().map_err(|_| WorkLoginError::Stale)?,
            totp,
        };
        let grant = self.accounts.sign_in_at_work(&attempt).await?;
        Ok((grant, carried.next))
    }

    fn directory(&self, school: &str) -> Option<&Arc<dyn WorkDirectory>> {
        let WorkDirectories { general, own } = self.directories.as_ref();
        own.get(school).or(general.as_ref())
    }

    async fn school(&self, code: &str) -> Result<SchoolId, WorkLoginError> {
        let school = self.schools.by_code(code).await?;
        Ok(school.ok_or(WorkLoginError::NotConfigured)?.id)
    }

    /// Whether a state comes back for the first time. Where the store does not answer the code decides, which
    /// is good once as well.
    async fn is_first(&self, state: &str) -> bool {
        let digest = Sha256::digest(state.as_bytes());
        let key = format!("work-login:{}", hex::encode(digest));
        self.kv.put_once(&key, b"1", AWAY_FOR).await.unwrap_or(true)
    }

    fn seal(&self, carried: &Carried) -> Result<String, WorkLoginError> {
        carried.sealed(&self.sealer).ok_or(WorkLoginError::Unsealed)
    }

    fn open(&self, cookie: Option<&str>) -> Option<Carried> {
        Carried::opened(cookie?, &self.sealer, self.clock.now())
    }
}
