//! onecard: the backend of a campus card.

pub mod access;
pub mod adjustments;
pub mod app;
pub mod approvals;
pub mod audit;
pub mod base;
pub mod cardlife;
pub mod cards;
pub mod cases;
pub mod cli;
pub mod config;
pub mod console;
pub mod devices;
pub mod events;
pub mod exports;
pub mod feed;
pub mod health;
pub mod identity;
pub mod key_trials;
pub mod keyring;
pub mod ledger;
pub mod messages;
pub mod orders;
pub mod overview;
pub mod passcode;
pub mod passwords;
pub mod payments;
pub mod policies;
pub mod providers;
pub mod reconciliation;
pub mod roster_imports;
pub mod routes;
pub mod schools;
pub mod sessions;
pub mod spend;
pub mod staff;
pub mod staff_accounts;
pub mod stored_files;
pub mod terminals;
pub mod topup;
pub mod wiring;
pub mod work_login;

/// The system's keeps what a password check took and grows with the number of threads; docs/adr/0014.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
