//! Compares one row of a bill with what we know of it. Pure.
//!
//! | the row | then |
//! | --- | --- |
//! | its number of the payment cannot be ours | another program of the merchant |
//! | its payment is another school's, on a shared merchant | that school's to compare |
//! | its payment is unknown, or has another transaction, and the ledger has this one | equal: a case tells whose it is |
//! | paid by us on the neighbouring day, minutes from midnight | equal |
//! | a refund under way in the bill, done or sent by us | equal: it ended after the bill was made |
//! | anything else that differs | a difference for each field |

mod facts;

pub use facts::{BilledBefore, KeptRow, Known, OurPayment, OurRefund, PostedReceipt};

use super::{
    bill::{BillEntry, BillRow, BilledRefund, Fee},
    difference::{Difference, Differs, Repair},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        money::Fen,
    },
    orders::order::{PaymentId, PaymentState},
};
use std::time::Duration;

/// How far from midnight a payment may be counted on the neighbouring day by the provider.
const MIDNIGHT: Duration = Duration::from_mins(10);

/// What came of comparing a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Of another program: its number is none of ours.
    OtherProgram,
    /// Of another school on the same merchant.
    OtherSchool,
    /// Of this school: its payment is, or its money is in suspense, with a case. Differences, if any.
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
    let Some(payment) = known.payment else { return without_payment(row, known) };
    if payment.school != known.school {
        return Compared::OtherSchool;
    }
    ours(
        row,
        known,
        match &row.entry {
            BillEntry::Payment => of_payment(row, payment, known),
            BillEntry::Refund { stage, .. } => of_refund(row, *stage, known.refund),
        },
    )
}

fn ours(row: &BillRow, known: Known<'_>, mut found: Vec<Difference>) -> Compared {
    found.extend(of_fee(row, known));
    found.extend(of_kept(row, known));
    found.sort_by_key(|difference| difference.differs);
    found.dedup_by_key(|difference| difference.differs);
    Compared::Ours(found)
}

/// Whether a row records this payment: not a refund of it, and no other transaction of it.
pub fn is_own(row: &BillRow, payment: &OurPayment) -> bool {
    let same = match &payment.state {
        PaymentState::Paid { transaction_id, .. } => *transaction_id == row.transaction_id,
        PaymentState::Open | PaymentState::Closed => true,
    };
    row.entry == BillEntry::Payment && same
}

/// True for a payment in a bill whose own payment of ours, if any, does not tell what the ledger has of it.
pub fn is_doubtful(row: &BillRow, payment: Option<&OurPayment>) -> bool {
    if row.entry != BillEntry::Payment {
        return false;
    }
    let Some(payment) = payment else { return named_payment(row).is_some() };
    let same = match &payment.state {
        PaymentState::Paid { transaction_id, .. } => *transaction_id == row.transaction_id,
        PaymentState::Open | PaymentState::Closed => false,
    };
    !(same && payment.amount == row.amount)
}

fn without_payment(row: &BillRow, known: Known<'_>) -> Compared {
    let is_payment = row.entry == BillEntry::Payment;
    match known.posted.filter(|_| is_payment) {
        Some(posted) if posted.school != known.school => Compared::OtherSchool,
        Some(posted) if !posted.is_credited && posted.amount == row.amount => {
            ours(row, known, Vec::new())
        }
        Some(posted) if !posted.is_credited => {
            Compared::Unmatched(amount_differs(row, posted.amount, Repair::AskSupport))
        }
        // Never heard of, or another payment's.
        Some(_) | None => {
            let repair = Repair::AskProvider;
            Compared::Unmatched(at(row, Differs::TheirsOnly, ["", &shown(row)], repair))
        }
    }
}

/// Another transaction of a payment that has one: the ledger has it, in suspense and perhaps given back
/// already, or it has not.
fn of_second(row: &BillRow, first: &str, known: Known<'_>) -> Option<Difference> {
    match known.posted.filter(|posted| posted.school == known.school && !posted.is_credited) {
        None => {
            let theirs = format!("{} {}", row.transaction_id, row.amount);
            Some(at(row, Differs::TheirsOnly, [first, &theirs], Repair::AskProvider))
        }
        Some(posted) if posted.amount == row.amount => None,
        Some(posted) => Some(amount_differs(row, posted.amount, Repair::AskSupport)),
    }
}

/// What would repair an amount: the balance, if the person was credited with it. Elsewhere its money is in
/// suspense, or was never heard of.
fn repair_of_amount(known: Known<'_>) -> Repair {
    match known.posted {
        Some(PostedReceipt { school, is_credited: true, .. }) if school == known.school => {
            Repair::CorrectBalance
        }
        Some(_) | None => Repair::AskSupport,
    }
}

fn of_payment(row: &BillRow, ours: &OurPayment, known: Known<'_>) -> Vec<Difference> {
    let (day, mut found) = (known.day, Vec::new());
    let mut add = |differs, values: [&str; 2], repair| {
        found.push(at(row, differs, values, repair));
    };
    match &ours.state {
        PaymentState::Open | PaymentState::Closed => {
            add(Differs::State, [ours.state.code(), "paid"], Repair::AskProvider);
        }
        PaymentState::Paid { transaction_id, .. } if *transaction_id != row.transaction_id => {
            return of_second(row, transaction_id, known).into_iter().collect();
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
        found.push(amount_differs(row, ours.amount, repair_of_amount(known)));
    } else if known.corrected_fen != 0 {
        found.push(corrected_in_vain(row, known.corrected_fen));
    }
    found
}

/// The balance was corrected to the amount of an earlier bill, and this one has the payment's again.
/// Nothing is at stake between the payment and the bill, so accepting it takes the correction back.
fn corrected_in_vain(row: &BillRow, corrected_fen: i64) -> Difference {
    // The amount of an earlier bill.
    let corrected = Fen::new(row.amount.get().saturating_add(corrected_fen)).unwrap_or_default();
    let values = [corrected.to_string(), row.amount.to_string()];
    let [ours, theirs] = &values;
    let repair = Repair::CorrectBalance;
    Difference { stake_fen: 0, ..at(row, Differs::Amount, [ours, theirs], repair) }
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

/// What was posted of a row that a bill had before must be as it was: its day, its fee and its coupon. Its
/// amount posts nothing, and is compared with ours.
fn of_kept(row: &BillRow, known: Known<'_>) -> Vec<Difference> {
    let Some(kept) = known.before else { return Vec::new() };
    let fee = Fee::from_fen(kept.fee_fen).to_string();
    let pairs = [
        (Differs::Day, kept.day.to_string(), known.day.to_string()),
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

/// A row of an earlier bill that the provider has taken back.
pub fn withdrawn(row: &BilledBefore) -> Difference {
    Difference {
        entry: row.entry,
        number: row.number.clone(),
        out_trade_no: row.payment.out_trade_no(),
        differs: Differs::Withdrawn,
        ours: String::new(),
        theirs: format!("{} {}", row.entry, row.amount),
        stake_fen: row.amount.get(),
        repair: Repair::AskSupport,
    }
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
