//! What `verify` asks about the transfers of each kind.

use super::{Settings, providers::Providers};
use crate::{
    adjustments::audit::AdjustmentsExplain,
    base::{
        clock::{Clock, SystemClock},
        crypto::seal::Sealer,
        db::{Db, DbError},
        http_client::{self, Timeouts},
        kv::{Kv, MemoryKv},
    },
    ledger::verify::Explains,
    payments::audit::{PaymentsExplain, refunds::RefundsExplain},
    reconciliation::audit::BillsExplain,
    spend::audit::ChargesExplain,
};
use std::sync::Arc;

/// Why nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum NoProof {
    /// TLS certificates of this machine.
    #[error("the TLS certificates of this machine cannot be used: {0}")]
    Http(#[from] reqwest::Error),
    /// The keys that providers signed with once cannot be read.
    #[error("the database cannot be used: {0}")]
    Db(#[from] DbError),
}

/// Every room that posts transfers. A kind that none of them registers is a break. Gateways check
/// signatures only; they call nobody.
pub async fn rooms(settings: &Settings, db: &Db) -> Result<Vec<Box<dyn Explains>>, NoProof> {
    let http = http_client::build(Timeouts::default())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let kv: Arc<dyn Kv> = Arc::new(MemoryKv::new(Arc::clone(&clock)));
    let sealer = Sealer::new(settings.config.keys.data.clone());
    let providers = Providers::build(&settings.providers, &http, &clock, (&kv, &sealer));
    providers.recall_keys(db).await?;
    let gateways = Arc::new(providers.gateways(&settings.config));
    Ok(vec![
        Box::new(PaymentsExplain { gateways: Arc::clone(&gateways) }),
        Box::new(RefundsExplain { gateways }),
        Box::new(ChargesExplain),
        Box::new(BillsExplain),
        Box::new(AdjustmentsExplain),
    ])
}
