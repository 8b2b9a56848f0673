//! Top-ups.

use super::{Ground, shared::Shared};
use crate::{payments::Payments, topup::TopUps};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared, payments: &Payments) -> TopUps {
    TopUps {
        payments: payments.clone(),
        schools: Arc::clone(&shared.schools),
        passwords: shared.passwords.clone(),
        clock: Arc::clone(ground.clock),
    }
}
