//! What members of staff were refused, and sign-ins that failed, on the way to the audit log.
//!
//! Invariant: of a login and a reason the log gets one entry in an hour, with how many there were since the last;
//! so nobody fills it, or has others wait for its head. What is not told yet is counted in a row.
//! Invariant: no answer waits for it. How long an answer takes would tell who works here, and which password is right.
//! Invariant: a login that does not exist leaves nothing.

use super::{
    Account, StaffAccounts, StaffId, StaffMember, StaffNo, StaffSignInError, actor,
    names::StaffLogin, store::refusals as store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        ids::SchoolId,
        job_runs,
    },
    passwords::PasswordFault,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Between two entries of a login and a reason.
const TOLD_EVERY: Duration = Duration::from_hours(1);
/// Between two writes of a server: what comes meanwhile is added up in memory.
const REST: Duration = Duration::from_secs(1);
/// How often rows are looked at that nobody adds to.
const LOOK_EVERY: Duration = Duration::from_mins(10);

/// Why something was refused. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// No role may do it.
    Right,
    /// Who asked cannot decide.
    SamePerson,
    /// One of the two has had a say in the other's login.
    NotIndependent,
    /// The second factor was reset too lately to approve anything.
    FactorIsNew,
    /// Only who asked can take it back.
    NotYours,
    /// Nobody changes the own login.
    OwnLogin,
    /// Nobody acts on the own card.
    OwnCard,
    /// Nobody acts on the own money.
    OwnMoney,
    /// The second factor of somebody who is signed in was wrong, or given too often.
    NotConfirmed,
    /// At a sign-in, the password was wrong.
    Password,
    /// The password was right, or the messenger vouched, and the second factor was wrong.
    Factor,
    /// Too many tries: nothing was looked at.
    Blocked,
    /// The login is disabled.
    Disabled,
    /// The slip of the first sign-in has expired.
    SlipExpired,
}

impl Refusal {
    /// All of them.
    const ALL: [Self; 14] = [
        Self::Right,
        Self::SamePerson,
        Self::NotIndependent,
        Self::FactorIsNew,
        Self::NotYours,
        Self::OwnLogin,
        Self::OwnCard,
        Self::OwnMoney,
        Self::NotConfirmed,
        Self::Password,
        Self::Factor,
        Self::Blocked,
        Self::Disabled,
        Self::SlipExpired,
    ];

    /// The name in storage. Of `staff.refused` it is the code of the problem on the wire.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Right => "staff_right_missing",
            Self::SamePerson => "second_person_needed",
            Self::NotIndependent => "not_independent",
            Self::FactorIsNew => "factor_is_new",
            Self::NotYours => "not_your_request",
            Self::OwnLogin => "own_login",
            Self::OwnCard => "own_card",
            Self::OwnMoney => "own_money",
            Self::NotConfirmed => "factor_not_confirmed",
            Self::Password => "wrong_password",
            Self::Factor => "wrong_factor",
            Self::Blocked => "too_many_tries",
            Self::Disabled => "login_disabled",
            Self::SlipExpired => "slip_expired",
        }
    }

    /// As stored.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    const fn act(self) -> AuditAct {
        match self {
            Self::Right
            | Self::SamePerson
            | Self::NotIndependent
            | Self::FactorIsNew
            | Self::NotYours
            | Self::OwnLogin
            | Self::OwnCard
            | Self::OwnMoney => AuditAct::StaffRefused,
            Self::NotConfirmed
            | Self::Password
            | Self::Factor
            | Self::Blocked
            | Self::Disabled
            | Self::SlipExpired => AuditAct::StaffSignInRefused,
        }
    }

    /// Whether it was somebody who is signed in; of others nobody knows who it was.
    const fn is_of_session(self) -> bool {
        matches!(self.act(), AuditAct::StaffRefused) || matches!(self, Self::NotConfirmed)
    }

    /// What a sign-in with an account was refused for.
    const fn of_sign_in(error: &StaffSignInError, (fits, enabled): (bool, bool)) -> Option<Self> {
        match error {
            StaffSignInError::Refused if !fits => Some(Self::Password),
            StaffSignInError::Refused if !enabled => Some(Self::Disabled),
            StaffSignInError::Refused => Some(Self::Factor),
            StaffSignInError::SlipExpired => Some(Self::SlipExpired),
            StaffSignInError::Password(PasswordFault::TooManyTries { .. }) => Some(Self::Blocked),
            StaffSignInError::TotpMissing
            | StaffSignInError::NewPasswordNeeded
            | StaffSignInError::NewPasswordWeak
            | StaffSignInError::NotNow(_)
            | StaffSignInError::BadToken
            | StaffSignInError::Password(_)
            | StaffSignInError::NoToken(_)
            | StaffSignInError::NoSecret(_)
            | StaffSignInError::Sealed(_)
            | StaffSignInError::Db(_) => None,
        }
    }
}

/// Whose login it is, and what was asked for last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) member: StaffId,
    pub(super) reason: Refusal,
    pub(super) school: SchoolId,
    pub(super) login: String,
    pub(super) staff_no: String,
    /// The method and the pattern of the path; nothing of a sign-in.
    pub(super) asked: String,
}

