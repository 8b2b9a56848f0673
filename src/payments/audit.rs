//! Law: every settled payment has exactly one posting, and every posting of received money its fact.

use super::store;
use crate::{
    base::db::{Db, DbError},
    ledger::verify::write_held_against_postings,
    orders,
};
use std::fmt;

/// What was found. At most a thousand of each are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentAudit {
    /// Paid payments without a posting of their amount.
    pub unposted: Vec<String>,
    /// Postings that neither a payment nor a case explains.
    pub unexplained: Vec<String>,
    /// Orders whose state and payments do not fit.
    pub unpaid: Vec<String>,
}

impl PaymentAudit {
    /// True if the law holds.
    pub const fn is_clean(&self) -> bool {
        self.unposted.is_empty() && self.unexplained.is_empty() && self.unpaid.is_empty()
    }
}

impl fmt::Display for PaymentAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found: [(&[String], _); 3] = [
            (&self.unposted, "paid, and not posted"),
            (&self.unexplained, "posted, and neither paid nor a case"),
            (&self.unpaid, "an order whose state and payments do not fit"),
        ];
        write_held_against_postings(f, "payments and postings", &found)
    }
}

/// Holds payments against postings, on one unchanging view.
pub async fn audit(db: &Db) -> Result<PaymentAudit, DbError> {
    db.in_snapshot(async |tx| {
        tx.allow_long_statements().await?;
        Ok(PaymentAudit {
            unposted: store::unposted(tx).await?,
            unexplained: store::unexplained(tx).await?,
            unpaid: orders::audit::unpaid(tx).await?,
        })
    })
    .await
}
