//! The console of staff at `/staff`, as a browser without scripts uses it.

mod account;
mod audit;
pub mod browser;
mod cases;
mod doors;
mod exports;
mod members;
mod messages;
mod order_lists;
mod orders;
mod people;
mod people_acts;
mod policy;
mod refunds;
mod rosters;
mod routes;
mod sign_in;
mod terminals;
mod work;
