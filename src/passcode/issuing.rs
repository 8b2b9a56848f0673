//! Issues codes to clients that cannot compute them.

use super::{
    Code, CodePurpose, Codes, DeviceKey, Enrolled, Moment, Owner, Prefixes, SubCounter, store,
};
use crate::base::{clock::Timestamp, db::DbError};
use std::time::Duration;

/// A code to show.
#[derive(Clone, Copy, Debug)]
pub struct IssuedCode {
    /// The code.
    pub code: Code,
    /// When terminals stop accepting it.
    pub valid_until: Timestamp,
    /// When to ask for the next code.
    pub refresh_after: Duration,
}

/// The result of issuing a code.
#[derive(Clone, Copy, Debug)]
pub enum IssueOutcome {
    /// A code that was not issued before.
    Issued(IssuedCode),
    /// All codes of the step were issued or used.
    UsedUp {
        /// When the next step begins.
        retry_after: Duration,
    },
}

/// A device with its derived key.
#[derive(Clone, Copy, Debug)]
pub struct KeyedDevice<'a> {
    /// The device.
    pub enrolled: &'a Enrolled,
    /// The key that its codes are derived from.
    pub key: &'a DeviceKey,
}

impl Codes {
    /// An owner's server-side device, if it is valid and its master key is configured.
    pub async fn own_device(
        &self,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Option<Enrolled>, DbError> {
        let own = store::devices::own(&self.db, owner, now).await?;
        Ok(own.filter(|own| self.directory.masters().number(&own.master_key_id).is_some()))
    }

    /// The first code of the current step that was neither issued nor used.
    pub async fn issue(
        &self,
        own: KeyedDevice<'_>,
        prefixes: &Prefixes,
        purpose: CodePurpose,
        now: Timestamp,
    ) -> Result<IssueOutcome, DbError> {
        let KeyedDevice { enrolled, key } = own;
        let Enrolled { device, generation, step, .. } = *enrolled;
        let tick = step.tick(now);
        let shown_at = step.start_of(tick);
        let used = store::uses::used_subs(&self.db, device, generation, purpose, shown_at).await?;
        let issued = self.issued_before(enrolled, purpose, now).await;
        let mut left = SubCounter::ALL.into_iter().skip(issued).filter(|sub| !used.contains(sub));
        let refresh_after = now.distance(step.start_of(tick.offset(1)));
        let Some(sub) = left.next() else {
            return Ok(IssueOutcome::UsedUp { retry_after: refresh_after });
        };
        let otp = key.otp_key(purpose).otp(Moment { tick, sub });
        let code = Code::new(prefixes, purpose, key.handle_key(purpose).handle_at(tick), otp);
        let valid_until = step.start_of(tick.offset(2));
        Ok(IssueOutcome::Issued(IssuedCode { code, valid_until, refresh_after }))
    }

    /// How many codes of the step were issued before. If the count was lost, a code is issued
    /// again; it is still valid only once.
    async fn issued_before(&self, own: &Enrolled, purpose: CodePurpose, now: Timestamp) -> usize {
        let Enrolled { device, generation, step, .. } = own;
        let (purpose, tick) = (purpose.as_str(), step.tick(now).number());
        let key = format!("code:made:{device}:{generation}:{purpose}:{tick}");
        let life = Duration::from_secs(step.seconds().into()).saturating_mul(2);
        let count = self.kv.increment(&key, life).await.unwrap_or(1);
        usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX)
    }
}
