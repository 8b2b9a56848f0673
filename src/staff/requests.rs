//! Requests that one member of staff makes and another decides: what refunds, their endings and repairs
//! of bills have in common.

use super::refund_desk::{RefundQuote, RefundRefusal};
use crate::{
    adjustments::AdjustError,
    approvals::{
        self, Approval, ApprovalError, ApprovalFilter, ApprovalId, ApprovalKind, ApprovalQuery,
        ApprovalVerdict, Decider, NewApproval, Officer, Ruling,
    },
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Keyset, Tx, TxError},
        money::Fen,
    },
    passwords::PasswordFault,
    policies::PolicyRefusal,
    reconciliation::{ReconcileError, RepairError},
    staff_accounts::{
        self, StaffAccounts, StaffAct, StaffBonds, StaffChangeError, StaffMember, StaffRefusal,
    },
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Why an act of staff was refused.
#[derive(Debug, thiserror::Error)]
pub enum StaffActError {
    /// No such request at the school.
    #[error("no such request")]
    NotFound,
    /// A class that nobody of the school is in.
    #[error("nobody is in the class {0}")]
    NoClass(String),
    /// A filter that there is not, by its name.
    #[error("no such {0}")]
    BadFilter(&'static str),
    /// Nobody acts on money of their own.
    #[error("it is the member of staff's own money")]
    OwnMoney,
    /// Nobody acts on the own card.
    #[error("it is the member of staff's own card")]
    OwnCard,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// Not two persons, too late, or another request is open.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The login of a member of staff cannot be changed so.
    #[error(transparent)]
    Member(#[from] StaffChangeError),
    /// The difference cannot be accepted.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// The day of bills cannot be compared or closed.
    #[error(transparent)]
    Bills(#[from] ReconcileError),
    /// The policy cannot be changed so.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// The balance cannot be adjusted.
    #[error(transparent)]
    Adjust(#[from] AdjustError),
    /// The password cannot be reset.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// There can be no such refund.
    #[error(transparent)]
    Refund(#[from] RefundRefusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffActError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) | Self::Refund(RefundRefusal::Db(error)) => Some(error),
            Self::Approval(error) => error.db(),
            Self::Member(error) => error.db(),
            Self::Repair(error) => error.db(),
            Self::Bills(error) => error.db(),
            Self::Policy(error) => error.db(),
            Self::Adjust(error) => error.db(),
            Self::Password(error) => error.db(),
            Self::NotFound
            | Self::NoClass(_)
            | Self::BadFilter(_)
            | Self::OwnMoney
            | Self::OwnCard
            | Self::Right(_)
            | Self::Refund(_) => None,
        }
    }
}

/// Which requests a desk handles, and the rights that they need.
#[derive(Debug)]
pub(super) struct RequestRules {
    /// The kinds of requests.
    pub kinds: &'static [ApprovalKind],
    /// The right to make one and to take it back.
    pub ask: StaffAct,
    /// The right to approve or reject one.
    pub decide: StaffAct,
}

/// SHA-256 of what is asked for, by which a repeat is recognised: what is fixed, and why.
pub(super) fn digest(fixed: &str, reason: &str) -> [u8; 32] {
    Sha256::digest([fixed.as_bytes(), reason.as_bytes()].concat()).into()
}

/// A request that is to be made.
#[derive(Debug)]
pub(super) struct NewRequest<'a> {
    pub kind: ApprovalKind,
    /// What it is about: a payment, a refund, a difference.
    pub subject: Uuid,
    /// SHA-256 of what is asked for.
    pub digest: [u8; 32],
    pub amount: Fen,
    pub reason: &'a str,
    pub key: &'a str,
}

/// Requests of one desk, as one member of staff reaches them.
pub(super) struct Requests<'a> {
    pub db: &'a Db,
    pub clock: &'a dyn Clock,
    pub member: &'a StaffMember,
    pub rules: &'static RequestRules,
}

impl Requests<'_> {
    /// What the same member asked for under the same key before: the answer was lost.
    pub async fn asked_before(
        &self,
        key: &str,
        digest: &[u8; 32],
    ) -> Result<Option<Approval>, StaffActError> {
        Ok(approvals::asked_before(self.db, &self.officer(), key, digest).await?)
    }

