//! The locks, and every order that reached the adapter.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The locks of the demo schools' dormitories.
pub const DEMO_LOCKS: [&str; 6] = ["D3-401", "D3-402", "D3-403", "D5-201", "D5-202", "STUDY-1"];

/// More than a day of a demonstration.
const MOST_ORDERS: usize = 10_000;
const MOST_NONCES: usize = 10_000;
const MOST_LOCKS: usize = 1000;
/// Nonces are remembered for so long.
const NONCES_LIVE: TimeDelta = TimeDelta::seconds(120);
/// When a late lock reports.
const LATE: TimeDelta = TimeDelta::seconds(3);

/// What a lock does when it is told to open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockBehaviour {
    /// It opens, and reports it.
    #[default]
    Opens,
    /// It opens; its report arrives three seconds later.
    Late,
    /// It opens, and never reports.
    Silent,
    /// Somebody has bolted it.
    Blocked,
    /// It is not connected.
    Offline,
    /// Its battery is too low.
    Battery,
}

impl LockBehaviour {
    pub(super) const ALL: [Self; 6] =
        [Self::Opens, Self::Late, Self::Silent, Self::Blocked, Self::Offline, Self::Battery];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Opens => "开门并上报",
            Self::Late => "开门，三秒后上报",
            Self::Silent => "开门，从不上报",
            Self::Blocked => "反锁，打不开",
            Self::Offline => "不在线",
            Self::Battery => "电量不足",
        }
    }

    const fn opens(self) -> bool {
        matches!(self, Self::Opens | Self::Late | Self::Silent)
    }
}

/// A lock.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Lock {
    pub behaviour: LockBehaviour,
    /// How often the bolt moved.
    pub opened: u64,
}

/// An order to open a lock.
#[derive(Debug, Clone, Serialize)]
pub struct LockOrder {
    pub request_id: String,
    pub lock_id: String,
    pub at: DateTime<Utc>,
    /// What the lock did.
    pub behaviour: Option<LockBehaviour>,
    /// Why it was refused without asking the lock.
    pub refused: Option<&'static str>,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Opened,
    Refused(&'static str),
    NotKnownYet,
    NotReceived,
}

impl LockOrder {
    pub(super) fn outcome(&self, now: DateTime<Utc>) -> Outcome {
        if let Some(reason) = self.refused {
            return Outcome::Refused(reason);
        }
        match self.behaviour {
            Some(LockBehaviour::Opens) => Outcome::Opened,
            Some(LockBehaviour::Late) if now >= self.at + LATE => Outcome::Opened,
            Some(LockBehaviour::Blocked) => Outcome::Refused("blocked"),
            Some(LockBehaviour::Offline) => Outcome::Refused("offline"),
            Some(LockBehaviour::Battery) => Outcome::Refused("battery"),
            Some(LockBehaviour::Late | LockBehaviour::Silent) | None => Outcome::NotKnownYet,
        }
    }
}

#[derive(Debug)]
pub(super) struct Book {
    locks: BTreeMap<String, Lock>,
    /// Newest first.
    orders: VecDeque<LockOrder>,
    /// Oldest first.
    nonces: VecDeque<(DateTime<Utc>, String)>,
}

impl Default for Book {
    fn default() -> Self {
        let locks = DEMO_LOCKS.map(|id| (id.to_owned(), Lock::default())).into();
        Self { locks, orders: VecDeque::new(), nonces: VecDeque::new() }
    }
}

impl Book {
    /// Remembers a nonce; `false` if it was used before.
    pub(super) fn is_new(&mut self, nonce: &str, now: DateTime<Utc>) -> bool {
        while self.nonces.len() >= MOST_NONCES
            || self.nonces.front().is_some_and(|(at, _)| now - *at > NONCES_LIVE)
        {
            self.nonces.pop_front();
        }
        if self.nonces.iter().any(|(_, known)| known == nonce) {
            return false;
        }
        self.nonces.push_back((now, nonce.to_owned()));
        true
    }

    pub(super) fn order(&self, request_id: &str) -> Option<&LockOrder> {
        self.orders.iter().find(|order| order.request_id == request_id)
    }

    /// Takes an order, and tells the lock unless it is too late.
    pub(super) fn take(
        &mut self,
        (request_id, lock_id): (&str, &str),
        open_until: i64,
        now: DateTime<Utc>,
    ) -> LockOrder {
        let lock = self.locks.get_mut(lock_id);
        let (behaviour, refused) = match lock {
            None => (None, Some("no_such_lock")),
            Some(_) if now.timestamp() > open_until => (None, Some("too_late")),
            Some(lock) => {
                lock.opened += u64::from(lock.behaviour.opens());
                (Some(lock.behaviour), None)
            }
        };
        let (request_id, lock_id) = (request_id.to_owned(), lock_id.to_owned());
        let order = LockOrder { request_id, lock_id, at: now, behaviour, refused };
        self.orders.push_front(order.clone());
        self.orders.truncate(MOST_ORDERS);
        order
    }

    /// Says what a lock does from now on; adds it where it is new. `false` if there are too many.
    pub(super) fn set(&mut self, lock_id: &str, behaviour: LockBehaviour) -> bool {
        if self.locks.len() >= MOST_LOCKS && !self.locks.contains_key(lock_id) {
            return false;
        }
        self.locks.entry(lock_id.to_owned()).or_default().behaviour = behaviour;
        true
    }

    pub(super) fn locks(&self) -> BTreeMap<String, Lock> {
        self.locks.clone()
    }

    pub(super) fn orders(&self) -> Vec<LockOrder> {
        self.orders.iter().cloned().collect()
    }
}
