//! Weeks at the demo school 云南艺术学院, for `make run`: its people top up, eat, pass doors and lose
//! cards, and its staff give money back, so that every page of the staff shows something.
//!
//! Invariant: everything that money or doors are about comes over the wire, from clients, terminals and the
//! sandbox, at a server whose clock is turned: nothing is written that the server does not write.

mod crowd;
mod days;
mod office;
mod place;
mod requests;

use crate::Rows;
use days::Weeks;
use onecard::{
    base::{clock::Timestamp, db::SingleProcess},
    wiring::Settings,
};
use place::Place;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The school.
const SCHOOL: &str = "ynart";

/// What the weeks are made on. The database is migrated, and has the school with its people.
#[derive(Debug)]
pub struct Demo {
    /// The configuration of the server.
    pub config: Option<PathBuf>,
    /// Variables that override it.
    pub variables: Vec<(String, String)>,
    /// The sandbox's folder of keys.
    pub sandbox: PathBuf,
    /// The people of the school.
    pub roster: PathBuf,
    /// Takes the sandbox's payments, for `onecard-sandbox serve --paid`.
    pub paid: PathBuf,
    /// How many whole days before the last one.
    pub days: u16,
    /// How many people use the app.
    pub people: usize,
    /// The last moment.
    pub until: Timestamp,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoFigures {
    /// Orders of top-ups.
    pub orders: i64,
    /// Charges at tills.
    pub charges: i64,
    /// Doors that were passed, or not.
    pub passes: i64,
}

impl Demo {
    /// Makes the weeks; `None` where somebody has ordered or paid something before. `tell` gets a line for
    /// each week.
    pub async fn run(&self, tell: impl Fn(&str)) -> Option<DemoFigures> {
        let settings = Settings::load(self.config.as_deref(), self.variables.iter().cloned());
        let settings = settings.unwrap_or_else(|error| panic!("{error}"));
        let rows = Rows::of(&onecard::app::db_settings(&settings.config).url).await;
        if rows.count("orders").await + rows.count("charge").await > 0 {
            return None;
        }
        let place = Place::open(self).await;
        let _alone = SingleProcess::acquire(&place.app.db).await.unwrap();
        let mut weeks = Weeks::begin(place, &rows, self).await;
        for day in 0..=self.days {
            weeks.live(day).await;
            keep(&self.paid, &weeks.place);
            if day % 7 == 6 || day == self.days {
                tell(&format!("day {} of {}", day + 1, self.days + 1));
            }
        }
        weeks.end().await;
        keep(&self.paid, &weeks.place);
        Some(DemoFigures {
            orders: rows.count("orders").await,
            charges: rows.count("charge").await,
            passes: rows.count("access_log").await,
        })
    }
}

/// Writes the sandbox's payments to a file.
fn keep(file: &Path, place: &Place) {
    fs::write(file, serde_json::to_vec(&place.sandbox().paid()).unwrap()).unwrap();
}
