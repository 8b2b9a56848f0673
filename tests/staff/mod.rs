//! Members of staff: sign-in, and refunds that need two persons.

mod adjustments;
pub mod cases;
mod commands;
mod endings;
mod guessing;
mod health;
mod key_trials;
mod members;
mod password_resets;
mod policies;
mod races;
mod refunds;
mod refusals;
pub mod rosters;
mod rosters_killed;
mod routes;
mod sign_in;
pub mod support;
mod terminals;
pub mod whole_way;
