//! Cases as members of staff work on them: who took one, and how it ends.
//!
//! Who may do what is decided on the locked row, so that of many who take a case at once one has it.

use super::{CaseKind, store};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Keyset, Tx},
    ids::SchoolId,
    money::Fen,
};
use std::time::Duration;
use uuid::Uuid;

crate::uuid_id! {
    /// A case. The id begins with the time at which it was opened.
    CaseId
}

/// After so long without an act of who has it, a case is anybody's to take.
pub const IDLE: Duration = Duration::from_hours(24);

/// What a case is about, as far as that is known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseFacts {
    /// The payment.
    pub payment: Option<Uuid>,
    /// The refund.
    pub refund: Option<Uuid>,
    /// How much; zero where it is not known.
    pub amount: Fen,
}

/// A member of staff who works on cases. Two logins with one staff number are one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseWorker {
    /// The login.
    pub login: String,
    /// 工号: who it is.
    pub staff_no: String,
}

/// Who has a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseHolder {
    /// Who.
    pub by: CaseWorker,
    /// Since when.
    pub since: Timestamp,
    /// When they last did something about it.
    pub active_at: Timestamp,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseEnd {
    /// When.
    pub at: Timestamp,
    /// Who ended it; `None` where what it was about has come to its end.
    pub by: Option<CaseWorker>,
    /// What was done; empty where nobody ended it.
    pub text: String,
}

/// A case as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCase {
    /// The case.
    pub id: CaseId,
    /// The school.
    pub school: SchoolId,
    /// What it is about; `None` of a kind that this release does not know.
    pub kind: Option<CaseKind>,
    /// Whether it is about money.
    pub is_money: bool,
    /// What exactly it is about, unique within school and kind.
    pub subject: String,
    /// What was found.
    pub detail: String,
    /// What is known of it.
    pub facts: CaseFacts,
    /// When it was opened first.
    pub opened_at: Timestamp,
    /// Who has it, or had it last.
    pub holder: Option<CaseHolder>,
    /// How it ended; `None` while it is open.
    pub end: Option<CaseEnd>,
    /// Grows with each change.
    pub version: i64,
}

/// What is done to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseAct<'a> {
    /// Take it; another's is refused.
    Take,
    /// Give it back.
    Release,
    /// Take it from whoever has it.
    TakeOver,
    /// End it, with what was done.
    Resolve(&'a str),
}

/// Why that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseRefusal {
    /// It has ended.
    #[error("the case has ended")]
    Over,
    /// Another has it.
    #[error("{} has the case", .0.by.login)]
    Held(Box<CaseHolder>),
    /// Nobody has it, and who ends it must.
    #[error("nobody has the case")]
    NotTaken,
    /// It has changed since it was read.
    #[error("the case has changed")]
    Changed,
}

/// In which state cases are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseState {
    /// Not ended.
    #[default]
    Open,
    /// Not ended, and nobody has it.
    Free,
    /// Not ended, and somebody has it.
    Taken,
    /// Ended.
    Closed,
}

/// Which cases of a school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFilter {
    /// The school.
    pub school: SchoolId,
    /// In this state.
    pub state: CaseState,
    /// Of this kind.
    pub kind: Option<CaseKind>,
    /// Those that this staff number has.
    pub held_by: Option<String>,
    /// Also those about money.
    pub with_money: bool,
    /// About these payments and refunds alone.
    pub about: Option<Vec<Uuid>>,
}

impl FoundCase {
    /// The provider, the merchant and the number that the subject of a case about money names.
    pub fn reference(&self) -> Option<(&str, &str, &str)> {
        let mut parts = self.subject.splitn(4, ':').skip(1).filter(|_| self.is_money);
        Some((parts.next()?, parts.next()?, parts.next()?))
    }

    /// Whether this person has it.
    pub fn is_held_by(&self, staff_no: &str) -> bool {
        let same = |holder: &CaseHolder| holder.by.staff_no == staff_no;
        self.end.is_none() && self.holder.as_ref().is_some_and(same)
    }

