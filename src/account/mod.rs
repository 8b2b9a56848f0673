//! 我的校园卡: what a student sees of the card.
//!
//! Invariant: a balance that is shown was read from the ledger in one query, none of it from a
//! cache.

pub mod http;

use crate::{
    base::db::{Db, DbError},
    ledger::balances::{PersonBalances, person_balances},
    sessions::Student,
};

/// What the journey owns.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The ledger's.
    pub db: Db,
}

impl Accounts {
    /// The student's three balances.
    pub async fn balances(&self, student: &Student) -> Result<PersonBalances, DbError> {
        person_balances(&self.db, student.school, student.person).await
    }
}
