//! One settle, three doors: the callback, the student's return to the page, and the sweep hand the
//! same checked fact to [`settle_all`].
//!
//! Several facts settle in one transaction, one after the other; a fact that cannot be posted fails
//! the batch, and its lane then settles each alone.

use super::{news, postings};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
        lane::Batch,
        write_point,
    },
    ledger::{self, LedgerError, Refusal, account::NotAName, transfer::Transfer},
    orders::{
        self, Case, Message,
        gateway::PaidFact,
        order::{Attempt, PaymentId, PaymentState, Settlement},
    },
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tokio::sync::Notify;

/// How a fact came to us, and with it how far it is believed.
#[derive(Clone, Debug)]
pub enum Door {
    /// A checked message. Where it disagrees with its order, it is kept and the provider is asked.
    Message {
        /// The provider's id of the message.
        notification_id: String,
        /// The exact bytes.
        body: Vec<u8>,
    },
    /// The provider's own answer to our question: the last word.
    Answer,
    /// Such an answer, which also says that money was given back without us: the payer is not
    /// credited with what they may have back already.
    RefundedAnswer,
}

/// What sort of cases payments are.
const CASE: &str = "payment";
/// Why staff must look at a payment that was given back without us.
const REFUNDED: &str = "refunded_at_provider";

impl Door {
    const fn tells_refund(&self) -> bool {
        match self {
            Self::RefundedAnswer => true,
            Self::Answer | Self::Message { .. } => false,
        }
    }
}

/// A fact to settle.
#[derive(Clone, Debug)]
pub struct Report {
    /// The school at whose merchant it was paid.
    pub school: SchoolId,
    /// What the provider says.
    pub fact: PaidFact,
    /// How it came.
    pub door: Door,
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
    /// A message that does not fit its order: kept, nothing posted. Ask the provider.
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

/// Why nothing was settled. The provider is told to come again.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger refused a fact: this transaction was posted before with other content, or a
    /// balance would overflow. Stops here and alarms.
    #[error("the ledger refused a received payment: {0}")]
    Refused(#[from] Refusal),
    /// A provider's name that cannot be an account's.
    #[error(transparent)]
    Name(#[from] NotAName),
}

impl TxError for SettleError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::Refused(_) | Self::Name(_) => None,
        }
    }
}

/// What a batch of facts comes to, before anything is written.
#[derive(Default)]
struct Plan {
    verdicts: Vec<Verdict>,
    transfers: Vec<Transfer>,
    moved: HashMap<PaymentId, (Attempt, Attempt)>,
    cases: Vec<Case>,
}

/// What facts did.
#[derive(Debug)]
pub struct Settled {
    /// Each of them.
    pub verdicts: Vec<Verdict>,
    /// How many other payments of orders that are paid now are still open: due at once, so that
    /// nobody pays them.
    pub left_open: u64,
}

/// Settles facts in order and answers what each did. Nothing counts until the caller commits.
pub async fn settle_all(
    tx: &Tx,
    now: Timestamp,
    reports: &[Report],
) -> Result<Settled, SettleError> {
    let ours = reports.iter().filter_map(|r| PaymentId::from_out_trade_no(&r.fact.out_trade_no));
    let attempts = orders::lock(tx, ours).await?;
    let refunded = refunded_before(tx, reports, &attempts).await?;
    let plan = plan(now, reports, attempts, &refunded)?;
    for outcome in ledger::post_all(tx, now, &plan.transfers).await? {
        outcome?;
    }
    let moved: Vec<_> = plan.moved.into_values().collect();
    let messages: Vec<_> =
        reports.iter().zip(&plan.verdicts).filter_map(|(r, v)| message(r, *v, now)).collect();
    orders::save(tx, &moved, &messages, &plan.cases).await?;
    let changed = moved.iter().filter(|(was, is)| was.order != is.order);
    let paid: Vec<_> = changed.map(|(_, is)| &is.order).collect();
    news::tell(tx, paid.iter().copied(), now).await?;
    let left_open = orders::due::hurry(tx, paid.iter().map(|order| order.id), now).await?;
    Ok(Settled { verdicts: plan.verdicts, left_open })
}

/// The cases of facts about closed payments whose money went to suspense as refunded: a message that
/// is older than the refund, and comes after it, moves nothing.
async fn refunded_before(
    tx: &Tx,
    reports: &[Report],
    attempts: &HashMap<PaymentId, Attempt>,
) -> Result<HashSet<String>, DbError> {
    let case = |report: &Report| {
        let id = PaymentId::from_out_trade_no(&report.fact.out_trade_no)?;
        let attempt = attempts.get(&id)?;
        let is_closed = attempt.payment.state == PaymentState::Closed;
        is_closed.then(|| (attempt.order.school, subject(REFUNDED, &report.fact)))
    };
    let (schools, subjects): (Vec<_>, Vec<_>) = reports.iter().filter_map(case).unzip();
    orders::cases::among(tx, &schools, CASE, subjects).await
}

