//! One settle, three doors: the callback, the student's return to the page, and the sweep hand the
//! same checked fact to [`settle_all`].
//!
//! Several facts settle in one transaction, one after the other. A fact that cannot be posted fails
//! the batch, and the lane then settles each alone.

use super::{
    fulfilment::{self, Delivery, Fulfilment},
    news, postings,
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
        lane::Batch,
        write_point,
    },
    cases::{self, Case},
    ledger::{self, LedgerError, Posted, Refusal, account::NotAName, transfer::Transfer},
    orders::{
        self, ReceivedMessage,
        fact::PaidFact,
        order::{Attempt, PaymentId, PaymentState, Settlement},
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
        /// The exact bytes.
        body: Vec<u8>,
    },
    /// The provider's own answer to our question, which is final.
    Answer,
    /// Such an answer, which also says that money was given back without us: the payer is not
    /// credited with what the payer may have back already.
    RefundedAnswer,
}

/// The kind of the cases of payments.
const CASE: &str = "payment";
/// The case of a payment that was given back without us.
const REFUNDED: &str = "refunded_at_provider";
/// The case of a paid order whose purpose is not built.
const PURPOSE_UNAVAILABLE: &str = "purpose_unavailable";
/// The case of a transaction that was posted before for something else.
const TRANSACTION_TAKEN: &str = "transaction_taken";

impl Origin {
    const fn tells_refund(&self) -> bool {
        match self {
            Self::RefundedAnswer => true,
            Self::Answer | Self::Message { .. } => false,
        }
    }

    const fn is_answer(&self) -> bool {
        match self {
            Self::Answer | Self::RefundedAnswer => true,
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
}

/// Settles facts in order and returns what each did. `taken` are those, by their place, whose
/// transaction is known to belong to something else. Nothing counts until the caller commits.
pub async fn settle_all(
    tx: &Tx,
    now: Timestamp,
    incoming: &[IncomingFact],
    taken: &HashSet<usize>,
) -> Result<Settled, SettleError> {
    let ours = incoming.iter().filter_map(|r| PaymentId::from_out_trade_no(&r.fact.out_trade_no));
    let attempts = orders::lock(tx, ours).await?;
    let refunded = refunded_before(tx, incoming, &attempts).await?;
    let plan = Plan::decide(Batched { now, incoming, taken, refunded: &refunded }, attempts)?;
    plan.post(tx, now).await?;
    let moved: Vec<_> = plan.moved.into_values().collect();
    let verdicts = incoming.iter().zip(&plan.verdicts);
    let messages: Vec<_> = verdicts.filter_map(|(r, v)| message(r, *v, now)).collect();
    orders::save(tx, &moved, &messages, vec![cases::write_of(&plan.cases)]).await?;
    let changed = moved.iter().filter(|(was, is)| was.order != is.order);
    let paid: Vec<_> = changed.map(|(_, is)| &is.order).collect();
    news::tell(tx, paid.iter().copied(), now).await?;
    let left_open = orders::due::make_due(tx, paid.iter().map(|order| order.id), now).await?;
    Ok(Settled { verdicts: plan.verdicts, left_open })
}

/// The cases of facts about closed payments whose money went to suspense as refunded: a message that
/// is older than the refund and arrives after it moves nothing.
async fn refunded_before(
    tx: &Tx,
    incoming: &[IncomingFact],
    attempts: &HashMap<PaymentId, Attempt>,
) -> Result<HashSet<String>, DbError> {
    let case = |incoming: &IncomingFact| {
        let id = PaymentId::from_out_trade_no(&incoming.fact.out_trade_no)?;
        let attempt = attempts.get(&id)?;
        let is_closed = attempt.payment.state == PaymentState::Closed;
        is_closed.then(|| (attempt.order.school, subject(REFUNDED, &incoming.fact)))
    };
    let (schools, subjects): (Vec<_>, Vec<_>) = incoming.iter().filter_map(case).unzip();
    cases::among(tx, &schools, CASE, subjects).await
}

/// The facts of one transaction.
struct Batched<'a> {
    now: Timestamp,
    incoming: &'a [IncomingFact],
    /// Those whose transaction belongs to something else.
    taken: &'a HashSet<usize>,
    /// Subjects of the cases of payments that were given back.
    refunded: &'a HashSet<String>,
}

/// A posting, with the fact that it is for.
struct Planned {
    place: usize,
    transfer: Transfer,
    /// Whether it may have been posted before: a payment that was open has no posting yet.
    may_repeat: bool,
}

/// What a batch of facts comes to, before anything is written.
#[derive(Default)]
struct Plan {
    verdicts: Vec<Verdict>,
    transfers: Vec<Planned>,
    moved: HashMap<PaymentId, (Attempt, Attempt)>,
    cases: Vec<Case>,
}

/// One fact while it is decided.
#[derive(Clone, Copy)]
struct Deciding<'a> {
    now: Timestamp,
    place: usize,
    /// Where it counts.
    school: SchoolId,
    incoming: &'a IncomingFact,
}

