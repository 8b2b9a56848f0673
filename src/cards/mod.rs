//! A person's card: its status, its balances, its limits and the amounts spent.
//!
//! Invariant: displayed balances are read from the ledger in one query, never from a cache.
//! Invariant: the amount spent is the sum of charges that were not reversed; there is no separate
//! counter that could disagree.

pub mod charges;
mod purse;
mod spent;
mod store;

pub use purse::{Drawn, InsufficientFunds, Purse};
pub use spent::{Over, Spent, SpentNow};

use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError, Source},
        ids::{PersonId, SchoolId},
        money::{Balance, Fen},
    },
    ledger::balances::{PersonBalances, person_balances},
    schools::{
        PersonStatus, Standing,
        policy::{Limits, LossScope, OverLimit, Policy},
    },
};
use serde::Serialize;

/// Whether a card may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    /// 正常.
    Normal,
    /// The last day of validity in the roster has passed.
    Expired,
    /// Its holder has left the school.
    Closed,
    /// 已挂失: the holder reported the card or the phone lost.
    Lost,
    /// 已休眠: not used for too long; reactivated at the service counter.
    Dormant,
}

impl CardStatus {
    /// The status by the holder's standing in the roster.
    pub fn of(standing: Standing, today: Day) -> Self {
        match (standing.status, standing.valid_until) {
            (PersonStatus::Closed, _) => Self::Closed,
            (PersonStatus::Active, _) if standing.lost => Self::Lost,
            (PersonStatus::Active, Some(last)) if last < today => Self::Expired,
            (PersonStatus::Active, _) if standing.dormant => Self::Dormant,
            (PersonStatus::Active, _) => Self::Normal,
        }
    }
}

/// Why the codes of a card's holder are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardStop {
    /// It was reported lost.
    Lost,
    /// It is dormant.
    Dormant,
    /// It has expired.
    Expired,
    /// Its holder has left the school.
    Closed,
}

impl CardStatus {
    /// What stops the holder's codes; `None` if they may be used. Some schools stop only the card when it
    /// is lost.
    pub const fn stopped(self, lost: LossScope) -> Option<CardStop> {
        match (self, lost) {
            (Self::Normal, _) | (Self::Lost, LossScope::Card) => None,
            (Self::Lost, LossScope::CardAndCodes) => Some(CardStop::Lost),
            (Self::Dormant, _) => Some(CardStop::Dormant),
            (Self::Expired, _) => Some(CardStop::Expired),
            (Self::Closed, _) => Some(CardStop::Closed),
        }
    }
}

/// A card as shown to its holder. Each balance may be negative; their sum may be spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CardView {
    status: CardStatus,
    /// 卡余额: the balance on the physical card, in fen.
    #[schema(value_type = i64)]
    card_balance_fen: Balance,
    /// 过渡余额: records spending by code.
    #[schema(value_type = i64)]
    transition_balance_fen: Balance,
    /// 电子账户: credited by top-ups.
    #[schema(value_type = i64)]
    e_account_balance_fen: Balance,
    /// The sum of the three.
    #[schema(value_type = i64)]
    total_fen: Balance,
    limits: LimitsView,
}

/// The spending limits at tills. `null` if the school sets no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LimitsView {
    /// The limit for one meal.
    #[schema(value_type = Option<i64>)]
    meal_fen: Option<Fen>,
    /// The limit for one day in Asia/Shanghai.
    #[schema(value_type = Option<i64>)]
    day_fen: Option<Fen>,
    /// What happens when a charge exceeds a limit.
    over_limit: Option<OverLimit>,
    /// The times of the meals: `10:00-15:00`. All other times count as one additional meal.
    meal_windows: Vec<String>,
    /// The amount spent in the current meal.
    #[schema(value_type = Option<i64>)]
    meal_spent_fen: Option<Fen>,
    /// The amount spent today.
    #[schema(value_type = Option<i64>)]
    day_spent_fen: Option<Fen>,
}

impl LimitsView {
    fn new(limits: &Limits, spent: SpentNow) -> Self {
        Self {
            meal_fen: limits.meal,
            day_fen: limits.day,
            over_limit: Some(limits.over_limit),
            meal_windows: limits.meal_windows.iter().map(ToString::to_string).collect(),
            meal_spent_fen: Some(spent.in_meal),
            day_spent_fen: Some(spent.in_day),
        }
    }
}

impl CardView {
    const fn new(status: CardStatus, balances: &PersonBalances, limits: LimitsView) -> Self {
        Self {
            status,
            card_balance_fen: balances.card,
            transition_balance_fen: balances.transition,
            e_account_balance_fen: balances.e_account,
            total_fen: balances.total(),
            limits,
        }
    }
}

/// The holder whose card is read, with what the caller has already read.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The holder's school.
    pub school: SchoolId,
    /// The school's policy.
    pub policy: &'a Policy,
    /// The person.
    pub person: PersonId,
    /// The person's standing in the roster.
    pub standing: Standing,
    /// The amounts spent, if already read.
    pub spent: Option<SpentNow>,
}

/// The cards of all schools.
#[derive(Clone, Debug)]
pub struct Cards {
    db: Db,
}

impl Cards {
    /// Cards stored in `db`.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// The holder's current card: one query, and one more if the school sets limits and the amount
    /// spent was not given.
    pub async fn of(&self, holder: &Holder<'_>, now: Timestamp) -> Result<CardView, DbError> {
        let status = CardStatus::of(holder.standing, now.day());
        let balances = person_balances(&self.db, holder.school, holder.person).await?;
        let limits = match &holder.policy.limits {
            Some(limits) => LimitsView::new(limits, self.spent(holder, limits, now).await?),
            None => LimitsView::default(),
        };
        Ok(CardView::new(status, &balances, limits))
    }

    async fn spent(
        &self,
        holder: &Holder<'_>,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<SpentNow, DbError> {
        if let Some(spent) = holder.spent {
            return Ok(spent);
        }
        let question = charges::spent_question(&[holder.person], now.day());
        let [answer] = Source::Db(&self.db).ask([question]).await?;
        let spent = charges::spent(&answer)?.remove(&holder.person).unwrap_or_default();
        Ok(spent.now(limits.meal_at(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_good_to_the_end_of_its_last_day() {
        use PersonStatus::{Active, Closed};
        let of = |status, last: Option<i32>, lost, dormant| Standing {
            status,
            valid_until: last.map(Day::from_number),
            lost,
            dormant,
        };
        let today = Day::from_number(20_000);
        let cases = [
            (Active, None, CardStatus::Normal),
            (Active, Some(20_001), CardStatus::Normal),
            (Active, Some(20_000), CardStatus::Normal),
            (Active, Some(19_999), CardStatus::Expired),
            (Closed, None, CardStatus::Closed),
            (Closed, Some(19_999), CardStatus::Closed),
        ];
        for (status, last, expected) in cases {
            let standing = of(status, last, false, false);
            assert_eq!(CardStatus::of(standing, today), expected, "{standing:?}");
        }
        let stopped = [
            (of(Active, None, true, false), CardStatus::Lost),
            (of(Active, Some(19_999), true, true), CardStatus::Lost),
            (of(Active, None, false, true), CardStatus::Dormant),
            (of(Active, Some(19_999), false, true), CardStatus::Expired),
            (of(Closed, None, true, true), CardStatus::Closed),
        ];
        for (standing, expected) in stopped {
            assert_eq!(CardStatus::of(standing, today), expected, "{standing:?}");
        }
    }
}
