//! Balances as others may read them. To decide on one, post a command instead: only under the
//! person's lock does a balance hold still.

use super::{
    account::{Account, PersonAccount, SchoolAccount},
    store,
};
pub use crate::base::db::Source;
use crate::base::{
    db::DbError,
    ids::{PersonId, SchoolId},
    money::Balance,
};

/// What a person may spend, by where it is. Each part may be below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonBalances {
    /// 卡余额: the sum over the person's physical cards.
    pub card: Balance,
    /// 过渡余额.
    pub transition: Balance,
    /// 电子账户.
    pub e_account: Balance,
    total: Balance,
}

impl PersonBalances {
    /// The sum of the three, in fen; below zero for somebody in debt.
    pub const fn total(&self) -> Balance {
        self.total
    }
}

/// A person's balances at one moment; zero for somebody who has no account yet.
pub async fn person_balances(
    source: impl Into<Source<'_>>,
    school: SchoolId,
    person: PersonId,
) -> Result<PersonBalances, DbError> {
    const OVERFLOW: DbError = DbError::Inconsistent { table: "account", what: "sum past 64 bits" };
    let id = |account| Account::Person(account).row(school, Some(person)).map(|row| row.id);
    let (e_account, transition) = (id(PersonAccount::EAccount), id(PersonAccount::Transition));
    let mut balances = PersonBalances::default();
    for (row, balance) in store::spendable(source.into(), school, person).await? {
        if Some(row.id) == e_account {
            balances.e_account = balance;
        } else if Some(row.id) == transition {
            balances.transition = balance;
        } else {
            balances.card = balances.card.plus(balance).ok_or(OVERFLOW)?;
        }
        balances.total = balances.total.plus(balance).ok_or(OVERFLOW)?;
    }
    Ok(balances)
}

/// The balance of a school's account at one moment, in fen: what is folded behind the seal and
/// what waits for it.
pub async fn school_balance(
    source: impl Into<Source<'_>>,
    school: SchoolId,
    account: &SchoolAccount,
) -> Result<Balance, DbError> {
    match Account::School(account.clone()).row(school, None) {
        Some(row) => store::hot_balance(source.into(), row.id).await,
        None => Ok(Balance::ZERO),
    }
}
