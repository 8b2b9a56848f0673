//! Reads current balances.

use super::read::account;
use crate::{
    base::{
        db::{DbError, Source},
        ids::{PersonId, SchoolId},
        money::Balance,
    },
    ledger::account::{AccountId, AccountRow, Class},
};

/// A person's spendable accounts.
pub(in crate::ledger) async fn spendable(
    source: Source<'_>,
    school: SchoolId,
    person: PersonId,
) -> Result<Vec<(AccountRow, Balance)>, DbError> {
    let sql = "SELECT id, school_id, person_id, path, class, balance_fen FROM account \
               WHERE person_id = $1 AND school_id = $2 AND class = $3";
    let values = vec![person.uuid().into(), school.number().into(), Class::Spendable.code().into()];
    source.select(sql, values).await?.iter().map(account).collect()
}

/// A hot account's folded balance plus its unsealed tail, read in one query; zero if it was never
/// used.
pub(in crate::ledger) async fn hot_balance(
    source: Source<'_>,
    id: AccountId,
) -> Result<Balance, DbError> {
    let sql = "SELECT CAST(a.balance_fen + COALESCE((SELECT SUM(t.delta_fen) FROM tail t \
               WHERE t.account_id = a.id), 0) AS BIGINT) AS balance_fen \
               FROM account a WHERE a.id = $1";
    let found = source.select(sql, vec![id.uuid().into()]).await?;
    let balance = found.first().map(|row| row.try_get("", "balance_fen")).transpose()?;
    Ok(balance.map(Balance::new).unwrap_or_default())
}
