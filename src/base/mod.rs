//! Ground: what every floor stands on. No campus words here.

pub mod clock;
pub mod crypto;
pub mod ids;
pub mod money;
