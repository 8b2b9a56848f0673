//! Codes against both databases and both key-value stores: devices, finding whose code it is, and
//! that a code is good once.
//!
//! `ONECARD_LONG=1` replays and races as often as the bounds are stated for.

mod finding;
mod misses;
mod races;
mod support;
mod uses;
