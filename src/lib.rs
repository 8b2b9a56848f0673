//! onecard: the backend of a campus card.

pub mod account;
pub mod app;
pub mod base;
pub mod cards;
pub mod cli;
pub mod codes;
pub mod config;
pub mod events;
pub mod feed;
pub mod health;
pub mod identity;
pub mod journeys;
pub mod ledger;
pub mod orders;
pub mod passcode;
pub mod passwords;
pub mod providers;
pub mod routes;
pub mod schools;
pub mod sessions;
pub mod spend;
pub mod terminals;
pub mod topup;
