//! All payments, indexed by each of their numbers. Bounded.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::payment::Payment;
use super::refund::Refund;

const MOST_PAYMENTS: usize = 100_000;

#[derive(Debug)]
pub(super) struct Payments {
    most: usize,
    /// By order of arrival.
    all: BTreeMap<u64, Payment>,
    next: u64,
    /// A number belongs to one order of a merchant, and may be another's too.
    by_out_trade_no: HashMap<String, Vec<u64>>,
    by_prepay: HashMap<String, u64>,
    by_transaction: HashMap<String, u64>,
    /// Numbers of refunds, each with its merchant and payment.
    by_refund: HashMap<String, Vec<(String, u64)>>,
}

/// Where a refund is: the place of its payment, and its number.
pub(super) type RefundPlace = (u64, String);

/// The book is full of unfinished payments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Default for Payments {
    fn default() -> Self {
        Self::with_room_for(MOST_PAYMENTS)
    }
}

impl Payments {
    fn with_room_for(most: usize) -> Self {
        Self {
            most,
            all: BTreeMap::new(),
            next: 0,
            by_out_trade_no: HashMap::new(),
            by_prepay: HashMap::new(),
            by_transaction: HashMap::new(),
            by_refund: HashMap::new(),
        }
    }

    /// The newest payment with this number, of any merchant.
    pub(super) fn get(&self, out_trade_no: &str) -> Option<&Payment> {
        self.all.get(self.by_out_trade_no.get(out_trade_no)?.last()?)
    }

    pub(super) fn get_mut(&mut self, out_trade_no: &str) -> Option<&mut Payment> {
        self.all.get_mut(self.by_out_trade_no.get(out_trade_no)?.last()?)
    }

    /// The merchant's payment with this number.
    pub(super) fn get_of(&self, mchid: &str, out_trade_no: &str) -> Option<&Payment> {
        self.all.get(&self.place(mchid, out_trade_no)?)
    }

    pub(super) fn get_mut_of(&mut self, mchid: &str, out_trade_no: &str) -> Option<&mut Payment> {
        self.all.get_mut(&self.place(mchid, out_trade_no)?)
    }

    pub(super) fn by_prepay(&self, prepay_id: &str) -> Option<&Payment> {
        self.all.get(self.by_prepay.get(prepay_id)?)
    }

