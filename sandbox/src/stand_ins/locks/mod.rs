//! Dormitory door locks behind an adapter, as `docs/lock-adapter.md` says.
//!
//! Invariant: a lock opens at most once for a request id, and never after its last second.

mod api;
mod book;
mod control;
mod keys;
mod signing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, ServiceConfig};

pub use api::{LOCK_OPEN, LOCK_QUERY};
pub use book::{DEMO_LOCKS, Lock, LockBehaviour, LockOrder};
pub use keys::{LOCKS_FILE, LockCredentials, LocksFile};

use super::StandIn;
use crate::changes::Changes;
use crate::clock::AdjustableClock;
use crate::control::{Panel, Visit};
use crate::endpoint::Endpoint;
use crate::state::{Shared, lock};
use book::Book;

/// The adapter and its locks.
#[derive(Debug)]
pub struct Locks {
    key: Option<LockCredentials>,
    book: Mutex<Book>,
    clock: Arc<AdjustableClock>,
    changes: Arc<Changes>,
}

impl Locks {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            key: shared.keys.locks.clone(),
            book: Mutex::default(),
            clock: shared.clock.clone(),
            changes: shared.changes.clone(),
        }
    }

    /// Says what a lock does from now on; adds it where it is new. `false` if there are too many.
    pub fn set(&self, lock_id: &str, behaviour: LockBehaviour) -> bool {
        lock(&self.book).set(lock_id, behaviour)
    }

    /// The locks by their ids.
    pub fn all(&self) -> BTreeMap<String, Lock> {
        lock(&self.book).locks()
    }

    /// How often the bolt of a lock moved.
    pub fn opened(&self, lock_id: &str) -> u64 {
        self.all().get(lock_id).map_or(0, |lock| lock.opened)
    }

    /// The orders that arrived, newest first.
    pub fn orders(&self) -> Vec<LockOrder> {
        lock(&self.book).orders()
    }
}

impl StandIn for Locks {
    fn endpoints(&self) -> &'static [Endpoint] {
        &[LOCK_OPEN, LOCK_QUERY]
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config
            .app_data(Data::from(self))
            .route(&format!("{}/v1/locks/{{lock_id}}/open", api::BASE), web::post().to(api::open))
            .route(&format!("{}/v1/opens/{{id}}", api::BASE), web::get().to(api::query))
            .route(&format!("{}/{{rest:.*}}", api::BASE), web::to(api::nothing))
            .configure(control::routes);
    }

    fn panel(&self, _: &Visit) -> Panel {
        control::panel(self)
    }
}
