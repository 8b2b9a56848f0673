//! Compares one row of a bill with what we know of it. Pure.
//!
//! | the row | then |
//! | --- | --- |
//! | its number of the payment cannot be ours | another program of the merchant |
//! | its payment is another school's, on a shared merchant | that school's to compare |
//! | paid by us on the neighbouring day, minutes from midnight | equal |
//! | a refund under way in the bill, done or sent by us | equal: it ended after the bill was made |
//! | anything else that differs | a difference for each field |

use super::bill::{BillEntry, BillRow, BilledRefund, Fee};
use crate::{
    base::{
        clock::{Day, Timestamp},
        ids::SchoolId,
        money::Fen,
    },
    orders::order::{PaymentId, PaymentState},
};
use std::time::Duration;

/// How far from midnight a payment may be counted on the neighbouring day by the provider.
const MIDNIGHT: Duration = Duration::from_mins(10);

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
    /// The school that it was counted for.
    pub school: SchoolId,
    /// The amount.
    pub amount: Fen,
    /// The fee that was posted, in fen.
    pub fee_fen: i64,
    /// The coupon that was posted.
    pub coupon: Fen,
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
    /// The refund that the row names.
    pub refund: Option<&'a OurRefund>,
    /// The fee in the statement of the merchant's account, in fen.
    pub flow_fee: Option<i64>,
    /// The same row, as it was kept before.
    pub before: Option<&'a KeptRow>,
}

/// In what a row and our books differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Differs {
    /// Only we have it.
    OursOnly,
    /// Only the provider has it.
    TheirsOnly,
    /// The amount.
    Amount,
    /// The state.
    State,
    /// The fee.
    Fee,
    /// The day.
    Day,
    /// We have it, and the ledger does not.
    Ledger,
}

impl Differs {
    /// Every field.
    pub const ALL: [Self; 7] = [
        Self::OursOnly,
        Self::TheirsOnly,
        Self::Amount,
        Self::State,
        Self::Fee,
        Self::Day,
        Self::Ledger,
    ];

    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OursOnly => "ours_only",
            Self::TheirsOnly => "theirs_only",
            Self::Amount => "amount",
            Self::State => "state",
            Self::Fee => "fee",
            Self::Day => "day",
            Self::Ledger => "ledger",
        }
    }

    /// The field of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.code() == code)
    }
}

/// What would repair a difference. Each but the first moves nothing until two persons accept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Ask the provider; its answer is settled as any other.
    AskProvider,
    /// Correct the person's balance.
    CorrectBalance,
    /// Ask the provider's support, with both values.
    AskSupport,
    /// Run `verify`.
    Verify,
}

impl Repair {
    const ALL: [Self; 4] =
        [Self::AskProvider, Self::CorrectBalance, Self::AskSupport, Self::Verify];

    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AskProvider => "ask_provider",
            Self::CorrectBalance => "correct_balance",
            Self::AskSupport => "ask_support",
            Self::Verify => "verify",
        }
    }

    /// The repair of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|repair| repair.code() == code)
    }
}

/// One field in which a row and our books differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of a payment or of a refund.
    pub entry: &'static str,
    /// The provider's number of it; ours where the provider has none.
    pub number: String,
    /// Our number of the payment.
    pub out_trade_no: String,
    /// The field.
    pub differs: Differs,
    /// What we have; empty for nothing.
    pub ours: String,
    /// What the provider has; empty for nothing.
    pub theirs: String,
    /// In fen: of an amount that differs, what the provider has more than we; else the whole amount.
    pub stake_fen: i64,
    /// What would repair it.
    pub repair: Repair,
}

/// What came of comparing a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Of another program: its number is none of ours.
    OtherProgram,
    /// Of another school on the same merchant.
    OtherSchool,
    /// Of this school. Differences, if any.
    Ours(Vec<Difference>),
    /// Its number could be ours, and it is no payment of ours.
    Unmatched(Difference),
}

/// The payment that a row names, if its number has the form of ours.
pub fn named_payment(row: &BillRow) -> Option<PaymentId> {
    let id = PaymentId::from_out_trade_no(&row.out_trade_no)?;
    // Other programs of a merchant number their payments by 32 hex digits as well; ours are made of
    // the time.
    (id.uuid().get_version_num() == 7).then_some(id)
}

/// Compares a row with what is known about it.
pub fn compare(row: &BillRow, known: Known<'_>) -> Compared {
    if named_payment(row).is_none() {
        return Compared::OtherProgram;
    }
    let Some(payment) = known.payment else {
        let repair = Repair::AskProvider;
        return Compared::Unmatched(at(row, Differs::TheirsOnly, ["", &shown(row)], repair));
    };
    if payment.school != known.school {
        return Compared::OtherSchool;
    }
    let mut found = match &row.entry {
        BillEntry::Payment => of_payment(row, payment, known.day),
        BillEntry::Refund { stage, .. } => of_refund(row, *stage, known.refund),
    };
    found.extend(of_fee(row, known));
    found.extend(of_kept(row, known));
    found.sort_by_key(|difference| difference.differs);
    found.dedup_by_key(|difference| difference.differs);
    Compared::Ours(found)
}

