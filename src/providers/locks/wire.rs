//! The bodies of orders and answers.

use crate::keyring::{LockAnswer, LockRefusal, OpenOrder, OpeningId};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Body {
    request_id: String,
    outcome: Outcome,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Opened,
    Refused,
    NotKnownYet,
    NotReceived,
}

/// An order as it is sent.
pub(super) fn order(order: &OpenOrder<'_>) -> String {
    let OpenOrder { id, until, .. } = order;
    json!({ "request_id": id.to_string(), "open_until": until.seconds() }).to_string()
}

/// What an answer says of this order; `None` if it is of another form, or about another one.
pub(super) fn read(body: &[u8], id: OpeningId) -> Option<LockAnswer> {
    let Body { request_id, outcome, reason } = serde_json::from_slice(body).ok()?;
    if request_id != id.to_string() {
        return None;
    }
    Some(match (outcome, reason) {
        (Outcome::Opened, None) => LockAnswer::Opened,
        (Outcome::Refused, reason) => {
            LockAnswer::Refused(reason.as_deref().map_or(LockRefusal::Other, told_reason))
        }
        (Outcome::NotKnownYet, _) => LockAnswer::Unknown,
        (Outcome::NotReceived, _) => LockAnswer::NotReceived,
        // Opened, and a reason why not.
        (Outcome::Opened, Some(_)) => return None,
    })
}

/// What adapters may say; the others are our own words.
fn told_reason(code: &str) -> LockRefusal {
    match LockRefusal::from_code(code) {
        LockRefusal::Unreachable | LockRefusal::NotReceived => LockRefusal::Other,
        refusal @ (LockRefusal::NoSuchLock
        | LockRefusal::Offline
        | LockRefusal::Blocked
        | LockRefusal::Battery
        | LockRefusal::TooLate
        | LockRefusal::Other) => refusal,
    }
}
