//! Balances as they stand now.

use super::read::account;
use crate::{
    base::{
        db::{Db, DbError, Tx},
        ids::{PersonId, SchoolId},
        money::Balance,
    },
    ledger::account::{AccountId, AccountRow, Class},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

/// Where to read: beside everybody's transactions, or in one's own.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The latest committed state.
    Db(&'a Db),
    /// What this transaction sees.
    Tx(&'a Tx),
}

impl<'a> From<&'a Db> for Source<'a> {
    fn from(db: &'a Db) -> Self {
        Self::Db(db)
    }
}

impl<'a> From<&'a Tx> for Source<'a> {
    fn from(tx: &'a Tx) -> Self {
        Self::Tx(tx)
    }
}

impl Source<'_> {
    async fn all(self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Db(db) => {
                let statement = Statement::from_sql_and_values(db.backend(), sql, values);
                db.conn().query_all_raw(statement).await
            }
            Self::Tx(tx) => {
                let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
                tx.conn().query_all_raw(statement).await
            }
        }
    }
}

/// The accounts whose sum a person may spend.
pub(in crate::ledger) async fn spendable(
    source: Source<'_>,
    school: SchoolId,
    person: PersonId,
) -> Result<Vec<(AccountRow, Balance)>, DbError> {
    let sql = "SELECT * FROM account WHERE person_id = $1 AND school_id = $2 AND class = $3";
    let values = vec![person.uuid().into(), school.number().into(), Class::Spendable.code().into()];
    source.all(sql, values).await?.iter().map(account).collect()
}

/// A hot account's fold and unsealed tail, seen at one moment; zero where it was never used.
pub(in crate::ledger) async fn hot_balance(
    source: Source<'_>,
    id: AccountId,
) -> Result<Balance, DbError> {
    let sql = "SELECT CAST(a.balance_fen + COALESCE((SELECT SUM(t.delta_fen) FROM tail t \
               WHERE t.account_id = a.id), 0) AS BIGINT) AS balance_fen \
               FROM account a WHERE a.id = $1";
    let found = source.all(sql, vec![id.uuid().into()]).await?;
    let balance = found.first().map(|row| row.try_get("", "balance_fen")).transpose()?;
    Ok(balance.map(Balance::new).unwrap_or_default())
}
