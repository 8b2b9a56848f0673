//! The result of a batch of facts, decided before anything is written.

use super::{
    fulfilment::{self, Delivery, Fulfilment},
    postings,
    settle::{IncomingFact, SettleError, Verdict},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    cases::{self, Case, CaseFacts, CaseKind},
    ledger::{self, Posted, Refusal, account::NotAName, transfer::Transfer},
    orders::{
        fact::PaidFact,
        order::{Attempt, Disagreement, PaymentId, PaymentState, Settlement},
        refund::Refund,
    },
};
use std::collections::{HashMap, HashSet};

/// The kind of the cases of payments.
pub(super) const CASE: &str = CaseKind::NoOrder.family();
/// The case of a payment that was given back without us, as long as we do not know how much of it.
pub(super) const REFUNDED: &str = CaseKind::RefundedAtProvider.code();
/// The case of a paid order whose purpose is not built.
const PURPOSE_UNAVAILABLE: &str = CaseKind::PurposeUnavailable.code();
/// The case of a payment of an order that another payment has paid.
const SECOND_PAYMENT: &str = CaseKind::SecondPayment.code();
/// The case of a second transaction of a payment.
const SECOND_TRANSACTION: &str = CaseKind::SecondTransaction.code();
/// The cases that end by themselves when their money is back.
pub(super) const OF_SURPLUS: [&str; 2] = [SECOND_PAYMENT, SECOND_TRANSACTION];
/// The cases that may stand behind a paid payment whose money went to suspense.
pub(super) const OF_PAID_PAYMENTS: [&str; 2] = [SECOND_PAYMENT, PURPOSE_UNAVAILABLE];
/// The cases that may stand behind money in suspense that no paid payment explains.
pub(super) const OF_STRAY_MONEY: [&str; 7] = [
    NO_ORDER,
    OTHER_SCHOOL,
    SECOND_TRANSACTION,
    REFUNDED,
    Disagreement::Merchant.code(),
    Disagreement::Amount.code(),
    Disagreement::Payer.code(),
];
/// The case of money for no order of the school.
const NO_ORDER: &str = CaseKind::NoOrder.code();
/// The case of a message that came to another school.
const OTHER_SCHOOL: &str = CaseKind::OtherSchool.code();
/// The case of a transaction that was posted before for something else.
const TRANSACTION_TAKEN: &str = CaseKind::TransactionTaken.code();

/// The cases of facts about closed payments whose money an earlier release put into suspense as
/// refunded: a message about them moves nothing.
pub(super) async fn refunded_before(
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
#[derive(Clone, Copy)]
pub(super) struct Batched<'a> {
    pub(super) now: Timestamp,
    pub(super) incoming: &'a [IncomingFact],
    /// Places of the facts whose transaction was posted for something else.
    pub(super) taken: &'a HashSet<usize>,
    /// Subjects of the cases of payments that were given back.
    pub(super) refunded: &'a HashSet<String>,
    /// Payments of which some refund is known here.
    pub(super) with_refunds: &'a HashSet<PaymentId>,
}

/// A posting, with the fact that it is for.
struct Planned {
    place: usize,
    transfer: Transfer,
    /// Whether it may have been posted before: a payment that was open has no posting yet.
    may_repeat: bool,
}

/// The result of a batch of facts, before anything is written.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) verdicts: Vec<Verdict>,
    transfers: Vec<Planned>,
    pub(super) moved: HashMap<PaymentId, (Attempt, Attempt)>,
    pub(super) cases: Vec<Case>,
    /// Refunds of what was paid more than once.
    pub(super) refunds: Vec<Refund>,
}

/// One fact while it is decided.
#[derive(Clone, Copy)]
struct Deciding<'a> {
    now: Timestamp,
    place: usize,
    /// The school whose ledger is posted to.
    school: SchoolId,
    /// The payment, if it is one of that school.
    payment: Option<PaymentId>,
    incoming: &'a IncomingFact,
    /// Payments of which some refund is known here.
    with_refunds: &'a HashSet<PaymentId>,
}

impl Deciding<'_> {
    /// True if the fact counts at the school of the order.
    fn is_of(&self, attempt: &Attempt) -> bool {
        attempt.order.school == self.school
    }

    fn refund_is_known(&self, attempt: &Attempt) -> bool {
        self.with_refunds.contains(&attempt.payment.id)
    }
}

