//! The query password (查询密码): verification, attempt limits, changes.
//!
//! Invariant: an attempt is counted in the database before its password is verified, and the count
//! is taken back if it was correct or could not be verified. Concurrency and crashes therefore give
//! nobody an extra attempt.
//! Invariant: attempts at a person who does not exist are counted, delayed and refused like others,
//! at the cost of the same Argon2 run.
//! Invariant: unbound callers never delay an identity that is bound to the person: their attempts
//! are counted separately, and they use a separate Argon2 pool.
//! Invariant: unbound callers keep no owner out. Where they used up the attempts by number, a first
//! binding goes on by ID number and name together, and the portal by a code of a bound phone; none of
//! these attempts can be spent by who does not know name or code.
//! Invariant: the password of a slip is good for a day, binds or signs in once, and must be changed before
//! anything else; it is made by two members of staff, and replaces the default too ([`PasswordSlip`]).
//! Invariant: no password is hashed inside a transaction. A verified password is a [`Proven`], and
//! the transaction that acts on it asks, under the person's lock, whether it is still in force.

mod change;
mod counts;
mod doors;
mod portal_code;
mod problem;
mod proven;
mod reset;
mod store;
pub mod tries;

pub use change::ChangeError;
pub use counts::{CountedTry, TryCounts, TrySubject};
pub use doors::{
    ClaimedPerson, Stranger, TRIES_AT_BINDING, TRIES_AT_PORTAL, TRIES_BY_NAME, TRIES_OF_IDENTITY,
};
pub use portal_code::PortalCode;
pub use proven::{Proven, hold_student};
pub use reset::PasswordSlip;

use crate::{
    base::{
        clock::{Clock, Day, Timestamp},
        crypto::{
            blind::BlindIndex,
            hasher::{HasherError, PasswordHasher},
            password::equals_default,
            seal::{SealError, Sealer},
        },
        db::{Db, DbError, Tx, TxError},
        ids::{PersonId, SchoolId},
        job_runs,
    },
    schools::{People, Person, School, policy::IdKind},
    sessions::Student,
};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use store::{Counted, NotCounted, SubjectDigest};
use tries::{DAY, Limit, Wait};

/// Phones enrolled per day for one person on one platform, with the password and without it each.
pub const ENROLMENTS_A_DAY: i64 = 20;
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
    slips: Slips,
}

/// Which passwords of slips are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slips {
    /// None: a till does not take them.
    Never,
    /// Those that were not used, for who binds or signs in.
    Unused,
    /// Used ones as well, for who is bound and must change it.
    WhileGood,
}

impl Slips {
    /// Whether the password in force may be used at `now`.
    fn accept(self, person: &Person, now: Timestamp) -> bool {
        match (person.slip_until, self) {
            (None, _) => true,
            (Some(_), Self::Never) => false,
            (Some(until), Self::Unused) => now < until && !person.slip_used,
            (Some(until), Self::WhileGood) => now < until,
        }
    }
}

impl PasswordAttempt {
    fn by(self, slips: Slips) -> Self {
        Self { slips, ..self }
    }
}

impl PasswordKind {
    const fn with(self, given: SecretString) -> PasswordAttempt {
        PasswordAttempt { kind: self, given, slips: Slips::Never }
    }

