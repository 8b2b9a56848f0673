//! The currently trusted keys of WeChat Pay: the configured ones and the last fetched platform
//! certificates.

use super::{
    certificate::PlatformCertificate,
    keys::TrustedKeys,
    received::{self, CheckedBody},
};
use crate::{
    base::clock::Timestamp,
    payments::gateway::{Headers, NotificationRefused, RawNotification},
};
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// The keys of one merchant. Messages are checked without blocking while the keys change: each
/// check sees either the old set or the new one.
pub(super) struct Trust {
    configured: TrustedKeys,
    current: ArcSwap<TrustedKeys>,
    has_fetched: AtomicBool,
    wanted: Notify,
}

impl Trust {
    /// Trusts only the configured keys.
    pub(super) fn new(configured: TrustedKeys) -> Self {
        let current = ArcSwap::from_pointee(configured.clone());
        let (has_fetched, wanted) = (AtomicBool::new(false), Notify::new());
        Self { configured, current, has_fetched, wanted }
    }

    /// The current keys.
    pub(super) fn ring(&self) -> Arc<TrustedKeys> {
        self.current.load_full()
    }

    /// Checks a message. One with an unknown certificate serial wakes [`Trust::rest`].
    pub(super) fn check<'a>(
        &self,
        message: &RawNotification<'a>,
        now: Timestamp,
    ) -> Result<CheckedBody<'a>, NotificationRefused> {
        let checked = received::check(message, &self.current.load(), now);
        checked.inspect_err(|why| self.want(*why, message.headers))
    }

    /// Checks a message's headers. One with an unknown certificate serial wakes [`Trust::rest`].
    pub(super) fn check_head(
        &self,
        headers: &dyn Headers,
        now: Timestamp,
    ) -> Result<(), NotificationRefused> {
        let checked = received::check_head(headers, &self.current.load(), now);
        checked.inspect_err(|why| self.want(*why, headers))
    }

    fn want(&self, why: NotificationRefused, headers: &dyn Headers) {
        let unknown =
            matches!(why, NotificationRefused::UnknownSerial | NotificationRefused::NoKeys);
        if unknown && headers.get("wechatpay-serial").is_some_and(is_certificate_serial) {
            self.wanted.notify_one();
        }
    }

    /// Atomically replaces the previously fetched certificates.
    pub(super) fn replace_fetched(
        &self,
        certificates: impl IntoIterator<Item = PlatformCertificate>,
    ) {
        self.recall(certificates);
        self.has_fetched.store(true, Ordering::Release);
    }

    /// The same with certificates that were fetched once, but not by this process.
    pub(super) fn recall(&self, certificates: impl IntoIterator<Item = PlatformCertificate>) {
        let ring = self.configured.clone().with_certificates(certificates);
        self.current.store(Arc::new(ring));
    }

    /// True after certificates were fetched.
    pub(super) fn has_fetched(&self) -> bool {
        self.has_fetched.load(Ordering::Acquire)
    }

    /// Waits for `pause`, or until a message has an unknown certificate serial, but at least for
    /// `deaf`. A message that arrived earlier counts too.
    pub(super) async fn rest(&self, pause: Duration, deaf: Duration) {
        let deaf = deaf.min(pause);
        tokio::time::sleep(deaf).await;
        // Both a wake-up and a time-out end the wait.
        let _ = tokio::time::timeout(pause.saturating_sub(deaf), self.wanted.notified()).await;
    }
}

/// True for serials of certificates; public keys cannot be fetched.
fn is_certificate_serial(serial: &str) -> bool {
    (1..=40).contains(&serial.len()) && serial.bytes().all(|byte| byte.is_ascii_hexdigit())
}
