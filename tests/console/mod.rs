//! The console of staff at `/staff`, as a browser without scripts uses it.

mod account;
mod adjustments;
mod audit;
pub mod browser;
mod cases;
mod crawl;
mod doors;
mod exports;
mod factors;
mod kept;
mod meanwhile;
mod member_classes;
mod members;
mod messages;
mod order_lists;
mod orders;
mod password_resets;
mod people;
mod people_acts;
mod policy;
mod queries;
mod refunds;
mod rosters;
mod routes;
mod sign_in;
mod terminals;
mod work;
