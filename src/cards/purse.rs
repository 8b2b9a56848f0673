//! What a person may spend without the card at hand, and from where it is taken: one rule for
//! tills, water and electricity, whichever account is paid.

use crate::{
    base::money::{Balance, Fen},
    ledger::{
        account::{Account, PersonAccount},
        balances::PersonBalances,
        transfer::Leg,
    },
};

/// A person's money, as it stands under the person's lock. It moves on with what is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    e_account: Balance,
    transition: Balance,
    card: Balance,
    /// Whether the physical card's own balance may be spent too: "the sum of the three".
    spends_card: bool,
}

/// An amount that was drawn from a purse, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// All of it.
    pub amount: Fen,
    /// What 过渡余额 lacked, and 电子账户 gave.
    pub from_e_account: Fen,
}

/// The purse holds less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittle;

impl Purse {
    /// A person's money.
    pub const fn new(balances: &PersonBalances, spends_card: bool) -> Self {
        let PersonBalances { card, transition, e_account, .. } = *balances;
        Self::of([e_account, transition, card], spends_card)
    }

    /// From 电子账户, 过渡余额 and 卡余额.
    pub const fn of([e_account, transition, card]: [Balance; 3], spends_card: bool) -> Self {
        Self { e_account, transition, card, spends_card }
    }

    /// The sum of the three; `None` past 64 bits.
    pub fn total(&self) -> Option<Balance> {
        self.e_account.plus(self.transition)?.plus(self.card)
    }

    /// True below zero: facts took more than there was.
    pub fn in_debt(&self) -> bool {
        self.total().is_none_or(Balance::is_negative)
    }

    /// What may be spent: the sum of the three, or without what only the card itself may spend. A
    /// card below zero is covered by the others first.
    pub fn available(&self) -> Balance {
        let (Some(total), Some(own)) = (self.total(), self.e_account.plus(self.transition)) else {
            return Balance::ZERO;
        };
        if self.spends_card { total } else { total.min(own) }
    }

    /// Takes `amount` out: 电子账户 gives what 过渡余额 lacks, as far as it can; what is still lacking
    /// leaves 过渡余额 below zero, by at most what is on the card.
    pub fn draw(&mut self, amount: Fen) -> Result<Drawn, TooLittle> {
        if self.available() < Balance::ZERO.credited(amount).ok_or(TooLittle)? {
            return Err(TooLittle);
        }
        let lacking = amount.get().saturating_sub(self.transition.get()).max(0);
        let given = Fen::new(lacking.min(self.e_account.get().max(0))).map_err(|_| TooLittle)?;
        let e_account = self.e_account.debited(given).ok_or(TooLittle)?;
        let transition = self.transition.credited(given).and_then(|sum| sum.debited(amount));
        (self.e_account, self.transition) = (e_account, transition.ok_or(TooLittle)?);
        Ok(Drawn { amount, from_e_account: given })
    }
}

impl Drawn {
    /// To the account that is paid: one of the school (a merchant's), or another one of the person
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

    /// All of it back to where it was.
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

    /// 电子账户, 过渡余额, 卡余额; whether the card is spent; how much; what 电子账户 gives, and what is
    /// then in 电子账户 and 过渡余额.
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
            // The card's own balance is for the card.
            ((1000, 0, 9000), false, 1001, None),
            ((1000, 0, 9000), false, 1000, Some((1000, 0, 0))),
            // Unless the school lets codes spend it: then 过渡余额 runs down to minus that.
            ((1000, 0, 9000), true, 1250, Some((1000, 0, -250))),
            ((0, -250, 9000), true, 8750, Some((0, 0, -9000))),
            ((0, -250, 9000), true, 8751, None),
            ((500, -250, 9000), true, 100, Some((350, 150, 0))),
            // A debt on the card is covered first.
            ((1000, 0, -400), false, 601, None),
            ((1000, 0, -400), false, 600, Some((600, 400, 0))),
            ((1000, 0, -400), true, 601, None),
            // A debt of 电子账户 is no source.
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
        /// Nothing is made or lost, nobody gets below zero, and 过渡余额 no lower than minus the card.
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
