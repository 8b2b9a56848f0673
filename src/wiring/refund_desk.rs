//! Refunds that two persons agreed on: `payments` decides and makes them.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
    },
    orders::{
        self,
        order::PaymentState,
        refund::{RefundId, RefundProgress, left_of},
        refunds,
    },
    payments::refunds::{self as payments, AskedRefund, RefundError},
    schools::People,
    staff::{ApprovedRefund, RefundDesk, RefundQuote, RefundRefusal, RefundStage, RefundTarget},
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Notify;
use uuid::Uuid;

/// Refunds of all schools.
#[derive(Debug)]
pub(super) struct PaymentRefunds {
    pub(super) db: Db,
    pub(super) people: People,
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
        let (attempt, known) = self
            .db
            .in_snapshot(async |tx| {
                let payment = match target {
                    RefundTarget::Payment(payment) => payment,
                    RefundTarget::Order(order) => {
                        let paid = refunds::paid_payment(tx, order).await?;
                        paid.ok_or(RefundRefusal::NoSuchPayment)?
                    }
                };
                let found = orders::read(tx, payment).await?;
                let attempt = found.filter(|attempt| attempt.order.school == school);
                let attempt = attempt.ok_or(RefundRefusal::NoSuchPayment)?;
                let known = refunds::of_payment(tx, payment).await?;
                Ok::<_, RefundRefusal>((attempt, known))
            })
            .await?;
        let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else {
            return Err(RefundRefusal::NotRefundable);
        };
        let person = self.people.get(attempt.order.person).await?;
        let gone = DbError::Inconsistent { table: "orders", what: "its person is missing" };
        Ok(RefundQuote {
            payment: attempt.payment.id,
            refundable: left_of(attempt.payment.amount, transaction_id, &known),
            person_no: person.ok_or(gone)?.student_no,
        })
    }

    async fn make(
        &self,
        tx: &Tx,
        refund: &ApprovedRefund,
        now: Timestamp,
    ) -> Result<Uuid, RefundRefusal> {
        let asked = AskedRefund { payment: refund.payment, amount: refund.amount };
        let made = payments::ask(tx, asked, now).await.map_err(refused)?;
        if made.school != refund.school {
            return Err(RefundRefusal::NoSuchPayment);
        }
        payments::approve(tx, made.id, now).await.map_err(refused)?;
        Ok(made.id.uuid())
    }

    fn made(&self) {
        self.outbox.notify_one();
    }

    async fn stages(&self, of: &[Uuid]) -> Result<HashMap<Uuid, RefundStage>, DbError> {
        let ids: Vec<RefundId> = of.iter().copied().map(RefundId::from_uuid).collect();
        let found = refunds::progress_of(&self.db, &ids).await?;
        Ok(found.into_iter().map(|(id, progress)| (id.uuid(), stage(progress))).collect())
    }
}

const fn stage(progress: RefundProgress) -> RefundStage {
    match progress {
        RefundProgress::Asked | RefundProgress::Requested => RefundStage::Requested,
        RefundProgress::Sent => RefundStage::Sent,
        RefundProgress::Done { .. } => RefundStage::Done,
        RefundProgress::Failed { .. } => RefundStage::Failed,
    }
}

fn refused(error: RefundError) -> RefundRefusal {
    match error {
        RefundError::NotFound => RefundRefusal::NoSuchPayment,
        RefundError::NotPaid | RefundError::Decided => RefundRefusal::NotRefundable,
        RefundError::TooMuch { left } => RefundRefusal::TooMuch { refundable: left },
        RefundError::Spent => RefundRefusal::Spent,
        error @ (RefundError::Ledger(_)
        | RefundError::Refused(_)
        | RefundError::Name(_)
        | RefundError::Db(_)) => match error.db() {
            Some(db) => RefundRefusal::Db(db.clone()),
            None => RefundRefusal::Failed(error.to_string()),
        },
    }
}
