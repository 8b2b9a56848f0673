//! The providers' messages and answers behind postings, whose signatures are checked again.

use super::transaction_of;
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    ledger::transfer::Record,
    orders::{
        self,
        audit::{Kept, TransactionKey},
        fact::{PaidFact, Provider},
    },
    payments::{
        gateway::{
            KeptHeaders, NotificationRefused, Notified, PaymentGateway, ProviderState,
            RawNotification,
        },
        gateways::Gateways,
        postings::Receipt,
    },
};
use std::collections::HashMap;

/// What providers said about the transactions of some postings.
pub(super) struct Witnesses<'a> {
    gateways: &'a Gateways,
    /// Postings before this time have none.
    since: Timestamp,
    kept: HashMap<String, Vec<Kept>>,
}

impl<'a> Witnesses<'a> {
    pub(super) async fn gather(
        tx: &Tx,
        gateways: &'a Gateways,
        transfers: &[&Record],
    ) -> Result<Self, DbError> {
        let since = orders::audit::kept_since(tx).await?;
        let recent = transfers.iter().filter(|record| record.at >= since);
        let keys = recent.filter_map(|record| transaction_of(&record.reference));
        let mut kept: HashMap<String, Vec<Kept>> = HashMap::new();
        for one in orders::audit::kept(tx, keys.collect()).await? {
            kept.entry(one.transaction_id.clone()).or_default().push(one);
        }
        Ok(Self { gateways, since, kept })
    }

    /// Confirms that the provider said what was posted, under our number of the payment where it is
    /// known.
    pub(super) fn confirm(&self, record: &Record, number: Option<&str>) -> Result<(), String> {
        if record.at < self.since {
            return Ok(());
        }
        let key = transaction_of(&record.reference).ok_or("its reference names no transaction")?;
        let (provider, merchant, transaction) = &key;
        let provider = Provider::from_code(provider).ok_or("its provider does not exist")?;
        let gateways: Vec<_> = self.gateways.of_merchant(provider, merchant).collect();
        if gateways.is_empty() {
            return Err(format!("merchant {merchant} is not configured: nothing can be checked"));
        }
        let kept = self.kept.get(transaction).map(Vec::as_slice).unwrap_or_default();
        let mut why = "no message or answer of the provider is kept that says so".to_owned();
        for (one, gateway) in kept.iter().flat_map(|one| gateways.iter().map(move |g| (one, g))) {
            match reread(&***gateway, one) {
                Ok(fact) => match fits(record, &key, &fact, number) {
                    Ok(()) => return Ok(()),
                    Err(differs) => why = differs,
                },
                Err(refused) => why = format!("a kept message of the provider: {refused}"),
            }
        }
        Err(why)
    }
}

/// Compares what the provider said with what was posted.
fn fits(
    record: &Record,
    (_, merchant, _): &TransactionKey,
    fact: &PaidFact,
    number: Option<&str>,
) -> Result<(), String> {
    if fact.merchant != *merchant || number.is_some_and(|number| number != fact.out_trade_no) {
        return Err("the provider says that it was another payment".to_owned());
    }
    // Whom it credits is not the provider's to say.
    let said = Receipt::from(fact);
    let same = [
        ("reference", said.reference() == record.reference),
        ("value day", said.paid_at.day() == record.value_day),
        ("amounts", matches!(record.legs.as_slice(), [leg] if leg.amount == said.amount)),
    ];
    let differing: Vec<_> =
        same.iter().filter(|(_, same)| !same).map(|(field, _)| *field).collect();
    match differing.as_slice() {
        [] => Ok(()),
        fields => Err(format!("differs from what the provider said in {}", fields.join(", "))),
    }
}

/// Checks a message or an answer as of the time when it was first checked.
fn reread(gateway: &dyn PaymentGateway, kept: &Kept) -> Result<PaidFact, NotificationRefused> {
    let headers = KeptHeaders::parse(kept.headers.as_deref().unwrap_or_default());
    let raw = RawNotification { headers: &headers, body: &kept.body };
    let no_payment = NotificationRefused::Content;
    match &kept.asked {
        None => match gateway.verify(&raw, kept.received_at)?.into_parts().1 {
            Notified::Paid(fact) => Ok(fact),
            Notified::Refund(_)
            | Notified::Refunded(_)
            | Notified::Closed(_)
            | Notified::Nothing => Err(no_payment),
        },
        Some(number) => match gateway.reread(&raw, number, kept.received_at)? {
            ProviderState::Paid(fact, _) | ProviderState::Refunded(fact, ..) => Ok(fact),
            ProviderState::NotPaid | ProviderState::Closed | ProviderState::Unknown => {
                Err(no_payment)
            }
        },
    }
}
