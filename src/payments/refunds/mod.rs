//! Money that goes back to the payer: asked for and approved, sent through the outbox, and posted when
//! the provider says how it ended.
//!
//! Invariant: a refund is sent under one number for ever; what became of it is the provider's to say.
//! Invariant: no more is asked back of a transaction than was paid by it, under the payment's lock.
//! Invariant: money of a person is held when a refund is approved, in the same commit.

mod ask;
mod deliver;
mod settle;

pub use ask::{AskedRefund, RefundError, approve, ask, decline};
pub use deliver::RefundDelivery;

pub(super) use settle::{IncomingRefund, RefundVerdict, begin, settle};

use super::plan::{CASE, OF_PAID_PAYMENTS, OF_SURPLUS};
use super::postings;
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        outbox::NewJob,
    },
    cases::{self, Case},
    orders::{
        order::{Attempt, PaymentState},
        refund::{Refund, RefundSource},
    },
};

/// The kind of the jobs that send refunds; their subject is our number of the refund.
pub const JOB: &str = "refund";
/// The case of a refund that ended without money.
const FAILED: &str = "refund_closed";
/// The case of a refund whose money waits at the provider.
const ABNORMAL: &str = "refund_abnormal";
/// The case of a refund that the provider refuses.
const REFUSED: &str = "refund_refused";
/// The case of a refund whose tries are used up.
const UNKNOWN: &str = "refund_unknown";
/// The case of a fact that does not fit its refund or payment.
const DISAGREES: &str = "refund_disagrees";
/// The cases that end when their refund is done.
const OF_OPEN: [&str; 4] = [ABNORMAL, REFUSED, UNKNOWN, FAILED];

fn case(refund: &Refund, why: &str, now: Timestamp) -> Case {
    tracing::warn!(why, refund = %refund.id, "a refund needs a look");
    Case {
        school: refund.school,
        kind: CASE,
        subject: subject(refund, why),
        detail: format!("{} of {}", refund.amount, refund.payment.out_trade_no()),
        opened_at: now,
    }
}

fn subject(refund: &Refund, why: &str) -> String {
    let reference = postings::refund_reference(refund.provider, &refund.merchant, &refund.number);
    format!("{why}:{reference}")
}

async fn open(tx: &Tx, case: Case) -> Result<(), DbError> {
    tx.write_all(vec![cases::write_of(&[case])]).await
}

fn job(refund: &Refund, now: Timestamp) -> NewJob {
    NewJob { school: refund.school, kind: JOB, subject: refund.id.number(), due_at: now }
}

/// Where the money of a transaction of this payment was posted to; `None` if it was not.
async fn source_of(
    tx: &Tx,
    attempt: &Attempt,
    transaction_id: &str,
) -> Result<Option<RefundSource>, DbError> {
    let payment = &attempt.payment;
    let paid = match &payment.state {
        PaymentState::Paid { transaction_id: paid, .. } => paid == transaction_id,
        PaymentState::Open | PaymentState::Closed => false,
    };
    let reference = format!("{}:{}:{transaction_id}", payment.provider.code(), payment.merchant);
    let whys: &[&str] = if paid { &OF_PAID_PAYMENTS } else { &OF_SURPLUS };
    let subjects = whys.iter().map(|why| format!("{why}:{reference}")).collect();
    let stray = cases::among(tx, &[attempt.order.school], CASE, subjects).await?;
    Ok(match (paid, stray.is_empty()) {
        (_, false) => Some(RefundSource::Suspense),
        (true, true) => Some(RefundSource::EAccount),
        (false, true) => None,
    })
}
