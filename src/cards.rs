//! A person's card: whether it may be used, what is on it, how much may be spent.
//!
//! Invariant: a balance that is shown was read from the ledger in one query, none of it from a
//! cache.

use crate::{
    base::{
        clock::Day,
        db::{Db, DbError},
        ids::{PersonId, SchoolId},
        money::{Balance, Fen},
    },
    ledger::balances::{PersonBalances, person_balances},
    schools::{
        PersonStatus, Standing,
        policy::{Limits, OverLimit, Policy},
    },
};
use serde::Serialize;

/// Whether a card may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    /// 正常.
    Normal,
    /// The last day that the roster gives has passed.
    Expired,
    /// Its holder has left the school.
    Closed,
}

impl CardStatus {
    /// By what the roster says of the holder.
    pub fn of(standing: Standing, today: Day) -> Self {
        match (standing.status, standing.valid_until) {
            (PersonStatus::Closed, _) => Self::Closed,
            (PersonStatus::Active, Some(last)) if last < today => Self::Expired,
            (PersonStatus::Active, _) => Self::Normal,
        }
    }
}

/// A card as its holder sees it. Each balance may be below zero; what may be spent is their sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CardView {
    status: CardStatus,
    /// 卡余额: what the physical card holds, in fen.
    #[schema(value_type = i64)]
    card_balance_fen: Balance,
    /// 过渡余额: where spending by code is recorded.
    #[schema(value_type = i64)]
    transition_balance_fen: Balance,
    /// 电子账户: where top-ups arrive.
    #[schema(value_type = i64)]
    e_account_balance_fen: Balance,
    /// The sum of the three.
    #[schema(value_type = i64)]
    total_fen: Balance,
    limits: LimitsView,
}

/// How much may be spent at tills. `null` where the school sets no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LimitsView {
    /// Within one meal.
    #[schema(value_type = Option<i64>)]
    meal_fen: Option<Fen>,
    /// Within one day of Asia/Shanghai.
    #[schema(value_type = Option<i64>)]
    day_fen: Option<Fen>,
    /// What happens beyond a limit.
    over_limit: Option<OverLimit>,
    /// When meals are: `10:00-15:00`. What is outside counts as one more meal.
    meal_windows: Vec<String>,
}

impl From<&Limits> for LimitsView {
    fn from(limits: &Limits) -> Self {
        Self {
            meal_fen: limits.meal,
            day_fen: limits.day,
            over_limit: Some(limits.over_limit),
            meal_windows: limits.meal_windows.iter().map(ToString::to_string).collect(),
        }
    }
}

impl CardView {
    fn new(status: CardStatus, balances: &PersonBalances, policy: &Policy) -> Self {
        Self {
            status,
            card_balance_fen: balances.card,
            transition_balance_fen: balances.transition,
            e_account_balance_fen: balances.e_account,
            total_fen: balances.total(),
            limits: policy.limits.as_ref().map(LimitsView::from).unwrap_or_default(),
        }
    }
}

/// Whose card is asked for, with what its reader knows already.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Their school.
    pub school: SchoolId,
    /// What that school wants.
    pub policy: &'a Policy,
    /// The person.
    pub person: PersonId,
    /// What the roster says of them.
    pub standing: Standing,
}

/// The cards of all schools.
#[derive(Clone, Debug)]
pub struct Cards {
    db: Db,
}

impl Cards {
    /// Cards whose money is in `db`.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// The holder's card, today: one query.
    pub async fn of(&self, holder: &Holder<'_>, today: Day) -> Result<CardView, DbError> {
        let status = CardStatus::of(holder.standing, today);
        let balances = person_balances(&self.db, holder.school, holder.person).await?;
        Ok(CardView::new(status, &balances, holder.policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_good_to_the_end_of_its_last_day() {
        use PersonStatus::{Active, Closed};
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
            let standing = Standing { status, valid_until: last.map(Day::from_number) };
            assert_eq!(CardStatus::of(standing, today), expected, "{standing:?}");
        }
    }
}
