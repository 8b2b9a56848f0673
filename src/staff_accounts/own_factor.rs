//! A new second factor of the own login while the one in force is at hand: another phone, say.

use super::{
    OfferedFactor, StaffAccounts, StaffAct, StaffMember, StaffSignInError, TRIES_OF_FACTOR,
    factor::Shown,
    recovery::RecoveryHashes,
    registry::entry,
    sign_in::totp_code,
    store::{self, sessions},
};
use crate::{
    audit::{self, AuditAct},
    base::crypto::totp::TotpSecret,
    passwords::TryCounts,
};
use secrecy::SecretString;
use zeroize::Zeroizing;

impl StaffAccounts {
    /// Offers a secret, in place of one that was offered before. It comes into force with a code of it: by
    /// [`StaffAccounts::replace_own_factor`], or at a sign-in. Until then the other one stays. Needs a second
    /// factor that was just given.
    pub async fn offer_own_factor(
        &self,
        member: &StaffMember,
    ) -> Result<OfferedFactor, StaffSignInError> {
        let (offer, now) = (TotpSecret::random()?, self.clock.now());
        self.db
            .in_tx(async |tx| {
                let found = store::lock(tx, member.id).await?.filter(|account| account.enabled);
                let account = found.ok_or(StaffSignInError::BadToken)?;
                account.roles.allow(StaffAct::ChangeOwnFactor, member.factor_at, now)?;
                let before = account.factor;
                let then = self.keeper.offering(member.id, before.clone(), &offer)?;
                Ok::<_, StaffSignInError>(
                    store::set_factor(tx, member.id, &before, then, now).await?,
                )
            })
            .await?;
        self.told(member, &offer).await
    }

    /// The secret that was offered and is not in force yet.
    pub async fn offered_own_factor(
        &self,
        member: &StaffMember,
    ) -> Result<Option<OfferedFactor>, StaffSignInError> {
        let account = store::by_id(&self.db, member.id).await?;
        let account = account.ok_or(StaffSignInError::BadToken)?;
        match self.keeper.offered(member.id, &account.factor)? {
            Some(offer) => self.told(member, &offer).await.map(Some),
            None => Ok(None),
        }
    }

    /// Puts the offered secret in force with a code of it, and ends the other sessions of the login.
    /// Returns new recovery codes, which are told once. Needs a second factor that was just given.
    pub async fn replace_own_factor(
        &self,
        member: &StaffMember,
        totp: &SecretString,
    ) -> Result<Vec<Zeroizing<String>>, StaffSignInError> {
        let (code, now) = (totp_code(totp)?, self.clock.now());
        let tries = self.counts.subject(member.school, TRIES_OF_FACTOR, &member.login);
        self.counts.count(&tries, now).await?;
        let (codes, recovery) = RecoveryHashes::issue(member.id)?;
        let db = self.db.clone().acting_as(member.actor(""));
        db.in_tx(async |tx| {
            let found = store::lock(tx, member.id).await?.filter(|account| account.enabled);
            let account = found.ok_or(StaffSignInError::BadToken)?;
            account.roles.allow(StaffAct::ChangeOwnFactor, member.factor_at, now)?;
            let shown = self.keeper.judge(member.id, &account.factor, &code, now)?;
            let Shown::Good { mut then, enrolled: true } = shown else {
                return Err(StaffSignInError::Refused);
            };
            then.recovery = recovery.clone();
            store::set_factor(tx, member.id, &account.factor, then, now).await?;
            sessions::end_others(tx, member.id, member.session, now).await?;
            TryCounts::forget(tx, &tries).await?;
            let replaced = entry(AuditAct::StaffFactorReplaced, &account);
            Ok(audit::record(tx, &replaced, now).await?)
        })
        .await?;
        Ok(codes)
    }

    async fn told(
        &self,
        member: &StaffMember,
        offer: &TotpSecret,
    ) -> Result<OfferedFactor, StaffSignInError> {
        let school = self.schools.require(member.school).await?;
        let name = format!("{}@{}", member.login, school.code);
        let (secret, otpauth_uri) = (offer.base32(), offer.otpauth_uri(&name));
        Ok(OfferedFactor { secret, otpauth_uri, needs_password: false })
    }
}
