//! One settle, three doors: the callback, the student's return to the page, and the sweep hand the
//! same checked fact to [`settle_all`].
//!
//! Several facts settle in one transaction, one after the other. A fact that cannot be posted fails
//! the batch, and the lane then settles each alone.

use super::{
    gateway::Evidence,
    news,
    plan::{Batched, Plan, refunded_before},
    refunds::{self, IncomingRefund, RefundVerdict},
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
        lane::Batch,
        write_point,
    },
    cases,
    ledger::{LedgerError, Refusal, account::NotAName},
    messages::{Telling, Wanted},
    orders::{
        self, ReceivedAnswer, ReceivedMessage,
        fact::PaidFact,
        order::{Attempt, PaymentId},
        refund::{Refund, RefundProgress},
    },
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tokio::sync::Notify;

/// How a fact reached us, and with it how far it is believed.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A checked message. Where it disagrees with its order it is stored, and the provider is asked.
    Message {
        /// The provider's id of the message.
        notification_id: String,
        /// The message.
        evidence: Evidence,
    },
    /// The provider's own answer to our question, which is final.
    Answer(Evidence),
    /// Such an answer, which also says that money was given back without us: the payment is credited in
    /// full, and the refund is asked about and posted like any other.
    RefundedAnswer(Evidence),
}

impl Origin {
    pub(super) const fn tells_refund(&self) -> bool {
        match self {
            Self::RefundedAnswer(_) => true,
            Self::Answer(_) | Self::Message { .. } => false,
        }
    }

    pub(super) const fn is_answer(&self) -> bool {
        match self {
            Self::Answer(_) | Self::RefundedAnswer(_) => true,
            Self::Message { .. } => false,
        }
    }
}

/// A fact to settle.
#[derive(Clone, Debug)]
pub struct IncomingFact {
    /// The school at whose merchant it was paid.
    pub school: SchoolId,
    /// What the provider says.
    pub fact: PaidFact,
    /// How it reached us.
    pub origin: Origin,
}

/// What a fact did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It paid its order.
    Settled,
    /// It was settled before.
    AlreadySettled,
    /// The money went to suspense, with a case for staff.
    Suspense,
    /// It differs from its order, or its transaction belongs to another payment: nothing was posted.
    /// A message is stored, and the provider is asked.
    Disagrees,
}

impl Verdict {
    /// For storage and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::AlreadySettled => "already_settled",
            Self::Suspense => "suspense",
            Self::Disagrees => "disagrees",
        }
    }
}

/// Why nothing was settled. The provider has to send it again.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger refused a fact: a balance would overflow. Stops here and alarms.
    #[error("the ledger refused a received payment: {0}")]
    Refused(#[from] Refusal),
    /// A provider's name that cannot be an account's.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// The transactions of these facts, by their place, were posted before for something else. They
    /// are decided again with that knowledge.
    #[error("transactions were posted before for something else")]
    Taken(Vec<usize>),
}

impl TxError for SettleError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::Refused(_) | Self::Name(_) | Self::Taken(_) => None,
        }
    }
}

/// What facts did.
#[derive(Debug)]
pub struct Settled {
    /// Each of them.
    pub verdicts: Vec<Verdict>,
    /// How many other payments of orders that are paid now are still open: due at once, so that they
    /// are closed before they are paid too.
    pub left_open: u64,
    /// How many jobs were enqueued: refunds that were begun, and messages.
    pub jobs: usize,
    /// What a refund did that was settled with them.
    pub(super) refund: Option<RefundVerdict>,
}

/// What is known before a batch is decided.
struct Asked {
    /// The facts, by their place, whose transaction is known to belong to something else.
    taken: HashSet<usize>,
    /// What their schools tell of credited payments.
    wanted: Wanted,
}

