//! The log as members of staff read it.

use super::{acts::AuditAct, store};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Keyset, Tx},
    ids::SchoolId,
};

/// Which entries of a school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// The school. Entries that concern all schools are for whoever runs the server.
    pub school: SchoolId,
    /// Only of these acts, or by this one, who may read no others.
    pub only: Option<(Vec<&'static str>, String)>,
    /// Of these acts.
    pub acts: Option<Vec<&'static str>>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// By them: the beginning of the name in an entry.
    pub who: Option<String>,
    /// About this: a subject as it is written, or what it ends with.
    pub object: Option<String>,
}

/// An entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Its place in the chain.
    pub position: i64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// What, by its name in storage.
    pub act: String,
    /// To whom or what.
    pub subject: String,
    /// What changed.
    pub detail: String,
    /// Why.
    pub why: String,
}

/// What the last check of the whole ledger found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerCheck {
    /// When it ended.
    pub at: Timestamp,
    /// Whether every law holds.
    pub holds: bool,
}

impl LedgerCheck {
    /// The last one, if there was any: one query.
    pub async fn last(db: &Db) -> Result<Option<Self>, DbError> {
        let last = store::last_check(db).await?;
        let holds = |act: &str| act == AuditAct::LedgerProven.code();
        Ok(last.map(|line| Self { at: line.at, holds: holds(&line.act) }))
    }
}

/// The last entry of the chain: whoever keeps it elsewhere can show later that nothing before it was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Its place in the chain, over all schools.
    pub position: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Its hash, which covers all entries before it, in hexadecimal digits.
    pub hash: String,
}

impl AuditHead {
    /// The head of now; `None` where there is no entry.
    pub async fn read(db: &Db) -> Result<Option<Self>, DbError> {
        store::last_entry(db).await
    }
}

impl AuditLine {
    /// How many of a member's newest `most` entries of an act are no older than `since`, in a transaction
    /// that has appended an entry: no other one appends meanwhile.
    pub async fn count_since(
        tx: &Tx,
        (who, act): (&str, AuditAct),
        since: Timestamp,
        most: u32,
    ) -> Result<u64, DbError> {
        store::count_since(tx, (who, act.code()), since, most).await
    }

    /// How many entries of an act on a subject a member has with this very detail, likewise.
    pub async fn count_of(
        tx: &Tx,
        (who, act): (&str, AuditAct),
        of: (&str, &str),
    ) -> Result<u64, DbError> {
        store::count_of(tx, (who, act.code()), of).await
    }

    /// The latest entries of a school about this, newest first.
    pub async fn about(
        db: &Db,
        school: SchoolId,
        subject: &str,
        most: u16,
    ) -> Result<Vec<Self>, DbError> {
        store::lines_about(db, school, subject, (&[], most)).await
    }

    /// The same of these acts alone.
    pub async fn about_in(
        db: &Db,
        school: SchoolId,
        subject: &str,
        (acts, most): (&[AuditAct], u16),
    ) -> Result<Vec<Self>, DbError> {
        store::lines_about(db, school, subject, (acts, most)).await
    }
}

impl AuditFilter {
    /// A page of entries.
    pub async fn page(&self, db: &Db, page: Keyset<i64>) -> Result<Vec<AuditLine>, DbError> {
        store::lines(db, self, page).await
    }

    /// How many there are, among the first `most`.
    pub async fn count(&self, db: &Db, most: u32) -> Result<u64, DbError> {
        store::count_lines(db, self, most).await
    }
}
