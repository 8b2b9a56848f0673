//! Whether a code may be charged: pure rules, in the order in which they are told.

use super::refusal::Refusal;
use crate::{
    base::{clock::Timestamp, money::Fen},
    cards::{CardStatus, Drawn, Over, Purse, Spent},
    schools::policy::{Meal, OverLimit, Policy},
};

/// A password that a till asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// 消费密码, beyond a limit.
    Consumption,
    /// 查询密码, at each scan where a school wants it.
    Query,
}

impl Which {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Consumption => "consumption",
            Self::Query => "query",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Consumption, Self::Query].into_iter().find(|which| which.code() == code)
    }
}

/// A charge that is asked for, by a code that was good or a password that was right.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the school wants.
    pub policy: &'a Policy,
    /// Whether the card may be used.
    pub status: CardStatus,
    /// How much.
    pub amount: Fen,
    /// The password that was given; a code alone gives none.
    pub given: Option<Which>,
    /// When.
    pub now: Timestamp,
}

/// What becomes of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is charged; the purse and what was spent have moved on.
    Charged(Drawn),
    /// It is not.
    Refused(Refusal),
    /// Not without that password.
    Ask(Which),
}

impl Case<'_> {
    /// Decides, and on success takes the money out of the purse and counts it as spent.
    pub fn decide(&self, purse: &mut Purse, spent: &mut Spent) -> Verdict {
        if let Some(stopped) = stopped(self.status) {
            return Verdict::Refused(stopped);
        }
        if purse.in_debt() {
            return Verdict::Refused(Refusal::AccountInDebt);
        }
        if purse.available().get() < self.amount.get() {
            return Verdict::Refused(Refusal::BalanceInsufficient);
        }
        if let Some(verdict) = self.beyond_limits(spent) {
            return verdict;
        }
        if self.policy.spend.password_each_scan && self.given.is_none() {
            return Verdict::Ask(Which::Query);
        }
        // From here on the charge is made.
        match purse.draw(self.amount) {
            Ok(drawn) => {
                spent.add(self.meal(), self.amount);
                Verdict::Charged(drawn)
            }
            Err(_) => Verdict::Refused(Refusal::BalanceInsufficient),
        }
    }

    /// The meal that a charge counts for.
    pub fn meal(&self) -> Meal {
        self.policy.limits.as_ref().map_or(Meal::OTHER, |limits| limits.meal_at(self.now))
    }

    fn beyond_limits(&self, spent: &Spent) -> Option<Verdict> {
        let limits = self.policy.limits.as_ref()?;
        let over = spent.over(limits, self.meal(), self.amount)?;
        let refused = Verdict::Refused(match over {
            Over::Meal => Refusal::LimitMeal,
            Over::Day => Refusal::LimitDay,
        });
        match (limits.over_limit, self.given) {
            (OverLimit::Refuse, _) => Some(refused),
            (OverLimit::Password, None) => Some(Verdict::Ask(Which::Consumption)),
            (OverLimit::Password, Some(Which::Consumption)) => None,
            // Passed since the other password was asked for: only a new scan can ask for this one.
            (OverLimit::Password, Some(Which::Query)) => Some(refused),
        }
    }
}

/// Why a card cannot be used, if it cannot.
pub const fn stopped(status: CardStatus) -> Option<Refusal> {
    match status {
        CardStatus::Normal => None,
        CardStatus::Lost => Some(Refusal::AccountLost),
        CardStatus::Dormant => Some(Refusal::AccountDormant),
        CardStatus::Expired => Some(Refusal::AccountExpired),
        CardStatus::Closed => Some(Refusal::AccountClosed),
    }
}
