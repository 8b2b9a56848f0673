//! What a provider says of a refund is posted: one function for its answers and its messages.

use super::{ABNORMAL, DISAGREES, FAILED, OF_OPEN, case, job, open, source_of, subject};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        outbox,
    },
    cases,
    ledger::{self, transfer::Transfer},
    orders::{
        self,
        fact::RefundFact,
        order::{Attempt, PaymentId},
        refund::{Heard, Refund, RefundProgress, RefundReason, RefundSource, not_given_back},
        refunds::{self, RefundAnswer},
    },
    payments::{
        Payments,
        gateway::{Evidence, RefundOutcome},
        news,
        plan::{CASE, OF_SURPLUS, REFUNDED},
        postings,
        settle::SettleError,
    },
};

/// A checked fact about a refund.
#[derive(Clone, Debug)]
pub(in crate::payments) struct IncomingRefund {
    /// What the provider says.
    pub(in crate::payments) fact: RefundFact,
    /// The message or the answer.
    pub(in crate::payments) evidence: Evidence,
    /// False for a message.
    pub(in crate::payments) asked: bool,
}

/// What a fact about a refund did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::payments) enum RefundVerdict {
    /// The refund has ended by it, and what follows is posted.
    Settled,
    /// Nothing: it is under way, or this was known.
    Nothing,
    /// It does not fit: nothing was posted, and a case is open.
    Disagrees,
    /// The payment is not known to be paid here: the provider has to be asked about it first.
    Unpaid,
}

impl RefundVerdict {
    /// For storage and metrics.
    pub(in crate::payments) const fn code(self) -> &'static str {
        match self {
            Self::Settled => "refund_settled",
            Self::Nothing => "refund_known",
            Self::Disagrees => "refund_disagrees",
            Self::Unpaid => "refunded",
        }
    }
}

/// Inserts refunds and the jobs that send them; returns how many are new.
pub(in crate::payments) async fn begin(
    tx: &Tx,
    new: &[Refund],
    now: Timestamp,
) -> Result<usize, DbError> {
    let mut begun = 0;
    for refund in new {
        if refunds::insert(tx, refund).await? {
            outbox::enqueue(tx, &[job(refund, now)]).await?;
            news::tell_refund(tx, refund, "refunding", now).await?;
            begun += 1;
        }
    }
    Ok(begun)
}

/// Posts what a fact says. Nothing counts until the caller commits.
pub(in crate::payments) async fn settle(
    tx: &Tx,
    now: Timestamp,
    incoming: &IncomingRefund,
) -> Result<RefundVerdict, SettleError> {
    let fact = &incoming.fact;
    let Some(attempt) = locked(tx, fact).await? else { return Ok(RefundVerdict::Unpaid) };
    let known = refunds::of_payment(tx, attempt.payment.id).await?;
    let ours = known.iter().find(|refund| refund.number == fact.out_refund_no);
    match ours {
        Some(was) => heard(tx, now, incoming, &attempt, was).await,
        None => made_elsewhere(tx, now, incoming, &attempt, &known).await,
    }
}

/// The payment of a refund, if it is one of that merchant.
async fn locked(tx: &Tx, fact: &RefundFact) -> Result<Option<Attempt>, DbError> {
    let Some(id) = PaymentId::from_out_trade_no(&fact.out_trade_no) else { return Ok(None) };
    let attempt = orders::lock(tx, std::iter::once(id)).await?.remove(&id);
    Ok(attempt.filter(|attempt| {
        attempt.payment.provider == fact.provider && attempt.payment.merchant == fact.merchant
    }))
}

/// About a refund that we know.
async fn heard(
    tx: &Tx,
    now: Timestamp,
    incoming: &IncomingRefund,
    attempt: &Attempt,
    was: &Refund,
) -> Result<RefundVerdict, SettleError> {
    match was.hear(&incoming.fact, now) {
        Heard::Nothing => Ok(RefundVerdict::Nothing),
        Heard::Abnormal => {
            open(tx, case(was, ABNORMAL, now)).await?;
            Ok(RefundVerdict::Nothing)
        }
        Heard::Disagrees => {
            open(tx, case(was, DISAGREES, now)).await?;
            Ok(RefundVerdict::Disagrees)
        }
        Heard::Ended(is) => {
            refunds::save(tx, was, &is).await?;
            ended(tx, now, incoming, attempt, &is).await
        }
    }
}

