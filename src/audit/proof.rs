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
    match verdict(entry, macs) {
        MacVerdict::Current | MacVerdict::Older => {}
        MacVerdict::Missing | MacVerdict::Wrong => {
            report.report(format!("entry {position}: its MAC does not fit"));
        }
        MacVerdict::UnknownKey => {
            report.report(format!("entry {position}: its MAC is by a key that keys.mac lacks"));
        }
    }
}

fn verdict(entry: &Stored, macs: &RowMacs) -> MacVerdict {
    macs.check(TABLE, entry.mac_row(), &entry.mac_fields(), entry.mac.as_deref())
}

/// Gives the entries after `after` that have a MAC of an older key one of the current key. Returns
/// the position reached and how many entries were written; `None` at the end.
pub async fn resign(db: &Db, after: i64) -> Result<Option<(i64, u64)>, DbError> {
    db.in_tx(async |tx| {
        let mut page = store::page(Source::Tx(tx), after).await?;
        let Some(last) = page.last().map(|entry| entry.position) else { return Ok(None) };
        page.retain(|entry| verdict(entry, tx.macs()) == MacVerdict::Older);
        store::set_macs(tx, &page).await?;
        Ok(Some((last, u64::try_from(page.len()).unwrap_or(u64::MAX))))
    })
    .await
}
