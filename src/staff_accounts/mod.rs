//! Members of staff: their logins, second factors and sessions.
//!
//! Invariant: a login signs in with its password and a code of its own second factor, and each code
//! is good once.
//! Invariant: an attempt is counted before its password is compared. Attempts from clients at which
//! the login has signed in before are counted apart, so that strangers cannot keep its owner out
//! there.
//! Invariant: an unknown login, a wrong password and a wrong code have one answer.
//! Invariant: a session is a row, read at most a second ago. What needs a right asks again in the
//! transaction that acts, with the login's row locked: [`hold`].
//! Absent on purpose: names and phone numbers. A member of staff is a login and a staff number.

mod changes;
mod classes;
mod factor;
mod first;
mod listing;
mod names;
mod own;
mod own_factor;
mod recovery;
mod refusals;
mod registry;
mod rights;
mod session;
mod sign_in;
mod store;
mod upkeep;
mod work;

pub use changes::{AddedStaff, StaffBonds, StaffChange, StaffChangeError, StaffChanges};
pub use classes::StaffClasses;
pub use listing::{StaffFilter, StaffPlace, StaffQuery};
pub use names::{
    FACTOR_LIFETIME, StaffLogin, StaffNo, StaffRefusal, StaffRole, StaffRoles, WorkId,
};
pub use own::{OwnAccount, OwnSession};
pub use recovery::RECOVERY_CODES;
pub use registry::{ListedStaff, NewStaff, Slip, StaffRegistry, StaffRegistryError};
pub use rights::StaffAct;
pub use work::WorkSignIn;

pub use sign_in::{
    ACCESS_LIFETIME, OfferedFactor, SignInOutcome, StaffGrant, StaffSignIn, StaffSignInError,
};

use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::{hasher::PasswordHasher, keyring::KeyRing, seal::Sealer},
        db::{Actor, Authority, Db, DbError, Tx},
        ids::SchoolId,
        tokens::{Audience, Tokens},
    },
    passwords::{TryCounts, TrySubject},
    schools::Schools,
};
use factor::{Factor, FactorKeeper};
use moka::future::Cache;
use refusals::Refusals;
use std::{sync::Arc, time::Duration};

crate::uuid_id! {
    /// A login of a member of staff.
    StaffId
}

crate::uuid_id! {
    /// A session of a member of staff.
    StaffSessionId
}

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] =
    &[&store::authentic::MEMBER, &store::authentic::SESSION, &store::changes::CHANGE];

/// How long sessions are cached: one that was ended elsewhere is refused within a second.
const LIVE_COPY: Duration = Duration::from_millis(900);
/// The number of cached sessions.
const LIVE_COPIES: u64 = 1000;
/// Counts of attempts by clients at which the login has not signed in before.
const TRIES_OF_STRANGERS: &str = "try:staff";
/// Counts of attempts by clients at which it has.
const TRIES_OF_CLIENTS: &str = "try:staff-client";
/// Counts of attempts at the second factor of a session.
const TRIES_OF_FACTOR: &str = "try:staff-factor";

/// Sign-in of members of staff, and what it depends on.
#[derive(Clone, Debug)]
pub struct StaffAccounts {
    db: Db,
    schools: Arc<Schools>,
    counts: TryCounts,
    keeper: FactorKeeper,
    tokens: Arc<Tokens>,
    clients: Arc<Tokens>,
    for_strangers: PasswordHasher,
    for_clients: PasswordHasher,
    clock: Arc<dyn Clock>,
    live: Cache<StaffSessionId, Arc<StaffMember>>,
    refusals: Refusals,
}

