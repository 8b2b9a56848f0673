//! Who is there: signing in through a platform or at the portal, and binding to a person of a
//! school.
//!
//! Invariant: a binding is keyed on the platform's id, never on a phone.
//! Invariant: no answer says which factor was wrong.
//! Invariant: the platform's session key goes no further than the login call.

pub mod bind;
pub mod guard;
pub mod home;
pub mod http;
pub mod login;
pub mod portal;
pub mod sign_in;
mod store;
pub mod tokens;

use crate::{
    base::{clock::Clock, crypto::seal::Sealer, db::Db},
    cards::Cards,
    passcode::Codes,
    passwords::Passwords,
    schools::{PersonKind, Schools},
    sessions::{SessionId, SignedIn},
};
use login::Apps;
use moka::future::Cache;
use std::{sync::Arc, time::Duration};
use tokens::Tokens;

/// A session's row may be this old in our copy: a session that was ended elsewhere is gone here
/// within a second, the reading included.
const LIVE_COPY: Duration = Duration::from_millis(900);
/// At most this many sessions are remembered.
const LIVE_COPIES: u64 = 50_000;

/// What the journey owns.
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

/// What [`Identities`] is made of.
#[derive(Debug)]
pub struct IdentitiesSetup {
    /// Sessions and bindings.
    pub db: Db,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// What is on a card.
    pub cards: Cards,
    /// Codes of the devices that are seen.
    pub codes: Codes,
    /// Opens what is sealed of a person.
    pub sealer: Sealer,
    /// The mini-programs.
    pub apps: Apps,
    /// Access tokens.
    pub tokens: Tokens,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

/// A bound person, fit to show.
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
    /// As what.
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