    /// Makes a request. Nothing is posted.
    pub async fn ask(&self, request: NewRequest<'_>) -> Result<Approval, StaffActError> {
        self.ask_with(request, async |_, _, _| Ok(())).await
    }

    /// Makes a request, and keeps what it asks for by `note` in the same commit.
    pub async fn ask_with(
        &self,
        request: NewRequest<'_>,
        note: impl AsyncFn(&Tx, &Approval, Timestamp) -> Result<(), StaffActError>,
    ) -> Result<Approval, StaffActError> {
        let new = NewApproval {
            school: self.member.school,
            kind: request.kind,
            subject: request.subject,
            request_digest: request.digest,
            amount: request.amount,
            reason: request.reason.to_owned(),
            by: self.officer(),
            key: request.key.to_owned(),
        };
        let (db, now) = (self.acting(request.reason), self.clock.now());
        let asked = db
            .in_tx(async |tx| {
                staff_accounts::hold::<StaffActError>(tx, self.member, self.rules.ask, now).await?;
                let asked = approvals::ask(tx, &new, now).await?;
                if !asked.repeated {
                    note(tx, &asked.approval, now).await?;
                }
                Ok::<_, StaffActError>(asked)
            })
            .await?;
        Ok(asked.approval)
    }

    /// A request of the member's school.
    pub async fn find(&self, id: ApprovalId) -> Result<Approval, StaffActError> {
        let found = approvals::find(self.db, self.member.school, id).await?;
        self.of_this_desk(found)
    }

