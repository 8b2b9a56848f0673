//! Members of staff: sign-in, and refunds that need two persons.

mod adjustments;
pub mod cases;
mod commands;
mod endings;
mod health;
mod members;
mod password_resets;
mod refunds;
mod sign_in;
pub mod support;
mod terminals;
pub mod whole_way;
