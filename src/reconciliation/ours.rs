//! What a comparison does after the rows of the bill: it looks for payments and refunds of ours that are in
//! no bill, and for rows of earlier bills that this one has not.

use super::{
    ReconcileError,
    compare::{OurPayment, OurRefund, is_at_midnight, ours_only, refund_ours_only, withdrawn},
    day::{FoundDifference, FoundState},
    questions::{Question, confirmation},
    run::{BATCH, BatchError, Run, open},
    store,
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Tx},
        write_point,
    },
    orders::order::PaymentState,
};
use uuid::Uuid;

/// The place of the last refund of a page.
type Place = (i64, Uuid);

/// What came of a page of our payments.
struct PageOfOurs {
    last: Option<OurPayment>,
    questions: Vec<Question>,
    /// The numbers of those that no bill has.
    unbilled: Vec<String>,
}

impl Run<'_> {
    /// Looks for payments of ours that are in no bill in which they could be.
    pub(super) async fn ours(&mut self) -> Result<(), ReconcileError> {
        let mut after = None;
        loop {
            let now = self.room.clock.now();
            let (this, before) = (&*self, after.as_ref());
            let looking = this.room.db.in_tx(async |tx| this.page_of_ours(tx, before, now).await);
            let page = write_point::within("bill: ours", looking).await?;
            let PageOfOurs { last, questions, unbilled } = page;
            self.questions.extend(questions);
            self.unbilled.extend(unbilled);
            if last.is_none() {
                return Ok(());
            }
            after = last;
        }
    }

    async fn page_of_ours(
        &self,
        tx: &Tx,
        after: Option<&OurPayment>,
        now: Timestamp,
    ) -> Result<PageOfOurs, BatchError> {
        store::hold(tx, &self.key, self.comparison).await?;
        let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let page = store::paid_on(tx, &self.key, after, most).await?;
        let last = page.last().cloned();
        let unseen: Vec<_> =
            page.into_iter().filter(|payment| !self.seen.contains(&payment.id.uuid())).collect();
        let ids = unseen.iter().map(|payment| payment.id.uuid()).collect();
        let elsewhere = store::days_of(tx, ids).await?;
        let open_days = self.open_neighbours(tx).await?;
        let (mut found, mut questions) = (Vec::new(), Vec::new());
        for payment in &unseen {
            let Some(difference) = ours_only(payment) else { continue };
            // In the bill of another day: there it is equal, or differs in its day.
            if elsewhere.get(&payment.id.uuid()).is_some_and(|day| *day != self.key.day) {
                continue;
            }
            let PaymentState::Paid { paid_at, .. } = payment.state else { continue };
            let state = found_at(paid_at, &open_days);
            if state == FoundState::Open {
                questions.push(confirmation(&difference));
            }
            found.push(FoundDifference { difference, state });
        }
        self.write(tx, &found, &[], now).await?;
        let unbilled = found.into_iter().map(|found| found.difference.number).collect();
        Ok(PageOfOurs { last, questions, unbilled })
    }

    /// Looks for refunds of ours that were done and are in no bill.
    pub(super) async fn our_refunds(&self) -> Result<(), ReconcileError> {
        let mut after = None;
        loop {
            let now = self.room.clock.now();
            let looking = self.room.db.in_tx(async |tx| self.page_of_refunds(tx, after, now).await);
            match write_point::within("bill: our refunds", looking).await? {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn page_of_refunds(
        &self,
        tx: &Tx,
        after: Option<Place>,
        now: Timestamp,
    ) -> Result<Option<Place>, BatchError> {
        store::hold(tx, &self.key, self.comparison).await?;
        let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let (page, last) = store::back_on(tx, &self.key, after, most).await?;
        let payments = page.iter().map(|refund| refund.payment.uuid()).collect();
        let billed = store::billed_refunds(tx, payments).await?;
        // A bill may have a refund on the day that it was asked for: in whichever it is, it is there.
        let unseen = page.into_iter().filter(|refund| {
            !billed.contains(&(refund.payment.uuid(), refund.out_refund_no.clone()))
        });
        let open_days = self.open_neighbours(tx).await?;
        let differs = |refund: OurRefund| {
            let state = found_at(refund.done_at?, &open_days);
            Some(FoundDifference { difference: refund_ours_only(&refund), state })
        };
        let found: Vec<_> = unseen.filter_map(differs).collect();
        self.write(tx, &found, &[], now).await?;
        Ok(last)
    }

    /// Looks for rows of earlier bills of the day that the provider has taken back. They are kept, with their
    /// fees, until two persons accept it. Usually there are none, and one query counts them.
    pub(super) async fn withdrawn(&self) -> Result<(), ReconcileError> {
        let mut after = None;
        loop {
            let now = self.room.clock.now();
            let looking = self.room.db.in_tx(async |tx| self.page_of_kept(tx, after, now).await);
            match write_point::within("bill: withdrawn", looking).await? {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn page_of_kept(
        &self,
        tx: &Tx,
        after: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Option<Uuid>, BatchError> {
        store::hold(tx, &self.key, self.comparison).await?;
        if store::count_kept(tx, &self.key).await? == self.billed.len() {
            return Ok(None);
        }
        let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let page = store::kept_on(tx, &self.key, after, most).await?;
        let last = page.last().map(|row| row.id);
        // One that is a payment of ours is told as such.
        let is_told = |number| self.billed.contains(number) || self.unbilled.contains(number);
        let missing = page.iter().filter(|row| !is_told(&row.number));
        let found: Vec<_> = missing.map(|row| open(withdrawn(row))).collect();
        self.write(tx, &found, &[], now).await?;
        Ok(last)
    }

    /// The neighbouring days whose bills were not compared yet.
    async fn open_neighbours(&self, tx: &Tx) -> Result<Vec<Day>, DbError> {
        let days = self.neighbours();
        let compared = store::compared_among(tx, &self.key, days).await?;
        Ok(days.into_iter().filter(|day| !compared.contains(day)).collect())
    }
}

/// What happened at midnight may still be in the bill of one of these days.
fn found_at(at: Timestamp, open_days: &[Day]) -> FoundState {
    if open_days.iter().any(|day| is_at_midnight(at, *day)) {
        FoundState::Waiting
    } else {
        FoundState::Open
    }
}
