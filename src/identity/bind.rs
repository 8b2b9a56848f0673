//! Binding an identity to a person, the end of it, and the change of the query password.

use super::{BindingView, Identities, sign_in::SignInError};
use crate::{
    base::db::DbError,
    passcode::{self, Channel, EndReason},
    passwords::{ChangeError, Claimed, PasswordFault, Stranger},
    schools::{
        School,
        policy::{ConsentItem, IdKind},
    },
    sessions::{self, BoundTo, NewBinding, SignedIn, Student},
};
use secrecy::SecretString;

/// What somebody says to be bound.
#[derive(Debug)]
pub struct BindingClaim {
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
    /// The school asks for the name too.
    #[error("the school asks for the name")]
    NameMissing,
    /// Not everything was agreed to.
    #[error("consent missing")]
    ConsentMissing,
    /// Other terms than the school's present ones were agreed to.
    #[error("consent outdated")]
    ConsentOutdated,
    /// One of the two has a live binding on this platform.
    #[error("already bound")]
    AlreadyBound,
    /// Number, name or password are wrong, or may not be tried now.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// Something of ours.
    #[error(transparent)]
    Inner(#[from] SignInError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a binding goes on, or a password stays.
#[derive(Debug, thiserror::Error)]
pub enum HolderError {
    /// The binding ended meanwhile.
    #[error("no longer bound")]
    NotBound,
    /// The password.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Identities {
    /// Binds the signed-in identity to the person that the claim proves.
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
        let claimed = Claimed {
            id_kind: claim.id_kind,
            id_value: claim.id_value,
            name: claim.name.filter(|_| school.policy.binding.name_required).map(Into::into),
        };
        let stranger = Stranger::Identity(who.identity);
        let person =
            self.passwords.prove(&school, stranger, &claimed, claim.query_password).await?;
        let items = claim.consent_items.iter().map(|item| item.code());
        let new = NewBinding {
            identity: who.identity,
            platform: who.user.platform,
            to: BoundTo { person: person.id, school: school.id },
            consent_version: claim.consent_version,
            consent_items: items.collect::<Vec<_>>().join(","),
        };
        match sessions::bind(&self.db, &new, self.clock.now()).await {
            Ok(()) => {}
            Err(error) if error.is_unique_violation() => return Err(BindError::AlreadyBound),
            Err(error) => return Err(error.into()),
        }
        self.live.invalidate(&who.session).await;
        Ok(self.view(&school, &person)?)
    }

    /// Ends the binding of an identity. What was made under it stays in the books.
    pub async fn unbind(
        &self,
        student: &Student,
        query_password: SecretString,
    ) -> Result<(), HolderError> {
        let school = self.schools.require(student.school).await?;
        let checked = self.passwords.check(&school, student, query_password).await;
        checked.map_err(ChangeError::from)?;
        let ended = self.end_binding(student).await?;
        self.live.invalidate(&student.session).await;
        if ended { Ok(()) } else { Err(HolderError::NotBound) }
    }

    /// The binding and what was enrolled under it end in one commit.
    async fn end_binding(&self, student: &Student) -> Result<bool, DbError> {
        let now = self.clock.now();
        self.db
            .in_tx(async |tx| {
                let ended = sessions::unbind(tx, student, now).await?;
                if let Some(channel) = Channel::of(student.user.platform).filter(|_| ended) {
                    let whose = (student.person, channel);
                    passcode::end_devices_of(tx, whose, EndReason::Unbound, now).await?;
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
        // Whoever must change the password first may go on at once.
        self.live.invalidate(&student.session).await;
        Ok(changed?)
    }
}

/// What can be told wrong without looking at a person.
fn check_fields(school: &School, claim: &BindingClaim) -> Result<(), BindError> {
    let policy = &school.policy;
    if policy.consent.version.to_string() != claim.consent_version {
        return Err(BindError::ConsentOutdated);
    }
    if !policy.consent.items.iter().all(|item| claim.consent_items.contains(item)) {
        return Err(BindError::ConsentMissing);
    }
    if !policy.binding.id_kinds.contains(&claim.id_kind) {
        return Err(BindError::IdKindNotOffered);
    }
    if policy.binding.name_required && claim.name.is_none() {
        return Err(BindError::NameMissing);
    }
    Ok(())
}
