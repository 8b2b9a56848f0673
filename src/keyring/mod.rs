//! 我的钥匙: doors that a person opens from the phone.
//!
//! Invariant: the person's standing and right are decided under the person's lock, in the transaction
//! that records the attempt; the lock's adapter is called after its commit, outside any transaction.
//! Invariant: an adapter is asked to open once for each attempt. What became of it is then only asked,
//! and an attempt ends once, by compare-and-set.
//! Invariant: unknown is neither opened nor refused, and is said as that. While a lock may still open,
//! the same person cannot ask for the same door again.

mod asking;
pub mod http;
pub mod import;
mod lock;
mod open;
mod opening;
mod pass;
mod problems;
mod ring;
mod store;
mod upkeep;
mod vendor;

pub use lock::{DoorId, DoorLock, DoorName, LockId};
pub use open::OpenError;
pub use opening::{Opening, OpeningId, OpeningRefusal, OpeningState};
pub use ring::{RingDoor, RingView};
pub use vendor::{LockAnswer, LockRefusal, LockVendor, LockVendors, OpenOrder};

use crate::{
    base::{
        clock::Clock,
        db::{Authority, Db},
    },
    schools::{People, Schools},
};
use std::sync::Arc;

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] = &[&store::locks::LOCK];

/// The journey and its dependencies.
#[derive(Clone, Debug)]
pub struct DoorKeys {
    /// The database.
    pub db: Db,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// The people on the rosters.
    pub people: People,
    /// The adapters of the schools' locks.
    pub vendors: Arc<LockVendors>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}
