//! Authentication: sign-in through a platform or at the web portal, and binding to a person of a
//! school.
//!
//! Invariant: a binding is keyed by the platform's user id, never by a phone number.
//! Invariant: no response reveals which factor was wrong.
//! Invariant: the platform's session key does not leave the login call.

pub mod bind;
pub mod guard;
pub mod home;
pub mod http;
pub mod login;
pub mod phone;
pub mod portal;
pub mod sign_in;
mod store;

use crate::{
    base::{clock::Clock, crypto::seal::Sealer, db::Db, tokens::Tokens},
    cards::Cards,
    passcode::Codes,
    passwords::Passwords,
    schools::{PersonKind, Schools},
    sessions::{SessionId, SignedIn},
};
use login::Apps;
use moka::future::Cache;
use std::{sync::Arc, time::Duration};

/// How long sessions are cached. A session that was ended at another server is refused here within
/// a second.
const LIVE_COPY: Duration = Duration::from_millis(900);
/// The number of cached sessions.
const LIVE_COPIES: u64 = 50_000;

/// The journey and its dependencies.
#[derive(Clone, Debug)]
pub struct Identities {
    db: Db,
    schools: Arc<Schools>,
    passwords: Passwords,
    cards: Cards,
    codes: Codes,
    sealer: Sealer,
    apps: Apps,
    tokens: Arc<Tokens>,
    clock: Arc<dyn Clock>,
    live: Cache<SessionId, Arc<SignedIn>>,
}

/// The dependencies of [`Identities`].
#[derive(Debug)]
pub struct IdentitiesSetup {
    /// The database of sessions and bindings.
    pub db: Db,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// The cards and their balances.
    pub cards: Cards,
    /// Records when devices were seen.
    pub codes: Codes,
    /// Opens sealed personal data.
    pub sealer: Sealer,
    /// The mini-programs.
    pub apps: Apps,
    /// Access tokens.
    pub tokens: Tokens,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A bound person, as shown to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingView {
    /// The school's code.
    pub school_code: String,
    /// The school's name.
    pub school_name: String,
    /// `**明`
    pub name_masked: String,
    /// 学号 or 工号.
    pub student_no: String,
    /// The person's role at the school.
    pub kind: PersonKind,
    /// Whether the default password must be changed first.
    pub must_change_password: bool,
}

impl Identities {
    /// The journey.
    pub fn new(parts: IdentitiesSetup) -> Self {
        let IdentitiesSetup { db, schools, passwords, cards, codes, sealer, apps, tokens, clock } =
            parts;
        let live = Cache::builder().max_capacity(LIVE_COPIES).time_to_live(LIVE_COPY).build();
        Self {
            db,
            schools,
            passwords,
            cards,
            codes,
            sealer,
            apps,
            tokens: Arc::new(tokens),
            clock,
            live,
        }
    }
}
