//! How much may be spent at tills, within a meal and within a day.

use crate::base::{
    clock::{Timestamp, minute_of_day},
    money::Fen,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The amounts beyond which a till refuses, or asks for the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LimitFields")]
pub struct Limits {
    /// Within one meal.
    #[serde(rename = "meal_fen")]
    pub meal: Option<Fen>,
    /// Within one day of Asia/Shanghai.
    #[serde(rename = "day_fen")]
    pub day: Option<Fen>,
    /// What a till does beyond a limit.
    pub over_limit: OverLimit,
    /// The times of meals. What is outside of all windows counts as one more meal.
    pub meal_windows: Vec<MealWindow>,
}

impl Limits {
    /// The meal of Asia/Shanghai that `at` falls into.
    pub fn meal_at(&self, at: Timestamp) -> Meal {
        let minute = at.minute_of_day();
        let window = self.meal_windows.iter().find(|w| (w.from..w.until).contains(&minute));
        window.map_or(Meal::OTHER, |window| Meal(window.from.into()))
    }
}

/// One meal of a day, over which the meal limit sums. Identified by the minute at which its window
/// begins, so that a charge stays in its meal when a school changes other windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Meal(i32);

impl Meal {
    /// The time outside of every window, or of a school without windows.
    pub const OTHER: Self = Self(-1);

    /// As stored.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// For storage.
    pub const fn number(self) -> i32 {
        self.0
    }
}

/// What happens to a payment that would pass a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    /// It is refused.
    Refuse,
    /// The consumption password is asked for.
    Password,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitFields {
    meal_fen: Option<i64>,
    day_fen: Option<i64>,
    over_limit: OverLimit,
    #[serde(default = "usual_meals")]
    meal_windows: Vec<MealWindow>,
}

/// The most meals of a day.
const MAX_MEALS: usize = 8;

impl TryFrom<LimitFields> for Limits {
    type Error = &'static str;

    fn try_from(fields: LimitFields) -> Result<Self, Self::Error> {
        let LimitFields { meal_fen, day_fen, over_limit, meal_windows } = fields;
        let (meal, day) = (amount(meal_fen)?, amount(day_fen)?);
        if meal.is_none() && day.is_none() {
            return Err("limits must name meal_fen or day_fen");
        }
        if day.is_some_and(|day| meal.is_some_and(|meal| meal > day)) {
            return Err("meal_fen must be at most day_fen");
        }
        let apart = meal_windows.is_sorted_by(|a, b| a.until <= b.from);
        if meal_windows.is_empty() || meal_windows.len() > MAX_MEALS || !apart {
            return Err("meal_windows must be 1 to 8, in order, none within another");
        }
        Ok(Self { meal, day, over_limit, meal_windows })
    }
}

fn amount(fen: Option<i64>) -> Result<Option<Fen>, &'static str> {
    let amount = fen.map(|fen| Fen::new(fen).ok().filter(|fen| !fen.is_zero()));
    amount.map(|amount| amount.ok_or("a limit must be at least 1 fen")).transpose()
}

/// Part of a day of Asia/Shanghai, `10:00-15:00`: the first minute in it, and the first after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MealWindow {
    from: u16,
    until: u16,
}

impl MealWindow {
    /// The first minute of the day in it, and the first after it.
    pub const fn minutes(self) -> (u16, u16) {
        (self.from, self.until)
    }
}

const fn hours(from: u16, until: u16) -> MealWindow {
    MealWindow { from: from * 60, until: until * 60 }
}

fn usual_meals() -> Vec<MealWindow> {
    vec![hours(5, 10), hours(10, 15), hours(15, 21)]
}

impl TryFrom<String> for MealWindow {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let ends = text.split_once('-').and_then(|(from, until)| {
            Some(Self { from: minute_of_day(from)?, until: minute_of_day(until)? })
        });
        ends.filter(|window| window.from < window.until)
            .ok_or("a meal is written as in \"10:00-15:00\", within one day")
    }
}

impl fmt::Display for MealWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, until] = [self.from, self.until].map(|minute| (minute / 60, minute % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.0, from.1, until.0, until.1)
    }
}

impl From<MealWindow> for String {
    fn from(window: MealWindow) -> Self {
        window.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meals_are_written_one_way() {
        for good in ["05:00-10:00", "00:00-24:00", "10:59-11:00"] {
            let window = MealWindow::try_from(good.to_owned());
            assert_eq!(window.map(|window| window.to_string()).as_deref(), Ok(good));
        }
        let bad = ["", "5:00-10:00", "10:00", "10:00-05:00", "10:00-10:00", "10:60-11:00"];
        for bad in bad.into_iter().chain(["24:01-24:02", "10:00-24:01", "+1:00-02:00", "时-分"]) {
            assert!(MealWindow::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_minute_is_in_one_meal() {
        let limits: Limits = toml::from_str("day_fen = 1\nover_limit = \"refuse\"").unwrap();
        let cases = [
            ("00:00:00", Meal::OTHER),
            ("04:59:59", Meal::OTHER),
            ("05:00:00", Meal(300)),
            ("09:59:59", Meal(300)),
            ("10:00:00", Meal(600)),
            ("14:59:59", Meal(600)),
            ("15:00:00", Meal(900)),
            ("20:59:59", Meal(900)),
            ("21:00:00", Meal::OTHER),
            ("23:59:59", Meal::OTHER),
        ];
        for (time, meal) in cases {
            let at = Timestamp::parse_rfc3339(&format!("2026-11-21T{time}+08:00")).unwrap();
            assert_eq!(limits.meal_at(at), meal, "{time}");
        }
    }

    #[test]
    fn limits_make_sense() {
        let limits =
            |text: &str| toml::from_str::<Limits>(text).map_err(|e| e.message().to_owned());
        let usual = limits("meal_fen = 3_000\nday_fen = 5_000\nover_limit = \"refuse\"").unwrap();
        assert_eq!((usual.meal, usual.day), (Fen::new(3000).ok(), Fen::new(5000).ok()));
        let meals: Vec<_> = usual.meal_windows.iter().map(ToString::to_string).collect();
        assert_eq!(meals, ["05:00-10:00", "10:00-15:00", "15:00-21:00"]);
        let stored = serde_json::to_string(&usual).unwrap();
        assert_eq!(serde_json::from_str::<Limits>(&stored).unwrap(), usual);
        let cases = [
            ("over_limit = \"refuse\"", "must name meal_fen or day_fen"),
            ("day_fen = 5", "missing field `over_limit`"),
            ("day_fen = 5\nover_limit = \"warn\"", "unknown variant `warn`"),
            ("day_fen = 0\nover_limit = \"refuse\"", "at least 1 fen"),
            ("meal_fen = -1\nover_limit = \"refuse\"", "at least 1 fen"),
            ("meal_fen = 6\nday_fen = 5\nover_limit = \"refuse\"", "at most day_fen"),
            ("day_fen = 5\nover_limit = \"refuse\"\nmeal_windows = []", "1 to 8"),
            (
                "day_fen = 5\nover_limit = \"refuse\"\nmeal_windows = [\"05:00-10:00\", \"09:00-11:00\"]",
                "none within another",
            ),
            ("day_fen = 5\nover_limit = \"refuse\"\nweek_fen = 9", "unknown field `week_fen`"),
        ];
        for (text, reason) in cases {
            let told = limits(text).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }
}
