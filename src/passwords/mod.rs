//! The query password (查询密码): verification, attempt limits, changes.
//!
//! Invariant: an attempt is counted in the database before its password is verified, and the count
//! is taken back if it was correct or could not be verified. Concurrency and crashes therefore give
//! nobody an extra attempt.
//! Invariant: attempts at a person who does not exist are counted, delayed and refused like others,
//! at the cost of the same Argon2 run.
//! Invariant: unbound callers never delay an identity that is bound to the person: their attempts
//! are counted separately, and they use a separate Argon2 pool.
//! Invariant: no password is hashed inside a transaction.

mod change;
mod problem;
mod store;
pub mod tries;

pub use change::ChangeError;

use crate::{
    base::{
        clock::{Clock, Day},
        crypto::{
            blind::BlindIndex,
            hasher::{HasherError, PasswordHasher},
            password::equals_default,
            seal::{SealError, Sealer},
        },
        db::{Db, DbError},
        ids::{PersonId, SchoolId},
    },
    schools::{People, Person, School, policy::IdKind},
    sessions::{IdentityId, Student},
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};
use store::{Counted, NotCounted, SubjectDigest};
use tries::{DAY, Limit, Wait};

/// Failed attempts per day at one person by all unbound callers together, for binding and for the
/// portal each: 20 in all. They are counted separately so that attempts at the portal, which need
/// no account, cannot block binding.
pub const TRIES_AT_DOOR: i64 = 10;
/// Failed attempts per day of one identity at people it is not bound to.
pub const TRIES_OF_IDENTITY: i64 = 20;
/// How often expired counts are deleted.
const UPKEEP_EVERY: Duration = Duration::from_mins(10);

/// Query passwords and their attempt limits.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// The counts of attempts.
    pub db: Db,
    /// The people on the rosters.
    pub people: People,
    /// Opens the name, and the ID number from which a default password is derived.
    pub sealer: Sealer,
    /// Computes the digests under which attempts are counted.
    pub index: BlindIndex,
    /// The Argon2 pool for unbound callers.
    pub for_strangers: PasswordHasher,
    /// The Argon2 pool for bound identities.
    pub for_holders: PasswordHasher,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A password of a person. Both are initially the school's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordKind {
    /// 查询密码.
    Query,
    /// 消费密码, required above a spending limit. It is changed at the counter, not here.
    Consumption,
}

use PasswordKind::Query;

/// A password as given, and which one it should be.
struct PasswordAttempt {
    kind: PasswordKind,
    given: SecretString,
}

impl PasswordKind {
    const fn with(self, given: SecretString) -> PasswordAttempt {
        PasswordAttempt { kind: self, given }
    }
}

/// A caller that is not bound to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A signed-in identity.
    Identity(IdentityId),
    /// An anonymous visitor of the web portal.
    Portal,
}

/// The data by which an unbound caller identifies a person.
#[derive(Clone, Debug)]
pub struct ClaimedPerson {
    /// The kind of the number.
    pub id_kind: IdKind,
    /// The number.
    pub id_value: String,
    /// The name; compared if present.
    pub name: Option<SecretString>,
}

/// Why a password was refused.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFault {
    /// The person does not exist or has left, or the name or the password is wrong; callers are not
    /// told which.
    #[error("the query password is wrong")]
    Wrong,
    /// Too many failed attempts.
    #[error("too many attempts")]
    TooManyTries {
        /// The time until the next attempt.
        wait: Duration,
    },
    /// The Argon2 pool is busy, or the stored hash is invalid.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// Stored personal data could not be opened.
    #[error("personal data could not be opened: {0}")]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<NotCounted> for PasswordFault {
    fn from(error: NotCounted) -> Self {
        match error {
            NotCounted::Wait(Wait(wait)) => Self::TooManyTries { wait },
            NotCounted::Db(error) => Self::Db(error),
        }
    }
}

impl Passwords {
    /// Verifies the query password of the person that an identity is bound to.
    pub async fn check(
        &self,
        school: &School,
        student: &Student,
        given: SecretString,
    ) -> Result<Person, PasswordFault> {
        let Student { identity, person, .. } = *student;
        let limits = [(
            self.subject(school.id, "try:holder", &format!("{identity}:{person}")),
            Limit::Growing,
        )];
        let counted = self.count(&limits).await?;
        let found = self.people.get(person).await?;
        let fits = self.fits(&self.for_holders, school, found.as_ref(), Query.with(given)).await;
        let fits = self.settle_count(fits, &counted).await?;
        self.judge(found.filter(|_| fits), &limits).await
    }

    /// Verifies a password entered at a till for the person who showed the code. Failed attempts
    /// increase the wait before the next one, at all tills.
    pub async fn check_at_till(
        &self,
        school: &School,
        person: PersonId,
        kind: PasswordKind,
        given: SecretString,
    ) -> Result<bool, PasswordFault> {
        let limits = [(self.subject(school.id, "try:till", &person.to_string()), Limit::Growing)];
        let counted = self.count(&limits).await?;
        let found = self.people.get(person).await?;
        let fits = self.fits(&self.for_holders, school, found.as_ref(), kind.with(given)).await;
        if self.settle_count(fits, &counted).await? {
            self.db.in_tx(async |tx| store::give_back(tx, &limits).await).await?;
            Ok(true)
        } else {
            Ok(false)
        }
    }

