//! Refunds that two persons agreed on: `payments` decides and makes them.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx, TxError},
        ids::{PersonId, SchoolId},
    },
    orders::{
        self,
        order::{OrderId, PaymentId, PaymentState, WholeOrder},
        refund::{Refund, RefundId, left_of},
        refunds,
    },
    payments::{
        Payments,
        gateway::RefundNumbers,
        refunds::{self as payments, AskedRefund, RefundEnding, RefundError},
    },
    schools::People,
    staff::{
        ApprovedRefund, EndedRefund, MoneyStanding, RefundDesk, RefundQuote, RefundRefusal,
        RefundTarget,
    },
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::Notify;
use uuid::Uuid;

/// How long somebody waits for a provider that is asked now.
const ASKED_WITHIN: Duration = Duration::from_secs(10);

/// Refunds of all schools.
#[derive(Debug)]
pub(super) struct PaymentRefunds {
    pub(super) db: Db,
    pub(super) people: People,
    /// Asks providers about refunds that are to be ended.
    pub(super) payments: Payments,
    /// Wakes the outbox.
    pub(super) outbox: Arc<Notify>,
}

#[async_trait::async_trait(?Send)]
impl RefundDesk for PaymentRefunds {
    async fn quote(
        &self,
        school: SchoolId,
        target: RefundTarget,
    ) -> Result<RefundQuote, RefundRefusal> {
        let (attempt, known, credited) = self
            .db
            .in_snapshot(async |tx| {
                let payment = match target {
                    RefundTarget::Payment(payment) => payment,
                    RefundTarget::Order(order) => {
                        let paid = Payments::credited_payment(tx, order).await?;
                        paid.ok_or(RefundRefusal::NoSuchPayment)?
                    }
                };
                let found = orders::read(tx, payment).await?;
                let attempt = found.filter(|attempt| attempt.order.school == school);
                let attempt = attempt.ok_or(RefundRefusal::NoSuchPayment)?;
                let known = refunds::of_payment(tx, payment).await?;
                let credited = Payments::credited_payment(tx, attempt.order.id).await?;
                Ok::<_, RefundRefusal>((attempt, known, credited))
            })
            .await?;
        let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else {
            return Err(RefundRefusal::NotRefundable);
        };
        Ok(RefundQuote {
            payment: attempt.payment.id,
            order: attempt.order.id,
            provider: attempt.payment.provider,
            refundable: left_of(attempt.payment.amount, transaction_id, &known),
            from_balance: credited == Some(attempt.payment.id),
            person: attempt.order.person,
            person_no: self.number_of(attempt.order.person).await?,
        })
    }

    async fn make(
        &self,
        tx: &Tx,
        refund: &ApprovedRefund,
        now: Timestamp,
    ) -> Result<Uuid, RefundRefusal> {
        let approval = refund.approval.uuid();
        let asked = AskedRefund { payment: refund.payment, amount: refund.amount, approval };
        let made = payments::ask(tx, asked, now).await.map_err(refused)?;
        if made.school != refund.school {
            return Err(RefundRefusal::NoSuchPayment);
        }
        payments::approve(tx, made.id, now).await.map_err(refused)?;
        Ok(made.id.uuid())
    }

    async fn endable(&self, school: SchoolId, refund: Uuid) -> Result<RefundQuote, RefundRefusal> {
        let refund = self.payments.endable(RefundId::from_uuid(refund)).await.map_err(not_ended)?;
        if refund.school != school {
            return Err(RefundRefusal::NoSuchPayment);
        }
        let person_no = self.number_of(refund.person).await?;
        Ok(RefundQuote {
            payment: refund.payment,
            order: refund.order,
            provider: refund.provider,
            refundable: refund.amount,
            // Its money is held already, or was never the person's.
            from_balance: false,
            person: refund.person,
            person_no,
        })
    }

    async fn ask_before_ending(&self, refund: Uuid) -> Result<Option<Timestamp>, RefundRefusal> {
        let id = RefundId::from_uuid(refund);
        let asked = self.payments.ask_before_ending(id).await;
        asked.map(|refund| refund.sent_at).map_err(not_ended)
    }

    async fn end(&self, tx: &Tx, ended: EndedRefund, now: Timestamp) -> Result<(), RefundRefusal> {
        let ending = RefundEnding {
            refund: RefundId::from_uuid(ended.refund),
            approval: ended.approval.uuid(),
            sent_at: ended.sent_at,
        };
        let refund = Payments::end_refund(tx, ending, now).await.map_err(not_ended)?;
        if refund.school == ended.school { Ok(()) } else { Err(RefundRefusal::NoSuchPayment) }
    }