fn of_payment(row: &BillRow, ours: &OurPayment, day: Day) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |differs, values: [&str; 2], repair| {
        found.push(at(row, differs, values, repair));
    };
    match &ours.state {
        PaymentState::Open | PaymentState::Closed => {
            add(Differs::State, [ours.state.code(), "paid"], Repair::AskProvider);
        }
        PaymentState::Paid { transaction_id, .. } if *transaction_id != row.transaction_id => {
            let values = [transaction_id.as_str(), &row.transaction_id];
            add(Differs::TheirsOnly, values, Repair::AskProvider);
            return found;
        }
        PaymentState::Paid { paid_at, .. } => {
            if paid_at.day() != day && !is_at_midnight(*paid_at, day) {
                let values = [paid_at.day().to_string(), day.to_string()];
                add(Differs::Day, [&values[0], &values[1]], Repair::AskSupport);
            }
            if !ours.is_posted {
                add(Differs::Ledger, ["not posted", "paid"], Repair::Verify);
            }
        }
    }
    if ours.amount != row.amount {
        found.push(amount_differs(row, ours.amount, Repair::CorrectBalance));
    }
    found
}

fn amount_differs(row: &BillRow, ours: Fen, repair: Repair) -> Difference {
    let values = [ours.to_string(), row.amount.to_string()];
    let stake_fen = row.amount.get() - ours.get();
    let [ours, theirs] = &values;
    Difference { stake_fen, ..at(row, Differs::Amount, [ours, theirs], repair) }
}

fn of_refund(row: &BillRow, stage: BilledRefund, ours: Option<&OurRefund>) -> Vec<Difference> {
    let Some(ours) = ours else {
        return match stage {
            // Made in the provider's console, say.
            BilledRefund::Done | BilledRefund::UnderWay => {
                vec![at(row, Differs::TheirsOnly, ["", &shown(row)], Repair::AskProvider)]
            }
            BilledRefund::Failed => Vec::new(),
        };
    };
    let mut found = Vec::new();
    if ours.amount != row.amount {
        found.push(amount_differs(row, ours.amount, Repair::AskSupport));
    }
    let is = match (ours.state.as_str(), stage) {
        ("done", BilledRefund::Done | BilledRefund::UnderWay)
        | ("sent", BilledRefund::UnderWay)
        | ("failed", BilledRefund::Failed | BilledRefund::UnderWay) => return found,
        (_, BilledRefund::Done) => "done",
        (_, BilledRefund::UnderWay) => "sent",
        (_, BilledRefund::Failed) => "failed",
    };
    found.push(at(row, Differs::State, [&ours.state, is], Repair::AskProvider));
    found
}

/// The fee must be its rate of what the merchant gets, and be what the merchant's account was charged.
fn of_fee(row: &BillRow, known: Known<'_>) -> Option<Difference> {
    let theirs = row.fee.to_string();
    if let Some(charged) = known.flow_fee.filter(|charged| *charged != row.fee.fen()) {
        let charged = Fee::from_fen(charged).to_string();
        return Some(at(row, Differs::Fee, [&charged, &theirs], Repair::AskSupport));
    }
    let net = row.amount.minus(row.coupon).unwrap_or_default();
    let rate = row.rate.filter(|rate| !rate.fits(net, row.fee))?;
    let expected = rate.of(net).to_string();
    Some(at(row, Differs::Fee, [&expected, &theirs], Repair::AskSupport))
}

/// A row that a bill had before must be as it was: its fee and its coupon are posted.
fn of_kept(row: &BillRow, known: Known<'_>) -> Vec<Difference> {
    let Some(kept) = known.before else { return Vec::new() };
    let fee = Fee::from_fen(kept.fee_fen).to_string();
    let pairs = [
        (Differs::Day, kept.day.to_string(), known.day.to_string()),
        (Differs::Amount, kept.amount.to_string(), row.amount.to_string()),
        (Differs::Fee, fee, Fee::from_fen(row.fee.fen()).to_string()),
        (Differs::Amount, kept.coupon.to_string(), row.coupon.to_string()),
    ];
    let differing = pairs.iter().filter(|(_, before, now)| before != now);
    differing.map(|(what, was, is)| at(row, *what, [was, is], Repair::AskSupport)).collect()
}

/// True for a payment so near to the midnight on either side of `day` that the provider may count it
/// there.
pub fn is_at_midnight(paid_at: Timestamp, day: Day) -> bool {
    let midnights = [day.start(), day.next().start()];
    midnights.iter().any(|midnight| paid_at.distance(*midnight) <= MIDNIGHT)
}

/// A paid payment that is in no bill in which it could be.
pub fn ours_only(payment: &OurPayment) -> Option<Difference> {
    let PaymentState::Paid { transaction_id, .. } = &payment.state else { return None };
    Some(Difference {
        entry: BillEntry::Payment.code(),
        number: transaction_id.clone(),
        out_trade_no: payment.id.out_trade_no(),
        differs: Differs::OursOnly,
        ours: format!("paid {}", payment.amount),
        theirs: String::new(),
        stake_fen: payment.amount.get(),
        repair: Repair::AskProvider,
    })
}

/// A refund that was done and is in no bill in which it could be.
pub fn refund_ours_only(refund: &OurRefund) -> Difference {
    Difference {
        entry: "refund",
        number: refund.number.clone(),
        out_trade_no: refund.payment.out_trade_no(),
        differs: Differs::OursOnly,
        ours: format!("refunded {}", refund.amount),
        theirs: String::new(),
        stake_fen: refund.amount.get(),
        repair: Repair::AskSupport,
    }
}

fn shown(row: &BillRow) -> String {
    format!("{} {}", row.entry.code(), row.amount)
}

fn at(row: &BillRow, differs: Differs, [ours, theirs]: [&str; 2], repair: Repair) -> Difference {
    Difference {
        entry: row.entry.code(),
        number: row.number().to_owned(),
        out_trade_no: row.out_trade_no.clone(),
        differs,
        ours: ours.to_owned(),
        theirs: theirs.to_owned(),
        stake_fen: row.amount.get(),
        repair,
    }
}

#[cfg(test)]
mod tests;