/// About a refund that was made past us.
async fn made_elsewhere(
    tx: &Tx,
    now: Timestamp,
    incoming: &IncomingRefund,
    attempt: &Attempt,
    known: &[Refund],
) -> Result<RefundVerdict, SettleError> {
    let fact = &incoming.fact;
    let RefundOutcome::Done { at } = fact.outcome else { return Ok(RefundVerdict::Nothing) };
    let Some(source) = source_of(tx, attempt, &fact.transaction_id).await? else {
        return Ok(RefundVerdict::Unpaid);
    };
    let told = Refund::made_elsewhere(attempt, source, fact, now);
    let left = not_given_back(told.total, &told.transaction_id, known);
    if fact.amount > left {
        open(tx, case(&told, DISAGREES, now)).await?;
        return Ok(RefundVerdict::Disagrees);
    }
    let is = Refund {
        progress: RefundProgress::Done { at },
        ended_by_provider: true,
        refund_id: fact.refund_id.clone(),
        ..told
    };
    refunds::insert(tx, &is).await?;
    ended(tx, now, incoming, attempt, &is).await
}

/// Posts the end of a refund, keeps what said so, and tells the payer.
async fn ended(
    tx: &Tx,
    now: Timestamp,
    incoming: &IncomingRefund,
    attempt: &Attempt,
    is: &Refund,
) -> Result<RefundVerdict, SettleError> {
    let transfers: Vec<Transfer> = match is.progress {
        RefundProgress::Done { .. } => postings::refunded(is)?.into_iter().collect(),
        RefundProgress::Failed { .. } => postings::refund_returned(is).into_iter().collect(),
        RefundProgress::Asked | RefundProgress::Requested | RefundProgress::Sent => Vec::new(),
    };
    for outcome in ledger::post_all(tx, now, &transfers).await? {
        outcome?;
    }
    refunds::keep(tx, &kept(incoming, is)).await?;
    cases_after(tx, now, is).await?;
    give_back_rest(tx, now, attempt, is).await?;
    news::tell_refund_end(tx, &attempt.order, is, now).await?;
    Ok(RefundVerdict::Settled)
}

/// Closes the cases that have come to their end, or opens one.
async fn cases_after(tx: &Tx, now: Timestamp, is: &Refund) -> Result<(), DbError> {
    if matches!(is.progress, RefundProgress::Failed { .. }) {
        return open(tx, case(is, FAILED, now)).await;
    }
    let paid = is.paid_reference();
    let mut over: Vec<String> = OF_OPEN.iter().map(|why| subject(is, why)).collect();
    let known = refunds::of_payment(tx, is.payment).await?;
    let told = refunds::given_back(tx, is.payment, None).await?;
    if Refund::explain(is.total, &is.transaction_id, &known, told) {
        over.push(format!("{REFUNDED}:{paid}"));
    }
    let all_back = not_given_back(is.total, &is.transaction_id, &known).is_zero();
    if is.why == RefundReason::Surplus || all_back {
        over.extend(OF_SURPLUS.iter().map(|why| format!("{why}:{paid}")));
    }
    cases::close(tx, is.school, CASE, over, now).await
}

/// Of a payment that was paid beside another one, and of which somebody gave some back at the provider,
/// the rest goes back by itself.
async fn give_back_rest(
    tx: &Tx,
    now: Timestamp,
    attempt: &Attempt,
    is: &Refund,
) -> Result<(), DbError> {
    if is.why != RefundReason::Provider || is.source != RefundSource::Suspense {
        return Ok(());
    }
    let credited = Payments::credited_payment(tx, attempt.order.id).await?;
    let known = refunds::of_payment(tx, is.payment).await?;
    let left = not_given_back(is.total, &is.transaction_id, &known);
    let has_one = known.iter().any(|refund| refund.why == RefundReason::Surplus);
    let paid_beside = credited.is_some_and(|credited| credited != is.payment);
    if !paid_beside || has_one || left.is_zero() {
        return Ok(());
    }
    let paid = is.paid_reference();
    let whole = Refund::of_surplus(attempt, &paid, &is.transaction_id, is.total, now);
    begin(tx, &[Refund { amount: left, ..whole }], now).await.map(|_| ())
}

fn kept<'a>(incoming: &'a IncomingRefund, is: &Refund) -> RefundAnswer<'a> {
    let Evidence { headers, body, checked_at } = &incoming.evidence;
    RefundAnswer {
        asked: incoming.asked,
        school: is.school,
        fact: &incoming.fact,
        outcome: if matches!(is.progress, RefundProgress::Done { .. }) { "done" } else { "closed" },
        headers: headers.to_text(),
        body,
        received_at: *checked_at,
    }
}