impl Plan {
    /// Decides each fact on the states that the facts before it left.
    fn decide(
        batch: Batched<'_>,
        mut attempts: HashMap<PaymentId, Attempt>,
    ) -> Result<Self, NotAName> {
        let mut plan = Self::default();
        for (place, incoming) in batch.incoming.iter().enumerate() {
            let id = PaymentId::from_out_trade_no(&incoming.fact.out_trade_no);
            let attempt = id.and_then(|id| attempts.get(&id));
            let school = school_of(incoming, attempt);
            let fact = Deciding { now: batch.now, place, school, incoming };
            let (verdict, moved) = if batch.refunded.contains(&subject(REFUNDED, &incoming.fact)) {
                (Verdict::AlreadySettled, None)
            } else if batch.taken.contains(&place) {
                plan.open_case(fact, TRANSACTION_TAKEN);
                (Verdict::Disagrees, None)
            } else {
                plan.decide_one(fact, attempt)?
            };
            if let Some(is) = moved {
                spread(&mut attempts, is);
            }
            plan.verdicts.push(verdict);
        }
        Ok(plan)
    }

    /// Decides a fact, and with it which attempt moves.
    fn decide_one(
        &mut self,
        fact: Deciding<'_>,
        attempt: Option<&Attempt>,
    ) -> Result<(Verdict, Option<Attempt>), NotAName> {
        let Some(was) = attempt else { return Ok((self.unmatched(fact, "no_order")?, None)) };
        let becomes = fulfilment::of(was.order.purpose);
        let settlement = was.settle(&fact.incoming.fact, becomes.state());
        let verdict = match settlement {
            Settlement::AlreadySettled if fact.incoming.origin.tells_refund() => {
                self.open_case(fact, REFUNDED);
                Verdict::AlreadySettled
            }
            _ if fact.incoming.origin.tells_refund() => self.suspense(fact, REFUNDED)?,
            _ if was.order.school != fact.school => self.disagrees(fact, "other_school")?,
            Settlement::Settled(is) => {
                let verdict = self.fulfil(fact, &is, becomes)?;
                return Ok((verdict, Some(self.take(was, is))));
            }
            Settlement::AlreadySettled => Verdict::AlreadySettled,
            Settlement::SecondPayment(is) => {
                let verdict = self.suspense(fact, "second_payment")?;
                return Ok((verdict, Some(self.take(was, is))));
            }
            Settlement::SecondTransaction => self.suspense(fact, "second_transaction")?,
            Settlement::Disagrees(difference) => self.disagrees(fact, difference.code())?,
        };
        Ok((verdict, None))
    }

    /// A fact about no payment of ours.
    fn unmatched(&mut self, fact: Deciding<'_>, why: &'static str) -> Result<Verdict, NotAName> {
        if fact.incoming.origin.tells_refund() {
            self.suspense(fact, REFUNDED)
        } else {
            self.disagrees(fact, why)
        }
    }

    /// Posts the money of an order that is paid now.
    fn fulfil(
        &mut self,
        fact: Deciding<'_>,
        is: &Attempt,
        becomes: Fulfilment,
    ) -> Result<Verdict, NotAName> {
        match becomes {
            Fulfilment::Credit { account, delivery: Delivery::Nothing, .. } => {
                let transfer = postings::received(&is.order, &fact.incoming.fact, account)?;
                self.transfers.push(Planned { place: fact.place, transfer, may_repeat: false });
                Ok(Verdict::Settled)
            }
            Fulfilment::Unavailable => self.suspense(fact, PURPOSE_UNAVAILABLE),
        }
    }

    fn take(&mut self, was: &Attempt, is: Attempt) -> Attempt {
        // A payment moves once in a batch: afterwards it is paid.
        self.moved.insert(is.payment.id, (was.clone(), is.clone()));
        is
    }

    fn suspense(&mut self, fact: Deciding<'_>, why: &'static str) -> Result<Verdict, NotAName> {
        let transfer = postings::surplus_received(fact.school, &fact.incoming.fact)?;
        self.transfers.push(Planned { place: fact.place, transfer, may_repeat: true });
        self.open_case(fact, why);
        Ok(Verdict::Suspense)
    }

    /// A message alone posts nothing; the provider's answer is final.
    fn disagrees(&mut self, fact: Deciding<'_>, why: &'static str) -> Result<Verdict, NotAName> {
        if fact.incoming.origin.is_answer() {
            return self.suspense(fact, why);
        }
        self.open_case(fact, why);
        Ok(Verdict::Disagrees)
    }

