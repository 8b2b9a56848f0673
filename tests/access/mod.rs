//! Doors and library desks.

mod allocation;
mod at_once;
mod doors;
mod killed;
mod kinds;
mod lodge;
mod moving;
mod races;
mod schools;
mod staff;
mod write_points;
pub mod yard;
