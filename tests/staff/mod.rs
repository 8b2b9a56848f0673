//! Members of staff: sign-in, and refunds that need two persons.

pub mod cases;
mod commands;
mod endings;
mod health;
mod key_trials;
mod members;
mod policies;
mod refunds;
mod sign_in;
pub mod support;
mod terminals;
pub mod whole_way;
