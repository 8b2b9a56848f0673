//! The tables whose rows carry a MAC, of all rooms: their rows are checked, and given MACs.

use crate::{
    access, approvals,
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::row_mac::MacVerdict,
        db::{Authority, Db, DbError, Source},
    },
    keyring,
    orders::order::Order,
    passcode::Codes,
    roster_imports,
    schools::Schools,
    sessions, staff_accounts,
    terminals::Terminals,
};
use std::fmt;
use uuid::Uuid;

/// The most rows that are named; the rest are only counted.
const NAMED: usize = 1000;

/// All of them, those that others refer to first.
pub fn tables() -> impl Iterator<Item = &'static Authority> {
    let of_rooms = [
        Schools::AUTHORITY,
        sessions::AUTHORITY,
        Terminals::AUTHORITY,
        Codes::AUTHORITY,
        Order::AUTHORITY,
        staff_accounts::AUTHORITY,
        approvals::AUTHORITY,
        access::AUTHORITY,
        keyring::AUTHORITY,
        roster_imports::AUTHORITY,
    ];
    of_rooms.into_iter().flatten().copied()
}

/// The rows of each table.
#[derive(Debug, Default)]
pub struct RowsReport {
    /// How many rows were looked at, or given a MAC, in each table.
    pub counts: Vec<(&'static str, u64)>,
    /// Rows that are not authentic, the first thousand.
    pub broken: Vec<String>,
    /// How many of them there are.
    pub total: u64,
    /// Rows that were not authentic, and were given a MAC as they stood.
    pub taken_over: Vec<String>,
}

impl RowsReport {
    /// True if every row is authentic.
    pub const fn is_clean(&self) -> bool {
        self.total == 0
    }

    /// The sum of the counts.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// `person 6, device 1`.
    pub fn counts(&self) -> String {
        let counts = self.counts.iter().map(|(table, count)| format!("{table} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    fn look_at(&mut self, table: &str, row: impl fmt::Display, verdict: MacVerdict) {
        if verdict.fits() {
            return;
        }
        self.total += 1;
        if self.broken.len() < NAMED {
            self.broken.push(format!("{table} {row}: {verdict}"));
        }
    }

    /// What is broken is that of the later pass, what was done that of both.
    fn followed_by(self, later: Self) -> Self {
        let counts = self.counts.into_iter().zip(&later.counts);
        let counts = counts.map(|((table, before), (_, count))| (table, before + count)).collect();
        Self { counts, taken_over: [self.taken_over, later.taken_over].concat(), ..later }
    }
}

impl fmt::Display for RowsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean() { "ok" } else { "BROKEN" };
        writeln!(f, "{verdict:<7} {:<22} {}", "rows of authority", self.counts())?;
        for what in &self.broken {
            writeln!(f, "          {what}")?;
        }
        let unnamed = self.total - u64::try_from(self.broken.len()).unwrap_or(0);
        if unnamed > 0 {
            writeln!(f, "          and {unnamed} more")?;
        }
        Ok(())
    }
}

/// Checks the MAC of every row that still decides something, on one snapshot.
pub async fn audit_rows(db: &Db) -> Result<RowsReport, DbError> {
    db.in_snapshot(async |tx| {
        tx.allow_long_statements().await?;
        let mut report = RowsReport::default();
        for authority in tables() {
            let (mut after, mut count) = (None, 0);
            loop {
                let page = authority.page(Source::Tx(tx), after).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                for row in &page {
                    report.look_at(authority.table, row.id, row.verdict(authority, db.macs()));
                    count += 1;
                }
            }
            report.counts.push((authority.table, count));
        }
        Ok(report)
    })
    .await
}

/// What is wrong if there are people and the MAC of none of the first five hundred fits: the key is
/// another one, or the database is from before rows had MACs.
pub async fn wrong_key(db: &Db) -> Result<Option<MacVerdict>, DbError> {
    let Some(people) = Schools::AUTHORITY.first() else { return Ok(None) };
    let page = people.page(db.into(), None).await?;
    let verdicts: Vec<_> = page.iter().map(|row| row.verdict(people, db.macs())).collect();
    Ok(if verdicts.iter().any(|verdict| verdict.fits()) { None } else { verdicts.first().copied() })
}

/// Which rows are given a MAC that fits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Those without one. Once, after the update to the release with MACs; never inferred from the
    /// database, since whoever can write it can take MACs away.
    First,
    /// Those whose MAC is of an older key.
    Rekey,
    /// These, and those that are not authentic, as they stand.
    TakeOver,
}

