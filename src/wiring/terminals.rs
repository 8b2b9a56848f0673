//! Tills, doors, desks and meters.

use super::{Ground, JobContext, shared::Shared};
use crate::{
    base::http::signature::Authorities,
    terminals::{Terminals, TerminalsSetup},
};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> Terminals {
    let server = &ground.config.server;
    let https = server.public_url.scheme() == "https";
    Terminals::new(TerminalsSetup {
        db: ground.db.clone(),
        kv: Arc::clone(ground.kv),
        schools: Arc::clone(&shared.schools),
        clock: Arc::clone(ground.clock),
        authorities: Authorities::new(&server.authorities, https),
    })
}

/// Writes when terminals were last heard of.
pub(super) fn start_jobs(terminals: &Terminals, context: &JobContext<'_>) {
    let (terminals, db) = (terminals.clone(), context.db.clone());
    context
        .jobs
        .spawn("contacts of terminals", move || terminals.clone().keep_contacts(db.clone()));
}
