//! What is enqueued, in the transaction of what is told.

use super::{Messenger, Messengers, Told, shipping};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
        outbox::{self, NewJob},
    },
    orders::{
        fact::Provider,
        order::{Attempt, OrderState, PaymentState},
        refund::{Refund, RefundProgress},
    },
    schools::Schools,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Knows which schools tell what.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The codes and names of schools.
    pub schools: Arc<Schools>,
    /// Who tells it.
    pub messengers: Arc<Messengers>,
}

/// What is told of a credited payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OfCredit {
    message: bool,
    shipping: bool,
}

/// What is told of credited payments, by school and provider. Asked for before the transaction that
/// credits them; schools that are left out tell nothing.
#[derive(Clone, Debug, Default)]
pub struct Wanted(HashMap<(SchoolId, Provider), OfCredit>);

impl Telling {
    /// What these schools tell of payments by these providers.
    pub async fn wanted(&self, of: impl Iterator<Item = (SchoolId, Provider)>) -> Wanted {
        let tells = |messenger: &dyn Messenger| of_credit(messenger).is_some();
        if !self.messengers.any(tells) {
            return Wanted::default();
        }
        let mut wanted = HashMap::new();
        for (school, provider) in of.collect::<HashSet<_>>() {
            if let Some(told) = self.of_school(school, provider).await {
                wanted.insert((school, provider), told);
            }
        }
        Wanted(wanted)
    }

    /// Where the school cannot be read, everything is enqueued: whether it is told is decided again when
    /// it is delivered.
    async fn of_school(&self, school: SchoolId, provider: Provider) -> Option<OfCredit> {
        match self.schools.require(school).await {
            Ok(school) => {
                let messenger = self.messengers.of(&school.code, provider)?;
                of_credit(messenger.as_ref())
            }
            Err(error) => {
                tracing::warn!(%error, "the school of a message could not be read");
                Some(OfCredit { message: true, shipping: true })
            }
        }
    }

    /// Whether any school tells of refunds.
    pub fn tells_refunds(&self) -> bool {
        self.messengers.any(|messenger| messenger.template(Told::Refunded).is_some())
    }

    /// Enqueues the message of a refund, if it is done. Whether its school tells it is decided when it
    /// is delivered: refunds are few.
    pub async fn refund_done(
        &self,
        tx: &Tx,
        refund: &Refund,
        now: Timestamp,
    ) -> Result<(), DbError> {
        if !matches!(refund.progress, RefundProgress::Done { .. }) {
            return Ok(());
        }
        let (school, subject) = (refund.school, refund.id.number());
        let job = NewJob { school, kind: Told::Refunded.job(), subject, due_at: now };
        outbox::enqueue(tx, &[job]).await
    }
}

impl Wanted {
    /// Enqueues what is told of payments that have just been credited, as `(was, is)`. Returns how many
    /// jobs there are.
    pub async fn credited(
        &self,
        tx: &Tx,
        moved: &[(Attempt, Attempt)],
        now: Timestamp,
    ) -> Result<usize, DbError> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let jobs: Vec<NewJob> = moved
            .iter()
            .filter(|(was, is)| is_credited(is) && !is_credited(was))
            .flat_map(|(_, is)| self.jobs(is, now))
            .collect();
        if !jobs.is_empty() {
            outbox::enqueue(tx, &jobs).await?;
        }
        Ok(jobs.len())
    }

    fn jobs(&self, is: &Attempt, now: Timestamp) -> impl Iterator<Item = NewJob> {
        let told = self.0.get(&(is.order.school, is.payment.provider));
        let message = told.filter(|told| told.message).map(|_| Told::Credited.job());
        let shipping = told.filter(|told| told.shipping).map(|_| shipping::JOB);
        let (school, subject) = (is.order.school, is.payment.id.out_trade_no());
        let job = move |kind| NewJob { school, kind, subject: subject.clone(), due_at: now };
        message.into_iter().chain(shipping).map(job)
    }
}

/// `None` where nothing is told.
fn of_credit(messenger: &dyn Messenger) -> Option<OfCredit> {
    let message = messenger.template(Told::Credited).is_some();
    let shipping = messenger.tells_shipping();
    (message || shipping).then_some(OfCredit { message, shipping })
}

/// True where this payment is what its order was credited by.
fn is_credited(attempt: &Attempt) -> bool {
    let paid = matches!(attempt.payment.state, PaymentState::Paid { .. });
    paid && matches!(attempt.order.state, OrderState::Fulfilled { .. })
}
