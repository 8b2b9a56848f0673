//! Doors that people open from the phone, over real connections on both databases, against the sandbox's
//! locks.

mod contract;
mod doors;
mod import;
mod races;
mod support;
mod unknown;
mod write_points;
