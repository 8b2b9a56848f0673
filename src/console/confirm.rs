//! The page before an act that stops something or cannot be taken back: what is asked, the figures of now, why, and
//! a button that is the verb.

use super::frame::{Frame, Wrong};
use askama::Template;

#[derive(Template)]
#[template(path = "console/confirm.html")]
pub(super) struct ConfirmPage {
    pub(super) frame: Frame,
    pub(super) wrong: Option<Wrong>,
    /// What is asked.
    pub(super) sentence: String,
    /// What is so now.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What there is to say besides.
    pub(super) notes: Vec<String>,
    /// Where the form goes; `None` where the act is not possible any more.
    pub(super) path: Option<String>,
    pub(super) button: String,
    /// What the form carries unseen: the way back, and what the page showed of what may change.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// Whether an old key is kept, where that is asked.
    pub(super) keeps_old: Option<bool>,
    /// Why, where that is asked.
    pub(super) reason: Option<Why>,
    /// The page that it stands before.
    pub(super) back: String,
}

/// The field for a reason.
#[derive(Debug, Default)]
pub(super) struct Why {
    pub(super) typed: String,
    pub(super) is_needed: bool,
}

impl Why {
    /// One that must be given, as it was typed.
    pub(super) const fn needed(typed: String) -> Self {
        Self { typed, is_needed: true }
    }
}
