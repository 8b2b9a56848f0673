//! The limit of open files, which every connection counts against.

use crate::config::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files beside the connections of clients and of the database: the log, Redis, calls of
/// providers, files that are being sent.
const OTHERS: u64 = 256;
/// The fewest, even if the limit of open files is lower.
const FEWEST_CONNECTIONS: u64 = 16;

/// Raises the limit of open files to what the configuration needs. Returns how many connections of
/// clients fit into the limit, `server.max_connections` at most.
pub(super) fn make_room(config: &Config) -> usize {
    let wanted = u64::try_from(config.server.max_connections).unwrap_or(u64::MAX);
    let database = u64::from(config.database.max_connections);
    let lanes = u64::try_from(config.ledger.lanes).unwrap_or(u64::MAX);
    let others = OTHERS.saturating_add(database).saturating_add(lanes);
    let limit = raised(getrlimit(Resource::Nofile), wanted.saturating_add(others));
    let room = limit.saturating_sub(others).max(FEWEST_CONNECTIONS);
    if room < wanted {
        tracing::warn!(
            limit,
            connections = room,
            "the limit of open files (ulimit -Hn, LimitNOFILE) is too low for server.max_connections"
        );
    }
    usize::try_from(room.min(wanted)).unwrap_or(usize::MAX)
}

/// The limit after it was raised to `needed`, or as far as this process may.
fn raised(limits: Rlimit, needed: u64) -> u64 {
    let current = limits.current.unwrap_or(u64::MAX);
    let wanted = needed.min(limits.maximum.unwrap_or(u64::MAX));
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limits }) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            current
        }
    }
}
