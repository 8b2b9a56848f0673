//! Checks the audit log, and renews its MACs under another key.

use super::{
    entry::Stored,
    store::{self, TABLE},
};
use crate::base::{
    crypto::row_mac::{MacVerdict, RowMacs},
    db::{Db, DbError, Source},
};
use std::fmt;

/// The most breaks that are listed.
const NAMED: usize = 1000;

/// The result of checking the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// How many entries there are.
    pub entries: u64,
    /// What is broken, the first thousand.
    pub broken: Vec<String>,
    /// How many breaks there are.
    pub total: u64,
}

impl AuditReport {
    /// True if nothing is broken.
    pub const fn is_clean(&self) -> bool {
        self.total == 0
    }

    fn report(&mut self, what: String) {
        self.total += 1;
        if self.broken.len() < NAMED {
            self.broken.push(what);
        }
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean() { "ok" } else { "BROKEN" };
        writeln!(f, "{verdict:<7} {:<22} entries: {}", "audit log", self.entries)?;
        for what in &self.broken {
            writeln!(f, "          {what}")?;
        }
        Ok(())
    }
}

/// Checks positions, hashes, MACs and the head, on one snapshot.
pub async fn audit(db: &Db) -> Result<AuditReport, DbError> {
    db.in_snapshot(async |tx| {
        let source = Source::Tx(tx);
        let mut report = AuditReport::default();
        let (mut position, mut before) = (0, vec![0; 32]);
        loop {
            let page = store::page(source, position).await?;
            if page.is_empty() {
                break;
            }
            for entry in page {
                if entry.position != position + 1 {
                    let missing = position + 1;
                    report.report(format!("entry {missing} is missing"));
                }
                check(&entry, &before, tx.macs(), &mut report);
                report.entries += 1;
                (position, before) = (entry.position, entry.hash);
            }
        }
        if store::head(source, "").await? != (position, before) {
            report.report("the head is not the last entry".to_owned());
        }
        Ok(report)
    })
    .await
}

fn check(entry: &Stored, before: &[u8], macs: &RowMacs, report: &mut AuditReport) {
    let position = entry.position;
    if entry.hash != entry.hash_after(before) {
        report.report(format!("entry {position}: its hash does not fit it and the one before"));
    }
    let verdict = verdict(entry, macs);
    if !verdict.fits() {
        report.report(format!("entry {position}: {verdict}"));
    }
}

fn verdict(entry: &Stored, macs: &RowMacs) -> MacVerdict {
    macs.check(TABLE, entry.mac_row(), &entry.mac_fields(), entry.mac.as_deref())
}

/// Up to 500 entries, with what their MACs were before.
#[derive(Debug)]
pub struct SignedEntries {
    /// The position of the last of them.
    pub last: i64,
    /// Those that got a MAC of the current key.
    pub signed: Vec<(i64, MacVerdict)>,
    /// The others.
    pub others: Vec<(i64, MacVerdict)>,
}

/// Gives the entries after `after` whose MAC `is_due` MACs of the current key; `None` at the end. What
/// an entry says is proven by the chain as well: an altered one is still named by [`audit`].
pub async fn resign(
    db: &Db,
    after: i64,
    is_due: impl Fn(MacVerdict) -> bool,
) -> Result<Option<SignedEntries>, DbError> {
    db.in_tx(async |tx| {
        let page = store::page(Source::Tx(tx), after).await?;
        let Some(last) = page.last().map(|entry| entry.position) else { return Ok(None) };
        let with_verdicts = page.into_iter().map(|entry| {
            let was = verdict(&entry, tx.macs());
            (entry, was)
        });
        let (due, others): (Vec<_>, Vec<_>) = with_verdicts.partition(|(_, was)| is_due(*was));
        let named = |of: &[(Stored, MacVerdict)]| {
            of.iter().map(|(entry, was)| (entry.position, *was)).collect()
        };
        let (signed, others) = (named(&due), named(&others));
        let entries: Vec<Stored> = due.into_iter().map(|(entry, _)| entry).collect();
        store::set_macs(tx, &entries).await?;
        Ok(Some(SignedEntries { last, signed, others }))
    })
    .await
}
