//! What cases there are.

/// What a case is about. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaseKind {
    /// Another payment of an order that is paid: in suspense, and going back.
    SecondPayment,
    /// A second transaction of one payment: likewise.
    SecondTransaction,
    /// Our merchant was paid for a number that is no order of the school.
    NoOrder,
    /// A message differs from its order in the merchant or the app.
    OtherMerchant,
    /// A message differs from its order in the amount.
    OtherAmount,
    /// A message differs from its order in who paid.
    OtherPayer,
    /// A message came to another school than that of its order.
    OtherSchool,
    /// A transaction was posted before for another payment.
    TransactionTaken,
    /// Money was given back at the provider, and we do not know that of it.
    RefundedAtProvider,
    /// The provider refuses a refund.
    RefundRefused,
    /// Less is left of a payment than its refund is for.
    RefundOver,
    /// A refund could not go back the way it came, and waits at the provider.
    RefundAbnormal,
    /// Nobody knows what became of a refund.
    RefundUnknown,
    /// A refund ended at the provider without money.
    RefundClosed,
    /// What is said of a refund does not fit it.
    RefundDisagrees,
    /// An order was paid whose purpose this release cannot fulfil.
    PurposeUnavailable,
    /// A platform does not know that an order was delivered.
    Shipping,
}

impl CaseKind {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 17] = [
        Self::SecondPayment,
        Self::SecondTransaction,
        Self::NoOrder,
        Self::OtherMerchant,
        Self::OtherAmount,
        Self::OtherPayer,
        Self::OtherSchool,
        Self::TransactionTaken,
        Self::RefundedAtProvider,
        Self::RefundRefused,
        Self::RefundOver,
        Self::RefundAbnormal,
        Self::RefundUnknown,
        Self::RefundClosed,
        Self::RefundDisagrees,
        Self::PurposeUnavailable,
        Self::Shipping,
    ];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SecondPayment => "second_payment",
            Self::SecondTransaction => "second_transaction",
            Self::NoOrder => "no_order",
            Self::OtherMerchant => "merchant",
            Self::OtherAmount => "amount",
            Self::OtherPayer => "payer",
            Self::OtherSchool => "other_school",
            Self::TransactionTaken => "transaction_taken",
            Self::RefundedAtProvider => "refunded_at_provider",
            Self::RefundRefused => "refund_refused",
            Self::RefundOver => "refund_over",
            Self::RefundAbnormal => "refund_abnormal",
            Self::RefundUnknown => "refund_unknown",
            Self::RefundClosed => "refund_closed",
            Self::RefundDisagrees => "refund_disagrees",
            Self::PurposeUnavailable => "purpose_unavailable",
            Self::Shipping => "shipping",
        }
    }

    /// As stored and on the wire.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind of its row: what decides whether it is about money.
    pub const fn family(self) -> &'static str {
        match self {
            Self::SecondPayment
            | Self::SecondTransaction
            | Self::NoOrder
            | Self::OtherMerchant
            | Self::OtherAmount
            | Self::OtherPayer
            | Self::OtherSchool
            | Self::TransactionTaken
            | Self::RefundedAtProvider
            | Self::RefundRefused
            | Self::RefundOver
            | Self::RefundAbnormal
            | Self::RefundUnknown
            | Self::RefundClosed
            | Self::RefundDisagrees
            | Self::PurposeUnavailable => MONEY,
            Self::Shipping => "shipping",
        }
    }

    /// Whether it is about money.
    pub fn is_money(self) -> bool {
        self.family() == MONEY
    }
}

/// The rows that are about money.
pub(super) const MONEY: &str = "payment";
