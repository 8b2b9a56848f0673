//! Counts of attempts at other secrets than query passwords: the same rule, the same table.

use super::{
    PasswordFault,
    store::{self, Counted, SubjectDigest},
    tries::Limit,
};
use crate::base::{
    clock::Timestamp,
    crypto::blind::BlindIndex,
    db::{Db, DbError, Tx},
    ids::SchoolId,
};

/// Counts attempts. After five the wait grows, from a minute to four hours, and the count restarts
/// after a day without attempts.
#[derive(Clone, Debug)]
pub struct TryCounts {
    db: Db,
    index: BlindIndex,
}

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug)]
pub struct TrySubject([(SubjectDigest, Limit); 1]);

/// An attempt that was counted, and may be made.
#[derive(Debug)]
pub struct CountedTry(Vec<Counted>);

impl TryCounts {
    /// Counts in this database, under digests of this index.
    pub const fn new(db: Db, index: BlindIndex) -> Self {
        Self { db, index }
    }

    /// The attempts of `value`, whose kind `field` names: `try:…`.
    pub fn subject(&self, school: SchoolId, field: &str, value: &str) -> TrySubject {
        TrySubject([(self.index.index(school, field, value).digest, Limit::Growing)])
    }

    /// Counts one attempt, before anything is looked at.
    pub async fn count(
        &self,
        of: &TrySubject,
        now: Timestamp,
    ) -> Result<CountedTry, PasswordFault> {
        let counted = self.db.in_tx(async |tx| store::count(tx, &of.0, now).await).await;
        Ok(CountedTry(counted?))
    }

    /// Takes an attempt back that was not looked at after all.
    pub async fn undo(&self, tried: &CountedTry) -> Result<(), DbError> {
        self.db.in_tx(async |tx| store::undo(tx, &tried.0).await).await
    }

    /// How many attempts of these were counted, within a day of the last.
    pub async fn counted(tx: &Tx, of: [&TrySubject; 2], now: Timestamp) -> Result<i64, DbError> {
        store::counted(tx, &of.map(|TrySubject([limit])| *limit), now).await
    }

    /// Takes all attempts back: the secret was right, or there is a new one.
    pub async fn forget(tx: &Tx, of: &TrySubject) -> Result<(), DbError> {
        store::give_back(tx, &of.0).await
    }
}
