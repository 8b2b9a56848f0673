//! Binding an identity to a person: the number on the card and the query password.

use super::{BindingView, Identities, sign_in::SignInError};
use crate::{
    base::{crypto::password, db::DbError, kv::KvError},
    schools::{
        Person, PersonStatus, School,
        policy::{ConsentItem, IdKind},
    },
    sessions::{self, BoundTo, NewBinding, SignedIn},
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// Failed tries of one identity in one window.
const TRIES_OF_IDENTITY: u64 = 10;
/// Failed tries at one person in one window, by all strangers together.
const TRIES_AT_PERSON: u64 = 20;
const IDENTITY_WINDOW: Duration = Duration::from_hours(1);
const PERSON_WINDOW: Duration = Duration::from_hours(24);

/// What somebody says to be bound.
#[derive(Debug)]
pub struct Claim {
    /// The school's code.
    pub school: String,
    /// By what the person is named.
    pub id_kind: IdKind,
    /// The number.
    pub id_value: String,
    /// The name, where the school asks for it.
    pub name: Option<String>,
    /// The query password.
    pub query_password: SecretString,
    /// The version of the terms that was agreed to.
    pub consent_version: String,
    /// What was agreed to.
    pub consent_items: Vec<ConsentItem>,
}

/// Why nobody was bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No such school.
    #[error("no such school")]
    NoSuchSchool,
    /// The school does not find people by this.
    #[error("the school does not find people by this")]
    IdKindNotOffered,
    /// The school's terms were not agreed to, or older ones.
    #[error("consent missing or outdated")]
    ConsentMissing,
    /// No such person, wrong password or wrong name: the answer is the same for all.
    #[error("number, name and password do not fit together")]
    Refused,
    /// Too many tries.
    #[error("too many tries")]
    TooManyTries {
        /// How long to wait at most.
        wait: Duration,
    },
    /// One of the two has a live binding on this platform.
    #[error("already bound")]
    AlreadyBound,
    /// Tries cannot be counted now, so none is allowed.
    #[error(transparent)]
    Kv(#[from] KvError),
    /// Something of ours.
    #[error(transparent)]
    Inner(#[from] SignInError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Identities {
    /// Binds the signed-in identity to the person that the claim proves.
    pub async fn bind(&self, who: &SignedIn, claim: Claim) -> Result<BindingView, BindError> {
        let school = self.schools.by_code(&claim.school).await?.ok_or(BindError::NoSuchSchool)?;
        check_consent(&school, &claim)?;
        if !school.policy.binding.id_kinds.contains(&claim.id_kind) {
            return Err(BindError::IdKindNotOffered);
        }
        if who.bound_to.is_some() {
            return Err(BindError::AlreadyBound);
        }
        let tries = format!("bind:identity:{}", who.identity);
        self.count(&tries, TRIES_OF_IDENTITY, IDENTITY_WINDOW).await?;
        let person = self.proven(&school, claim_person(&claim), claim.query_password).await?;
        let bound = BoundTo { person: person.id, school: school.id };
        let new = NewBinding {
            identity: who.identity,
            platform: who.user.platform,
            to: bound,
            consent_version: claim.consent_version,
            consent_items: claim
                .consent_items
                .iter()
                .map(|item| item.code())
                .collect::<Vec<_>>()
                .join(","),
        };
        match sessions::bind(&self.db, &new, self.clock.now()).await {
            Ok(()) => {}
            Err(error) if error.is_unique_violation() => return Err(BindError::AlreadyBound),
            Err(error) => return Err(error.into()),
        }
        self.live.invalidate(&who.session).await;
        Ok(self.view(bound).await?)
    }

    /// The person whom number, name and password name together.
    async fn proven(
        &self,
        school: &Arc<School>,
        named: Named,
        password: SecretString,
    ) -> Result<Person, BindError> {
        let found = match named.id_kind {
            IdKind::StudentNo => self.people.find_by_student_no(school.id, &named.id_value).await?,
            IdKind::IdNumber => {
                self.people.find_by_id_number(school.id, &named.id_value).await?.into_iter().next()
            }
        };
        let person =
            found.filter(|p| p.status == PersonStatus::Active).ok_or(BindError::Refused)?;
        let tries = format!("bind:person:{}", person.id);
        self.count(&tries, TRIES_AT_PERSON, PERSON_WINDOW).await?;
        if !self.password_fits(school, &person, password).await? {
            return Err(BindError::Refused);
        }
        if school.policy.binding.name_required {
            let name = person.name(&self.sealer).map_err(|_| SignInError::Sealed)?;
            if named.name.as_deref().map(str::trim) != Some(name.expose_secret()) {
                return Err(BindError::Refused);
            }
        }
        Ok(person)
    }

    /// The person's own password, or the school's default while there is none of their own.
    async fn password_fits(
        &self,
        school: &School,
        person: &Person,
        given: SecretString,
    ) -> Result<bool, BindError> {
        if let Some(hash) = person.password_hash.clone() {
            // Argon2 takes a core for tens of milliseconds: not on the threads that answer.
            let verified =
                tokio::task::spawn_blocking(move || password::verify(&given, &hash)).await;
            return Ok(matches!(verified, Ok(Ok(true))));
        }
        let default = person
            .default_password(school.policy.password.default, &self.sealer)
            .map_err(|_| SignInError::Sealed)?;
        Ok(default.is_some_and(|default| password::equals_default(&given, &default)))
    }

    async fn count(&self, key: &str, most: u64, window: Duration) -> Result<(), BindError> {
        if self.kv.increment(key, window).await? > most {
            return Err(BindError::TooManyTries { wait: window });
        }
        Ok(())
    }
}

struct Named {
    id_kind: IdKind,
    id_value: String,
    name: Option<String>,
}

fn claim_person(claim: &Claim) -> Named {
    Named { id_kind: claim.id_kind, id_value: claim.id_value.clone(), name: claim.name.clone() }
}

fn check_consent(school: &School, claim: &Claim) -> Result<(), BindError> {
    let wanted = &school.policy.consent;
    let all = wanted.items.iter().all(|item| claim.consent_items.contains(item));
    if wanted.version.to_string() == claim.consent_version && all {
        Ok(())
    } else {
        Err(BindError::ConsentMissing)
    }
}
