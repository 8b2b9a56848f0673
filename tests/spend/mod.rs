//! Spending at tills over real connections on both databases: every refusal, repeats, races,
//! limits, passwords, reversals, and what each of them leaves in the ledger.

pub mod both_ways;
mod counter;
mod events;
mod forged;
mod late;
mod library;
mod limits;
mod meanwhile;
mod numbers;
mod offsets;
mod passwords;
pub mod phone;
mod refusals;
mod replays;
mod reversals;
pub mod shop;
mod standing;
mod statements;
mod withdrawn;
mod write_points;
