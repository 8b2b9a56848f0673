//! The proof of the ledger: every law, over the whole history, on one unchanging view of the
//! database. It only reads, page by page; beside one map of sums by account its memory is bounded.
//!
//! | law | what is held against what |
//! | --- | --- |
//! | chain | each seal against its fields and the seal before; the head against the last seal |
//! | transfers | each digest against row and legs; legs against their transfer |
//! | batches | count and digest of each batch against its transfers |
//! | accounts | key, person and class against the path; each leg against school and person |
//! | balances | a person's against all legs; a school's fold and tail against sealed and waiting |
//! | zero sum | all balances of a school against zero |
//! | debts | whoever is below zero against the facts that took them there |
//! | anchor | signed heads against the chain |

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

/// Why the ledger could not be checked. Breaks of laws are no errors: they are in the report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file of signed heads cannot be read.
    #[error("the file of signed heads cannot be read: {0}")]
    Anchor(#[from] std::io::Error),
}

/// Checks every law; the one about signed heads if there is an anchor.
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
