//! The tables whose rows carry a MAC, of all rooms: filled in, checked, authenticated anew.

use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::row_mac::MacVerdict,
        db::{Authority, Db, DbError, Source},
    },
    orders::order::Order,
    passcode::Codes,
    schools::Schools,
    sessions,
    terminals::Terminals,
};
use std::fmt;
use uuid::Uuid;

/// The most rows that are named; the rest are only counted.
const NAMED: usize = 1000;

/// A row of a table.
type Row = (&'static Authority, Uuid, MacVerdict);

/// All of them, those that others refer to first.
pub fn tables() -> impl Iterator<Item = &'static Authority> {
    let of_rooms = [
        Schools::AUTHORITY,
        sessions::AUTHORITY,
        Terminals::AUTHORITY,
        Codes::AUTHORITY,
        Order::AUTHORITY,
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

    fn report(&mut self, (authority, id, verdict): Row) {
        let what = match verdict {
            MacVerdict::Current | MacVerdict::Older => return,
            MacVerdict::Missing => "it has no MAC",
            MacVerdict::UnknownKey => "its MAC is by a key that keys.mac lacks",
            MacVerdict::Wrong => "it does not fit its MAC",
        };
        self.total += 1;
        if self.broken.len() < NAMED {
            self.broken.push(format!("{} {id}: {what}", authority.table));
        }
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
                    report.report((authority, row.id, row.verdict(authority, db.macs())));
                    count += 1;
                }
            }
            report.counts.push((authority.table, count));
        }
        Ok(report)
    })
    .await
}

/// After the migrations: gives every row its first MAC, once in the life of a database, and from
/// then on refuses rows without one. `None` where it was done before.
///
/// Done in batches; if it is stopped, the next call goes on.
pub async fn fill_in(db: &Db, now: Timestamp) -> Result<Option<u64>, DbError> {
    if require(db).await? {
        return Ok(None);
    }
    let filled = sign(db, |verdict| verdict == MacVerdict::Missing).await?;
    let entry = Entry {
        act: AuditAct::RowsAuthenticated,
        school: None,
        subject: "every row of authority".to_owned(),
        detail: filled.counts(),
    };
    db.in_tx(async |tx| audit::record(tx, &entry, now).await).await?;
    db.macs().require();
    Ok(Some(filled.count()))
}

/// Refuses rows without a MAC from now on, if every row was given one; returns whether it was.
pub async fn require(db: &Db) -> Result<bool, DbError> {
    let done = audit::was_done(db.into(), AuditAct::RowsAuthenticated).await?;
    if done {
        db.macs().require();
    }
    Ok(done)
}

/// Authenticates rows and audit entries under the current key: those whose MAC is of an older key;
/// with `take_over` also those without a MAC that fits, as they stand. Reports what is left.
pub async fn rekey(db: &Db, take_over: bool, now: Timestamp) -> Result<RowsReport, DbError> {
    let due = |verdict| match verdict {
        MacVerdict::Current => false,
        MacVerdict::Older => true,
        MacVerdict::Missing | MacVerdict::UnknownKey | MacVerdict::Wrong => take_over,
    };
    let mut report = sign(db, due).await?;
    let entries = resign_entries(db).await?;
    report.counts.push(("audit_entry", entries));
    if report.count() > 0 {
        let act = if take_over { AuditAct::RowsTakenOver } else { AuditAct::Rekeyed };
        let subject = "MACs of rows of authority".to_owned();
        let detail = report.counts();
        let entry = Entry { act, school: None, subject, detail };
        db.in_tx(async |tx| audit::record(tx, &entry, now).await).await?;
    }
    Ok(report)
}

/// Signs what is due, and reports what is not and is not authentic either.
async fn sign(db: &Db, due: impl Fn(MacVerdict) -> bool) -> Result<RowsReport, DbError> {
    let mut report = RowsReport::default();
    for authority in tables() {
        let (mut after, mut count) = (None, 0);
        loop {
            let page = authority.page(db.into(), after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let verdicts = page.iter().map(|row| (row.id, row.verdict(authority, db.macs())));
            let (now_due, others): (Vec<_>, Vec<_>) = verdicts.partition(|(_, is)| due(*is));
            for (id, verdict) in others {
                report.report((authority, id, verdict));
            }
            let ids: Vec<Uuid> = now_due.iter().map(|(id, _)| *id).collect();
            let signed = authority.sign_due(db, &ids, &due).await?;
            count += u64::try_from(signed).unwrap_or(u64::MAX);
        }
        report.counts.push((authority.table, count));
    }
    Ok(report)
}

async fn resign_entries(db: &Db) -> Result<u64, DbError> {
    let (mut after, mut count) = (0, 0);
    while let Some((reached, written)) = audit::resign(db, after).await? {
        after = reached;
        count += written;
    }
    Ok(count)
}
