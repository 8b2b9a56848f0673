//! The states of refunds, and the pure rules by which they change.
//!
//! A refund gives back money of one transaction of one payment. A fact of the provider is recorded,
//! never refused.

use super::{
    fact::{Provider, RefundClaim, RefundFact, RefundOutcome},
    order::{Attempt, OrderId, PaymentId, PaymentState},
};
use crate::base::{
    clock::Timestamp,
    ids::{PersonId, SchoolId},
    money::Fen,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

crate::uuid_id! {
    /// A refund.
    RefundId
}

impl RefundId {
    /// Our number of the refund at the provider: 32 hex digits.
    pub fn number(self) -> String {
        self.uuid().simple().to_string()
    }

    /// Parses such a number; `None` if it does not have our format.
    pub fn from_number(number: &str) -> Option<Self> {
        PaymentId::from_out_trade_no(number).map(|id| Self::from_uuid(id.uuid()))
    }

    /// The refund of a surplus transaction: one for each, whoever hears of it how often.
    pub fn of_surplus(transaction: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(b"onecard-surplus-refund-v1|")
            .chain_update(transaction.as_bytes())
            .finalize();
        let mut half = [0; 16];
        half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self::from_uuid(uuid::Builder::from_custom_bytes(half).into_uuid())
    }
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundReason {
    /// It was paid more than once.
    Surplus,
    /// Staff asked for it.
    Staff,
    /// Somebody did it at the provider, past us.
    Provider,
}

impl RefundReason {
    const ALL: [Self; 3] = [Self::Surplus, Self::Staff, Self::Provider];

    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Surplus => "surplus",
            Self::Staff => "staff",
            Self::Provider => "provider",
        }
    }

    /// The reason of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// Where the money of a transaction was posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundSource {
    /// To suspense: it is nobody's here.
    Suspense,
    /// To the person's 电子账户.
    EAccount,
}

impl RefundSource {
    const ALL: [Self; 2] = [Self::Suspense, Self::EAccount];

    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suspense => "suspense",
            Self::EAccount => "e_account",
        }
    }

    /// The source of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.code() == code)
    }
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundProgress {
    /// Asked for by staff. No money is held, and nothing is sent.
    Asked,
    /// To be sent to the provider; its money is held.
    Requested,
    /// Sent at least once. How it ends is the provider's to say.
    Sent,
    /// The payer has the money.
    Done {
        /// When, as the provider says.
        at: Timestamp,
    },
    /// No money goes back.
    Failed {
        /// When we knew.
        at: Timestamp,
    },
}

