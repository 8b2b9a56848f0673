//! Sign-in, sessions and bindings.

use super::{Ground, shared::Shared};
use crate::{
    base::tokens::{Audience, Tokens},
    identity::{Identities, IdentitiesSetup, login::Apps},
};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared, apps: Apps) -> Identities {
    Identities::new(IdentitiesSetup {
        db: ground.db.clone(),
        schools: Arc::clone(&shared.schools),
        passwords: shared.passwords.clone(),
        cards: shared.cards(),
        codes: shared.codes.clone(),
        sealer: shared.keys.sealer.clone(),
        apps,
        tokens: Tokens::new(ground.config.keys.jwt.clone(), Audience::Students),
        clock: Arc::clone(ground.clock),
    })
}
