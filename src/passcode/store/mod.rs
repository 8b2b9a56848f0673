//! Rows of devices and of used codes.

pub(super) mod devices;
pub(super) mod uses;
