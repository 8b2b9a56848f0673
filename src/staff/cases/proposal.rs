//! How a case is proposed to end.

use crate::cases::CaseKind;

/// What ends a case, as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseProposal {
    /// Nobody: what it is about comes to its end by itself, and closes it.
    Wait,
    /// Its refund is ended, by two persons.
    EndRefund,
    /// Its payment is refunded, by two persons.
    Refund,
    /// Something is done in the provider's console, whose message or answer closes it, or is written down.
    AtProvider,
    /// What was found out is written down.
    Note,
}

impl CaseProposal {
    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::EndRefund => "end_refund",
            Self::Refund => "refund",
            Self::AtProvider => "at_provider",
            Self::Note => "note",
        }
    }

    /// Of a case of this kind.
    pub const fn of(kind: CaseKind) -> Self {
        match kind {
            CaseKind::SecondPayment
            | CaseKind::SecondTransaction
            | CaseKind::RefundedAtProvider => Self::Wait,
            CaseKind::RefundRefused
            | CaseKind::RefundOver
            | CaseKind::RefundUnknown
            | CaseKind::RefundClosed => Self::EndRefund,
            CaseKind::PurposeUnavailable => Self::Refund,
            CaseKind::NoOrder
            | CaseKind::OtherMerchant
            | CaseKind::OtherAmount
            | CaseKind::OtherPayer
            | CaseKind::RefundAbnormal
            | CaseKind::Shipping => Self::AtProvider,
            CaseKind::OtherSchool | CaseKind::TransactionTaken | CaseKind::RefundDisagrees => {
                Self::Note
            }
        }
    }

    /// Whether the refund of such a case holds money until it ends: then a text alone does not end the case.
    pub const fn waits_for_refund(kind: CaseKind) -> bool {
        match kind {
            CaseKind::RefundRefused
            | CaseKind::RefundOver
            | CaseKind::RefundUnknown
            | CaseKind::RefundClosed
            | CaseKind::RefundAbnormal => true,
            CaseKind::SecondPayment
            | CaseKind::SecondTransaction
            | CaseKind::NoOrder
            | CaseKind::OtherMerchant
            | CaseKind::OtherAmount
            | CaseKind::OtherPayer
            | CaseKind::OtherSchool
            | CaseKind::TransactionTaken
            | CaseKind::RefundedAtProvider
            | CaseKind::RefundDisagrees
            | CaseKind::PurposeUnavailable
            | CaseKind::Shipping => false,
        }
    }
}
