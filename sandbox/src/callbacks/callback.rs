//! One callback and its progress.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use serde::Serialize;

use super::Message;
use crate::state::lock;

/// The state of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackState {
    /// There is nothing to report yet.
    #[default]
    Waiting,
    /// Held until it is delivered on demand.
    Held,
    /// Never to be delivered.
    Dropped,
    /// Being sent, or between two tries.
    Underway,
    /// Accepted by the merchant.
    Accepted,
    /// Refused or unanswered through the whole schedule.
    GivenUp,
}

impl CallbackState {
    /// Nothing more will be sent except on demand.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Held | Self::Underway => false,
            Self::Dropped | Self::Accepted | Self::GivenUp => true,
        }
    }

    /// For the control page.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Waiting => "—",
            Self::Held => "已扣留",
            Self::Dropped => "已丢弃",
            Self::Underway => "投递中",
            Self::Accepted => "已送达",
            Self::GivenUp => "已放弃",
        }
    }
}

/// State and counts of a callback.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) state: CallbackState,
    /// Distinguishes the present series of tries from earlier ones, which then end.
    pub(super) round: u64,
    /// Tries that ended, and those of them that were accepted.
    pub(crate) attempts: u32,
    pub(crate) accepted: u32,
}

/// The callback of one thing that a provider reports on.
#[derive(Debug, Default)]
pub(crate) struct Callback {
    number: u64,
    message: OnceLock<Arc<dyn Message>>,
    progress: Mutex<Progress>,
}

impl Callback {
    pub(super) fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// A copy of the present progress is `*callback.progress()`; hold the guard only briefly.
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn message(&self) -> Option<Arc<dyn Message>> {
        self.message.get().cloned()
    }

    /// The first message stays: a provider reports a thing once.
    pub(super) fn set_message(&self, message: Arc<dyn Message>) {
        self.message.get_or_init(|| message);
    }
}