impl Plan {
    /// Decides each fact on the states that the facts before it left.
    pub(super) fn decide(
        batch: Batched<'_>,
        mut attempts: HashMap<PaymentId, Attempt>,
    ) -> Result<Self, NotAName> {
        let mut plan = Self::default();
        for (place, incoming) in batch.incoming.iter().enumerate() {
            let id = PaymentId::from_out_trade_no(&incoming.fact.out_trade_no);
            let attempt = id.and_then(|id| attempts.get(&id));
            let school = school_of(incoming, attempt);
            let Batched { now, with_refunds, .. } = batch;
            let own = attempt.filter(|attempt| attempt.order.school == school);
            let payment = own.map(|attempt| attempt.payment.id);
            let fact = Deciding { now, place, school, payment, incoming, with_refunds };
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
        let Some(was) = attempt else { return Ok((self.unmatched(fact, NO_ORDER)?, None)) };
        let becomes = fulfilment::of(was.order.purpose);
        let tells_refund = fact.incoming.origin.tells_refund();
        let settlement = was.settle(&fact.incoming.fact, becomes.state());
        let verdict = match settlement {
            Settlement::Settled(is) if fact.is_of(was) => {
                if tells_refund {
                    self.open_case(fact, REFUNDED);
                }
                let verdict = self.fulfil(fact, &is, becomes)?;
                return Ok((verdict, Some(self.take(was, is))));
            }
            Settlement::AlreadySettled if tells_refund => {
                if !fact.refund_is_known(was) {
                    self.open_case(fact, REFUNDED);
                }
                Verdict::AlreadySettled
            }
            // What is back of it already, and what is to go back, the refunds tell.
            Settlement::SecondPayment(is) if tells_refund && fact.is_of(was) => {
                self.open_case(fact, REFUNDED);
                let verdict = self.suspense(fact, SECOND_PAYMENT)?;
                return Ok((verdict, Some(self.take(was, is))));
            }
            _ if tells_refund => self.suspense(fact, REFUNDED)?,
            _ if was.order.school != fact.school => self.disagrees(fact, OTHER_SCHOOL)?,
            // One of another school disagrees above.
            Settlement::Settled(_) | Settlement::AlreadySettled => Verdict::AlreadySettled,
            Settlement::SecondPayment(is) => {
                let verdict = self.suspense(fact, SECOND_PAYMENT)?;
                self.give_back(fact, was);
                return Ok((verdict, Some(self.take(was, is))));
            }
            Settlement::SecondTransaction => {
                let verdict = self.suspense(fact, SECOND_TRANSACTION)?;
                self.give_back(fact, was);
                verdict
            }
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
                let transfer =
                    postings::received(&is.order, (&fact.incoming.fact).into(), account)?;
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
        let transfer = postings::surplus_received(fact.school, (&fact.incoming.fact).into())?;
        self.transfers.push(Planned { place: fact.place, transfer, may_repeat: true });
        self.open_case(fact, why);
        Ok(Verdict::Suspense)
    }

    /// Money that was paid more than once goes back by itself.
    fn give_back(&mut self, fact: Deciding<'_>, attempt: &Attempt) {
        let paid = &fact.incoming.fact;
        let reference = postings::reference(paid);
        let (transaction, amount) = (&paid.transaction_id, paid.amount);
        self.refunds.push(Refund::of_surplus(attempt, &reference, transaction, amount, fact.now));
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
        let Deciding { now, school, payment, .. } = fact;
        let fact = &fact.incoming.fact;
        tracing::warn!(why, out_trade_no = fact.out_trade_no, "a payment needs a look");
        let subject = subject(why, fact);
        // One statement cannot insert a key twice; across statements the unique key keeps it once.
        if self.cases.iter().any(|case| case.school == school && case.subject == subject) {
            return;
        }
        let detail = format!("{} of {}", fact.amount, fact.out_trade_no);
        let payment = payment.map(PaymentId::uuid);
        let facts = CaseFacts { payment, refund: None, amount: fact.amount };
        self.cases.push(Case { school, kind: CASE, subject, detail, facts, opened_at: now });
    }

    /// The places of the facts whose money goes to suspense.
    pub(super) fn suspended(&self) -> Vec<usize> {
        let suspended = self.transfers.iter().filter(|planned| planned.may_repeat);
        suspended.map(|planned| planned.place).collect()
    }

    /// Posts what was planned. A transaction that was posted before for something else is reported
    /// as [`SettleError::Taken`].
    pub(super) async fn post(&self, tx: &Tx, now: Timestamp) -> Result<(), SettleError> {
        let transfers: Vec<_> = self.transfers.iter().map(|p| p.transfer.clone()).collect();
        let outcomes = ledger::post_all(tx, now, &transfers).await?;
        let mut taken = Vec::new();
        for (planned, outcome) in self.transfers.iter().zip(outcomes) {
            match outcome {
                Ok(Posted::New(_)) => {}
                Ok(Posted::Replayed(_)) if planned.may_repeat => {}
                Ok(Posted::Replayed(_)) | Err(Refusal::ReplayDiffers) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_know_every_case_of_a_payment() {
        for why in OF_SURPLUS.iter().chain(&OF_PAID_PAYMENTS).chain(&OF_STRAY_MONEY) {
            let kind = CaseKind::from_code(why);
            assert!(kind.is_some_and(CaseKind::is_money), "{why}");
        }
    }
}
