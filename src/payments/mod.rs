//! Payments: how money comes in through payment providers and goes back, whatever the order is for.
//!
//! Invariant: only a checked fact settles an order. The client's word about a payment is never asked
//! for.
//! Invariant: the callback, the student's return to the page and the sweep hand the same fact to the
//! same settle.
//! Invariant: a provider is answered after the commit, and no provider is called inside a
//! transaction.
//! Invariant: what a paid order becomes is decided in `fulfilment` alone, by its purpose.

mod asked;
pub mod audit;
pub mod callback;
mod fulfilment;
pub mod gateway;
pub mod gateways;
pub mod http;
mod inquiry;
mod look;
mod news;
mod now;
pub mod pace;
mod plan;
pub mod postings;
mod receive;
pub mod refunds;
pub mod settle;
mod start;
pub mod sweep;

pub use receive::ReceiveError;
pub use start::{PaymentRequest, PaymentRoute};

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
        kv::Kv,
        lane::{LaneError, Lanes},
    },
    messages::Telling,
    orders::{
        AddPaymentError, CreateError,
        order::{OrderId, Payment, WholeOrder},
    },
    schools::Schools,
    sessions::Student,
};
use gateway::{GatewayError, PayParams};
use gateways::Gateways;
use pace::Pace;
use settle::{SettleError, Settling};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// A provider is asked about one payment at most this often.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// An order as the client sees it.
#[derive(Clone, Debug)]
pub struct Started {
    /// The order with its payments.
    pub whole: WholeOrder,
    /// What the client's payment call needs, while the order is unpaid.
    pub pay: Option<PayParams>,
}

/// One more payment of an order.
#[derive(Clone, Debug)]
pub struct StartedPayment {
    /// The payment.
    pub payment: Payment,
    /// What the client's payment call needs, while the order is unpaid.
    pub pay: Option<PayParams>,
}

/// Why an order could not be created, paid or shown.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// Orders of this purpose are not offered yet.
    #[error("orders of this purpose are not offered")]
    PurposeUnavailable,
    /// The school does not take payments this way.
    #[error("no such payment provider at this school")]
    FundingUnavailable,
    /// The payer is not bound on the platform whose users can pay this way.
    #[error("the payer is not bound on the provider's platform")]
    NotOnPlatform,
    /// The payer signed in through another app than the merchant's.
    #[error("the payer belongs to another app")]
    OtherApp,
    /// The person has too many orders that await payment.
    #[error("too many orders await payment")]
    TooManyOpen,
    /// The idempotency key was used for another request.
    #[error("idempotency key reused")]
    KeyReused,
    /// The order is paid, closed or expired, or has all the payments that it may have.
    #[error("the order can no longer be paid")]
    NotPayable,
    /// No such order of this person.
    #[error("no such order")]
    NoSuchOrder,
    /// The provider refused or did not answer. The order stays open; a retry is harmless.
    #[error(transparent)]
    Provider(#[from] GatewayError),
    /// Settling failed; the provider will send the fact again.
    #[error(transparent)]
    Settle(#[from] LaneError<SettleError>),
    /// Posting a refund failed; it will be heard of again.
    #[error(transparent)]
    Refund(#[from] SettleError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CreateError> for PaymentError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::TooManyOpen => Self::TooManyOpen,
            CreateError::Db(error) => Self::Db(error),
        }
    }
}

impl From<AddPaymentError> for PaymentError {
    fn from(error: AddPaymentError) -> Self {
        match error {
            AddPaymentError::NotPayable => Self::NotPayable,
            AddPaymentError::Db(error) => Self::Db(error),
        }
    }
}

/// Payments of all schools, with what they use.
#[derive(Clone, Debug)]
pub struct Payments {
    /// Orders and payments, outside the settling lanes.
    pub db: Db,
    /// Limits how often providers are asked about a payment.
    pub kv: Arc<dyn Kv>,
    /// Names and policies.
    pub schools: Arc<Schools>,
    /// The merchants' connections to the providers.
    pub gateways: Arc<Gateways>,
    /// The lanes in which facts settle.
    pub settling: Lanes<Settling>,
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// When open payments are looked at.
    pub pace: Pace,
    /// How many orders of one person may await payment.
    pub most_open_orders: u64,
    /// Wakes the sweep when something is due at once.
    pub wake: Arc<Notify>,
    /// Wakes the sealer after postings.
    pub sealer: Arc<Notify>,
    /// Wakes the outbox after a commit that enqueued something.
    pub outbox: Arc<Notify>,
    /// What is told of payments.
    pub telling: Telling,
}

impl Payments {
    /// The student's orders, newest first, below `before`.
    pub async fn orders(
        &self,
        student: &Student,
        before: Option<OrderId>,
        limit: u64,
    ) -> Result<Vec<WholeOrder>, PaymentError> {
        Ok(WholeOrder::page_of_person(&self.db, student.person, before, limit).await?)
    }

    async fn whole(&self, student: &Student, id: OrderId) -> Result<WholeOrder, PaymentError> {
        let found = WholeOrder::of_person(&self.db, student.person, id).await?;
        found.ok_or(PaymentError::NoSuchOrder)
    }
}

/// Counts settled payments by how the fact arrived. Few callbacks among them mean that messages are
/// lost.
fn count_settled(door: &'static str) {
    metrics::counter!("onecard_payments_settled_total", "door" => door).increment(1);
}