    /// Whether nobody has it, or who has it did nothing about it for a day.
    pub fn is_free(&self, now: Timestamp) -> bool {
        let idle = |holder: &CaseHolder| now >= holder.active_at.plus(IDLE);
        self.end.is_none() && self.holder.as_ref().is_none_or(idle)
    }

    /// What an act makes of it; `None` where it was done before: a form that was sent twice.
    pub(super) fn after(
        &self,
        act: CaseAct<'_>,
        (by, version): (&CaseWorker, i64),
        now: Timestamp,
    ) -> Result<Option<Self>, CaseRefusal> {
        let own = self.is_held_by(&by.staff_no);
        if let Some(end) = &self.end {
            let is_same = matches!(act, CaseAct::Resolve(text) if end.text == text);
            let is_own = end.by.as_ref().is_some_and(|end| end.staff_no == by.staff_no);
            return if is_same && is_own { Ok(None) } else { Err(CaseRefusal::Over) };
        }
        let held = || self.holder.clone().map(|held| CaseRefusal::Held(Box::new(held)));
        let mut next = Self { version: self.version + 1, ..self.clone() };
        match act {
            CaseAct::Take | CaseAct::TakeOver if own => return Ok(None),
            CaseAct::Take if !self.is_free(now) => return held().map_or(Ok(None), Err),
            CaseAct::Take | CaseAct::TakeOver => {
                next.holder = Some(CaseHolder { by: by.clone(), since: now, active_at: now });
            }
            CaseAct::Release if self.holder.is_none() => return Ok(None),
            CaseAct::Release if own => next.holder = None,
            CaseAct::Resolve(text) if own => {
                next.end = Some(CaseEnd { at: now, by: Some(by.clone()), text: text.to_owned() });
            }
            CaseAct::Release | CaseAct::Resolve(_) => {
                return Err(held().unwrap_or(CaseRefusal::NotTaken));
            }
        }
        if version == self.version { Ok(Some(next)) } else { Err(CaseRefusal::Changed) }
    }

    /// Does it to a case that is locked. Returns the case as it was done to, and whether it was not done
    /// before.
    pub async fn act(
        self,
        tx: &Tx,
        act: CaseAct<'_>,
        by: (&CaseWorker, i64),
        now: Timestamp,
    ) -> Result<Result<(Self, bool), CaseRefusal>, DbError> {
        let next = match self.after(act, by, now) {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(Ok((self, false))),
            Err(refusal) => return Ok(Err(refusal)),
        };
        store::save(tx, &self, &next).await?;
        Ok(Ok((next, true)))
    }

    /// Locks a case of the school.
    pub async fn lock(tx: &Tx, school: SchoolId, id: CaseId) -> Result<Option<Self>, DbError> {
        store::lock(tx, school, id).await
    }

    /// A case of the school.
    pub async fn find(db: &Db, school: SchoolId, id: CaseId) -> Result<Option<Self>, DbError> {
        store::find(db, school, id).await
    }

    /// Notes that whoever has it did something about it, so that it is not free.
    pub async fn touch(
        tx: &Tx,
        id: CaseId,
        by: &CaseWorker,
        now: Timestamp,
    ) -> Result<(), DbError> {
        store::touch(tx, id, by, now).await
    }
}

impl CaseState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Free, Self::Taken, Self::Closed];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Free => "free",
            Self::Taken => "taken",
            Self::Closed => "closed",
        }
    }
}

impl CaseFilter {
    /// A page of them, in one query.
    pub async fn page(&self, db: &Db, page: Keyset) -> Result<Vec<FoundCase>, DbError> {
        store::page(db, self, page).await
    }

    /// How many there are, and when the oldest of them was opened, in one query. No more than `most` are
    /// looked at, the oldest.
    pub async fn count(&self, db: &Db, most: u32) -> Result<(u64, Option<Timestamp>), DbError> {
        store::count(db, self, most).await
    }
}
