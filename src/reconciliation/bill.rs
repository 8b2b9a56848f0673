//! What a provider's bill says, whatever its file looks like.

use crate::{
    base::{
        clock::{Day, Timestamp},
        money::Fen,
    },
    orders::fact::Provider,
};
use async_trait::async_trait;
use std::{collections::HashMap, fmt, sync::Arc};

/// A provider, as the source of one merchant's bills.
#[async_trait]
pub trait BillSource: Send + Sync + fmt::Debug {
    /// Which provider this is.
    fn provider(&self) -> Provider;

    /// The merchant whose bills these are.
    fn merchant(&self) -> &str;

    /// Fetches and checks the bill of a day: its host, its hash, that it is whole, and whose it is.
    async fn bill(&self, day: Day, now: Timestamp) -> Result<Bill, BillError>;
}

/// A checked bill. Reading its rows costs no more than a batch of them in memory. It may be read again: schools
/// of one merchant have one bill.
#[derive(Clone)]
pub struct Bill {
    /// The hash of the file, in hex: the one that the provider signed, or that of what was received; empty where
    /// there is no file.
    pub hash: String,
    /// How many rows there are.
    pub count: u64,
    /// What the statement of the merchant's account says, where it was available.
    pub flow: Option<Arc<FundFlow>>,
    /// The rows.
    pub rows: BillRows,
}

/// The rows of a bill as they are read.
pub type ReadRows = Box<dyn Iterator<Item = Result<BillRow, BadBill>> + Send>;

/// The rows of a bill, from the first each time that they are read.
#[derive(Clone)]
pub struct BillRows(Arc<dyn Fn() -> Result<ReadRows, BadBill> + Send + Sync>);

impl fmt::Debug for BillRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BillRows(…)")
    }
}

impl BillRows {
    /// Rows that `open` begins to read.
    pub fn new(open: impl Fn() -> Result<ReadRows, BadBill> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// Rows that are in memory.
    pub fn of(rows: Vec<BillRow>) -> Self {
        Self::new(move || Ok(Box::new(rows.clone().into_iter().map(Ok))))
    }

    /// Begins to read them.
    pub fn read(&self) -> Result<ReadRows, BadBill> {
        (self.0)()
    }
}

impl Bill {
    /// Of a day without transactions, as the provider says provably: a comparison with it ends differences.
    pub fn empty() -> Self {
        Self { hash: String::new(), count: 0, flow: None, rows: BillRows::of(Vec::new()) }
    }
}

impl fmt::Debug for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, count, .. } = self;
        f.debug_struct("Bill").field("hash", hash).field("count", count).finish_non_exhaustive()
    }
}

/// One row of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRow {
    /// What it records.
    pub entry: BillEntry,
    /// When: for a refund, when it was asked for.
    pub at: Timestamp,
    /// The merchant's number of the payment; for a refund, of the payment that it gives back.
    pub out_trade_no: String,
    /// The provider's number of that payment.
    pub transaction_id: String,
    /// The full amount, before coupons.
    pub amount: Fen,
    /// The part of it that the provider does not give to the merchant, or does not take back from
    /// it: the merchant's own coupons.
    pub coupon: Fen,
    /// What the provider charges; below zero for what it gives back.
    pub fee: Fee,
    /// The rate that the fee is made of, where the bill says it.
    pub rate: Option<Rate>,
}

/// What a row of a bill records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillEntry {
    /// A payment was made.
    Payment,
    /// All or some of a payment goes back.
    Refund {
        /// The provider's number of the refund.
        refund_id: String,
        /// The merchant's number of the refund.
        out_refund_no: String,
        /// How far it was.
        stage: BilledRefund,
    },
}

/// How far a refund was when its bill was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BilledRefund {
    /// Accepted, and not ended.
    UnderWay,
    /// The money went back.
    Done,
    /// It did not.
    Failed,
}

impl BillEntry {
    /// The name in storage.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund { .. } => "refund",
        }
    }

    /// How far it was; payments in bills are made.
    pub const fn stage(&self) -> BilledRefund {
        match self {
            Self::Payment => BilledRefund::Done,
            Self::Refund { stage, .. } => *stage,
        }
    }
}

impl BilledRefund {
    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnderWay => "under_way",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl BillRow {
    /// The merchant's number of the refund, where it is one.
    pub fn out_refund_no(&self) -> Option<&str> {
        match &self.entry {
            BillEntry::Payment => None,
            BillEntry::Refund { out_refund_no, .. } => Some(out_refund_no),
        }
    }

    /// The provider's number of what the row records.
    pub fn number(&self) -> &str {
        match &self.entry {
            BillEntry::Payment => &self.transaction_id,
            BillEntry::Refund { refund_id, .. } => refund_id,
        }
    }
}

/// A fee in thousandths of a fen: bills give yuan with five decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fee(i64);

impl Fee {
    /// A fen.
    const FEN: i64 = 1000;

    /// Of so many thousandths of a fen.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// Of so many fen; below zero for a fee that is given back.
    pub const fn from_fen(fen: i64) -> Self {
        Self(fen.saturating_mul(Self::FEN))
    }

    /// In thousandths of a fen.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// In fen, as it is posted: halves are rounded away from zero.
    pub const fn fen(self) -> i64 {
        let (whole, rest) = (self.0 / Self::FEN, self.0 % Self::FEN);
        if rest >= Self::FEN / 2 {
            whole + 1
        } else if rest <= -Self::FEN / 2 {
            whole - 1
        } else {
            whole
        }
    }
}

/// In yuan, with the decimals that it has.
impl fmt::Display for Fee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (size, yuan) = (self.0.unsigned_abs(), 100 * Self::FEN.unsigned_abs());
        write!(f, "{sign}¥{}.{:05}", size / yuan, size % yuan)
    }
}

