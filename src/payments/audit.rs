//! What explains the postings of received money. Law: every paid payment has exactly one posting,
//! which credits what its order bought, or suspense with a case; every other posting credits
//! suspense, and has a case. Behind each stands a message or an answer of the provider whose
//! signature still verifies.

pub mod refunds;
mod witness;

use self::witness::Witnesses;
use super::{
    fulfilment::{self, Fulfilment},
    gateways::Gateways,
    plan::{CASE, OF_PAID_PAYMENTS, OF_STRAY_MONEY},
    postings::{self, RECEIVED, Receipt},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    cases,
    ledger::{
        transfer::{Kind, Record, Transfer},
        verify::{Explains, Explanation, RowCounts, not_posted},
    },
    orders::{
        self,
        audit::TransactionKey,
        fact::Provider,
        order::{Attempt, OrderId},
    },
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// The most rows that are named.
const NAMED: usize = 1000;
/// How long an order may change after it was created: late payments, and staff who settle cases.
const ORDERS_CHANGE_FOR: Duration = Duration::from_hours(31 * 24);
/// How many references' cases are looked up at a time.
const CASES_AT_ONCE: usize = 100;

/// Payments, as `verify` asks about them.
#[derive(Clone, Debug)]
pub struct PaymentsExplain {
    /// Check the signatures of the providers again.
    pub gateways: Arc<Gateways>,
}

#[async_trait]
impl Explains for PaymentsExplain {
    fn title(&self) -> &'static str {
        "payments and postings"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[RECEIVED]
    }

    async fn explain(&self, tx: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError> {
        let gathered = Gathered::gather(tx, transfers).await?;
        let witnesses = Witnesses::gather(tx, &self.gateways, transfers).await?;
        let explain = |record: &&Record| match gathered.explain(record) {
            explained @ (Explanation::Row | Explanation::Case) => {
                let number = gathered.paid_for(record).map(|paid| paid.payment.id.out_trade_no());
                match witnesses.confirm(record, number.as_deref()) {
                    Ok(()) => explained,
                    Err(why) => Explanation::Nothing(why),
                }
            }
            nothing @ Explanation::Nothing(_) => nothing,
        };
        Ok(transfers.iter().map(explain).collect())
    }

    async fn rows(&self, tx: &Tx) -> Result<RowCounts, DbError> {
        let counted = orders::audit::count_paid(tx).await?;
        Ok(counted.into_iter().map(|(school, paid)| ((school, RECEIVED), paid)).collect())
    }

    async fn unposted(&self, tx: &Tx) -> Result<Vec<String>, DbError> {
        let (mut found, mut after) = (Vec::new(), None);
        while found.len() < NAMED {
            let page = orders::audit::paid_after(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.payment.id);
            let of = page.iter().filter_map(|paid| Some((paid.order.school, reference(paid)?)));
            let missing = not_posted(tx, RECEIVED, of).await?;
            found.extend(missing.iter().map(|r| format!("payment {r}: paid, and not posted")));
        }
        found.truncate(NAMED);
        Ok(found)
    }

    async fn contradictions(
        &self,
        tx: &Tx,
        since: Option<Timestamp>,
    ) -> Result<Vec<String>, DbError> {
        let since = since.map(|since| since.minus(ORDERS_CHANGE_FOR));
        let unpaid = orders::audit::unpaid(tx, since).await?;
        let what = |id: &OrderId| format!("order {id}: its state and its payments do not fit");
        Ok(unpaid.iter().map(what).collect())
    }
}

/// What may explain some postings.
struct Gathered {
    /// Paid payments, by school and reference.
    paid: HashMap<(SchoolId, String), Attempt>,
    /// The references of all paid payments of an order.
    of_orders: HashMap<OrderId, Vec<String>>,
    /// Subjects of cases.
    cases: HashSet<(SchoolId, String)>,
}

impl Gathered {
    async fn gather(tx: &Tx, transfers: &[&Record]) -> Result<Self, DbError> {
        let keys = transfers.iter().filter_map(|record| transaction_of(&record.reference));
        let attempts = orders::audit::paid_with(tx, keys.collect()).await?;
        let mut of_orders: HashMap<OrderId, Vec<String>> = HashMap::new();
        let mut paid = HashMap::with_capacity(attempts.len());
        for attempt in attempts {
            let Some(reference) = reference(&attempt) else { continue };
            of_orders.entry(attempt.order.id).or_default().push(reference.clone());
            paid.insert((attempt.order.school, reference), attempt);
        }
        let mut gathered = Self { paid, of_orders, cases: HashSet::new() };
        gathered.cases = gathered.cases_of(tx, transfers).await?;
        Ok(gathered)
    }

    /// The cases behind all postings but those whose payment is the only one of its order and is
    /// credited.
    async fn cases_of(
        &self,
        tx: &Tx,
        transfers: &[&Record],
    ) -> Result<HashSet<(SchoolId, String)>, DbError> {
        let mut wanted: BTreeMap<SchoolId, Vec<&str>> = BTreeMap::new();
        for record in transfers {
            let references = wanted.entry(record.school).or_default();
            match self.paid_for(record) {
                Some(paid) => match self.of_orders.get(&paid.order.id).map(Vec::as_slice) {
                    Some([_]) if record.person.is_some() => {}
                    Some(all) => references.extend(all.iter().map(String::as_str)),
                    None => {}
                },
                None => references.push(&record.reference),
            }
        }
        let mut found = HashSet::new();
        for (school, references) in wanted {
            for some in references.chunks(CASES_AT_ONCE) {
                let whys = || OF_PAID_PAYMENTS.iter().chain(&OF_STRAY_MONEY);
                let subjects =
                    some.iter().flat_map(|r| whys().map(move |why| format!("{why}:{r}")));
                let subjects = subjects.collect();
                let open = cases::among(tx, &[school], CASE, subjects).await?;
                found.extend(open.into_iter().map(|subject| (school, subject)));
            }
        }
        Ok(found)
    }

    /// The payment that the posting is for, if it is paid.
    fn paid_for(&self, record: &Record) -> Option<&Attempt> {
        self.paid.get(&(record.school, record.reference.clone()))
    }

    fn has_case(&self, school: SchoolId, whys: &[&str], reference: &str) -> bool {
        whys.iter().any(|why| self.cases.contains(&(school, format!("{why}:{reference}"))))
    }

    fn explain(&self, record: &Record) -> Explanation {
        let explained = match self.paid_for(record) {
            Some(paid) => self.compare(record, paid).map(|()| Explanation::Row),
            None => self.stray(record).map(|()| Explanation::Case),
        };
        explained.unwrap_or_else(Explanation::Nothing)
    }

    /// Compares the posting of a paid payment with what it should post.
    fn compare(&self, record: &Record, paid: &Attempt) -> Result<(), String> {
        let receipt = Receipt::of(&paid.payment).ok_or("its payment is not paid")?;
        let (school, order) = (record.school, &paid.order);
        let surplus = self.has_case(school, &OF_PAID_PAYMENTS, &record.reference);
        let expected = match fulfilment::of(order.purpose) {
            Fulfilment::Credit { account, .. } if !surplus => {
                if order.amount != paid.payment.amount {
                    return Err("its order and its payment differ in amounts".to_owned());
                }
                let mut others = self.of_orders.get(&order.id).into_iter().flatten();
                let paid_again = |other: &String| {
                    *other != record.reference && !self.has_case(school, &OF_PAID_PAYMENTS, other)
                };
                if others.any(paid_again) {
                    return Err("its order was paid by another payment too".to_owned());
                }
                postings::received(order, receipt, account)
            }
            Fulfilment::Credit { .. } | Fulfilment::Unavailable if surplus => {
                postings::surplus_received(school, receipt)
            }
            Fulfilment::Credit { .. } | Fulfilment::Unavailable => {
                return Err("its order credits nobody, and no case says why".to_owned());
            }
        };
        same(record, &expected.map_err(|error| error.to_string())?, "its payment")
    }

    /// Money that no paid payment explains: in suspense alone, and only with a case.
    fn stray(&self, record: &Record) -> Result<(), String> {
        if !self.has_case(record.school, &OF_STRAY_MONEY, &record.reference) {
            return Err("posted, and neither paid nor a case".to_owned());
        }
        let (provider, merchant, transaction) =
            transaction_of(&record.reference).ok_or("its reference names no transaction")?;
        let receipt = Receipt {
            provider: Provider::from_code(&provider).ok_or("its provider does not exist")?,
            merchant: &merchant,
            transaction_id: &transaction,
            amount: record.legs.first().map(|leg| leg.amount).unwrap_or_default(),
            paid_at: record.value_day.start(),
        };
        let expected = postings::surplus_received(record.school, receipt);
        same(record, &expected.map_err(|error| error.to_string())?, "money in suspense")
    }
}

fn same(record: &Record, expected: &Transfer, what: &str) -> Result<(), String> {
    let differences = record.differences(expected);
    match differences.map_err(|error| format!("{what} cannot be posted: {error}"))?.as_slice() {
        [] => Ok(()),
        fields => Err(format!("differs from {what} in {}", fields.join(", "))),
    }
}

fn reference(attempt: &Attempt) -> Option<String> {
    Receipt::of(&attempt.payment).map(|receipt| receipt.reference())
}

/// The parts of a reference.
fn transaction_of(reference: &str) -> Option<TransactionKey> {
    let (provider, rest) = reference.split_once(':')?;
    let (merchant, transaction) = rest.split_once(':')?;
    Some((provider.to_owned(), merchant.to_owned(), transaction.to_owned()))
}
