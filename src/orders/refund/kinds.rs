//! What a refund is called, why it is made, where its money is, and how far it is.

use crate::{base::clock::Timestamp, orders::order::PaymentId};
use sha2::{Digest, Sha256};

crate::uuid_id! {
    /// A refund.
    RefundId
}

impl RefundId {
    /// Our number of the refund at the provider: 32 hex digits.
    pub fn number(self) -> String {
        self.uuid().simple().to_string()
    }

    /// Parses such a number; `None` if it does not have our format.
    pub fn from_number(number: &str) -> Option<Self> {
        PaymentId::from_out_trade_no(number).map(|id| Self::from_uuid(id.uuid()))
    }

    /// The refund of a surplus transaction: one for each, whoever hears of it how often.
    pub fn of_surplus(transaction: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(b"onecard-surplus-refund-v1|")
            .chain_update(transaction.as_bytes())
            .finalize();
        let mut half = [0; 16];
        half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self::from_uuid(uuid::Builder::from_custom_bytes(half).into_uuid())
    }
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundReason {
    /// It was paid more than once.
    Surplus,
    /// Staff asked for it.
    Staff,
    /// Somebody did it at the provider, past us.
    Provider,
}

impl RefundReason {
    const ALL: [Self; 3] = [Self::Surplus, Self::Staff, Self::Provider];

    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Surplus => "surplus",
            Self::Staff => "staff",
            Self::Provider => "provider",
        }
    }

    /// The reason of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// Where the money of a transaction was posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundSource {
    /// To suspense: it is nobody's here.
    Suspense,
    /// To the person's 电子账户.
    EAccount,
}

impl RefundSource {
    const ALL: [Self; 2] = [Self::Suspense, Self::EAccount];

    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suspense => "suspense",
            Self::EAccount => "e_account",
        }
    }

    /// The source of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.code() == code)
    }
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundProgress {
    /// Asked for by staff. No money is held, and nothing is sent.
    Asked,
    /// To be sent to the provider; its money is held.
    Requested,
    /// Sent at least once. How it ends is the provider's to say.
    Sent,
    /// The payer has the money.
    Done {
        /// When, as the provider says.
        at: Timestamp,
    },
    /// No money goes back.
    Failed {
        /// When we knew.
        at: Timestamp,
    },
}

impl RefundProgress {
    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    /// The name in answers.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Asked | Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    /// When it ended, if it has.
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Done { at } | Self::Failed { at } => Some(at),
            Self::Asked | Self::Requested | Self::Sent => None,
        }
    }

    /// Parses the stored columns; `None` if they contradict each other.
    pub fn from_columns(code: &str, ended_at: Option<Timestamp>) -> Option<Self> {
        match (code, ended_at) {
            ("asked", None) => Some(Self::Asked),
            ("requested", None) => Some(Self::Requested),
            ("sent", None) => Some(Self::Sent),
            ("done", Some(at)) => Some(Self::Done { at }),
            ("failed", Some(at)) => Some(Self::Failed { at }),
            _ => None,
        }
    }

    /// True while the provider is asked, or will be.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Requested | Self::Sent => true,
            Self::Asked | Self::Done { .. } | Self::Failed { .. } => false,
        }
    }
}
