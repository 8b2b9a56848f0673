//! The source code keeps the structure that ARCHITECTURE.md describes.
//!
//! Each check is a function from parsed sources to a list of complaints. It is run over the
//! repository, and over small sources that break its rule, to show that it fails on them. What is
//! allowed beyond a rule stands beside it in a list, with the reason; an entry that nothing needs
//! any more is a complaint as well.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves. \
              The enums of syn are not exhaustive"
)]

mod columns;
mod exceptions;
mod parse;
mod source;
mod sql;
mod syntax;
mod tree;

mod arrows;
mod faces;
mod names;
mod seams;
mod sizes;
mod standing;
mod tables;
mod vendors;
