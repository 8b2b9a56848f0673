//! What files of bills have in common, whichever provider made them: where they may be fetched from,
//! how large they may be, their lines, and the values in their cells.
//!
//! Invariant: a file is fetched only from the configured hosts, by the scheme of the provider's API,
//! without redirects, and within limits of time and size.

mod fetch;
mod header;
mod lines;
pub(super) mod values;
mod wanted;

pub(super) use fetch::{Bounded, Fetching, Packed, UNPACKED_MAX};
pub(super) use header::Header;
pub(super) use lines::{Encoding, Lines, unreadable};
pub(super) use wanted::Wanted;
