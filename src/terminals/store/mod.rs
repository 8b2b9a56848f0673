//! The tables of merchants, terminals and responses.

pub(super) mod answers;
pub(super) mod authentic;
pub(super) mod registry;
