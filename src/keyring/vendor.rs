//! What reaches a school's locks: what an adapter must be able to do, and which are configured.

use super::{LockId, OpeningId};
use crate::base::clock::Timestamp;
use async_trait::async_trait;
use std::{collections::HashMap, fmt, sync::Arc};

/// What an adapter is asked to do.
#[derive(Clone, Copy, Debug)]
pub struct OpenOrder<'a> {
    /// One for each time that somebody wants a door opened.
    pub id: OpeningId,
    /// The lock.
    pub lock: &'a LockId,
    /// The last second at which it may open.
    pub until: Timestamp,
}

/// Why a lock did not open. Final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// The adapter knows no such lock.
    NoSuchLock,
    /// The lock is not connected.
    Offline,
    /// The door is bolted from inside, or the lock is jammed.
    Blocked,
    /// The lock's battery is too low.
    Battery,
    /// The order arrived too late.
    TooLate,
    /// The adapter was not reached: nothing was sent.
    Unreachable,
    /// The adapter never received the order, and would not open any more.
    NotReceived,
    /// Another reason.
    Other,
}

impl LockRefusal {
    const ALL: [Self; 8] = [
        Self::NoSuchLock,
        Self::Offline,
        Self::Blocked,
        Self::Battery,
        Self::TooLate,
        Self::Unreachable,
        Self::NotReceived,
        Self::Other,
    ];

    /// As stored, and as adapters and clients read it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSuchLock => "no_such_lock",
            Self::Offline => "offline",
            Self::Blocked => "blocked",
            Self::Battery => "battery",
            Self::TooLate => "too_late",
            Self::Unreachable => "unreachable",
            Self::NotReceived => "not_received",
            Self::Other => "other",
        }
    }

    /// The refusal with this code; one that is not known is another one.
    pub fn from_code(code: &str) -> Self {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code).unwrap_or(Self::Other)
    }

    /// For the person at the door.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NoSuchLock => "门锁系统中没有这扇门",
            Self::Offline => "门锁不在线",
            Self::Blocked => "门被反锁或卡住",
            Self::Battery => "门锁电量不足",
            Self::TooLate => "请求已过期，门没有打开",
            Self::Unreachable => "门锁服务连不上，门没有打开",
            Self::NotReceived => "门锁没有收到请求，门没有打开",
            Self::Other => "门锁没有打开",
        }
    }
}

/// What an adapter says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockAnswer {
    /// The lock opened. Final.
    Opened,
    /// It did not open, and will not. Final.
    Refused(LockRefusal),
    /// The adapter has not received the order so far.
    NotReceived,
    /// The adapter does not know yet, or there was no usable answer. The lock may have opened.
    Unknown,
}

/// The adapter of a school's locks.
#[async_trait]
pub trait LockVendor: Send + Sync + fmt::Debug {
    /// Asks the lock to open. Sent once; a time-out is [`LockAnswer::Unknown`].
    async fn open(&self, order: OpenOrder<'_>) -> LockAnswer;

    /// What became of an order. Opens nothing.
    async fn outcome(&self, id: OpeningId) -> LockAnswer;
}

/// The adapters of a deployment. A school has its own, or shares the general one.
#[derive(Debug, Default)]
pub struct LockVendors {
    general: Option<Arc<dyn LockVendor>>,
    of_schools: HashMap<String, Arc<dyn LockVendor>>,
}

impl LockVendors {
    /// Sets the adapter of schools without one of their own.
    pub fn add_general(&mut self, vendor: Arc<dyn LockVendor>) {
        self.general = Some(vendor);
    }

    /// Adds the adapter of one school, by its code.
    pub fn add_of_school(&mut self, school_code: &str, vendor: Arc<dyn LockVendor>) {
        self.of_schools.insert(school_code.to_owned(), vendor);
    }

    /// The adapter of a school.
    pub fn of(&self, school_code: &str) -> Option<&Arc<dyn LockVendor>> {
        self.of_schools.get(school_code).or(self.general.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_round_trip_and_an_unknown_one_is_another() {
        for refusal in LockRefusal::ALL {
            assert_eq!(LockRefusal::from_code(refusal.code()), refusal);
            assert!(!refusal.title().is_empty());
        }
        assert_eq!(LockRefusal::from_code("lost key"), LockRefusal::Other);
    }
}
