//! Orders and their payments.

pub mod gateway;
