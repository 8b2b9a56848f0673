//! Read-only balances for other modules. Do not decide on them: a balance is stable only under the
//! person's lock, so post a command instead.

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

/// A person's spendable balance by account. Each part may be negative.
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
    /// The sum of the three, in fen; negative if the person is in debt.
    pub const fn total(&self) -> Balance {
        self.total
    }

    /// Sums one person's spendable accounts; all but the two named ones are card accounts.
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

/// A person's balances, read in one query; zero if the person has no accounts yet.
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

/// The balance of a school's account in fen, read in one query: the folded balance plus the
/// unsealed tail.
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
