//! What students hear of their payments in the app that they paid in, where a school turns that on:
//! that money was credited, and that a refund is done. And what a platform wants to hear of an order
//! that was delivered.
//!
//! Invariant: a message is enqueued in the transaction of what it tells, and goes out through the
//! outbox; no payment waits for one, or fails because of one.
//! Invariant: a message goes to the payer alone, by the app that the payment was made in, and holds
//! nothing of the person: amount, time, number and state of the payment, and the school's name.
//! Invariant: a platform's refusal is no error. Whether the payer agreed is the platform's to know: no
//! agreement is kept here.
//! Absent on purpose: messages that somebody writes. What is told is a template of the platform.

mod deliver;
mod failed;
pub mod http;
mod messengers;
mod shipping;
mod telling;
mod template;

pub use deliver::MessageDelivery;
pub use failed::FailedMessages;
pub use messengers::Messengers;
pub use shipping::ShippingDelivery;
pub use telling::{Telling, Wanted};
pub use template::{MessageSource, MessageTemplate};

use crate::{
    base::{clock::Timestamp, money::Fen},
    orders::fact::Provider,
};
use async_trait::async_trait;
use std::time::Duration;

/// The client's page of an order, without its query.
const ORDER_PAGE: &str = "pages/order/index";

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// A payment was credited.
    Credited,
    /// A refund has reached the payer.
    Refunded,
}

impl Told {
    /// Both, in the order in which a client asks for them.
    pub const ALL: [Self; 2] = [Self::Credited, Self::Refunded];

    /// The kind of the jobs that tell it.
    pub const fn job(self) -> &'static str {
        match self {
            Self::Credited => "message_credited",
            Self::Refunded => "message_refunded",
        }
    }
}

/// A message to the payer of a payment.
#[derive(Clone, PartialEq, Eq)]
pub struct StudentMessage {
    /// What it tells.
    pub told: Told,
    /// The payer's id at the platform, within the app.
    pub to: String,
    /// The page that it leads to, with its query.
    pub page: String,
    /// What was paid or went back.
    pub amount: Fen,
    /// When.
    pub at: Timestamp,
    /// Our number of the payment or refund.
    pub number: String,
    /// The school's name.
    pub school: String,
}

/// Without the payer: ids of users are personal data.
impl std::fmt::Debug for StudentMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StudentMessage").field("told", &self.told).finish_non_exhaustive()
    }
}

/// A paid order that was delivered.
#[derive(Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The platform's number of the payment.
    pub transaction_id: String,
    /// The payer's id at the platform, within the app.
    pub payer: String,
    /// What was delivered.
    pub what: &'static str,
}

/// Without the payer.
impl std::fmt::Debug for Shipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shipped").finish_non_exhaustive()
    }
}

/// What a platform said to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// It has it.
    Taken,
    /// It will never take it.
    Refused {
        /// The platform's code.
        code: String,
    },
    /// Nobody knows, or not now.
    Unknown {
        /// How long it asks us to wait.
        wait: Option<Duration>,
    },
}

/// A platform that reaches the users of one app.
#[async_trait]
pub trait Messenger: Send + Sync + std::fmt::Debug {
    /// The provider whose payers it reaches.
    fn provider(&self) -> Provider;

    /// The app.
    fn app_id(&self) -> &str;

    /// The template of a message; `None` where it is not told.
    fn template(&self, told: Told) -> Option<&MessageTemplate>;

    /// Whether the platform is told of delivered orders.
    fn tells_shipping(&self) -> bool;

    /// Sends a message.
    async fn send(&self, message: &StudentMessage, now: Timestamp) -> MessageOutcome;

    /// Tells that an order was delivered. Telling it again is harmless.
    async fn tell_shipping(&self, shipped: &Shipped, now: Timestamp) -> MessageOutcome;
}
