//! Making orders and payments, and having the provider make them payable.

use super::{Started, TopUpError, TopUps, Tried, Wish};
use crate::{
    base::{clock::Timestamp, db::DbError, money::Fen},
    cards::CardStatus,
    orders::{
        self, Keyed, Made, NewOrder, NewPayment,
        gateway::{PayParams, PaymentGateway, Prepare},
        order::{Attempt, Order, OrderId, OrderState, Payment, PaymentId, PaymentState, Purpose},
    },
    schools::School,
    sessions::Student,
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// How long an order may be paid.
const PAYABLE_FOR: Duration = Duration::from_mins(15);
/// What the keys of orders belong to.
const ORDERS: &str = "POST /api/v1/orders";

impl TopUps {
    /// Makes an order and has the provider make it payable. The same key and content give the same
    /// order, as it stands now, with fresh payment parameters while it is unpaid.
    pub async fn start(&self, student: &Student, wish: Wish) -> Result<Started, TopUpError> {
        let now = self.clock.now();
        let school = self.school(student.school).await?;
        within_limits(&school, wish.amount)?;
        self.check_card(student, now).await?;
        let gateway = self.gateway_for(student, &school)?;
        if school.policy.top_up.password_required {
            let given = wish.query_password.clone().ok_or(TopUpError::PasswordRequired)?;
            self.passwords.check(&school, student, given).await?;
        }
        let new = self.new_order(student, &wish, gateway, now);
        let id = match orders::make(&self.db, &new).await? {
            Made::New => new.attempt.order.id,
            Made::Before(id) => id,
            Made::KeyReused => return Err(TopUpError::KeyReused),
        };
        let whole = self.whole(student, id).await?;
        let pay = match whole.payments.first() {
            Some(first) => self.payable(&whole.order, first, &school, gateway).await?,
            None => None,
        };
        Ok(Started { whole, pay })
    }

    /// Nobody is asked for money for a card that cannot be used. What is paid is posted all the same.
    async fn check_card(&self, student: &Student, now: Timestamp) -> Result<(), TopUpError> {
        let person = self.passwords.people.get(student.person).await?;
        let missing = DbError::Inconsistent { table: "person", what: "a bound person is missing" };
        match CardStatus::of(person.ok_or(missing)?.standing(), now.day()) {
            // Money that arrives at a lost or resting card waits in the 电子账户.
            CardStatus::Normal | CardStatus::Lost | CardStatus::Dormant => Ok(()),
            CardStatus::Expired | CardStatus::Closed => Err(TopUpError::CardNotUsable),
        }
    }

    /// Tries once more to pay an order. The same key gives the same payment, as it stands now.
    pub async fn try_again(
        &self,
        student: &Student,
        id: OrderId,
        key: &str,
    ) -> Result<Tried, TopUpError> {
        let whole = self.whole(student, id).await?;
        let school = self.school(student.school).await?;
        let gateway = self.gateway_for(student, &school)?;
        let new = self.new_payment(student, &whole.order, key, gateway);
        let made = match orders::add_payment(&self.db, student.person, &new).await? {
            Made::New => new.payment.id,
            Made::Before(payment) => payment,
            Made::KeyReused => return Err(TopUpError::KeyReused),
        };
        let whole = self.whole(student, id).await?;
        let payment = whole.payments.into_iter().find(|payment| payment.id == made);
        let payment = payment.ok_or(TopUpError::NoSuchOrder)?;
        let pay = self.payable(&whole.order, &payment, &school, gateway).await?;
        Ok(Tried { payment, pay })
    }

    /// Has the provider make a payment payable, as long as it is.
    async fn payable(
        &self,
        order: &Order,
        payment: &Payment,
        school: &School,
        gateway: &Arc<dyn PaymentGateway>,
    ) -> Result<Option<PayParams>, TopUpError> {
        let now = self.clock.now();
        if !order.is_payable(now) || payment.state != PaymentState::Open {
            return Ok(None);
        }
        let prepare = Prepare {
            out_trade_no: payment.id.out_trade_no(),
            description: format!("{} 校园卡充值", school.name),
            amount: payment.amount,
            payer: payment.payer.clone(),
            expires_at: order.expires_at,
            notify_url: self.gateways.notify_url(&school.code),
        };
        Ok(Some(gateway.prepare(&prepare, now).await?))
    }

    fn new_order(
        &self,
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
        let payment = payment(student, wish.amount, gateway, now);
        let asked =
            format!("{}|{}|{}", order.purpose.code(), payment.provider.code(), wish.amount.get());
        NewOrder {
            attempt: Attempt { order, payment },
            keyed: keyed(ORDERS.to_owned(), &wish.key, &asked),
            look_at: self.pace.first(now),
            most_open: self.most_open_orders,
        }
    }

    fn new_payment(
        &self,
        student: &Student,
        order: &Order,
        key: &str,
        gateway: &Arc<dyn PaymentGateway>,
    ) -> NewPayment {
        let now = self.clock.now();
        let payment = payment(student, order.amount, gateway, now);
        let scope = format!("{ORDERS}/{}/payments", order.id);
        NewPayment {
            order: order.id,
            keyed: keyed(scope, key, payment.provider.code()),
            payment,
            look_at: self.pace.first(now),
        }
    }
}

fn within_limits(school: &School, amount: Fen) -> Result<(), TopUpError> {
    let (min, max) = (school.policy.top_up.min, school.policy.top_up.max);
    if amount < min || amount > max {
        return Err(TopUpError::AmountOutOfRange { min, max });
    }
    Ok(())
}

fn payment(
    student: &Student,
    amount: Fen,
    gateway: &Arc<dyn PaymentGateway>,
    now: Timestamp,
) -> Payment {
    Payment {
        id: PaymentId::new(now),
        provider: gateway.provider(),
        merchant: gateway.merchant().to_owned(),
        app_id: gateway.app_id().to_owned(),
        payer: student.user.openid.clone(),
        amount,
        state: PaymentState::Open,
        created_at: now,
    }
}

fn keyed(scope: String, key: &str, asked: &str) -> Keyed {
    Keyed { scope, key: key.to_owned(), request_hash: Sha256::digest(asked).into() }
}
