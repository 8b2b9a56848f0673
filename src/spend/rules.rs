//! The rules of a charge, free of I/O. The first violated rule is the refusal.

use super::refusal::TillRefusal;
use crate::{
    base::{clock::Timestamp, money::Fen},
    cards::{CardStatus, Drawn, Over, Purse, Spent},
    schools::policy::{LossScope, Meal, OverLimit, Policy},
};

/// A kind of password that a till asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TillPassword {
    /// 消费密码, required beyond a limit.
    Consumption,
    /// 查询密码, required at each scan if the school's policy says so.
    Query,
}

impl TillPassword {
    /// The stored code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Consumption => "consumption",
            Self::Query => "query",
        }
    }

    /// Parses a stored code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Consumption, Self::Query].into_iter().find(|which| which.code() == code)
    }
}

/// A requested charge with a valid code or a correct password.
#[derive(Clone, Copy, Debug)]
pub struct ChargeCheck<'a> {
    /// The school's policy.
    pub policy: &'a Policy,
    /// The status of the card.
    pub status: CardStatus,
    /// The amount.
    pub amount: Fen,
    /// The password that was given; `None` for a code alone.
    pub given: Option<TillPassword>,
    /// The current time.
    pub now: Timestamp,
}

/// The outcome of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// Charged; the purse and the amounts spent were updated.
    Charged(Drawn),
    /// Refused.
    Refused(TillRefusal),
    /// This password is required.
    Ask(TillPassword),
}

impl ChargeCheck<'_> {
    /// Decides, and on success draws the amount from the purse and counts it as spent.
    pub fn decide(&self, purse: &mut Purse, spent: &mut Spent) -> RuleOutcome {
        if let Some(stopped) = stopped(self.status, self.policy.loss.stops) {
            return RuleOutcome::Refused(stopped);
        }
        if purse.in_debt() {
            return RuleOutcome::Refused(TillRefusal::AccountInDebt);
        }
        if purse.available().get() < self.amount.get() {
            return RuleOutcome::Refused(TillRefusal::BalanceInsufficient);
        }
        if let Some(verdict) = self.beyond_limits(spent) {
            return verdict;
        }
        if self.policy.spend.password_each_scan && self.given.is_none() {
            return RuleOutcome::Ask(TillPassword::Query);
        }
        // All rules passed: draw the amount.
        match purse.draw(self.amount) {
            Ok(drawn) => {
                spent.add(self.meal(), self.amount);
                RuleOutcome::Charged(drawn)
            }
            Err(_) => RuleOutcome::Refused(TillRefusal::BalanceInsufficient),
        }
    }

    /// The meal that the charge counts towards.
    pub fn meal(&self) -> Meal {
        self.policy.limits.as_ref().map_or(Meal::OTHER, |limits| limits.meal_at(self.now))
    }

    fn beyond_limits(&self, spent: &Spent) -> Option<RuleOutcome> {
        let limits = self.policy.limits.as_ref()?;
        let over = spent.over(limits, self.meal(), self.amount)?;
        let refused = RuleOutcome::Refused(match over {
            Over::Meal => TillRefusal::LimitMeal,
            Over::Day => TillRefusal::LimitDay,
        });
        match (limits.over_limit, self.given) {
            (OverLimit::Password, None) => Some(RuleOutcome::Ask(TillPassword::Consumption)),
            (OverLimit::Password, Some(TillPassword::Consumption)) => None,
            // If the limit was exceeded only after the other password was asked for, a new scan is
            // needed to ask for this one.
            (OverLimit::Refuse, _) | (OverLimit::Password, Some(TillPassword::Query)) => {
                Some(refused)
            }
        }
    }
}

