//! How much a person may spend without the physical card, and which accounts it is drawn from. The
//! same rule applies to tills, water and electricity, whichever account is paid.

use crate::{
    base::money::{Balance, Fen},
    ledger::{
        account::{Account, PersonAccount},
        balances::PersonBalances,
        transfer::Leg,
    },
};

/// A person's balances, read under the person's lock and updated by each draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    e_account: Balance,
    transition: Balance,
    card: Balance,
    /// Whether the physical card's balance may be spent too ("the sum of the three").
    spends_card: bool,
}

/// An amount drawn from a purse, by account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The whole amount.
    pub amount: Fen,
    /// The part that 电子账户 transferred to 过渡余额 to cover the shortfall.
    pub from_e_account: Fen,
}

/// The purse has insufficient funds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsufficientFunds;

impl Purse {
    /// The purse of a person with these balances.
    pub const fn new(balances: &PersonBalances, spends_card: bool) -> Self {
        let PersonBalances { card, transition, e_account, .. } = *balances;
        Self::of([e_account, transition, card], spends_card)
    }

    /// Builds a purse from 电子账户, 过渡余额 and 卡余额.
    pub const fn of([e_account, transition, card]: [Balance; 3], spends_card: bool) -> Self {
        Self { e_account, transition, card, spends_card }
    }

    /// The sum of the three; `None` on overflow.
    pub fn total(&self) -> Option<Balance> {
        self.e_account.plus(self.transition)?.plus(self.card)
    }

    /// True if the sum is negative, because facts debited more than the balance.
    pub fn in_debt(&self) -> bool {
        self.total().is_none_or(Balance::is_negative)
    }

    /// The amount that may be spent: the sum of the three, or the sum without the card's balance if
    /// only the card may spend it. A negative card balance is always deducted.
    pub fn available(&self) -> Balance {
        let (Some(total), Some(own)) = (self.total(), self.e_account.plus(self.transition)) else {
            return Balance::ZERO;
        };
        if self.spends_card { total } else { total.min(own) }
    }

    /// Draws `amount` from 过渡余额, after 电子账户 has covered its shortfall as far as possible. A
    /// remaining shortfall makes 过渡余额 negative, by at most the card's balance.
    pub fn draw(&mut self, amount: Fen) -> Result<Drawn, InsufficientFunds> {
        if self.available() < Balance::ZERO.credited(amount).ok_or(InsufficientFunds)? {
            return Err(InsufficientFunds);
        }
        let lacking = amount.get().saturating_sub(self.transition.get()).max(0);
        let given =
            Fen::new(lacking.min(self.e_account.get().max(0))).map_err(|_| InsufficientFunds)?;
        let e_account = self.e_account.debited(given).ok_or(InsufficientFunds)?;
        let transition = self.transition.credited(given).and_then(|sum| sum.debited(amount));
        (self.e_account, self.transition) = (e_account, transition.ok_or(InsufficientFunds)?);
        Ok(Drawn { amount, from_e_account: given })
    }
}

impl Drawn {
    /// The legs that pay `to`: an account of the school (a merchant's) or another one of the person
    /// (`goods`, `hold`).
    pub fn legs(&self, to: &Account) -> Vec<Leg> {
        let transition = Account::Person(PersonAccount::Transition);
        let drawn = Leg {
            from: Account::Person(PersonAccount::EAccount),
            to: transition.clone(),
            amount: self.from_e_account,
        };
        let paid = Leg { from: transition, to: to.clone(), amount: self.amount };
        [drawn, paid].into_iter().filter(|leg| !leg.amount.is_zero()).collect()
    }

