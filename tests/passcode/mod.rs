//! The rotating code as a whole: vectors of another implementation, guesses, and the handle table
//! at its full size.
//!
//! `ONECARD_LONG=1` guesses ten million times instead of 100,000.

mod guesses;
mod school;
mod table;
mod vectors;
