//! Balances as others may read them. To decide on one, post a command instead: only under the
//! person's lock does a balance hold still.

use super::{
    account::{Account, AccountId, PersonAccount, SchoolAccount},
    post::lock_of,
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

    /// From spendable accounts of one person; what is neither of the two named is a card's.
    pub(super) fn of(
        parts: impl Iterator<Item = (AccountId, Balance)>,
        e_account: AccountId,
        transition: Option<AccountId>,
    ) -> Result<Self, DbError> {
        const OVERFLOW: DbError =
            DbError::Inconsistent { table: "account", what: "sum past 64 bits" };
        let mut balances = Self::default();
        for (id, balance) in parts {
            if id == e_account {
                balances.e_account = balance;
            } else if Some(id) == transition {
                balances.transition = balance;
            } else {
                balances.card = balances.card.plus(balance).ok_or(OVERFLOW)?;
            }
            balances.total = balances.total.plus(balance).ok_or(OVERFLOW)?;
        }
        Ok(balances)
    }
}

/// A person's balances at one moment; zero for somebody who has no account yet.
pub async fn person_balances(
    source: impl Into<Source<'_>>,
    school: SchoolId,
    person: PersonId,
) -> Result<PersonBalances, DbError> {
    let transition = Account::Person(PersonAccount::Transition);
    let transition = transition.row(school, Some(person)).map(|row| row.id);
    let parts = store::spendable(source.into(), school, person).await?;
    let parts = parts.into_iter().map(|(row, balance)| (row.id, balance));
    PersonBalances::of(parts, lock_of(school, person), transition)
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