    async fn ask_about(
        &self,
        school: SchoolId,
        (payment, transaction_id): (PaymentId, &str),
        number: &str,
    ) -> Result<bool, RefundRefusal> {
        let found = self.db.in_snapshot(async |tx| orders::read(tx, payment).await).await?;
        let attempt = found.filter(|attempt| attempt.order.school == school);
        let attempt = attempt.ok_or(RefundRefusal::NoSuchPayment)?;
        let school = self.payments.telling.schools.require(attempt.order.school).await;
        let school = school.map_err(|error| RefundRefusal::Failed(error.to_string()))?;
        let numbers = RefundNumbers {
            out_refund_no: number.to_owned(),
            out_trade_no: payment.out_trade_no(),
            transaction_id: transaction_id.to_owned(),
        };
        let provider = attempt.payment.provider;
        let asked = self.payments.settle_refund_by_answer(&school, provider, &numbers).await;
        asked.map_err(|error| {
            tracing::warn!(%error, payment = %payment, "the provider could not be asked");
            RefundRefusal::Silent
        })
    }

    async fn ask_now(&self, school: SchoolId, of: RefundTarget) -> Result<(), RefundRefusal> {
        let order = match of {
            RefundTarget::Order(order) => order,
            RefundTarget::Payment(payment) => {
                let read = async |tx: &Tx| orders::read(tx, payment).await;
                let found = self.db.in_snapshot(read).await?;
                found.ok_or(RefundRefusal::NoSuchPayment)?.order.id
            }
        };
        let whole = WholeOrder::of_school(&self.db, school, order).await?;
        let whole = whole.ok_or(RefundRefusal::NoSuchPayment)?;
        if !Payments::is_unknown(&whole) {
            return Ok(());
        }
        let asking = tokio::time::timeout(ASKED_WITHIN, self.payments.ask_now(&whole));
        match asking.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(RefundRefusal::AskedJustNow),
            Ok(Err(error)) => {
                tracing::warn!(%error, %order, "the provider could not be asked");
                Err(RefundRefusal::Silent)
            }
            Err(_) => Err(RefundRefusal::Silent),
        }
    }

    fn made(&self) {
        self.outbox.notify_one();
    }

    async fn standings(&self, of: &[Uuid]) -> Result<HashMap<Uuid, MoneyStanding>, DbError> {
        let ids: Vec<RefundId> = of.iter().copied().map(RefundId::from_uuid).collect();
        let (found, _) = refunds::with_orders(&self.db, &ids, &[]).await?;
        let standing = |refund: &Refund| (refund.id.uuid(), MoneyStanding::of_refund(refund));
        Ok(found.iter().map(standing).collect())
    }

    async fn listed(
        &self,
        of: &[Uuid],
        payments: &[Uuid],
    ) -> Result<HashMap<Uuid, (Option<MoneyStanding>, OrderId)>, DbError> {
        let ids: Vec<RefundId> = of.iter().copied().map(RefundId::from_uuid).collect();
        let payments: Vec<PaymentId> = payments.iter().copied().map(PaymentId::from_uuid).collect();
        let (refunds, orders) = refunds::with_orders(&self.db, &ids, &payments).await?;
        let of_refunds = refunds.iter().map(|refund| {
            (refund.id.uuid(), (Some(MoneyStanding::of_refund(refund)), refund.order))
        });
        let of_payments = orders.into_iter().map(|(id, order)| (id.uuid(), (None, order)));
        Ok(of_refunds.chain(of_payments).collect())
    }
}

impl PaymentRefunds {
    async fn number_of(&self, person: PersonId) -> Result<String, DbError> {
        let gone = DbError::Inconsistent { table: "orders", what: "its person is missing" };
        Ok(self.people.get(person).await?.ok_or(gone)?.student_no)
    }
}

/// An error of an ending: a refund that is decided cannot be ended.
fn not_ended(error: RefundError) -> RefundRefusal {
    if matches!(error, RefundError::Decided) { RefundRefusal::NotEndable } else { refused(error) }
}

fn refused(error: RefundError) -> RefundRefusal {
    match error {
        RefundError::NotFound => RefundRefusal::NoSuchPayment,
        RefundError::NotPaid | RefundError::Decided => RefundRefusal::NotRefundable,
        RefundError::TooMuch { left } => RefundRefusal::TooMuch { refundable: left },
        RefundError::Spent { short } => RefundRefusal::Spent { short },
        RefundError::JustSent => RefundRefusal::JustSent,
        RefundError::KnownThere => RefundRefusal::KnownThere,
        RefundError::Silent => RefundRefusal::Silent,
        error @ (RefundError::Ledger(_)
        | RefundError::Refused(_)
        | RefundError::Name(_)
        | RefundError::Db(_)) => match error.db() {
            Some(db) => RefundRefusal::Db(db.clone()),
            None => RefundRefusal::Failed(error.to_string()),
        },
    }
}