/// Settles facts in order and returns what each did. Nothing counts until the caller commits.
async fn settle_all(
    tx: &Tx,
    now: Timestamp,
    incoming: &[IncomingFact],
    asked: &Asked,
) -> Result<Settled, SettleError> {
    let taken = &asked.taken;
    let ours = incoming.iter().filter_map(|r| PaymentId::from_out_trade_no(&r.fact.out_trade_no));
    let attempts = orders::lock(tx, ours).await?;
    let refunded = refunded_before(tx, incoming, &attempts).await?;
    let with_refunds = with_refunds(tx, incoming, &attempts).await?;
    let batched =
        Batched { now, incoming, taken, refunded: &refunded, with_refunds: &with_refunds };
    let plan = Plan::decide(batched, attempts)?;
    refuse_taken(tx, incoming, &plan.suspended()).await?;
    plan.post(tx, now).await?;
    let moved: Vec<_> = plan.moved.into_values().collect();
    let verdicts = || incoming.iter().zip(&plan.verdicts);
    let messages: Vec<_> = verdicts().filter_map(|(r, v)| message(r, *v)).collect();
    let answers: Vec<_> = verdicts().filter_map(|(r, v)| answer(r, *v)).collect();
    let beside = vec![cases::write_of(&plan.cases), orders::write_of_answers(&answers)];
    orders::save(tx, &moved, &messages, beside).await?;
    let refunds = refunds::begin(tx, &plan.refunds, now).await?;
    let messages = asked.wanted.credited(tx, &moved, now).await?;
    let changed = moved.iter().filter(|(was, is)| was.order != is.order);
    let paid: Vec<_> = changed.map(|(_, is)| &is.order).collect();
    news::tell(tx, paid.iter().copied(), now).await?;
    let left_open = orders::due::make_due(tx, paid.iter().map(|order| order.id), now).await?;
    let jobs = refunds.saturating_add(messages);
    Ok(Settled { verdicts: plan.verdicts, left_open, jobs, refund: None })
}

/// The payments of facts that tell of a refund, as far as some refund of them is known here.
async fn with_refunds(
    tx: &Tx,
    incoming: &[IncomingFact],
    attempts: &HashMap<PaymentId, Attempt>,
) -> Result<HashSet<PaymentId>, DbError> {
    let mut with = HashSet::new();
    for told in incoming.iter().filter(|incoming| incoming.origin.tells_refund()) {
        let id = PaymentId::from_out_trade_no(&told.fact.out_trade_no);
        let Some(id) = id.filter(|id| attempts.contains_key(id)) else { continue };
        let known = orders::refunds::of_payment(tx, id).await?;
        let mut known =
            known.iter().filter(|known| known.transaction_id == told.fact.transaction_id);
        // One that was not sent, or failed, tells nothing of money that was given back.
        let was_sent = |refund: &Refund| match refund.progress {
            RefundProgress::Sent | RefundProgress::Done { .. } => true,
            RefundProgress::Asked | RefundProgress::Requested | RefundProgress::Failed { .. } => {
                false
            }
        };
        if known.any(was_sent) {
            with.insert(id);
        }
    }
    Ok(with)
}

/// Reports facts bound for suspense whose transaction paid another payment. Nothing else would: no
/// payment may move with them, and schools of one merchant have ledgers of their own.
async fn refuse_taken(
    tx: &Tx,
    incoming: &[IncomingFact],
    suspended: &[usize],
) -> Result<(), SettleError> {
    if suspended.is_empty() {
        return Ok(());
    }
    let fact = |place: &usize| incoming.get(*place).map(|incoming| &incoming.fact);
    let facts: Vec<_> = suspended.iter().filter_map(fact).collect();
    let taken = orders::transactions::of_other_payments(tx, &facts).await?;
    let taken: Vec<_> = taken.iter().filter_map(|index| suspended.get(*index).copied()).collect();
    if taken.is_empty() { Ok(()) } else { Err(SettleError::Taken(taken)) }
}

fn message(incoming: &IncomingFact, verdict: Verdict) -> Option<ReceivedMessage<'_>> {
    let Origin::Message { notification_id, evidence } = &incoming.origin else { return None };
    Some(ReceivedMessage {
        school: incoming.school,
        provider: incoming.fact.provider,
        notification_id,
        out_trade_no: &incoming.fact.out_trade_no,
        transaction_id: &incoming.fact.transaction_id,
        verdict: verdict.code(),
        body: &evidence.body,
        headers: evidence.headers.to_text(),
        received_at: evidence.checked_at,
        ask: verdict == Verdict::Disagrees,
    })
}

