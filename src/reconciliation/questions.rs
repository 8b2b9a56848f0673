//! What a provider is asked about differences, and how much of it: its answer settles as any other.

use super::{
    ReconcileError,
    bill::{BillEntry, BillRow},
    compare::{PostedReceipt, named_payment},
    difference::{Difference, Differs, Repair},
    run::{BATCH, BatchError, Run},
    store,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        write_point,
    },
    payments::{
        PaymentError,
        gateway::{GatewayError, RefundNumbers},
    },
};

/// The most payments and refunds that a comparison asks the provider about: more are no accident.
const MOST_ASKED: u32 = 1000;
/// After so many questions in a row without a usable answer the provider is asked no more.
const MOST_SILENT: u32 = 3;

/// A difference, and what the provider is asked about it.
#[derive(Clone)]
pub(super) struct Question {
    difference: Difference,
    wanted: Wanted,
}

/// What an answer could tell.
#[derive(Clone)]
enum Wanted {
    /// That a payment of ours was paid.
    Credit,
    /// The transaction of this row: of no payment of ours, or of one that has another. It is found in the
    /// ledger once it is settled.
    Transaction(Box<BillRow>),
    /// How a refund ended.
    Refund(RefundNumbers),
    /// That a payment that is in no bill was paid. The bill stays as it is, so the difference stays too.
    Confirmation,
}

/// What came of a question.
enum Answered {
    /// The difference is no more.
    Repaired,
    /// The provider has answered, and only its support can tell more.
    Told,
    /// The difference stays as it is.
    Nothing,
}

/// How much the provider may still be asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    asked: u32,
    silent: u32,
    is_throttled: bool,
}

impl Patience {
    const fn is_out(self) -> bool {
        self.is_throttled || self.silent >= MOST_SILENT || self.asked >= MOST_ASKED
    }

    /// Counts a question by how it went.
    fn count(&mut self, error: Option<&PaymentError>) {
        self.asked = self.asked.saturating_add(1);
        match error {
            Some(PaymentError::Provider(GatewayError::Throttled { .. })) => {
                self.is_throttled = true;
            }
            Some(PaymentError::Provider(GatewayError::Unknown)) => {
                self.silent = self.silent.saturating_add(1);
            }
            Some(_) | None => self.silent = 0,
        }
    }
}

/// What the provider is asked about a row that differs.
pub(super) fn question(row: &BillRow, difference: &Difference) -> Option<Question> {
    if difference.repair != Repair::AskProvider {
        return None;
    }
    let wanted = match &row.entry {
        BillEntry::Payment if difference.differs == Differs::State => Wanted::Credit,
        BillEntry::Payment if difference.differs == Differs::TheirsOnly => {
            Wanted::Transaction(Box::new(row.clone()))
        }
        BillEntry::Payment => return None,
        BillEntry::Refund { out_refund_no, .. } => Wanted::Refund(RefundNumbers {
            out_refund_no: out_refund_no.clone(),
            out_trade_no: row.out_trade_no.clone(),
            transaction_id: row.transaction_id.clone(),
        }),
    };
    Some(Question { difference: difference.clone(), wanted })
}

/// What the provider is asked about a payment that is in no bill.
pub(super) fn confirmation(difference: &Difference) -> Question {
    Question { difference: difference.clone(), wanted: Wanted::Confirmation }
}

