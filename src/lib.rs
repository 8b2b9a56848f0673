//! onecard: the backend of a campus card.

pub mod base;
pub mod identity;
pub mod orders;
pub mod providers;
