//! Which keys of WeChat Pay's are believed at this moment: those that the operator configured, and
//! the platform certificates that were fetched last.

use super::{
    certificate::PlatformCertificate,
    keys::TrustedKeys,
    received::{self, CheckedBody},
};
use crate::{
    base::clock::Timestamp,
    payments::gateway::{NotificationRefused, RawNotification},
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

/// The keys of one merchant. Messages are checked without a lock while the keys change: each sees
/// the old ring or the new one, whole.
pub(super) struct Trust {
    configured: TrustedKeys,
    current: ArcSwap<TrustedKeys>,
    has_fetched: AtomicBool,
    wanted: Notify,
}

impl Trust {
    /// Believes what is configured, and nothing else yet.
    pub(super) fn new(configured: TrustedKeys) -> Self {
        let current = ArcSwap::from_pointee(configured.clone());
        let (has_fetched, wanted) = (AtomicBool::new(false), Notify::new());
        Self { configured, current, has_fetched, wanted }
    }

    /// The keys of this moment.
    pub(super) fn ring(&self) -> Arc<TrustedKeys> {
        self.current.load_full()
    }

    /// Checks a message. One that names a certificate that nobody knows wakes [`Trust::rest`].
    pub(super) fn check<'a>(
        &self,
        message: &RawNotification<'a>,
        now: Timestamp,
    ) -> Result<CheckedBody<'a>, NotificationRefused> {
        let checked = received::check(message, &self.current.load(), now);
        let unknown = matches!(
            checked,
            Err(NotificationRefused::UnknownSerial | NotificationRefused::NoKeys)
        );
        if unknown && message.headers.get("wechatpay-serial").is_some_and(is_certificate_serial) {
            self.wanted.notify_one();
        }
        checked
    }

    /// Puts fetched certificates in the place of those fetched before, at once for everybody.
    pub(super) fn replace_fetched(&self, certificates: Vec<PlatformCertificate>) {
        let ring = self.configured.clone().with_certificates(certificates);
        self.current.store(Arc::new(ring));
        self.has_fetched.store(true, Ordering::Release);
    }

    /// True once certificates were fetched.
    pub(super) fn has_fetched(&self) -> bool {
        self.has_fetched.load(Ordering::Acquire)
    }

    /// Waits for `pause`, or until a message names a certificate that nobody knows, for `deaf` at
    /// least. One that came before counts too.
    pub(super) async fn rest(&self, pause: Duration, deaf: Duration) {
        let deaf = deaf.min(pause);
        tokio::time::sleep(deaf).await;
        // Woken or not: the rest is over.
        let _ = tokio::time::timeout(pause.saturating_sub(deaf), self.wanted.notified()).await;
    }
}

/// Public keys cannot be fetched, only certificates can.
fn is_certificate_serial(serial: &str) -> bool {
    (1..=40).contains(&serial.len()) && serial.bytes().all(|byte| byte.is_ascii_hexdigit())
}
