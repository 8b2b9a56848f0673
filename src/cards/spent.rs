//! Limits: the amounts spent in a meal and in a day, and whether a charge would exceed a limit.

use crate::{
    base::money::Fen,
    schools::policy::{Limits, Meal},
};
use std::collections::HashMap;

/// The amount that a person spent on one day, without reversed charges, by meal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent(HashMap<Meal, Fen>);

/// The amounts that a person spent in the current meal and day, without reversed charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpentNow {
    /// The amount spent in the meal.
    pub in_meal: Fen,
    /// The amount spent on the day.
    pub in_day: Fen,
}

/// A limit that would be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// 餐限.
    Meal,
    /// 日限.
    Day,
}

impl Spent {
    /// The amount spent in a meal.
    pub fn in_meal(&self, meal: Meal) -> Fen {
        self.0.get(&meal).copied().unwrap_or_default()
    }

    /// The amount spent on the day. The sum saturates.
    pub fn in_day(&self) -> Fen {
        self.0.values().fold(Fen::ZERO, |sum, fen| added(sum, *fen))
    }

    /// The amounts as of this meal.
    pub fn now(&self, meal: Meal) -> SpentNow {
        SpentNow { in_meal: self.in_meal(meal), in_day: self.in_day() }
    }

    /// Adds a charge.
    pub fn add(&mut self, meal: Meal, amount: Fen) {
        let sum = self.0.entry(meal).or_default();
        *sum = added(*sum, amount);
    }

    /// The limit that a charge of `amount` would exceed; the meal's limit is checked first.
    pub fn over(&self, limits: &Limits, meal: Meal, amount: Fen) -> Option<Over> {
        let passes =
            |sum: Fen, limit: Option<Fen>| limit.is_some_and(|limit| added(sum, amount) > limit);
        if passes(self.in_meal(meal), limits.meal) {
            Some(Over::Meal)
        } else if passes(self.in_day(), limits.day) {
            Some(Over::Day)
        } else {
            None
        }
    }
}

fn added(sum: Fen, more: Fen) -> Fen {
    sum.plus(more).unwrap_or(Fen::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fen(amount: i64) -> Fen {
        Fen::new(amount).unwrap()
    }

    /// The limits of D0: ¥30 for a meal, ¥50 for a day.
    #[test]
    fn thirty_for_a_meal_fifty_for_a_day() {
        let limits: Limits =
            toml::from_str("meal_fen = 3_000\nday_fen = 5_000\nover_limit = \"refuse\"").unwrap();
        let (breakfast, lunch, dinner) =
            (Meal::from_number(300), Meal::from_number(600), Meal::from_number(900));
        let mut spent = Spent::default();
        let steps = [
            (breakfast, 3001, Some(Over::Meal)),
            (breakfast, 3000, None),
            (breakfast, 1, Some(Over::Meal)),
            (lunch, 2001, Some(Over::Day)),
            (lunch, 3001, Some(Over::Meal)),
            (lunch, 1999, None),
            (dinner, 2, Some(Over::Day)),
            (Meal::OTHER, 1, None),
            (Meal::OTHER, 1, Some(Over::Day)),
        ];
        for (meal, amount, expected) in steps {
            assert_eq!(spent.over(&limits, meal, fen(amount)), expected, "{meal:?} {amount}");
            if expected.is_none() {
                spent.add(meal, fen(amount));
            }
        }
        assert_eq!((spent.in_meal(lunch), spent.in_day()), (fen(1999), fen(5000)));
    }

    #[test]
    fn a_limit_that_is_not_set_is_none() {
        let limits: Limits = toml::from_str("day_fen = 5_000\nover_limit = \"password\"").unwrap();
        let spent = Spent::default();
        assert_eq!(spent.over(&limits, Meal::OTHER, fen(5000)), None);
        assert_eq!(spent.over(&limits, Meal::OTHER, Fen::MAX), Some(Over::Day));
    }
}
