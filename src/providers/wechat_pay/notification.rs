//! Verifies notifications in a fixed order: the signature over the raw bytes, the envelope, the
//! encrypted part, the merchant, the content.
//!
//! Whether the order exists, and whether amount and payer are the expected ones, is decided by
//! `payments`.

use super::{
    Merchant,
    refund::WireRefund,
    sealed::{self, ApiV3Key, NotOpened, Sealed},
    transaction::WirePayment,
    trust::Trust,
};
use crate::{
    base::{clock::Timestamp, crypto::rsa::CheckedSignature},
    payments::gateway::{NotificationRefused, Notified, RawNotification, VerifiedNotification},
};
use serde::Deserialize;
use std::borrow::Cow;

/// The longest accepted body, in bytes; real ones have about one thousand.
pub const MAX_BYTES: usize = 64 * 1024;

/// The longest id of a notification, in characters; documented as 36.
const ID_MAX_CHARS: usize = 64;

/// The documented prefix of events about refunds: `REFUND.SUCCESS`, `.ABNORMAL`, `.CLOSED`.
const REFUND_EVENTS: &str = "REFUND.";

/// Strings are borrowed from the body, except those with escape sequences.
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

/// The kind of notification, by its event.
enum Event {
    Transaction,
    Refund,
    /// An event that is not used.
    Other,
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

/// Verifies a notification and returns its content.
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
    let proof = checked.proof();
    let notified = match event(&envelope)? {
        Event::Transaction => {
            let plaintext = decrypt(&envelope.resource, api_v3_key)?;
            about_payment(WirePayment::parse(&plaintext)?, merchant, proof)?
        }
        Event::Refund => {
            let plaintext = decrypt(&envelope.resource, api_v3_key)?;
            Notified::Refund(WireRefund::notified(&plaintext, merchant, proof)?)
        }
        Event::Other => {
            tracing::warn!(event = %envelope.event_type, "a notification of an unused event");
            Notified::Nothing
        }
    };
    Ok(VerifiedNotification::new(proof, envelope.id, notified))
}

fn about_payment(
    payment: WirePayment<'_>,
    merchant: &Merchant,
    proof: &CheckedSignature,
) -> Result<Notified, NotificationRefused> {
    if !payment.is_of(merchant) {
        return Err(NotificationRefused::NotOurs);
    }
    match payment.trade_state.as_ref() {
        "SUCCESS" => Ok(Notified::Paid(payment.into_paid_fact(proof)?)),
        "REFUND" => Ok(Notified::Refunded(payment.into_named()?)),
        "CLOSED" | "REVOKED" => Ok(Notified::Closed(payment.into_named()?)),
        state => {
            tracing::warn!(state, "a notification of a payment that was not made");
            Ok(Notified::Nothing)
        }
    }
}

/// Parses the envelope of any event.
fn open_envelope(body: &[u8]) -> Result<Envelope<'_>, NotificationRefused> {
    let refused = NotificationRefused::Envelope;
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|_| refused)?;
    let fits = envelope.resource_type == "encrypt-resource"
        && envelope.resource.algorithm == sealed::ALGORITHM
        && (1..=ID_MAX_CHARS).contains(&envelope.id.len());
    if fits { Ok(envelope) } else { Err(refused) }
}

/// The kind of event. A resource that contradicts its event is refused.
fn event(envelope: &Envelope<'_>) -> Result<Event, NotificationRefused> {
    let (event, resource) = if envelope.event_type == "TRANSACTION.SUCCESS" {
        (Event::Transaction, "transaction")
    } else if envelope.event_type.starts_with(REFUND_EVENTS) {
        (Event::Refund, "refund")
    } else {
        return Ok(Event::Other);
    };
    let fits = envelope.resource.original_type == resource;
    if fits { Ok(event) } else { Err(NotificationRefused::Envelope) }
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
