//! Law: every charge has its one posting, every charge that was taken back also the posting back,
//! each of its amount; and no such posting is without its charge.

use super::store;
use crate::{
    base::db::{Db, DbError},
    ledger::verify::write_held_against_postings,
};
use std::fmt;

/// What was found. At most a thousand of each are named, by terminal and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChargeAudit {
    /// Charges without their posting.
    pub unposted: Vec<String>,
    /// Charges that were taken back, without their posting back.
    pub kept: Vec<String>,
    /// Postings without a charge, or back without a charge that was taken back.
    pub unexplained: Vec<String>,
}

impl ChargeAudit {
    /// True if the law holds.
    pub const fn is_clean(&self) -> bool {
        self.unposted.is_empty() && self.kept.is_empty() && self.unexplained.is_empty()
    }
}

impl fmt::Display for ChargeAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found: [(&[String], _); 3] = [
            (&self.unposted, "charged, and not posted"),
            (&self.kept, "taken back, and not posted back"),
            (&self.unexplained, "posted, and neither charged nor taken back"),
        ];
        write_held_against_postings(f, "charges and postings", &found)
    }
}

/// Holds charges against postings, on one unchanging view.
pub async fn audit(db: &Db) -> Result<ChargeAudit, DbError> {
    db.in_snapshot(async |tx| {
        tx.allow_long_statements().await?;
        Ok(ChargeAudit {
            unposted: store::unposted(tx).await?,
            kept: store::kept(tx).await?,
            unexplained: store::unexplained(tx).await?,
        })
    })
    .await
}
