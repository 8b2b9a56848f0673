//! The providers' callbacks over HTTP: one file for each provider, with the paths and the answers of
//! its protocol.

mod wechat_pay;

use super::gateway::Headers;
use actix_web::http::header::HeaderMap;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the callbacks of all providers; needs `Data<Payments>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(wechat_pay::transactions);
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
