//! What `verify` asks about the transfers of each kind.

use super::{Settings, providers::Providers};
use crate::{
    base::http_client::{self, Timeouts},
    ledger::verify::Explains,
    payments::audit::{PaymentsExplain, refunds::RefundsExplain},
    spend::audit::ChargesExplain,
};
use std::sync::Arc;

/// Every room that posts transfers. A kind that none of them registers is a break. Gateways check
/// signatures only; they call nobody.
pub fn rooms(settings: &Settings) -> Result<Vec<Box<dyn Explains>>, reqwest::Error> {
    let http = http_client::build(Timeouts::default())?;
    let gateways = Providers::build(&settings.providers, &http).gateways(&settings.config);
    let gateways = Arc::new(gateways);
    Ok(vec![
        Box::new(PaymentsExplain { gateways: Arc::clone(&gateways) }),
        Box::new(RefundsExplain { gateways }),
        Box::new(ChargesExplain),
    ])
}
