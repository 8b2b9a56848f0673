//! The tables of merchants, terminals and responses.

pub(super) mod accepted;
pub(super) mod answers;
pub(super) mod authentic;
pub(super) mod contacts;
pub(super) mod listing;
pub(super) mod registry;
