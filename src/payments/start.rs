//! Creating orders and payments, and preparing them at the provider so that the student can pay.

use super::{
    PaymentError, Payments, Started, StartedPayment, fulfilment,
    gateway::{PayParams, PaymentGateway, Prepare, Provider},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Tx, TxError},
        money::Fen,
    },
    orders::{
        self, CreateError, Created, OrderDraft, PaymentDraft, RequestKey,
        order::{Attempt, Order, OrderId, OrderState, Payment, PaymentId, PaymentState},
        purpose::Purpose,
    },
    schools::School,
    sessions::{Platform, PlatformUser, Student},
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// How long an order may be paid.
const PAYABLE_FOR: Duration = Duration::from_mins(15);
/// The scope of the idempotency keys of orders.
const ORDERS: &str = "POST /api/v1/orders";

/// What a student orders.
#[derive(Clone, Debug)]
pub struct PaymentRequest {
    /// What is ordered.
    pub purpose: Purpose,
    /// The price.
    pub amount: Fen,
    /// The client's idempotency key, checked.
    pub key: String,
}

/// A student who can pay the school through a gateway.
#[derive(Clone, Debug)]
pub struct PaymentRoute<'a> {
    student: &'a Student,
    /// As whom the student pays there.
    payer: PlatformUser,
    school: Arc<School>,
    gateway: Arc<dyn PaymentGateway>,
}