    /// The stored hash; `None` while the default is in force.
    fn hash_of(self, person: &Person) -> Option<&str> {
        match self {
            Self::Query => person.password_hash.as_deref(),
            Self::Consumption => person.consumption_hash.as_deref(),
        }
    }
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

impl TxError for PasswordFault {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Wrong | Self::TooManyTries { .. } | Self::Hasher(_) | Self::Sealed(_) => None,
        }
    }
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
    ) -> Result<Proven, PasswordFault> {
        self.check_with(school, student, given, |_| Ok(true)).await
    }

    /// Verifies the query password together with what else the holder said of the person; which of
    /// them was wrong is not told, and one attempt is counted.
    pub async fn check_with(
        &self,
        school: &School,
        student: &Student,
        given: SecretString,
        also: impl Fn(&Person) -> Result<bool, SealError>,
    ) -> Result<Proven, PasswordFault> {
        let Student { identity, person, .. } = *student;
        let limits = [(
            self.subject(school.id, "try:holder", &format!("{identity}:{person}")),
            Limit::Growing,
        )];
        let counted = self.count(&limits).await?;
        let found = self.people.get(person).await?;
        let attempt = Query.with(given).by(Slips::WhileGood);
        let fits = self.fits(&self.for_holders, school, found.as_ref(), attempt).await;
        let fits = self.settle_count(fits, &counted).await?;
        let also = found.as_ref().map(also).transpose()?.unwrap_or(false);
        self.judge(found.filter(|_| fits & also), &limits).await
    }

    /// Verifies a password entered at a till for the person who showed the code. Failed attempts
    /// increase the wait before the next one, at all tills.
    pub async fn check_at_till(
        &self,
        school: &School,
        person: PersonId,
        kind: PasswordKind,
        given: SecretString,
    ) -> Result<Option<Proven>, PasswordFault> {
        let limits = [(self.subject(school.id, "try:till", &person.to_string()), Limit::Growing)];
        let counted = self.count(&limits).await?;
        let found = self.people.get(person).await?;
        let fits = self.fits(&self.for_holders, school, found.as_ref(), kind.with(given)).await;
        let fits = self.settle_count(fits, &counted).await?;
        let Some(person) = found.filter(|_| fits) else { return Ok(None) };
        self.db.in_tx(async |tx| store::give_back(tx, &limits).await).await?;
        Ok(Some(Proven::new(person, kind)))
    }

    /// Verifies number, name and password together; returns the person, who must belong to the
    /// school.
    pub async fn prove(
        &self,
        school: &School,
        stranger: Stranger,
        claimed: &ClaimedPerson,
        given: SecretString,
    ) -> Result<Proven, PasswordFault> {
        let limits = self.limits(school, stranger, claimed);
        self.attempt(school, (&self.for_strangers, &limits), claimed, given).await
    }

    /// One attempt of somebody who claims to be a person, in that pool and counted so.
    async fn attempt(
        &self,
        school: &School,
        (pool, limits): (&PasswordHasher, &[(SubjectDigest, Limit)]),
        claimed: &ClaimedPerson,
        given: SecretString,
    ) -> Result<Proven, PasswordFault> {
        let counted = self.count(limits).await?;
        let today = self.clock.now().day();
        let found = self.find(school.id, claimed, today).await?;
        let attempt = Query.with(given).by(Slips::Unused);
        let fits = self.fits(pool, school, found.as_ref(), attempt).await;
        let fits = self.settle_count(fits, &counted).await?;
        let named = self.is_named(found.as_ref(), claimed.name.as_ref())?;
        let proven = found.filter(|person| person.standing().holds_on(today));
        self.judge(proven.filter(|_| fits & named), limits).await
    }

    /// Counts the enrolment of a phone in the transaction that enrols it. Those with the password are
    /// counted apart, so that a phone without it cannot use them up.
    pub async fn count_enrolment(
        &self,
        tx: &Tx,
        student: &Student,
        proven: bool,
        now: Timestamp,
    ) -> Result<(), PasswordFault> {
        let Student { person, school, user, .. } = student;
        let field = if proven { "enrolments:proven" } else { "enrolments:known" };
        let of = self.subject(*school, field, &format!("{}:{person}", user.platform.code()));
        store::count(tx, &[(of, Limit::Daily(ENROLMENTS_A_DAY))], now).await?;
        Ok(())
    }

    /// Deletes expired counts periodically, for as long as the process lives.
    pub async fn upkeep(self) {
        loop {
            match job_runs::noted(store::prune(&self.db, self.clock.now().minus(DAY)).await) {
                Ok(0) => tokio::time::sleep(UPKEEP_EVERY).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "expired attempt counts could not be deleted; will retry");
                    tokio::time::sleep(UPKEEP_EVERY).await;
                }
            }
        }
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
    ) -> Result<Proven, PasswordFault> {
        let person = proven.ok_or(PasswordFault::Wrong)?;
        self.db.in_tx(async |tx| store::give_back(tx, limits).await).await?;
        Ok(Proven::new(person, Query))
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
        let PasswordAttempt { kind, given, slips } = attempt;
        let own = person.and_then(|person| kind.hash_of(person)).map(ToOwned::to_owned);
        let has_own = own.is_some();
        let fits_own = hasher.verify(given.clone(), own).await?;
        let accepted = |person: &Person| kind != Query || slips.accept(person, self.clock.now());
        let fits_own = fits_own && person.is_none_or(accepted);
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
        Ok(equals_default(&doors::plain_name(name), &doors::plain_name(&stored)))
    }
}
