//! 充值: limits, passwords and cards that may be topped up. The payment itself is in `payments`.
//!
//! Invariant: nobody is asked to pay for a card that cannot be used. Money that arrives for one all
//! the same is posted.
//! Invariant: card, password and binding are decided in the transaction that creates the order, under
//! the person's lock.

mod problems;

use crate::{
    base::{
        clock::{Clock, Day},
        db::{DbError, Tx, TxError},
        money::Fen,
    },
    cards::CardStatus,
    orders::{CreateError, purpose::Purpose},
    passwords::{self, PasswordFault, Passwords, Proven},
    payments::{PaymentError, PaymentRequest, Payments, Started, gateway::Provider},
    schools::{School, Schools},
    sessions::Student,
};
use secrecy::SecretString;
use std::sync::Arc;

/// A top-up that a student asks for.
#[derive(Clone, Debug)]
pub struct TopUpRequest {
    /// How much.
    pub amount: Fen,
    /// The provider that takes the money.
    pub provider: Provider,
    /// The client's idempotency key, checked.
    pub key: String,
    /// For schools that ask for it.
    pub query_password: Option<SecretString>,
}

/// Why a top-up did not start.
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
    /// The card has expired, or its holder has left.
    #[error("the card may not be used")]
    CardNotUsable,
    /// The binding has ended.
    #[error("no longer bound")]
    NotBound,
    /// The school asks for the query password.
    #[error("the school asks for the query password")]
    PasswordRequired,
    /// The query password is wrong, or may not be tried now.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The payment could not be started.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CreateError> for TopUpError {
    fn from(error: CreateError) -> Self {
        Self::Payment(error.into())
    }
}

impl TxError for TopUpError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) | Self::Payment(PaymentError::Db(error)) => Some(error),
            Self::Password(fault) => fault.db(),
            Self::AmountOutOfRange { .. }
            | Self::CardNotUsable
            | Self::NotBound
            | Self::PasswordRequired
            | Self::Payment(_) => None,
        }
    }
}

/// Top-ups, with what they use.
#[derive(Clone, Debug)]
pub struct TopUps {
    /// Orders and payments.
    pub payments: Payments,
    /// Limits.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
}

impl TopUps {
    /// Starts a top-up. The same key and content give the same order as it stands now, with fresh
    /// payment parameters while it is unpaid.
    pub async fn start(
        &self,
        student: &Student,
        request: TopUpRequest,
    ) -> Result<Started, TopUpError> {
        let TopUpRequest { amount, provider, key, query_password } = request;
        let school = self.schools.require(student.school).await?;
        within_limits(&school, amount)?;
        let route = self.payments.route(student, &school, provider).await?;
        let proven = if school.policy.top_up.password_required {
            let given = query_password.ok_or(TopUpError::PasswordRequired)?;
            Some(self.passwords.check(&school, student, given).await?)
        } else {
            None
        };
        let order = PaymentRequest { purpose: Purpose::CardTopUp, amount, key };
        let today = self.clock.now().day();
        let admit = async |tx: &Tx| admit(tx, student, proven.as_ref(), today).await;
        self.payments.start(&route, &order, admit).await
    }
}

/// Decides whether the card may be topped up, and holds the person.
async fn admit(
    tx: &Tx,
    student: &Student,
    proven: Option<&Proven>,
    today: Day,
) -> Result<(), TopUpError> {
    let person = passwords::hold_student(tx, student, proven).await?;
    match CardStatus::of(person.ok_or(TopUpError::NotBound)?.standing(), today) {
        // Money that arrives at a lost or dormant card stays in the 电子账户.
        CardStatus::Normal | CardStatus::Lost | CardStatus::Dormant => Ok(()),
        CardStatus::Expired | CardStatus::Closed => Err(TopUpError::CardNotUsable),
    }
}

fn within_limits(school: &School, amount: Fen) -> Result<(), TopUpError> {
    let (min, max) = (school.policy.top_up.min, school.policy.top_up.max);
    if amount < min || amount > max {
        return Err(TopUpError::AmountOutOfRange { min, max });
    }
    Ok(())
}
