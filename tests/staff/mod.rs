//! Members of staff: sign-in, and refunds that need two persons.

pub mod cases;
mod commands;
mod endings;
mod members;
mod refunds;
mod sign_in;
pub mod support;
pub mod whole_way;
