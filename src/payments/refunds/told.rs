//! What the provider says was given back of a payment in all, beside the refunds that are known here.

use super::open;
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
        money::Fen,
    },
    cases::{self, Case, CaseFacts},
    orders::{
        self,
        due::Inquiry,
        fact::{PaidFact, Provider},
        order::{Attempt, PaymentId},
        refund::{Refund, RefundProgress, not_given_back},
        refunds,
    },
    payments::plan::{CASE, REFUNDED},
};

/// What the provider says was given back of a transaction in all.
#[derive(Clone, Debug)]
pub(in crate::payments) struct ToldTotal {
    provider: Provider,
    merchant: String,
    out_trade_no: String,
    transaction_id: String,
    total: Option<Fen>,
}

impl ToldTotal {
    /// Of this payment so much, if that is told.
    pub(in crate::payments) fn of(paid: &PaidFact, total: Option<Fen>) -> Self {
        Self {
            provider: paid.provider,
            merchant: paid.merchant.clone(),
            out_trade_no: paid.out_trade_no.clone(),
            transaction_id: paid.transaction_id.clone(),
            total,
        }
    }

    fn subject(&self) -> String {
        let Self { provider, merchant, transaction_id, .. } = self;
        format!("{REFUNDED}:{}:{merchant}:{transaction_id}", provider.code())
    }
}

/// Compares it with the refunds that are known, and opens a case for what they do not explain, or closes
/// it. False if some is not explained yet. What a refund that is under way may explain opens no case:
/// the provider is asked about that refund.
pub(in crate::payments) async fn compare(
    tx: &Tx,
    told: &ToldTotal,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (Some(id), Some(_)) = (PaymentId::from_out_trade_no(&told.out_trade_no), told.total) else {
        return Ok(true);
    };
    let Some(attempt) = orders::lock(tx, std::iter::once(id)).await?.remove(&id) else {
        return Ok(true);
    };
    let payment = &attempt.payment;
    if payment.provider != told.provider || payment.merchant != told.merchant {
        return Ok(true);
    }
    let (amount, transaction) = (payment.amount, told.transaction_id.as_str());
    let known = refunds::of_payment(tx, id).await?;
    let total = refunds::given_back(tx, id, told.total).await?;
    if Refund::explain(amount, transaction, &known, total) {
        cases::close(tx, attempt.order.school, CASE, vec![told.subject()], now).await?;
        return Ok(true);
    }
    let rest = rest_of(amount, transaction, &known, total);
    if !rest.is_zero() {
        cases::reopen(tx, unexplained(&attempt, told, rest, now)).await?;
    }
    Ok(false)
}

/// What neither a refund that is done nor one that is under way explains.
fn rest_of(amount: Fen, transaction: &str, known: &[Refund], total: Option<Fen>) -> Fen {
    let left = not_given_back(amount, transaction, known);
    let sent = known.iter().filter(|refund| {
        refund.progress == RefundProgress::Sent && refund.transaction_id == transaction
    });
    let left = sent.fold(left, |left, sent| left.minus(sent.amount).unwrap_or_default());
    let explained = amount.minus(left).unwrap_or_default();
    total.unwrap_or_default().minus(explained).unwrap_or_default()
}

fn unexplained(attempt: &Attempt, told: &ToldTotal, rest: Fen, now: Timestamp) -> Case {
    tracing::warn!(payment = %attempt.payment.id, %rest, "money went back that no refund explains");
    Case {
        school: attempt.order.school,
        kind: CASE,
        subject: told.subject(),
        detail: format!("{rest} of {} that no refund explains", told.out_trade_no),
        facts: CaseFacts { payment: Some(attempt.payment.id.uuid()), refund: None, amount: rest },
        opened_at: now,
    }
}

/// Opens the case of a refund whose payment the provider does not say was made.
pub(in crate::payments) async fn open_unpaid(
    tx: &Tx,
    (school, inquiry): (SchoolId, &Inquiry),
    now: Timestamp,
) -> Result<(), DbError> {
    let (provider, number) = (inquiry.provider.code(), &inquiry.out_trade_no);
    let case = Case {
        school,
        kind: CASE,
        subject: format!("{REFUNDED}:{provider}:{number}"),
        detail: format!("a refund of {number}, which the provider does not say was paid"),
        facts: CaseFacts::default(),
        opened_at: now,
    };
    open(tx, case).await
}
