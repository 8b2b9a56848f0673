//! The card and its statement.

use super::{Ground, shared::Shared};
use crate::overview::Overview;
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> Overview {
    Overview {
        db: ground.db.clone(),
        cards: shared.cards(),
        people: shared.people(),
        schools: Arc::clone(&shared.schools),
        clock: Arc::clone(ground.clock),
    }
}
