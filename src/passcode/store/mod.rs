//! Tables of devices and used codes.

pub(super) mod authentic;
pub(super) mod devices;
pub(super) mod person;
pub(super) mod uses;
