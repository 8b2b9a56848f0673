//! Rows of merchants, terminals and answers.

pub(super) mod answers;
pub(super) mod registry;
