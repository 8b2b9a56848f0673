//! A day of bills: its key, its state, what differs on it and what it came to.

use super::difference::Difference;
use crate::{
    base::{
        clock::{Day, Timestamp},
        ids::SchoolId,
    },
    orders::fact::Provider,
};
use uuid::Uuid;

/// A day of a school at a provider's merchant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DayKey {
    /// The school.
    pub school: SchoolId,
    /// The provider.
    pub provider: Provider,
    /// The merchant number there.
    pub merchant: String,
    /// The day, in Beijing.
    pub day: Day,
}

/// One comparison of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Counted from 1.
    pub number: i64,
    /// Whether the day was closed when it began.
    pub was_closed: bool,
}

/// Whether a day is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayState {
    /// Something differs.
    Open,
    /// Nothing differs. A late row opens it again.
    Closed,
}

impl DayState {
    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// The state of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Open, Self::Closed].into_iter().find(|state| state.code() == code)
    }
}

/// How a difference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundState {
    /// Somebody must look.
    Open,
    /// A payment at midnight that the neighbouring day's bill may have, which is not compared yet.
    Waiting,
    /// The provider's answer has repaired it.
    Repaired,
    /// Two persons have accepted it, and what it repairs is posted. A later comparison that finds other
    /// values opens it again.
    Accepted,
    /// A later comparison no longer finds it.
    Gone,
}

impl FoundState {
    const ALL: [Self; 5] = [Self::Open, Self::Waiting, Self::Repaired, Self::Accepted, Self::Gone];

    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Repaired => "repaired",
            Self::Accepted => "accepted",
            Self::Gone => "gone",
        }
    }

    /// The state of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A difference, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundDifference {
    /// What differs.
    pub difference: Difference,
    /// How it stands.
    pub state: FoundState,
}

/// A day as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillDay {
    /// The id of the day at its merchant.
    pub id: Uuid,
    /// Which day.
    pub key: DayKey,
    /// Whether it is done with.
    pub state: DayState,
    /// What its last comparison came to, without rows of others.
    pub totals: Totals,
    /// When it was last compared; at the beginning of time where its bill was not there yet.
    pub compared_at: Timestamp,
    /// Since when nothing differs.
    pub closed_at: Option<Timestamp>,
    /// When late rows or differences last opened it again.
    pub reopened_at: Option<Timestamp>,
    /// Who closed it by hand, and when. Figures that change end it.
    pub confirmed: Option<(String, Timestamp)>,
    /// Why the sums differ though no row does.
    pub apart: Apart,
}

impl BillDay {
    /// Whether its bill has not come yet.
    pub const fn is_awaited(&self) -> bool {
        self.compared_at.micros() == 0
    }
}

/// The days of a school that somebody should look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenDays {
    /// How many differ, and the oldest of them.
    pub differ: (u64, Option<Day>),
    /// How many have had no bill, and the oldest of them.
    pub awaited: (u64, Option<Day>),
    /// How many of yesterday differ: each provider has one.
    pub of_yesterday: u64,
}

/// Refunds that the bill of a day and our books have at different times: no difference, as they are equal in
/// the end. In fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    /// In this bill, and still under way with us.
    pub on_the_way: i64,
    /// In this bill, and ours of another day.
    pub ours_elsewhere: i64,
    /// Ours of this day, and in the bill of another.
    pub theirs_elsewhere: i64,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The hash of the bill's file: the one that `WeChat` signed, or the SHA-256 of Alipay's archive; empty where
    /// there is no file for the day.
    pub file_hash: String,
    /// Rows of the bill, of whatever program and school.
    pub bill_rows: u64,
    /// Rows of other programs of the merchant.
    pub of_other_programs: u64,
    /// Rows of other schools on the same merchant.
    pub of_other_schools: u64,
    /// Rows that are ours, all comparisons of the day together.
    pub our_rows: u64,
    /// Rows that came after the day was closed.
    pub late_rows: u64,
    /// Payments of ours of that day.
    pub paid_count: u64,
    /// Their sum, in fen.
    pub paid_fen: i64,
    /// Refunds of ours that were done on that day.
    pub back_count: u64,
    /// Their sum, in fen.
    pub back_fen: i64,
    /// The sum of our payments in the bill, in fen.
    pub billed_fen: i64,
    /// The sum of our refunds in the bill, in fen.
    pub refunded_fen: i64,
    /// Fees, in fen, less those that were given back.
    pub fee_fen: i64,
    /// Coupons, in fen, less those of refunds.
    pub coupon_fen: i64,
    /// Differences that the provider's answers have repaired.
    pub repaired: u64,
    /// Differences about which the provider was not asked, because it limits our rate or gave no usable
    /// answers. They are open.
    pub unasked: u64,
    /// Differences that are open, or wait for the neighbouring day.
    pub open_differences: u64,
    /// Whether the day was closed and is compared anew because of late rows or differences.
    pub is_reopened: bool,
}

impl Totals {
    /// Closed where nothing differs.
    pub const fn state(&self) -> DayState {
        if self.open_differences == 0 { DayState::Closed } else { DayState::Open }
    }
}

/// How far a comparison is.
#[derive(Clone, Copy, Debug)]
pub struct RowsDone {
    /// Rows that were compared.
    pub done: u64,
    /// Rows of the bill.
    pub total: u64,
}
