//! 充值: money from a payment provider to a person's 电子账户.
//!
//! Invariant: only a checked fact settles an order; what the client says about a payment is not
//! even asked for.
//! Invariant: callback, the student's return and the sweep hand the same fact to the same settle.
//! Invariant: nothing is answered before the commit, and no provider is called inside one.

pub mod audit;
pub mod callback;
pub mod gateways;
pub mod http;
mod look;
mod news;
pub mod pace;
pub mod postings;
pub mod settle;
mod start;
mod store;
pub mod sweep;

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
        ids::SchoolId,
        kv::Kv,
        lane::{LaneError, Lanes},
        money::Fen,
    },
    orders::{
        self, NotMade, NotTried,
        gateway::{GatewayError, NotificationRefused, PayParams, PaymentGateway, RawNotification},
        order::{OrderId, Payment, WholeOrder},
    },
    passwords::{PasswordFault, Passwords},
    schools::{School, Schools},
    sessions::Student,
};
use gateways::Gateways;
use pace::Pace;
use secrecy::SecretString;
use settle::{Door, Report, SettleError, Settling, Verdict};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// A provider is asked about one payment at most this often.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What a student wants.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How much.
    pub amount: Fen,
    /// The client's idempotency key, checked.
    pub key: String,
    /// For schools that ask for it.
    pub query_password: Option<SecretString>,
}

/// An order as the client sees it.
#[derive(Clone, Debug)]
pub struct Started {
    /// The order with its payments.
    pub whole: WholeOrder,
    /// What the client's payment call needs, while it is unpaid.
    pub pay: Option<PayParams>,
}

/// One more try to pay an order.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The payment.
    pub payment: Payment,
    /// What the client's payment call needs, while it is unpaid.
    pub pay: Option<PayParams>,
}

/// Why a top-up did not start or could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TopUpError {
    /// Outside the school's limits.
    #[error("amount outside the school's limits")]
    AmountOutOfRange {
        /// The least.
        min: Fen,
        /// The most.
        max: Fen,
    },
    /// The school does not take payments by this provider.
    #[error("no such payment provider at this school")]
    FundingUnavailable,
    /// The payer signed in through another app than the merchant's.
    #[error("the payer belongs to another app")]
    OtherApp,
    /// The card has expired, or its holder has left.
    #[error("the card may not be used")]
    CardNotUsable,
    /// As many orders of the person as may be wait for their payment.
    #[error("too many orders wait for their payment")]
    TooManyOpen,
    /// The school asks for the query password.
    #[error("the school asks for the query password")]
    PasswordRequired,
    /// It was wrong, or may not be tried now.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The key made something else before.
    #[error("idempotency key reused")]
    KeyReused,
    /// It is paid, closed, expired, or was tried too often.
    #[error("the order can no longer be paid")]
    NotPayable,
    /// No such order of this person.
    #[error("no such order")]
    NoSuchOrder,
    /// The provider refused, or did not answer. The order stays open: trying again is harmless.
    #[error(transparent)]
    Provider(#[from] GatewayError),
    /// Settling failed; the fact will come again.
    #[error(transparent)]
    Settle(#[from] LaneError<SettleError>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a provider's message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No such school, or it has no such provider.
    #[error("no such callback")]
    NoSuchCallback,
    /// It did not pass the checks.
    #[error(transparent)]
    Refused(#[from] NotificationRefused),
    /// It could not be committed: the provider must come again.
    #[error(transparent)]
    Settle(#[from] LaneError<SettleError>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The journey and what it owns.
#[derive(Clone, Debug)]
pub struct TopUps {
    /// Reads outside the lanes.
    pub db: Db,
    /// Who was asked lately.
    pub kv: Arc<dyn Kv>,
    /// Limits and names.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// Who takes the money.
    pub gateways: Arc<Gateways>,
    /// Where facts settle.
    pub settling: Lanes<Settling>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// When open payments are looked at.
    pub pace: Pace,
    /// How many orders of one person may wait for their payment.
    pub most_open_orders: u64,
    /// Wakes the sweep where something is due at once.
    pub wake: Arc<Notify>,
}

impl From<NotMade> for TopUpError {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::TooManyOpen => Self::TooManyOpen,
            NotMade::Db(error) => Self::Db(error),
        }
    }
}

impl From<NotTried> for TopUpError {
    fn from(error: NotTried) -> Self {
        match error {
            NotTried::NotPayable => Self::NotPayable,
            NotTried::Db(error) => Self::Db(error),
        }
    }
}

impl TopUps {
    /// Takes a provider's message: checked, settled, committed, and only then answered.
    pub async fn receive(
        &self,
        school_code: &str,
        raw: &RawNotification<'_>,
    ) -> Result<(), ReceiveError> {
        let found = self.schools.by_code(school_code).await?;
        let school = found.ok_or(ReceiveError::NoSuchCallback)?;
        let gateway = self.gateways.of(&school.code).ok_or(ReceiveError::NoSuchCallback)?;
        let (notification_id, fact) = gateway.verify(raw, self.clock.now())?.into_parts();
        let door = Door::Message { notification_id, body: raw.body.to_vec() };
        let report = Report { school: school.id, fact, door };
        let verdict = self.settling.submit(report).await?;
        metrics::counter!("onecard_callbacks_total", "verdict" => verdict.code()).increment(1);
        match verdict {
            Verdict::Settled => count_settled("callback"),
            // It is not believed; the provider is asked, whose answer is.
            Verdict::Disagrees => self.wake.notify_one(),
            Verdict::AlreadySettled | Verdict::Suspense => {}
        }
        Ok(())
    }

    /// Orders of the student, newest first, from below `before`.
    pub async fn orders(
        &self,
        student: &Student,
        before: Option<OrderId>,
        limit: u64,
    ) -> Result<Vec<WholeOrder>, TopUpError> {
        Ok(orders::page_of_person(&self.db, student.person, before, limit).await?)
    }

    async fn whole(&self, student: &Student, id: OrderId) -> Result<WholeOrder, TopUpError> {
        let found = orders::of_person(&self.db, student.person, id).await?;
        found.ok_or(TopUpError::NoSuchOrder)
    }

    /// The gateway that takes a student's money.
    fn gateway_for(
        &self,
        student: &Student,
        school: &School,
    ) -> Result<&Arc<dyn PaymentGateway>, TopUpError> {
        let gateway = self.gateways.of(&school.code).ok_or(TopUpError::FundingUnavailable)?;
        if gateway.app_id() == student.user.app_id {
            Ok(gateway)
        } else {
            Err(TopUpError::OtherApp)
        }
    }

    async fn school(&self, id: SchoolId) -> Result<Arc<School>, DbError> {
        let found = self.schools.by_id(id).await?;
        found.ok_or(DbError::Inconsistent { table: "school", what: "a bound school is missing" })
    }
}

/// Which door payments come in by: many by another than the callback mean that messages are lost.
fn count_settled(door: &'static str) {
    metrics::counter!("onecard_payments_settled_total", "door" => door).increment(1);
}
