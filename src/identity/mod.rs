//! Who is there: signing in through a platform, and binding to a person of a school.
//!
//! Invariant: a binding is keyed on the platform's id, never on a phone.
//! Invariant: no answer says which factor was wrong.
//! Invariant: the platform's session key goes no further than the login call.

pub mod bind;
pub mod guard;
pub mod http;
pub mod login;
pub mod sign_in;
pub mod tokens;

use crate::{
    base::{
        clock::Clock,
        crypto::seal::Sealer,
        db::{Db, DbError},
        kv::Kv,
    },
    orders,
    schools::{People, PersonKind, Schools},
    sessions::{BoundTo, SessionId, SignedIn},
};
use login::MiniProgramLogin;
use moka::future::Cache;
use sign_in::SignInError;
use std::{sync::Arc, time::Duration};
use tokens::Tokens;

/// A session's row may be this old in our copy: a session that was ended elsewhere is gone here
/// within this time.
const LIVE_COPY: Duration = Duration::from_secs(1);
/// At most this many sessions are remembered.
const LIVE_COPIES: u64 = 50_000;

/// What the journey owns.
#[derive(Clone, Debug)]
pub struct Identities {
    db: Db,
    kv: Arc<dyn Kv>,
    schools: Arc<Schools>,
    people: People,
    sealer: Sealer,
    wechat: Option<Arc<dyn MiniProgramLogin>>,
    tokens: Arc<Tokens>,
    clock: Arc<dyn Clock>,
    live: Cache<SessionId, Arc<SignedIn>>,
}

/// What [`Identities`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// Sessions and bindings.
    pub db: Db,
    /// Counts of tries.
    pub kv: Arc<dyn Kv>,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Rosters.
    pub people: People,
    /// Opens what is sealed of a person.
    pub sealer: Sealer,
    /// WeChat's login, where it is configured.
    pub wechat: Option<Arc<dyn MiniProgramLogin>>,
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
    pub fn new(parts: Parts) -> Self {
        let Parts { db, kv, schools, people, sealer, wechat, tokens, clock } = parts;
        let live = Cache::builder().max_capacity(LIVE_COPIES).time_to_live(LIVE_COPY).build();
        let tokens = Arc::new(tokens);
        Self { db, kv, schools, people, sealer, wechat, tokens, clock, live }
    }

    /// The person behind a binding, fit to show.
    pub async fn view(&self, bound: BoundTo) -> Result<BindingView, SignInError> {
        let missing = |table| DbError::Inconsistent { table, what: "bound to nobody" };
        let school = self.schools.by_id(bound.school).await?.ok_or(missing("school"))?;
        let person = self.people.get(bound.person).await?.ok_or(missing("person"))?;
        let policy = &school.policy.password;
        Ok(BindingView {
            school_code: school.code.clone(),
            school_name: school.name.clone(),
            name_masked: person.masked_name(&self.sealer).map_err(|_| SignInError::Sealed)?,
            student_no: person.student_no.clone(),
            kind: person.kind,
            must_change_password: policy.must_change && person.password_hash.is_none(),
        })
    }

    /// Whether the person must change the default password before anything else.
    pub async fn must_change_password(&self, bound: BoundTo) -> Result<bool, SignInError> {
        let school = self.schools.by_id(bound.school).await?;
        if !school.is_some_and(|school| school.policy.password.must_change) {
            return Ok(false);
        }
        let person = self.people.get(bound.person).await?;
        Ok(person.is_none_or(|person| person.password_hash.is_none()))
    }

    /// The binding, and how many orders wait for their payment.
    pub async fn overview(
        &self,
        who: &SignedIn,
    ) -> Result<(Option<BindingView>, u64), SignInError> {
        let Some(bound) = who.bound_to else { return Ok((None, 0)) };
        let waiting = orders::count_open(&self.db, bound.person).await?;
        Ok((Some(self.view(bound).await?), waiting))
    }
}
