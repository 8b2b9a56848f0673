//! Phones that show codes.

use super::{Ground, shared::Shared};
use crate::devices::Devices;
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> Devices {
    Devices {
        db: ground.db.clone(),
        codes: shared.codes.clone(),
        schools: Arc::clone(&shared.schools),
        passwords: shared.passwords.clone(),
        clock: Arc::clone(ground.clock),
    }
}