impl Payments {
    /// How the student can pay by that provider: as the user who is signed in, or, where that is of
    /// another platform, as the one as whom the student is bound there.
    pub async fn route<'a>(
        &self,
        student: &'a Student,
        school: &Arc<School>,
        provider: Provider,
    ) -> Result<PaymentRoute<'a>, PaymentError> {
        let gateway = self.gateways.of(&school.code, provider);
        let gateway = gateway.ok_or(PaymentError::FundingUnavailable)?;
        let payer = self.payer(student, gateway.platform()).await?;
        let payer = payer.ok_or(PaymentError::NotOnPlatform)?;
        if gateway.app_id() != payer.app_id {
            return Err(PaymentError::OtherApp);
        }
        let (school, gateway) = (Arc::clone(school), Arc::clone(gateway));
        Ok(PaymentRoute { student, payer, school, gateway })
    }

    async fn payer(
        &self,
        student: &Student,
        platform: Platform,
    ) -> Result<Option<PlatformUser>, PaymentError> {
        if student.user.platform == platform {
            return Ok(Some(student.user.clone()));
        }
        Ok(PlatformUser::of_person(&self.db, student.person, platform).await?)
    }

    /// Creates an order and prepares its first payment at the provider. The same key and content
    /// give the same order as it stands now, with fresh payment parameters while it is unpaid.
    /// `admit` decides in the transaction that creates the order whether the student may order, and
    /// holds the person ([`passwords::hold_student`](crate::passwords::hold_student)).
    pub async fn start<E: TxError + From<CreateError> + From<PaymentError>>(
        &self,
        route: &PaymentRoute<'_>,
        request: &PaymentRequest,
        admit: impl AsyncFn(&Tx) -> Result<(), E>,
    ) -> Result<Started, E> {
        if !fulfilment::is_available(request.purpose) {
            return Err(PaymentError::PurposeUnavailable.into());
        }
        let new = self.new_order(route, request);
        let id = match orders::create(&self.db, &new, admit).await? {
            Created::New => new.attempt.order.id,
            Created::Before(id) => id,
            Created::KeyReused => return Err(PaymentError::KeyReused.into()),
        };
        let whole = self.whole(route.student, id).await?;
        let pay = match whole.payments.first() {
            Some(first) => self.prepare(&whole.order, first, route).await?,
            None => None,
        };
        Ok(Started { whole, pay })
    }

    /// Adds a payment to an order. The same key gives the same payment as it stands now.
    pub async fn try_again(
        &self,
        student: &Student,
        id: OrderId,
        provider: Provider,
        key: &str,
    ) -> Result<StartedPayment, PaymentError> {
        let whole = self.whole(student, id).await?;
        if !fulfilment::is_available(whole.order.purpose) {
            return Err(PaymentError::PurposeUnavailable);
        }
        let school = self.schools.require(student.school).await?;
        let route = self.route(student, &school, provider).await?;
        let new = self.new_payment(&route, &whole.order, key);
        let created = match orders::add_payment(&self.db, student.person, &new).await? {
            Created::New => new.payment.id,
            Created::Before(payment) => payment,
            Created::KeyReused => return Err(PaymentError::KeyReused),
        };
        let whole = self.whole(student, id).await?;
        let payment = whole.payments.into_iter().find(|payment| payment.id == created);
        let payment = payment.ok_or(PaymentError::NoSuchOrder)?;
        let pay = self.prepare(&whole.order, &payment, &route).await?;
        Ok(StartedPayment { payment, pay })
    }

    /// Prepares a payment at the provider; `None` where it can no longer be paid.
    async fn prepare(
        &self,
        order: &Order,
        payment: &Payment,
        route: &PaymentRoute<'_>,
    ) -> Result<Option<PayParams>, PaymentError> {
        let now = self.clock.now();
        if !order.is_payable(now) || payment.state != PaymentState::Open {
            return Ok(None);
        }
        let PaymentRoute { school, gateway, .. } = route;
        let prepare = Prepare {
            out_trade_no: payment.id.out_trade_no(),
            description: format!("{} {}", school.name, order.purpose.title()),
            amount: payment.amount,
            payer: payment.payer.clone(),
            expires_at: order.expires_at,
            notify_url: self.gateways.notify_url(&school.code, gateway.as_ref()),
        };
        Ok(Some(gateway.prepare(&prepare, now).await?))
    }

    fn new_order(&self, route: &PaymentRoute<'_>, request: &PaymentRequest) -> OrderDraft {
        let now = self.clock.now();
        let PaymentRequest { purpose, amount, ref key } = *request;
        let order = Order {
            id: OrderId::new(now),
            school: route.student.school,
            person: route.student.person,
            purpose,
            amount,
            state: OrderState::AwaitingPayment,
            created_at: now,
            expires_at: now.plus(PAYABLE_FOR),
        };
        let payment = route.payment(amount, now);
        let content = format!("{}|{}|{}", purpose.code(), payment.provider.code(), amount.get());
        OrderDraft {
            attempt: Attempt { order, payment },
            request: request_key(ORDERS.to_owned(), key, &content),
            look_at: self.pace.first(now),
            most_open: self.most_open_orders,
        }
    }

    fn new_payment(&self, route: &PaymentRoute<'_>, order: &Order, key: &str) -> PaymentDraft {
        let now = self.clock.now();
        let payment = route.payment(order.amount, now);
        let scope = format!("{ORDERS}/{}/payments", order.id);
        PaymentDraft {
            order: order.id,
            request: request_key(scope, key, payment.provider.code()),
            payment,
            look_at: self.pace.first(now),
        }
    }
}

impl PaymentRoute<'_> {
    fn payment(&self, amount: Fen, now: Timestamp) -> Payment {
        Payment {
            id: PaymentId::new(now),
            provider: self.gateway.provider(),
            merchant: self.gateway.merchant().to_owned(),
            app_id: self.gateway.app_id().to_owned(),
            payer: self.payer.ids.payer().to_owned(),
            payer_user_id: self.payer.ids.openid().and(self.payer.ids.user_id()).map(Into::into),
            amount,
            state: PaymentState::Open,
            created_at: now,
        }
    }
}

fn request_key(scope: String, key: &str, content: &str) -> RequestKey {
    RequestKey { scope, key: key.to_owned(), request_hash: Sha256::digest(content).into() }
}
