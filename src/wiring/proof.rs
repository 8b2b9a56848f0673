//! What `verify` asks about the transfers of each kind.

use crate::{
    ledger::verify::Explains, payments::audit::PaymentsExplain, spend::audit::ChargesExplain,
};

/// Every room that posts transfers. A kind that none of them registers is a break.
pub fn rooms() -> [&'static dyn Explains; 2] {
    [&PaymentsExplain, &ChargesExplain]
}