/// Decides each fact on the states that the facts before it left.
fn plan(
    now: Timestamp,
    reports: &[Report],
    mut attempts: HashMap<PaymentId, Attempt>,
    refunded: &HashSet<String>,
) -> Result<Plan, NotAName> {
    let mut plan = Plan::default();
    for report in reports {
        let id = PaymentId::from_out_trade_no(&report.fact.out_trade_no);
        let attempt = id.and_then(|id| attempts.get(&id));
        let school = school_of(report, attempt);
        let verdict = match attempt.map(|attempt| (attempt, attempt.settle(&report.fact))) {
            _ if refunded.contains(&subject(REFUNDED, &report.fact)) => Verdict::AlreadySettled,
            Some((_, Settlement::AlreadySettled)) if report.door.tells_refund() => {
                plan.open_case(school, report, REFUNDED, now);
                Verdict::AlreadySettled
            }
            _ if report.door.tells_refund() => plan.suspense(school, report, REFUNDED, now)?,
            None => plan.disagrees(school, report, "no_order", now)?,
            Some((was, _)) if was.order.school != school => {
                plan.disagrees(school, report, "other_school", now)?
            }
            Some((was, Settlement::Settled(is))) => {
                plan.transfers.push(postings::top_up_received(&is.order, &report.fact)?);
                plan.take(was.clone(), is.clone());
                spread(&mut attempts, is);
                Verdict::Settled
            }
            Some((_, Settlement::AlreadySettled)) => Verdict::AlreadySettled,
            Some((was, Settlement::SecondPayment(is))) => {
                plan.take(was.clone(), is.clone());
                spread(&mut attempts, is);
                plan.suspense(school, report, "second_payment", now)?
            }
            Some((_, Settlement::SecondTransaction)) => {
                plan.suspense(school, report, "second_transaction", now)?
            }
            Some((_, Settlement::Disagrees(difference))) => {
                plan.disagrees(school, report, difference.code(), now)?
            }
        };
        plan.verdicts.push(verdict);
    }
    Ok(plan)
}

/// Where a fact counts. A message counts where it arrived; what a merchant answers about one of its
/// payments counts at the school of the order, since schools may share a merchant.
fn school_of(report: &Report, attempt: Option<&Attempt>) -> SchoolId {
    match (&report.door, attempt) {
        (Door::Answer | Door::RefundedAnswer, Some(asked))
            if asked.payment.merchant == report.fact.merchant =>
        {
            asked.order.school
        }
        (Door::Answer | Door::RefundedAnswer | Door::Message { .. }, _) => report.school,
    }
}

/// Other payments of the same order see its new state.
fn spread(attempts: &mut HashMap<PaymentId, Attempt>, is: Attempt) {
    for other in attempts.values_mut().filter(|other| other.order.id == is.order.id) {
        other.order = is.order.clone();
    }
    attempts.insert(is.payment.id, is);
}

impl Plan {
    fn take(&mut self, was: Attempt, is: Attempt) {
        // A payment moves once in a batch: afterwards it is paid.
        self.moved.insert(is.payment.id, (was, is));
    }

    fn suspense(
        &mut self,
        school: SchoolId,
        report: &Report,
        why: &'static str,
        now: Timestamp,
    ) -> Result<Verdict, NotAName> {
        self.transfers.push(postings::surplus_received(school, &report.fact)?);
        self.open_case(school, report, why, now);
        Ok(Verdict::Suspense)
    }

    /// A message alone posts nothing; the provider's answer is the last word.
    fn disagrees(
        &mut self,
        school: SchoolId,
        report: &Report,
        why: &'static str,
        now: Timestamp,
    ) -> Result<Verdict, NotAName> {
        match report.door {
            Door::Answer | Door::RefundedAnswer => self.suspense(school, report, why, now),
            Door::Message { .. } => {
                self.open_case(school, report, why, now);
                Ok(Verdict::Disagrees)
            }
        }
    }

    fn open_case(&mut self, school: SchoolId, report: &Report, why: &'static str, now: Timestamp) {
        let fact = &report.fact;
        tracing::warn!(why, out_trade_no = fact.out_trade_no, "a payment needs a look");
        let subject = subject(why, fact);
        // The same case once in a batch, and by its key once for ever.
        if self.cases.iter().any(|case| case.school == school && case.subject == subject) {
            return;
        }
        let detail = format!("{} of {}", fact.amount, fact.out_trade_no);
        self.cases.push(Case { school, kind: CASE, subject, detail, opened_at: now });
    }
}

/// What a case is about.
fn subject(why: &str, fact: &PaidFact) -> String {
    format!("{why}:{}", postings::reference(fact))
}

fn message(report: &Report, verdict: Verdict, now: Timestamp) -> Option<Message<'_>> {
    let Door::Message { notification_id, body } = &report.door else { return None };
    Some(Message {
        school: report.school,
        notification_id,
        fact: &report.fact,
        verdict: verdict.code(),
        body,
        received_at: now,
        ask: verdict == Verdict::Disagrees,
    })
}

/// Settles in lanes.
#[derive(Debug)]
pub struct Settling {
    /// Where.
    pub db: Db,
    /// When.
    pub clock: Arc<dyn Clock>,
    /// Woken after each commit.
    pub sealer: Arc<Notify>,
    /// Woken where a commit left a payment open that its order no longer wants.
    pub sweep: Arc<Notify>,
}

#[async_trait(?Send)]
impl Batch for Settling {
    type Request = Report;
    type Answer = Verdict;
    type Error = SettleError;

    async fn run(&self, requests: &[Report]) -> Result<Vec<Verdict>, SettleError> {
        let now = self.clock.now();
        let settling = self.db.in_tx(async |tx| settle_all(tx, now, requests).await);
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
