//! Loss reports over real connections on both databases: what each school asks for, what a report
//! stops, and races of reports against scans.
//!
//! `ONECARD_LONG=1` races 10,000 times instead of 60.

mod effect;
pub mod races;
mod schools;
mod tries;
mod write_points;
