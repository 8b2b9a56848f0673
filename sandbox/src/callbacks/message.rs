//! What a provider defines about its callbacks.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

use super::CallbackRefusal;
use crate::faults::CallbackFault;

/// What a provider documents about the delivery of its callbacks.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Waits before each retry; the first try is immediate.
    pub(crate) retry_after_seconds: &'static [u64],
    /// The merchant must have answered by then, network included.
    pub(crate) answer_within: Duration,
    /// Whether an answer of this status and body (its first 1024 bytes) ends the retries.
    pub(crate) accepts: fn(u16, &str) -> bool,
    /// The name of these callbacks, for faults by a seed.
    pub(crate) door: &'static str,
    /// What can go wrong with it on demand.
    pub(crate) faults: &'static [CallbackFault],
}

/// Accepts any 2xx, whatever the body says.
pub(crate) fn any_2xx(status: u16, _body: &str) -> bool {
    (200..300).contains(&status)
}

/// A message of a provider; the same id and content over all its tries.
pub(crate) trait Message: Debug + Send + Sync {
    fn terms(&self) -> &'static Terms;

    /// The notification's own id.
    fn id(&self) -> &str;

    /// The merchant's number of what it reports on, such as an order number.
    fn about(&self) -> &str;

    /// One try: signed with the time `now`, with one thing wrong where `fault` says so. Faults of
    /// the delivery itself (delayed, dropped, …) need nothing here.
    fn letter(
        &self,
        now: DateTime<Utc>,
        fault: Option<CallbackFault>,
    ) -> Result<Letter, LetterError>;

    /// The same content as another notification with an id of its own.
    fn with_fresh_id(&self) -> Result<Arc<dyn Message>, LetterError>;
}

/// A try of a message, ready to send as a POST.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The key that it names as its signer; empty where it names none.
    pub(crate) key: String,
}

/// Why a letter could not be made, in words for the control page.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LetterError(pub(crate) String);

impl From<LetterError> for CallbackRefusal {
    fn from(error: LetterError) -> Self {
        Self::Letter(error.0)
    }
}
