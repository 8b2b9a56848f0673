//! Sign-in at the read-only web portal by number and query password.

use super::{
    Identities,
    sign_in::{Granted, SignInError},
};
use crate::{
    base::{db::DbError, tokens::RefreshSecret},
    passwords::{ClaimedPerson, PasswordFault, PortalCode, Proven},
    schools::{School, check_id_number, policy::IdKind},
    sessions::{self, BoundTo, SessionId, Student},
};
use secrecy::SecretString;

/// Somebody who signs in at the portal.
#[derive(Debug)]
pub struct PortalVisit {
    /// The school's code.
    pub school: String,
    /// 学号 or 工号, or the ID number.
    pub id_value: String,
    /// The query password.
    pub query_password: SecretString,
    /// The code that the owner's phone shows.
    pub code: Option<SecretString>,
}

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
    pub async fn sign_in_to_portal(&self, visit: PortalVisit) -> Result<Granted, PortalError> {
        let PortalVisit { school, id_value, query_password, code } = visit;
        let school = self.schools.by_code(&school).await?.ok_or(PortalError::NoSuchSchool)?;
        if !school.policy.portal {
            return Err(PortalError::NoPortal);
        }
        let claimed = ClaimedPerson { id_kind: kind_of(&school, &id_value), id_value, name: None };
        let code = code.as_ref();
        let proven =
            self.passwords.prove_at_portal(&school, &claimed, query_password, code).await?;
        let secret = RefreshSecret::random().map_err(SignInError::from)?;
        let session = self.open_portal(&proven, &secret).await?;
        Ok(self.grant(session, &secret).await?)
    }

    /// The code with which the student signs in at the portal, where strangers used up the attempts.
    pub async fn portal_code(&self, student: &Student) -> Result<PortalCode, PortalError> {
        if !self.schools.require(student.school).await?.policy.portal {
            return Err(PortalError::NoPortal);
        }
        Ok(self.passwords.portal_code(student))
    }

    /// Opens a session for a person who, by now, still has the password and belongs to the school.
    /// A change of the password, which ends the portal's sessions, is either before or after it.
    async fn open_portal(
        &self,
        proven: &Proven,
        secret: &RefreshSecret,
    ) -> Result<SessionId, PasswordFault> {
        let now = self.clock.now();
        self.db
            .in_tx(async |tx| {
                let person = proven.hold_member(tx, now).await?;
                let to = BoundTo { person: person.id, school: person.school };
                Ok(sessions::open_portal(tx, to, &secret.hash(), now).await?)
            })
            .await
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
