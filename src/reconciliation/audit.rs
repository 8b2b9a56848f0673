//! What explains the postings of fees and coupons. Law: each row of a bill that is ours has exactly
//! one posting of its fee and one of its coupon, where it has any; and in the bill of a closed day,
//! each payment is a paid payment of ours of that amount, and each refund a refund of ours. Each accepted
//! difference whose repair moves money has exactly one posting of it.

use super::{
    postings::{CORRECTED, COUPON, Correction, FEE, Posting, Unpostable},
    store,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    ledger::{
        transfer::{Kind, Record, Transfer},
        verify::{Explains, Explanation, RowCounts, not_posted},
    },
};
use async_trait::async_trait;
use std::collections::HashMap;
use uuid::Uuid;

/// The most rows that are named.
const NAMED: usize = 1000;

/// Bills, as `verify` asks about them.
#[derive(Clone, Copy, Debug)]
pub struct BillsExplain;

#[async_trait]
impl Explains for BillsExplain {
    fn title(&self) -> &'static str {
        "bills, fees and coupons"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[FEE, COUPON, CORRECTED]
    }

    async fn explain(&self, tx: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError> {
        let mut keys: Vec<_> =
            transfers.iter().filter_map(|record| key_of(&record.reference)).collect();
        // A fee and a coupon may be of one row.
        keys.sort_unstable();
        keys.dedup();
        let rows = store::audit::rows_of(tx, &keys).await?;
        let rows: HashMap<String, Posting> =
            rows.into_iter().map(|row| (row.reference(), row)).collect();
        let corrected = |record: &&&Record| record.kind == CORRECTED.name();
        let approvals = transfers.iter().filter(corrected);
        let approvals: Vec<Uuid> =
            approvals.filter_map(|record| record.reference.parse().ok()).collect();
        let corrections = store::audit::corrections_of(tx, approvals).await?;
        let corrections: HashMap<String, Correction> =
            corrections.into_iter().map(|one| (one.reference(), one)).collect();
        let explain = |record: &&Record| {
            if record.kind == CORRECTED.name() {
                return of_correction(record, corrections.get(&record.reference));
            }
            match rows.get(&record.reference) {
                Some(row) => compare(record, row),
                None => Explanation::Nothing("posted, and in no bill".to_owned()),
            }
        };
        Ok(transfers.iter().map(explain).collect())
    }

    async fn rows(&self, tx: &Tx) -> Result<RowCounts, DbError> {
        let counted = store::audit::counts(tx).await?;
        let of = counted.into_iter().flat_map(|(school, [fees, coupons])| {
            [((school, FEE), fees), ((school, COUPON), coupons)]
        });
        let corrected = store::audit::count_corrections(tx).await?.into_iter();
        Ok(of.chain(corrected.map(|(school, count)| ((school, CORRECTED), count))).collect())
    }

    async fn unposted(&self, tx: &Tx) -> Result<Vec<String>, DbError> {
        let (mut found, mut after) = (Vec::new(), None);
        while found.len() < NAMED {
            let (page, last) = store::audit::page_after(tx, after).await?;
            if last.is_none() {
                break;
            }
            after = last;
            let with = |has: fn(&Posting) -> bool| {
                let rows = page.iter().filter(move |row| has(row));
                rows.map(|row| (row.school, row.reference()))
            };
            let fees = not_posted(tx, FEE, with(|row| row.fee_fen != 0)).await?;
            let coupons = not_posted(tx, COUPON, with(|row| !row.coupon.is_zero())).await?;
            found.extend(fees.iter().map(|row| format!("bill row {row}: its fee is not posted")));
            found.extend(coupons.iter().map(|r| format!("bill row {r}: its coupon is not posted")));
        }
        let accepted = store::audit::accepted_corrections(tx).await?;
        let missing = not_posted(tx, CORRECTED, accepted.into_iter()).await?;
        found.extend(missing.iter().map(|id| format!("correction {id}: agreed on, not posted")));
        found.truncate(NAMED);
        Ok(found)
    }

    async fn contradictions(
        &self,
        tx: &Tx,
        since: Option<Timestamp>,
    ) -> Result<Vec<String>, DbError> {
        let unlike = store::audit::unlike(tx, since).await?;
        let what = |number: &String| {
            format!("bill row {number} of a closed day: no payment or refund of that amount")
        };
        Ok(unlike.iter().map(what).collect())
    }
}

/// Compares a correction with what two persons agreed on.
fn of_correction(record: &Record, agreed: Option<&Correction>) -> Explanation {
    let expected = agreed.and_then(Correction::transfer);
    let Some(expected) = expected else {
        return Explanation::Nothing("posted, and nobody agreed on it".to_owned());
    };
    match record.differences(&expected).as_deref() {
        Ok([]) => Explanation::Row,
        Ok(fields) => {
            Explanation::Nothing(format!("differs from its request in {}", fields.join(", ")))
        }
        Err(error) => Explanation::Nothing(format!("its request cannot be posted: {error}")),
    }
}

/// Compares a posting with what its row would post.
fn compare(record: &Record, row: &Posting) -> Explanation {
    let expected: Result<Option<Transfer>, Unpostable> =
        if record.kind == FEE.name() { row.fee() } else { row.coupon() };
    let expected = match expected {
        Ok(Some(expected)) => expected,
        Ok(None) => return Explanation::Nothing("its row has no such amount".to_owned()),
        Err(error) => return Explanation::Nothing(format!("its row cannot be posted: {error}")),
    };
    match record.differences(&expected).as_deref() {
        Ok([]) => Explanation::Row,
        Ok(fields) => {
            Explanation::Nothing(format!("differs from its row in {}", fields.join(", ")))
        }
        Err(error) => Explanation::Nothing(format!("its row cannot be posted: {error}")),
    }
}

/// The provider, merchant and number of a reference.
fn key_of(reference: &str) -> Option<(String, String, String)> {
    let (provider, rest) = reference.split_once(':')?;
    let (merchant, number) = rest.split_once(':')?;
    Some((provider.to_owned(), merchant.to_owned(), number.to_owned()))
}
