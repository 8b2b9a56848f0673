//! What a row of a bill is compared with.

use crate::{
    base::{
        clock::{Day, Timestamp},
        ids::SchoolId,
        money::Fen,
    },
    orders::order::{PaymentId, PaymentState},
    reconciliation::bill::BillRow,
};
use uuid::Uuid;

/// A payment of ours, of any school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurPayment {
    /// Our id.
    pub id: PaymentId,
    /// The school that it was made for.
    pub school: SchoolId,
    /// The merchant that it was made to.
    pub merchant: String,
    /// The amount.
    pub amount: Fen,
    /// Its state.
    pub state: PaymentState,
    /// Whether the ledger has it; only told of paid ones.
    pub is_posted: bool,
}

/// What the ledger has under the provider's number of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostedReceipt {
    /// Whose ledger.
    pub school: SchoolId,
    /// How much.
    pub amount: Fen,
    /// Whether a person was credited with it; else it is in suspense.
    pub is_credited: bool,
}

/// A refund of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurRefund {
    /// The merchant's number of the refund.
    pub out_refund_no: String,
    /// Where merchants' numbers are unique in a payment alone, the provider's number of the payment and
    /// that of the refund, as its bills have it; else the merchant's.
    pub number: String,
    /// The payment that it gives back.
    pub payment: PaymentId,
    /// What goes back.
    pub amount: Fen,
    /// The state in storage.
    pub state: String,
    /// When it was done; only told of done ones.
    pub done_at: Option<Timestamp>,
}

/// What a row was compared before with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// In whose bill it was.
    pub day: Day,
    /// The amount.
    pub amount: Fen,
    /// The fee that was posted, in fen.
    pub fee_fen: i64,
    /// The coupon that was posted.
    pub coupon: Fen,
}

impl KeptRow {
    /// Whether this bill of the same day gives the row another amount.
    pub fn is_of_another_amount(&self, row: &BillRow, day: Day) -> bool {
        self.day == day && self.amount != row.amount
    }
}

/// A row as it is kept of an earlier bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BilledBefore {
    /// The id: rows are read in its order.
    pub id: Uuid,
    /// `payment` or `refund`.
    pub entry: &'static str,
    /// The provider's number.
    pub number: String,
    /// The payment that it names.
    pub payment: PaymentId,
    /// The amount.
    pub amount: Fen,
}

/// What is known about a row.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The day of the bill.
    pub day: Day,
    /// The school that is compared.
    pub school: SchoolId,
    /// The payment that the row names.
    pub payment: Option<&'a OurPayment>,
    /// What the ledger has of the row's transaction. Looked up where the payment alone does not tell:
    /// there is none, or its transaction or its amount differs.
    pub posted: Option<PostedReceipt>,
    /// The refund that the row names.
    pub refund: Option<&'a OurRefund>,
    /// What accepted corrections have moved for the payment that the row names, in fen.
    pub corrected_fen: i64,
    /// The fee in the statement of the merchant's account, in fen.
    pub flow_fee: Option<i64>,
    /// The same row, as it was kept before.
    pub before: Option<&'a KeptRow>,
}
