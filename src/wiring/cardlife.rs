//! Lost and found cards.

use super::{Ground, shared::Shared};
use crate::cardlife::CardLife;
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> CardLife {
    CardLife {
        db: ground.db.clone(),
        schools: Arc::clone(&shared.schools),
        people: shared.people(),
        passwords: shared.passwords.clone(),
        sealer: shared.keys.sealer.clone(),
        clock: Arc::clone(ground.clock),
    }
}
