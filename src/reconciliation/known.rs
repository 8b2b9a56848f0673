//! What is known about the rows of a batch, read in a bounded number of statements.

use super::{
    bill::{BillRow, FundFlow},
    compare::{KeptRow, Known, OurPayment, OurRefund, PostedReceipt, is_doubtful, named_payment},
    day::DayKey,
    run::Run,
    store,
};
use crate::{
    base::{
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{transfer::Record, verify::not_posted},
    orders::order::{PaymentId, PaymentState},
    payments::postings::RECEIVED,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What is known about a batch.
pub(super) struct KnownOfBatch {
    payments: HashMap<Uuid, OurPayment>,
    /// By the provider's number of the payment, where the payment does not tell.
    posted: HashMap<String, PostedReceipt>,
    /// By the payment and the merchant's number of the refund.
    refunds: HashMap<(PaymentId, String), OurRefund>,
    pub(super) kept: HashMap<String, KeptRow>,
    /// By the payment, in fen.
    corrected: HashMap<Uuid, i64>,
}

impl KnownOfBatch {
    /// What is known about one row of it.
    pub(super) fn of<'a>(
        &'a self,
        row: &BillRow,
        key: &DayKey,
        flow: Option<&FundFlow>,
    ) -> Known<'a> {
        let named = named_payment(row);
        let refund = named.zip(row.out_refund_no()).map(|(payment, no)| (payment, no.to_owned()));
        Known {
            day: key.day,
            school: key.school,
            payment: named.and_then(|id| self.payments.get(&id.uuid())),
            posted: self.posted.get(&row.transaction_id).copied(),
            refund: refund.and_then(|refund| self.refunds.get(&refund)),
            corrected_fen: named
                .and_then(|id| self.corrected.get(&id.uuid()))
                .map_or(0, |fen| *fen),
            flow_fee: flow.and_then(|flow| flow.fee_of(row.number())),
            before: self.kept.get(row.number()),
        }
    }
}

impl Run<'_> {
    /// What is known about the rows of a batch.
    pub(super) async fn known(&self, tx: &Tx, batch: &[BillRow]) -> Result<KnownOfBatch, DbError> {
        let mut ids: Vec<_> = batch.iter().filter_map(named_payment).map(PaymentId::uuid).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut payments: HashMap<_, _> =
            store::payments(tx, ids).await?.into_iter().map(|one| (one.id.uuid(), one)).collect();
        let ours = |payment: &&OurPayment| payment.school == self.key.school;
        let missing = self.missing(tx, payments.values().filter(ours)).await?;
        for payment in payments.values_mut().filter(|payment| missing.contains(&payment.id)) {
            payment.is_posted = false;
        }
        let payment_of = |row| named_payment(row).and_then(|id| payments.get(&id.uuid()));
        let doubtful = batch.iter().filter(|row| is_doubtful(row, payment_of(row)));
        let doubtful: Vec<_> = doubtful.map(|row| row.transaction_id.as_str()).collect();
        let posted = self.posted(tx, &doubtful).await?;
        let numbers = batch.iter().map(|row| row.number().to_owned()).collect();
        let kept = store::kept(tx, &self.key, numbers).await?;
        let refunds = batch.iter().filter_map(BillRow::out_refund_no).map(str::to_owned).collect();
        let refunds = store::refunds(tx, &self.key, refunds).await?;
        let corrected = store::corrected(tx, payments.keys().copied().collect()).await?;
        Ok(KnownOfBatch { payments, posted, refunds, kept, corrected })
    }

    /// Those of the paid payments that the ledger does not have.
    async fn missing(
        &self,
        tx: &Tx,
        payments: impl Iterator<Item = &OurPayment>,
    ) -> Result<HashSet<PaymentId>, DbError> {
        let reference = |payment: &OurPayment| match &payment.state {
            PaymentState::Paid { transaction_id, .. } => {
                let provider = self.key.provider.code();
                Some((format!("{provider}:{}:{transaction_id}", payment.merchant), payment.id))
            }
            PaymentState::Open | PaymentState::Closed => None,
        };
        let references: HashMap<String, PaymentId> = payments.filter_map(reference).collect();
        let of = references.keys().map(|reference| (self.key.school, reference.clone()));
        let missing = not_posted(tx, RECEIVED, of).await?;
        Ok(missing.iter().filter_map(|reference| references.get(reference).copied()).collect())
    }

    /// What the ledgers of all schools have of these transactions at the merchant; that of this school
    /// first.
    pub(super) async fn posted(
        &self,
        tx: &Tx,
        transactions: &[&str],
    ) -> Result<HashMap<String, PostedReceipt>, DbError> {
        let reference =
            |number: &str| format!("{}:{}:{number}", self.key.provider.code(), self.key.merchant);
        let numbers: HashMap<String, &str> =
            transactions.iter().map(|number| (reference(number), *number)).collect();
        let at = |school: SchoolId| numbers.keys().map(move |of| (school, of.clone()));
        let asked: Vec<_> = self.schools.iter().flat_map(|school| at(*school)).collect();
        let mut posted = HashMap::new();
        for record in Record::all_posted(tx, RECEIVED, &asked).await? {
            let number = numbers.get(record.reference.as_str());
            let (Some(number), [leg]) = (number, record.legs.as_slice()) else { continue };
            let (school, is_credited) = (record.school, record.person.is_some());
            let receipt = PostedReceipt { school, amount: leg.amount, is_credited };
            if school == self.key.school {
                posted.insert((*number).to_owned(), receipt);
            } else {
                posted.entry((*number).to_owned()).or_insert(receipt);
            }
        }
        Ok(posted)
    }
}
