//! The states of refunds, and the pure rules by which they change.
//!
//! A refund gives back money of one transaction of one payment. A fact of the provider is recorded,
//! never refused.

mod kinds;
mod sums;

pub use kinds::{RefundId, RefundProgress, RefundReason, RefundSource};
pub use sums::{left_of, not_given_back, not_promised, shown_instead};

use super::{
    fact::{Provider, RefundClaim, RefundFact, RefundOutcome},
    order::{Attempt, OrderId, PaymentId, PaymentState},
};
use crate::base::{
    clock::Timestamp,
    ids::{PersonId, SchoolId},
    money::Fen,
};
use std::{iter, time::Duration};
use uuid::Uuid;

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Our id.
    pub id: RefundId,
    /// The school.
    pub school: SchoolId,
    /// Whose order it was.
    pub person: PersonId,
    /// The order.
    pub order: OrderId,
    /// The payment.
    pub payment: PaymentId,
    /// The provider that gives the money back.
    pub provider: Provider,
    /// Our merchant number there.
    pub merchant: String,
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// The merchant's number of the refund: [`RefundId::number`], or what was made up elsewhere.
    pub number: String,
    /// What goes back.
    pub amount: Fen,
    /// What was paid by that transaction.
    pub total: Fen,
    /// Why.
    pub why: RefundReason,
    /// Where the transaction's money is.
    pub source: RefundSource,
    /// How far it is.
    pub progress: RefundProgress,
    /// When it was asked for, or heard of.
    pub created_at: Timestamp,
    /// When it was approved; money of a person is held since.
    pub approved_at: Option<Timestamp>,
    /// When it was last sent to the provider.
    pub sent_at: Option<Timestamp>,
    /// When what was held was given back to the person here.
    pub returned_at: Option<Timestamp>,
    /// Whether it was the provider that ended it.
    pub ended_by_provider: bool,
    /// The provider's number of the refund; empty while unknown.
    pub refund_id: String,
    /// The request of two persons that allowed it.
    pub approval: Option<Uuid>,
    /// The request of two persons that ended it.
    pub ending: Option<Uuid>,
}

/// Where the money of a refund comes from when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundFrom {
    /// Suspense.
    Suspense,
    /// The person's account of held refunds.
    Held,
    /// The person's 电子账户, whatever is left in it.
    EAccount,
}

/// Whether a refund may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// As this.
    Now(Box<Refund>),
    /// Not before then: another refund of the payment is under way, or was sent a moment ago.
    NotBefore(Timestamp),
    /// Never: less of the payment is left to be given back. It was not sent before, and ends as this.
    Over(Box<Refund>),
    /// It has ended, or is not approved.
    Never,
}

/// What a fact does to a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: it is under way, or this was known.
    Nothing,
    /// It has ended so.
    Ended(Box<Refund>),
    /// Its money waits at the provider for somebody to say where to: neither done nor failed.
    Abnormal,
    /// The fact is about another refund than the one that we know, or contradicts what was said before.
    Disagrees,
}

impl Refund {
    /// The transaction that is given back: `provider:merchant:transaction`, as postings and cases name it.
    pub fn paid_reference(&self) -> String {
        format!("{}:{}:{}", self.provider.code(), self.merchant, self.transaction_id)
    }

    /// A refund of a surplus transaction, to be sent at once.
    pub fn of_surplus(
        attempt: &Attempt,
        reference: &str,
        transaction_id: &str,
        total: Fen,
        now: Timestamp,
    ) -> Self {
        let id = RefundId::of_surplus(reference);
        Self {
            why: RefundReason::Surplus,
            source: RefundSource::Suspense,
            progress: RefundProgress::Requested,
            approved_at: Some(now),
            ..Self::base(attempt, id, transaction_id, total, now)
        }
    }

    /// A refund that staff ask for, of a paid payment; `None` if it is not paid.
    pub fn asked(
        attempt: &Attempt,
        source: RefundSource,
        amount: Fen,
        (approval, now): (Uuid, Timestamp),
    ) -> Option<Self> {
        let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else { return None };
        let total = attempt.payment.amount;
        let base = Self::base(attempt, RefundId::new(now), transaction_id, total, now);
        Some(Self { amount, source, approval: Some(approval), ..base })
    }

