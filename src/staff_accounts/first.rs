//! The first sign-in of a login: what was printed for it, and the password that replaces the operator's.

use super::{Account, StaffAccounts, StaffSignIn, StaffSignInError, registry::is_weak, store};
use crate::base::{
    clock::Timestamp,
    crypto::hasher::{HasherError, PasswordHasher},
    db::Tx,
};
use secrecy::{ExposeSecret, SecretString};

/// The password that somebody chose at the first sign-in.
pub(super) enum NewPassword {
    None,
    Weak,
    Hashed(String),
}

impl NewPassword {
    /// Replaces the password of a login that never signed in before.
    pub(super) async fn put_in_force(
        &self,
        tx: &Tx,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), StaffSignInError> {
        if account.signed_in_at.is_some() {
            return Ok(());
        }
        match self {
            Self::None => Err(StaffSignInError::NewPasswordNeeded),
            Self::Weak => Err(StaffSignInError::NewPasswordWeak),
            Self::Hashed(hash) => Ok(store::set_password(tx, account.id, hash, now).await?),
        }
    }
}

impl StaffAccounts {
    /// Whether the client has what was printed for the first sign-in of this login. Strangers cannot use
    /// up the attempts of whoever has it.
    pub(super) fn has_slip(
        &self,
        claimed: Option<&Account>,
        code: Option<&SecretString>,
    ) -> Result<bool, StaffSignInError> {
        let (Some(account), Some(code)) = (claimed, code) else { return Ok(false) };
        let given = (code.expose_secret(), self.clock.now());
        Ok(self.keeper.is_first_code(account.id, &account.factor, given)?)
    }

    /// Hashes the password that is sent for a first sign-in, whether or not this is one: how long it takes
    /// tells nothing about the login.
    pub(super) async fn new_password(
        &self,
        pool: &PasswordHasher,
        attempt: &StaffSignIn,
    ) -> Result<NewPassword, HasherError> {
        let Some(chosen) = &attempt.new_password else { return Ok(NewPassword::None) };
        let same = chosen.expose_secret() == attempt.password.expose_secret();
        if same || is_weak(chosen, &attempt.login) {
            return Ok(NewPassword::Weak);
        }
        Ok(NewPassword::Hashed(pool.hash(chosen.clone()).await?))
    }
}
