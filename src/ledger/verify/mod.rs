//! Checks every law of the ledger, over the whole history or from the newest closing record on, on
//! one snapshot of the database. It only reads, by key and page by page; apart from one map of sums
//! by account its memory use is bounded.
//!
//! | law | what is compared |
//! | --- | --- |
//! | closing | closing records with the chain; only where the check begins at them |
//! | chain | each seal with its fields and the previous seal; the head with the last seal |
//! | anchor | signed heads with the chain |
//! | transfers | each digest with row and legs; legs with their transfer |
//! | batches | count and digest of each batch with its transfers |
//! | kinds | each transfer's kind with those that rooms registered |
//! | of a room | each transfer of its kinds with what it would post for its rows |
//! | accounts | key, person and class with the path; each leg with school and person |
//! | balances | a person's with all legs; a school's fold and tail with sealed and unsealed legs; from a record on, what stood there with its digest |
//! | zero sum | the sum of all balances of a school with zero |
//! | debts | each person's debt with the sum that facts debited |

mod anchor;
mod books;
mod chain;
mod history;
mod report;
mod rooms;
mod start;

pub use anchor::Anchor;
pub use report::{Break, Finding, Law, Reach, ReachLines, Report, Subject};
pub use rooms::{Explains, Explanation, RowCounts, not_posted};

use super::closing::Closing;
use crate::base::{
    db::{Db, DbError},
    ids::SchoolId,
};
use books::{Books, Digests};
use history::{History, Walked};
use rooms::{Rooms, RowsSoFar};
use start::Starts;
use std::collections::BTreeMap;

/// Why the ledger could not be checked. Broken laws are not errors: they are in the report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A file of signed lines cannot be read.
    #[error("the file of signed lines cannot be read: {0}")]
    File(#[from] std::io::Error),
}

/// What is checked beside the ledger itself.
#[derive(Debug, Default)]
pub struct Checks<'a> {
    /// The rooms that post transfers.
    pub rooms: &'a [&'a dyn Explains],
    /// Signed heads to be found in the history.
    pub anchor: Option<Anchor<'a>>,
    /// Closing records: the check begins at the newest of each school.
    pub since: Option<Anchor<'a>>,
}

/// Checks every law. Each finding is told as soon as it is known.
pub async fn verify(
    db: &Db,
    checks: Checks<'_>,
    told: &mut (dyn FnMut(&Finding) + Send),
) -> Result<Report, VerifyError> {
    db.in_snapshot(async |tx| {
        tx.allow_long_statements().await?;
        let mut known = Known { findings: Vec::new(), told };
        let starts = match checks.since {
            None => Starts::default(),
            Some(file) => {
                let (starts, finding) = Starts::read(tx, file).await?;
                known.add([finding]);
                starts
            }
        };
        let (chain, reaches) = chain::check(tx, &starts).await?;
        known.add([chain]);
        if let Some(anchor) = checks.anchor {
            known.add([anchor::check(tx, anchor).await?]);
        }
        let rooms = Rooms::open(tx, checks.rooms, starts.oldest()).await?;
        let books = Books::open(tx).await?;
        let walked = History::new(&starts, books, rooms).walk(tx).await?;
        let Walked { books, rooms, transfers, batches, waiting, sealed } = walked;
        known.add([transfers, batches]);
        let (of_rooms, rows) = rooms.close(tx, &starts).await?;
        known.add(of_rooms);
        let (of_books, digests) = books.close(tx, &starts).await?;
        known.add(of_books);
        let closings = closings(&reaches, &starts, &sealed, &digests, &rows);
        Ok(Report { findings: known.findings, reaches, waiting, closings })
    })
    .await
}

/// The findings so far, and who is told of each.
struct Known<'a> {
    findings: Vec<Finding>,
    told: &'a mut (dyn FnMut(&Finding) + Send),
}

impl Known<'_> {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            (self.told)(&finding);
            self.findings.push(finding);
        }
    }
}

/// What stands at the last seal of each school.
fn closings(
    reaches: &[Reach],
    starts: &Starts,
    sealed: &BTreeMap<SchoolId, [u64; 2]>,
    digests: &Digests,
    rows: &RowsSoFar,
) -> Vec<Closing> {
    let of_school = |Reach { school, head, .. }: &Reach| {
        let start = starts.of(*school);
        let [transfers, legs] = sealed.get(school).copied().unwrap_or_default();
        let rows = rows.iter().filter(|((of, _), _)| of == school);
        Closing {
            school: *school,
            head: *head,
            balances: digests.get(school).copied().unwrap_or(start.balances),
            transfers: start.transfers + transfers,
            legs: start.legs + legs,
            rows: rows.map(|((_, kind), n)| (kind.clone(), *n)).collect(),
        }
    };
    reaches.iter().map(of_school).collect()
}
