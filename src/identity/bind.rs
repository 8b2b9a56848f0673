//! Binding, unbinding, and the change of the query password.

use super::{BindingView, Identities, phone, sign_in::SignInError};
use crate::{
    audit::AuditAct,
    base::db::{DbError, TxError},
    passcode::{Channel, EndReason},
    passwords::{ChangeError, ClaimedPerson, PasswordFault, Proven, Stranger},
    schools::{
        Person, School,
        policy::{ConsentItem, IdKind},
    },
    sessions::{self, BoundTo, NewBinding, SignedIn, Student, phones},
};
use secrecy::SecretString;

/// The data that a user presents for binding.
#[derive(Debug)]
pub struct BindingClaim {
    /// The school's code.
    pub school: String,
    /// The kind of the number.
    pub id_kind: IdKind,
    /// The number.
    pub id_value: String,
    /// The name, if the school requires it.
    pub name: Option<String>,
    /// The query password.
    pub query_password: SecretString,
    /// The version of the terms that was agreed to.
    pub consent_version: String,
    /// The items that were agreed to.
    pub consent_items: Vec<ConsentItem>,
}

/// Why an identity was not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The school does not exist.
    #[error("no such school")]
    NoSuchSchool,
    /// The school does not accept this kind of number.
    #[error("the school does not accept this kind of number")]
    IdKindNotOffered,
    /// The school also requires the name.
    #[error("the school requires the name")]
    NameMissing,
    /// Not all required items were agreed to.
    #[error("consent missing")]
    ConsentMissing,
    /// The terms agreed to are not the school's current ones.
    #[error("consent outdated")]
    ConsentOutdated,
    /// The identity or the person already has a live binding on this platform.
    #[error("already bound")]
    AlreadyBound,
    /// Number, name or password are wrong, or there were too many attempts.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// An internal error.
    #[error(transparent)]
    Inner(#[from] SignInError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a binding was not ended or a password not changed.
#[derive(Debug, thiserror::Error)]
pub enum HolderError {
    /// The binding has ended.
    #[error("no longer bound")]
    NotBound,
    /// The password was refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Identities {
    /// Binds the signed-in identity to the person whose data it presents.
    pub async fn bind(
        &self,
        who: &SignedIn,
        claim: BindingClaim,
    ) -> Result<BindingView, BindError> {
        let school = self.schools.by_code(&claim.school).await?.ok_or(BindError::NoSuchSchool)?;
        if who.bound_to.is_some() {
            return Err(BindError::AlreadyBound);
        }
        check_fields(&school, &claim)?;
        let claimed = ClaimedPerson {
            id_kind: claim.id_kind,
            id_value: claim.id_value,
            name: claim.name.filter(|_| names_count(&school, claim.id_kind)).map(Into::into),
        };
        let stranger = Stranger::Identity(who.identity);
        let proven =
            self.passwords.prove(&school, stranger, &claimed, claim.query_password).await?;
        let items = claim.consent_items.iter().map(|item| item.code());
        let new = NewBinding {
            identity: who.identity,
            platform: who.user.platform,
            to: BoundTo { person: proven.person().id, school: school.id },
            consent_version: claim.consent_version,
            consent_items: items.collect::<Vec<_>>().join(","),
        };
        let person = match self.bind_proven(&proven, &new).await {
            Ok(person) => person,
            Err(fault) if fault.db().is_some_and(DbError::is_unique_violation) => {
                return Err(BindError::AlreadyBound);
            }
            Err(fault) => return Err(fault.into()),
        };
        self.live.invalidate(&who.session).await;
        Ok(self.view(&school, &person)?)
    }

    /// Binds to a person who, by now, still has the password and belongs to the school.
    async fn bind_proven(
        &self,
        proven: &Proven,
        new: &NewBinding,
    ) -> Result<Person, PasswordFault> {
        let now = self.clock.now();
        self.db
            .in_tx_once(async |tx| {
                let person = proven.hold_member(tx, now).await?;
                sessions::bind(tx, new, now).await?;
                Ok(person)
            })
            .await
    }

    /// Ends the binding of an identity. Earlier orders and postings remain.
    pub async fn unbind(
        &self,
        student: &Student,
        query_password: SecretString,
    ) -> Result<(), HolderError> {
        let school = self.schools.require(student.school).await?;
        let proven = self.passwords.check(&school, student, query_password).await;
        let proven = proven.map_err(ChangeError::from)?;
        let ended = self.end_binding(student, &proven).await.map_err(ChangeError::from)?;
        self.live.invalidate(&student.session).await;
        if ended { Ok(()) } else { Err(HolderError::NotBound) }
    }

    /// Ends the binding, the devices enrolled under it and the phone number in one commit.
    async fn end_binding(&self, student: &Student, proven: &Proven) -> Result<bool, PasswordFault> {
        let now = self.clock.now();
        let phone_removed = phone::entry(AuditAct::PhoneRemoved, student);
        self.acting(student)
            .in_tx(async |tx| {
                proven.hold(tx).await?;
                let ended = sessions::unbind(tx, student, now).await?;
                // It was given for the card's sake.
                phones::remove(tx, student.identity, &phone_removed, now).await?;
                if let Some(channel) = Channel::of(student.user.platform).filter(|_| ended) {
                    let (person, why) = (student.person, EndReason::Unbound);
                    channel.end_devices(tx, person, why, now).await?;
                }
                Ok(ended)
            })
            .await
    }

    /// Changes the query password of the person that an identity is bound to.
    pub async fn change_password(
        &self,
        student: &Student,
        old: SecretString,
        new: SecretString,
    ) -> Result<(), HolderError> {
        let school = self.schools.require(student.school).await?;
        let changed = self.passwords.change(&school, student, old, new).await;
        // Lifts the restriction of a due password change at once.
        self.live.invalidate(&student.session).await;
        Ok(changed?)
    }
}

/// Whether a name that is given is compared: where the school requires it, and together with the ID
/// number.
fn names_count(school: &School, kind: IdKind) -> bool {
    school.policy.binding.name_required || kind == IdKind::IdNumber
}

/// The checks that do not need the person.
fn check_fields(school: &School, claim: &BindingClaim) -> Result<(), BindError> {
    let policy = &school.policy;
    if policy.consent.version.to_string() != claim.consent_version {
        return Err(BindError::ConsentOutdated);
    }
    if !policy.consent.items.iter().all(|item| claim.consent_items.contains(item)) {
        return Err(BindError::ConsentMissing);
    }
    // The ID number and the name together are accepted everywhere: strangers, who know numbers, can
    // use up the attempts by number.
    let by_name = claim.id_kind == IdKind::IdNumber && claim.name.is_some();
    if !by_name && !policy.binding.id_kinds.contains(&claim.id_kind) {
        return Err(BindError::IdKindNotOffered);
    }
    if policy.binding.name_required && claim.name.is_none() {
        return Err(BindError::NameMissing);
    }
    Ok(())
}