impl RefundProgress {
    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    /// The name in answers.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Asked | Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    /// When it ended, if it has.
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Done { at } | Self::Failed { at } => Some(at),
            Self::Asked | Self::Requested | Self::Sent => None,
        }
    }

    /// Parses the stored columns; `None` if they contradict each other.
    pub fn from_columns(code: &str, ended_at: Option<Timestamp>) -> Option<Self> {
        match (code, ended_at) {
            ("asked", None) => Some(Self::Asked),
            ("requested", None) => Some(Self::Requested),
            ("sent", None) => Some(Self::Sent),
            ("done", Some(at)) => Some(Self::Done { at }),
            ("failed", Some(at)) => Some(Self::Failed { at }),
            _ => None,
        }
    }

    /// True while the provider is asked, or will be.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Requested | Self::Sent => true,
            Self::Asked | Self::Done { .. } | Self::Failed { .. } => false,
        }
    }
}

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
    /// A refund of a surplus transaction, to be sent at once.
    pub fn of_surplus(attempt: &Attempt, transaction: (&str, &str, Fen), now: Timestamp) -> Self {
        let (reference, transaction_id, total) = transaction;
        let id = RefundId::of_surplus(reference);
        Self {
            why: RefundReason::Surplus,
            source: RefundSource::Suspense,
            progress: RefundProgress::Requested,
            approved_at: Some(now),
            ..Self::base(attempt, id, (transaction_id, total), now)
        }
    }

    /// A refund that staff ask for, of a paid payment; `None` if it is not paid.
    pub fn asked(
        attempt: &Attempt,
        source: RefundSource,
        amount: Fen,
        now: Timestamp,
    ) -> Option<Self> {
        let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else { return None };
        let paid = (transaction_id.as_str(), attempt.payment.amount);
        let base = Self::base(attempt, RefundId::new(now), paid, now);
        Some(Self { amount, source, ..base })
    }

    /// A refund that was made past us, as the provider tells it.
    pub fn made_elsewhere(
        attempt: &Attempt,
        source: RefundSource,
        fact: &RefundFact,
        now: Timestamp,
    ) -> Self {
        let paid = (fact.transaction_id.as_str(), attempt.payment.amount);
        Self {
            number: fact.out_refund_no.clone(),
            amount: fact.amount,
            why: RefundReason::Provider,
            source,
            ..Self::base(attempt, RefundId::new(now), paid, now)
        }
    }

    fn base(attempt: &Attempt, id: RefundId, paid: (&str, Fen), now: Timestamp) -> Self {
        let (transaction_id, total) = paid;
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
        }
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
            RefundSource::Suspense => RefundFrom::Suspense,
            RefundSource::EAccount if self.holds() => RefundFrom::Held,
            RefundSource::EAccount => RefundFrom::EAccount,
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
        let others = || others.iter().filter(|other| other.id != self.id);
        if others().any(|other| other.progress == RefundProgress::Sent) {
            return Sending::NotBefore(now.plus(pause));
        }
        let latest = others().filter_map(|other| other.sent_at).max();
        match latest.map(|latest| latest.plus(pause)) {
            Some(earliest) if earliest > now => Sending::NotBefore(earliest),
            Some(_) | None => Sending::Now(sent),
        }
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

/// What may still be asked back of a transaction: what was paid, less every refund of it that has not
/// failed.
pub fn left_of(total: Fen, transaction_id: &str, refunds: &[Refund]) -> Fen {
    left(total, transaction_id, refunds, |progress| match progress {
        RefundProgress::Failed { .. } => false,
        RefundProgress::Asked
        | RefundProgress::Requested
        | RefundProgress::Sent
        | RefundProgress::Done { .. } => true,
    })
}

/// What the provider may still have given back of it: what was paid, less every refund that is done.
pub fn not_given_back(total: Fen, transaction_id: &str, refunds: &[Refund]) -> Fen {
    left(total, transaction_id, refunds, |progress| match progress {
        RefundProgress::Done { .. } => true,
        RefundProgress::Asked
        | RefundProgress::Requested
        | RefundProgress::Sent
        | RefundProgress::Failed { .. } => false,
    })
}

fn left(
    total: Fen,
    transaction_id: &str,
    refunds: &[Refund],
    counts: impl Fn(RefundProgress) -> bool,
) -> Fen {
    let counted = refunds
        .iter()
        .filter(|refund| refund.transaction_id == transaction_id && counts(refund.progress));
    counted.fold(total, |left, refund| left.minus(refund.amount).unwrap_or_default())
}

/// The state that an order shows instead of its own: `refunding` while a refund is open, `refunded`
/// once the money that was credited for it is all back.
pub fn shown_instead(price: Fen, refunds: &[Refund]) -> Option<&'static str> {
    if refunds.iter().any(|refund| refund.progress.is_open()) {
        return Some("refunding");
    }
    let back = refunds.iter().filter(|refund| refund.source == RefundSource::EAccount);
    let back = back.filter(|refund| matches!(refund.progress, RefundProgress::Done { .. }));
    let left = back.fold(price, |left, refund| left.minus(refund.amount).unwrap_or_default());
    left.is_zero().then_some("refunded")
}

#[cfg(test)]
mod tests;