    fn open_case(&mut self, fact: Deciding<'_>, why: &'static str) {
        let Deciding { now, school, .. } = fact;
        let fact = &fact.incoming.fact;
        tracing::warn!(why, out_trade_no = fact.out_trade_no, "a payment needs a look");
        let subject = subject(why, fact);
        // One statement cannot insert a key twice; across statements the unique key keeps it once.
        if self.cases.iter().any(|case| case.school == school && case.subject == subject) {
            return;
        }
        let detail = format!("{} of {}", fact.amount, fact.out_trade_no);
        self.cases.push(Case { school, kind: CASE, subject, detail, opened_at: now });
    }

    /// Posts what was planned. A transaction that was posted before for something else is reported
    /// as [`SettleError::Taken`].
    async fn post(&self, tx: &Tx, now: Timestamp) -> Result<(), SettleError> {
        let transfers: Vec<_> = self.transfers.iter().map(|p| p.transfer.clone()).collect();
        let outcomes = ledger::post_all(tx, now, &transfers).await?;
        let mut taken = Vec::new();
        for (planned, outcome) in self.transfers.iter().zip(outcomes) {
            match outcome {
                Ok(Posted::New(_)) => {}
                Ok(Posted::Replayed(_)) if planned.may_repeat => {}
                Ok(Posted::Replayed(_)) | Err(Refusal::ReplayDiffers { .. }) => {
                    taken.push(planned.place);
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
        if taken.is_empty() { Ok(()) } else { Err(SettleError::Taken(taken)) }
    }
}

/// Where a fact counts. A message counts where it arrived. What a merchant answers about one of its
/// payments counts at the school of the order, since schools may share a merchant.
fn school_of(incoming: &IncomingFact, attempt: Option<&Attempt>) -> SchoolId {
    match attempt {
        Some(asked)
            if incoming.origin.is_answer() && asked.payment.merchant == incoming.fact.merchant =>
        {
            asked.order.school
        }
        Some(_) | None => incoming.school,
    }
}

/// Shows the order's new state to its other payments.
fn spread(attempts: &mut HashMap<PaymentId, Attempt>, is: Attempt) {
    for other in attempts.values_mut().filter(|other| other.order.id == is.order.id) {
        other.order = is.order.clone();
    }
    attempts.insert(is.payment.id, is);
}

/// The subject of a case.
fn subject(why: &str, fact: &PaidFact) -> String {
    format!("{why}:{}", postings::reference(fact))
}

fn message(
    incoming: &IncomingFact,
    verdict: Verdict,
    now: Timestamp,
) -> Option<ReceivedMessage<'_>> {
    let Origin::Message { notification_id, body } = &incoming.origin else { return None };
    Some(ReceivedMessage {
        school: incoming.school,
        provider: incoming.fact.provider,
        notification_id,
        out_trade_no: &incoming.fact.out_trade_no,
        transaction_id: &incoming.fact.transaction_id,
        verdict: verdict.code(),
        body,
        received_at: now,
        ask: verdict == Verdict::Disagrees,
    })
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
}

#[async_trait(?Send)]
impl Batch for Settling {
    type Request = IncomingFact;
    type Answer = Verdict;
    type Error = SettleError;

    async fn run(&self, requests: &[IncomingFact]) -> Result<Vec<Verdict>, SettleError> {
        let settling = self.settle(requests);
        let Settled { verdicts, left_open } = write_point::within("settle", settling).await?;
        self.sealer.notify_one();
        if left_open > 0 {
            self.sweep.notify_one();
        }
        Ok(verdicts)
    }

    fn is_unreachable(error: &SettleError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

impl Settling {
    /// Settles facts in one transaction. Where one names a transaction that belongs to something
    /// else, that transaction is rolled back and the facts are decided again, knowing it.
    async fn settle(&self, incoming: &[IncomingFact]) -> Result<Settled, SettleError> {
        let mut taken = HashSet::new();
        loop {
            let now = self.clock.now();
            let once = async |tx: &_| settle_all(tx, now, incoming, &taken).await;
            let more = match self.db.in_tx(once).await {
                Err(SettleError::Taken(more)) => more,
                Err(error) if error.db().is_some_and(DbError::is_unique_violation) => {
                    // Another payment has the transaction, at another school of the same merchant.
                    let more = self.of_other_payments(incoming).await?;
                    if more.iter().all(|place| taken.contains(place)) {
                        return Err(error);
                    }
                    more
                }
                settled => return settled,
            };
            taken.extend(more);
        }
    }

    async fn of_other_payments(&self, incoming: &[IncomingFact]) -> Result<Vec<usize>, DbError> {
        let facts: Vec<_> = incoming.iter().map(|incoming| &incoming.fact).collect();
        self.db.in_snapshot(async |tx| orders::of_other_payments(tx, &facts).await).await
    }
}