/// The refusal of a code for a card with this status; `None` if it may be used.
pub fn stopped(status: CardStatus, lost: LossScope) -> Option<TillRefusal> {
    status.stopped(lost).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::Balance;
    use CardStatus::{Closed, Dormant, Expired, Lost, Normal};
    use RuleOutcome::{Ask, Refused};
    use TillPassword::{Consumption, Query};
    use TillRefusal::{
        AccountClosed, AccountDormant, AccountExpired, AccountInDebt, AccountLost,
        BalanceInsufficient, LimitDay, LimitMeal,
    };

    const NONE: &str = "";
    const REFUSES: &str = "[limits]\nmeal_fen = 3000\nday_fen = 5000\nover_limit = \"refuse\"\n";
    const ASKS: &str = "[limits]\nday_fen = 5000\nover_limit = \"password\"\n";
    const CARD: &str = "[loss]\nstops = \"card\"\n";
    const EACH: &str = "[spend]\npassword_each_scan = true\n";

    fn fen(amount: i64) -> Fen {
        Fen::new(amount).unwrap()
    }

    /// A school's policy with these tables replaced.
    fn policy(tables: &str) -> Policy {
        let text = include_str!("../../schools/hbgyzy.toml");
        Policy::parse(&text.replace("[consent]", &format!("{tables}[consent]"))).unwrap()
    }

    fn yes(amount: i64) -> RuleOutcome {
        RuleOutcome::Charged(Drawn { amount: fen(amount), from_e_account: fen(amount) })
    }

    /// Columns: policy tables; status, balance; amounts spent in this meal and in another; amount,
    /// given password; outcome.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn a_scan_is_judged_in_this_order() {
        type Row = (String, CardStatus, i64, (i64, i64), (i64, Option<TillPassword>), RuleOutcome);
        let both = format!("{ASKS}{EACH}");
        let strict = format!("{REFUSES}{EACH}");
        let row = |tables: &str, status, balance, spent, asked, verdict| -> Row {
            (tables.to_owned(), status, balance, spent, asked, verdict)
        };
        let rows = [
            row(NONE, Normal, 1250, (0, 0), (1250, None), yes(1250)),
            row(NONE, Normal, 99_999, (9000, 9000), (1250, None), yes(1250)),
            row(NONE, Normal, 1249, (0, 0), (1250, None), Refused(BalanceInsufficient)),
            row(NONE, Normal, -1, (0, 0), (1250, None), Refused(AccountInDebt)),
            row(NONE, Lost, -1, (0, 0), (1250, None), Refused(AccountLost)),
            row(CARD, Lost, 9999, (0, 0), (1250, None), yes(1250)),
            row(CARD, Dormant, 9999, (0, 0), (1250, None), Refused(AccountDormant)),
            row(NONE, Dormant, 9999, (0, 0), (1250, None), Refused(AccountDormant)),
            row(NONE, Expired, 9999, (0, 0), (1250, None), Refused(AccountExpired)),
            row(NONE, Closed, 9999, (0, 0), (1250, None), Refused(AccountClosed)),
            row(REFUSES, Normal, 9999, (0, 0), (3000, None), yes(3000)),
            row(REFUSES, Normal, 9999, (0, 0), (3001, None), Refused(LimitMeal)),
            row(REFUSES, Normal, 9999, (1750, 0), (1251, None), Refused(LimitMeal)),
            row(REFUSES, Normal, 9999, (0, 3750), (1250, None), yes(1250)),
            row(REFUSES, Normal, 9999, (0, 3751), (1250, None), Refused(LimitDay)),
            row(REFUSES, Normal, 3000, (0, 0), (3001, None), Refused(BalanceInsufficient)),
            row(ASKS, Normal, 9999, (5000, 0), (1, None), Ask(Consumption)),
            row(ASKS, Normal, 9999, (5000, 0), (1, Some(Consumption)), yes(1)),
            row(ASKS, Normal, 0, (5000, 0), (1, Some(Consumption)), Refused(BalanceInsufficient)),
            row(ASKS, Lost, 9, (5000, 0), (1, Some(Consumption)), Refused(AccountLost)),
            row(EACH, Normal, 9999, (0, 0), (1, None), Ask(Query)),
            row(EACH, Normal, 9999, (0, 0), (1, Some(Query)), yes(1)),
            row(EACH, Normal, 0, (0, 0), (1, None), Refused(BalanceInsufficient)),
            row(&both, Normal, 9999, (5000, 0), (1, None), Ask(Consumption)),
            row(&both, Normal, 9999, (5000, 0), (1, Some(Consumption)), yes(1)),
            row(&both, Normal, 9999, (0, 0), (1, None), Ask(Query)),
            row(&both, Normal, 9999, (5000, 0), (1, Some(Query)), Refused(LimitDay)),
            row(&strict, Normal, 9999, (3000, 0), (1, None), Refused(LimitMeal)),
            row(&strict, Normal, 9999, (3000, 0), (1, Some(Query)), Refused(LimitMeal)),
        ];
        let now = Timestamp::parse_rfc3339("2026-11-21T12:00:00+08:00").unwrap();
        for (tables, status, balance, (here, elsewhere), (amount, given), verdict) in rows {
            let policy = policy(&tables);
            let check = ChargeCheck { policy: &policy, status, amount: fen(amount), given, now };
            let mut purse = Purse::of([balance, 0, 0].map(Balance::new), false);
            let mut spent = Spent::default();
            spent.add(check.meal(), fen(here));
            spent.add(Meal::from_number(0), fen(elsewhere));
            let before = (purse, spent.clone());
            let what = format!("{tables} {status:?} {balance} {here} {elsewhere} {given:?}");
            assert_eq!(check.decide(&mut purse, &mut spent), verdict, "{what}");
            if matches!(verdict, RuleOutcome::Charged(_)) {
                assert_eq!(spent.in_meal(check.meal()), fen(here + amount), "{what}");
                assert_eq!(purse.total().map(Balance::get), Some(balance - amount), "{what}");
            } else {
                assert_eq!((purse, spent), before, "{what}: nothing moved");
            }
        }
    }
}
