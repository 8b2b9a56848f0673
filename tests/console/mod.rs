//! The console of staff at `/staff`, as a browser without scripts uses it.

mod account;
mod audit;
pub mod browser;
mod doors;
mod order_lists;
mod orders;
mod refunds;
mod routes;
mod sign_in;
mod terminals;