/// What a server has refused and not written yet: at most a row for each login and reason.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    all: Mutex<BTreeMap<(StaffId, Refusal), (Refused, i64)>>,
    wake: Notify,
}

impl Refusals {
    fn note(&self, refused: Refused) {
        let mut all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (refused.member, refused.reason);
        let before = all.get(&key).map_or(0, |(_, times)| *times);
        all.insert(key, (refused, before.saturating_add(1)));
        drop(all);
        self.0.wake.notify_one();
    }

    fn noted(&self) -> Vec<(Refused, i64)> {
        let all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().cloned().collect()
    }

    /// So many are written. More may have come meanwhile.
    fn written(&self, refused: &Refused, times: i64) {
        let mut all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (refused.member, refused.reason);
        let Some((_, left)) = all.get_mut(&key) else { return };
        *left = left.saturating_sub(times);
        if *left <= 0 {
            all.remove(&key);
        }
    }

    /// Writes them for as long as the process lives.
    async fn keep(self, db: Db, clock: Arc<dyn Clock>) {
        loop {
            // Woken, or time to look.
            let _ = tokio::time::timeout(LOOK_EVERY, self.0.wake.notified()).await;
            if let Err(error) = job_runs::noted(self.write(&db, clock.now()).await) {
                tracing::error!(%error, "refusals of staff were not written");
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Writes what was noted so far, and entries for what was counted more than an hour ago. Cut off in a commit, it
    /// leaves what is counted a second time, never what is lost. One caller at a time.
    async fn write(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        let mut failed = Ok(());
        for (refused, times) in self.noted() {
            match tell(db, &refused, times, now).await {
                Ok(()) => self.written(&refused, times),
                Err(error) => failed = Err(error),
            }
        }
        failed?;
        for refused in store::untold(db, now.minus(TOLD_EVERY)).await? {
            tell(db, &refused, 0, now).await?;
        }
        Ok(())
    }
}

/// Counts so many more, and appends an entry for all since the last where that is an hour ago.
async fn tell(db: &Db, refused: &Refused, more: i64, now: Timestamp) -> Result<(), DbError> {
    let Refused { reason, school, login, staff_no, asked, .. } = refused;
    let by = reason.is_of_session().then(|| actor(login, staff_no, ""));
    let db = by.map_or_else(|| db.clone(), |by| db.clone().acting_as(by));
    db.in_tx(async |tx| {
        let (told_at, untold) = store::lock(tx, refused).await?;
        let all = untold.saturating_add(more);
        if told_at > now.minus(TOLD_EVERY) {
            return store::put(tx, refused, (told_at, all)).await;
        }
        if all == 0 {
            return Ok(());
        }
        store::put(tx, refused, (now, 0)).await?;
        let entry = Entry {
            act: reason.act(),
            school: Some(*school),
            subject: if asked.is_empty() { format!("staff {login}") } else { asked.clone() },
            detail: if all == 1 {
                reason.code().to_owned()
            } else {
                format!("{}, {all} times", reason.code())
            },
        };
        audit::record(tx, &entry, now).await
    })
    .await
}

impl StaffMember {
    /// Why something is refused, as the log says it.
    pub fn refused_for() -> impl Iterator<Item = &'static str> {
        Refusal::ALL.into_iter().map(Refusal::code)
    }
}

impl StaffAccounts {
    /// Writes what this server refuses for as long as the process lives.
    pub async fn keep_refusals(self, db: Db, clock: Arc<dyn Clock>) {
        self.refusals.keep(db, clock).await;
    }

    /// Writes what it has refused so far: when a server stops, after its jobs.
    pub async fn write_refusals(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        self.refusals.write(db, now).await
    }

    /// Notes that somebody who is signed in was told this problem, if it is a refusal; of the method and the pattern
    /// of a path.
    pub fn refused(&self, member: &StaffMember, code: &str, asked: String) {
        let reason = Refusal::from_code(code);
        if let Some(reason) = reason.filter(|reason| reason.act() == AuditAct::StaffRefused) {
            self.note_of(member, reason, asked);
        }
    }

    pub(super) fn note_of(&self, member: &StaffMember, reason: Refusal, asked: String) {
        let StaffMember { id, school, login, staff_no, .. } = member;
        self.note((*id, reason), (*school, login, staff_no), asked);
    }

    /// Notes why a sign-in to an account failed, where that was the fault of who signs in. Of one that changed
    /// meanwhile, so that no code was looked at, nothing is known.
    pub(super) fn failed<T>(
        &self,
        claimed: Option<&Account>,
        fits: bool,
        outcome: Result<T, StaffSignInError>,
    ) -> Result<T, StaffSignInError> {
        if let (Some(account), Err(error)) = (claimed, &outcome)
            && let Some(reason) = Refusal::of_sign_in(error, (fits, account.enabled))
        {
            let Account { id, school, login, staff_no, .. } = account;
            self.note((*id, reason), (*school, login, staff_no), String::new());
        }
        outcome
    }

    fn note(
        &self,
        (member, reason): (StaffId, Refusal),
        (school, login, staff_no): (SchoolId, &StaffLogin, &StaffNo),
        asked: String,
    ) {
        let (login, staff_no) = (login.to_string(), staff_no.to_string());
        self.refusals.note(Refused { member, reason, school, login, staff_no, asked });
    }
}
