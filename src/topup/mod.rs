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
pub mod postings;
pub mod settle;
mod store;

use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        ids::SchoolId,
        kv::Kv,
        lane::{LaneError, Lanes},
        money::Fen,
    },
    orders::{
        self, Made, NewOrder,
        gateway::{
            GatewayError, NotificationRefused, PayParams, PaymentGateway, Prepare, ProviderState,
            RawNotification,
        },
        order::{Attempt, Order, OrderId, OrderState, Payment, PaymentId, PaymentState, Purpose},
    },
    schools::{School, Schools},
    sessions::Student,
};
use gateways::Gateways;
use settle::{Door, Report, SettleError, Settling, Verdict};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// How long an order may be paid.
const PAYABLE_FOR: Duration = Duration::from_mins(15);
/// A provider is asked about one payment at most this often.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// What idempotency keys of this journey belong to.
const SCOPE: &str = "POST /api/v1/orders";

/// What a student wants.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How much.
    pub amount: Fen,
    /// The client's idempotency key, checked.
    pub key: String,
}

/// An order as the client sees it.
#[derive(Clone, Debug)]
pub struct Started {
    /// The order.
    pub order: Order,
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
    /// The key made something else before.
    #[error("idempotency key reused")]
    KeyReused,
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
    /// Who takes the money.
    pub gateways: Arc<Gateways>,
    /// Where facts settle.
    pub settling: Lanes<Settling>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl TopUps {
    /// Makes an order and has the provider make it payable. The same key and content give the same
    /// order, as it stands now, with fresh payment parameters while it is unpaid.
    pub async fn start(&self, student: &Student, wish: Wish) -> Result<Started, TopUpError> {
        let now = self.clock.now();
        let school = self.school(student.school).await?;
        let gateway = self.gateways.of(&school.code).ok_or(TopUpError::FundingUnavailable)?;
        within_limits(&school, wish.amount)?;
        if school.policy.top_up.password_required {
            // Asking for it is not built yet; taking money without asking would fail open.
            return Err(TopUpError::FundingUnavailable);
        }
        if gateway.app_id() != student.user.app_id {
            return Err(TopUpError::OtherApp);
        }
        let new = new_order(student, &wish, gateway, now);
        match orders::make(&self.db, &new).await? {
            Made::New => self.payable(new.attempt, &school, gateway).await,
            Made::Before(id) => {
                let attempt = self.attempt(student, id).await?;
                self.payable(attempt, &school, gateway).await
            }
            Made::KeyReused => Err(TopUpError::KeyReused),
        }
    }

    /// The order as it stands now. While it is unpaid the provider is asked, at most every two
    /// seconds, and what it says is settled: the student's return is the second door.
    pub async fn order(&self, student: &Student, id: OrderId) -> Result<Order, TopUpError> {
        let attempt = self.attempt(student, id).await?;
        if attempt.order.state != OrderState::AwaitingPayment {
            return Ok(attempt.order);
        }
        match self.ask(&attempt).await {
            Ok(true) => Ok(self.attempt(student, id).await?.order),
            Ok(false) => Ok(attempt.order),
            Err(error) => {
                // Unknown is not failed: the order stays as it is and the next question may tell.
                tracing::warn!(%error, order = %id, "the provider could not be asked");
                Ok(attempt.order)
            }
        }
    }

    /// Takes a provider's message: checked, settled, committed, and only then answered.
    pub async fn receive(
        &self,
        school_code: &str,
        raw: &RawNotification<'_>,
    ) -> Result<(), ReceiveError> {
        let found = self.schools.by_code(school_code).await?;
        let school = found.ok_or(ReceiveError::NoSuchCallback)?;
        let gateway = self.gateways.of(&school.code).ok_or(ReceiveError::NoSuchCallback)?;
        let verified = gateway.verify(raw, self.clock.now())?;
        let door =
            Door::Message { notification_id: verified.notification_id, body: raw.body.to_vec() };
        let number = verified.fact.out_trade_no.clone();
        let report = Report { school: school.id, fact: verified.fact, door };
        let verdict = self.settling.submit(report).await?;
        metrics::counter!("onecard_callbacks_total", "verdict" => verdict.code()).increment(1);
        if verdict == Verdict::Disagrees {
            self.ask_soon(school.id, Arc::clone(gateway), number);
        }
        Ok(())
    }

    /// A message that disagrees is not believed: the provider is asked, whose answer is. Should
    /// this process die first, the case that was opened with the message stays.
    fn ask_soon(&self, school: SchoolId, gateway: Arc<dyn PaymentGateway>, number: String) {
        let this = self.clone();
        tokio::task::spawn_local(async move {
            let answer = gateway.query(&number, this.clock.now()).await;
            let settled = match answer {
                Ok(ProviderState::Paid(fact)) => this
                    .settling
                    .submit(Report { school, fact, door: Door::Answer })
                    .await
                    .map(drop),
                Ok(ProviderState::NotPaid | ProviderState::Closed | ProviderState::Unknown) => {
                    Ok(())
                }
                Err(error) => {
                    tracing::warn!(%error, "the provider could not be asked");
                    Ok(())
                }
            };
            if let Err(error) = settled {
                tracing::error!(%error, "an answer could not be settled");
            }
        });
    }

    /// Asks the provider about an unpaid order; true if its state may have moved.
    async fn ask(&self, attempt: &Attempt) -> Result<bool, TopUpError> {
        let key = format!("ask:{}", attempt.payment.id);
        // Without the store the provider is asked more often than need be, which harms nobody.
        let first = self.kv.put_once(&key, b"1", ASK_EVERY).await.unwrap_or(true);
        let school = self.school(attempt.order.school).await?;
        let gateway = self.gateways.of(&school.code).ok_or(TopUpError::FundingUnavailable)?;
        if !first {
            return Ok(false);
        }
        let number = attempt.payment.id.out_trade_no();
        match gateway.query(&number, self.clock.now()).await? {
            ProviderState::Paid(fact) => {
                let report = Report { school: school.id, fact, door: Door::Answer };
                self.settling.submit(report).await?;
                Ok(true)
            }
            ProviderState::Closed => self.close(attempt).await,
            ProviderState::NotPaid | ProviderState::Unknown => Ok(false),
        }
    }

    async fn close(&self, attempt: &Attempt) -> Result<bool, TopUpError> {
        let Some(closed) = attempt.close() else { return Ok(false) };
        let moved = [(attempt.clone(), closed)];
        match self.db.in_tx_once(async |tx| orders::save(tx, &moved, &[], &[]).await).await {
            // Somebody settled it meanwhile: that is the state to show.
            Ok(()) | Err(DbError::Raced { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn payable(
        &self,
        attempt: Attempt,
        school: &School,
        gateway: &Arc<dyn PaymentGateway>,
    ) -> Result<Started, TopUpError> {
        let now = self.clock.now();
        if attempt.order.state != OrderState::AwaitingPayment || attempt.order.expires_at <= now {
            return Ok(Started { order: attempt.order, pay: None });
        }
        let prepare = Prepare {
            out_trade_no: attempt.payment.id.out_trade_no(),
            description: format!("{} 校园卡充值", school.name),
            amount: attempt.payment.amount,
            payer: attempt.payment.payer.clone(),
            expires_at: attempt.order.expires_at,
            notify_url: self.gateways.notify_url(&school.code),
        };
        let pay = gateway.prepare(&prepare, now).await?;
        Ok(Started { order: attempt.order, pay: Some(pay) })
    }

    async fn attempt(&self, student: &Student, id: OrderId) -> Result<Attempt, TopUpError> {
        let found = orders::of_person(&self.db, student.person, id).await?;
        found.ok_or(TopUpError::NoSuchOrder)
    }

    async fn school(&self, id: SchoolId) -> Result<Arc<School>, DbError> {
        let found = self.schools.by_id(id).await?;
        found.ok_or(DbError::Inconsistent { table: "school", what: "a bound school is missing" })
    }
}

fn within_limits(school: &School, amount: Fen) -> Result<(), TopUpError> {
    let (min, max) = (school.policy.top_up.min, school.policy.top_up.max);
    if amount < min || amount > max {
        return Err(TopUpError::AmountOutOfRange { min, max });
    }
    Ok(())
}

fn new_order(
    student: &Student,
    wish: &Wish,
    gateway: &Arc<dyn PaymentGateway>,
    now: Timestamp,
) -> NewOrder {
    let order = Order {
        id: OrderId::new(now),
        school: student.school,
        person: student.person,
        purpose: Purpose::CardTopUp,
        amount: wish.amount,
        state: OrderState::AwaitingPayment,
        created_at: now,
        expires_at: now.plus(PAYABLE_FOR),
    };
    let payment = Payment {
        id: PaymentId::new(now),
        provider: gateway.provider(),
        merchant: gateway.merchant().to_owned(),
        app_id: gateway.app_id().to_owned(),
        payer: student.user.openid.clone(),
        amount: wish.amount,
        state: PaymentState::Open,
        created_at: now,
    };
    let asked =
        format!("{}|{}|{}", order.purpose.code(), payment.provider.code(), wish.amount.get());
    NewOrder {
        attempt: Attempt { order, payment },
        scope: SCOPE,
        key: wish.key.clone(),
        request_hash: Sha256::digest(asked).into(),
    }
}
