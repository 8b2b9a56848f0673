//! Checks every law of the ledger over the whole history, on one snapshot of the database. It only
//! reads, page by page; apart from one map of sums by account its memory use is bounded.
//!
//! | law | what is compared |
//! | --- | --- |
//! | chain | each seal with its fields and the previous seal; the head with the last seal |
//! | transfers | each digest with row and legs; legs with their transfer |
//! | batches | count and digest of each batch with its transfers |
//! | accounts | key, person and class with the path; each leg with school and person |
//! | balances | a person's with all legs; a school's fold and tail with sealed and unsealed legs |
//! | zero sum | the sum of all balances of a school with zero |
//! | debts | each person's debt with the sum that facts debited |
//! | anchor | signed heads with the chain |

mod anchor;
mod books;
mod chain;
mod history;
mod report;

pub use anchor::Anchor;
pub use report::{Break, Finding, Law, Reach, Report, Subject, write_held_against_postings};

use crate::base::db::{Db, DbError};
use books::Books;
use history::{History, Walked};

/// Why the ledger could not be checked. Broken laws are not errors: they are in the report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file of signed heads cannot be read.
    #[error("the file of signed heads cannot be read: {0}")]
    Anchor(#[from] std::io::Error),
}

/// Checks every law; the law about signed heads only if there is an anchor.
pub async fn verify(db: &Db, anchor: Option<Anchor<'_>>) -> Result<Report, VerifyError> {
    db.in_snapshot(async |tx| {
        tx.allow_long_statements().await?;
        let (chain, reaches) = chain::check(tx).await?;
        let books = Books::open(tx).await?;
        let Walked { books, transfers, batches, waiting } = History::new(books).walk(tx).await?;
        let mut findings = vec![chain, transfers, batches];
        findings.extend(books.close(tx).await?);
        if let Some(anchor) = anchor {
            findings.push(anchor::check(tx, anchor).await?);
        }
        Ok(Report { findings, reaches, waiting })
    })
    .await
}
