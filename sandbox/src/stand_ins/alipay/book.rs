//! All trades, indexed by each of their numbers. Bounded.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::trade::Trade;

const MOST_TRADES: usize = 100_000;

#[derive(Debug)]
pub(super) struct Trades {
    most: usize,
    /// By order of arrival.
    all: BTreeMap<u64, Trade>,
    next: u64,
    /// A number belongs to one trade of an app, and may be another's too.
    by_out_trade_no: HashMap<String, Vec<u64>>,
    by_trade_no: HashMap<String, u64>,
}

/// The book is full of unfinished trades.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Default for Trades {
    fn default() -> Self {
        Self {
            most: MOST_TRADES,
            all: BTreeMap::new(),
            next: 0,
            by_out_trade_no: HashMap::new(),
            by_trade_no: HashMap::new(),
        }
    }
}

impl Trades {
    /// The newest trade with this number, of any app.
    pub(super) fn get(&self, out_trade_no: &str) -> Option<&Trade> {
        self.all.get(self.by_out_trade_no.get(out_trade_no)?.last()?)
    }

    pub(super) fn get_mut(&mut self, out_trade_no: &str) -> Option<&mut Trade> {
        self.all.get_mut(self.by_out_trade_no.get(out_trade_no)?.last()?)
    }

    /// The app's trade with one of the numbers; Alipay's own number wins.
    pub(super) fn of_app(
        &mut self,
        app_id: &str,
        trade_no: &str,
        out_trade_no: &str,
    ) -> Option<&mut Trade> {
        let place = if trade_no.is_empty() {
            let mut places = self.by_out_trade_no.get(out_trade_no)?.iter().copied();
            places.find(|place| self.all.get(place).is_some_and(|trade| trade.app_id == app_id))?
        } else {
            *self.by_trade_no.get(trade_no)?
        };
        self.all.get_mut(&place).filter(|trade| trade.app_id == app_id)
    }

    /// By Alipay's number, of any app.
    pub(super) fn by_trade_no(&self, trade_no: &str) -> Option<&Trade> {
        self.all.get(self.by_trade_no.get(trade_no)?)
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Trade> {
        self.all.values().rev()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds a trade; the oldest finished one makes room if needed.
    pub(super) fn insert(&mut self, trade: Trade, now: DateTime<Utc>) -> Result<(), Full> {
        if self.all.len() >= self.most {
            self.drop_oldest_finished(now)?;
        }
        self.by_out_trade_no.entry(trade.out_trade_no.clone()).or_default().push(self.next);
        self.by_trade_no.insert(trade.trade_no.clone(), self.next);
        self.all.insert(self.next, trade);
        self.next += 1;
        Ok(())
    }

    fn drop_oldest_finished(&mut self, now: DateTime<Utc>) -> Result<(), Full> {
        let finished = self.all.iter().find(|(_, trade)| trade.finished(now));
        let place = *finished.ok_or(Full)?.0;
        let Some(trade) = self.all.remove(&place) else { return Err(Full) };
        if let Some(places) = self.by_out_trade_no.get_mut(&trade.out_trade_no) {
            places.retain(|known| *known != place);
            if places.is_empty() {
                self.by_out_trade_no.remove(&trade.out_trade_no);
            }
        }
        self.by_trade_no.remove(&trade.trade_no);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use serde_json::Value;

    use super::*;
    use crate::callbacks::Callback;
    use crate::stand_ins::alipay::charset::Charset;
    use crate::stand_ins::alipay::people::People;
    use crate::stand_ins::alipay::trade::State;

    fn trade(out_trade_no: &str, app_id: &str, now: DateTime<Utc>) -> Trade {
        Trade {
            app_id: app_id.to_owned(),
            out_trade_no: out_trade_no.to_owned(),
            trade_no: format!("{app_id}{out_trade_no}"),
            subject: String::new(),
            body: None,
            passback_params: None,
            total_fen: 1,
            buyer: People::new(app_id).numbered(0),
            notify_url: None,
            notify_charset: Charset::Utf8,
            created_at: now,
            pay_by: now + TimeDelta::hours(3),
            request: Value::Null,
            state: State::Unpaid,
            refunds: Vec::new(),
            failures: 0,
            callback: Arc::<Callback>::default(),
        }
    }

    #[test]
    fn the_oldest_finished_trade_makes_room_and_its_numbers_go() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut trades = Trades { most: 2, ..Trades::default() };
        trades.insert(trade("first", "a", now), now).unwrap();
        trades.insert(trade("second", "a", now), now).unwrap();
        assert_eq!(trades.insert(trade("third", "a", now), now), Err(Full));
        trades.get_mut("second").unwrap().state = State::Closed(now);
        trades.insert(trade("third", "a", now), now).unwrap();
        assert!(trades.get("second").is_none() && trades.by_trade_no("asecond").is_none());
        assert!(trades.get("first").is_some() && trades.by_trade_no("athird").is_some());
    }

    #[test]
    fn an_app_finds_its_own_trades_alone_and_the_trade_number_wins() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut trades = Trades::default();
        trades.insert(trade("one", "a", now), now).unwrap();
        trades.insert(trade("one", "b", now), now).unwrap();
        let mut found = |app, trade_no, out_trade_no| {
            trades.of_app(app, trade_no, out_trade_no).map(|trade| trade.trade_no.clone())
        };
        assert_eq!(found("a", "", "one").as_deref(), Some("aone"));
        assert_eq!(found("b", "bone", "other").as_deref(), Some("bone"));
        assert_eq!(found("a", "bone", "one"), None);
        assert_eq!(found("c", "", "one"), None);
    }
}