/// The answer to be kept, if it moved money. So is a message whose money went to suspense: messages
/// are stored once for each id, and a provider may name two transactions under one.
fn answer(incoming: &IncomingFact, verdict: Verdict) -> Option<ReceivedAnswer<'_>> {
    let (evidence, asked) = match &incoming.origin {
        Origin::Answer(evidence) | Origin::RefundedAnswer(evidence) => (evidence, true),
        Origin::Message { evidence, .. } => (evidence, false),
    };
    match verdict {
        Verdict::Settled if !asked => None,
        Verdict::Settled | Verdict::Suspense => Some(ReceivedAnswer {
            asked,
            school: incoming.school,
            fact: &incoming.fact,
            headers: evidence.headers.to_text(),
            body: &evidence.body,
            received_at: evidence.checked_at,
        }),
        Verdict::AlreadySettled | Verdict::Disagrees => None,
    }
}

/// Settles facts in lanes.
#[derive(Debug)]
pub struct Settling {
    /// The lanes' connections.
    pub db: Db,
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Woken after each commit.
    pub sealer: Arc<Notify>,
    /// Woken where a commit left a payment open that its order no longer needs.
    pub sweep: Arc<Notify>,
    /// Woken where a commit enqueued something.
    pub outbox: Arc<Notify>,
    /// What is told of payments.
    pub telling: Telling,
}

#[async_trait(?Send)]
impl Batch for Settling {
    type Request = IncomingFact;
    type Answer = Verdict;
    type Error = SettleError;

    async fn run(&self, requests: &[IncomingFact]) -> Result<Vec<Verdict>, SettleError> {
        let settling = self.settle(requests);
        let settled = write_point::within("settle", settling).await?;
        self.wake(&settled);
        Ok(settled.verdicts)
    }

    fn is_unreachable(error: &SettleError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

impl Settling {
    /// Wakes whoever has something to do after a commit.
    pub(super) fn wake(&self, settled: &Settled) {
        self.sealer.notify_one();
        if settled.left_open > 0 {
            self.sweep.notify_one();
        }
        if settled.jobs > 0 {
            self.outbox.notify_one();
        }
    }

    /// Settles facts in one transaction. Where one names a transaction that belongs to something
    /// else, that transaction is rolled back and the facts are decided again, knowing it.
    async fn settle(&self, incoming: &[IncomingFact]) -> Result<Settled, SettleError> {
        self.settle_with(incoming, None).await
    }

    /// Likewise, and then what is heard of a refund of the same payment, in one commit.
    pub(super) async fn settle_with(
        &self,
        incoming: &[IncomingFact],
        refund: Option<&IncomingRefund>,
    ) -> Result<Settled, SettleError> {
        let of = incoming.iter().map(|incoming| (incoming.school, incoming.fact.provider));
        let wanted = self.telling.wanted(of).await;
        let mut asked = Asked { taken: HashSet::new(), wanted };
        loop {
            let now = self.clock.now();
            let once = async |tx: &_| {
                let mut settled = settle_all(tx, now, incoming, &asked).await?;
                if let Some(refund) = refund {
                    let told = news::settle_refund(tx, &self.telling, refund, now).await?;
                    settled.refund = Some(told);
                }
                Ok(settled)
            };
            let more = match self.db.in_tx(once).await {
                Err(SettleError::Taken(more)) => more,
                Err(error) if error.db().is_some_and(DbError::is_unique_violation) => {
                    // Another payment has the transaction, at another school of the same merchant.
                    let more = self.of_other_payments(incoming).await?;
                    if more.iter().all(|place| asked.taken.contains(place)) {
                        return Err(error);
                    }
                    more
                }
                settled => return settled,
            };
            asked.taken.extend(more);
        }
    }

    async fn of_other_payments(&self, incoming: &[IncomingFact]) -> Result<Vec<usize>, DbError> {
        let facts: Vec<_> = incoming.iter().map(|incoming| &incoming.fact).collect();
        self.db
            .in_snapshot(async |tx| orders::transactions::of_other_payments(tx, &facts).await)
            .await
    }
}
