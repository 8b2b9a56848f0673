//! Signing in as who the school's enterprise messenger says one is: a userid that an admin linked with the
//! login takes the place of the password. The second factor is the same.

use super::{
    Account, StaffAccounts, StaffChangeError, StaffChanges, StaffGrant, StaffId, StaffSignInError,
    TRIES_OF_FACTOR, WorkId, actor,
    factor::{GivenCode, Shown},
    registry::entry,
    sign_in::totp_code,
    store::{self, changes::ChangeKind, sessions},
};
use crate::{
    audit::{self, AuditAct},
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
        tokens::RefreshSecret,
    },
    passwords::TryCounts,
};
use secrecy::SecretString;
use std::sync::atomic::{AtomicBool, Ordering};

/// Somebody of whom the messenger has just told the userid.
#[derive(Debug)]
pub struct WorkSignIn {
    /// The school.
    pub school: SchoolId,
    /// The login that was linked with the userid then.
    pub login: StaffId,
    /// The userid.
    pub work_id: WorkId,
    /// Six digits of the second factor.
    pub totp: SecretString,
}

impl StaffAccounts {
    /// The login of a school that is linked with a userid and is enabled.
    pub async fn linked(
        &self,
        school: SchoolId,
        work_id: &WorkId,
    ) -> Result<Option<StaffId>, StaffSignInError> {
        let found = store::by_work_id(&self.db, school, work_id).await?;
        Ok(found.filter(|account| account.enabled).map(|account| account.id))
    }

    /// Signs in with a code of the second factor in force. One that was printed or offered is replaced by a
    /// sign-in with the password first. Tries are counted as those at the second factor of a session.
    pub async fn sign_in_at_work(
        &self,
        attempt: &WorkSignIn,
    ) -> Result<StaffGrant, StaffSignInError> {
        let code = totp_code(&attempt.totp)?;
        let claimed = store::by_id(&self.db, attempt.login).await?;
        let claimed = claimed.filter(|account| is_theirs(account, attempt));
        let claimed = claimed.ok_or(StaffSignInError::Refused)?;
        let as_found = AtomicBool::new(true);
        let granted = self.enter_at_work(attempt, (&claimed, &as_found), &code).await;
        let to_blame = Some(&claimed).filter(|_| as_found.load(Ordering::Relaxed));
        self.failed(to_blame, true, granted)
    }

    async fn enter_at_work(
        &self,
        attempt: &WorkSignIn,
        (claimed, as_found): (&Account, &AtomicBool),
        code: &GivenCode,
    ) -> Result<StaffGrant, StaffSignInError> {
        let tries = self.counts.subject(claimed.school, TRIES_OF_FACTOR, &claimed.login);
        let (secret, now) = (RefreshSecret::random()?, self.clock.now());
        self.counts.count(&tries, now).await?;
        let db = self.db.clone().acting_as(actor(&claimed.login, &claimed.staff_no, ""));
        let session = db
            .in_tx(async |tx| {
                let found = store::lock(tx, claimed.id).await?;
                let account = found.filter(|account| is_theirs(account, attempt));
                as_found.store(account.is_some(), Ordering::Relaxed);
                let account = account.ok_or(StaffSignInError::Refused)?;
                let shown = self.keeper.judge(account.id, &account.factor, code, now)?;
                let Shown::Good { then, enrolled: false } = shown else {
                    return Err(StaffSignInError::Refused);
                };
                TryCounts::forget(tx, &tries).await?;
                store::set_factor(tx, account.id, &account.factor, then, now).await?;
                store::signed_in(tx, account.id, now).await?;
                let session = sessions::open(tx, &account, &secret.hash(), now).await?;
                let entry = entry(AuditAct::StaffSignedInAtWork, &account);
                audit::record(tx, &entry, now).await?;
                Ok(session)
            })
            .await?;
        self.grant(session, &secret).await
    }
}

impl StaffChanges<'_> {
    /// Links a login with a userid that signs it in from then on, or with none. Its sessions end. Who links
    /// one has a say in it, as who changes its factor.
    pub async fn link(
        &self,
        id: StaffId,
        work_id: Option<&WorkId>,
    ) -> Result<(), StaffChangeError> {
        let account = self.lock(id).await?;
        if account.work_id.as_ref() == work_id {
            return Err(StaffChangeError::Unchanged);
        }
        if is_taken(self.tx, account.school, work_id).await? {
            return Err(StaffChangeError::Linked);
        }
        if work_id.is_some() {
            let change = self.change(account.id, ChangeKind::Linked, Some(self.now));
            store::changes::insert(self.tx, &change).await?;
        }
        Ok(put(self.tx, account, work_id, self.now).await?)
    }
}

/// Whether the login is enabled, of this school, and linked with this userid still.
fn is_theirs(account: &Account, attempt: &WorkSignIn) -> bool {
    let linked = account.work_id.as_ref() == Some(&attempt.work_id);
    account.enabled && linked && account.school == attempt.school
}

/// Whether a login of the school is linked with the userid; with none there may be many.
pub(super) async fn is_taken(
    tx: &Tx,
    school: SchoolId,
    work_id: Option<&WorkId>,
) -> Result<bool, DbError> {
    match work_id {
        Some(work_id) => store::is_linked(tx, school, work_id).await,
        None => Ok(false),
    }
}

/// Links a locked login, or ends its link, and its sessions.
pub(super) async fn put(
    tx: &Tx,
    account: Account,
    work_id: Option<&WorkId>,
    now: Timestamp,
) -> Result<(), DbError> {
    store::set_work_id(tx, account.id, work_id, now).await?;
    sessions::end_all(tx, account.id, now).await?;
    let act = if work_id.is_some() { AuditAct::StaffLinked } else { AuditAct::StaffUnlinked };
    audit::record(tx, &entry(act, &account), now).await
}
