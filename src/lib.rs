//! onecard: the backend of a campus card.

pub mod base;
pub mod config;
pub mod identity;
pub mod ledger;
pub mod orders;
pub mod providers;
