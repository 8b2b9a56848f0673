//! The phone number that a platform tells of its user, with the user's consent.

use super::{
    Identities,
    login::{PhoneError, ToldPhone},
};
use crate::{
    audit::{AuditAct, Entry},
    base::db::{Actor, Db, DbError},
    sessions::{
        Student,
        phones::{self, NewPhone, PhoneStoreError, StoredPhone},
    },
};

/// The version of [`PHONE_CONSENT_TEXT`]: it rises with each change of the text.
pub const PHONE_CONSENT_VERSION: &str = "1";

/// What is agreed to before a number is told.
pub const PHONE_CONSENT_TEXT: &str = "学校用手机号在校园卡出现异常时联系你。号码由你登录的平台提供，\
加密保存，页面上只显示前三位和后四位；不用于登录、绑定或付款，也不提供给他人。\
不同意不影响使用其他功能。你可以随时删除号码，解除绑定时号码一并删除。";

/// Why a number was not told, stored or shown.
#[derive(Debug, thiserror::Error)]
pub enum PhoneFault {
    /// The text that was agreed to is not the present one.
    #[error("consent outdated")]
    ConsentOutdated,
    /// The mini-program is not configured any more.
    #[error("no such app here")]
    NoSuchApp,
    /// The platform.
    #[error(transparent)]
    Platform(#[from] PhoneError),
    /// The store.
    #[error(transparent)]
    Store(#[from] PhoneStoreError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Identities {
    /// The number that is stored of this identity.
    pub async fn phone(&self, student: &Student) -> Result<Option<StoredPhone>, PhoneFault> {
        Ok(phones::of(&self.db, &self.sealer, student.identity).await?)
    }

    /// Stores the number that the platform tells, in place of the one before. `proof` is what the client
    /// got when its user tapped the platform's button.
    pub async fn set_phone(
        &self,
        student: &Student,
        proof: &str,
        consent_version: &str,
    ) -> Result<StoredPhone, PhoneFault> {
        if consent_version != PHONE_CONSENT_VERSION {
            return Err(PhoneFault::ConsentOutdated);
        }
        let user = &student.user;
        let app = self.apps.of(user.platform, Some(&user.app_id)).ok_or(PhoneFault::NoSuchApp)?;
        let ToldPhone { number, proof } = app.phone(proof).await?;
        let (now, consent_version) = (self.clock.now(), PHONE_CONSENT_VERSION);
        let new = NewPhone { student, number: number.clone(), proof, consent_version };
        let entry = entry(AuditAct::PhoneShared, student);
        phones::set(&self.acting(student), &self.sealer, &new, &entry, now).await?;
        let consent_version = PHONE_CONSENT_VERSION.to_owned();
        Ok(StoredPhone { number, consent_version, consented_at: now })
    }

    /// Deletes the number and withdraws the consent. True if there was one.
    pub async fn remove_phone(&self, student: &Student) -> Result<bool, PhoneFault> {
        let now = self.clock.now();
        let entry = entry(AuditAct::PhoneRemoved, student);
        let db = self.acting(student);
        let removing = db.in_tx(async |tx| phones::remove(tx, student.identity, &entry, now).await);
        Ok(removing.await?)
    }

    /// For the audit log: it is the identity that acts.
    pub(super) fn acting(&self, student: &Student) -> Db {
        let who = format!("identity:{}", student.identity);
        self.db.clone().acting_as(Actor { who, why: String::new() })
    }
}

/// What the audit log keeps of it: never the number.
pub(super) fn entry(act: AuditAct, student: &Student) -> Entry {
    let platform = student.user.platform.code();
    Entry {
        act,
        school: Some(student.school),
        subject: format!("identity:{}", student.identity),
        detail: format!("{platform}, consent {PHONE_CONSENT_VERSION}"),
    }
}
