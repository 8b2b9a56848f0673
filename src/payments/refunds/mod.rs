//! Money that goes back to the payer: asked for and approved, sent through the outbox, and posted when
//! the provider says how it ended.
//!
//! Invariant: a refund is sent under one number for ever; what became of it is the provider's to say.
//! Invariant: no more is asked back of a transaction than was paid by it, under the payment's lock.
//! Invariant: money of a person is held when a refund is approved, in the same commit.

mod ask;
mod deliver;
mod end;
mod settle;
mod told;

pub use ask::{AskedRefund, RefundError, approve, ask, decline};
pub use deliver::RefundDelivery;
pub use end::RefundEnding;

pub(super) use settle::{IncomingRefund, RefundVerdict, begin, settle};
pub(super) use told::{ToldTotal, compare, open_unpaid};

use super::{Payments, plan::CASE, postings::RECEIVED};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        outbox::NewJob,
    },
    cases::{self, Case, CaseFacts, CaseKind},
    ledger::transfer::Record,
    orders::{
        self,
        order::{Attempt, OrderId, PaymentId, PaymentState},
        refund::{Refund, RefundSource},
    },
};

/// The kind of the jobs that send refunds; their subject is our number of the refund.
pub const JOB: &str = "refund";
/// The case of a refund that ended without money.
const FAILED: &str = CaseKind::RefundClosed.code();
/// The case of a refund whose money waits at the provider.
const ABNORMAL: &str = CaseKind::RefundAbnormal.code();
/// The case of a refund that the provider refuses.
const REFUSED: &str = CaseKind::RefundRefused.code();
/// The case of a refund that was not sent, or not again: less of its payment is left.
const OVER: &str = CaseKind::RefundOver.code();
/// The case of a refund whose tries are used up.
const UNKNOWN: &str = CaseKind::RefundUnknown.code();
/// The case of a fact that does not fit its refund or payment.
const DISAGREES: &str = CaseKind::RefundDisagrees.code();
/// The cases that end when their refund is done.
const OF_OPEN: [&str; 5] = [ABNORMAL, REFUSED, OVER, UNKNOWN, FAILED];

fn case(refund: &Refund, why: &str, now: Timestamp) -> Case {
    tracing::warn!(why, refund = %refund.id, "a refund needs a look");
    Case {
        school: refund.school,
        kind: CASE,
        subject: subject(refund, why),
        detail: format!("{} of {}", refund.amount, refund.payment.out_trade_no()),
        facts: CaseFacts {
            payment: Some(refund.payment.uuid()),
            refund: Some(refund.id.uuid()),
            amount: refund.amount,
        },
        opened_at: now,
    }
}

fn subject(refund: &Refund, why: &str) -> String {
    format!("{why}:{}", refund.reference())
}

async fn open(tx: &Tx, case: Case) -> Result<(), DbError> {
    tx.write_all(vec![cases::write_of(&[case])]).await
}

fn job(refund: &Refund, now: Timestamp) -> NewJob {
    NewJob { school: refund.school, kind: JOB, subject: refund.id.number(), due_at: now }
}

/// Where the money of a transaction of this payment was posted to; `None` if it was not. The posting
/// alone tells: rows beside it could have been altered.
async fn source_of(
    tx: &Tx,
    attempt: &Attempt,
    transaction_id: &str,
) -> Result<Option<RefundSource>, DbError> {
    let payment = &attempt.payment;
    let reference = format!("{}:{}:{transaction_id}", payment.provider.code(), payment.merchant);
    let received = Record::posted(tx, (attempt.order.school, RECEIVED), &reference).await?;
    Ok(received.map(|received| match received.person {
        Some(_) => RefundSource::EAccount,
        None => RefundSource::Suspense,
    }))
}

impl Payments {
    /// The payment whose money was credited for an order: another one that paid it too is a surplus. Where
    /// none was credited, the first that paid it.
    pub async fn credited_payment(tx: &Tx, order: OrderId) -> Result<Option<PaymentId>, DbError> {
        let paid = orders::refunds::paid_payments(tx, order).await?;
        for payment in &paid {
            let Some(attempt) = orders::read(tx, *payment).await? else { continue };
            let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else {
                continue;
            };
            if source_of(tx, &attempt, transaction_id).await? == Some(RefundSource::EAccount) {
                return Ok(Some(*payment));
            }
        }
        Ok(paid.first().copied())
    }
}
