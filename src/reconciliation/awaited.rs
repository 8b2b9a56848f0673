//! Days whose bills have not come: they are kept as days, so that lists have them (ADR 0054).

use super::{DayKey, Reconciliation, store};
use crate::base::{clock::Day, db::DbError};

/// So many days back, which is as long as providers have bills of for certain.
pub(super) const KEPT: i32 = 90;
/// Of the last days our own figures may still move: a payment is heard of late.
const MOVING: i32 = 7;

impl Reconciliation {
    /// Keeps the days up to that of the key that were not compared, from the first on of which the school has a
    /// payment at the merchant, or a bill.
    pub(super) async fn wait_for_bills(&self, last: &DayKey) -> Result<(), DbError> {
        let earliest = Day::from_number(last.day.number().saturating_sub(KEPT - 1));
        let db = || (&self.db).into();
        let from = DayKey { day: earliest, ..last.clone() };
        let Some(first) = store::first_day(db(), &from).await? else { return Ok(()) };
        let kept = store::kept_days(db(), &from).await?;
        for number in first.number()..=last.day.number() {
            let is_moving = last.day.number().saturating_sub(number) < MOVING;
            let is_awaited = match kept.get(&number) {
                None => true,
                Some(is_compared) => !is_compared && is_moving,
            };
            if is_awaited {
                let (key, now) =
                    (DayKey { day: Day::from_number(number), ..last.clone() }, self.clock.now());
                self.db.in_tx(async |tx| store::wait_for(tx, &key, now).await).await?;
            }
        }
        Ok(())
    }
}
