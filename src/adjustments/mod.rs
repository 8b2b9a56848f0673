//! 调账: what a person has is corrected, because two persons agreed on it.
//!
//! Invariant: it is posted in the transaction that approves its request, under the id of the request: once.
//! Invariant: no more is taken than 电子账户 has then, and nothing is posted where what the second person saw is
//! no longer so.
//! Absent on purpose: a table. The request is the row: its kind says which way, its subject whose money, and its
//! MAC and digest cover all of it with the reason.

pub mod audit;
mod postings;

pub use postings::{ADJUSTED, Adjustment};

use crate::{
    approvals::Approval,
    base::{
        clock::Timestamp,
        db::{DbError, Source, Tx, TxError},
        money::Fen,
    },
    ledger::{
        LedgerError, LockedAccounts,
        account::{Account, SchoolAccount},
        balances::{PersonBalances, person_balances},
    },
};
use std::collections::HashSet;

/// Why a balance is not adjusted.
#[derive(Debug, thiserror::Error)]
pub enum AdjustError {
    /// Nothing, or more than one request may move.
    #[error("an adjustment moves something, and at most {}", Adjustment::MOST.get())]
    BadAmount,
    /// The person has so much less than is to be taken.
    #[error("the balance is {} fen lower than what is taken", .0.get())]
    Short(Fen),
    /// What the person has is not what was shown.
    #[error("the balance has changed since it was shown")]
    Changed,
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for AdjustError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::BadAmount | Self::Short(_) | Self::Changed => None,
        }
    }
}

impl Adjustment {
    /// Whether it could be made of what the person has now, and that is what was shown, if something was.
    pub async fn check(
        &self,
        source: impl Into<Source<'_>>,
        seen_fen: Option<i64>,
    ) -> Result<(), AdjustError> {
        self.fits(&person_balances(source, self.school, self.person).await?, seen_fen)
    }

    /// Posts what two persons agreed on, in the transaction that approves it.
    pub async fn post(
        &self,
        tx: &Tx,
        approval: &Approval,
        seen_fen: Option<i64>,
        now: Timestamp,
    ) -> Result<(), AdjustError> {
        let transfer = self.transfer(approval.id, now.day()).ok_or(AdjustError::BadAmount)?;
        let school = [(self.school, Account::School(SchoolAccount::Adjustment))];
        let persons = HashSet::from([(self.school, self.person)]);
        let accounts = LockedAccounts::lock(tx, persons, &school).await?;
        self.fits(&accounts.accounts().balances(self.school, self.person)?, seen_fen)?;
        tracing::info!(kind = ADJUSTED.name(), approval = %approval.id, "a balance is adjusted");
        Ok(accounts.post(tx, now, &[transfer], Vec::new()).await?)
    }

    fn fits(&self, has: &PersonBalances, seen_fen: Option<i64>) -> Result<(), AdjustError> {
        if seen_fen.is_some_and(|seen| seen != has.total().get()) {
            return Err(AdjustError::Changed);
        }
        let short = 0_i64.saturating_sub(has.e_account.get().saturating_add(self.change_fen));
        match Fen::new(short) {
            Ok(short) if self.change_fen < 0 && !short.is_zero() => Err(AdjustError::Short(short)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
