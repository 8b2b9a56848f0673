//! Rooms that several journeys use: schools, passwords, codes, and the keys of personal data.

use super::{Ground, JobContext, Journeys};
use crate::{
    base::{crypto::hasher::PasswordHasher, db::Db},
    cards::Cards,
    passcode::{self, CodeMasters, Codes},
    passwords::Passwords,
    schools::{People, PersonKeys, Schools},
    sessions::upkeep,
};
use std::{sync::Arc, time::Duration};

/// How many passwords of people who are not bound are hashed at a time: no more than a small
/// machine has cores to spare.
const STRANGERS_AT_ONCE: usize = 4;
/// How many more, of people who are bound, are hashed beside them.
const HOLDERS_AT_ONCE: usize = 2;
/// How long a check waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// What several journeys use.
pub(super) struct Shared {
    pub(super) schools: Arc<Schools>,
    pub(super) passwords: Passwords,
    pub(super) codes: Codes,
    /// Seals and finds personal data.
    pub(super) keys: PersonKeys,
    db: Db,
}

impl Shared {
    pub(super) fn build(ground: &Ground<'_>) -> Self {
        let Ground { config, clock, db, .. } = *ground;
        let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
        Self {
            schools: Arc::new(Schools::new(db.clone(), Arc::clone(clock))),
            passwords: passwords(ground, &keys),
            codes: codes(ground),
            keys,
            db: db.clone(),
        }
    }

    pub(super) fn cards(&self) -> Cards {
        Cards::new(self.db.clone())
    }

    pub(super) fn people(&self) -> People {
        People::new(self.db.clone(), self.keys.index.clone())
    }
}

fn passwords(ground: &Ground<'_>, keys: &PersonKeys) -> Passwords {
    Passwords {
        db: ground.db.clone(),
        people: People::new(ground.db.clone(), keys.index.clone()),
        sealer: keys.sealer.clone(),
        index: keys.index.clone(),
        for_strangers: PasswordHasher::new(STRANGERS_AT_ONCE, TURN_PATIENCE),
        for_holders: PasswordHasher::new(HOLDERS_AT_ONCE, TURN_PATIENCE),
        clock: Arc::clone(ground.clock),
    }
}

fn codes(ground: &Ground<'_>) -> Codes {
    Codes::new(passcode::CodesSetup {
        db: ground.db.clone(),
        kv: Arc::clone(ground.kv),
        clock: Arc::clone(ground.clock),
        masters: CodeMasters::new(&ground.config.keys.master),
    })
}

/// Keeps policies and the table of handles fresh, and forgets old password tries.
pub(super) fn start_jobs(journeys: &Journeys, context: &JobContext<'_>) {
    let schools = Arc::clone(&journeys.schools);
    context.jobs.spawn("schools", move || Arc::clone(&schools).keep_fresh());
    let passwords = journeys.passwords.clone();
    context.jobs.spawn("tries upkeep", move || passwords.clone().upkeep());
    let codes = journeys.codes.clone();
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("old sessions", move || upkeep::delete_old(db.clone(), Arc::clone(&clock)));
    context.jobs.spawn("codes", move || codes.clone().maintain());
}