impl Run<'_> {
    /// Asks about what differs, one question after the other. A provider that limits our rate, or gives no
    /// usable answer a few times in a row, is asked no more: what is left stays open and is counted.
    pub(super) async fn ask_provider(&mut self) -> Result<(), ReconcileError> {
        for batch in std::mem::take(&mut self.questions).chunks(BATCH) {
            let numbers = batch.iter().map(|question| question.difference.number.clone());
            let db = (&self.room.db).into();
            let mut open = store::open_among(db, &self.key, numbers.collect()).await?;
            for Question { difference, wanted } in batch {
                // Accepted, another school's, or asked about already: a bill may name one thing twice.
                if !open.remove(&(difference.number.clone(), difference.differs.code().to_owned()))
                {
                    continue;
                }
                if self.patience.is_out() {
                    self.totals.unasked += 1;
                    continue;
                }
                self.ask_about(difference, wanted).await?;
            }
        }
        Ok(())
    }

    async fn ask_about(
        &mut self,
        difference: &Difference,
        wanted: &Wanted,
    ) -> Result<(), ReconcileError> {
        let answered = write_point::within("bill: ask", self.ask(difference, wanted)).await;
        self.patience.count(answered.as_ref().err());
        match answered {
            Ok(answered) => self.note(difference, wanted, &answered).await,
            Err(error) => {
                // It stays open; the next comparison asks again.
                let number = &difference.number;
                tracing::warn!(%error, number, "the provider could not be asked");
                Ok(())
            }
        }
    }

    async fn ask(
        &self,
        difference: &Difference,
        wanted: &Wanted,
    ) -> Result<Answered, PaymentError> {
        let (payments, school, provider) = (&self.room.payments, self.school, self.key.provider);
        let number = &difference.out_trade_no;
        let is_repaired = match wanted {
            Wanted::Credit => payments.settle_by_answer(school, provider, number).await?,
            Wanted::Transaction(_) => {
                payments.settle_by_answer(school, provider, number).await?;
                self.has_received(&difference.number).await?
            }
            Wanted::Refund(numbers) => {
                payments.settle_refund_by_answer(school, provider, numbers).await?
            }
            Wanted::Confirmation => {
                if !payments.settle_by_answer(school, provider, number).await? {
                    tracing::error!(number, "the provider does not confirm a paid payment");
                }
                return Ok(Answered::Told);
            }
        };
        Ok(if is_repaired { Answered::Repaired } else { Answered::Nothing })
    }

    /// Whether the ledger of this school has a transaction that is no payment's.
    async fn has_received(&self, transaction: &str) -> Result<bool, DbError> {
        let db = &self.room.db;
        let found = db.in_snapshot(async |tx| self.posted(tx, &[transaction]).await).await?;
        let is_here =
            |posted: &PostedReceipt| posted.school == self.key.school && !posted.is_credited;
        Ok(found.get(transaction).is_some_and(is_here))
    }

    async fn note(
        &mut self,
        difference: &Difference,
        wanted: &Wanted,
        answered: &Answered,
    ) -> Result<(), ReconcileError> {
        let now = self.room.clock.now();
        match answered {
            Answered::Nothing => {}
            Answered::Told => {
                let (db, key) = (&self.room.db, &self.key);
                let telling = db.in_tx(async |tx| store::told(tx, key, difference).await);
                write_point::within("bill: repaired", telling).await?;
            }
            Answered::Repaired => {
                let this = &*self;
                let ending = this.room.db.in_tx(async |tx| {
                    let kept = this.keep_settled(tx, wanted, now).await?;
                    store::repaired(tx, &this.key, difference, now).await?;
                    Ok::<_, BatchError>(kept)
                });
                let kept = write_point::within("bill: repaired", ending).await?;
                self.totals.repaired += 1;
                if self.comparison.was_closed && kept.is_some() {
                    self.totals.late_rows += 1;
                }
                self.billed.extend(kept);
            }
        }
        Ok(())
    }

    /// Keeps the row of a transaction of no payment of ours whose money is now in suspense, and posts its
    /// fee: the comparison found it when the ledger did not have it yet. Returns its number if it is new.
    async fn keep_settled(
        &self,
        tx: &Tx,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Option<String>, BatchError> {
        let Wanted::Transaction(row) = wanted else { return Ok(None) };
        let Some(payment) = named_payment(row) else { return Ok(None) };
        store::hold(tx, &self.key, self.comparison).await?;
        let posted = self.posted(tx, &[&row.transaction_id]).await?;
        let same = posted.values().any(|posted| posted.amount == row.amount);
        if !same || !store::kept(tx, &self.key, vec![row.number().to_owned()]).await?.is_empty() {
            return Ok(None);
        }
        self.write(tx, &[], &[self.new_row(row, payment)], now).await?;
        Ok(Some(row.number().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_limits_or_is_silent_is_asked_no_more() {
        use GatewayError::{Refused, Throttled, Unknown};
        let (unknown, refused) = (Some(Unknown), Some(Refused { code: "X".to_owned() }));
        let throttled = Some(Throttled { retry_after: None });
        for (name, answers, is_out) in [
            ("answers", vec![None; 10], false),
            ("a throttle", vec![None, throttled], true),
            (
                "silence now and then",
                vec![unknown.clone(), unknown.clone(), None, unknown.clone()],
                false,
            ),
            (
                "a refusal is an answer",
                vec![unknown.clone(), unknown.clone(), refused, unknown.clone()],
                false,
            ),
            ("silence", vec![unknown; 3], true),
            ("a thousand answers", vec![None; 1000], true),
        ] {
            let mut patience = Patience::default();
            for answer in answers {
                let error = answer.map(PaymentError::Provider);
                patience.count(error.as_ref());
            }
            assert_eq!(patience.is_out(), is_out, "{name}");
        }
    }
}
