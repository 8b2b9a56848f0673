//! Fetches platform certificates at the start, every few hours, and when a message has an unknown
//! serial; always in the background, never during a request.
//!
//! | after | the next fetch |
//! | --- | --- |
//! | a success | within 4 to 8 hours, at random |
//! | a failure | after 1 s, doubled for each further one up to an hour, with a quarter of jitter |
//! | an unknown serial | immediately, but not within 5 minutes of the last fetch |
//!
//! An answer must be signed with an already trusted key. On the first fetch of a process, and when
//! no trusted key is valid any more, a certificate in the answer may verify it: its encryption with
//! the API v3 key authenticates it. This exception does not apply if a public key is configured,
//! because WeChat is asked to sign with that key.
//!
//! Invariant: a certificate is kept in the database before it is trusted, so that `verify` can check
//! whatever it signed.

use super::{
    WechatPay,
    certificates::{self, BadAnswer, Fetched},
    keys::TrustedKeys,
    store,
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        job_runs,
    },
    payments::gateway::GatewayError,
};
use reqwest::Method;
use std::time::Duration;

/// How often certificates are fetched.
#[derive(Clone, Copy, Debug)]
pub struct FetchPace {
    /// The minimum pause after a success; the actual one is random, up to twice as long.
    pub fresh_for: Duration,
    /// The pause after the first failure.
    pub retry: Duration,
    /// The longest pause after failures.
    pub retry_max: Duration,
    /// Messages with unknown serials cause at most one fetch in this time.
    pub wanted_every: Duration,
}

impl Default for FetchPace {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_hours(4),
            retry: Duration::from_secs(1),
            retry_max: Duration::from_hours(1),
            wanted_every: Duration::from_mins(5),
        }
    }
}

/// Why no certificates were fetched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotFetched {
    #[error(transparent)]
    Answer(#[from] GatewayError),
    #[error(transparent)]
    Content(#[from] BadAnswer),
}

/// Why the certificates were not refreshed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRefreshed {
    #[error(transparent)]
    Fetched(#[from] NotFetched),
    #[error("they cannot be kept: {0}")]
    Kept(#[from] DbError),
}

impl FetchPace {
    /// The pause after `failures` consecutive failures; `chance` is random.
    fn pause(&self, failures: u32, chance: u8) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return self.fresh_for + self.fresh_for * u32::from(chance) / 255;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let pause = self.retry.saturating_mul(factor).min(self.retry_max);
        pause + pause / 4 * u32::from(chance) / 255
    }
}

impl WechatPay {
    /// True in platform certificate mode, in which certificates must be refreshed.
    pub fn fetches_certificates(&self) -> bool {
        self.fetches_certificates
    }

    /// Refreshes the platform certificates for as long as it is polled, and keeps each in the database.
    pub async fn keep_certificates(&self, db: &Db, clock: &dyn Clock, pace: FetchPace) {
        let mut failures = 0_u32;
        loop {
            failures = match self.refresh(db, clock.now()).await {
                Ok(()) => {
                    job_runs::done();
                    0
                }
                Err(why) => {
                    job_runs::failed("provider");
                    self.tell_failure(&why, clock.now());
                    failures.saturating_add(1)
                }
            };
            self.keys.rest(pace.pause(failures, rand::random()), pace.wanted_every).await;
        }
    }

    pub(super) async fn refresh(&self, db: &Db, now: Timestamp) -> Result<(), NotRefreshed> {
        let fetched = self.fetch(now).await?;
        store::keep(db, &self.merchant.mch_id, &fetched, now).await?;
        self.trust(fetched);
        Ok(())
    }

    /// Fetches the certificates once.
    pub(super) async fn fetch(&self, now: Timestamp) -> Result<Vec<Fetched>, NotFetched> {
        let answer = self.exchange(Method::GET, certificates::PATH, Vec::new(), now).await?;
        let open = |body: &[u8]| certificates::open(body, &self.api_v3_key, &self.signer);
        let mut ring = TrustedKeys::clone(&self.keys.ring());
        if self.may_vouch_for_itself(&ring, now) && answer.is_success() {
            let certificates = open(answer.unchecked_body())?.into_iter();
            ring = ring.with_certificates(certificates.map(|fetched| fetched.certificate));
        }
        Ok(open(answer.success_under(&ring, now)?.bytes())?)
    }

    /// Trusts these certificates in place of those fetched before.
    pub(super) fn trust(&self, fetched: Vec<Fetched>) {
        let serials: Vec<&str> = fetched.iter().map(|one| one.certificate.serial()).collect();
        let mch_id = &self.merchant.mch_id;
        tracing::info!(mch_id, ?serials, "WeChat Pay: platform certificates fetched");
        count("fetched");
        self.keys.replace_fetched(fetched.into_iter().map(|one| one.certificate));
    }

    /// Trusts every certificate that was ever fetched, each while it was valid: for `verify`, which
    /// checks what was signed long ago and fetches nothing. A kept one that the API v3 key does not
    /// open is left out.
    pub async fn recall_certificates(&self, db: &Db) -> Result<(), DbError> {
        let entries = store::of(db, &self.merchant.mch_id).await?;
        let open = |entry| certificates::open_entry(entry, &self.api_v3_key, &self.signer).ok();
        self.keys.recall(entries.iter().filter_map(open));
        Ok(())
    }

    /// The same for a command that speaks to the provider beside the server, which keeps what it fetches. Where
    /// that is nothing that is valid now, they are fetched once.
    pub async fn ready_certificates(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        self.recall_certificates(db).await?;
        if !self.fetches_certificates || !self.keys.ring().is_blind(now) {
            return Ok(());
        }
        match self.refresh(db, now).await {
            Ok(()) => Ok(()),
            Err(NotRefreshed::Kept(error)) => Err(error),
            Err(why @ NotRefreshed::Fetched(_)) => {
                self.tell_failure(&why, now);
                Ok(())
            }
        }
    }

    fn may_vouch_for_itself(&self, ring: &TrustedKeys, now: Timestamp) -> bool {
        self.public_key_id.is_none() && (!self.keys.has_fetched() || ring.is_blind(now))
    }

    /// Logs a failure; as an error if no key is valid, because no callback can be verified then.
    fn tell_failure(&self, why: &NotRefreshed, now: Timestamp) {
        let mch_id = &self.merchant.mch_id;
        if self.keys.ring().is_blind(now) {
            tracing::error!(mch_id, %why, "WeChat Pay: no key is known, callbacks must wait");
        } else {
            tracing::warn!(mch_id, %why, "WeChat Pay: platform certificates stay as they were");
        }
        count("failed");
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("onecard_wechat_pay_certificates_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_are_spread_and_failures_wait_longer_and_longer() {
        let pace = FetchPace::default();
        let (secs, mins, hours) = (Duration::from_secs, Duration::from_mins, Duration::from_hours);
        for (failures, least, most) in [
            (0, hours(4), hours(8)),
            (1, secs(1), Duration::from_millis(1250)),
            (2, secs(2), Duration::from_millis(2500)),
            (5, secs(16), secs(20)),
            (13, hours(1), mins(75)),
            (40, hours(1), mins(75)),
            (u32::MAX, hours(1), mins(75)),
        ] {
            assert_eq!(pace.pause(failures, 0), least, "{failures}");
            assert_eq!(pace.pause(failures, 255), most, "{failures}");
        }
    }
}