impl Signing {
    fn is_due(self, verdict: MacVerdict) -> bool {
        match self {
            Self::First => verdict == MacVerdict::Missing,
            Self::Rekey => verdict == MacVerdict::Older,
            Self::TakeOver => verdict != MacVerdict::Current,
        }
    }

    /// The entries for rows of one table that were signed in one commit.
    fn entries(self, table: &str, signed: &[(Uuid, MacVerdict)]) -> Vec<Entry> {
        let entry = |act, subject, detail| Entry { act, school: None, subject, detail };
        let is_named = |verdict: MacVerdict| self == Self::TakeOver && !verdict.fits();
        let named = signed.iter().filter(|(_, verdict)| is_named(*verdict));
        let mut entries: Vec<Entry> = named
            .map(|(id, was)| {
                entry(AuditAct::RowsTakenOver, format!("{table} {id}"), was.to_string())
            })
            .collect();
        let others = signed.len() - entries.len();
        if others > 0 {
            let first = self == Self::First;
            let act = if first { AuditAct::RowsAuthenticated } else { AuditAct::Rekeyed };
            entries.push(entry(act, format!("MACs of {table}"), format!("{others} rows")));
        }
        entries
    }
}

/// Gives rows MACs under the current key, and likewise entries of the audit log, until there is none
/// left: a server may write rows meanwhile. Reports what is still not authentic.
///
/// Each commit has at most 500 rows and writes what it did into the audit log. If it is stopped, the
/// next call goes on.
pub async fn sign(db: &Db, which: Signing, now: Timestamp) -> Result<RowsReport, DbError> {
    let mut report = pass(db, which, now).await?;
    loop {
        let again = pass(db, which, now).await?;
        let done = again.count() == 0;
        report = report.followed_by(again);
        if done {
            return Ok(report);
        }
    }
}

async fn pass(db: &Db, which: Signing, now: Timestamp) -> Result<RowsReport, DbError> {
    let mut report = RowsReport::default();
    for authority in tables() {
        let (mut after, mut count) = (None, 0);
        loop {
            let page = authority.page(db.into(), after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let verdicts = page.iter().map(|row| (row.id, row.verdict(authority, db.macs())));
            let (due, others): (Vec<_>, Vec<_>) =
                verdicts.partition(|(_, verdict)| which.is_due(*verdict));
            for (id, verdict) in others {
                report.look_at(authority.table, id, verdict);
            }
            let ids: Vec<Uuid> = due.iter().map(|(id, _)| *id).collect();
            let signed = sign_locked(db, authority, &ids, which, now).await?;
            for (id, was) in &signed {
                if !was.fits() && which == Signing::TakeOver {
                    report.taken_over.push(format!("{} {id}: {was}", authority.table));
                }
            }
            count += u64::try_from(signed.len()).unwrap_or(u64::MAX);
        }
        report.counts.push((authority.table, count));
    }
    let count = sign_entries(db, which, &mut report).await?;
    report.counts.push(("audit_entry", count));
    Ok(report)
}

/// Locks these rows, signs those that are due, and returns what their MACs were before.
async fn sign_locked(
    db: &Db,
    authority: &'static Authority,
    ids: &[Uuid],
    which: Signing,
    now: Timestamp,
) -> Result<Vec<(Uuid, MacVerdict)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    db.in_tx(async |tx| {
        let mut rows = authority.lock(tx, ids).await?;
        rows.retain(|row| which.is_due(row.verdict(authority, tx.macs())));
        let signed: Vec<_> =
            rows.iter().map(|row| (row.id, row.verdict(authority, tx.macs()))).collect();
        authority.sign(tx, &rows).await?;
        audit::record_all(tx, &which.entries(authority.table, &signed), now).await?;
        Ok(signed)
    })
    .await
}

async fn sign_entries(db: &Db, which: Signing, report: &mut RowsReport) -> Result<u64, DbError> {
    let (mut after, mut count) = (0, 0);
    while let Some(page) = audit::resign(db, after, |verdict| which.is_due(verdict)).await? {
        after = page.last;
        for (position, was) in page.others {
            report.look_at("audit_entry", position, was);
        }
        for (position, was) in &page.signed {
            if !was.fits() {
                report.taken_over.push(format!("audit_entry {position}: {was}"));
            }
        }
        count += u64::try_from(page.signed.len()).unwrap_or(u64::MAX);
    }
    Ok(count)
}
