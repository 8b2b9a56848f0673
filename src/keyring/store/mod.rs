//! The tables of locks and of attempts to open them.

pub(super) mod locks;
pub(super) mod openings;
