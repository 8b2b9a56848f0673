//! The console of staff at `/staff`, as a browser without scripts uses it.

mod account;
mod browser;
mod doors;
mod refunds;
mod routes;
mod sign_in;
