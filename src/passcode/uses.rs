//! Codes that were shown, and their single use.

use super::{CodePurpose, DeviceId, Step, SubCounter, Tick, store};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Found, Question, Tx, Write},
    ids::{PersonId, SchoolId},
};
use std::collections::HashSet;

/// A code that a device can have shown. Only [`use_up`] can tell whether it was used before and
/// whether the device is still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShownCode {
    /// The device.
    pub device: DeviceId,
    /// The number of the device's enrolment.
    pub generation: u32,
    /// The device's owner.
    pub person: PersonId,
    /// The owner's school.
    pub school: SchoolId,
    /// The purpose of the code.
    pub purpose: CodePurpose,
    /// The step length.
    pub step: Step,
    /// The step in which it is shown.
    pub tick: Tick,
    /// Which code of the step.
    pub sub: SubCounter,
}

impl ShownCode {
    /// When its step starts.
    pub fn shown_at(&self) -> Timestamp {
        self.step.start_of(self.tick)
    }

    /// A question for earlier uses of codes, to be asked before [`write_of_first`] where a second use
    /// is usual.
    pub fn uses_question(shown: &[Self]) -> Question {
        store::uses::question(shown)
    }

    /// Whether each of these, in this order, is the first use of its code in its scope; by the answer to
    /// [`ShownCode::uses_question`].
    pub fn are_first(uses: &[(Self, &str)], answer: &[Found]) -> Result<Vec<bool>, DbError> {
        let before = answer.iter().map(store::uses::found);
        let mut before = before.collect::<Result<HashSet<UseKey>, DbError>>()?;
        Ok(uses.iter().map(|(shown, scope)| before.insert(UseKey::of(shown, scope))).collect())
    }
}

/// The result of using a code up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeUse {
    /// Used now, for the first time.
    Fresh,
    /// Used before in this scope, perhaps within the same batch.
    UsedBefore,
    /// The device has ended, expired, was enrolled again or was not seen for too long. The code is
    /// used up all the same.
    DeviceEnded,
}

/// Uses codes up, each for a scope: empty for payments, the door group for doors. Near misses must
/// be used up as well. One statement; returns results in the order of `uses`.
///
/// A committed end of a device is seen; a later one waits for this transaction.
pub async fn use_up(
    tx: &Tx,
    uses: &[(ShownCode, &str)],
    now: Timestamp,
) -> Result<Vec<CodeUse>, DbError> {
    let mut fresh = store::uses::use_up(tx, uses, now).await?;
    let mut answers = Vec::with_capacity(uses.len());
    for (shown, scope) in uses {
        // A code that occurs twice in a batch is fresh once.
        answers.push(match fresh.remove(&UseKey::of(shown, scope)) {
            Some(true) => CodeUse::Fresh,
            Some(false) => CodeUse::DeviceEnded,
            None => CodeUse::UsedBefore,
        });
    }
    Ok(answers)
}

/// Like [`use_up`], as a write to be sent together with others on databases that can lock the
/// devices' rows: [`Db::write_at_once`](crate::base::db::Db) writes nothing unless every code is
/// [`CodeUse::Fresh`].
pub fn write_of_first(uses: &[(ShownCode, &str)], now: Timestamp) -> Write {
    store::uses::write_of_first(uses, now)
}

/// Whether the device that showed a code is still valid: for a code that was used already.
pub async fn is_live(tx: &Tx, shown: &ShownCode, now: Timestamp) -> Result<bool, DbError> {
    store::uses::is_live(tx, shown, now).await
}

/// The unique key of a use.
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