    /// The legs that return the whole amount.
    pub fn legs_back(&self, from: &Account) -> Vec<Leg> {
        let back = |Leg { from, to, amount }| Leg { from: to, to: from, amount };
        self.legs(from).into_iter().rev().map(back).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::account::{Name, SchoolAccount};
    use proptest::prelude::*;

    fn purse((e_account, transition, card): (i64, i64, i64), spends_card: bool) -> Purse {
        Purse::of([e_account, transition, card].map(Balance::new), spends_card)
    }

    fn fen(amount: i64) -> Fen {
        Fen::new(amount).unwrap()
    }

    /// Columns: 电子账户, 过渡余额, 卡余额; whether the card's balance may be spent; the amount;
    /// the part drawn from 电子账户, and 电子账户 and 过渡余额 afterwards.
    #[test]
    fn what_a_scan_takes_from_where() {
        type Money = (i64, i64, i64);
        type Row = (Money, bool, i64, Option<Money>);
        let cases: [Row; 18] = [
            ((5000, 0, 0), false, 1250, Some((1250, 3750, 0))),
            ((5000, 0, 0), false, 5000, Some((5000, 0, 0))),
            ((5000, 0, 0), false, 5001, None),
            ((0, 0, 0), false, 1, None),
            ((5000, 300, 0), false, 1250, Some((950, 4050, 0))),
            ((5000, 2000, 0), false, 1250, Some((0, 5000, 750))),
            ((0, 2000, 0), false, 2000, Some((0, 0, 0))),
            // Only the card itself may spend the card's balance.
            ((1000, 0, 9000), false, 1001, None),
            ((1000, 0, 9000), false, 1000, Some((1000, 0, 0))),
            // The school lets codes spend it: 过渡余额 may fall to minus that balance.
            ((1000, 0, 9000), true, 1250, Some((1000, 0, -250))),
            ((0, -250, 9000), true, 8750, Some((0, 0, -9000))),
            ((0, -250, 9000), true, 8751, None),
            ((500, -250, 9000), true, 100, Some((350, 150, 0))),
            // A negative card balance is deducted first.
            ((1000, 0, -400), false, 601, None),
            ((1000, 0, -400), false, 600, Some((600, 400, 0))),
            ((1000, 0, -400), true, 601, None),
            // Nothing is drawn from a negative 电子账户.
            ((-500, 2000, 0), false, 1500, Some((0, -500, 500))),
            ((-500, 2000, 0), false, 1501, None),
        ];
        for (money, spends_card, amount, expected) in cases {
            let mut after = purse(money, spends_card);
            let drawn = after.draw(fen(amount));
            let told = drawn.ok().map(|drawn| {
                (drawn.from_e_account.get(), after.e_account.get(), after.transition.get())
            });
            assert_eq!(told, expected, "{money:?} {spends_card} {amount}");
            if drawn.is_err() {
                assert_eq!(after, purse(money, spends_card), "a refusal takes nothing");
            }
        }
    }

    #[test]
    fn debts_are_told() {
        for (money, in_debt) in [((0, 0, 0), false), ((5, 0, -5), false), ((5, 0, -6), true)] {
            assert_eq!(purse(money, true).in_debt(), in_debt, "{money:?}");
        }
        assert!(purse((i64::MAX, 1, 0), true).in_debt(), "past 64 bits nothing is sure");
        assert_eq!(purse((i64::MAX, 1, 0), true).available(), Balance::ZERO);
    }

    #[test]
    fn any_account_is_paid_and_the_legs_back_cancel_the_payment() {
        let both = Drawn { amount: fen(1250), from_e_account: fen(950) };
        let one = Drawn { amount: fen(1250), from_e_account: Fen::ZERO };
        let school = |account| Account::School(account);
        let payees = [
            school(SchoolAccount::Merchant(Name::parse("canteen").unwrap())),
            school(SchoolAccount::Vendor(Name::parse("water").unwrap())),
            Account::Person(PersonAccount::Goods),
            Account::Person(PersonAccount::Hold),
        ];
        for to in payees {
            assert_eq!((both.legs(&to).len(), one.legs(&to).len()), (2, 1));
            for drawn in [both, one] {
                let (there, mut back) = (drawn.legs(&to), drawn.legs_back(&to));
                assert_eq!(there.last().map(|leg| (&leg.to, leg.amount)), Some((&to, fen(1250))));
                back.reverse();
                for (there, back) in there.iter().zip(&back) {
                    assert_eq!((&there.from, &there.to), (&back.to, &back.from));
                    assert_eq!(there.amount, back.amount);
                }
            }
        }
    }

    proptest! {
        /// The total is conserved and not negative, and 过渡余额 is at least minus the card's
        /// balance.
        #[test]
        fn a_purse_keeps_its_laws(
            e_account in 0..20_000_i64, transition in -5_000..20_000_i64, card in 0..20_000_i64,
            spends_card: bool, amounts in prop::collection::vec(1..9_000_i64, 1..8),
        ) {
            let mut now = purse((e_account, transition, card), spends_card);
            for amount in amounts {
                let (before, could) = (now.total().unwrap().get(), now.available().get() >= amount);
                let drawn = now.draw(fen(amount));
                prop_assert_eq!(drawn.is_ok(), could);
                let gone = if could { amount } else { 0 };
                prop_assert_eq!(now.total().unwrap().get(), before - gone);
                if could {
                    prop_assert!(now.e_account.get() >= 0);
                    let floor = if spends_card { -card } else { 0 };
                    prop_assert!(now.transition.get() >= floor);
                }
            }
        }
    }
}
