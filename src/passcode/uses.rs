//! A code that was shown, and that it is good once.

use super::{CodePurpose, DeviceId, Step, SubCounter, Tick, store};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx, Write},
    ids::{PersonId, SchoolId},
};

/// A code that a device of a person can have shown. Whether it was used before, and whether the
/// device is still good, only [`use_up`] can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShownCode {
    /// The device.
    pub device: DeviceId,
    /// Which enrolment of it.
    pub generation: u32,
    /// Whose it is.
    pub person: PersonId,
    /// At which school.
    pub school: SchoolId,
    /// What it is good for.
    pub purpose: CodePurpose,
    /// The step that it was agreed on to count in.
    pub step: Step,
    /// When it is shown.
    pub tick: Tick,
    /// Which code of the step.
    pub sub: SubCounter,
}

impl ShownCode {
    /// When its step begins.
    pub fn shown_at(&self) -> Timestamp {
        self.step.start_of(self.tick)
    }
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeUse {
    /// Used now, for the first time.
    Fresh,
    /// Used before, at this scope; also by another one of the same batch.
    UsedBefore,
    /// Its device has ended, is too old, was enrolled anew or was not seen for too long. The code
    /// is used up all the same.
    DeviceEnded,
}

/// Uses codes up, each for a scope: nothing for payments, the door group for doors. Near misses
/// are to be used up like good ones. One statement; answers in the order of `uses`.
///
/// An end of a device that has committed is seen; one that comes later waits for this transaction.
pub async fn use_up(
    tx: &Tx,
    uses: &[(ShownCode, &str)],
    now: Timestamp,
) -> Result<Vec<CodeUse>, DbError> {
    let mut fresh = store::uses::use_up(tx, uses, now).await?;
    let mut answers = Vec::with_capacity(uses.len());
    for (shown, scope) in uses {
        // What is used twice in a batch is fresh once.
        answers.push(match fresh.remove(&UseKey::of(shown, scope)) {
            Some(true) => CodeUse::Fresh,
            Some(false) => CodeUse::DeviceEnded,
            None => CodeUse::UsedBefore,
        });
    }
    Ok(answers)
}

/// As [`use_up`], as a write to go to the database together with others, where that can hold the
/// devices' rows: [`Db::write_at_once`](crate::base::db::Db) writes nothing at all unless every
/// code is [`CodeUse::Fresh`].
pub fn write_of_first(uses: &[(ShownCode, &str)], now: Timestamp) -> Write {
    store::uses::write_of_first(uses, now)
}

/// What is unique of a use.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct UseKey {
    pub(super) shown_at: Timestamp,
    pub(super) device: DeviceId,
    pub(super) generation: u32,
    pub(super) purpose: CodePurpose,
    pub(super) scope: String,
    pub(super) sub: SubCounter,
}

impl UseKey {
    fn of(shown: &ShownCode, scope: &str) -> Self {
        let ShownCode { device, generation, purpose, sub, .. } = *shown;
        let shown_at = shown.shown_at();
        Self { shown_at, device, generation, purpose, scope: scope.to_owned(), sub }
    }
}