    pub(super) fn by_transaction(&self, transaction_id: &str) -> Option<&Payment> {
        self.all.get(self.by_transaction.get(transaction_id)?)
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Payment> {
        self.all.values().rev()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds a payment; the oldest finished one makes room if needed.
    pub(super) fn insert(&mut self, payment: Payment, now: DateTime<Utc>) -> Result<(), Full> {
        if self.all.len() >= self.most {
            self.drop_oldest_finished(now)?;
        }
        self.by_out_trade_no.entry(payment.out_trade_no.clone()).or_default().push(self.next);
        self.all.insert(self.next, payment);
        self.next += 1;
        Ok(())
    }

    pub(super) fn add_prepay(
        &mut self,
        (mchid, out_trade_no): (&str, &str),
        prepay_id: &str,
        now: DateTime<Utc>,
    ) {
        let Some(place) = self.place(mchid, out_trade_no) else { return };
        let Some(payment) = self.all.get_mut(&place) else { return };
        for old in payment.add_prepay(prepay_id.to_owned(), now) {
            self.by_prepay.remove(&old.id);
        }
        self.by_prepay.insert(prepay_id.to_owned(), place);
    }

    /// Indexes the payment by the number it got when it was paid.
    pub(super) fn index_transaction(&mut self, mchid: &str, out_trade_no: &str) {
        let Some(place) = self.place(mchid, out_trade_no) else { return };
        if let Some(paid) = self.all.get(&place).and_then(Payment::paid) {
            self.by_transaction.insert(paid.transaction_id.clone(), place);
        }
    }

    /// Indexes a refund of the merchant's payment.
    pub(super) fn index_refund(&mut self, mchid: &str, out_trade_no: &str, out_refund_no: &str) {
        let Some(place) = self.place(mchid, out_trade_no) else { return };
        let places = self.by_refund.entry(out_refund_no.to_owned()).or_default();
        places.push((mchid.to_owned(), place));
    }

    /// The merchant's refund with this number, with its payment.
    pub(super) fn with_refund_of(
        &self,
        mchid: &str,
        out_refund_no: &str,
    ) -> Option<(&Payment, &Refund)> {
        let places = self.by_refund.get(out_refund_no)?;
        let (_, place) = places.iter().find(|(of, _)| of == mchid)?;
        let payment = self.all.get(place)?;
        let mut refunds = payment.refunds.iter();
        Some((payment, refunds.find(|refund| refund.out_refund_no == out_refund_no)?))
    }

    /// The newest refund with this number, of any merchant: the merchant, and its place.
    pub(super) fn place_of_refund(&self, out_refund_no: &str) -> Option<(String, RefundPlace)> {
        let (mchid, place) = self.by_refund.get(out_refund_no)?.last()?;
        Some((mchid.clone(), (*place, out_refund_no.to_owned())))
    }

    /// The payment of a refund, and the refund's index in it.
    pub(super) fn at_refund(&mut self, place: RefundPlace) -> Option<(&mut Payment, usize)> {
        let (place, number) = place;
        let payment = self.all.get_mut(&place)?;
        let index = payment.refunds.iter().position(|refund| refund.out_refund_no == number)?;
        Some((payment, index))
    }

    fn place(&self, mchid: &str, out_trade_no: &str) -> Option<u64> {
        let mut places = self.by_out_trade_no.get(out_trade_no)?.iter().copied();
        places.find(|place| self.all.get(place).is_some_and(|payment| payment.mchid == mchid))
    }

    fn drop_oldest_finished(&mut self, now: DateTime<Utc>) -> Result<(), Full> {
        let finished = self.all.iter().find(|(_, payment)| payment.finished(now));
        let place = *finished.ok_or(Full)?.0;
        if self.remove_at(place) { Ok(()) } else { Err(Full) }
    }

    /// Removes the newest payment with this number; false if there is none.
    pub(super) fn remove(&mut self, out_trade_no: &str) -> bool {
        let place = self.by_out_trade_no.get(out_trade_no).and_then(|places| places.last());
        place.copied().is_some_and(|place| self.remove_at(place))
    }

    fn remove_at(&mut self, place: u64) -> bool {
        let Some(payment) = self.all.remove(&place) else { return false };
        if let Some(places) = self.by_out_trade_no.get_mut(&payment.out_trade_no) {
            places.retain(|known| *known != place);
            if places.is_empty() {
                self.by_out_trade_no.remove(&payment.out_trade_no);
            }
        }
        for prepay in &payment.prepays {
            self.by_prepay.remove(&prepay.id);
        }
        if let Some(paid) = payment.paid() {
            self.by_transaction.remove(&paid.transaction_id);
        }
        for refund in &payment.refunds {
            self.by_refund.remove(&refund.out_refund_no);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use serde_json::Value;

    use super::*;
    use crate::callbacks::{Callback, CallbackState};
    use crate::stand_ins::wechat_pay::payment::{Paid, State};

    fn payment(out_trade_no: &str, now: DateTime<Utc>) -> Payment {
        Payment {
            out_trade_no: out_trade_no.to_owned(),
            appid: String::new(),
            mchid: String::new(),
            description: String::new(),
            total_fen: 1,
            attach: None,
            notify_url: String::new(),
            openid: String::new(),
            created_at: now,
            pay_by: now + TimeDelta::days(7),
            request: Value::Null,
            prepays: Vec::new(),
            state: State::NotPaid,
            failures: 0,
            callback: Arc::<Callback>::default(),
            refunds: Vec::new(),
        }
    }

    #[test]
    fn the_oldest_finished_payment_makes_room() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut payments = Payments::with_room_for(2);
        payments.insert(payment("first", now), now).unwrap();
        payments.insert(payment("second", now), now).unwrap();
        assert_eq!(payments.insert(payment("third", now), now), Err(Full));

        payments.add_prepay(("", "second"), "prepay", now);
        let second = payments.get_mut("second").unwrap();
        second.state = State::Paid(Paid { transaction_id: "42".to_owned(), at: now });
        second.callback.progress().state = CallbackState::Underway;
        payments.index_transaction("", "second");
        assert_eq!(payments.insert(payment("third", now), now), Err(Full));
        assert!(payments.by_prepay("prepay").is_some() && payments.by_transaction("42").is_some());

        payments.get("second").unwrap().callback.progress().state = CallbackState::Accepted;
        payments.insert(payment("third", now), now).unwrap();
        assert!(payments.get("second").is_none() && payments.get("first").is_some());
        assert!(payments.by_prepay.is_empty() && payments.by_transaction.is_empty());
        let late = now + TimeDelta::days(8);
        payments.insert(payment("fourth", late), late).unwrap();
        assert!(payments.get("first").is_none(), "nobody can pay it any more");
    }

    #[test]
    fn sixteen_prepay_ids_of_a_payment_stay_good() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut payments = Payments::default();
        payments.insert(payment("order", now), now).unwrap();
        for number in 0..17 {
            payments.add_prepay(("", "order"), &number.to_string(), now);
        }
        assert!(payments.by_prepay("0").is_none() && payments.by_prepay("1").is_some());
        assert_eq!(payments.by_prepay.len(), 16);
    }
}
