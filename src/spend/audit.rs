//! Law: every charge has exactly one posting of its amount, every reversed charge also has exactly
//! one reverse posting, and every such posting has its charge.

use super::store;
use crate::{
    base::db::{Db, DbError},
    ledger::verify::write_held_against_postings,
};
use std::fmt;

/// The result: at most a thousand of each kind, by terminal and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChargeAudit {
    /// Charges without a posting.
    pub unposted: Vec<String>,
    /// Reversed charges without a reverse posting.
    pub kept: Vec<String>,
    /// Postings without a charge, and reverse postings without a reversed charge.
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

/// Compares charges with postings, on one snapshot.
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