    /// A page of requests of the member's school.
    pub async fn page(
        &self,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<Approval>, StaffActError> {
        Ok(self.filter(query)?.page(self.db, page).await?)
    }

    /// How many of them there are, among the first `most`.
    pub async fn count(&self, query: &ApprovalQuery, most: u32) -> Result<u64, StaffActError> {
        Ok(self.filter(query)?.count(self.db, most).await?)
    }

    fn filter(&self, query: &ApprovalQuery) -> Result<ApprovalFilter, StaffActError> {
        let (of, staff_no) = ((self.member.school, self.rules.kinds), &*self.member.staff_no);
        query.filter(of, staff_no, self.clock.now()).map_err(StaffActError::BadFilter)
    }

    /// The oldest requests that wait, at most `most`.
    pub async fn oldest_waiting(&self, most: u64) -> Result<Vec<Approval>, StaffActError> {
        let of = (self.member.school, self.rules.kinds);
        Ok(Approval::oldest_waiting(self.db, of, (self.clock.now(), most)).await?)
    }

    /// Whether the same member has decided so before: the answer was lost.
    pub fn is_repeat(&self, asked: &Approval, verdict: ApprovalVerdict) -> bool {
        let same = |decision: &approvals::Decision| decision.by.id == self.member.id.uuid();
        asked.decided_state() == Some(verdict.state()) && asked.decision.as_ref().is_some_and(same)
    }

    /// Approves a request. What follows from it is done by `effect` in the same commit; the effect's
    /// answer, if any, is kept as the decision's result.
    pub async fn approve(
        &self,
        id: ApprovalId,
        why: &str,
        effect: impl AsyncFn(&Tx, &Approval, Timestamp) -> Result<Option<Uuid>, StaffActError>,
    ) -> Result<Approval, StaffActError> {
        let (db, now) = (self.acting(why), self.clock.now());
        let verdict = ApprovalVerdict::Approve;
        db.in_tx(async |tx| {
            let (locked, by) = self.locked(tx, id, (self.rules.decide, now)).await?;
            locked.check(verdict, &by, now).map_err(ApprovalError::from)?;
            let result = effect(tx, &locked, now).await?;
            let ruling = Ruling { verdict, by: &by, why, result };
            Ok(approvals::decide(tx, &locked, ruling, now).await?)
        })
        .await
    }

    /// Whether the member may approve a request, before a provider is asked about it. It is decided again
    /// in the transaction that approves.
    pub async fn may_approve(&self, asked: &Approval) -> Result<(), StaffActError> {
        let (now, act) = (self.clock.now(), self.rules.decide);
        self.db
            .in_tx(async |tx| {
                let (locked, by) = self.locked(tx, asked.id, (act, now)).await?;
                let may = locked.check(ApprovalVerdict::Approve, &by, now);
                Ok(may.map_err(ApprovalError::from)?)
            })
            .await
    }

    /// Rejects a request. Nothing follows from it.
    pub async fn reject(&self, id: ApprovalId, why: &str) -> Result<Approval, StaffActError> {
        self.end(id, (self.rules.decide, ApprovalVerdict::Reject), why).await
    }

    /// Takes a request back.
    pub async fn withdraw(&self, id: ApprovalId) -> Result<Approval, StaffActError> {
        self.end(id, (self.rules.ask, ApprovalVerdict::Withdraw), "").await
    }

    async fn end(
        &self,
        id: ApprovalId,
        (act, verdict): (StaffAct, ApprovalVerdict),
        why: &str,
    ) -> Result<Approval, StaffActError> {
        let asked = self.find(id).await?;
        if self.is_repeat(&asked, verdict) {
            return Ok(asked);
        }
        let (db, now) = (self.acting(why), self.clock.now());
        db.in_tx(async |tx| {
            let (locked, by) = self.locked(tx, id, (act, now)).await?;
            let ruling = Ruling { verdict, by: &by, why, result: None };
            Ok(approvals::decide(tx, &locked, ruling, now).await?)
        })
        .await
    }

    /// Locks a request and then the member's login, which must still have the right; with whose say may be
    /// behind it.
    async fn locked(
        &self,
        tx: &Tx,
        id: ApprovalId,
        (act, now): (StaffAct, Timestamp),
    ) -> Result<(Approval, Decider), StaffActError> {
        let locked = approvals::lock(tx, self.member.school, id).await?;
        let locked = self.of_this_desk(locked)?;
        staff_accounts::hold::<StaffActError>(tx, self.member, act, now).await?;
        let by = decider(tx, self.member, &locked, now).await?;
        Ok((locked, by))
    }

    fn of_this_desk(&self, found: Option<Approval>) -> Result<Approval, StaffActError> {
        let found = found.filter(|found| self.rules.kinds.contains(&found.kind));
        found.ok_or(StaffActError::NotFound)
    }

    /// Nobody acts on money of their own.
    pub fn check_not_own(&self, quote: &RefundQuote) -> Result<(), StaffActError> {
        if self.member.is_person(&quote.person_no) { Err(StaffActError::OwnMoney) } else { Ok(()) }
    }

    /// The member of staff as requests name them.
    pub fn officer(&self) -> Officer {
        officer(self.member)
    }

    fn acting(&self, why: &str) -> Db {
        self.db.clone().acting_as(self.member.actor(why))
    }
}

fn officer(member: &StaffMember) -> Officer {
    Officer {
        id: member.id.uuid(),
        login: member.login.to_string(),
        staff_no: member.staff_no.to_string(),
    }
}

/// The member as who decides a request, with whose say may be behind it.
pub(super) async fn decider(
    tx: &Tx,
    member: &StaffMember,
    asked: &Approval,
    now: Timestamp,
) -> Result<Decider, DbError> {
    let Officer { id, staff_no, .. } = &asked.asked_by;
    let bonds = StaffAccounts::bonds(tx, member, *id, (asked.asked_at, now)).await?;
    let StaffBonds { to, of_other, factor_is_new, other_is_off } = bonds;
    let officer = officer(member);
    let is_bound = to.contains(staff_no) || of_other.contains(&officer.staff_no);
    Ok(Decider { officer, is_bound, factor_is_new, asker_is_off: other_is_off })
}