    /// Verifies number, name and password together; returns the person, who must belong to the
    /// school.
    pub async fn prove(
        &self,
        school: &School,
        stranger: Stranger,
        claimed: &ClaimedPerson,
        given: SecretString,
    ) -> Result<Person, PasswordFault> {
        let limits = self.limits(school, stranger, claimed);
        let counted = self.count(&limits).await?;
        let today = self.clock.now().day();
        let found = self.find(school.id, claimed, today).await?;
        let fits = self.fits(&self.for_strangers, school, found.as_ref(), Query.with(given)).await;
        let fits = self.settle_count(fits, &counted).await?;
        let named = self.is_named(found.as_ref(), claimed.name.as_ref())?;
        let proven = found.filter(|person| person.standing().holds_on(today));
        self.judge(proven.filter(|_| fits & named), &limits).await
    }

    /// Deletes expired counts periodically, for as long as the process lives.
    pub async fn upkeep(self) {
        loop {
            match store::prune(&self.db, self.clock.now().minus(DAY)).await {
                Ok(0) => tokio::time::sleep(UPKEEP_EVERY).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "expired attempt counts could not be deleted; will retry");
                    tokio::time::sleep(UPKEEP_EVERY).await;
                }
            }
        }
    }

    /// The counts that an unbound caller's attempt adds to. They are keyed by the claimed number
    /// instead of the person, so that numbers of nobody are counted alike. If a school accepts two
    /// kinds of numbers, each gets half of the attempts.
    fn limits(
        &self,
        school: &School,
        stranger: Stranger,
        claimed: &ClaimedPerson,
    ) -> Vec<(SubjectDigest, Limit)> {
        let number = claimed.number();
        let kinds = i64::try_from(school.policy.binding.id_kinds.len()).unwrap_or(1).max(1);
        let door = match stranger {
            Stranger::Identity(_) => "try:binding",
            Stranger::Portal => "try:portal",
        };
        let at_number = self.subject(school.id, door, &number);
        let mut limits = vec![(at_number, Limit::Daily(TRIES_AT_DOOR / kinds))];
        if let Stranger::Identity(identity) = stranger {
            let pair = self.subject(school.id, "try:pair", &format!("{identity}:{number}"));
            let all = self.subject(NO_SCHOOL, "try:identity", &identity.to_string());
            limits.push((pair, Limit::Growing));
            limits.push((all, Limit::Daily(TRIES_OF_IDENTITY)));
        }
        limits
    }

    fn subject(&self, school: SchoolId, field: &str, value: &str) -> SubjectDigest {
        self.index.index(school, field, value).digest
    }

    async fn count(
        &self,
        limits: &[(SubjectDigest, Limit)],
    ) -> Result<Vec<Counted>, PasswordFault> {
        let now = self.clock.now();
        Ok(self.db.in_tx(async |tx| store::count(tx, limits, now).await).await?)
    }

    /// Returns `fits`, and takes the count back if the Argon2 pool was busy.
    async fn settle_count(
        &self,
        fits: Result<bool, PasswordFault>,
        counted: &[Counted],
    ) -> Result<bool, PasswordFault> {
        if matches!(fits, Err(PasswordFault::Hasher(HasherError::Busy))) {
            self.db.in_tx(async |tx| store::undo(tx, counted).await).await?;
        }
        fits
    }

    async fn judge(
        &self,
        proven: Option<Person>,
        limits: &[(SubjectDigest, Limit)],
    ) -> Result<Person, PasswordFault> {
        let person = proven.ok_or(PasswordFault::Wrong)?;
        self.db.in_tx(async |tx| store::give_back(tx, limits).await).await?;
        Ok(person)
    }

    async fn find(
        &self,
        school: SchoolId,
        claimed: &ClaimedPerson,
        today: Day,
    ) -> Result<Option<Person>, DbError> {
        match claimed.id_kind {
            IdKind::StudentNo => self.people.find_by_student_no(school, &claimed.id_value).await,
            IdKind::IdNumber => {
                let found = self.people.find_by_id_number(school, &claimed.id_value).await?;
                Ok(found.into_iter().find(|person| person.standing().holds_on(today)))
            }
        }
    }

    /// Compares with the person's own password, or with the school's default if there is none. One
    /// Argon2 run in every case.
    async fn fits(
        &self,
        hasher: &PasswordHasher,
        school: &School,
        person: Option<&Person>,
        attempt: PasswordAttempt,
    ) -> Result<bool, PasswordFault> {
        let PasswordAttempt { kind, given } = attempt;
        let own = person.and_then(|person| match kind {
            PasswordKind::Query => person.password_hash.clone(),
            PasswordKind::Consumption => person.consumption_hash.clone(),
        });
        let has_own = own.is_some();
        let fits_own = hasher.verify(given.clone(), own).await?;
        let default = match person {
            Some(person) if !has_own => {
                person.default_password(school.policy.password.default, &self.sealer)?
            }
            Some(_) | None => None,
        };
        Ok(fits_own || default.is_some_and(|default| equals_default(&given, &default)))
    }

    fn is_named(
        &self,
        person: Option<&Person>,
        name: Option<&SecretString>,
    ) -> Result<bool, SealError> {
        let (Some(person), Some(name)) = (person, name) else { return Ok(true) };
        let stored = person.name(&self.sealer)?;
        Ok(equals_default(&plain_name(name), &plain_name(&stored)))
    }
}

/// The school of counts that belong to no school.
const NO_SCHOOL: SchoolId = SchoolId::from_number(0);

impl ClaimedPerson {
    /// The number in its lookup form, prefixed with its kind.
    fn number(&self) -> String {
        let value = self.id_value.trim();
        match self.id_kind {
            IdKind::StudentNo => format!("student_no:{value}"),
            IdKind::IdNumber => format!("id_number:{}", value.to_ascii_uppercase()),
        }
    }
}

/// Names of minorities contain a middle dot, for which keyboards offer several characters.
fn plain_name(name: &SecretString) -> SecretString {
    let dots = ['•', '・', '‧', '∙', '⋅', '．', '.'];
    SecretString::from(name.expose_secret().trim().replace(dots, "·"))
}
