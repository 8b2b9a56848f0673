//! The notification of a payment: signature over the raw bytes first, then the envelope, then the
//! encrypted part, then whether it is for us and says what a credit needs.
//!
//! Whether the order exists, wants this amount and this payer, or was settled before, is decided
//! where the orders are.

use super::{
    Merchant,
    sealed::{self, ApiV3Key, NotOpened, Sealed},
    transaction::WirePayment,
    trust::Trust,
};
use crate::{
    base::clock::Timestamp,
    orders::gateway::{NotificationRefused, RawNotification, VerifiedNotification},
};
use serde::Deserialize;
use std::borrow::Cow;

/// Longest body that is looked at, in bytes; real ones have about one thousand.
pub const MAX_BYTES: usize = 64 * 1024;

/// Longest id of a notification, in characters; documented are 36.
const ID_MAX_CHARS: usize = 64;

/// Texts stay in the body, but for those that are written with escapes there.
#[derive(Deserialize)]
struct Envelope<'a> {
    id: String,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    resource_type: Cow<'a, str>,
    #[serde(borrow)]
    resource: Resource<'a>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    algorithm: Cow<'a, str>,
    #[serde(borrow)]
    original_type: Cow<'a, str>,
    #[serde(borrow)]
    ciphertext: Cow<'a, str>,
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    associated_data: Option<String>,
}

/// Checks a notification from its first byte to its last claim.
pub(super) fn verify(
    raw: &RawNotification<'_>,
    keys: &Trust,
    api_v3_key: &ApiV3Key,
    merchant: &Merchant,
    now: Timestamp,
) -> Result<VerifiedNotification, NotificationRefused> {
    if raw.body.len() > MAX_BYTES {
        return Err(NotificationRefused::Envelope);
    }
    let checked = keys.check(raw, now)?;
    let envelope = open_envelope(checked.bytes())?;
    let plaintext = decrypt(&envelope.resource, api_v3_key)?;
    let transaction = WirePayment::parse(&plaintext)?;
    if !transaction.is_of(merchant) {
        return Err(NotificationRefused::NotOurs);
    }
    if transaction.trade_state != "SUCCESS" {
        return Err(NotificationRefused::NotPaid);
    }
    let fact = transaction.into_paid_fact(checked.proof())?;
    Ok(VerifiedNotification::new(checked.proof(), envelope.id, fact))
}

/// The envelope of a successful payment; any other is refused.
fn open_envelope(body: &[u8]) -> Result<Envelope<'_>, NotificationRefused> {
    let refused = NotificationRefused::Envelope;
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|_| refused)?;
    let fits = envelope.event_type == "TRANSACTION.SUCCESS"
        && envelope.resource_type == "encrypt-resource"
        && envelope.resource.algorithm == sealed::ALGORITHM
        && envelope.resource.original_type == "transaction"
        && (1..=ID_MAX_CHARS).contains(&envelope.id.len());
    if fits { Ok(envelope) } else { Err(refused) }
}

fn decrypt(resource: &Resource<'_>, key: &ApiV3Key) -> Result<Vec<u8>, NotificationRefused> {
    let sealed = Sealed {
        algorithm: &resource.algorithm,
        nonce: &resource.nonce,
        associated_data: resource.associated_data.as_deref(),
        ciphertext: &resource.ciphertext,
    };
    sealed.open(key).map_err(|why| match why {
        NotOpened::Malformed => NotificationRefused::Envelope,
        NotOpened::Altered => NotificationRefused::Ciphertext,
    })
}
