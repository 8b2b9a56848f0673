//! Counts of misses, in the key-value store, which all servers share.
//!
//! Nobody who misses nothing waits for it: a server looks there only for a terminal, or a handle at
//! one, that it has itself seen miss too often. Where the store is away nobody is slowed, and where
//! it is slow nobody waits for it longer than for a hint: guessing is kept hopeless by the length of
//! a one-time part.

use super::{
    Handle, Miss, Pace, Step, TERMINAL_WINDOW, finding::HINT_PATIENCE, pace, raises_alarm, rest,
};
use crate::base::{
    clock::Timestamp,
    kv::{Kv, KvError},
    write_point,
};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Terminals, and handles at terminals, that are remembered as slow.
const REMEMBERED: u64 = 10_000;

/// Who misses how often.
#[derive(Clone, Debug)]
pub(super) struct Counting {
    kv: Arc<dyn Kv>,
    slow: Cache<Uuid, ()>,
    resting: Cache<(Uuid, Handle), Timestamp>,
}

/// A code that came to nothing at a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