/// A rate in millionths: 0.60 % is 6000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    /// Of so many millionths.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    /// Whether `fee` is this rate of `amount`, give or take less than a fen: how providers round is
    /// theirs to know.
    pub fn fits(self, amount: Fen, fee: Fee) -> bool {
        let exact = i128::from(amount.get()) * i128::from(self.0) / 1000;
        (i128::from(fee.0).abs() - exact).abs() < i128::from(Fee::FEN)
    }

    /// The fee of `amount`, unrounded.
    pub fn of(self, amount: Fen) -> Fee {
        let exact = i128::from(amount.get()) * i128::from(self.0) / 1000;
        Fee(i64::try_from(exact).unwrap_or(i64::MAX))
    }
}

/// The fees in the statement of a merchant's account, by the provider's number of the payment or
/// refund that they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FundFlow {
    fees: HashMap<String, i64>,
}

impl FundFlow {
    /// Adds a fee that was taken, in fen; below zero for one that was given back.
    pub fn add(&mut self, number: String, fen: i64) {
        let sum = self.fees.entry(number).or_default();
        *sum = sum.saturating_add(fen);
    }

    /// The fee of a payment or refund, in fen.
    pub fn fee_of(&self, number: &str) -> Option<i64> {
        self.fees.get(number).copied()
    }
}

/// What is wrong with a bill's file. Nothing of such a file is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBill {
    /// Its bytes are not those whose hash the provider signed.
    #[error("the file does not have the hash that the provider signed")]
    Hash,
    /// The compressed data is damaged.
    #[error("the file cannot be unpacked")]
    Packed,
    /// The file, or one of its lines, is longer than any bill.
    #[error("the file is larger than a bill may be")]
    TooLarge,
    /// The file does not begin as a bill does.
    #[error("the file is no bill")]
    NotABill,
    /// Text in another encoding than the provider's.
    #[error("line {0} is not in the encoding of the bill")]
    Encoding(u64),
    /// A column that is needed is not there, or is there twice.
    #[error("the bill has no column {0}, or more than one")]
    Column(&'static str),
    /// A row has more or fewer cells than the header.
    #[error("line {0} has another number of cells than the header")]
    Cells(u64),
    /// A cell cannot be read.
    #[error("line {line}: {column} cannot be read")]
    Cell {
        /// Counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
    },
    /// A row of another merchant.
    #[error("line {0} belongs to another merchant")]
    Merchant(u64),
    /// A row of another day, or no row of the day that was asked for.
    #[error("line {0} belongs to another day")]
    Day(u64),
    /// An amount in another currency than CNY.
    #[error("line {0} is not in CNY")]
    Currency(u64),
    /// The provider's number of a row is in the file before.
    #[error("line {0} repeats the number of another row")]
    Twice(u64),
    /// The file ends before its summary.
    #[error("the file ends before its summary")]
    Truncated,
    /// Something follows the summary: another bill, say.
    #[error("line {0} follows the summary")]
    Mixed(u64),
    /// The summary is not what the rows add up to.
    #[error("the rows do not add up to the summary: {0}")]
    Summary(&'static str),
}

/// Why there is no bill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// The provider has not made it yet, or says in an unsigned answer only that there is none.
    #[error("the provider has not made the bill yet, or does not prove that there is none")]
    NotReady,
    /// The provider refused, with its code.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// Too many calls; later.
    #[error("the provider limits our rate")]
    Throttled,
    /// No answer, a broken one, or one that cannot be believed. Asking again is harmless.
    #[error("no usable answer from the provider")]
    Unknown,
    /// The file lies at a host that is not among `bill_hosts`.
    #[error("the bill lies at {0}, which is not among bill_hosts")]
    Host(String),
    /// The file is not what it should be.
    #[error("{file}: {bad}")]
    Bad {
        /// Which of the provider's files.
        file: &'static str,
        /// What is wrong with it.
        bad: BadBill,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_rounded_to_the_fen_away_from_zero() {
        for (thousandths, fen, shown) in [
            (0, 0, "¥0.00000"),
            (499, 0, "¥0.00499"),
            (500, 1, "¥0.00500"),
            (30_000, 30, "¥0.30000"),
            (-7_000, -7, "-¥0.07000"),
            (-7_500, -8, "-¥0.07500"),
            (-7_499, -7, "-¥0.07499"),
        ] {
            let fee = Fee::from_thousandths(thousandths);
            assert_eq!((fee.fen(), fee.to_string().as_str()), (fen, shown), "{thousandths}");
        }
    }

    #[test]
    fn a_rate_fits_what_rounds_to_its_fee() {
        let rate = Rate::from_millionths(6000);
        let fits = |fen, fee| rate.fits(Fen::new(fen).unwrap(), Fee::from_fen(fee));
        for (fen, fee) in [(5000, 30), (1200, 7), (1200, 8), (1200, -7), (1, 0), (0, 0)] {
            assert!(fits(fen, fee), "{fen} {fee}");
        }
        for (fen, fee) in [(5000, 29), (5000, 31), (1200, 6), (0, 1)] {
            assert!(!fits(fen, fee), "{fen} {fee}");
        }
        assert_eq!(rate.of(Fen::new(1200).unwrap()), Fee::from_thousandths(7200));
    }
}
