//! The columns of orders and payments that their MACs cover: whose money it is, how much, and who
//! pays. Those that are paid are history: what they became is held against the ledger.

use crate::{
    base::{
        crypto::row_mac::{Field, RowMacs},
        db::{Authority, DbError, FieldKind},
    },
    orders::order::{OrderState, PaymentState},
};
use entity::{orders, payment};

pub(in crate::orders) const ORDER: Authority = Authority {
    table: "orders",
    columns: &[
        ("school_id", FieldKind::Big),
        ("person_id", FieldKind::Uuid),
        ("purpose", FieldKind::Text),
        ("amount_fen", FieldKind::Big),
    ],
    added: 0,
    live: "state IN ('awaiting_payment', 'closed')",
};

pub(in crate::orders) const PAYMENT: Authority = Authority {
    table: "payment",
    columns: &[
        ("order_id", FieldKind::Uuid),
        ("school_id", FieldKind::Big),
        ("provider", FieldKind::Text),
        ("merchant", FieldKind::Text),
        ("app_id", FieldKind::Text),
        ("payer", FieldKind::Text),
        ("amount_fen", FieldKind::Big),
        ("payer_user_id", FieldKind::Text),
    ],
    added: 1,
    live: "state IN ('open', 'closed')",
};

pub(super) fn order_fields(row: &orders::Model) -> [Field; 4] {
    [row.school_id.into(), row.person_id.into(), row.purpose.as_str().into(), row.amount_fen.into()]
}

pub(super) fn payment_fields(row: &payment::Model) -> [Field; 8] {
    [
        row.order_id.into(),
        row.school_id.into(),
        row.provider.as_str().into(),
        row.merchant.as_str().into(),
        row.app_id.as_str().into(),
        row.payer.as_str().into(),
        row.amount_fen.into(),
        row.payer_user_id.as_deref().into(),
    ]
}

/// Refuses an order that is not paid and does not fit its MAC.
pub(super) fn check_order(macs: &RowMacs, row: &orders::Model) -> Result<(), DbError> {
    let live = [OrderState::AwaitingPayment.code(), OrderState::Closed.code()];
    if !live.contains(&row.state.as_str()) {
        return Ok(());
    }
    ORDER.check(macs, row.id, &order_fields(row), row.mac.as_deref())
}

/// Refuses a payment that is not paid and does not fit its MAC.
pub(super) fn check_payment(macs: &RowMacs, row: &payment::Model) -> Result<(), DbError> {
    let live = [PaymentState::Open.code(), PaymentState::Closed.code()];
    if !live.contains(&row.state.as_str()) {
        return Ok(());
    }
    PAYMENT.check(macs, row.id, &payment_fields(row), row.mac.as_deref())
}