    /// A refund that was made past us, as the provider tells it.
    pub fn made_elsewhere(
        attempt: &Attempt,
        source: RefundSource,
        fact: &RefundFact,
        now: Timestamp,
    ) -> Self {
        let (id, total) = (RefundId::new(now), attempt.payment.amount);
        Self {
            number: fact.out_refund_no.clone(),
            amount: fact.amount,
            why: RefundReason::Provider,
            source,
            ..Self::base(attempt, id, &fact.transaction_id, total, now)
        }
    }

    fn base(
        attempt: &Attempt,
        id: RefundId,
        transaction_id: &str,
        total: Fen,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            school: attempt.order.school,
            person: attempt.order.person,
            order: attempt.order.id,
            payment: attempt.payment.id,
            provider: attempt.payment.provider,
            merchant: attempt.payment.merchant.clone(),
            transaction_id: transaction_id.to_owned(),
            number: id.number(),
            amount: total,
            total,
            why: RefundReason::Staff,
            source: RefundSource::EAccount,
            progress: RefundProgress::Asked,
            created_at: now,
            approved_at: None,
            sent_at: None,
            returned_at: None,
            ended_by_provider: false,
            refund_id: String::new(),
            approval: None,
            ending: None,
        }
    }

    /// What its posting and its cases are known by: `provider:merchant:number`. Where numbers are unique in
    /// their transaction alone, the transaction's stands in front of one that was made up elsewhere.
    pub fn reference(&self) -> String {
        let Self { merchant, transaction_id, number, .. } = self;
        let provider = self.provider.code();
        let by_transaction = self.provider.numbers_refunds_by_transaction();
        if by_transaction && self.why == RefundReason::Provider {
            format!("{provider}:{merchant}:{transaction_id}:{number}")
        } else {
            format!("{provider}:{merchant}:{number}")
        }
    }

    /// The numbers that a refund of this reference may have. A reference may be a number itself.
    pub fn numbers_in(reference: &str) -> impl Iterator<Item = &str> {
        let number = reference.splitn(3, ':').nth(2).unwrap_or(reference);
        let of_trade = number.split_once(':').map(|(_, number)| number);
        iter::once(number).chain(of_trade)
    }

    /// True if money of the person is held for it now.
    pub fn holds(&self) -> bool {
        self.was_held() && self.returned_at.is_none()
    }

    /// True if money of the person was ever held for it.
    pub fn was_held(&self) -> bool {
        self.source == RefundSource::EAccount && self.approved_at.is_some()
    }

    /// Where its money comes from when it is done.
    pub fn comes_from(&self) -> RefundFrom {
        match self.source {
            RefundSource::Suspense if self.returned_at.is_none() => RefundFrom::Suspense,
            RefundSource::EAccount if self.holds() => RefundFrom::Held,
            // What was returned to the person, or credited instead, is in 电子账户.
            RefundSource::Suspense | RefundSource::EAccount => RefundFrom::EAccount,
        }
    }

    /// Approved; `None` if it was decided on before. The caller holds the money.
    pub fn approve(&self, now: Timestamp) -> Option<Self> {
        (self.progress == RefundProgress::Asked).then(|| Self {
            progress: RefundProgress::Requested,
            approved_at: Some(now),
            ..self.clone()
        })
    }

    /// Ended by staff, before it was sent; `None` otherwise. What was held is the person's again.
    pub fn decline(&self, now: Timestamp) -> Option<Self> {
        match self.progress {
            RefundProgress::Asked | RefundProgress::Requested => Some(self.failed(now)),
            RefundProgress::Sent | RefundProgress::Done { .. } | RefundProgress::Failed { .. } => {
                None
            }
        }
    }

    fn failed(&self, now: Timestamp) -> Self {
        let returned_at = if self.holds() { Some(now) } else { self.returned_at };
        Self { progress: RefundProgress::Failed { at: now }, returned_at, ..self.clone() }
    }

    /// Whether it may be sent now, beside the other refunds of its payment.
    pub fn send(&self, others: &[Self], pause: Duration, now: Timestamp) -> Sending {
        if !self.progress.is_open() {
            return Sending::Never;
        }
        let sent =
            Box::new(Self { progress: RefundProgress::Sent, sent_at: Some(now), ..self.clone() });
        if self.progress == RefundProgress::Sent {
            return Sending::Now(sent);
        }
        let left = not_given_back(self.total, &self.transaction_id, others);
        let others = || others.iter().filter(|other| other.id != self.id);
        if others().any(|other| other.progress == RefundProgress::Sent) {
            return Sending::NotBefore(now.plus(pause));
        }
        // Somebody gave some of it back at the provider since it was decided.
        let sent = match self.reduced_to(left) {
            Some(amount) => Box::new(Self { amount, ..*sent }),
            None => return Sending::Over(Box::new(self.failed(now))),
        };
        let latest = others().filter_map(|other| other.sent_at).max();
        match latest.map(|latest| latest.plus(pause)) {
            Some(earliest) if earliest > now => Sending::NotBefore(earliest),
            Some(_) | None => Sending::Now(sent),
        }
    }

    /// What of it may be sent where so much is left of the payment: of what staff approved all or
    /// nothing, of a surplus whatever is left.
    fn reduced_to(&self, left: Fen) -> Option<Fen> {
        if self.amount <= left {
            return Some(self.amount);
        }
        (self.why == RefundReason::Surplus && !left.is_zero()).then_some(left)
    }

    /// Sent once more, under its number; `None` if it is over, or less of the payment is left.
    pub fn send_again(&self, known: &[Self], now: Timestamp) -> Option<Self> {
        let left = not_given_back(self.total, &self.transaction_id, known);
        (self.progress == RefundProgress::Sent && self.amount <= left)
            .then(|| Self { sent_at: Some(now), ..self.clone() })
    }

    /// Ended by two persons, after the provider said that it does not know it: what was held is the
    /// person's again, and what was paid more than once is credited. So ends a surplus refund that the
    /// provider closed. `None` if it is not for staff to end.
    pub fn end(&self, ending: Uuid, known: &[Self], now: Timestamp) -> Option<Self> {
        let surplus = self.why == RefundReason::Surplus && self.source == RefundSource::Suspense;
        let ended = match self.progress {
            RefundProgress::Sent => self.failed(now),
            RefundProgress::Failed { .. }
                if surplus && self.returned_at.is_none() && self.ending.is_none() =>
            {
                self.clone()
            }
            RefundProgress::Asked
            | RefundProgress::Requested
            | RefundProgress::Done { .. }
            | RefundProgress::Failed { .. } => return None,
        };
        let ended = Self { ending: Some(ending), ..ended };
        let left = not_given_back(self.total, &self.transaction_id, known).min(self.amount);
        if surplus && !left.is_zero() {
            return Some(Self { amount: left, returned_at: Some(now), ..ended });
        }
        Some(ended)
    }

    /// True if what was paid more than once was credited to the person instead.
    pub fn is_credited(&self) -> bool {
        self.source == RefundSource::Suspense && self.returned_at.is_some()
    }

    /// What a fact does to it.
    pub fn hear(&self, fact: &RefundFact, now: Timestamp) -> Heard {
        if !self.is_that_of(fact) {
            return Heard::Disagrees;
        }
        let ended = |refund: Self| {
            let refund_id = fact.refund_id.clone();
            Heard::Ended(Box::new(Self { ended_by_provider: true, refund_id, ..refund }))
        };
        match (fact.outcome, self.progress) {
            (RefundOutcome::Processing, _)
            | (RefundOutcome::Done { .. }, RefundProgress::Done { .. })
            | (RefundOutcome::Closed, RefundProgress::Failed { .. } | RefundProgress::Asked) => {
                Heard::Nothing
            }
            (
                RefundOutcome::Done { at },
                RefundProgress::Asked
                | RefundProgress::Requested
                | RefundProgress::Sent
                | RefundProgress::Failed { .. },
            ) => ended(Self { progress: RefundProgress::Done { at }, ..self.clone() }),
            (RefundOutcome::Closed, RefundProgress::Requested | RefundProgress::Sent) => {
                ended(self.failed(now))
            }
            (RefundOutcome::Closed, RefundProgress::Done { .. }) => Heard::Disagrees,
            (
                RefundOutcome::Abnormal,
                RefundProgress::Asked | RefundProgress::Requested | RefundProgress::Sent,
            ) => Heard::Abnormal,
            (
                RefundOutcome::Abnormal,
                RefundProgress::Done { .. } | RefundProgress::Failed { .. },
            ) => Heard::Nothing,
        }
    }

    fn is_that_of(&self, fact: &RefundClaim) -> bool {
        self.provider == fact.provider
            && self.merchant == fact.merchant
            && self.transaction_id == fact.transaction_id
            && self.number == fact.out_refund_no
            && self.payment.out_trade_no() == fact.out_trade_no
            && self.amount == fact.amount
    }
}

#[cfg(test)]
mod tests;
