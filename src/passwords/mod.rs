//! The query password (查询密码) of a person: checked, counted, changed.
//!
//! Invariant: a try is counted, in the database, before its password is looked at, and taken back
//! if it was right, or never looked at: however many try at once, and whatever dies, nobody has a
//! try more.
//! Invariant: somebody who does not exist is counted, slowed and refused like somebody who does, at
//! the cost of the same Argon2 run.
//! Invariant: strangers never slow an identity that is bound to the person: neither by what they
//! have counted, nor by the turns at Argon2 that they take.
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
use store::{Counted, NotCounted, Subject};
use tries::{DAY, Limit, Wait};

/// Failed tries of all strangers together at one person in a day, at each of the two doors, binding
/// and the portal: 20 in all. Apart, so that who needs no account cannot close the other door.
pub const TRIES_AT_DOOR: i64 = 10;
/// Failed tries of one identity in a day, at whomever it is not bound to.
pub const TRIES_OF_IDENTITY: i64 = 20;
/// How often rows that count nothing any more are removed.
const UPKEEP_EVERY: Duration = Duration::from_mins(10);

/// Query passwords, and who may try them how often.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// Counts of tries.
    pub db: Db,
    /// Rosters.
    pub people: People,
    /// Opens the ID number that a default comes from, and the name.
    pub sealer: Sealer,
    /// Makes the digests under which tries are counted.
    pub index: BlindIndex,
    /// Argon2 for whoever is not bound.
    pub for_strangers: PasswordHasher,
    /// Argon2 for identities that are bound.
    pub for_holders: PasswordHasher,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

/// A password of a person. Both begin as the school's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordKind {
    /// 查询密码.
    Query,
    /// 消费密码, asked for beyond a limit. It is changed with the card at hand, not here.
    Consumption,
}

use PasswordKind::Query;

/// Who tries the password of somebody it is not bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A signed-in identity.
    Identity(IdentityId),
    /// Anybody before a browser.
    Portal,
}

/// What a stranger says of a person.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// By what the person is named.
    pub id_kind: IdKind,
    /// The number.
    pub id_value: String,
    /// The name; compared where it is `Some`.
    pub name: Option<SecretString>,
}

/// Why a password did not open.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFault {
    /// No such person, or one who has left, another name, another password: nobody is told which.
    #[error("the query password does not fit")]
    Wrong,
    /// Too many were tried before.
    #[error("too many tries")]
    TooManyTries {
        /// Until the next try.
        wait: Duration,
    },
    /// No turn, or a stored hash that is none.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// What is stored of the person could not be opened.
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
    /// Checks the password of the person that an identity is bound to.
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
        let fits = self.fits(&self.for_holders, (school, Query), found.as_ref(), given).await;
        let fits = self.looked_at(fits, &counted).await?;
        self.judge(found.filter(|_| fits), &limits).await
    }

    /// Whether that is the person's password, given at a till to whoever shows the code. Wrong ones
    /// make the next wait longer and longer, at whatever till.
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
        let fits = self.fits(&self.for_holders, (school, kind), found.as_ref(), given).await;
        if self.looked_at(fits, &counted).await? {
            self.db.in_tx(async |tx| store::give_back(tx, &limits).await).await?;
            Ok(true)
        } else {
            Ok(false)
        }
    }

    /// The person whom number, name and password name together, while they belong to the school.
    pub async fn prove(
        &self,
        school: &School,
        stranger: Stranger,
        claimed: &Claimed,
        given: SecretString,
    ) -> Result<Person, PasswordFault> {
        let limits = self.limits(school, stranger, claimed);
        let counted = self.count(&limits).await?;
        let today = self.clock.now().day();
        let found = self.find(school.id, claimed, today).await?;
        let fits = self.fits(&self.for_strangers, (school, Query), found.as_ref(), given).await;
        let fits = self.looked_at(fits, &counted).await?;
        let named = self.is_named(found.as_ref(), claimed.name.as_ref())?;
        let proven = found.filter(|person| person.standing().holds_on(today));
        self.judge(proven.filter(|_| fits & named), &limits).await
    }

    /// Removes counts that are forgotten anyway, for as long as the process lives.
    pub async fn upkeep(self) {
        loop {
            match store::prune(&self.db, self.clock.now().minus(DAY)).await {
                Ok(0) => tokio::time::sleep(UPKEEP_EVERY).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "old tries were not removed, will be tried again");
                    tokio::time::sleep(UPKEEP_EVERY).await;
                }
            }
        }
    }

    /// What a stranger's try counts against. The claimed number stands for the person, so that
    /// one that nobody has is counted alike; where a school finds people by two numbers, each has
    /// half of the tries of a door.
    fn limits(
        &self,
        school: &School,
        stranger: Stranger,
        claimed: &Claimed,
    ) -> Vec<(Subject, Limit)> {
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

    fn subject(&self, school: SchoolId, field: &str, value: &str) -> Subject {
        self.index.index(school, field, value).digest
    }

    async fn count(&self, limits: &[(Subject, Limit)]) -> Result<Vec<Counted>, PasswordFault> {
        let now = self.clock.now();
        Ok(self.db.in_tx(async |tx| store::count(tx, limits, now).await).await?)
    }

    /// `fits`; a try that got no turn is as one that was not made.
    async fn looked_at(
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
        limits: &[(Subject, Limit)],
    ) -> Result<Person, PasswordFault> {
        let person = proven.ok_or(PasswordFault::Wrong)?;
        self.db.in_tx(async |tx| store::give_back(tx, limits).await).await?;
        Ok(person)
    }

    async fn find(
        &self,
        school: SchoolId,
        claimed: &Claimed,
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

    /// The person's own password, or the school's default while there is none of their own. One
    /// Argon2 run, whoever is asked for.
    async fn fits(
        &self,
        hasher: &PasswordHasher,
        (school, kind): (&School, PasswordKind),
        person: Option<&Person>,
        given: SecretString,
    ) -> Result<bool, PasswordFault> {
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

/// Counts that belong to no school.
const NO_SCHOOL: SchoolId = SchoolId::from_number(0);

impl Claimed {
    /// The number in the form in which it is looked up, after its kind.
    fn number(&self) -> String {
        let value = self.id_value.trim();
        match self.id_kind {
            IdKind::StudentNo => format!("student_no:{value}"),
            IdKind::IdNumber => format!("id_number:{}", value.to_ascii_uppercase()),
        }
    }
}

/// Names of minorities hold a middle dot, for which keyboards offer several.
fn plain_name(name: &SecretString) -> SecretString {
    let dots = ['•', '・', '‧', '∙', '⋅', '．', '.'];
    SecretString::from(name.expose_secret().trim().replace(dots, "·"))
}
