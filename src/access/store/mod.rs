//! The tables of rights, allocations and the log.

pub(super) mod authentic;
pub(super) mod ending;
pub(super) mod log;
pub(super) mod readers;
pub(super) mod rights;
