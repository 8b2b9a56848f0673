//! Charges and reversals at tills.

use super::{Ground, shared::Shared};
use crate::{
    base::lane::Lanes,
    spend::{
        Spending,
        charging::{self, Charging},
    },
};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> Spending {
    let charging = Charging {
        db: ground.lane_db.clone(),
        clock: Arc::clone(ground.clock),
        names: shared.keys.sealer.clone(),
        codes: shared.codes.clone(),
        sealer: Arc::clone(ground.sealer),
    };
    let lanes = ground.config.ledger.lanes;
    Spending {
        db: ground.db.clone(),
        codes: shared.codes.clone(),
        schools: Arc::clone(&shared.schools),
        passwords: shared.passwords.clone(),
        charging: Lanes::start(ground.threads, charging, lanes, charging::BATCH),
        clock: Arc::clone(ground.clock),
        sealer: Arc::clone(ground.sealer),
    }
}
