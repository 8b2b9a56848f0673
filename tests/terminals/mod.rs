//! Terminals over real connections on both databases: registering them, their signatures, made by
//! hand and by a library of another language, their configuration, and what they were answered.

mod answers;
mod config;
mod keys;
mod library;
pub mod python;
mod registry;
mod sandbox_till;
pub mod signer;
mod vectors;
