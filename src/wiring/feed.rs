//! Events, as they happen.

use super::{Ground, JobContext};
use crate::{
    events,
    feed::{Feed, LONGEST_WAIT},
};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>) -> Feed {
    Feed::new(ground.db.clone(), Arc::clone(ground.clock), LONGEST_WAIT)
}

/// Tells new events to whoever waits for them, and forgets old ones.
pub(super) fn start_jobs(feed: &Feed, context: &JobContext<'_>) {
    let (feed, db) = (feed.clone(), context.db.clone());
    context.jobs.spawn("events", move || feed.clone().notify(db.clone()));
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("old events", move || events::delete_old(db.clone(), Arc::clone(&clock)));
}
