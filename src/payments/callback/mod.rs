//! The providers' callbacks over HTTP: one file for each provider, with the paths and the answers of
//! its protocol.

mod alipay;
mod wechat_pay;

use super::{
    ReceiveError,
    gateway::{Headers, NotificationRefused},
};
use actix_web::http::{StatusCode, header::HeaderMap};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the callbacks of all providers; needs `Data<Payments>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(wechat_pay::transactions)
        .service(wechat_pay::refunds)
        .service(alipay::notifications);
}

/// Logs why a message was not taken. The sender is told only whether to send it again: the status, and
/// the words for it.
fn refusal(error: &ReceiveError) -> (StatusCode, &'static str) {
    match error {
        ReceiveError::NoSuchCallback => (StatusCode::NOT_FOUND, "no such callback"),
        ReceiveError::Refused(NotificationRefused::NoKeys) => {
            // Anybody can send one. That no key is known is logged as an error where keys are fetched.
            tracing::warn!("a callback came before any key was known");
            (StatusCode::SERVICE_UNAVAILABLE, "try again")
        }
        ReceiveError::Refused(why) => {
            tracing::warn!(%why, "a callback was refused");
            (StatusCode::UNAUTHORIZED, "refused")
        }
        ReceiveError::Settle(why) => {
            tracing::error!(error = %why, "a callback was not settled");
            (StatusCode::INTERNAL_SERVER_ERROR, "try again")
        }
        ReceiveError::Refund(why) => {
            tracing::error!(error = %why, "a refund's callback was not settled");
            (StatusCode::INTERNAL_SERVER_ERROR, "try again")
        }
        ReceiveError::Db(why) => {
            tracing::error!(error = %why, "a callback was not settled");
            (StatusCode::INTERNAL_SERVER_ERROR, "try again")
        }
    }
}

/// Counts a message that was not taken.
fn count_refused(status: StatusCode) {
    let verdict = if status.is_server_error() { "failed" } else { "refused" };
    metrics::counter!("onecard_callbacks_total", "verdict" => verdict).increment(1);
}

/// Headers that count only where they occur once.
#[derive(Debug)]
struct SingleHeaders<'a>(&'a HeaderMap);

impl Headers for SingleHeaders<'_> {
    // Compares names: a look-up by text would allocate a header name first.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known.as_str() == name);
        let (_, only) = values.next()?;
        if values.next().is_some() { None } else { only.to_str().ok() }
    }
}
