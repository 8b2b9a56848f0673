//! What explains the postings of fees and coupons. Law: each row of a bill that is ours has exactly
//! one posting of its fee and one of its coupon, where it has any; and in the bill of a closed day,
//! each payment is a paid payment of ours of that amount, and each refund a refund of ours. Each accepted
//! difference whose repair moves money has exactly one posting of it, and behind it stands an authentic request
//! that two persons agreed on, with the SHA-256 of what is kept.

use super::{
    postings::{CORRECTED, COUPON, Correction, FEE, Posting, Unpostable},
    repair::digest_of,
    store::{
        self,
        audit::{KeptRepair, UnlikeRow},
    },
};
use crate::{
    approvals::{self, Approval, ApprovalKind, ApprovalState},
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        transfer::{Kind, Record, Transfer},
        verify::{Explains, Explanation, RowCounts, not_posted},
    },
    orders::order::PaymentId,
    payments::postings::RECEIVED,
};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
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
        let corrections = corrections(tx, approvals).await?;
        let explain = |record: &&Record| {
            if record.kind == CORRECTED.name() {
                let agreed = corrections.get(&record.reference);
                return agreed.map_or_else(
                    || Explanation::Nothing("posted, and nobody agreed on it".to_owned()),
                    |agreed| of_correction(record, agreed),
                );
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
        let (mut found, mut after) = (Vec::new(), Uuid::nil());
        while found.len() < NAMED {
            let page = store::audit::unlike(tx, since, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id();
            let known = suspended(tx, &page).await?;
            let unlike = page.iter().filter(|one| !known.contains(&one.row.reference()));
            found.extend(unlike.map(|one| {
                let number = &one.row.number;
                format!("bill row {number} of a closed day: no payment or refund of that amount")
            }));
        }
        found.truncate(NAMED);
        Ok(found)
    }
}

/// The references of those rows whose transactions are second ones of payments, or of no payment, and whose
/// amount the ledger has.
async fn suspended(tx: &Tx, rows: &[UnlikeRow]) -> Result<HashSet<String>, DbError> {
    let rows = rows.iter().filter(|one| one.is_suspended);
    let amounts: HashMap<(SchoolId, String), i64> =
        rows.map(|one| ((one.row.school, one.row.reference()), one.amount_fen)).collect();
    let asked: Vec<_> = amounts.keys().cloned().collect();
    let posted = Record::all_posted(tx, RECEIVED, &asked).await?;
    let same = posted.into_iter().filter(|record| {
        let amount = amounts.get(&(record.school, record.reference.clone()));
        matches!(record.legs.as_slice(), [leg] if Some(&leg.amount.get()) == amount)
    });
    Ok(same.map(|record| record.reference).collect())
}

/// The corrections that are kept under these requests, by reference; or why one proves nothing.
async fn corrections(
    tx: &Tx,
    approvals: Vec<Uuid>,
) -> Result<HashMap<String, Result<Correction, &'static str>>, DbError> {
    let requests = approvals::authentic(tx, approvals.clone()).await?;
    let requests: HashMap<Uuid, Approval> =
        requests.into_iter().map(|request| (request.id.uuid(), request)).collect();
    let kept = store::audit::corrections_of(tx, approvals).await?;
    let agreed = |kept: KeptRepair| {
        let correction = Correction {
            school: kept.school,
            person: kept.person,
            approval: kept.approval,
            day: kept.accepted_at.day(),
            stake_fen: kept.difference.stake_fen.saturating_sub(kept.corrected_fen),
        };
        let proven = proves(requests.get(&kept.approval), &kept);
        (correction.reference(), proven.map(|()| correction))
    };
    Ok(kept.into_iter().map(agreed).collect())
}

/// Whether a request is about what is kept under it, and was approved.
fn proves(request: Option<&Approval>, kept: &KeptRepair) -> Result<(), &'static str> {
    let request = request.ok_or("there is no authentic request for it")?;
    let payment = PaymentId::from_out_trade_no(&kept.difference.out_trade_no);
    let is_about = request.kind == ApprovalKind::BillRepair
        && request.school == kept.school
        && request.subject == kept.id
        && payment.map(PaymentId::uuid) == Some(kept.payment);
    let digest = digest_of(kept.id, &kept.difference, kept.corrected_fen, &request.reason);
    if !is_about || digest != request.request_digest {
        return Err("its request is about something else");
    }
    match request.decided_state() {
        Some(ApprovalState::Approved) => Ok(()),
        Some(
            ApprovalState::Requested
            | ApprovalState::Rejected
            | ApprovalState::Withdrawn
            | ApprovalState::Expired,
        )
        | None => Err("its request was not approved"),
    }
}

/// Compares a correction with what two persons agreed on.
fn of_correction(record: &Record, agreed: &Result<Correction, &'static str>) -> Explanation {
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(why) => return Explanation::Nothing(format!("posted, and {why}")),
    };
    let Some(expected) = agreed.transfer() else {
        return Explanation::Nothing("posted, and its request moves nothing".to_owned());
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
