//! Doors and library desks.

mod allocation;
mod doors;
mod killed;
mod kinds;
mod moving;
mod races;
mod schools;
mod staff;
mod write_points;
pub mod yard;
