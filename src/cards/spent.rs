//! Limits: how much was spent within a meal and a day, and whether more would be too much.

use crate::{
    base::money::Fen,
    schools::policy::{Limits, Meal},
};
use std::collections::HashMap;

/// What a person spent on one day, less what was taken back, by meal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent(HashMap<Meal, Fen>);

/// What a person spent within the meal and the day that it is, less what was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpentNow {
    /// Within the meal.
    pub in_meal: Fen,
    /// Within the day.
    pub in_day: Fen,
}

/// A limit that would be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// 餐限.
    Meal,
    /// 日限.
    Day,
}

impl Spent {
    /// Within a meal.
    pub fn in_meal(&self, meal: Meal) -> Fen {
        self.0.get(&meal).copied().unwrap_or_default()
    }

    /// Within the day. More than 64 bits hold is as much as they do.
    pub fn in_day(&self) -> Fen {
        self.0.values().fold(Fen::ZERO, |sum, fen| added(sum, *fen))
    }

    /// As it counts in this meal.
    pub fn now(&self, meal: Meal) -> SpentNow {
        SpentNow { in_meal: self.in_meal(meal), in_day: self.in_day() }
    }

    /// One more.
    pub fn add(&mut self, meal: Meal, amount: Fen) {
        let sum = self.0.entry(meal).or_default();
        *sum = added(*sum, amount);
    }

    /// The limit that `amount` more would pass, the meal's first.
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

    /// D0: ¥30 for a meal, ¥50 for a day.
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
