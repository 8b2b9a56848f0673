//! Sign-in at the read-only web portal by number and query password.

use super::{
    Identities,
    sign_in::{Granted, SignInError},
    tokens::RefreshSecret,
};
use crate::{
    base::db::DbError,
    passwords::{ClaimedPerson, PasswordFault, Stranger},
    schools::{School, check_id_number, policy::IdKind},
    sessions::{self, BoundTo},
};
use secrecy::SecretString;

/// Why sign-in at the portal failed.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// The school does not exist.
    #[error("no such school")]
    NoSuchSchool,
    /// The school does not use the portal.
    #[error("the school has no portal")]
    NoPortal,
    /// Number or password are wrong, or there were too many attempts.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The session could not be opened.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Identities {
    /// Opens a read-only session for the person with this number and query password.
    pub async fn sign_in_to_portal(
        &self,
        school: &str,
        id_value: String,
        query_password: SecretString,
    ) -> Result<Granted, PortalError> {
        let school = self.schools.by_code(school).await?.ok_or(PortalError::NoSuchSchool)?;
        if !school.policy.portal {
            return Err(PortalError::NoPortal);
        }
        let claimed = ClaimedPerson { id_kind: kind_of(&school, &id_value), id_value, name: None };
        let person =
            self.passwords.prove(&school, Stranger::Portal, &claimed, query_password).await?;
        let secret = RefreshSecret::random().map_err(SignInError::from)?;
        let to = BoundTo { person: person.id, school: school.id };
        let session = sessions::open_portal(&self.db, to, &secret.hash(), self.clock.now()).await?;
        Ok(self.grant(session, &secret).await?)
    }
}

/// The portal has one field for both kinds of numbers.
fn kind_of(school: &School, id_value: &str) -> IdKind {
    let is_id_number = check_id_number(&id_value.trim().to_ascii_uppercase()).is_ok();
    if is_id_number && school.policy.binding.id_kinds.contains(&IdKind::IdNumber) {
        IdKind::IdNumber
    } else {
        IdKind::StudentNo
    }
}
