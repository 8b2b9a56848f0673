//! Asking, deciding, and what nobody decides.

use super::{
    approval::{
        Approval, ApprovalId, ApprovalKind, ApprovalRefusal, ApprovalState, ApprovalVerdict,
        Decider, Decision, Officer,
    },
    store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
        job_runs,
        money::Fen,
    },
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// How often requests that nobody decided are looked for.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);

/// A request to be made.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// The school.
    pub school: SchoolId,
    /// What is asked for.
    pub kind: ApprovalKind,
    /// Of what.
    pub subject: Uuid,
    /// SHA-256 of the request as it was sent.
    pub request_digest: [u8; 32],
    /// How much.
    pub amount: Fen,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub by: Officer,
    /// The idempotency key of the request, which belongs to the login.
    pub key: String,
}

/// A request that was made now, or before under the same key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub approval: Approval,
    /// Whether it was made before.
    pub repeated: bool,
}

/// Why a request was not made or decided.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The idempotency key was used for another request.
    #[error("idempotency key reused")]
    KeyReused,
    /// Another request for the subject is open.
    #[error("a request for it is open already")]
    Open(ApprovalId),
    /// The decision is refused.
    #[error(transparent)]
    Refused(#[from] ApprovalRefusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for ApprovalError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::KeyReused | Self::Open(_) | Self::Refused(_) => None,
        }
    }
}

/// The request that the login made under this key, which must be the same one.
pub async fn asked_before(
    db: &Db,
    by: &Officer,
    key: &str,
    request_digest: &[u8; 32],
) -> Result<Option<Approval>, ApprovalError> {
    let found = store::by_key(db.into(), by.id, key).await?;
    found.map(|approval| same(approval, request_digest)).transpose()
}

fn same(approval: Approval, request_digest: &[u8; 32]) -> Result<Approval, ApprovalError> {
    if approval.request_digest == *request_digest {
        Ok(approval)
    } else {
        Err(ApprovalError::KeyReused)
    }
}

/// Makes a request, unless the same key made it before. Of requests at the same time for one subject
/// one is made: a unique key lets the transaction of the other run again.
pub async fn ask(tx: &Tx, new: &NewApproval, now: Timestamp) -> Result<Asked, ApprovalError> {
    if let Some(before) = store::by_key(tx.into(), new.by.id, &new.key).await? {
        return Ok(Asked { approval: same(before, &new.request_digest)?, repeated: true });
    }
    if let Some(open) = store::lock_open(tx, new.school, new.kind, new.subject).await? {
        if open.state_at(now) == ApprovalState::Requested {
            return Err(ApprovalError::Open(open.id));
        }
        expire(tx, &open, now).await?;
    }
    let approval = Approval {
        id: ApprovalId::new(now),
        school: new.school,
        kind: new.kind,
        subject: new.subject,
        request_digest: new.request_digest,
        amount: new.amount,
        reason: new.reason.clone(),
        asked_by: new.by.clone(),
        asked_at: now,
        expires_at: now.plus(Approval::LIFETIME),
        stored: ApprovalState::Requested,
        decision: None,
    };
    store::insert(tx, &approval, &new.key).await?;
    record(tx, AuditAct::ApprovalAsked, &approval, now).await?;
    Ok(Asked { approval, repeated: false })
}

/// Locks a request of a school, before it is decided. It is locked before the member of staff who
/// decides, and these before the money that it is about.
pub async fn lock(tx: &Tx, school: SchoolId, id: ApprovalId) -> Result<Option<Approval>, DbError> {
    let found = store::lock(tx, id).await?;
    Ok(found.filter(|approval| approval.school == school))
}

/// A decision to be made.
#[derive(Clone, Copy, Debug)]
pub struct Ruling<'a> {
    /// What is decided.
    pub verdict: ApprovalVerdict,
    /// Who decides.
    pub by: &'a Decider,
    /// Why; may be empty.
    pub why: &'a str,
    /// What an approval made in this transaction.
    pub result: Option<Uuid>,
}

/// Decides a locked request, if that is for `ruling.by` to decide. What follows from it belongs in the
/// same transaction.
pub async fn decide(
    tx: &Tx,
    locked: &Approval,
    ruling: Ruling<'_>,
    now: Timestamp,
) -> Result<Approval, ApprovalError> {
    let Ruling { verdict, by, why, result } = ruling;
    locked.check(verdict, by, now)?;
    let decision = Decision { by: by.officer.clone(), at: now, why: why.to_owned(), result };
    let decided = Approval { stored: verdict.state(), decision: Some(decision), ..locked.clone() };
    store::save(tx, &decided).await?;
    let act = match verdict {
        ApprovalVerdict::Approve => AuditAct::ApprovalApproved,
        ApprovalVerdict::Reject => AuditAct::ApprovalRejected,
        ApprovalVerdict::Withdraw => AuditAct::ApprovalWithdrawn,
    };
    record(tx, act, &decided, now).await?;
    Ok(decided)
}

/// Takes back what a login has asked for, on behalf of `by`: it was switched off. Returns how many. They
/// are locked before the login, as [`lock`] says.
pub async fn take_back(
    tx: &Tx,
    asker: Uuid,
    (by, why): (&Officer, &str),
    now: Timestamp,
) -> Result<usize, DbError> {
    let open = store::lock_open_of(tx, asker).await?;
    for approval in &open {
        let decision = Decision { by: by.clone(), at: now, why: why.to_owned(), result: None };
        let stored = ApprovalState::Withdrawn;
        let ended = Approval { stored, decision: Some(decision), ..approval.clone() };
        store::save(tx, &ended).await?;
        record(tx, AuditAct::ApprovalWithdrawn, &ended, now).await?;
    }
    Ok(open.len())
}

async fn expire(tx: &Tx, locked: &Approval, now: Timestamp) -> Result<(), DbError> {
    let expired = Approval { stored: ApprovalState::Expired, ..locked.clone() };
    store::save(tx, &expired).await?;
    record(tx, AuditAct::ApprovalExpired, &expired, now).await
}

async fn record(
    tx: &Tx,
    act: AuditAct,
    approval: &Approval,
    now: Timestamp,
) -> Result<(), DbError> {
    let Approval { id, school, kind, subject, amount, .. } = approval;
    let entry = Entry {
        act,
        school: Some(*school),
        subject: format!("approval {id}"),
        detail: format!("{} of {subject}, {} fen", kind.code(), amount.get()),
    };
    audit::record(tx, &entry, now).await
}

/// Ends requests that nobody decided, for as long as the process lives.
pub async fn expire_overdue(db: Db, clock: Arc<dyn Clock>) {
    loop {
        match job_runs::noted(expire_some(&db, clock.now()).await) {
            Ok(0) => tokio::time::sleep(UPKEEP_EVERY).await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "overdue requests could not be ended; will retry");
                tokio::time::sleep(UPKEEP_EVERY).await;
            }
        }
    }
}

async fn expire_some(db: &Db, now: Timestamp) -> Result<usize, DbError> {
    db.in_tx(async |tx| {
        let overdue = store::lock_overdue(tx, now).await?;
        for approval in &overdue {
            expire(tx, approval, now).await?;
        }
        Ok(overdue.len())
    })
    .await
}