/// The dependencies of [`StaffAccounts`].
#[derive(Debug)]
pub struct StaffAccountsSetup {
    /// The database of logins and sessions.
    pub db: Db,
    /// The schools.
    pub schools: Arc<Schools>,
    /// Counts attempts.
    pub counts: TryCounts,
    /// Seals second factors.
    pub sealer: Sealer,
    /// Signs tokens.
    pub jwt: KeyRing,
    /// The Argon2 pool of clients at which nobody has signed in before.
    pub for_strangers: PasswordHasher,
    /// The Argon2 pool of the others.
    pub for_clients: PasswordHasher,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A signed-in member of staff.
#[derive(Clone, Debug)]
pub struct StaffMember {
    /// The session.
    pub session: StaffSessionId,
    /// The login's row.
    pub id: StaffId,
    /// The school.
    pub school: SchoolId,
    /// The login.
    pub login: StaffLogin,
    /// Who it is.
    pub staff_no: StaffNo,
    /// What the login may do.
    pub roles: StaffRoles,
    /// The classes that the login was given: whom a counsellor sees.
    pub classes: StaffClasses,
    /// When the second factor was last given in this session.
    pub factor_at: Timestamp,
}

/// A login as it is stored.
#[derive(Clone, Debug)]
struct Account {
    id: StaffId,
    school: SchoolId,
    login: StaffLogin,
    staff_no: StaffNo,
    roles: StaffRoles,
    classes: StaffClasses,
    /// PHC string of Argon2id.
    password_hash: String,
    factor: Factor,
    enabled: bool,
    signed_in_at: Option<Timestamp>,
    work_id: Option<WorkId>,
}

impl StaffMember {
    /// Whether one of the roles may do this now.
    pub fn may(&self, act: StaffAct, now: Timestamp) -> Result<(), StaffRefusal> {
        self.roles.allow(act, self.factor_at, now)
    }

    /// Whether a person with this student or staff number is the member: nobody acts on the own card or money.
    pub fn is_person(&self, person_no: &str) -> bool {
        self.staff_no.eq_ignore_ascii_case(person_no)
    }

    /// On whose behalf the database is written, for the audit log.
    pub fn actor(&self, why: &str) -> Actor {
        actor(&self.login, &self.staff_no, why)
    }
}

fn actor(login: &str, staff_no: &str, why: &str) -> Actor {
    Actor { who: format!("staff {login}, no. {staff_no}"), why: why.to_owned() }
}

/// Locks the login of a session until the transaction ends, and decides by its row as it is now
/// whether it may do this: it may have been disabled, or have lost a role.
pub async fn hold<E: From<StaffRefusal> + From<DbError>>(
    tx: &Tx,
    member: &StaffMember,
    act: StaffAct,
    now: Timestamp,
) -> Result<(), E> {
    let held = store::hold(tx, member.id).await?;
    let same = |account: &Account| account.enabled && account.staff_no == member.staff_no;
    let account = held.filter(same).ok_or(StaffRefusal::NoRight)?;
    account.roles.allow(act, member.factor_at, now)?;
    Ok(())
}

/// [`hold`] for work that goes on after its request was answered: for the person whom its row names, as if
/// still at `asked_at`, when the second factor was fresh.
pub async fn hold_starter<E: From<StaffRefusal> + From<DbError>>(
    tx: &Tx,
    (school, login, staff_no): (SchoolId, &str, &str),
    act: StaffAct,
    asked_at: Timestamp,
) -> Result<(), E> {
    let held = store::hold_login(tx, school, login).await?;
    let same = |account: &Account| account.enabled && *account.staff_no == *staff_no;
    let account = held.filter(same).ok_or(StaffRefusal::NoRight)?;
    account.roles.allow(act, asked_at, asked_at)?;
    Ok(())
}

impl StaffAccounts {
    /// The room with these dependencies.
    pub fn new(setup: StaffAccountsSetup) -> Self {
        let StaffAccountsSetup {
            db,
            schools,
            counts,
            sealer,
            jwt,
            for_strangers,
            for_clients,
            clock,
        } = setup;
        Self {
            db,
            schools,
            counts,
            keeper: FactorKeeper::new(sealer),
            tokens: Arc::new(Tokens::new(jwt.clone(), Audience::Staff)),
            clients: Arc::new(Tokens::new(jwt, Audience::StaffClient)),
            for_strangers,
            for_clients,
            clock,
            live: Cache::builder().max_capacity(LIVE_COPIES).time_to_live(LIVE_COPY).build(),
            refusals: Refusals::default(),
        }
    }
}

/// The counts of a login: of strangers, of known clients, and of its second factor.
fn counts_of(counts: &TryCounts, school: SchoolId, login: &str) -> [TrySubject; 3] {
    [TRIES_OF_STRANGERS, TRIES_OF_CLIENTS, TRIES_OF_FACTOR]
        .map(|field| counts.subject(school, field, login))
}
